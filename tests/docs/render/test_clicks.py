"""Sixty clicks at each width: a link shows what it leads to, at once and where a reader looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.docs.render.browser import DESK, PHONE, needs_browser
from tests.docs.render.page_problems import settle, visit

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

    from tests.docs.render.browser import Site

pytestmark = needs_browser

CLICKS, HEIGHT = 60, 900
#: How far below the header the top of a target may be, in pixels.
BELOW = 160
MOST_SHIFT = 0.02
#: A fast telephone network, and a processor of a quarter of the speed.
SLOW = {"offline": False, "latency": 150, "downloadThroughput": 2e5, "uploadThroughput": 1e5}
SLOW_PAGES = ["4-inner-gradient", "7-meta-gradient", "reference/rules", "sinusoid"]

#: On a phone it is in a drawer.
CONTENTS = "table of contents"
KINDS = {
    "equation in a sentence": ".md-content a.ref",
    "reads and read by": ".equation .links a[data-sym]",
    "number of an equation": ".equation a.number",
    "end of a line of code": ".highlight .c1 a",
    "line of code": ".equation .links a[href*='#L']",
    "box of a drawing": "svg a",
    "notation": ".md-content a[href$='#notation']",
    "glossary": ".md-content a[href*='glossary/#']",
    "rule": ".md-content a[href*='rules/#']",
    "bibliography": ".md-content a[href*='bibliography/#']",
    "footnote": "a.footnote-ref",
    "way back from a footnote": "a.footnote-backref",
    CONTENTS: "[data-md-component=toc] > li > a",
    "next and previous": ".md-footer__link",
    "reference": ".md-content a.autorefs",
    "formula": ".katex a",
}

# Every link of a kind by its place among them, and what is wrong with the page's links and scripts.
LINKS = """([html, address, kinds]) => {
    const page = new DOMParser().parseFromString(html, "text/html"), problems = []
    for (const link of page.querySelectorAll("a")) {
        const href = link.getAttribute("href") ?? link.getAttribute("xlink:href") ?? "#"
        const own = new URL(href, address).href.split("#")[0] === address
        if (own && !href.startsWith("#")) problems.push(`${href} fetches its own page again`)
    }
    for (const script of page.querySelectorAll("script"))
        if (/katex/i.test(script.src + script.text)) problems.push(`loads ${script.src || "KaTeX"}`)
    const counts = Object.entries(kinds)
        .map(([kind, selector]) => [kind, page.querySelectorAll(selector).length])
    return [counts, problems]
}"""
# The theme moves the list of pages to the page's place in it, beside what is read.
WATCH_SHIFTS = """
    window.shift = 0
    const inList = ({ node }) => node?.parentElement?.closest(".md-sidebar")
    new PerformanceObserver(list => {
        for (const entry of list.getEntries())
            if (!entry.hadRecentInput && !entry.sources.every(inList)) window.shift += entry.value
    }).observe({ type: "layout-shift", buffered: true })
