"""The browser that the tests open the built site in, and what they hold every page to."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Response,
    Route,
    WebError,
    expect,
)

COMMANDS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, COMMANDS)), None)
REQUIRED = os.environ.get("REQUIRE_BROWSER") == "1"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESK = 390, 1280
PATIENCE = 15_000

expect.set_options(timeout=PATIENCE)
needs_browser = pytest.mark.skipif(not CHROMIUM and not REQUIRED, reason="there is no Chromium")


class Site(NamedTuple):
    """A built site and the address it is opened by."""

    folder: Path
    origin: str

    @property
    def start(self) -> str:
        """Where a reader enters; on disk there is no server to find the index."""
        return f"{self.origin}/index.html" if self.origin.startswith("file") else f"{self.origin}/"

    def addresses(self) -> dict[str, str]:
        """The pages by name; directories are named, not their index."""
        names = [path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.html")]
        return {name: f"{self.origin}/{name.removesuffix('index.html')}" for name in sorted(names)}


class Quiet(SimpleHTTPRequestHandler):
    """A file server without a log; what a page weighs must not depend on an earlier one."""

    def end_headers(self) -> None:
        """Forbid the browser to keep anything."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def watched(context: BrowserContext, origin: str) -> Iterator[Page]:
    """A page that fails on errors, warnings, and on what is not the site's own."""
    problems: list[str] = []

    def refuse(route: Route) -> None:
        problems.append(f"{route.request.frame.url} asks for {route.request.url}")
        route.abort()

    def note_message(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            problems.append(f"{message.location['url']}: {message.type}: {message.text}")

    def note_error(error: WebError) -> None:
        address = error.page.url if error.page else origin
        problems.append(f"{address}: {error.error}")

    def note_status(response: Response) -> None:
        if response.status >= 400:
            problems.append(f"{response.url} answers {response.status}")

    context.set_default_timeout(PATIENCE)
    context.route(re.compile(rf"^(?!{re.escape(origin)}/)"), refuse)
    context.on("console", note_message)
    context.on("weberror", note_error)
    context.on("response", note_status)
    yield context.new_page()
    assert not problems, "\n".join(dict.fromkeys(problems))
