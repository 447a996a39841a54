"""What MkDocs calls."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from mkdocs.exceptions import PluginError

from docs.render import hooks
from docs.render.notebook import NOTEBOOKS, notebook_name
from tests.docs.render.pages import PAGES, SMALL, small_site

if TYPE_CHECKING:
    from docs.render.page import Site


CONFIG = SimpleNamespace(
    site_dir="site", use_directory_urls=True, plugins=SimpleNamespace(_current_plugin="hooks")
)


def mkdocs_page(name: str) -> Any:
    return SimpleNamespace(file=SimpleNamespace(src_uri=name))


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Site:
    own = small_site()
    monkeypatch.setattr(hooks, "_site", own)
    return own


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    "fence", ["```python\nx = 1\n```", "```py\nx = 1\n```", '```python title="a.py"\nx = 1\n```']
)
def test_python_typed_into_a_page_is_a_warning(
    fence: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert hooks.on_page_markdown(f"text\n\n{fence}\n", mkdocs_page("9-numpy.md")).endswith("```\n")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith("9-numpy.md: Python code is typed into the page")


@pytest.mark.usefixtures("site")
def test_code_from_a_file_and_commands_of_a_shell_are_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for fence in (
        '```python title="derive/model/gradient.py"\n--8<-- "derive/model/gradient.py:sweep"\n```',
        "```text\npython a.py\n```",
    ):
        hooks.on_page_markdown(fence, mkdocs_page("9-numpy.md"))
    assert caplog.records == []


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize("section", ["derive/model/gradient.py:sweet", "derive/model/gradients.py"])
def test_a_section_that_is_not_there_is_a_warning(
    section: str, caplog: pytest.LogCaptureFixture
) -> None:
    hooks.on_page_markdown(f'```python\n--8<-- "{section}"\n```', mkdocs_page("9-numpy.md"))
    (record,) = caplog.records
    assert record.getMessage() == f"9-numpy.md: there is no section {section}"


@pytest.mark.usefixtures("site")
def test_a_page_that_asks_in_vain_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    markdown = "{{eq:Z9_s}}"
    assert hooks.on_page_markdown(markdown, mkdocs_page("3-network.md")) == markdown
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "3-network.md: there is no equation relu2/derived/Z9_s"


def test_places_and_figures_are_known_before_the_first_page(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [
        SimpleNamespace(
            src_uri=name,
            content_string=text,
            url_relative_to=lambda other, name=name: f"from {other.src_uri} to {name}",
        )
        for name, text in SMALL.items()
    ]
    site.places, site.measured = {}, {}
    monkeypatch.setattr("docs.render.measure.measure", lambda: {"speed": 2.0})
    given = SimpleNamespace(documentation_pages=lambda: files)
    assert hooks.on_files(given, config=CONFIG) is given
    text = hooks.on_page_markdown("[eq:Z1_s] {{measured:speed}}", mkdocs_page("8-rewrite.md"))
    assert 'href="from 8-rewrite.md to 3-network.md#eq-Z1_s"' in text
    assert text.endswith(" 2")
    # Measured once for all builds of a server.
    monkeypatch.setattr("docs.render.measure.measure", lambda: {"speed": 3.0})
    hooks.on_files(given, config=CONFIG)
    assert site.measured == {"speed": 2.0}


def test_a_missing_network_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hooks, "ROOT", tmp_path)
    with pytest.raises(PluginError, match=r"^generated/relu1 is missing; make build writes it$"):
        hooks.figures()


def test_what_is_shown_nowhere_or_twice_is_a_warning(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def warnings(pages: dict[str, str]) -> list[str]:
        files = [SimpleNamespace(src_uri=name, content_string=text) for name, text in pages.items()]
        caplog.clear()
        added.clear()
        given = SimpleNamespace(documentation_pages=lambda: files, append=added.append)
        hooks.on_files(given, config=CONFIG)
        return [record.getMessage() for record in caplog.records]

    added: list[Any] = []
    site.measured = {"speed": 1.0}
    assert warnings(PAGES) == []
    assert [file.src_uri for file in added] == list(map(notebook_name, NOTEBOOKS))
    name = "3-network.md"
    fewer = PAGES[name].replace("{{eq:Z1_s H1_s}}", "{{eq:H1_s}}")
    assert warnings({**PAGES, name: fewer}) == [
        "equation relu2/derived/Z1_s is derived but shown nowhere"
    ]
    more = PAGES[name] + "{{eq:Z1_s}}"
    assert warnings({**PAGES, name: more}) == [
        f"{name}: equation relu2/derived/Z1_s is shown twice"
    ]
    unknown = PAGES["2-warm-up.md"].replace("{{diagram:", "{{code:")
    (warning,) = warnings({**PAGES, "2-warm-up.md": unknown})
    assert warning.startswith("2-warm-up.md: a notebook has no '{{code:")


def test_figures_are_published_and_the_search_completed(site: Site, tmp_path: Path) -> None:
    site.measured = {"speed": 1.0}
    (tmp_path / "assets").mkdir()
    index = SimpleNamespace(entries=[{"location": "a/", "title": "A", "text": ""}])
    plugins = {"material/search": SimpleNamespace(search_index=index)}
    hooks.on_post_build({"site_dir": str(tmp_path), "plugins": plugins})
    titles = [entry["title"] for entry in index.entries]
    assert titles[:2] == ["A", "(3.1) Z1_s"]
    assert (tmp_path / "assets/formulas.css").is_file()
    assert json.loads((tmp_path / "measured.json").read_text(encoding="utf-8")) == site.measured


def test_marks_of_docstrings_are_taken_out_of_the_reference() -> None:
    html = "<p>Adam [1]_.</p>\n<p>::</p>\n<p>Read so::</p><p>.. [1] Kingma</p>"
    expected = "<p>Adam.</p>\n<p>Read so:</p><p>Kingma</p>"
    assert hooks.on_page_content(html, mkdocs_page("reference/api.md")) == expected
    assert hooks.on_page_content(html, mkdocs_page("1-maml.md")) == html


def test_formulas_and_links_to_the_page_itself(caplog: pytest.LogCaptureFixture) -> None:
    def finished(html: str, place: str = "1-maml/index.html") -> str:
        file = SimpleNamespace(src_uri="1-maml.md", dest_uri=place)
        offline = SimpleNamespace(config=SimpleNamespace(enabled=False))
        config = {"plugins": {"material/offline": offline}}
        return hooks.on_post_page(html, SimpleNamespace(file=file, url="1-maml/"), config)

    assert "<math>" in finished(r'<span class="arithmatex">\(x\)</span>')
    assert finished('<a class="a" href="./">') == '<a class="a" href="#">'
    assert finished('<a href="./#b">') == finished('<a href=".#b">') == '<a href="#b">'
    assert finished('<a href="1-maml.html#b">', "1-maml.html") == '<a href="#b">'
    for other in ('<a href="../">', '<a href="./a/">', '<a href="..">', '<link href="./">'):
        assert finished(other) == other
    head = finished(r'</head><span class="arithmatex">\(x\)</span>').partition("</head>")[0]
    assert re.findall(r'href="([^"]*)"', head) == [
        f"../assets/katex/fonts/KaTeX_{font}.woff2" for font in ("Main-Regular", "Math-Italic")
    ]
    assert caplog.records == []
    assert finished(r'<span class="arithmatex">\(\wrong\)</span>').endswith(r"\(\wrong\)</span>")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    expected = r"1-maml.md: \(\wrong\): Undefined control sequence: \wrong"
    assert record.getMessage() == expected
