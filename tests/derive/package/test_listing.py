"""What the manifest says of an adjoint: where its terms come from, by which rule, their order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from derive.package.listing import FOLLOWED, manifest
from tests.conftest import NAMES, derivation


def record(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(manifest(derivation(name), "a banner"))
    return found


def terms(name: str, adjoint: str, form: str = "derived") -> list[dict[str, Any]]:
    (line,) = (line for line in record(name)[form] if line["name"] == adjoint)
    found: list[dict[str, Any]] = line["terms"]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_the_terms_of_an_adjoint_add_up_to_its_equation(name: str) -> None:
    found = record(name)
    names = {line["name"]: line["reads"] for line in found["derived"]}
    seen = 0
    for line in (*found["derived"], *found["first_order"]):
        if line["terms"]:
            right = " ".join(term["latex"] for term in line["terms"])
            assert line["latex"].partition(" = ")[2] == right
            for term in line["terms"]:
                assert term["readers"]
                assert set(term["readers"]) <= set(names)
                assert all(0 <= rule < len(found["rules"]) for rule in term["rules"])
                assert term["rules"]
            seen += 1
    assert seen > 5
    assert not any(line["terms"] for line in found["derived"] if line["stage"] in ("query", "step"))


def test_a_term_is_of_second_order_where_first_order_maml_has_none() -> None:
    assert [each["second_order"] for each in terms("relu2", "W2_bar")] == [False, True, True]
    assert [each["second_order"] for each in terms("relu2", "b2_bar")] == [False, True]
    assert [each["second_order"] for each in terms("relu2", "H2_q_bar")] == [False]
    assert [each["second_order"] for each in terms("relu2", "dW2_bar")] == [True]
    assert [each["second_order"] for each in terms("relu2", "W2_bar", "first_order")] == [False]


def test_a_term_is_of_gauss_newton_where_the_support_predictions_being_constant_removes_it() -> (
    None
):
    def flags(adjoint: str) -> list[bool]:
        return [each["gauss_newton"] for each in terms("relu2", adjoint)]

    assert flags("Z3_s_bar") == [True]
    assert flags("dZ3_s_bar") == [True, True, True]
    assert flags("H2_s_bar") == [True, False]
    assert flags("W3_bar") == [False, True, False]
    assert flags("W2_bar") == [False, False, False]


def test_a_term_names_its_equation_and_its_rule() -> None:
    above, below = terms("relu2", "H2_s_bar")
    assert (above["readers"], below["readers"]) == (["Z3_s"], ["dW3"])
    forms = [rule["form"] for rule in record("relu2")["rules"]]
    gains = [rule["gain"] for rule in record("relu2")["rules"]]
    assert [(forms[i], gains[i]) for i in above["rules"]] == [
        (r"U \, A", r"\overline{V} \, A{}^{\top}")
    ]
    assert [(forms[i], gains[i]) for i in below["rules"]] == [
        (r"U{}^{\top} \, A", r"A \, \overline{V}{}^{\top}")
    ]


def test_primes_and_chapters_tell_programs_apart() -> None:
    first_order = record("relu2")["first_order"]
    assert [line["number"] for line in first_order][:2] == ["7.28'", "7.29'"]
    several = record("relu2_5steps")
    numbers = [line["number"] for form in ("derived", "rewritten") for line in several[form]]
    assert {number.split(".")[0] for number in numbers} == {"12"}
    own = {line["name"]: line["number"] for line in several["derived"]}
    changed = [each for each in several["rewritten"] if each["number"] not in own.values()]
    assert len({each["number"] for each in changed}) == len(changed) > 50


def test_the_followed_equation_stands_beside_every_pass() -> None:
    rows = record("relu2")["passes"]
    assert all(len(row["followed"]) == 1 for row in rows)
    before, after = rows[0]["followed"][0], rows[-1]["followed"][0]
    assert "W_{2}'" in before
    assert "K_{H_{1}}" in after
    assert derivation("relu2").stages[-1][FOLLOWED]
    assert record("relu1")["passes"][0]["followed"] != []
