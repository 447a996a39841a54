"""How a reader moves what is on a page."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.docs.render.browser import PHONE, watched
from tests.docs.render.page_problems import visit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

    from tests.docs.render.browser import Site


def part(page: Page, name: str) -> Locator:
    """What carries a name for checks from outside."""
    return page.locator(f'[data-maml="{name}"]')


def number(page: Page, name: str) -> float:
    """A number that is shown."""
    text = part(page, name).inner_text()
    return float(text.replace(",", "").replace("−", "-"))


def drag(page: Page, what: Locator, by: tuple[int, int]) -> None:
    """Move something with the mouse."""
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=4)
    page.mouse.up()


@contextmanager
def phone(browser: Browser, site: Site, name: str) -> Iterator[Page]:
    """A page on a phone."""
    context = browser.new_context(
        has_touch=True, viewport={"width": PHONE, "height": 900}, reduced_motion="reduce"
    )
    with watched(context, site.origin) as page:
        visit(page, f"{site.origin}/{name}")
        yield page
    context.close()


def swipe(page: Page, what: Locator, by: int) -> None:
    """Move something sideways with a finger."""
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, at in (("touchStart", x), ("touchMove", x + by / 2), ("touchMove", x + by)):
        points = [{"x": at, "y": y}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
