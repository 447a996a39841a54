"""The site in a browser: built, served, and watched while a test reads it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
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

from tests.docs.render.site_links import build

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
in_browser = pytest.mark.skipif(not CHROMIUM and not REQUIRED, reason="there is no Chromium")


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


# --- Fixtures ---


@pytest.fixture(scope="session")
def base_url() -> None:
    """Stand in for the plugin's own, whose form pytest deprecates and so counts as an error."""


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    assert CHROMIUM, f"REQUIRE_BROWSER is set, and there is none of {', '.join(COMMANDS)}"
    return browser_type_launch_args | {"executable_path": CHROMIUM, "args": FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return browser_context_args | {
        "viewport": {"width": DESK, "height": 900},
        "reduced_motion": "reduce",
    }


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    handler = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        origin = f"http://127.0.0.1:{server.server_port}"
        # Instant navigation works only where the site was built for the address that serves it.
        build(folder, SITE_URL=origin)
        Thread(target=server.serve_forever).start()
        yield Site(folder, origin)
        server.shutdown()


@pytest.fixture(scope="session")
def offline_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("offline")
    build(folder, OFFLINE="true")
    return Site(folder, folder.as_uri())


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


@pytest.fixture
def page(context: BrowserContext, site: Site) -> Iterator[Page]:
    with watched(context, site.origin) as watched_page:
        yield watched_page


@pytest.fixture
def disk_page(context: BrowserContext, offline_site: Site) -> Iterator[Page]:
    with watched(context, offline_site.origin) as watched_page:
        yield watched_page
