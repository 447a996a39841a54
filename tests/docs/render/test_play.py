"""What a reader moves on the pages, in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.docs.render.browser import DESK, PHONE, needs_browser
from tests.docs.render.gestures import drag, number, part, phone, swipe
from tests.docs.render.page_problems import (
    access_problems,
    layout_problems,
    visit,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.docs.render.browser import Site

pytestmark = needs_browser

PATIENCE = 60_000


def trained(page: Page, iterations: int) -> None:
    """Take so many steps, and wait for them."""
    page.locator("maml-playground").evaluate(f"each => each.advance({iterations})")
    expect(part(page, "iteration")).to_have_text(f"{iterations:,}", timeout=PATIENCE)


# --- chapters 2 and 2b ---


@pytest.fixture
def scalar(page: Page, site: Site) -> Page:
    visit(page, f"{site.origin}/2-warm-up/")
    return page


def test_the_scalars_are_those_of_the_chapter(scalar: Page) -> None:
    expect(part(scalar, "readout")).to_contain_text("from 0.5 to 0.8")
    expect(part(scalar, "readout")).to_contain_text("1.96. The meta-gradient is −4.48")
    expect(part(scalar, "readout")).to_contain_text("first-order version −5.6. Both point downhill")
    slider = part(scalar, "alpha")
    slider.fill("1")
    expect(part(scalar, "readout")).to_contain_text("The two disagree in sign")
    slider.fill("0.5")
    expect(part(scalar, "readout")).to_contain_text("Nothing is left of the meta-gradient")
    scalar.get_by_text("the chapter's numbers").click()
    expect(part(scalar, "readout")).to_contain_text("−4.48")


def test_a_weight_is_moved_by_mouse_and_keys(scalar: Page) -> None:
    handle = scalar.get_by_role("slider", name="weight w")
    drag(scalar, handle, (60, 0))
    expect(part(scalar, "readout")).not_to_contain_text("from 0.5 ")
    moved = float(handle.get_attribute("aria-valuenow") or "nan")
    assert moved > 0.6
    handle.press("ArrowRight")
    assert float(handle.get_attribute("aria-valuenow") or "nan") == pytest.approx(moved + 0.05)
    sample = scalar.get_by_role("slider", name="query sample")
    sample.press("Shift+ArrowUp")
    assert sample.get_attribute("aria-valuetext") == "2, 3.5"


def test_a_weight_is_moved_by_a_finger(browser: Browser, site: Site) -> None:
    with phone(browser, site, "2-warm-up/") as page:
        handle = page.get_by_role("slider", name="weight w")
        swipe(page, handle, 40)
        assert float(handle.get_attribute("aria-valuenow") or "nan") > 0.6


def test_equal_curvatures_end_together(page: Page, site: Site) -> None:
    visit(page, f"{site.origin}/2b-linear/")
    readout = part(page, "readout")
    expect(readout).to_contain_text("apart")
    page.get_by_text("equal curvatures").click()
    expect(readout).to_contain_text("They agree.")
    page.get_by_text("begin again").click()
    expect(readout).to_contain_text("apart")
    page.get_by_label("step size α").fill("0")
    expect(readout).to_contain_text("They agree.")


def test_the_rewrite_goes_through_its_passes(page: Page, site: Site) -> None:
    visit(page, f"{site.origin}/8-rewrite/")
    stages = page.locator(".stage:visible")
    for name, text in (("derived", "As derived: "), ("inline", "After inline: ")):
        expect(stages).to_have_count(1)
        expect(stages).to_contain_text(text)
        expect(stages).to_have_attribute("data-pass", name)
        page.get_by_role("button", name="next").click()
    part(page, "pass").fill("5")
    expect(stages).to_have_attribute("data-pass", "share")
    operations = stages.get_attribute("data-operations")
    expect(page.locator(".counts")).to_contain_text(f"{int(operations or 0):,}")


# --- the playground ---


@pytest.fixture
def playground(page: Page, site: Site) -> Page:
    visit(page, f"{site.origin}/playground/")
    expect(part(page, "training")).to_contain_text("in a worker, in WebAssembly")
    return page


def test_points_are_moved_added_and_removed(playground: Page) -> None:
    points = part(playground, "point")
    expect(points).to_have_count(10)
    before = number(playground, "error-maml")
    drag(playground, points.first, (40, 0))
    assert number(playground, "error-maml") != before
    points.nth(3).press("ArrowRight")
    points.nth(3).press("Delete")
    expect(points).to_have_count(9)
    points.nth(2).dblclick()
    expect(points).to_have_count(8)
    playground.locator(".u-over").first.click(position={"x": 5, "y": 5})
    expect(points).to_have_count(9)
    playground.get_by_text("another task").click()
    expect(points).to_have_count(9)


def test_the_start_page_has_the_first_part(page: Page, site: Site) -> None:
    visit(page, site.start)
    expect(part(page, "adapted")).to_contain_text("after one step: MAML 0.1")
    expect(page.locator(".invites")).to_have_count(1)
    expect(page.get_by_text("Drag a point along the sinusoid:")).to_be_in_viewport()
    drag(page, part(page, "point").nth(4), (30, 0))
    expect(page.locator(".invites")).to_have_count(0)
    expect(part(page, "adapted")).not_to_contain_text("after one step: MAML 0.121")
    expect(part(page, "error-live")).to_have_count(0)


def test_maml_adapts_and_joint_training_does_not(playground: Page) -> None:
    part(playground, "steps").fill("0")
    expect(part(playground, "adapted")).to_contain_text("after 0 steps")
    start = number(playground, "error-maml")
    part(playground, "steps").fill("5")
    assert number(playground, "error-maml") < start / 10
    assert number(playground, "error-joint") > 5 * number(playground, "error-maml")
    playground.get_by_label("recipe").check()
    assert number(playground, "error-recipe") < number(playground, "error-maml")


def test_the_network_in_training_learns_to_learn(playground: Page) -> None:
    start = number(playground, "held-out")
    expect(part(playground, "progress")).to_have_text("")
    trained(playground, 300)
    found = part(playground, "held-out").inner_text()
    said = f"after 300 iterations: its error on unseen tasks, {start:g} at first, is {found}."
    expect(part(playground, "progress")).to_contain_text(said)
    assert number(playground, "held-out") < start
    assert number(playground, "loss") < start
    assert number(playground, "error-live") > 0
    part(playground, "step").click()
    expect(part(playground, "iteration")).to_have_text("301")
    part(playground, "reset").click()
    expect(part(playground, "iteration")).to_have_text("0")


def test_play_and_pause_and_a_hidden_page(playground: Page) -> None:
    # From where the curves are.
    expect(part(playground, "train")).to_be_in_viewport()
    part(playground, "train").click()
    expect(part(playground, "train")).to_have_text("pause the training")
    expect(part(playground, "iteration")).not_to_have_text("0", timeout=PATIENCE)
    assert number(playground, "rate") > 0
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true })
        document.dispatchEvent(new Event("visibilitychange"))
    }"""
    playground.evaluate(hide, True)
    expect(part(playground, "play")).to_be_enabled()
    playground.evaluate(hide, False)
    expect(part(playground, "play")).to_be_disabled()
    part(playground, "train-method").select_option("first order")
    expect(part(playground, "progress")).to_contain_text("first order after", timeout=PATIENCE)
    expect(part(playground, "play")).to_be_disabled()
    part(playground, "train-method").select_option("MAML")
    part(playground, "pause").click()
    expect(part(playground, "rate")).to_have_text("0")
    expect(part(playground, "train")).to_have_text("▶ train one")
    # A heading of the page is no state that would begin anew.
    expect(part(playground, "algorithm")).to_contain_text("goes back through the step")
    iterations = part(playground, "iteration").inner_text()
    playground.locator("#meta-train").get_by_role("link").click()
    expect(playground).to_have_url(re.compile("#meta-train$"))
    expect(part(playground, "iteration")).to_have_text(iterations)


