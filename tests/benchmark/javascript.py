"""Iterations a second in JavaScript and WebAssembly, in Node, in Chromium and in the playground.

python -m tests.benchmark.javascript    a minute or two; writes docs/speed/javascript.json

A second is one of the thread that computes: what else runs on the machine counts less so. In the
playground, which is that of a site built anew, it is one of the clock.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

from tests.benchmark.cases import ROOT
from tests.docs.render.browser import CHROMIUM, FLAGS, Quiet
from tests.docs.render.site_links import build
from tests.javascript import node, script

OUTPUT = ROOT / "docs" / "speed" / "javascript.json"

#: Iterations until all has been compiled by the engine, rounds, and iterations of one.
FIRST, ROUNDS = 200, 9
FORMS = {"JavaScript": 25, "WebAssembly": 250}


def begun(folder: str, name: str) -> str:
    """What begins a training where the generated code lies in a folder."""
    module = json.dumps(folder.replace("generated/", "tests/benchmark/iteration.mjs"))
    compiled = json.dumps(name == "WebAssembly")
    return f"import({module}).then((each) => each.training({json.dumps(folder)}, {compiled}))"


#: Seconds of the rounds after the first iterations.
IN_NODE = """
const cpu = () => Object.values(process.cpuUsage()).reduce((sum, each) => sum + each / 1e6, 0);
BEGUN.then((go) => {
  go(FIRST);
  const seconds = Array.from({ length: ROUNDS }, () => {
    const started = cpu();
    if (!go(COUNT)) throw new Error("the training that was timed did not train");
    return cpu() - started;
  });
  console.log(JSON.stringify(seconds));
});
"""


def in_node() -> dict[str, Any]:
    """Iterations a second in Node, a process for each form."""
    if node() is None:
        return {"not measured": "there is no Node"}
    found: dict[str, Any] = {"version": script("--version").strip().removeprefix("v")}
    for name, count in FORMS.items():
        text = IN_NODE.replace("BEGUN", begun((ROOT / "generated").as_uri() + "/", name))
        for word, value in (("FIRST", FIRST), ("ROUNDS", ROUNDS), ("COUNT", count)):
            text = text.replace(word, str(value))
        found[name] = round(count / median(json.loads(script("-e", text))))
    return found


@contextmanager
def chromium(folder: Path) -> Iterator[tuple[Any, str]]:
    """A browser, and where a folder is served."""
    from playwright.sync_api import sync_playwright

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            yield browser, f"http://127.0.0.1:{server.server_port}"
            browser.close()
    finally:
        server.shutdown()


def in_chromium() -> dict[str, Any]:
    """Iterations a second in Chromium, a page for each form."""
    if CHROMIUM is None:
        return {"not measured": "there is no Chromium"}
    with chromium(ROOT) as (browser, origin):
        found: dict[str, Any] = {"version": browser.version}
        for name, count in FORMS.items():
            page = browser.new_page()
            page.goto(f"{origin}/generated/README.md")
            found[name] = round(count / median(seconds_of_rounds(page, origin, name, count)))
            page.close()
    return found


#: Of a page in training, for some seconds after it has begun: what a reader feels of it.
WATCHED = """async (seconds) => {
  const tasks = [], frames = [];
  const wait = (time) => new Promise((done) => setTimeout(done, 1000 * time));
  await wait(1);
  new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration)))
    .observe({ type: "longtask" });
  const iterations = () => Number(
    document.querySelector('[data-maml="iteration"]').textContent.replaceAll(",", ""));
  const before = iterations(), started = performance.now();
  const frame = (now) => { frames.push(now); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  await wait(seconds);
  const passed = (performance.now() - started) / 1000;
  return {
    "iterations a second": Math.round((iterations() - before) / passed),
    "frames a second": Math.round(frames.length / passed),
    "tasks beyond 50 ms": tasks.length,
  };
}"""
SECONDS = 10


def in_playground() -> dict[str, Any]:
    """What the playground does while it trains; a worker computes, and the page draws."""
    if CHROMIUM is None:
        return {"not measured": "there is no Chromium"}
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        with chromium(Path(folder)) as (browser, origin):
            page = browser.new_page()
            page.goto(f"{origin}/playground/")
            page.locator('[data-maml="play"]').last.click()
            found: dict[str, Any] = page.evaluate(WATCHED, SECONDS)
    return found


def seconds_of_rounds(page: Any, origin: str, name: str, count: int) -> list[float]:
    """Seconds of the page's thread for some iterations, again and again.

    Raises
    ------
    ValueError
        When nothing was learned.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")

    def now() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in metrics if each["name"] == "ThreadTime")

    begin = begun(f"{origin}/generated/", name)
    page.evaluate(f"() => {begin}.then((go) => {{ window.go = go; go({FIRST}); }})")
    seconds = []
    for _ in range(ROUNDS):
        started = now()
        if not page.evaluate(f"window.go({count})"):
            raise ValueError("the training that was timed did not train")
        seconds.append(now() - started)
    return seconds


def main() -> None:
    """Measure and write."""
    record = {"Node": in_node(), "Chromium": in_chromium(), "playground": in_playground()}
    OUTPUT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(record))


if __name__ == "__main__":
    main()
