"""MkDocs calls these; what they do is in `page` and `measure`."""

from __future__ import annotations

import json
import logging
import posixpath
import re
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

# MkDocs loads this file by its path.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from markdown.extensions import Extension  # type: ignore[import-untyped]
from mkdocs.exceptions import PluginError
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File
from mkdocs.utils import get_relative_url

from derive.making import NETWORKS
from docs.render.formulas import classed, fonts_of, stylesheet, with_formulas
from docs.render.manifest import ROOT, PageError
from docs.render.map import program_map
from docs.render.modules import bundled
from docs.render.notebook import NOTEBOOKS, notebook, notebook_name
from docs.render.page import (
    Site,
    missing_sections,
    not_shown,
    places_of,
    render,
    shown_again,
)
from docs.render.search import GLOSSARY, with_own

log = logging.getLogger("mkdocs.hooks.render")

#: The pages that mkdocstrings makes.
DOCSTRINGS = (
    "reference/api.md",
    "reference/derive.md",
    "reference/emit.md",
    "reference/packages.md",
)

#: A number that a line could break at the sign of its exponent; not within a tag.
POWER_OF_TEN = r"(?<![\w.])\d+(?:\.\d+)?e-\d+(?![^<]*>)"

#: The class of each style of a formula, of all pages so far.
_styles: dict[str, str] = {}

#: Where an element to play with has its script.
PLAY = ROOT / "docs/play"
#: The scripts of the elements to play with that the pages so far have.
_played: dict[str, str] = {}

_site = Site(places={}, url=lambda *_: "")


class Elements(Extension):
    """Elements of our own are blocks, within which Markdown goes on."""

    def extendMarkdown(self, md: Any) -> None:
        """Add them to those that Markdown knows; what reads them comes after."""
        md.block_level_elements += [f"maml-{path.stem}" for path in PLAY.glob("*.js")]


