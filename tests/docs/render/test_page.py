"""What a page may ask for, and what it may not."""

from __future__ import annotations

import pytest

from docs.render.code import whole_file
from docs.render.manifest import ROOT, PageError, find, label_of
from docs.render.page import shown_on
from docs.render.tables import decimal, example, figure
from tests.docs.render.pages import PAGES, filled, plain, source_rows


def test_an_equation_comes_with_number_shape_and_code() -> None:
    text = filled("{{eq:Z1_s}}")
    assert 'id="eq-Z1_s"' in text
    assert "(3.1)" in text
    assert "N \N{MULTIPLICATION SIGN} L1" in plain(text)
    assert "Z1_s = X_s @ W1 + b1" in plain(text)


def test_a_quoted_equation_leads_to_its_place_and_is_not_another() -> None:
    text = filled("{{quote:Z1_s}}", "8-rewrite.md")
    assert "Z1_s = X_s @ W1 + b1" in plain(text)
    assert '<a href="3-network.md#eq-Z1_s">(3.1)</a>' in text
    assert "id=" not in text
    assert shown_on("{{quote:Z1_s}}") == []


def test_what_the_start_page_says_of_first_order_is_so() -> None:
    assert "{{quote:W2_bar}}" in PAGES["index.md"]
    first, *others = find(label_of("W2_bar"))["latex"].split(" + ")
    assert find(label_of("first_order/W2_bar"))["latex"] == first
    assert len(others) == 2


def test_a_reference_links_to_where_the_equation_is_shown() -> None:
    for markdown, page, number, address in [
        ("[eq:Z1_s]", "3-network.md", "3.1", "#eq-Z1_s"),
        ("[eq:Z1_s]", "8-rewrite.md", "3.1", "3-network.md#eq-Z1_s"),
        ("[eq:Z1_s]", "sinusoid/index.md", "3.1", "../3-network.md#eq-Z1_s"),
        ("[eq:rewritten/Z1_q]", "3-network.md", "8.6", "8-rewrite.md#eq-rewritten-Z1_q"),
        ("[eq:relu2/derived/Z1_s]", "3-network.md", "3.1", "#eq-Z1_s"),
    ]:
        link = f'<a class="ref" href="{address}">({number})</a>'
        assert filled(f"see {markdown}.", page) == f"see {link}."


def test_anchors_of_different_forms_and_networks_differ() -> None:
    texts = ["Z1_q", "rewritten/Z1_q", "first_order/W1_bar", "W1_bar", "tanh2/derived/Z1_q"]
    anchors = [label_of(text).anchor for text in texts]
    assert anchors[:3] == ["eq-Z1_q", "eq-rewritten-Z1_q", "eq-first_order-W1_bar"]
    assert len(set(anchors)) == len(anchors)


def test_a_symbol_in_a_sentence_is_as_in_its_equations() -> None:
    shown = filled("[sym:dZ1_s] and [sym:warm_up/w_fast]")
    latex = r"\q{gradient}{dZ1_s}{\mathrm{d}Z_{1}^{s}}"
    assert shown.startswith(f"${latex}$ and $")
    assert r"\q{weight}{w_fast}{w'}" in shown


@pytest.mark.parametrize(
    ("stage", "line"),
    [
        ("support forward", "Z1_s = X_s @ W1 + b1"),
        ("query forward", "K_X = gram(X_q, X_s, T) + 1"),
    ],
)
def test_code_comes_from_the_generated_file(stage: str, line: str) -> None:
    text = plain(filled(f"{{{{code:relu2/kernel/{stage}}}}}"))
    assert line in text
    first, *lines = text.splitlines()
    assert first == f"generated/relu2/kernel.py# --- {stage} ---"
    block = [f"    # --- {stage} ---", *(f"    {each}" for each in lines if each)]
    written = (ROOT / "generated/relu2/kernel.py").read_text(encoding="utf-8")
    function = written.partition("\ndef meta_loss_and_gradient(")[2]
    assert "\n".join(["", *block, "", ""]) in function


