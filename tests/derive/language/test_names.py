"""The grammar of names: taken apart and put together again, refused, told apart by kind."""

from __future__ import annotations

import pytest
from sympy import MatrixSymbol, Symbol

from derive.language import names
from derive.language.names import Kernel, Name, parse
from derive.making import NETWORKS
from derive.package import warm_up
from tests.conftest import NAMES, derivation


def names_of(network: str) -> set[str]:
    """Every name of a derivation: of its functions, as derived and rewritten, and of its steps."""
    record = derivation(network)
    programs = [*(each.program for each in record.functions), *record.stages, *record.rewritten]
    symbols = {
        symbol
        for program in programs
        for symbol in (*program.inputs, *(line.symbol for line in program))
    }
    for line, steps in record.plan.lines if record.plan else ():
        symbols |= {line.equation.symbol, *line.equation.reads}
        symbols |= {step.writes for step in steps}
        symbols |= {symbol for step in steps for symbol in step.reads}
    return {str(symbol.name) for symbol in symbols}


@pytest.mark.parametrize("network", NAMES)
def test_every_name_is_put_together_again(network: str) -> None:
    found = names_of(network)
    # Without hidden layers there is less, and without a workspace nothing is scratch.
    hidden = NETWORKS[network].hidden
    assert len(found) > (60 if hidden else 20)
    assert any(name.startswith("K_") for name in found)
    assert any(name.endswith("_term") for name in found) is bool(hidden)
    for name in found:
        parts = parse(name)
        assert str(parts) == name
        assert isinstance(parts, Kernel) is name.startswith("K_")


def test_the_names_of_the_warm_up_are_words_too() -> None:
    for name in [*map(str, warm_up.EXAMPLE), *(line.name for line in warm_up.lines())]:
        assert str(parse(name)) == name


PARTS: list[tuple[str, Name | Kernel]] = [
    ("W2", Name("W", 2)),
    ("Y_q", Name("Y", rows="q")),
    ("loss_s3", Name("loss", rows="s3")),
    ("dZ2_s1_bar", Name("Z", 2, "s1", inner=True, bar=True)),
    ("b1_fast5_bar", Name("b", 1, fast="fast5", bar=True)),
    ("uZ2_s_term", Name("Z", 2, "s", inner=True, update=True, scratch="term")),
    ("Z1_q_sum_term", Name("Z", 1, "q", scratch="sum_term")),
    ("alpha", Name("alpha")),
    ("alpha2_s3_bar", Name("alpha", 2, "s3", bar=True)),
    ("aW2_s3", Name("W", 2, "s3", rate=True)),
    ("ab1_bar", Name("b", 1, rate=True, bar=True)),
    ("ac", Name("c", rate=True)),
    ("vV1", Name("V", 1, direction=True)),
    ("omega2", Name("omega", 2)),
    ("lam", Name("lam")),
    ("tau", Name("tau")),
    ("c_fast2_bar", Name("c", fast="fast2", bar=True)),
    ("dc_s1", Name("c", rows="s1", inner=True)),
    ("B1_s", Name("B", 1, "s")),
    ("P_q2_bar", Name("P", rows="q2", bar=True)),
    ("uZ2_s_bar", Name("Z", 2, "s", inner=True, update=True, bar=True)),
    ("K_H1", Kernel((Name("H", 1),))),
    ("K_X_s_s", Kernel((Name("X"),), ("s", "s"))),
    (
        "K_Z2_bar_dZ2_q_s1",
        Kernel((Name("Z", 2, bar=True), Name("Z", 2, inner=True)), ("q", "s1")),
    ),
]


@pytest.mark.parametrize(("name", "parts"), PARTS)
def test_a_name_says_what_it_is(name: str, parts: Name | Kernel) -> None:
    assert parse(name) == parts
    assert str(parts) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "_tmp17", "F1", "z1", "ddW1", "avW1", "aW0", "talpha", "omega_1", "beta",
        "W1_slow", "Z1_t", "Z1_bar_s", "W1_bar_fast", "Z1_s_",
        "Z1_s_word", "Z-1", "Z1 ", "K", "K_", "K_F1", "K_H1_s", "K_H1_H2_H3",
    ],
)  # fmt: skip
def test_what_is_no_word_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"`.*` is not a name of the notation"):
        parse(name)


def test_a_kernel_is_no_name_of_a_quantity() -> None:
    with pytest.raises(ValueError, match="`K_H1` is not a name of the notation"):
        names.name_of(MatrixSymbol("K_H1", names.M, names.N))


@pytest.mark.parametrize("name", ["W1", "dZ1_s", "H1_s_bar", "E_q"])
def test_only_an_activation_has_a_slope_with_a_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"no rule names a repeated function of `{name}`"):
        names.slope(MatrixSymbol(name, names.N, names.O))


