"""The built site in a browser, for all tests of a worker."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.render.browser import CHROMIUM, COMMANDS, DESK, FLAGS, Quiet, Site, watched
from tests.docs.render.site_links import build

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page


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
        # The page for lost readers leads home by the address that the site was built for.
        build(folder, SITE_URL=origin)
        Thread(target=server.serve_forever).start()
        yield Site(folder, origin)
        server.shutdown()


@pytest.fixture(scope="session")
def offline_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("offline")
    build(folder, OFFLINE="true")
    return Site(folder, folder.as_uri())


@pytest.fixture
def page(context: BrowserContext, site: Site) -> Iterator[Page]:
    with watched(context, site.origin) as watched_page:
        yield watched_page


@pytest.fixture
def disk_page(context: BrowserContext, offline_site: Site) -> Iterator[Page]:
    with watched(context, offline_site.origin) as watched_page:
        yield watched_page
