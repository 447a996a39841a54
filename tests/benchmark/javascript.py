"""Iterations a second in JavaScript and WebAssembly, in Node and in Chromium.

python -m tests.benchmark.javascript    about ten seconds; writes docs/speed/javascript.json
"""

from __future__ import annotations

import json
import threading
from http.server import ThreadingHTTPServer
from statistics import median
from typing import Any

from tests.benchmark.cases import ROOT
from tests.docs.render.browser import CHROMIUM, FLAGS, Quiet
from tests.javascript import node, script

OUTPUT = ROOT / "docs" / "speed" / "javascript.json"

#: Of each language in each place: rounds, and milliseconds of one.
ROUNDS, MILLISECONDS = 9, 250

FORMS = {"JavaScript": False, "WebAssembly": True}


def call(folder: str, compiled: bool) -> str:
    """What is run in a place where the generated code lies in a folder."""
    module = json.dumps(folder.replace("generated/", "tests/benchmark/iteration.mjs"))
    arguments = f"{json.dumps(folder)}, {json.dumps(compiled)}, {ROUNDS}, {MILLISECONDS}"
    return f"import({module}).then((module) => module.rates({arguments}))"


def in_node() -> dict[str, Any]:
    """Iterations a second in Node, a process for each form."""
    if node() is None:
        return {"not measured": "there is no Node"}
    found: dict[str, Any] = {"version": script("--version").strip().removeprefix("v")}
    for name, compiled in FORMS.items():
        printing = ".then((found) => console.log(JSON.stringify(found)))"
        folder = (ROOT / "generated").as_uri() + "/"
        found[name] = round(median(json.loads(script("-e", call(folder, compiled) + printing))))
    return found


def in_chromium() -> dict[str, Any]:
    """Iterations a second in Chromium, a page for each form."""
    if CHROMIUM is None:
        return {"not measured": "there is no Chromium"}
    from playwright.sync_api import sync_playwright

    server = ThreadingHTTPServer(
        ("127.0.0.1", 0),
        lambda *given: Quiet(*given, directory=str(ROOT)),
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_port}"
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            found: dict[str, Any] = {"version": browser.version}
            for name, compiled in FORMS.items():
                page = browser.new_page()
                page.goto(f"{origin}/generated/README.md")
                found[name] = round(median(page.evaluate(call(f"{origin}/generated/", compiled))))
                page.close()
            browser.close()
    finally:
        server.shutdown()
    return found


def main() -> None:
    """Measure and write."""
    record = {"Node": in_node(), "Chromium": in_chromium()}
    OUTPUT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record))


if __name__ == "__main__":
    main()
