"""The first screen of the start page, and a film that plays again."""

from __future__ import annotations

import re
from html import unescape

import pytest
from playwright.sync_api import Page, Request, expect

from docs.render.card import SIZE
from tests.docs.render.browser import DESK, PHONE, Site, needs_browser
from tests.docs.render.page_problems import visit

pytestmark = needs_browser

#: What a reader sees without scrolling, and where the buttons lead.
FIRST_SCREEN = ["h1", ".promise", ".quoted .katex", ".quoted .line", ".play canvas", ".actions"]
BUTTONS = {
    "Read": "1-maml/", "Watch it learn": "playground/", "Run": "#run", "Check my MAML": "diagnose/",
}  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_has_all_that_matters(page: Page, site: Site, scheme: str) -> None:
    page.set_viewport_size({"width": DESK, "height": 900})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    visit(page, site.start)
    for place in FIRST_SCREEN:
        box = page.locator(place).first.bounding_box()
        assert box is not None, place
        assert box["y"] > 0, place
        assert box["y"] + box["height"] < 900, place
    buttons = page.locator(".actions a")
    found = buttons.evaluate_all("links => links.map(link => [link.innerText, link.href])")
    assert dict(found) == {text: site.start + address for text, address in BUTTONS.items()}
    for address in dict(found).values():
        if "#" in address:
            expect(page.locator("#run")).to_have_count(1)
        else:
            assert page.request.get(address).ok


def test_on_a_phone_the_buttons_are_on_the_first_screen(page: Page, site: Site) -> None:
    page.set_viewport_size({"width": PHONE, "height": 844})
    visit(page, site.start)
    box = page.locator(".actions").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 844


def test_the_film_plays_again_on_the_page(page: Page, site: Site) -> None:
    page.emulate_media(reduced_motion="no-preference")
    address = f"{site.origin}/sinusoid/best/"
    visit(page, address)
    documents: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type == "document":
            documents.append(request.url)

    page.on("request", note)
    film = page.locator(".film img")
    before = film.get_attribute("src")
    with page.expect_response("**/adaptation.svg?*"):
        page.get_by_role("button", name="Play again").click()
    assert film.get_attribute("src") != before
    expect(page).to_have_url(address)
    assert documents == []


def test_without_motion_or_scripts_no_button_promises_any(page: Page, site: Site) -> None:
    page.emulate_media(reduced_motion="reduce")
    visit(page, f"{site.origin}/sinusoid/best/")
    expect(page.locator(".again")).to_be_hidden()


def head(site: Site, page: str) -> dict[str, str]:
    """The meta tags of a page."""
    text = (site.folder / page).read_text(encoding="utf-8")
    tags = re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)"', text)
    return {name: unescape(content) for name, content in tags}


def test_a_link_to_a_page_has_a_title_a_sentence_and_a_card(site: Site) -> None:
    for page in ("index.html", "7-meta-gradient/index.html"):
        meta = head(site, page)
        assert meta["og:url"] == f"{site.origin}/{page.removesuffix('index.html')}"
        assert meta["og:description"] == meta["description"]
        assert meta["twitter:card"] == "summary_large_image"
        assert meta["og:image"] == f"{site.origin}/assets/card.png"
        assert (meta["og:image:width"], meta["og:image:height"]) == tuple(map(str, SIZE))
    assert (site.folder / "assets/card.png").is_file()
    assert head(site, "7-meta-gradient/index.html")["og:title"] == "The meta-gradient"
    text = (site.folder / "index.html").read_text(encoding="utf-8")
    assert f"<title>{head(site, 'index.html')['og:title']}</title>" in unescape(text)


def test_without_an_address_there_is_no_card(offline_site: Site) -> None:
    meta = head(offline_site, "index.html")
    assert "og:title" in meta
    assert "og:image" not in meta
