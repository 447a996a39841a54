"""The verdict in the page is that of the command: numbers, texts, and what is refused."""

from __future__ import annotations

import json
import math
import pickle
import random
import zipfile
from functools import partial
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from docs.diagnose.__main__ import main
from docs.diagnose.cases import PLANS, Case, cases
from docs.diagnose.compare import expected
from docs.diagnose.factors import digits, factors
from docs.diagnose.families import FAMILIES, IN_COMPANY
from docs.diagnose.gradients import (
    Way,
    first_order,
    head,
    like,
    moved,
    scaled,
    second_order,
    through_steps,
)
from docs.diagnose.hypotheses import HYPOTHESES
from docs.diagnose.noise import noise
from docs.diagnose.vectors import as_json, quantities
from docs.play import diagnosis
from tests.javascript import needs_node, script

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

pytestmark = needs_node

FOLDER = Path(__file__).parent
EQUAL = 1e-12


def computed(*calls: tuple[str, Any]) -> list[Any]:
    """What the modules compute."""
    found: list[Any] = json.loads(script(str(FOLDER / "verdict.mjs"), given=json.dumps(calls)))
    return found


def in_page(paths: list[Path]) -> list[str]:
    """What the page says of files, where rounding leaves as much as was measured here."""
    measured = {name: noise(name, single=True) for name in PLANS}
    return computed(*(("verdict", {"path": str(each), "noise": measured}) for each in paths))


