"""Chapter 7's orders of the meta-gradient, and the map of the program, in a browser."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from derive.language.names import STAGES
from docs.render.manifest import PAGE_NETWORK, find, label_of, manifest
from docs.render.tables import rows_of
from generated import relu2
from tests.docs.render.browser import needs_browser
from tests.docs.render.gestures import drag, part, phone, swipe
from tests.docs.render.page_problems import (
    COLOURS,
    STILL,
    access_problems,
    visit,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.docs.render.browser import Site

pytestmark = needs_browser


# --- chapter 7 ---


@pytest.fixture
def orders(page: Page, site: Site) -> Page:
    visit(page, f"{site.origin}/7-meta-gradient/")
    expect(part(page, "readout")).to_contain_text("Nothing is gone")
    return page


def in_numbers(page: Page) -> dict[str, str]:
    """What stands beside each equation, as the interpreter writes it, by the equation's id."""
    found: dict[str, str] = page.evaluate("""() => Object.fromEntries(
        [...document.querySelectorAll(".equation .value")].map(value => {
            const rows = [...value.querySelectorAll(".matrix > span")]
                .map(row => [...row.children].map(entry => entry.textContent).join(" "))
            const text = rows.length ? `[${rows.join("; ")}]` : value.textContent
            return [value.closest(".equation").id.slice(3), text.replaceAll("\u2212", "-")]
        }))""")
    return found


def interpreted(form: str, prefix: str = "") -> dict[str, str]:
    """The numbers of the small task on chapter 7, from the interpreter."""
    lines = (line for line in manifest(PAGE_NETWORK)[form] if line["number"].startswith("7."))
    return {f"{prefix}{line['name']}": line["example"] for line in lines}


def test_the_numbers_of_chapter_7_are_those_of_the_interpreter(orders: Page) -> None:
    primed = interpreted("first_order", "first_order-")
    assert in_numbers(orders) == interpreted("derived") | primed
    orders.get_by_role("radio", name="first order").check()
    kept = {name: value for name, value in in_numbers(orders).items() if value != "not computed"}
    wanted = interpreted("derived") | interpreted("first_order") | primed
    assert kept == {name: wanted[name] for name in kept}
    assert len(wanted) - len(kept) == 16


@pytest.mark.parametrize("order", ["first order", "without Gauss-Newton"])
def test_an_order_dims_what_it_has_not(orders: Page, order: str) -> None:
    marked = f'[data-gone~="{order.lower().replace(" ", "-")}"]'
    formulas = orders.locator(f".formula{marked}")
    orders.get_by_role("radio", name=order).check()
    expect(orders.locator(".equations .gone")).to_have_count(orders.locator(marked).count())
    expect(orders.locator(f"{marked}.gone[role=deletion]")).to_have_count(
        orders.locator(marked).count()
    )
    expect(part(orders, "readout")).to_contain_text(f"{formulas.count()} equations and")
    colour = "each => getComputedStyle(each).color"
    dimmed = formulas.first.locator(".katex span").last.evaluate(colour)
    assert dimmed != orders.locator("#eq-Z3_q_bar .katex span").last.evaluate(colour)
    for scheme in ("light", "dark"):
        orders.emulate_media(color_scheme=scheme)
        orders.wait_for_function(STILL)
        assert access_problems(orders, COLOURS) == []
    orders.get_by_role("radio", name="second order").check()
    expect(orders.locator(".gone, [role=deletion]")).to_have_count(0)


