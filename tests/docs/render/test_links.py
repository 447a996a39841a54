"""Every link of the built site leads somewhere, and nothing comes from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.render.site_links import build, findings

SOUND = {
    "index.html": '<link rel="canonical" href="https://a.site/"><script src="a.js"></script>'
    '<a href="there/#here">1</a><a href="https://a.paper/">2</a><a href="mailto:a@b">3</a>',
    "there/index.html": '<p id="here"></p><a href="..">1</a><a href="?q=1#here">2</a>'
    '<a id="__codelineno-0-1"></a><a id="__codelineno-0-1"></a>'
    '<svg><marker id="tip"/><path marker-end="url(#tip)"/><a xlink:href="#here"></a></svg>',
    "404.html": '<a href="/there/">1</a>',
    "a.js": "",
    "a.css": "/* url(gone.png) */ @import 'b.css'; a { background: url('data:image/png;,x') }",
    "b.css": "",
}


def written(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("offline", ["false", "true"])
def test_the_site_has_no_broken_link(tmp_path: Path, offline: str) -> None:
    build(tmp_path, OFFLINE=offline)
    assert (tmp_path / "index.html").is_file()
    found = findings(tmp_path)
    assert not found, "\n".join(found)


def test_a_sound_site_is_passed(tmp_path: Path) -> None:
    assert findings(written(tmp_path, SOUND)) == []


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("a.html", '<a href="gone/">', 'href="gone/" leads to no file'),
        ("a.html", '<img src="gone.png">', 'src="gone.png" leads to no file'),
        ("a.html", '<img srcset="gone.png 2x">', 'srcset="gone.png" leads to no file'),
        ("a.html", '<a href="there/#gone">', 'href="there/#gone" leads to no id'),
        ("a.html", '<a href="#gone">', 'href="#gone" leads to no id'),
        ("a.html", '<svg><a xlink:href="#gone"/></svg>', 'xlink:href="#gone" leads to no id'),
        ("a.html", '<path fill="url(#gone)"/>', 'fill="#gone" leads to no id'),
        ("a.html", '<a href="../a.html">', 'href="../a.html" leads out of the site'),
        (
            "a.html",
            '<a href="http://a.paper">',
            'href="http://a.paper" is neither https nor mailto',
        ),
        ("a.html", '<p id="x"><b id="x">', 'id="x" stands there twice'),
        ("a.html", '<script src="//cdn/x.js">', 'src="//cdn/x.js" is loaded from elsewhere'),
        ("a.html", '<link href="https://cdn">', 'href="https://cdn" is loaded from elsewhere'),
        ("a.html", '<iframe src="https://cdn">', 'src="https://cdn" is loaded from elsewhere'),
        ("a.html", "<style>b {src: url(//cdn)}</style>", 'url="//cdn" is loaded from elsewhere'),
        (
            "a.css",
            '@import "https://cdn/x.css";',
            'url="https://cdn/x.css" is loaded from elsewhere',
        ),
        ("a.css", "b { src: url( 'gone' ) }", 'url="gone" leads to no file'),
        ("a.svg", '<use xlink:href="#gone"/>', 'xlink:href="#gone" leads to no id'),
        ("404.html", '<a href="/gone/">', 'href="/gone/" leads to no file'),
        (
            "a.html",
            '<a href="/there/">',
            'href="/there/" works only where the site is at the root of its host',
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str, finding: str) -> None:
    assert findings(written(tmp_path, SOUND | {name: text})) == [f"{name}: {finding}"]
