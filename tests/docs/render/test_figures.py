"""The quiz, the curvatures, the family and two methods beside MAML; the page that lists figures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import expect

from docs.play.figures import shipped
from docs.render.manifest import manifest
from docs.sinusoid.tasks import sinusoid
from generated import relu2
from tests.docs.render.browser import needs_browser
from tests.docs.render.gestures import drag, number, part, phone, swipe
from tests.docs.render.page_problems import visit
from tests.docs.render.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.docs.render.browser import Site


# --- the page that lists them ---

ARTICLE, ELEMENT = 12, re.compile(r'<maml-(\w+) (?:id="([\w-]+)" )?class="play"')


def places() -> list[list[tuple[str, str]]]:
    """Of each row of the page's tables, where its links lead: page and fragment."""
    rows = [line for line in PAGES["figures.md"].splitlines() if line.startswith("| ")]
    links = [re.findall(r"\]\(([\w/-]+\.md)#?([\w-]*)\)", row) for row in rows]
    return [row for row in links if row]


def test_every_figure_of_the_article_has_its_counterpart() -> None:
    rows = places()
    assert len(PAGES["figures.md"].partition("What readers can do only here")[0].split("\n| ")) == (
        1 + 1 + ARTICLE
    )
    for row in rows[:ARTICLE]:
        page, fragment = row[0]
        elements = dict(ELEMENT.findall(PAGES[page]))
        within = re.search(rf"^## {fragment}$", PAGES[page], re.MULTILINE | re.IGNORECASE)
        assert fragment in elements.values() or (within and "playground" in elements)


def test_what_is_ours_alone_is_on_pages_with_something_to_move() -> None:
    for [(page, _)] in places()[ARTICLE:]:
        assert "<maml-" in PAGES[page], page


# --- in a browser ---


@needs_browser
def test_guesses_are_marked_as_networks_are(page: Page, site: Site) -> None:
    visit(page, f"{site.origin}/1-maml/")
    guesses = part(page, "guess")
    expect(guesses).to_have_count(5)
    guesses.first.press("Shift+ArrowUp")
    drag(page, guesses.nth(1), (30, -40))
    assert guesses.nth(1).get_attribute("aria-label") == "your guess at −2"
    values = guesses.evaluate_all("all => all.map(each => Number(each.ariaValueNow))")
    assert values[0] == 0.5
    assert values[1] > 1
    assert values[2:] == [0, 0, 0]
    part(page, "reveal").click()
    x = np.array([-4, -2, 0, 2, 4], "float32")
    truth = sinusoid(x, 3.2, 2.1)
    X = np.array([-4.6, -3.1, -1.2, 0.9, 4.4], "float32")[:, None]
    fast = relu2.adapt(shipped("maml"), X, sinusoid(X, 3.2, 2.1).astype("float32"), 0.01)
    found = relu2.predict(fast, x[:, None])[:, 0]
    assert number(page, "score-you") == pytest.approx(np.mean((values - truth) ** 2), rel=0.01)
    assert number(page, "score-maml") == pytest.approx(np.mean((found - truth) ** 2), rel=0.01)
    expect(part(page, "quiz")).to_contain_text("this one task")
    guesses.first.press("ArrowUp")
    assert guesses.first.get_attribute("aria-valuenow") == "0.5"
    part(page, "next").click()
    expect(part(page, "reveal")).to_be_enabled()
    part(page, "reveal").click()
    expect(part(page, "quiz")).to_contain_text("means over 2 tasks")


@needs_browser
def test_without_curvature_the_two_orders_are_the_same(page: Page, site: Site) -> None:
    visit(page, f"{site.origin}/2b-linear/")
    readout = part(page, "curvature")
    expect(readout).to_contain_text("(5, 2), the meta-gradient is (−0.5, −3)")
    expect(readout).to_contain_text("uphill")
    page.get_by_role("slider", name="first-order meta-gradient").press("ArrowLeft")
    expect(readout).to_contain_text("(4.75, 2)")
    page.get_by_text("no curvature").click()
    expect(readout).to_contain_text(
        "the meta-gradient is (4.75, 2), turned by 0°. Nothing is curved"
    )
    part(page, "curvature-second").fill("6")
    expect(readout).not_to_contain_text("Nothing is curved")


def changed(network: str) -> tuple[int, int, int, int]:
    """How many equations are those of MAML, are changed, are a network's own, are gone."""
    own, maml = (
        {line["name"]: line["code"] for line in manifest(each)["derived"]}
        for each in (network, "relu2")
    )
    both = own.keys() & maml.keys()
    same = sum(own[name] == maml[name] for name in both)
    return same, len(both) - same, len(own) - len(both), len(maml) - len(both)


@needs_browser
def test_the_family_and_the_methods_beside_maml(page: Page, site: Site) -> None:
    visit(page, f"{site.origin}/18-family/")
    for title, network in (("CAVIA", "cavia"), ("Meta-SGD", "meta_sgd"), ("ANIL", "anil")):
        page.get_by_role("radio", name=title, exact=True).check()
        same, other, own, gone = changed(network)
        expect(part(page, "family")).to_contain_text(
            f"{same} are those of MAML, {other} are changed and {own} are its own; {gone} of MAML"
        )
        expect(page.locator("maml-family .lines li")).to_have_count(other + own)
    for each in page.locator("maml-family input").all():
        each.check()
        address = part(page, "family").get_by_role("link").get_attribute("href")
        expect(page.locator(f"h2{address}")).to_have_count(1)

    implicit, power = part(page, "implicit"), part(page, "power")
    axes = np.array([[np.cos(0.6), np.sin(0.6)], [-np.sin(0.6), np.cos(0.6)]])
    hessian, least = axes.T @ np.diag([2, 0.4]) @ axes, np.array([1.1, 0.9])
    right = hessian @ least + 0.1 * np.array([-1.9, -1.2])
    x, y = np.linalg.solve(hessian + 0.1 * np.eye(2), right)
    power.fill("-1")
    expect(implicit).to_contain_text(f"rests at ({x:.2g}, {y:.2g})")
    power.fill("2")
    expect(implicit).to_contain_text(re.compile(r"0\.9\d* times as long"))
    drag(page, page.locator("maml-implicit").get_by_role("slider", name="the weights"), (40, 0))
    expect(implicit).not_to_contain_text("(−1.8")

    steps, angle = part(page, "steps"), part(page, "angle-first-order")
    expect(angle).to_have_text("28°")
    steps.fill("0")
    expect(angle).to_have_text("0°")
    expect(part(page, "angle-reptile")).to_have_text("no step")
    steps.fill("20")
    expect(part(page, "readout")).to_contain_text("Reptile at")
    page.locator("maml-directions").get_by_label("Reptile", exact=True).uncheck()
    expect(part(page, "readout")).not_to_contain_text("Reptile at")


@needs_browser
def test_weights_are_moved_by_a_finger(browser: Browser, site: Site) -> None:
    with phone(browser, site, "18-family/") as page:
        handle = page.locator("maml-directions").get_by_role("slider", name="the weights")
        swipe(page, handle, -60)
        assert float(handle.get_attribute("aria-valuenow") or "nan") < 1