def test_a_weight_of_the_small_task_is_moved(orders: Page) -> None:
    handle = orders.get_by_role("slider", name="W2, row 2, column 1")
    drag(orders, handle, (16, 0))
    assert handle.get_attribute("aria-valuenow") == "1.5"
    handle.press("ArrowRight")
    assert handle.get_attribute("aria-valuenow") == "1.75"
    arrays = {
        name: np.array([[float(Fraction(each)) for each in row] for row in rows_of(text)])
        for name, text in manifest(PAGE_NETWORK)["example"].items()
    }
    arrays["W2"][1, 0] = 1.75
    weights = relu2.Weights(*(arrays[name] for name in relu2.Weights._fields))
    X_s, Y_s, X_q, Y_q = (arrays[name][np.newaxis] for name in ("X_s", "Y_s", "X_q", "Y_q"))
    for order, function in (
        ("second order", relu2.meta_loss_and_gradient),
        ("first order", relu2.first_order_meta_loss_and_gradient),
    ):
        orders.get_by_role("radio", name=order).check()
        _, gradient = function(weights, X_s, Y_s, X_q, Y_q, 0.5)
        for name, array in gradient._asdict().items():
            text = in_numbers(orders)[f"{name}_bar"]
            shown = list(map(float, re.findall(r"[-\d.]+", text)))
            # Three digits are shown.
            assert shown == pytest.approx(array.ravel(), rel=5.1e-3)
    orders.get_by_text("the chapter's numbers").click()
    expect(handle).to_have_attribute("aria-valuenow", "1")


def test_a_weight_of_the_small_task_is_moved_by_a_finger(browser: Browser, site: Site) -> None:
    with phone(browser, site, "7-meta-gradient/") as page:
        handle = page.get_by_role("slider", name="b3, row 1, column 1")
        swipe(page, handle, 40)
        assert float(handle.get_attribute("aria-valuenow") or "nan") == -0.75


# --- the map ---


def test_the_map_shows_where_one_is(page: Page, site: Site) -> None:
    visit(page, f"{site.origin}/7-meta-gradient/")
    marks, current = page.locator(".map [data-sym]"), page.locator(".map [aria-current]")
    names = [line["name"] for line in manifest(PAGE_NETWORK)["derived"]]
    assert marks.evaluate_all("all => all.map(each => each.dataset.sym)") == names
    for name, stage in (("Z1_q_bar", "query backward"), ("dZ1_s_bar", "support backward")):
        page.locator(f"#eq-{name}").evaluate("each => each.scrollIntoView({ block: 'center' })")
        expect(page.locator(f'.map .now[data-sym="{name}"]')).to_be_visible()
        expect(current).to_have_count(1)
        seen = set(
            page.locator(".map .now").evaluate_all("all => all.map(each => each.dataset.sym)")
        )
        shown = page.locator(".equation").evaluate_all("""all => all.filter(each => {
            const { top, bottom } = each.getBoundingClientRect()
            return bottom > 0 && top < innerHeight
        }).map(each => each.id.replace(/^eq-(first_order-)?/, ""))""")
        assert seen == set(shown)
        first = next(line for line in manifest(PAGE_NETWORK)["derived"] if line["name"] in seen)
        expect(current).to_have_text(STAGES[first["stage"]])
        assert stage in [STAGES[find(label_of(each))["stage"]] for each in seen]


def test_the_map_shows_what_is_pinned_and_leads_there(page: Page, site: Site) -> None:
    visit(page, f"{site.origin}/7-meta-gradient/")
    mark = page.locator('.map [data-sym="Z2_s"]')
    page.locator('#eq-Z2_s_bar .formula [data-sym="Z2_s"]').first.click()
    page.locator("h1").hover()
    expect(mark).to_have_class(re.compile(r"\blit\b"))
    page.keyboard.press("Escape")
    expect(mark).not_to_have_class(re.compile(r"\blit\b"))
    link = page.get_by_role("navigation", name="The program").get_by_role("link").first
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#eq-Z1_s")).to_be_in_viewport()
    # On the page of that stage the map goes on.
    expect(page.locator('.map .now[data-sym="Z1_s"]')).to_be_visible()


def test_the_map_follows_the_order(orders: Page) -> None:
    hollow = orders.locator(".map .second")
    orders.get_by_role("radio", name="first order").check()
    expect(orders.locator(".map .gone")).to_have_count(hollow.count())
    expect(orders.locator(".map .second.gone")).to_have_count(16)
