"""The site in a browser: formulas, layout, accessibility, symbols, search, navigation, print."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Literal, NamedTuple

import pytest
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    Route,
    WebError,
    expect,
)
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.docs.render.page_problems import (
    COLOURS,
    EMPTY_FORMULAS,
    FORMULAS_ON_PAPER,
    PRINT_PROBLEMS,
    STILL,
    STRUCTURE,
    access_problems,
    layout_problems,
    settle,
    visit,
)
from tests.docs.render.site_links import build

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, COMMANDS)), None)
REQUIRED = os.environ.get("REQUIRE_BROWSER") == "1"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESK, A4 = 390, 1280, 794
MOST_BYTES = 1_000_000
PATIENCE = 15_000
SCHEMES = {"light": "default", "dark": "slate"}
SYMBOL = "dZ1_s"

expect.set_options(timeout=PATIENCE)
pytestmark = pytest.mark.skipif(not CHROMIUM and not REQUIRED, reason="there is no Chromium")


class Site(NamedTuple):
    """A built site and the address it is opened by."""

    folder: Path
    origin: str

    @property
    def start(self) -> str:
        """Where a reader enters; on disk there is no server to find the index."""
        return f"{self.origin}/index.html" if self.origin.startswith("file") else f"{self.origin}/"

    def addresses(self) -> dict[str, str]:
        """The pages by name; directories are named, not their index."""
        names = [path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.html")]
        return {name: f"{self.origin}/{name.removesuffix('index.html')}" for name in sorted(names)}


class Quiet(SimpleHTTPRequestHandler):
    """A file server without a log; what a page weighs must not depend on an earlier one."""

    def end_headers(self) -> None:
        """Forbid the browser to keep anything."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


# --- Fixtures ---


@pytest.fixture(scope="session")
def base_url() -> None:
    """Stand in for the plugin's own, whose form pytest deprecates and so counts as an error."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    assert CHROMIUM, f"REQUIRE_BROWSER is set, and there is none of {', '.join(COMMANDS)}"
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return browser_context_args | {
        "viewport": {"width": DESK, "height": 900},
        "reduced_motion": "reduce",
    }


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        origin = f"http://127.0.0.1:{server.server_port}"
        # Instant navigation works only where the site was built for the address that serves it.
        build(folder, SITE_URL=origin)
        Thread(target=server.serve_forever).start()
        yield Site(folder, origin)
        server.shutdown()


@pytest.fixture(scope="session")
def offline_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("offline")
    build(folder, OFFLINE="true")
    return Site(folder, folder.as_uri())


@contextmanager
def watched(context: BrowserContext, origin: str) -> Iterator[Page]:
    """A page that fails on errors, warnings, and on what is not the site's own."""
    problems: list[str] = []

    def refuse(route: Route) -> None:
        problems.append(f"{route.request.frame.url} asks for {route.request.url}")
        route.abort()

    def note_message(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            problems.append(f"{message.location['url']}: {message.type}: {message.text}")

    def note_error(error: WebError) -> None:
        address = error.page.url if error.page else origin
        problems.append(f"{address}: {error.error}")

    def note_status(response: Response) -> None:
        if response.status >= 400:
            problems.append(f"{response.url} answers {response.status}")

    context.set_default_timeout(PATIENCE)
    context.route(re.compile(rf"^(?!{re.escape(origin)}/)"), refuse)
    context.on("console", note_message)
    context.on("weberror", note_error)
    context.on("response", note_status)
    yield context.new_page()
    assert not problems, "\n".join(dict.fromkeys(problems))


@pytest.fixture
def page(context: BrowserContext, site: Site) -> Iterator[Page]:
    with watched(context, site.origin) as watched_page:
        yield watched_page


@pytest.fixture
def disk_page(context: BrowserContext, offline_site: Site) -> Iterator[Page]:
    with watched(context, offline_site.origin) as watched_page:
        yield watched_page


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


def on_every_page(page: Page, site: Site, problems: Callable[[Page], list[str]]) -> list[str]:
    """What is wrong with each page once it is there, and whether it gets there with little."""
    lines: list[str] = []
    sizes: dict[str, int] = {}

    def weigh(response: Response) -> None:
        if not response.headers["content-type"].startswith("image/"):
            # By address: what a page asks for twice, a browser with a cache fetches once.
            sizes[response.url] = int(response.headers["content-length"])

    page.on("response", weigh)
    for name, address in site.addresses().items():
        sizes.clear()
        page.goto(address)
        try:
            settle(page)
        except PlaywrightTimeout:
            lines.append(f"{name}: formulas, fonts or animations do not come to an end")
        if (weight := sum(sizes.values())) > MOST_BYTES:
            lines.append(f"{name}: {weight:,} bytes beside its figures")
        lines += [f"{name}: {problem}" for problem in problems(page)]
    return lines


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
def test_every_page_is_whole_and_accessible(
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
        lines += layout_problems(page)
        # They are found several times faster without KaTeX's boxes.
        page.evaluate(EMPTY_FORMULAS)
        lines += [f"{schemes[1]}: {problem}" for problem in access_problems(page, COLOURS)]
        page.emulate_media(color_scheme=schemes[0])
        return lines

    lines = on_every_page(page, site, problems)
    assert not lines, "\n".join(lines)


def test_every_page_is_whole_on_paper(page: Page, site: Site) -> None:
    page.set_viewport_size({"width": A4, "height": 1123})

    def problems(page: Page) -> list[str]:
        page.emulate_media(media="screen")
        seen = page.evaluate(FORMULAS_ON_PAPER)
        page.emulate_media(media="print")
        printed = page.evaluate(FORMULAS_ON_PAPER)
        lost = [] if printed == seen else [f"{seen} formulas on screen, {printed} on paper"]
        return [*lost, *page.evaluate(PRINT_PROBLEMS), *layout_problems(page)]

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


def test_formulas_survive_navigation_without_a_reload(page: Page, site: Site) -> None:
    visit(page, site.start)
    page.evaluate("window.kept = true")
    click_through(page, site)
    assert page.evaluate("window.kept") is True
    assert layout_problems(page) == []


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