"""
# The address that a link leads to; what it is folded in is opened.
OPENED = """link => {
    for (let each = link; each; each = each.parentElement)
        if (each.tagName === "DETAILS") each.open = true
    return new URL(link.href.baseVal ?? link.href, document.baseURI).href
}"""
# What was opened has moved the page; that is no fault of the click to come.
COUNT_AGAIN = """async () => {
    for (const _ of [1, 2]) await new Promise(requestAnimationFrame)
    window.shift = 0
}"""
# Where the target stands, below the header; what covers it; whether the page ends before it is up.
LANDING = """() => {
    const header = document.querySelector(".md-header").getBoundingClientRect().bottom
    const hash = decodeURIComponent(location.hash.slice(1))
    if (!hash) return [scrollY, "", false]
    const target = document.getElementById(hash), box = target.getBoundingClientRect()
    const seen = target.checkVisibility() ? "" : "it is hidden"
    const [button] = document.querySelectorAll(".md-top:not([hidden])")
    const over = button?.getBoundingClientRect()
    const lies = over && over.bottom > box.top && over.top < Math.min(box.bottom, box.top + 24)
    const root = document.documentElement
    return [
        box.top - header,
        seen || (lies ? "the button to the top lies over it" : ""),
        scrollY + innerHeight > root.scrollHeight - 2 && box.top < innerHeight,
    ]
}"""


class Click(NamedTuple):
    """A link, as the place that it has on its page among those of its kind."""

    kind: str
    page: str
    place: int


def clicks(site: Site, page: Page) -> list[Click]:
    """Links of all kinds from many pages; the same ones each time."""
    found: dict[str, list[Click]] = {kind: [] for kind in KINDS}
    for name, address in site.addresses().items():
        html = (site.folder / name).read_text(encoding="utf-8")
        for kind, count in page.evaluate(LINKS, [html, address, KINDS])[0]:
            found[kind] += [Click(kind, name, place) for place in range(count)]
    kinds = [links for links in found.values() if links]
    chosen: list[Click] = []
    for left, links in zip(range(len(kinds), 0, -1), sorted(kinds, key=len), strict=True):
        wanted = min((CLICKS - len(chosen)) // left, len(links))
        # From the middle of equal parts: pages in turn, and seldom the first link of one.
        chosen += [links[(2 * i + 1) * len(links) // (2 * wanted)] for i in range(wanted)]
    # Page by page, so that none is loaded oftener than it must be.
    return sorted(chosen, key=lambda click: (click.page, click.kind, click.place))


def landing_problems(page: Page) -> list[str]:
    """What is wrong with where a reader is after a click."""
    below, covered, at_end = page.evaluate(LANDING)
    shift = page.evaluate("shift")
    lines = [covered] if covered else []
    if not (0 <= below <= BELOW or (at_end and below > 0)):
        lines.append(f"its top is {below:.0f} px below the header")
    if shift >= MOST_SHIFT:
        lines.append(f"the page shifts by {shift:.3f}")
    return lines


def click_problems(page: Page, address: str, click: Click) -> list[str]:
    """What goes wrong with a click; the page may be there already."""
    in_drawer = click.kind == CONTENTS and page.viewport_size == {"width": PHONE, "height": HEIGHT}
    # The table of contents shows what is near; at the top of a page all is as it was chosen.
    if click.kind == CONTENTS or page.url.partition("#")[0] != address:
        visit(page, address)
    link = page.locator(KINDS[click.kind]).nth(click.place)
    target = link.evaluate(OPENED)
    page.evaluate(COUNT_AGAIN)
    if in_drawer:
        page.locator("header label[for=__drawer]").click()
        page.locator("label.md-nav__link[for=__toc]").click()
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type in {"document", "fetch", "xhr"}:
            asked.append(request.url)

    page.on("request", note)
    link.click()
    page.wait_for_url(target)
    settle(page)
    page.remove_listener("request", note)
    lines = landing_problems(page)
    if target.partition("#")[0] == address and asked:
        lines.append(f"asks for {asked}")
    return [f"{click.page}: {click.kind} {click.place}: to {target}: {line}" for line in lines]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_click_lands(page: Page, site: Site, width: int) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.add_init_script(WATCH_SHIFTS)
    chosen = clicks(site, page)
    addresses = site.addresses()
    lines = [
        line for click in chosen for line in click_problems(page, addresses[click.page], click)
    ]
    assert not lines, "\n".join(lines)
    assert len(chosen) == CLICKS


def test_no_page_fetches_itself_or_loads_katex(page: Page, site: Site) -> None:
    lines = [
        f"{name}: {problem}"
        for name, address in site.addresses().items()
        for problem in page.evaluate(
            LINKS, [(site.folder / name).read_text(encoding="utf-8"), address, {}]
        )[1]
    ]
    assert not lines, "\n".join(lines)
    assert not list(site.folder.rglob("katex*.js"))


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", SLOW_PAGES)
def test_a_page_that_comes_slowly_does_not_shift(
    page: Page, site: Site, name: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.add_init_script(WATCH_SHIFTS)
    page.set_default_timeout(60_000)
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", SLOW)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    visit(page, f"{site.origin}/{name}/")
    assert page.evaluate("shift") < MOST_SHIFT


@pytest.mark.parametrize("again", [False, True])
def test_a_link_opens_what_its_target_is_folded_in(page: Page, site: Site, again: bool) -> None:
    visit(page, f"{site.origin}/4-inner-gradient/")
    page.add_style_tag(content="#folded { margin-block: 3000px }")
    page.evaluate(
        """() => document.querySelector(".md-content__inner").insertAdjacentHTML("beforeend",
            `<a id="way" href="#folded">way</a><details><summary>outer</summary><details>
            <summary>inner</summary><p id="folded">folded</p></details></details>`)"""
    )
    for _ in range(1 + again):
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = false)")
        page.locator("#way").click()
        page.wait_for_url("**#folded")
        assert page.locator("#folded").is_visible()
        below, covered, _ = page.evaluate(LANDING)
        assert 0 <= below <= BELOW
        assert not covered


def test_a_formula_is_copied_as_latex(page: Page, site: Site) -> None:
    visit(page, f"{site.origin}/4-inner-gradient/")
    copied = page.evaluate(
        """() => {
            const data = new DataTransfer()
            // From the middle of a formula to the end of its paragraph.
            const first = document.querySelector("p .arithmatex")
            const chosen = document.createRange()
            chosen.selectNodeContents(first.closest("p"))
            chosen.setStart(first.querySelector(".katex-html").firstChild, 0)
            getSelection().removeAllRanges()
            getSelection().addRange(chosen)
            document.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data }))
            const one = data.getData("text/plain"), latex = first.querySelector("annotation")
            const wide = document.querySelector("#eq-dZ3_s .formula")
            getSelection().selectAllChildren(wide)
            document.dispatchEvent(new ClipboardEvent("copy", { clipboardData: data }))
            const parts = [...wide.querySelectorAll("annotation")]
                const formula = parts.map(each => each.textContent).join(" ")
            return [one, latex.textContent, data.getData("text/plain"), formula]
        }"""
    )
    assert copied[0].startswith(f"${copied[1]}$")
    assert copied[2] == f"$${copied[3]}$$"
    assert r"\q" not in "".join(copied)
