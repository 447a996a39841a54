"""The site in a browser: formulas, layout, accessibility, symbols, search, navigation, print."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Response, ViewportSize, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from docs.render.manifest import ROOT
from tests.docs.render.browser import DESK, PHONE, Site, needs_browser, watched
from tests.docs.render.page_problems import (
    COLOURS,
    FORMULAS_ON_PAPER,
    ONE_TEXT_OF_EACH_KIND,
    PRINT_PROBLEMS,
    STILL,
    STRUCTURE,
    access_problems,
    layout_problems,
    settle,
    visit,
)

A4 = ViewportSize(width=794, height=1123)
#: Of a page and what it loads, compressed as hosts send it, and of the index of the search, which
#: is fetched once and grows with every chapter.
MOST_BYTES, MOST_TO_SEARCH = 201_000, 70_000
#: Of what there is to play with, beside the trained weights.
MOST_TO_PLAY = 150_000
INDEX = "/search/search_index.json"
TO_PLAY = ("/assets/play/", "/assets/uplot/", "/assets/play.css")
WEIGHTS = ROOT / "docs/play/weights.js"
SCHEMES = {"light": "default", "dark": "slate"}
SYMBOL = "dZ1_s"

pytestmark = needs_browser


# --- What the tests do on a page ---


def chapter(site: Site) -> str:
    """The address of the page that derives the inner gradient."""
    marker = f'id="eq-{SYMBOL}"'
    [address] = [
        address
        for name, address in site.addresses().items()
        if marker in (site.folder / name).read_text(encoding="utf-8")
    ]
    return address


def click_through(page: Page, site: Site) -> None:
    """Go from the start to the chapter by the navigation."""
    place = chapter(site).removeprefix(f"{site.origin}/")
    page.locator(f'nav a[href$="{place}"]:visible').first.click()
    expect(page.locator(f"#eq-{SYMBOL} .katex").first).to_be_visible()
    settle(page)


def search(page: Page, words: str) -> None:
    """Search by the keyboard and wait for a result that has the words."""
    page.keyboard.press("s")
    expect(page.locator(".md-search__input")).to_be_focused()
    # At once: on the way to a word with a hyphen, the query that ends in one is warned of.
    page.keyboard.insert_text(words)
    page.keyboard.press("End")
    results = page.locator(".md-search-result__item")
    wanted = re.compile(re.escape(words), re.IGNORECASE)
    expect(results.filter(has_text=wanted).first).to_be_visible()


@cache
def compressed(path: Path) -> int:
    """How many bytes a host sends for a file."""
    file = path / "index.html" if path.is_dir() else path
    return len(gzip.compress(file.read_bytes(), 6))


def on_every_page(page: Page, site: Site, problems: Callable[[Page], list[str]]) -> list[str]:
    """What is wrong with each page once it is there, and whether it gets there with little."""
    lines: list[str] = []
    sizes: dict[str, int] = {}

    def weigh(response: Response) -> None:
        if not response.headers["content-type"].startswith("image/"):
            # By address: what a page asks for twice, a browser with a cache fetches once.
            sizes[response.url] = compressed(site.folder / urlsplit(response.url).path[1:])

    page.on("response", weigh)
    for name, address in site.addresses().items():
        sizes.clear()
        page.goto(address)
        try:
            settle(page)
        except PlaywrightTimeout:
            lines.append(f"{name}: formulas, fonts or animations do not come to an end")
        play = sum(size for address, size in sizes.items() if any(map(address.count, TO_PLAY)))
        index = sum(size for address, size in sizes.items() if address.endswith(INDEX))
        if (weight := sum(sizes.values()) - play - index) > MOST_BYTES:
            lines.append(f"{name}: {weight:,} bytes beside its figures")
        if index > MOST_TO_SEARCH:
            lines.append(f"{name}: {index:,} bytes to search in")
        if play > MOST_TO_PLAY + compressed(WEIGHTS):
            lines.append(f"{name}: {play:,} bytes to play with")
        lines += [f"{name}: {problem}" for problem in problems(page)]
    return lines


def paper_problems(page: Page) -> list[str]:
    """What is wrong with a page that was opened at a desk and is printed."""
    screen = page.viewport_size
    assert screen
    page.set_viewport_size(A4)
    seen = page.evaluate(FORMULAS_ON_PAPER)
    page.emulate_media(media="print")
    printed = page.evaluate(FORMULAS_ON_PAPER)
    lost = [] if printed == seen else [f"{seen} formulas on screen, {printed} on paper"]
    lines = [*lost, *page.evaluate(PRINT_PROBLEMS), *layout_problems(page)]
    page.emulate_media(media="screen")
    page.set_viewport_size(screen)
    return [f"on paper: {line}" for line in lines]


# --- Tests ---


@pytest.mark.parametrize(
    ("script", "finding"),
    [
        ("console.error('broken')", "error: broken"),
        ("console.warn('doubtful')", "warning: doubtful"),
        ("setTimeout(() => { throw Error('thrown') })", "thrown"),
        ("fetch('/gone')", "gone answers 404"),
        ("fetch('https://a.site/x.js').catch(() => 0)", "asks for https://a.site/x.js"),
    ],
)
def test_a_page_with_a_problem_fails(
    context: BrowserContext, site: Site, script: str, finding: str
) -> None:
    def break_page() -> None:
        with watched(context, site.origin) as page:
            visit(page, site.start)
            page.evaluate(f"async () => {{ await {script}; await new Promise(setTimeout) }}")

    with pytest.raises(AssertionError, match=finding):
        break_page()


@pytest.mark.parametrize(
    ("width", "schemes"), [(PHONE, ["light", "dark"]), (DESK, ["dark", "light"])]
)
def test_every_page_is_whole_and_accessible_and_prints(
    page: Page, site: Site, width: int, schemes: list[Literal["light", "dark"]]
) -> None:
    page.set_viewport_size({"width": width, "height": 900})

    page.emulate_media(color_scheme=schemes[0])

    def problems(page: Page) -> list[str]:
        # The wide page has everything that the narrow one has, and its navigation.
        lines = layout_problems(page) + (access_problems(page, STRUCTURE) if width == DESK else [])
        # A page is loaded in the first scheme and follows the system to the second. Colours do not
        # depend on the width, so each width looks at those of the second.
        page.emulate_media(color_scheme=schemes[1])
        expect(page.locator("body")).to_have_attribute("data-md-color-scheme", SCHEMES[schemes[1]])
        page.wait_for_function(STILL)
        lines += layout_problems(page) + (paper_problems(page) if width == DESK else [])
        page.evaluate(ONE_TEXT_OF_EACH_KIND)
        lines += [f"{schemes[1]}: {problem}" for problem in access_problems(page, COLOURS)]
        page.emulate_media(color_scheme=schemes[0])
        return lines

    lines = on_every_page(page, site, problems)
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("by_click", [False, True])
def test_a_symbol_lights_up_wherever_it_stands(page: Page, site: Site, by_click: bool) -> None:
    visit(page, site.start if by_click else chapter(site))
    if by_click:
        click_through(page, site)
    same = f'[data-sym="{SYMBOL}"]'
    lit, everywhere = page.locator(".lit"), page.locator(same).count()
    page.locator(f"#eq-{SYMBOL} .katex {same}").first.hover()
    expect(lit).to_have_count(everywhere)
    for place in (".katex", ".line", "svg"):
        expect(page.locator(f"{place} {same}.lit").first).to_be_visible()
    page.mouse.move(0, 0)
    expect(lit).to_have_count(0)


def test_a_symbol_is_pinned_by_a_click(page: Page, site: Site) -> None:
    visit(page, chapter(site))
    same, lit = page.locator(f'[data-sym="{SYMBOL}"]'), page.locator(".lit")
    symbol = page.locator(f'#eq-{SYMBOL} .formula [data-sym="{SYMBOL}"]').first
    symbol.click()
    page.locator("h1").hover()
    expect(lit).to_have_count(same.count())
    page.keyboard.press("Escape")
    expect(lit).to_have_count(0)
    for left in (same.count(), 0):
        symbol.click()
        page.locator("h1").hover()
        expect(lit).to_have_count(left)


def test_a_symbol_lights_up_on_focus(page: Page, site: Site) -> None:
    visit(page, chapter(site))
    same = f'[data-sym="{SYMBOL}"]'
    node = page.locator(f"svg :is(a, [tabindex]){same}, svg {same} :is(a, [tabindex])").first
    node.focus()
    expect(page.locator(".lit")).to_have_count(page.locator(same).count())
    expect(page.locator(f".katex {same}.lit").first).to_be_visible()
    node.blur()
    expect(page.locator(".lit")).to_have_count(0)


def test_search_finds_the_meta_gradient(page: Page, site: Site) -> None:
    visit(page, site.start)
    search(page, "meta-gradient")


def test_the_site_works_from_disk(disk_page: Page, offline_site: Site) -> None:
    visit(disk_page, offline_site.start)
    click_through(disk_page, offline_site)
    assert layout_problems(disk_page) == []
    search(disk_page, "meta-gradient")


def test_the_keyboard_reaches_the_content(page: Page, site: Site) -> None:
    visit(page, chapter(site))
    page.keyboard.press("Tab")
    skip = page.locator(".md-skip")
    expect(skip).to_be_focused()
    target = skip.evaluate("link => link.href")
    page.keyboard.press("Enter")
    expect(page).to_have_url(target)


def test_a_lost_reader_finds_home(page: Page, site: Site) -> None:
    page.goto(f"{site.origin}/404.html")
    home = f"{site.origin}/"
    links = page.locator("a[href]:visible")
    found = links.evaluate_all("links => links.map(link => link.href)")
    assert home in found
    links.nth(found.index(home)).click()
    expect(page).to_have_url(home)
