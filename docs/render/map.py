"""The whole program as a strip of its stages: where in it a page is."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from derive.language.names import STAGES
from docs.render.manifest import PAGE_NETWORK, Label, manifest, symbols

if TYPE_CHECKING:
    from docs.render.page import Site


def program_map(page: str, site: Site) -> str:
    """The stages of the pages' network as links to where they begin.

    The stages that the page shows something of are told apart. ``map.js`` draws their equations,
    of which each stage says how many there are. Nothing on a page without one of them.
    """
    here = {
        label.name
        for label, place in site.places.items()
        if place == page and label.network == PAGE_NETWORK
    }
    lines = manifest(PAGE_NETWORK)["derived"]
    if not here.intersection(line["name"] for line in lines):
        return ""
    stages = "".join(
        _stage(stage, list(of_stage), here, page, site)
        for stage, of_stage in groupby(lines, key=lambda line: str(line["stage"]))
    )
    return f'<maml-map><nav class="map" aria-label="The program"><ol>{stages}</ol></nav></maml-map>'


def _stage(stage: str, lines: list[dict[str, Any]], here: set[str], page: str, site: Site) -> str:
    first = lines[0]["name"]
    shown = " class=here" if any(line["name"] in here for line in lines) else ""
    address = site.href(page, Label(PAGE_NETWORK, "derived", first))
    link = f'<a class="q-{symbols(PAGE_NETWORK)[first]["kind"]}" href="{address}">'
    return f'<li{shown} style="--equations:{len(lines)}">{link}{STAGES[stage]}</a></li>'
