"""One browser and one `dagster dev` for all tests. A page that asks another host fails its test."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from cleargrid_assets_tests.browser.ui import Ui
from cleargrid_assets_tests.browser.world import World, running_world

_MISSING = (
    "There is no Chromium. Install one (Debian: `apt-get install chromium`), or name one in the variable CHROMIUM."
)
_TIMEOUT_MS = 60_000


@pytest.fixture(scope="session")
def pictures() -> Path:
    """The folder of screenshots. Look at them: they show what no test asks for."""
    folder = Path(os.environ.get("BROWSER_PICTURES", "data/browser"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(_MISSING)
    expect.set_options(timeout=_TIMEOUT_MS)
    # Without its sandbox, because root in a container cannot have one.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def world(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The lender's day. It starts after the browser, which may be missing."""
    with running_world(tmp_path_factory.mktemp("world")) as running:
        yield running


@pytest.fixture
def open_ui(chromium: Browser, world: World, pictures: Path) -> Iterator[Callable[..., Ui]]:
    """Opens a tab with a viewport and a theme."""
    contexts: list[BrowserContext] = []
    asked: list[str] = []

    def opened(width: int = 1440, height: int = 900, **more: Any) -> Ui:
        context = chromium.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        return Ui(_new_page(context), world.url, pictures)

    yield opened
    for context in contexts:
        context.close()
    own = (world.url, "data:", "blob:")
    assert [url for url in asked if not url.startswith(own)] == []


def _new_page(context: BrowserContext) -> Page:
    context.set_default_timeout(_TIMEOUT_MS)
    return context.new_page()


@pytest.fixture
def ui(open_ui: Callable[..., Ui]) -> Ui:
    """A tab of the usual size."""
    return open_ui()


@pytest.fixture(scope="session")
def history(chromium: Browser, world: World, pictures: Path) -> World:
    """All days, materialized as a person does it: with "Materialize all" on the graph."""
    with chromium.new_context(viewport={"width": 1440, "height": 900}) as context:
        ui = Ui(_new_page(context), world.url, pictures)
        ui.open("/asset-groups")
        ui.materialize(f"[{world.days[0]}...{world.days[-1]}]")
        ui.expect_success()
        ui.take_picture("backfill")
    return world
