"""Formulas are rendered while the site is built, and what KaTeX minds fails the build."""

from __future__ import annotations

import re
import subprocess
import sys
from html import escape

import pytest

from docs.render.formulas import classed, fonts_of, stylesheet, unmarked, with_formulas
from docs.render.manifest import ROOT
from tests.docs.render.pages import plain


def formula(latex: str, display: bool = False) -> str:
    tag, ends = ("div", r"\[\]") if display else ("span", r"\(\)")
    return f'<{tag} class="arithmatex">{ends[:2]}{escape(latex)}{ends[2:]}</{tag}>'


def clean(html: str) -> str:
    rendered, problems = with_formulas(html)
    assert problems == []
    return rendered


@pytest.mark.parametrize("display", [False, True])
def test_a_formula_becomes_boxes_and_mathml(display: bool) -> None:
    html = clean(formula("a < b", display))
    assert ("katex-display" in html) is ('display="block"' in html) is display
    assert "<mi>a</mi><mo>&lt;</mo><mi>b</mi>" in html
    assert '<span class="katex-html" aria-hidden="true">' in html
    assert r"\(" not in html
    assert r"\[" not in html
    # What may be wider than a phone can be scrolled by the keyboard.
    assert ('tabindex="0"' in html) is display


def test_a_quantity_has_its_colour_and_its_name_and_is_copied_as_written() -> None:
    latex = r"\q{gradient}{dZ1_s}{\mathrm{d}Z_1^s} \q{weight}{W1}{W_1}"
    html = clean(formula(latex))
    assert '<span class="q-gradient" data-sym="dZ1_s">' in html
    assert '<span class="q-weight" data-sym="W1">' in html
    assert re.findall(r"<annotation[^>]*>(.*?)</annotation>", html) == [r"\mathrm{d}Z_1^s W_1"]
    assert r"\q" not in html
    assert "data-kind" not in html


@pytest.mark.parametrize(
    ("latex", "written"),
    [
        (r"a \le b", r"a \le b"),
        (r"\q{size}{alpha}{\alpha}x", r"\alpha x"),
        (r"\q{size}{alpha}{\alpha} \beta", r"\alpha \beta"),
        (r"\q{size}{N}{N}x", "Nx"),
        (r"\href{#eq-a_b}{\q{value}{s}{\left\{ x \right\}}}^{2}", r"\left\{ x \right\}^{2}"),
        (r"\htmlData{sym=x}{x_{\htmlData{sym=y}{y}}}", "x_{y}"),
        (r"\quad x", r"\quad x"),
    ],
)
def test_latex_to_paste_has_nothing_that_only_a_page_needs(latex: str, written: str) -> None:
    assert unmarked(latex) == written


@pytest.mark.parametrize("address", ["#eq-Z1_s", "../3-network/#eq-Z1_s", "a.html#b"])
@pytest.mark.parametrize("latex", [r"\href{%s}{\q{value}{Z}{Z}}", r"\q{value}{Z}{\href{%s}{Z}}"])
def test_a_formula_leads_to_places_of_the_site(latex: str, address: str) -> None:
    html = clean(formula(latex % address))
    # The boxes are hidden from screen readers, so the keyboard must not stop in them.
    assert f'<a tabindex="-1" href="{address}">' in html


@pytest.mark.parametrize(
    ("latex", "problem"),
    [
        (r"\wrong", r"Undefined control sequence: \wrong"),
        ("x^{", "Expected '}', got 'EOF'"),
        ("é", 'Accented Unicode text character "é" used in math mode [unicodeTextInMathMode]'),
        (r"\href{https://a.site}{x}", r"\href to https://a.site is not allowed"),
        (r"\href{//a.site}{x}", r"\href to //a.site is not allowed"),
        (r"\href{/a}{x}", r"\href to /a is not allowed"),
        (r"\htmlId{a}{x}", r"\htmlId is not allowed"),
        (r"\text{☃}", 'Unrecognized Unicode character "☃" (9731) [unknownSymbol]'),
    ],
)
def test_what_katex_minds_is_said_with_the_formula(latex: str, problem: str) -> None:
    assert with_formulas(formula(latex))[1][0] == rf"\({latex}\): {problem}"
    # Each place is named, also where the same formula was refused before.
    assert len(with_formulas(formula(latex) * 2)[1]) == 2 * len(with_formulas(formula(latex))[1])


def test_what_katex_refuses_stays_as_it_was() -> None:
    html = formula(r"\wrong") + "."
    assert with_formulas(html)[0] == html


def test_no_line_begins_with_the_stop_after_a_formula() -> None:
    html = clean(f"<p>({formula('x')}), then {formula('y')} and {formula('z')}.</p>")
    assert (
        re.findall(r'<span class="unbroken"><span class="arithmatex">', html)
        == ['<span class="unbroken"><span class="arithmatex">'] * 2
    )
    assert re.findall(r"</span>([^<]+)</span>(?: then|</p>)", html) == ["),", "."]
    assert plain(clean(f"<p>{formula('x')} y</p>")).endswith(" y")


def test_a_process_that_rendered_ends() -> None:
    program = (
        "from docs.render.formulas import with_formulas\n"
        r"""print(with_formulas('<span class="arithmatex">\\(x\\)</span>')[0][:34])"""
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == '<span class="arithmatex"><span cla\n'


def test_styles_become_classes_of_one_sheet() -> None:
    styles: dict[str, str] = {}
    html = clean(formula(r"\frac{a}{b}") + formula("a^{2}"))
    pages = [classed(html, styles), classed(html, styles)]
    assert pages[0] == pages[1]
    assert "style=" in html
    assert "style=" not in re.sub(r"<(svg|math).*?</\1>", "", pages[0])
    assert len(set(styles.values())) == len(styles) > 5
    # Every span has its style again where the class stands.
    back = pages[0]
    for style, name in sorted(styles.items(), key=lambda each: -len(each[1])):
        assert f".katex .katex-html .{name}{{{style}}}\n" in stylesheet(styles)
        back = re.sub(rf'( ?){name}"', f'" style="{style}"', back)
    assert back.replace(' class=""', "") == html


@pytest.mark.parametrize(
    ("latex", "fonts"),
    [
        ("1", ["Main-Regular"]),
        ("x", ["Main-Regular", "Math-Italic"]),
        (r"\mathbf{1}", ["Main-Regular", "Main-Bold"]),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", ["Main-Regular", "Size3-Regular"]),
        (r"\left(\frac{1}{2}\right)", ["Main-Regular", "Size1-Regular"]),
        (r"\sum_i", ["Main-Regular", "Math-Italic", "Size1-Regular"]),
    ],
)
def test_the_fonts_of_a_formula_are_known(latex: str, fonts: list[str]) -> None:
    assert fonts_of(clean(formula(latex))) == fonts


def test_a_page_without_formulas_needs_no_font() -> None:
    assert fonts_of('<p class="katexx">x</p>') == []
