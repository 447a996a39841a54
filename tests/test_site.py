"""What the pages draw from the derivation, and what they may not ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs import render as site
from docs.render import PageError, Shown, render

DOCS = Path(site.__file__).parent
PLACES = {("derived", "Z1_s"): "2-network.md", ("rewritten", "Z1_q"): "6-rewrite.md"}


def filled(markdown: str, page: str = "2-network.md", shown: Shown | None = None) -> str:
    return render(markdown, page, shown or Shown(), PLACES)


def test_an_equation_comes_with_number_shape_and_code() -> None:
    text = filled("{{eq:Z1_s}}")
    assert 'id="eq-Z1_s"' in text
    assert "(2.1)" in text
    assert r"N \times L_{1}" in text
    assert "Z1_s = X_s @ W1 + b1" in text


def test_a_reference_links_to_where_the_equation_is_shown() -> None:
    assert filled("see [eq:Z1_s]") == "see [(2.1)](#eq-Z1_s)"
    assert filled("[eq:Z1_s]", "sinusoid/index.md") == "[(2.1)](../2-network.md#eq-Z1_s)"
    assert filled("[eq:rewritten/Z1_q]") == "[(6.6)](6-rewrite.md#eq-rewritten-Z1_q)"


@pytest.mark.parametrize(
    ("markdown", "message"),
    [
        ("{{eq:Z9_s}}", "there is no equation derived/Z9_s"),
        ("{{eq:Z1_s Z1_s}}", "equation derived/Z1_s is shown twice"),
        ("[eq:Z2_s]", "equation derived/Z2_s is referred to but shown nowhere"),
        ("{{passes:relu9}}", "there is no network 'relu9'"),
        ("{{number:relu2/inline/colour}}", "there is no figure relu2/inline/colour"),
        ("{{code:relu2/kernel/coffee}}", "there is no block 'coffee'"),
        ("{{wish:1}}", "there is no command 'wish'"),
    ],
)
def test_what_does_not_exist_is_named(markdown: str, message: str) -> None:
    with pytest.raises(PageError, match=message):
        filled(markdown)


def test_code_comes_from_the_generated_file() -> None:
    text = filled("{{code:relu2/kernel/query forward}}")
    assert text.startswith('```python title="generated/relu2/kernel.py"\n# --- query forward ---')
    line = "K_X = gram(X_q, X_s, T) + 1"
    assert line in text
    assert line in (DOCS.parent / "generated/relu2/kernel.py").read_text(encoding="utf-8")


def test_every_equation_is_shown_once() -> None:
    paths = {str(path.relative_to(DOCS)): path for path in DOCS.rglob("*.md")}
    pages = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    shown, places = Shown(), site.places_of(pages)
    for page, markdown in pages.items():
        render(markdown, page, shown, places)
    assert site.not_shown(shown) == []
    del shown.pages["derived", "Z1_s"]
    assert site.not_shown(shown) == ["derived/Z1_s"]


def test_equations_on_a_page_stand_in_the_order_of_their_numbers() -> None:
    shown = Shown()
    places = site.places_of(
        {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
    )
    for path in sorted(DOCS.glob("[2-6]-*.md")):
        render(path.read_text(encoding="utf-8"), path.name, shown, places)
    for form in ("derived", "rewritten"):
        numbers = [
            tuple(map(int, site.find(form, name)["number"].split(".")))
            for shown_form, name in shown.pages
            if shown_form == form
        ]
        assert numbers == sorted(numbers)