def test_a_module_is_shown_line_by_line() -> None:
    for module in ("relu2/kernel", "relu2/reference", "warm_up/scalar"):
        written = (ROOT / "generated" / f"{module}.py").read_text(encoding="utf-8")
        rows = source_rows(whole_file(module, lambda _: ""))
        assert [row.rstrip() for row in rows] == written.splitlines()


def test_figures_and_examples_are_printed_short() -> None:
    examples = [example(name) for name in ("w", "dw", "w_fast", "w_bar")]
    assert examples == ["0.5", "\N{MINUS SIGN}3", "0.8", "\N{MINUS SIGN}4.48"]
    assert [figure(value) for value in (1.23456e-9, 0.0, 0.12345, 1234.0, 7, "equal")] == [
        "1.2e-09", "0", "0.123", "1.23e+03", "7", "equal",
    ]  # fmt: skip
    assert filled("{{measured:speed}}, {{measured:bad}}") == "0.5, equal"
    header, *rows = filled("{{measured:table}}").splitlines()
    assert header.endswith(" | x | y |")
    assert rows == ["|---|--:|--:|", "| a | 1.0e-09 | 2 |", "| b | 3.5 | 4 |"]
    assert filled("{{number:relu2/derived/operations}}") == "421,244"
    with pytest.raises(PageError, match="1/3 is not a short decimal number"):
        decimal("1/3")


def test_the_numbers_of_a_toy_task_stand_in_two_tables() -> None:
    data, weights = (part.splitlines() for part in filled("{{numbers:relu2}}").split("\n\n"))
    assert data[0] == "| `X_s` | `Y_s` | `X_q` | `Y_q` | `alpha` |"
    assert data[2].endswith(r"| $\frac{1}{2}$ |")
    assert weights[0].startswith("| `W1` | `b1` |")
    assert len(weights) == 3


def test_the_matrix_of_one_linear_layer_is_that_of_its_manifest() -> None:
    assert r"= \begin{pmatrix} 5 & 4 \\ 4 & 5 \end{pmatrix}" in filled("{{collapsed:hessian}}")
    assert filled("{{collapsed:product}}") == r"$-\frac{17}{2}$"
    header, _, *rows = filled("{{collapsed:directions}}").splitlines()
    assert r"eigenvalue $\lambda$ |" in header
    assert rows[1].endswith(r"| $9$ | $\frac{3}{2}$ | $-\frac{1}{2}$ |")


