"""How tasks are drawn: all alike, entered anywhere, and nothing leaks from one to the next."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.characters.images import Character, Split, together
from docs.characters.tasks import (
    TURNS,
    Source,
    batches,
    distinct,
    labelled,
    places,
    sources,
    unseen,
)
from docs.experiment.command import Refusal
from docs.experiment.networks import load_network
from docs.experiment.randomness import stream
from generated import cross_entropy

FLOAT64 = np.dtype(np.float64)


def made_up(classes: int, images: int, start: int = 0) -> list[Character]:
    """Characters whose every image has a number of its own in its first pixels."""
    found = []
    for number in range(start, start + classes):
        pixels = np.zeros((images, 14, 14), np.uint8)
        pixels[:, 0, 0], pixels[:, 0, 1] = number + 1, np.arange(images) + 1
        found.append(Character("a", f"{number}", pixels))
    return found


def both(way: int = 3, images: int = 6) -> tuple[Source, Source]:
    return sources(Split(together(made_up(7, images)), together(made_up(5, images, 7))), way)


@given(
    st.integers(1, 5).flatmap(
        lambda k: st.tuples(st.just(k), st.lists(st.integers(k, 9), min_size=1, max_size=4))
    ),
    st.integers(0, 2**32 - 1),
)
def test_drawn_numbers_are_distinct(sizes: tuple[int, list[int]], seed: int) -> None:
    k, counts = sizes
    drawn = distinct(np.random.default_rng(seed).random((len(counts), k)), np.array(counts))
    for row, count in zip(drawn, counts, strict=True):
        assert len(set(row)) == k
        assert 0 <= row.min() <= row.max() < count


def test_every_order_is_as_likely() -> None:
    drawn = distinct(stream(0, 0).random((60_000, 3)), np.full(60_000, 5))
    _, counts = np.unique(drawn @ [25, 5, 1], return_counts=True)
    assert len(counts) == 60  # 5 * 4 * 3
    # Each is Poisson of 1,000 on average: five standard deviations.
    assert np.abs(counts - 1000).max() < 160


def test_a_task_has_what_it_should() -> None:
    training, _ = both()
    T, shots, queries = 50, 2, 3
    X_s, Y_s, X_q, Y_q = next(batches(training, stream(0, 1), T, shots, queries, FLOAT64))
    assert X_s.shape == (T, 6, 196)
    assert X_q.shape == (T, 9, 196)
    np.testing.assert_array_equal(Y_s.sum(axis=1), shots)
    np.testing.assert_array_equal(Y_q.sum(axis=1), queries)
    rows = np.rint(255 * (np.concatenate([X_s, X_q], axis=1) + training.mean)).astype(int)
    labels = np.concatenate([Y_s, Y_q], axis=1).argmax(axis=2)
    known = {tuple(row): place for place, row in enumerate(training.rows)}
    for task, numbers in zip(rows, labels, strict=True):
        found = np.array([known[tuple(row)] for row in task])
        assert len(set(found)) == len(found)  # no image twice: none of the queries was shown
        classes = {n: {int(c) for c in found[numbers == n] // 6} for n in range(3)}
        assert all(len(each) == 1 for each in classes.values())  # one class for a number
        assert len(set.union(*classes.values())) == 3


def test_turned_characters_are_other_classes() -> None:
    training, test = both()
    assert (training.classes, test.classes) == (TURNS * 7, 5)
    upright, quarter = training.rows[:42], training.rows[42:84]
    np.testing.assert_array_equal(
        quarter.reshape(-1, 14, 14), np.rot90(upright.reshape(-1, 14, 14), axes=(1, 2))
    )


def test_inputs_have_the_mean_of_the_training_taken_off() -> None:
    training, test = both()
    every = training.inputs(np.arange(len(training.rows)), FLOAT64)
    np.testing.assert_allclose(every.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_array_equal(test.mean, training.mean)


@pytest.mark.parametrize("draw", [batches, labelled])
@pytest.mark.parametrize("start", [1, 17])
def test_a_stream_is_entered_anywhere(draw: Any, start: int) -> None:
    training, _ = both()
    sizes = (4, 2, 3, FLOAT64)
    skipped = next(islice(draw(training, stream(0, 1), *sizes), start, None))
    entered = next(draw(training, stream(0, 1), *sizes, start=start))
    for ours, theirs in zip(entered, skipped, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_class_has_every_number_as_often() -> None:
    # What a class is called in a task says nothing of it: no network can learn it by heart.
    training, _ = both()
    chosen, _ = places(training, stream(0, 1), 28_000, 1)
    for position in range(training.way):
        counts = np.bincount(chosen[:, position], minlength=training.classes)
        assert np.abs(counts - 1000).max() < 160


def test_labelled_targets_are_those_of_the_same_images() -> None:
    training, _ = both()
    plain = next(batches(training, stream(0, 1), 1, 2, 3, FLOAT64))
    named = next(labelled(training, stream(0, 1), 4, 2, 3, FLOAT64))
    np.testing.assert_array_equal(plain.X_s, named.X_s)
    rows = np.rint(255 * (named.X_q + training.mean)).astype(int)
    known = {tuple(row): place // 6 for place, row in enumerate(training.rows)}
    for task, numbers in zip(rows, named.Y_q, strict=True):
        assert [known[tuple(row)] for row in task] == list(numbers)


def test_other_names_for_the_classes_give_the_same_gradient() -> None:
    training, _ = both(way=5)
    batch = next(batches(training, stream(0, 1), 4, 2, 3, FLOAT64))
    rng = np.random.default_rng(0)
    net: Any = cross_entropy
    shapes = ((196, 11), (1, 11), (11, 7), (1, 7), (7, 5), (1, 5))
    weights = net.Weights(*(0.3 * rng.normal(size=shape) for shape in shapes))
    order = np.array([3, 1, 4, 0, 2])
    loss, gradient = net.meta_loss_and_gradient(weights, *batch, 0.4)
    renamed = weights._replace(W3=weights.W3[:, order], b3=weights.b3[:, order])
    named = batch._replace(Y_s=batch.Y_s[..., order].copy(), Y_q=batch.Y_q[..., order].copy())
    other_loss, other = net.meta_loss_and_gradient(renamed, *named, 0.4)
    back = other._replace(W3=other.W3[:, np.argsort(order)], b3=other.b3[:, np.argsort(order)])
    assert loss == pytest.approx(other_loss, rel=1e-12)
    for ours, theirs in zip(gradient, back, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-13)
    # And rows in another order: nothing is told by where an image stands.
    rows_s, rows_q = rng.permutation(10), rng.permutation(15)
    moved = [each[:, rows].copy() for each, rows in zip(batch, (rows_s,) * 2 + (rows_q,) * 2)]  # noqa: B905
    for ours, theirs in zip(
        gradient, net.meta_loss_and_gradient(weights, *moved, 0.4)[1], strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-13)


def test_the_tasks_of_an_evaluation_are_always_the_same() -> None:
    _, test = both()
    first, second = (unseen(test, 3, 5, 20, 2, FLOAT64) for _ in range(2))
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not np.array_equal(first.X_s, unseen(test, 3, 6, 20, 2, FLOAT64).X_s)


@pytest.mark.parametrize(
    ("way", "shots", "message"),
    [
        (29, 1, "way is 29; it must be at most 28, the classes of the training"),
        (3, 4, r"shots and queries are 4 \+ 3; they must be at most the 6 images of a/0"),
    ],
)
def test_more_than_there_is_is_refused(way: int, shots: int, message: str) -> None:
    training, _ = both(way)
    with pytest.raises(Refusal, match=message):
        next(batches(training, stream(0, 1), 4, shots, 3, FLOAT64))


def test_the_gradient_of_real_images_is_that_of_torch() -> None:
    torch = pytest.importorskip("torch")
    from docs.characters.family import QUICK, bound

    training, _ = bound(QUICK.data, QUICK.protocol, QUICK.size, 5)
    batch = next(batches(training, stream(0, 1), 3, 1, 5, FLOAT64))
    net = load_network("relu2-cross_entropy-maml-1")
    rng = np.random.default_rng(0)
    shapes = ((196, 32), (1, 32), (32, 16), (1, 16), (16, 5), (1, 5))
    weights = net.Weights(*(0.15 * rng.normal(size=shape) for shape in shapes))
    loss, gradient = net.meta_loss_and_gradient(weights, *batch, 0.4)

    def loss_of(parameters: Any, X: Any, Y: Any) -> Any:
        W1, b1, W2, b2, W3, b3 = parameters
        Z = torch.relu(torch.relu(X @ W1 + b1) @ W2 + b2) @ W3 + b3
        return torch.nn.functional.cross_entropy(Z, Y.argmax(dim=1))

    parameters = [torch.tensor(each, requires_grad=True) for each in weights]
    total = torch.zeros((), dtype=torch.float64)
    for task in zip(*(torch.tensor(each) for each in batch), strict=True):
        X_s, Y_s, X_q, Y_q = task
        slopes = torch.autograd.grad(loss_of(parameters, X_s, Y_s), parameters, create_graph=True)
        fast = [w - 0.4 * g for w, g in zip(parameters, slopes, strict=True)]
        total = total + loss_of(fast, X_q, Y_q) / 3
    expected = torch.autograd.grad(total, parameters)
    assert loss == pytest.approx(float(total.detach()), rel=1e-12)
    for ours, theirs in zip(gradient, expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-8, atol=1e-12)
