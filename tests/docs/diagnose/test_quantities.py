"""The quantities: the lines of the reference, evaluated one after another from the manifest."""

from __future__ import annotations

import importlib
import io
from pathlib import Path

import numpy as np
import pytest

from derive.package.trial import lines_of
from docs.diagnose import vectors
from docs.diagnose.__main__ import main
from docs.diagnose.cases import cases
from docs.diagnose.quantities import PAGE_NETWORK, PAGES, derivation, derived
from docs.render.manifest import Label, source_line
from docs.render.page import places_of
from tests.docs.render.pages import PAGES as TEXTS

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", derived())
def test_they_are_what_the_lines_of_the_reference_compute(name: str) -> None:
    found, case = derivation(name), cases()[name]
    given = {"weights": case.weights, **case.batch._asdict(), "alpha": case.alpha}
    lines = lines_of(found.reference.meta_loss_and_gradient, given)
    assert len(found.equations) > 30
    for key, value in found.quantities.items():
        np.testing.assert_array_equal(value, lines[key], err_msg=key)
    for key, value in found.inputs.items():
        np.testing.assert_array_equal(value, lines[key], err_msg=key)
    # Nothing that the reference computes is left out.
    computed = lines.keys() - found.inputs.keys() - {"weights"}
    assert computed == found.quantities.keys()


def test_the_file_holds_all_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vectors", "--out", str(tmp_path)]) == 0
    with np.load(tmp_path / "quantities.npz", allow_pickle=False) as file:
        arrays = dict(file)
    wanted = {f"{name}/{key}" for name in derived() for key in derivation(name).quantities}
    assert arrays.keys() == wanted
    assert {"relu2/Z1_s", "relu2/dW2", "relu2/W2_fast", "relu2/Z1_s_bar"} < wanted
    capsys.readouterr()
    assert main([str(tmp_path / "quantities.npz")]) == 0
    assert capsys.readouterr().out.count("no equation is wrong") == len(derived())


def test_the_problems_stay_in_a_file_of_their_own() -> None:
    with np.load(io.BytesIO(vectors.as_npz()), allow_pickle=False) as file:
        assert not [key for key in file if "Z1" in key]
    with np.load(io.BytesIO(vectors.quantities()), allow_pickle=False) as file:
        assert not [key for key in file if key.endswith(("/W1", "/X_s", "/alpha"))]


@pytest.mark.parametrize("name", derived())
def test_an_equation_is_found_where_it_stands(name: str) -> None:
    found, places = derivation(name), places_of(TEXTS)
    listing = (ROOT / "generated" / found.network / "equations.md").read_text(encoding="utf-8")
    for equation in found.equations:
        assert found.line(equation) == source_line(Label(found.network, "derived", equation.name))
        page, _, anchor = found.page(equation).partition("#")
        if anchor:
            label = Label(PAGE_NETWORK, "derived", equation.name)
            assert anchor == label.anchor
            assert places[label] == f"{page.rstrip('/')}.md"
        elif page.endswith(".md"):
            assert f"| ({equation.number}) |" in listing
        else:
            assert f"{page.rstrip('/')}.md" in TEXTS


def test_every_equation_of_the_pages_has_its_page() -> None:
    found = derivation(PAGE_NETWORK)
    assert {found.page(each).partition("/")[0] for each in found.equations} == set(PAGES.values())


def test_values_cannot_be_written_over() -> None:
    with pytest.raises(ValueError, match="read-only"):
        derivation("relu2").values["Z1_s"][0] = 0
    # The reference of a package is the module, not a copy of it.
    assert derivation("relu2").reference is importlib.import_module("generated.relu2.reference")