@pytest.mark.parametrize(
    ("markdown", "message"),
    [
        ("{{eq:Z9_s}}", "there is no equation relu2/derived/Z9_s"),
        ("{{eq:X_s}}", "there is no equation relu2/derived/X_s"),
        ("{{eq:rewritten/W1_fast}}", "there is no equation relu2/rewritten/W1_fast"),
        ("{{eq:wished/Z1_s}}", "'wished/Z1_s' must be name, form/name or network/form/name"),
        ("{{eq:relu2/x/derived/Z1_s}}", "'relu2/x/derived/Z1_s' must be name, form/name or"),
        ("{{eq:relu9/derived/Z1_s}}", "there is no network 'relu9'"),
        ("{{eq}}", "an equation is asked for without a label"),
        ("{{eq: }}", "an equation is asked for without a label"),
        ("{{eq:dZ3_s}}", r"relu2/derived/dZ3_s is \(4.1\) but is shown in chapter 3"),
        ("{{eq:rewritten/Z1_q}}", r"relu2/rewritten/Z1_q is \(8.6\) but is shown in chapter 3"),
        ("[eq:Z2_s]", "equation relu2/derived/Z2_s is referred to but shown nowhere"),
        ("[eq:Z9_s]", "there is no equation relu2/derived/Z9_s"),
        ("[sym:Z9_s]", "there is no quantity 'Z9_s' in relu2"),
        ("[sym:warm_up/Z1_s]", "there is no quantity 'Z1_s' in warm_up"),
        ("[sym:relu9/Z1_s]", "there is no network 'relu9'"),
        ("{{quote:Z2_s}}", "equation relu2/derived/Z2_s is quoted but shown nowhere"),
        ("{{quote:Z9_s}}", "there is no equation relu2/derived/Z9_s"),
        ("{{minutes:1-maml.md}}", "there is no page '1-maml.md' to read"),
        ("{{diagram:relu2/dream A caption.}}", "there is no diagram 'relu2/dream'"),
        ("{{diagram:relu2_5steps/whole A caption.}}", "no diagram 'relu2_5steps/whole'"),
        ("{{diagram:whole A caption.}}", "there is no diagram 'whole'"),
        ("{{passes:relu9}}", "there is no network 'relu9'"),
        ("{{number:relu2/inline/colour}}", "there is no figure relu2/inline/colour"),
        ("{{number:relu2/wish/products}}", "there is no figure relu2/wish/products"),
        ("{{number:relu2/inline}}", "'relu2/inline' must be network/pass/column"),
        ("{{code:relu2/kernel/coffee}}", "there is no block 'coffee' in generated/relu2/kernel"),
        ("{{code:relu2/tea/query forward}}", "no block 'query forward' in generated/relu2/tea"),
        ("{{code:relu2/kernel}}", "'relu2/kernel' must be network/module/stage title"),
        ("{{code:a/b/c/d}}", "'a/b/c/d' must be network/module/stage title"),
        ("{{source:relu2/tea}}", "there is no module generated/relu2/tea.py"),
        ("{{source:kernel}}", "'kernel' must be network/module"),
        ("{{rules:relu9}}", "there is no network 'relu9'"),
        ("{{rules:warm_up}}", "warm_up has no rules"),
        ("{{passes:warm_up}}", "warm_up has no passes"),
        ("{{number:relu2/inline/pass}}", "there is no figure relu2/inline/pass"),
        ("{{example:z}}", "there is no number 'z' in the example"),
        ("{{numbers:tanh2}}", "tanh2 has no example"),
        ("{{eq:linear/derived/W1_bar}}", r"W1_bar is \(2.19\) but is shown in chapter 3"),
        ("{{collapsed:rank}}", "there is no 'rank' of the linear layer"),
        ("{{measured:weight}}", "nothing was measured under 'weight'"),
        ("{{measured:speed/light}}", "nothing was measured under 'speed/light'"),
        ("{{measured:table/c}}", "nothing was measured under 'table/c'"),
        ("{{measured:mixed}}", "'mixed' is no table; name one of one, several"),
        ("{{python:docs/by_hand.py:colour}}", "there is no section docs/by_hand.py:colour"),
        ("{{python:docs/nowhere.py:loop}}", "there is no section docs/nowhere.py:loop"),
        ("{{diagnose:weight}}", "there is nothing about the diagnosis called 'weight'"),
        ("{{diagnose:verdict third order}}", "there is no mistake 'third order'"),
        ("{{wish:1}}", "there is no command 'wish'"),
        ("{{wish}}", "there is no command 'wish'"),
    ],
)
def test_what_does_not_exist_is_named(markdown: str, message: str) -> None:
    with pytest.raises(PageError, match=message):
        filled(markdown)


def test_only_the_pages_own_network_must_be_in_its_chapter() -> None:
    assert "(3.1)" in filled("{{eq:tanh2/derived/Z1_s}}", "12-several-steps.md")
    assert "(3.1)" in filled("{{eq:Z1_s}}", "index.md")


def test_code_is_shown_without_docstrings_and_marks_for_linters() -> None:
    source = (ROOT / "docs/calls.py").read_text(encoding="utf-8")
    shown = filled("{{python:docs/calls.py:data}}")
    assert "# type: ignore" in source
    assert "# type" not in shown
    assert shown.startswith('```python title="docs/calls.py"\ndtype = ')
    assert "# one input, two hidden layers, one output" in shown
    reptile = filled("{{python:docs/experiment/methods.py:reptile}}")
    assert '"""' not in reptile
    assert "def reptile(" in reptile


def test_what_a_command_gives_stands_as_far_in_as_the_command() -> None:
    shown = filled("- one:\n\n    {{python:docs/by_hand.py:normalised}}\n")
    code = shown.splitlines()[2:]
    assert len(code) > 3
    assert all(line.startswith("    ") for line in code)