@pytest.mark.parametrize(
    ("name", "updated"),
    [
        ("dW2", "uW2"),
        ("dZ2_s1", "uZ2_s1"),
        ("dZ1_s_bar", "uZ1_s_bar"),
        ("K_Z2_bar_dZ2_q_s1", "K_Z2_bar_uZ2_q_s1"),
        ("Z2_q_bar", "Z2_q_bar"),
        ("W1_fast", "W1_fast"),
        ("K_H1", "K_H1"),
    ],
)
def test_only_a_gradient_of_the_support_loss_takes_in_the_step(name: str, updated: str) -> None:
    before = parse(name)
    assert str(before.updated) == updated
    assert before.updated.updated == before.updated
    assert before.updated.before_step == before
    assert before.before_step == before


@pytest.mark.parametrize(
    ("kind", "of_kind"),
    [
        ("data", ["X", "Y_s", "X_q", "x_s", "y_q"]),
        ("weight", ["W1", "b2", "W1_fast", "b3_fast2", "w", "w_fast", "V1", "c", "c_fast", "B1"]),
        ("weight", ["alpha", "alpha2_s1", "aW1", "ab2_s3", "vW1", "vV1"]),
        ("gradient", ["dW1", "dZ2_s", "uH1_s", "db1_s2", "dw"]),
        ("adjoint", ["W1_bar", "Z2_q_bar", "dZ2_s_bar", "uZ1_s_bar", "w_fast_bar", "aW2_bar"]),
        ("value", ["Z1", "H2_s", "G1_q", "E_q", "loss_s"]),
    ],
)
def test_a_kind_is_that_of_the_quantity(kind: str, of_kind: list[str]) -> None:
    assert {parse(name).kind for name in of_kind} == {kind}


def test_names_are_made_of_names() -> None:
    N, M, L = names.N, names.M, names.width(2)
    Z, H = MatrixSymbol("Z2_s", N, L), MatrixSymbol("H2_q", M, L)
    made = {
        names.inner_gradient(Z, "s"): ("dZ2_s", (N, L)),
        names.inner_gradient(MatrixSymbol("W2_fast1", L, L), "s2"): ("dW2_s2", (L, L)),
        names.adjoint(H): ("H2_q_bar", (M, L)),
        names.slope(H): ("G2_q", (M, L)),
        names.error(Z): ("E_s", (N, L)),
        names.kernel(H, MatrixSymbol("H2_s", N, L)): ("K_H2", (M, N)),
        names.kernel(Z, Z): ("K_Z2_s_s", (N, N)),
        names.scratch(Z, "sum", H): ("Z2_s_sum", (M, L)),
        names.scratch(names.scratch(Z, "sum", H), "term", Z): ("Z2_s_sum_term", (N, L)),
    }
    assert {symbol: (symbol.name, symbol.shape) for symbol in made} == made


@pytest.mark.parametrize(
    ("kind", "rows", "name", "shape"),
    [
        ("given", "s2", "alpha", None),
        ("one", "", "alpha", None),
        ("one", "s2", "alpha_s2", None),
        ("layer", "", "alpha2", None),
        ("layer", "s2", "alpha2_s2", None),
        ("array", "s2", "aW2_s2", None),
        ("entry", "", "aW2", (names.width(1), names.width(2))),
        ("entry", "s2", "aW2_s2", (names.width(1), names.width(2))),
    ],
)
def test_a_step_size_is_named_after_what_it_scales(
    kind: str, rows: str, name: str, shape: tuple[Symbol, ...] | None
) -> None:
    W = MatrixSymbol("W2_fast", names.width(1), names.width(2))
    found = names.rate(W, kind, rows)
    assert str(found.name) == name
    assert (tuple(found.shape) if found.is_Matrix else None) == shape
    assert (found == names.alpha) is (kind == "given")


def test_numbers_are_renamed_as_matrices_are() -> None:
    W = MatrixSymbol("W2", names.D, names.O)
    assert names.direction(W) == MatrixSymbol("vW2", names.D, names.O)
    assert names.adjoint(names.alpha) == Symbol("alpha_bar")
    assert names.adjoint(Symbol("aW2_s1")) == Symbol("aW2_s1_bar")
    assert names.omega(3).name == "omega3"


def test_step_sizes_come_first_in_a_product_and_their_adjoints_as_others_do() -> None:
    shape = names.D, names.O
    read = [MatrixSymbol(name, *shape) for name in ("H1", "dW1", "aW1_bar", "aW1")]
    ordered = sorted(read, key=names.reading_order)
    assert [each.name for each in ordered] == ["aW1", "aW1_bar", "dW1", "H1"]
