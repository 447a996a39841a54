"""Chapter 17's verdict on a file, in a browser."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from playwright.sync_api import expect

from docs.diagnose.cases import Case, cases
from docs.diagnose.compare import judged
from docs.diagnose.gradients import first_order, second_order
from docs.diagnose.reading import read
from tests.docs.render.browser import PHONE, needs_browser, watched
from tests.docs.render.gestures import part
from tests.docs.render.page_problems import access_problems, layout_problems, settle, visit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from tests.docs.render.browser import Site

pytestmark = needs_browser

#: A mistake is looked for among all that are known.
PATIENCE = 60_000


def gradients(folder: Path, gradient: Callable[[Case], Any]) -> Path:
    """A file as somebody would make it."""
    arrays = {
        f"relu2/{name}": array.astype("f4")
        for name, array in gradient(cases()["relu2"])._asdict().items()
    }
    np.savez(folder / "g.npz", allow_pickle=False, **arrays)
    return folder / "g.npz"


@pytest.fixture
def verdict(page: Page, site: Site) -> Page:
    visit(page, f"{site.origin}/diagnose/")
    return page


def test_a_file_is_judged_in_the_page(verdict: Page, tmp_path: Path) -> None:
    asked: list[str] = []
    verdict.on("request", lambda request: asked.append(request.url))
    for gradient, answer in (
        (first_order, "Second order? no. The meta-gradient? no: first order."),
        (second_order, "Second order? yes. The meta-gradient? yes, for one inner step"),
    ):
        path = gradients(tmp_path, gradient)
        part(verdict, "file").set_input_files(path)
        expect(part(verdict, "verdict-status")).to_contain_text(answer)
        assert part(verdict, "verdict").inner_text() == str(judged(read(path)))
    expect(verdict.locator("maml-verdict")).to_contain_text("It never leaves the browser.")
    assert asked == []


def test_a_text_is_judged_by_keys_alone(verdict: Page) -> None:
    status = part(verdict, "verdict-status")
    part(verdict, "paste").focus()
    verdict.keyboard.insert_text('{"relu2": {"W1": [[NaN]]}}')
    verdict.keyboard.press("Tab")
    verdict.keyboard.press("Enter")
    expect(status).to_have_text(
        "the text: relu2/b1 is missing; there must be W1, b1, W2, b2, W3, b3"
    )
    expect(part(verdict, "verdict")).to_be_hidden()
    record = {
        name: array.tolist() for name, array in second_order(cases()["tanh2"])._asdict().items()
    }
    part(verdict, "paste").fill(json.dumps({"tanh2": record}))
    verdict.keyboard.press("Tab")
    verdict.keyboard.press("Enter")
    expect(status).to_contain_text("The meta-gradient? yes, for one inner step")
    # From the buttons the whole verdict is reached by keys, where it may scroll.
    part(verdict, "judge-ours").focus()
    verdict.keyboard.press("Tab")
    expect(part(verdict, "verdict")).to_be_focused()


DROP = """(element, files) => {
    const data = new DataTransfer()
    for (const [name, bytes] of files) data.items.add(new File([Uint8Array.from(bytes)], name))
    for (const type of ["dragover", "drop"])
        element.dispatchEvent(
            new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }))
}"""


def test_a_file_is_dropped(verdict: Page, tmp_path: Path) -> None:
    path = gradients(tmp_path, first_order)
    place, files = verdict.locator(".drop"), [[path.name, [*path.read_bytes()]]]
    place.evaluate(DROP, files)
    expect(part(verdict, "verdict-status")).to_contain_text("no: first order")
    place.evaluate(DROP, [*files, *files])
    expect(part(verdict, "verdict-status")).to_have_text("there are 2 files; it must be one")


def test_a_mistake_of_ours_is_judged_by_a_tap(browser: Browser, site: Site) -> None:
    context = browser.new_context(
        has_touch=True, viewport={"width": PHONE, "height": 900}, reduced_motion="reduce"
    )
    with watched(context, site.origin) as page:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            visit(page, f"{site.origin}/diagnose/")
            part(page, "mistake").select_option("only the head adapted")
            part(page, "judge-ours").tap()
            said = "this variant is known as ANIL"
            expect(part(page, "verdict")).to_contain_text(said, timeout=PATIENCE)
            settle(page)
            assert layout_problems(page) == []
            assert access_problems(page, {}, {"include": [".play"]}) == []
    context.close()


def test_a_file_is_judged_from_disk(disk_page: Page, offline_site: Site, tmp_path: Path) -> None:
    visit(disk_page, f"{offline_site.origin}/diagnose/index.html")
    part(disk_page, "file").set_input_files(gradients(tmp_path, first_order))
    expect(part(disk_page, "verdict-status")).to_contain_text("no: first order")


def test_without_scripts_there_is_the_command(browser: Browser, site: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.origin}/diagnose/")
    expect(page.locator("maml-verdict")).to_contain_text("maml-derived diagnose my_gradients.npz")
    context.close()
