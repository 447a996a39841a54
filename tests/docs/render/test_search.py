"""What a reader finds who types a number, a name or a word."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Page, expect

from docs.render.manifest import Label
from docs.render.search import plain, weight, with_own
from tests.docs.render.browser import Site, needs_browser
from tests.docs.render.page_problems import visit
from tests.docs.render.pages import PAGES, rendered, small_site

#: What is typed, and the page and the place that stand first.
WANTED = {
    "7.30": ("7-meta-gradient", "eq-W2_bar"),
    "(7.30)": ("7-meta-gradient", "eq-W2_bar"),
    "7.3": ("7-meta-gradient", "eq-Z2_q_bar"),
    "8.29": ("8-rewrite", "eq-rewritten-W2_bar"),
    "W2_bar": ("7-meta-gradient", "eq-W2_bar"),
    "dZ1_s": ("4-inner-gradient", "eq-dZ1_s"),
    "alpha": ("reference/notation", "letter-alpha"),
    "hessian": ("reference/glossary", "hessian"),
    "shots": ("reference/glossary", "shots"),
    "second order": ("7-meta-gradient", ""),
    "second-order": ("7-meta-gradient", ""),
    "first-order": ("7-meta-gradient", ""),
    "first order": ("7-meta-gradient", ""),
}

#: The results as a reader sees them: the address of each, a page and its sections in turn.
RESULTS = """() => [...document.querySelectorAll(".md-search-result__item")].map(item =>
    [...item.querySelectorAll(":scope > a, :scope > details > a")].map(link => link.href))"""


def entries() -> list[dict[str, Any]]:
    return with_own([], rendered()[0])


def test_every_equation_term_and_letter_is_an_entry_of_its_own() -> None:
    found = entries()
    places = [entry["location"] for entry in found]
    assert len(set(places)) == len(places)
    for label, page in rendered()[0].places.items():
        assert f"{page}#{label.anchor}" in places
    terms = re.findall(r"\{ #([\w-]+) \}", PAGES["reference/glossary.md"])
    assert len(terms) > 50
    assert [place for place in places if "glossary" in place] == [
        f"reference/glossary.md#{term}" for term in terms
    ]
    text = rendered()[1]["reference/notation.md"]
    letters = [place.partition("#")[2] for place in places if "#letter-" in place]
    assert letters == re.findall(r'id="(letter-\w+)"', text)


def test_answers_to_exercises_are_not_given_away() -> None:
    sections = ("7-meta-gradient/#the-step", "7-meta-gradient/#exercises", "2-warm-up/#exercises")
    made = [{"location": place, "title": "", "text": ""} for place in sections]
    found = with_own(made, rendered()[0])
    assert [entry["location"] for entry in found if entry in made] == list(sections[:1])


def test_an_entry_says_what_an_equation_is() -> None:
    (entry,) = [each for each in entries() if each["title"] == "(7.30) W2_bar"]
    assert entry["text"].startswith("<p>adjoint of the query loss, meta-gradient: <code>W2_bar =")
    titles = [each["title"] for each in entries()]
    assert "(8.29) W2_bar, rewritten" in titles
    assert "(7.30') W2_bar, first order" in titles
    site = small_site()
    site.places = {Label("tanh2", "derived", "Z1_s"): "3-network.md"}
    assert "(3.1) Z1_s, tanh2" in [each["title"] for each in with_own([], site)]


def test_the_shorter_of_two_that_begin_alike_comes_first() -> None:
    assert weight(4, "Hessian") > weight(4, "Hessian-vector product") > 4
    boosts = {each["title"]: each["boost"] for each in entries()}
    assert boosts["(7.30) W2_bar"] > boosts["(7.30') W2_bar, first order"]
    assert boosts["(7.30) W2_bar"] > boosts["(8.29) W2_bar, rewritten"]
    assert boosts["(4.5) dZ1_s"] > boosts["(7.18) dZ1_s_bar"]
    assert boosts["(7.3) Z2_q_bar"] > boosts["(7.33) b3_bar"]


def test_a_meaning_is_indexed_in_words() -> None:
    text = "One step of size $\\alpha$ against it, written $\\odot$. [Chapter 5](../5-step.md)."
    assert plain(text) == "One step of size alpha against it, written. Chapter 5."
    meanings = [each["text"] for each in entries() if "glossary" in each["location"]]
    assert not [text for text in meanings if re.search(r"[$\[\]]|\.md", text)]


def test_tags_stay_with_their_page() -> None:
    page = {"location": "a/", "title": "A", "text": "", "tags": ["x"]}
    section = page | {"location": "a/#b"}
    first, second, *_ = with_own([page, section], small_site())
    assert first == page
    assert second == {"location": "a/#b", "title": "A", "text": ""}


def results(page: Page, words: str) -> list[list[str]]:
    """The addresses of what the search finds, page by page, best first."""
    page.locator(".md-search__input").fill(words)
    page.keyboard.press("End")  # the theme waits for a key
    expect(page.locator(".md-search-result__item").first).to_be_visible()
    page.wait_for_timeout(400)  # the list is drawn anew after each key
    found: list[list[str]] = page.evaluate(RESULTS)
    return found


@needs_browser
def test_a_reader_finds_what_was_typed(page: Page, site: Site) -> None:
    visit(page, site.start)
    page.keyboard.press("s")
    wrong = {}
    for words, (place, anchor) in WANTED.items():
        first = results(page, words)[0]
        best = [link.partition("?")[0] + "#" + link.partition("#")[2] for link in first]
        wanted = f"{site.origin}/{place}/#{anchor}"
        # A page stands above its sections; where a section is meant, it is the first of them.
        if best[1 if anchor else 0] != wanted:
            wrong[words] = best[:4]
    assert not wrong


@needs_browser
def test_a_term_is_found_with_its_own_meaning_alone(page: Page, site: Site) -> None:
    visit(page, site.start)
    page.keyboard.press("s")
    results(page, "hessian")
    item = page.locator(".md-search-result__item").first
    (meaning,) = [each for each in entries() if each["location"].endswith("#hessian")]
    shown = item.locator(":scope > a").nth(1)
    expect(shown).to_contain_text("The matrix of all second derivatives of a loss")
    # Of the other terms that have the word, nothing is shown before one asks for more.
    assert len(item.inner_text()) < len(meaning["text"]) + 200


@needs_browser
def test_the_site_on_disk_has_the_same_entries(site: Site, offline_site: Site) -> None:
    served = json.loads((site.folder / "search/search_index.json").read_text(encoding="utf-8"))
    script = (offline_site.folder / "search/search_index.js").read_text(encoding="utf-8")
    on_disk = json.loads(script.removeprefix("var __index = "))
    assert [entry["title"] for entry in on_disk["docs"]] == [
        entry["title"] for entry in served["docs"]
    ]
    (place,) = [e["location"] for e in on_disk["docs"] if e["title"] == "(7.30) W2_bar"]
    assert place == "7-meta-gradient.html#eq-W2_bar"
