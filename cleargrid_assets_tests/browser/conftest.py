"""One browser and one `dagster dev` for all tests. A page that asks another host fails its test."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from cleargrid_assets_tests.browser.ui import Ui
from cleargrid_assets_tests.browser.world import World, running_world, spoil

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


@pytest.fixture(scope="session")
def tab(chromium: Browser, world: World, pictures: Path) -> Iterator[Ui]:
    """The UI in one tab for all tests, because each new one would load all its scripts again."""
    with chromium.new_context() as context:
        context.set_default_timeout(_TIMEOUT_MS)
        yield Ui(context.new_page(), world.url, pictures)


@pytest.fixture
def ui(tab: Ui) -> Iterator[Ui]:
    """The tab in its usual size and in the light theme. The test fails if the UI asks another host."""
    tab.resize(1440, 900)
    tab.page.emulate_media(color_scheme="light")
    yield tab
    assert tab.take_foreign_addresses() == []


@pytest.fixture(scope="session")
def backfill(tab: Ui, world: World) -> str:
    """The address of a backfill of all days, launched as a person does it: with "Materialize all" on the graph."""
    tab.open("/asset-groups")
    tab.materialize(f"[{world.days[0]}...{world.days[-1]}]")
    return tab.page.url


@pytest.fixture(scope="session")
def history(backfill: str, tab: Ui, world: World) -> World:
    """All days of the tables without trailing windows, which the first run of the backfill stores."""
    tab.open_run(1)
    tab.expect_success()
    return world


@pytest.fixture(scope="session")
def whole_history(history: World, tab: Ui) -> World:
    """All days of all assets. Dagster starts the second run up to half a minute after the first."""
    tab.open_run(2)
    tab.expect_success()
    return history


@pytest.fixture(scope="session")
def spoilt(whole_history: World, tab: Ui) -> World:
    """The latest day, materialized again after its rows at the source were spoilt."""
    whole_history.change(whole_history.days[-1], spoil)
    tab.open("/asset-groups")
    tab.materialize("Latest")
    tab.expect_success()
    tab.take_picture("run")
    return whole_history
