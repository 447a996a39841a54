"""ES modules become one script."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.render.modules import bundled
from tests.javascript import needs_node, script


def written(folder: Path, **modules: str) -> Path:
    """Modules in a folder; the first one is the entry."""
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder / f"{next(iter(modules))}.js"


@needs_node
def test_a_script_does_what_its_modules_do(tmp_path: Path) -> None:
    (tmp_path / "bytes.bin").write_bytes(bytes([0, 250, 7]))
    entry = written(
        tmp_path,
        entry='import { one, Two as Too } from "./a.js";\nimport * as all from "./b.js";\n'
        'import text from "./worker.js" with { type: "text" };\n'
        'import bytes from "./bytes.bin" with { type: "bytes" };\n'
        "const end = text.includes('</script>');\n"
        "console.log(one(), new Too().x, [...all.three()], [...bytes], end);\n"
        "eval(text);\n",
        a='import { four } from "./b.js";\nexport const one = () => four + 1;\n'
        "export class Two { x = 2; }\n",
        b="export let four = 4;\nexport function* three() { yield 3; }\n"
        "export async function later() {}\nexport async function* last() {}\n",
        worker='import { four } from "./b.js";\nconsole.log("worker", four, "</script>");\n',
    )
    made = tmp_path / "made.cjs"
    made.write_text(bundled(entry), encoding="utf-8")
    assert script(str(made)) == "5 2 [ 3 ] [ 0, 250, 7 ] true\nworker 4 </script>\n"
    assert "</script>" not in bundled(entry).partition("eval(text)")[0].partition("<\\/")[0]


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        (
            {"a": 'import { b } from "./b.js";\nexport const a = 1;\n',
             "b": 'import { a } from "./a.js";\nexport const b = 1;\n'},
            "import one another: a.js -> b.js -> a.js",
        ),
        (
            {"a": 'import { c } from "./b.js";\n', "b": "export const b = 1, c = 2;\n"},
            "a.js: b.js does not export c",
        ),
        ({"a": "export default 3;\n"}, "'export default 3;' is no import or export"),
        ({"a": 'import "./b.js";\n', "b": ""}, "is no import or export that is understood"),
    ],
)  # fmt: skip
def test_what_it_does_not_understand_is_refused(
    tmp_path: Path, modules: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        bundled(written(tmp_path, **modules))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"b\.js"):
        bundled(written(tmp_path, a='import { b } from "./b.js";\n'))