def on_config(config: Any, **_: Any) -> Any:
    """Let pages have elements of our own."""
    config["markdown_extensions"].insert(0, Elements())
    return config


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Find out where every equation is shown, before any page is rendered: once, and no less.

    Notebooks of chapters are files of the site from here on, so that links to them are checked.
    """
    pages = {file.src_uri: file for file in files.documentation_pages()}

    def url(target: str, page: str) -> str:
        return str(pages[target].url_relative_to(pages[page])) if target in pages else ""

    texts = {name: file.content_string for name, file in pages.items()}
    _site.places, _site.url, _site.texts = places_of(texts), url, texts
    for name, label in shown_again(texts):
        log.warning("%s: equation %s is shown twice", name, label)
    for label in not_shown(_site.places):
        log.warning("equation %s is derived but shown nowhere", label)
    _site.measured = _site.measured or figures()
    for page in filter(texts.__contains__, NOTEBOOKS):
        try:
            content = notebook(page, texts[page])
        except PageError as error:
            log.warning("%s: %s", page, error)
            continue
        files.append(File.generated(config, notebook_name(page), content=content))
    return files


def figures() -> dict[str, Any]:
    """What the build measures, once a process: `mkdocs serve` keeps the figures of its start."""
    missing = [name for name in (*NETWORKS, "warm_up") if not (ROOT / "generated" / name).is_dir()]
    if missing:
        raise PluginError(f"generated/{missing[0]} is missing; make build writes it")
    # It imports what has to be there first; MkDocs took the path back after loading this file.
    sys.path.insert(0, str(ROOT))
    from docs.render.measure import measure

    return measure()


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Fill a page in; what it asks for in vain fails a strict build."""
    name = page.file.src_uri
    if re.search(r"^\s*(```|~~~)\s*py[^\n]*\n(?!\s*--8<--)", markdown, re.MULTILINE):
        log.warning("%s: Python code is typed into the page; take it from a file", name)
    for section in missing_sections(markdown):
        log.warning("%s: there is no section %s", name, section)
    try:
        return render(markdown, name, _site)
    except PageError as error:
        log.warning("%s: %s", name, error)
        return markdown


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Keep LaTeX and listings out of the search, and the marks of docstrings out of pages.

    Every page loads the index. What a listing defines is under its name in the reference.
    """
    html = re.sub(r'(class="[^"]*\barithmatex")', r"\1 data-search-exclude", html)
    html = re.sub(r'(<div class="[^"]*\bhighlight")', r"\1 data-search-exclude", html)
    html = html.replace("<table>", '<table class="data" tabindex="0">')
    html = re.sub(POWER_OF_TEN, r'<span class="figure">\g<0></span>', html)
    if page.file.src_uri == GLOSSARY:  # each term is found by itself
        html = html.replace("<dl>", "<dl data-search-exclude>")
    if page.file.src_uri not in DOCSTRINGS:
        return html
    html = html.replace("<p>::</p>\n", "").replace("::</p>", ":</p>")
    return re.sub(r" \[\d+\]_|(?<=<p>)\.\. \[\d+\] ", "", html)


def on_post_page(output: str, page: Any, config: Any, **_: Any) -> str:
    """Render the formulas, and make links to the page itself fragments: nothing is fetched again.

    The search has read the page by now. Where an element that is kept out of it holds others, as a
    rendered formula does, it would read what follows the first of them.
    """
    html, problems = with_formulas(output)
    # What was kept out of the search has been, and every byte of a mark is loaded by every reader.
    html = classed(html, _styles).replace(" data-search-exclude", "")
    for problem in problems:
        log.warning("%s: %s", page.file.src_uri, problem)
    html = html.replace("</article>", f"{program_map(page.file.src_uri, _site)}</article>", 1)
    # From disk the fonts are there at once.
    if not config["plugins"]["material/offline"].config.enabled:
        html = html.replace("</head>", f"{preloads(fonts_of(html), page.url)}</head>", 1)
    if scripts := to_play(html, page.url):
        html = html.replace("</head>", f"{scripts}</head>", 1)
        # From disk, the search puts something else in the place of Worker.
        html = html.replace("<head>", "<head><script>NativeWorker = window.Worker</script>", 1)
    html = re.sub(r'(<img [^>]*src="([^":]+\.svg)")', partial(_sized, page=page.url), html)
    own = rf"\./?|{re.escape(posixpath.basename(page.file.dest_uri))}"
    return re.sub(rf'(<a [^>]*href=")(?:{own})(?:#([^"]*))?(?=")', r"\1#\2", html)


def _sized(image: re.Match[str], page: str) -> str:
    """Say how large a drawing is, so that what follows it stands where it will stand."""
    path = ROOT / "docs" / posixpath.normpath(posixpath.join(posixpath.dirname(page), image[2]))
    svg = path.read_text(encoding="utf-8")
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    # matplotlib counts in points.
    pixel = 96 / 72 if re.search(r'<svg [^>]*width="[\d.]+pt"', svg) else 1
    width, height = (round(float(each) * pixel) for each in size.groups()) if size else (0, 0)
    return f'{image[1]} width="{width}" height="{height}"' if size else image[1]


def preloads(fonts: Iterable[str], page: str) -> str:
    """Ask for fonts before they are needed: no formula changes its width when they come."""
    addresses = (get_relative_url(f"assets/katex/fonts/KaTeX_{font}.woff2", page) for font in fonts)
    kind = 'rel="preload" as="font" type="font/woff2" crossorigin'
    return "".join(f'<link {kind} href="{address}">' for address in addresses)


def to_play(html: str, page: str) -> str:
    """The scripts of the elements that a page has to play with, and what they draw with."""
    names = sorted(set(re.findall(r"<maml-(\w+)", html)))
    if not names:
        return ""
    for name in names:
        _played[name] = _played.get(name) or bundled(PLAY / f"{name}.js")

    def address(path: str) -> str:
        return get_relative_url(f"assets/{path}", page)

    plots = any("uPlot(" in _played[name] for name in names)
    scripts = [*["uplot/uPlot.iife.min.js"] * plots, *(f"play/{name}.js" for name in names)]
    styles = [*["uplot/uPlot.min.css"] * plots, "play.css"]
    links = [f'<link rel="stylesheet" href="{address(each)}">' for each in styles]
    tags = [f'<script defer src="{address(each)}"></script>' for each in scripts]
    return "".join([*links, *tags])


@event_priority(50)
def on_post_build(config: Any, **_: Any) -> None:
    """Publish what was measured, styles of formulas and scripts, and complete the search index.

    It comes before the theme writes the index.
    """
    index = config["plugins"]["material/search"].search_index
    index.entries = with_own(index.entries, _site)
    folder = Path(config["site_dir"])
    text = json.dumps(_site.measured, indent=1)
    (folder / "measured.json").write_text(text + "\n", encoding="utf-8")
    (folder / "assets/formulas.css").write_text(stylesheet(_styles), encoding="utf-8")
    (folder / "assets/play").mkdir(exist_ok=True)
    for name, script in _played.items():
        (folder / f"assets/play/{name}.js").write_text(script, encoding="utf-8")