def by_command(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says of a file."""
    status = main([str(path)])
    said = capsys.readouterr()
    assert (status == 2) == bool(said.err)
    return (said.out or said.err).removesuffix("\n")


# --- data ---


def differences(found: Any, known: Any, at: str = "") -> list[str]:
    """Where two structures differ, in more than the last digits of numbers."""
    pairs: list[tuple[Any, Any, Any]]
    if isinstance(found, dict) and isinstance(known, dict) and found.keys() == known.keys():
        pairs = [(key, found[key], known[key]) for key in known]
    elif isinstance(found, list) and isinstance(known, list) and len(found) == len(known):
        pairs = list(zip(range(len(known)), found, known, strict=True))
    elif isinstance(found, float) and isinstance(known, float):
        return [] if math.isclose(found, known, rel_tol=EQUAL) else [f"{at}: {found}, not {known}"]
    else:
        return [] if found == known else [f"{at}: {found}, not {known}"]
    return [line for key, *pair in pairs for line in differences(pair[0], pair[1], f"{at}/{key}")]


def test_the_data_are_those_of_the_command() -> None:
    """But for the noise, which another machine measures a little differently, and last digits."""
    found = json.loads(computed(("data", {}))[0])
    known = json.loads(json.dumps(diagnosis.known()))
    for ours, theirs in zip(found["CASES"], known["CASES"], strict=True):
        assert 0.5 < ours.pop("noise") / theirs.pop("noise") < 2
    assert differences(found, known) == []


# --- numbers ---


def test_every_gradient_is_that_of_python() -> None:
    [found] = computed(("gradients", {}))
    for name in PLANS:
        for (hypothesis, true), ours in zip(expected(name), found[name], strict=True):
            length = np.linalg.norm(true) or 1
            assert np.linalg.norm(np.array(ours) - true) < EQUAL * length, hypothesis.name


def test_every_family_is_that_of_python() -> None:
    families = [*FAMILIES, *IN_COMPANY.values()]
    calls = [(each, each.starts[len(each.starts) // 3]) for each in families]
    names = ["tanh2", "relu2_5steps"]
    [found] = computed(("families", {"names": names, "numbers": [each[1] for each in calls]}))
    for name in names:
        case = cases()[name]
        for (family, number), (ours, said) in zip(calls, found[name], strict=True):
            true = np.concatenate([a.ravel() for a in family.gradient(case, number)])
            assert np.linalg.norm(np.array(ours) - true) < EQUAL * np.linalg.norm(true)
            assert tuple(said) == family.said(case, number)


def test_every_factor_is_that_of_python() -> None:
    sizes = [{**case.sizes, "steps": case.steps, "alpha": case.alpha} for case in cases().values()]
    found = computed(*(("factors", {"sizes": each}) for each in sizes))
    for each, ours in zip(sizes, found, strict=True):
        assert [tuple(factor.values()) for factor in ours] == [*map(tuple, factors(**each))]


def test_numbers_and_lines_are_formatted_as_by_python() -> None:
    rng = random.Random(0)
    numbers = [rng.choice((1, -1)) * 10 ** rng.uniform(-12, 12) for _ in range(500)]
    numbers += [0.0, 1.0, 1.00004, -0.99996, 999.5, 123456.0, 1e-5, 1e22]
    texts = {text for each in HYPOTHESES for _, text in each.remedies}
    texts |= {each.explanation for each in HYPOTHESES}
    texts |= {factor.remedy for factor in factors(7, 11, 5, 3, 1, 0.1)}
    texts |= {"; ".join(each.name for each in HYPOTHESES), "well-known a-b time-0 x- -y " * 9}
    calls: list[tuple[str, Any, int]] = [
        *(("general", number, most) for number in numbers for most in (2, 3, 6)),
        *(("scientific", number, decimals) for number in numbers for decimals in (0, 1)),
        *(("digits", number, 0) for number in numbers),
        *(("wrapped", text, width) for text in sorted(texts) for width in (40, 75, 90)),
    ]
    python: dict[str, Callable[..., Any]] = {
        "general": lambda number, most: f"{number:.{most}g}",
        "scientific": lambda number, decimals: f"{number:.{decimals}e}",
        "digits": lambda number, _: digits(number),
        "wrapped": wrap,
    }
    [found] = computed(("formats", {"calls": calls}))
    for (name, *given), ours in zip(calls, found, strict=True):
        assert ours == python[name](*given), (name, given)


# --- verdicts ---


def turned(case: Case) -> Any:
    """Right but for the sign of the first matrix."""
    first, *others = second_order(case)
    return like(case.weights, [-first, *others])


def shuffled(case: Case) -> Any:
    """Right but for the rows of the last matrix."""
    *others, last, bias = second_order(case)
    return like(case.weights, [*others, last[::-1], bias])


def in_one_case(case: Case) -> Any:
    return first_order(case) if case.steps > 1 else second_order(case)


BOTH = ("relu2", "relu2_5steps")
#: A gradient, its cases, and the kind of its numbers.
PLANTED: dict[str, tuple[Callable[[Case], Any], tuple[str, ...], str]] = {
    "right": (second_order, tuple(PLANS), "f4"),
    "right, in 64 bits": (second_order, tuple(PLANS), "f8"),
    "right, one step": (second_order, ("one_output",), ">f4"),
    "first order": (first_order, tuple(PLANS), "f8"),
    "first order with several steps": (in_one_case, BOTH, "f4"),
    "tasks added up": (lambda case: scaled(second_order(case), case.sizes["T"]), BOTH, "f4"),
    "half of it, negative": (lambda case: scaled(first_order(case), -0.5), BOTH, "f8"),
    "too long": (lambda case: scaled(second_order(case), 1.3721), BOTH, "f4"),
    "too long by another number": (lambda case: scaled(second_order(case), len(case.name)), BOTH,
                                   "f4"),
    "half precision": (second_order, ("tanh2",), "f2"),
    "nothing": (lambda case: scaled(second_order(case), 0), BOTH, "f4"),
    "almost nothing": (lambda case: scaled(second_order(case), 1e-200), ("tanh2",), "f8"),
    "whole numbers": (lambda case: scaled(like(case.weights, [np.ones_like(w) for w in
                                                               case.weights]), 3), ("relu1",),
                      "i8"),
    "another alpha": (lambda case: second_order(case.but(alpha=0.7)), BOTH, "f4"),
    "alpha of one's own": (lambda case: first_order(case.but(alpha=0.05 / case.alpha)),
                           ("tanh2", "relu1"), "f8"),
    "second-order term halved": (lambda case: through_steps(case, Way(curvature=0.5)),
                                 ("tanh2",), "f4"),
    "momentum": (lambda case: through_steps(case, Way(momentum=0.9)), BOTH, "f4"),
    "clipped": (lambda case: through_steps(case, Way(longest=1.0)), ("relu2_5steps",), "f8"),
    "head, another alpha": (lambda case: through_steps(case.but(alpha=0.7), Way(adapted=head)),
                            ("tanh2",), "f4"),
    "a small mistake": (lambda case: moved(second_order(case), 1e-6, case.weights),
                        ("tanh2",), "f8"),
    "few digits": (lambda case: moved(second_order(case), 1e-3, first_order(case)), ("relu1",),
                   "f4"),
    "turned": (turned, ("relu1", "tanh2"), "f4"),
    "shuffled": (shuffled, ("relu1",), "f8"),
}  # fmt: skip


def saved(
    path: Path,
    gradient: Callable[[Case], Any],
    names: tuple[str, ...],
    kind: str,
    save: Any = np.savez,
    *,
    laid: Callable[[Any], Any] = lambda array: array,
) -> Path:
    """A file of gradients, as somebody would make it."""
    arrays = {
        f"{name}/{key}": laid(array.astype(kind)) if key[0] == "W" else array.astype(kind)
        for name in names
        for key, array in gradient(cases()[name])._asdict().items()
    }
    save(path, allow_pickle=False, **arrays)
    return path


def test_a_verdict_in_the_page_is_that_of_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [
        saved(tmp_path / f"{name}.npz", gradient, names, kind)
        for name, (gradient, names, kind) in PLANTED.items()
    ]
    paths += [
        saved(tmp_path / f"{at}.npz", each.gradient, ("relu2_5steps",), "f4")
        for at, each in enumerate(HYPOTHESES)
    ]
    found = in_page(paths)
    for path, ours in zip(paths, found, strict=True):
        assert ours == by_command(path, capsys), path.stem
    said = dict(zip(PLANTED, found, strict=False))
    for name, answer in {
        "right": "yes",
        "first order": "no: first order",
        "tasks added up": "no: second order, times T",
        "another alpha": "no: inner step size 0.7 alpha",
        "momentum": "no: inner momentum 0.9",
        "shuffled": "no: none of these",
        "first order with several steps": "no: not the same in every case",
    }.items():
        assert f"\nthe meta-gradient? {answer}\n" in said[name]


def test_a_file_may_be_laid_out_in_any_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save = partial(saved, gradient=second_order, names=("relu2", "one_output"), kind="f4")
    compressed: Any = partial(np.savez_compressed)
    paths = [
        save(tmp_path / "plain.npz"),
        save(tmp_path / "compressed.npz", save=compressed),
        save(tmp_path / "transposed.npz", laid=lambda array: np.ascontiguousarray(array.T)),
        save(tmp_path / "columns.npz", laid=np.asfortranarray),
    ]
    flat = second_order(cases()["relu2"])._asdict()
    lists = {key: array.tolist() for key, array in flat.items()}
    vectors = {key: value[0] if key[0] == "b" else value for key, value in lists.items()}
    for name, record in {
        "nested": {"relu2": lists},
        "vectors": {"relu2": vectors},
        "flat": {f"relu2/{key}": value for key, value in lists.items()},
    }.items():
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps(record), encoding="utf-8-sig")
    for path, ours in zip(paths, in_page(paths), strict=True):
        assert ours == by_command(path, capsys)
        assert "the meta-gradient? yes, for one inner step;" in ours
        assert ("(out, in)" in ours) == (path.stem == "transposed")


# --- what is refused ---


def changed(**arrays: Any) -> str:
    """Right gradients of a case, with some in another way; None leaves one out."""
    right = {key: a.tolist() for key, a in second_order(cases()["relu2"])._asdict().items()}
    held = {**right, **arrays}
    return json.dumps({"relu2": {key: value for key, value in held.items() if value != "left out"}})


#: What the command says as well.
REFUSED: dict[str, str | bytes] = {
    "empty.npz": b"",
    "text.npz": b"W1 = 3",
    "zip.npz": b"PK\x05\x06" + bytes(18),
    "numbers.npy": b"\x93NUMPY\x01\x00",
    "old_torch.npz": pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2) + b"\x80\x02M\xe9\x03.",
    "empty.json": "",
    "object.json": "{}",
    "deep.json": "[" * 10**5,
    "text.json": "not JSON",
    "half.json": '{"relu2": {"W1": [[1, 2',
    "utf16.json": '{"relu2": {}}'.encode("utf-16"),
    "flat.json": '{"W1": [[1]]}',
    "list.json": '{"relu2": [1]}',
    "quoted.json": '{"it\'s": [1]}',
    "case.json": '{"relu9": {}}',
    "proto.json": '{"__proto__": {"W1": [1]}}',
    "nothing.json": '{"relu2": {}}',
    "problems.json": as_json(),
    "missing.json": changed(W2="left out"),
    "unknown.json": changed(W4=[[1.0]]),
    "none.json": changed(W2=None),
    "shape.json": changed(W2=[[1.0, 2.0]]),
    "number.json": changed(b3=3.0),
    "three.json": changed(b3=[[[1.0]]]),
    "nan.json": changed(b3=[1, float("nan"), 2]),
    "infinite.json": changed(b3=[1, float("-inf"), 2]),
    "huge.json": changed(b3=[1, 1e200, 2]),
    "mixed.json": changed(W1=np.zeros((9, 4)).tolist()),
}

#: What is said in the page alone.
OWN: dict[str, tuple[str | bytes, str]] = {
    "a.json": ("[1, 2]", "is a list; it must be a .npz file with arrays CASE/W1"),
    "b.json": ("null", "is null; it must be a .npz file with arrays CASE/W1"),
    "c.json": (changed(b3=[[1, 2], [3]]), "relu2/b3 cannot be made an array: its rows differ"),
    "d.json": (changed(b3=["1", "2", "3"]), "relu2/b3 is text; it must be real numbers"),
    "i.json": (changed(b3=[1, None, 2]), "relu2/b3 is object; it must be real numbers"),
    "j.json": (changed(b3={}), "relu2/b3 is object; it must be real numbers"),
    "e.json": (
        changed(b3="X").replace('"X"', "[" * 5000 + "]" * 5000),
        "relu2/b3 is nested more than 8 deep; it must be a list of rows of numbers",
    ),
    "f.json": (b" " * 8_000_001, "has 8,000,001 bytes; it must have at most 8,000,000"),
    "g.npz": (quantities(), "has quantities of the derivation, such as "),
    "h.json": (json.dumps({"x" * 10**5: 1}), f"a key is '{'x' * 60}…'; keys must be CASE/W1"),
}


def written(folder: Path, content: dict[str, str | bytes]) -> list[Path]:
    for name, each in content.items():
        (folder / name).write_bytes(each.encode() if isinstance(each, str) else each)
    return [folder / name for name in content]


def test_what_the_command_refuses_the_page_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = written(tmp_path, REFUSED)
    with zipfile.ZipFile(tmp_path / "torch.npz", "w") as archive:
        archive.writestr("g/data.pkl", b"\x80\x02}q\x00.")
    np.savez(tmp_path / "object.npz", **{"relu2/W1": None})  # type: ignore[arg-type]
    right = saved(tmp_path / "right.npz", second_order, ("relu2",), "f4").read_bytes()
    (tmp_path / "damaged.npz").write_bytes(right[:300] + b"?" + right[301:])
    (tmp_path / "cut.npz").write_bytes(right[:2000])
    paths += [tmp_path / f"{name}.npz" for name in ("torch", "object", "damaged", "cut")]
    for path, ours in zip(paths, in_page(paths), strict=True):
        assert ours == by_command(path, capsys)
        assert ours.startswith(f"error: {path}")
        assert "\n" not in ours


def test_what_the_page_refuses_has_one_line(tmp_path: Path) -> None:
    paths = written(tmp_path, {name: content for name, (content, _) in OWN.items()})
    for path, ours in zip(paths, in_page(paths), strict=True):
        assert ours.startswith(f"error: {path}"), ours
        assert OWN[path.name][1] in ours
        assert "\n" not in ours
        assert len(ours) < 400 + len(str(path))


def test_a_bomb_is_no_gradient(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "g.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("relu2/W1.npy", bytes(10**8))
    [said] = in_page([tmp_path / "g.npz"])
    assert "is not readable as arrays; it must be a .npz file" in said
