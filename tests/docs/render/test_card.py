"""The image that other sites show with a link."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from matplotlib.image import imread

from docs.render.card import CARD, EQUATION, FILM, SIZE, card, curves, pieces
from docs.render.manifest import find, label_of


def test_the_card_is_what_its_code_makes() -> None:
    committed, made = imread(CARD), imread(BytesIO(card()))
    assert committed.shape[1::-1] == SIZE == (1200, 630)
    # Letters are drawn alike by one version of matplotlib; a changed formula moves many pixels.
    assert committed.shape == made.shape
    assert np.abs(committed - made).mean() < 1e-3


def test_the_formula_of_the_card_is_the_equation_in_its_colours() -> None:
    latex = find(label_of(EQUATION))["latex"]
    found = pieces(latex)
    assert "".join(text.strip("$") for text, _ in found) == latex.replace(r"\,", "").replace(
        " ", ""
    )
    assert len({colour for _, colour in found}) > 2


def test_the_curves_are_those_of_the_film() -> None:
    film = FILM.read_text(encoding="utf-8")
    lines, points = curves(film, 1)
    assert [line.dashed for line in lines] == [False, True, False]
    assert len(points) == 10
    before, _ = curves(film, 0)
    truth = lines[-1]
    assert before[-1] == truth

    def distance(line: int, step: int) -> float:
        return float(np.abs(np.subtract(curves(film, step)[0][line].places, truth.places)).mean())

    # What the film and the card say: MAML is near after one step, joint training is not.
    assert distance(0, 1) < distance(1, 1) / 3
    assert distance(0, 1) < distance(0, 0) / 3
