"""Texts of results files on pages."""

from __future__ import annotations

import json
from pathlib import Path

from docs.render.texts import read


def test_no_text_becomes_html_or_ends_a_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"<b>": "a|b\n<script>", "n": 1.5, "x": None}]), encoding="utf-8")
    assert read(path) == [{"&lt;b&gt;": "a&#124;b &lt;script&gt;", "n": 1.5, "x": None}]