def test_an_address_brings_everything_back(playground: Page, site: Site) -> None:
    part(playground, "steps").fill("3")
    playground.get_by_label("your own points").check()
    part(playground, "point").first.press("ArrowUp")
    part(playground, "train-method").select_option("Meta-SGD")
    expect(part(playground, "algorithm")).to_contain_text("a step size for every weight")
    expect(playground).to_have_url(re.compile(r"steps=3.*train-method=meta-sgd"))
    address, text = playground.url, part(playground, "adapted").inner_text()
    playground.goto(f"{site.origin}/2-warm-up/")
    playground.go_back()
    expect(part(playground, "adapted")).to_have_text(text)
    playground.goto("about:blank")
    visit(playground, address)
    expect(part(playground, "adapted")).to_have_text(text)
    expect(part(playground, "training")).to_contain_text("Meta-SGD trains in a worker")


def test_the_formula_runs_equation_by_equation(playground: Page) -> None:
    following = playground.get_by_text("next equation")
    following.click()
    expect(part(playground, "equation")).to_contain_text("Equation 3.1, Z1_s: 10 × 40, from")
    following.click()
    line = playground.locator(".lines .now")
    expect(line).to_contain_text("H1_s = map(Z1_s, (z) => relu(z))")
    line.get_by_role("link").click()
    expect(playground.locator("#eq-H1_s")).to_be_in_viewport()


BROKEN = {
    "no worker": (
        "window.Worker = undefined",
        "in the page itself, because this browser starts no",
    ),
    "a worker that ends": (
        """const Old = Worker
        window.Worker = class extends Old {
            constructor(...given) {
                super(...given)
                setTimeout(() => this.dispatchEvent(new ErrorEvent("error")), 1500)
            }
        }""",
        "in the page itself, because its worker has stopped",
    ),
    "no WebAssembly": (
        """const Old = Blob
        window.Blob = class extends Old {
            constructor(parts, ...rest) {
                super(["WebAssembly = undefined;\\n", ...parts], ...rest)
            }
        }""",
        "JavaScript, because WebAssembly does not run here",
    ),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_it_trains_without(page: Page, site: Site, kind: str) -> None:
    script, said = BROKEN[kind]
    page.add_init_script(script)
    visit(page, f"{site.origin}/playground/")
    expect(part(page, "training")).to_contain_text(said)
    trained(page, 5)


def test_it_plays_from_disk(disk_page: Page, offline_site: Site) -> None:
    visit(disk_page, f"{offline_site.origin}/playground.html")
    expect(part(disk_page, "training")).to_contain_text("WebAssembly")
    trained(disk_page, 5)


PLAYED = ["", "playground/", "2-warm-up/", "2b-linear/", "7-meta-gradient/", "8-rewrite/"]


@pytest.mark.parametrize("name", PLAYED)
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_what_can_be_played_with_is_accessible(
    page: Page, site: Site, name: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        visit(page, f"{site.origin}/{name}")
        only = {"include": [".play", ".orders", ".map"]}
        assert layout_problems(page) == []
        assert access_problems(page, {}, only) == []


def test_without_scripts_there_is_a_figure(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    shown = {"": 1, "1-maml/": 1, "playground/": 1, "2-warm-up/": 1, "2b-linear/": 2}
    for name, figures in (shown | {"7-meta-gradient/": 1, "18-family/": 3}).items():
        page.goto(f"{site.origin}/{name}")
        expect(page.locator(".play img:visible")).to_have_count(figures)
        expect(page.locator(".map:visible")).to_have_count(0)
    context.close()
