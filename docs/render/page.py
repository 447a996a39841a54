"""What the pages draw from the derivation, the experiment and the build's own measurements.

A page names equations, numbers, diagrams and code; they are fetched from the files that a command
wrote or measured while the site is built. Nothing derived is typed into a page::

    {{eq:Z1_s H1_s}}               equations of relu2 as derived, with number, shape and code
    {{eq:rewritten/Z1_q}}          as rewritten
    {{eq:first_order/W1_bar}}      as first-order MAML has it
    {{eq:warm_up/derived/w_bar}}   of another derivation
    {{readers:W2}}                 the equations of the way there that read a quantity of relu2
    {{worked:H2_s_bar}}            an adjoint of relu2, worked out with the trace rule
    {{followed:inline}}            an equation of relu2 after a pass of the rewrite
    {{quote:W2_bar}}               an equation and its code, away from the place that shows it
    [eq:Z1_s]                      the number of an equation, as a link to it
    [sym:Z1_s]                     a quantity in a sentence, as its equations write it
    {{diagram:relu2/query A caption.}}    a drawing of generated/relu2/diagrams/
    {{code:relu2/kernel/query forward}}   a block of meta_loss_and_gradient
    {{source:relu2/kernel}}        a generated module, line by line
    {{python:docs/by_hand.py:normalised}} a section of a module that a person wrote
    {{declared:anil}}              the row of an algorithm, without where it comes from
    {{activations}}                the functions that a network may have, with their slopes
    {{refused:--hidden -1}}        what derive/build.py says to flags that it refuses
    {{passes:relu2}}               what each pass of the rewrite did
    {{number:relu2/derived/equations}}    a figure of that table
    {{stages:relu2}}               the followed equation and these figures, pass by pass
    {{choices:relu2}}              for each layer, when its fast weights are formed
    {{workspace:relu2/buffers}}    a figure of the workspace form
    {{rules:tanh2}}                the derivative rules that a derivation used
    {{example:w_bar}}              a number of the worked example in scalars
    {{collapsed:hessian}}          the meta-gradient of one linear layer as one product
    {{numbers:relu2}}              what is given in the toy example of a network
    {{minutes:1-maml.md 5-step.md}}    how long it takes to read these pages
    {{measured:proof/derived}}     a number, or a table, that this build measured
    {{speed:ratios}}               a table of what make bench measured
    {{speed:machine/fma:.0f}}      a number of its record, by its path and with a format
    {{results:table/quick}}        what make results found
    {{characters:table/glyphs}}    the same of characters
    {{comparison:methods/10shot}}  all methods beside each other, and beside what was published
    {{diagnose:verdict first order}}      what the diagnosis says, and its tables
    {{attack:table}}              what hostile inputs came to
    {{check:faults}}               what the check says of planted faults, and of right codes
    {{places:relu2}}               for scripts: by quantity, its equation's number and address
    {{notation}}                   the letters, or some: {{notation:X W}}
    {{family_letters}}             the letters that other algorithms and losses have besides
    {{symbols:relu2}}              every quantity of a network
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from docs.render.attack import attacked
from docs.render.characters import characters
from docs.render.check import checked
from docs.render.code import hand_written, stage_block, whole_file
from docs.render.comparison import comparison
from docs.render.declared import activation_table, declared, family_letters, refused
from docs.render.diagnose import diagnosed
from docs.render.equations import INPUTS, equation_html, quoted_html
from docs.render.manifest import (
    LINEAR,
    PAGE_NETWORK,
    ROOT,
    Label,
    PageError,
    find,
    label_of,
    manifest,
    marked,
    readers,
    symbols,
)
from docs.render.reading_time import reading_time
from docs.render.results import results
from docs.render.speed import speed
from docs.render.tables import (
    choice_table,
    collapsed,
    example,
    followed,
    given_numbers,
    measured,
    notation_table,
    pass_number,
    pass_table,
    rule_table,
    stages,
    symbol_table,
    workspace_number,
)
from docs.render.worked import worked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


#: The element that switches orders and changes what is given in the small task.
ORDERS = "<maml-orders"


@dataclass
class Site:
    """What rendering a page needs to know of the others.

    Attributes
    ----------
    places
        The page that shows each equation.
    url
        The address of one page from another; nothing where there is no such page.
    measured
        What this build measured.
    texts
        The pages as written.
    """

    places: Mapping[Label, str]
    url: Callable[[str, str], str]
    measured: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)

    def href(self, page: str, label: Label) -> str:
        """The address of an equation from a page, or nothing where none shows it."""
        place = self.places.get(label)
        if place is None:
            return ""
        return f"{'' if place == page else self.url(place, page)}#{label.anchor}"


def render(markdown: str, page: str, site: Site) -> str:
    """Fill a page in.

    Parameters
    ----------
    markdown
        The page as written.
    page
        Its path under ``docs``.
    site
        What it may refer to.

    Returns
    -------
    str
        The page to convert.

    Raises
    ------
    PageError
        When the page asks for something that does not exist.
    """

    def href(label: Label) -> str:
        return site.href(page, label)

    commands: dict[str, Callable[[str], str]] = {
        "eq": lambda rest: shown_equations(rest, page, site, in_numbers=ORDERS in markdown),
        "quote": lambda rest: quoted(rest, page, site),
        "minutes": lambda rest: reading_time(rest.split(), site.texts),
        "diagram": lambda rest: diagram(rest, page, site),
        "code": lambda rest: stage_block(rest, href),
        "source": lambda rest: whole_file(rest, href),
        "python": hand_written,
        "declared": declared,
        "activations": lambda _: activation_table(),
        "refused": refused,
        "passes": pass_table,
        "stages": stages,
        "number": pass_number,
        "choices": choice_table,
        "workspace": workspace_number,
        "rules": rule_table,
        "readers": readers_of,
        "worked": worked,
        "followed": followed,
        "example": example,
        "numbers": given_numbers,
        "collapsed": collapsed,
        "measured": lambda rest: measured(rest, site.measured),
        "speed": speed,
        "results": results,
        "characters": characters,
        "comparison": comparison,
        "diagnose": diagnosed,
        "check": checked,
        "attack": attacked,
        "symbols": symbol_table,
        "places": lambda rest: places_for_scripts(rest, page, site),
        "notation": notation_table,
        "family_letters": lambda _: family_letters(),
    }

    def fill(match: re.Match[str]) -> str:
        command = commands.get(match["command"])
        if command is None:
            raise PageError(f"there is no command {match['command']!r}")
        text = command((match["rest"] or "").strip())
        # Within a list or a fold, every line has to stand as far in as the first.
        before = markdown[markdown.rfind("\n", 0, match.start()) + 1 : match.start()]
        return text.replace("\n", f"\n{before}") if before.isspace() else text

    filled = re.sub(r"\{\{\s*(?P<command>\w+)(:(?P<rest>[^}]*))?\}\}", fill, markdown)
    filled = style_once(filled)
    filled = re.sub(r"\[sym:([\w/]+)\]", lambda match: symbol(match[1]), filled)
    return re.sub(r"\[eq:([\w/]+)\]", lambda match: reference(match[1], page, site), filled)


# --- equations ---


def shown_equations(labels: str, page: str, site: Site, *, in_numbers: bool = False) -> str:
    """The equations that a page asks for; in numbers, too, where a reader can change these."""
    blocks = []
    if not labels:
        raise PageError("an equation is asked for without a label")
    for label in map(label_of, labels.split()):
        number = find(label)["number"]
        chapter = re.match(r"\d+", page)
        own = label.network in (PAGE_NETWORK, LINEAR)
        if chapter and own and chapter[0] != number.partition(".")[0]:
            raise PageError(f"equation {label} is ({number}) but is shown in chapter {chapter[0]}")
        blocks.append(
            equation_html(
                label,
                lambda other: site.href(page, other),
                lambda other: site.url(other, page),
                in_numbers=in_numbers,
            )
        )
    return '<div class="equations">\n' + "\n".join(blocks) + "\n</div>"


def quoted(text: str, page: str, site: Site) -> str:
    """An equation on a page that is not its place."""
    label = label_of(text)
    find(label)
    if not site.href(page, label):
        raise PageError(f"equation {label} is quoted but shown nowhere")
    return quoted_html(
        label, lambda other: site.href(page, other), lambda other: site.url(other, page)
    )


def reference(text: str, page: str, site: Site) -> str:
    """The number of an equation, as a link to where it is shown."""
    label = label_of(text)
    number = find(label)["number"]
    address = site.href(page, label)
    if not address:
        raise PageError(f"equation {label} is referred to but shown nowhere")
    return f'<a class="ref" href="{address}">({number})</a>'


def places_for_scripts(network: str, page: str, site: Site) -> str:
    """The number and the address of each derived equation of a network, as data for scripts."""
    found = {}
    for line in manifest(network)["derived"]:
        label = Label(network, "derived", line["name"])
        found[line["name"]] = [line["number"], site.href(page, label)]
    return f'<script type="application/json">{json.dumps(found)}</script>'


def readers_of(name: str) -> str:
    """The equations that read a quantity before the way back begins, as references."""
    kinds = {each: record["kind"] for each, record in symbols(PAGE_NETWORK).items()}
    if name not in kinds:
        raise PageError(f"there is no quantity {name!r} in {PAGE_NETWORK}")
    label = Label(PAGE_NETWORK, "derived", name)
    *others, last = [f"[eq:{each}]" for each in readers(label) if kinds[each] != "adjoint"]
    return f"{', '.join(others)} and {last}" if others else last


def symbol(text: str) -> str:
    """A quantity in a sentence."""
    *front, name = text.split("/")
    network = front[0] if front else PAGE_NETWORK
    if name not in symbols(network):
        raise PageError(f"there is no quantity {name!r} in {network}")
    return f"${marked(symbols(network)[name]['latex'], network)}$"


def shown_on(markdown: str) -> list[Label]:
    """The equations that a page shows, in order; what is no label is left to `render`."""
    labels = []
    for texts in re.findall(r"\{\{\s*eq:([^}]*)\}\}", markdown):
        for text in texts.split():
            with suppress(PageError):
                labels.append(label_of(text))
    return labels


def places_of(pages: Mapping[str, str]) -> dict[Label, str]:
    """The page that shows each equation."""
    return {label: page for page, markdown in pages.items() for label in shown_on(markdown)}


def shown_again(pages: Mapping[str, str]) -> list[tuple[str, Label]]:
    """The equations that a page shows although they have been shown before, with the page."""
    seen: set[Label] = set()
    again = []
    for page, markdown in pages.items():
        for label in shown_on(markdown):
            if label in seen:
                again.append((page, label))
            seen.add(label)
    return again


def not_shown(places: Mapping[Label, str]) -> list[Label]:
    """The equations of the derivation, and of the rewrite where it changed them, without a page."""
    record = manifest(PAGE_NETWORK)
    derived = {equation["number"] for equation in record["derived"]}
    wanted = [
        Label(network, "derived", line["name"])
        for network in ("warm_up", LINEAR, PAGE_NETWORK)
        for line in manifest(network)["derived"]
    ]
    wanted += [
        Label(PAGE_NETWORK, "rewritten", line["name"])
        for line in record["rewritten"]
        if line["number"] not in derived
    ]
    return [label for label in wanted if label not in places]


def missing_sections(markdown: str) -> list[str]:
    """The sections of files, ``file:section``, that a page wants to show and that do not exist."""
    missing = []
    for name, section in re.findall(r'^\s*--8<-- "([^":]+)(?::([^"]+))?"', markdown, re.MULTILINE):
        path = ROOT / name
        text = path.read_text(encoding="utf-8") if path.is_file() else None
        if text is None or (section and f"[start:{section}]" not in text):
            missing.append(f"{name}:{section}".rstrip(":"))
    return missing


# --- drawings ---


def diagram(text: str, page: str, site: Site) -> str:
    """A drawing with its caption; its boxes lead to their equations."""
    where, _, caption = text.partition(" ")
    network, _, name = where.partition("/")
    path = ROOT / "generated" / network / "diagrams" / f"{name}.svg"
    if not path.is_file():
        raise PageError(f"there is no diagram {where!r}")
    svg = path.read_text(encoding="utf-8").partition("-->\n")[2]
    form = "rewritten" if name.startswith("rewritten") else "derived"

    def address(match: re.Match[str]) -> str:
        label = Label(network, form, match[1])
        own = site.href(page, label) or site.href(page, label._replace(form="derived"))
        if not own and network == PAGE_NETWORK:
            own = f"{site.url(INPUTS, page)}#notation"
        return f'xlink:href="{own}"' if own else ""

    svg = re.sub(r'xlink:href="#eq-(\w+)"', address, svg)
    return (
        f'<figure class="diagram" data-drawing="{name}" data-search-exclude>\n'
        f'<div class="scrolls" tabindex="0">\n{svg}</div>\n'
        f"<figcaption>{caption.strip()}</figcaption>\n</figure>"
    )


def style_once(html: str) -> str:
    """Every drawing brings the same style sheet, so that it opens by itself; a page needs one."""
    first, mark, rest = html.partition("</style>\n")
    return first + mark + re.sub(r"<style>.*?</style>\n", "", rest, flags=re.DOTALL)
