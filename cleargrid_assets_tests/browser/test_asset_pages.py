"""The page of each asset after a backfill: what it is, what the latest day says, and whether its checks passed."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from cleargrid_assets.contracts import INTERACTIONS, TABLES
from cleargrid_assets.schema import Table
from cleargrid_assets_tests.browser.ui import SCROLLED, Ui
from cleargrid_assets_tests.browser.world import World

pytestmark = pytest.mark.browser


def test_lineage_shows_every_asset_and_no_failed_check(history: World, ui: Ui) -> None:
    ui.open("/asset-groups")
    for name in (*(table.name for table in TABLES), "daily_digest"):
        # The icon of an asset whose latest run or check has failed has another name.
        expect(ui.page.get_by_role("button", name=re.compile(f"^run_success {name} "))).to_be_visible()
        expect(ui.page.locator("svg").get_by_text(name, exact=True)).to_be_visible()
    expect(ui.page.get_by_role("button", name=re.compile("D21_export"))).to_be_visible()
    ui.take_picture("lineage")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_page_of_a_table_describes_it_and_fits(table: Table, history: World, open_ui: Callable[..., Ui]) -> None:
    first_words = re.split(r"[`*.:\n]", table.description)[0]
    for width in (1280, 1440):
        ui = open_ui(width, 2400)
        ui.open_asset(table.name)
        expect(ui.value("stored_at")).to_be_visible()
        expect(ui.page.get_by_text(first_words).first).to_be_visible()
        for column in table.columns:
            expect(ui.page.locator(SCROLLED).first).to_contain_text(column.name)
        if table is not INTERACTIONS:
            expect(ui.value("summary")).to_contain_text(str(history.days[-1]))
        ui.take_picture(f"{table.name}-{width}")
        assert ui.metadata.evaluate("table => table.scrollWidth <= table.clientWidth"), f"at {width} pixels"


@pytest.mark.parametrize(
    "table", [table for table in TABLES if table is not INTERACTIONS], ids=lambda table: table.name
)
def test_picture_of_a_table_opens_and_says_its_headline(table: Table, history: World, ui: Ui) -> None:
    ui.open_asset(table.name)
    headline = ui.value("summary").get_by_role("paragraph").first.inner_text()
    ui.value("picture").get_by_text("[Show Markdown]").click()
    picture = ui.page.get_by_role("dialog").get_by_role("img", name=headline)
    expect(picture).to_be_visible()
    assert picture.evaluate("picture => picture.complete && picture.naturalWidth > 0")
    ui.take_picture(f"{table.name}-picture")


def test_digest_shows_the_latest_day(history: World, ui: Ui) -> None:
    ui.open_asset("daily_digest")
    expect(ui.page.get_by_text(str(history.days[-1])).first).to_be_visible()
    expect(ui.page.get_by_text("whoever is on call").first).to_be_visible()
    ui.take_picture("daily_digest")


def test_checks_of_the_log_have_passed_and_say_so(history: World, ui: Ui) -> None:
    ui.open_asset("communication_logs", "checks")
    expect(ui.page.get_by_text("Succeeded", exact=True).first).to_be_visible()
    expect(ui.page.get_by_text("Failed", exact=True)).to_have_count(0)
    ui.page.get_by_text("is_fresh", exact=True).first.click()
    expect(ui.page.get_by_text(f"{history.days[-1]} was due").first).to_be_visible()
    ui.take_picture("checks")


def test_dark_theme_shows_the_same_in_light_letters(history: World, open_ui: Callable[..., Ui]) -> None:
    ui = open_ui(1440, 1600, color_scheme="dark")
    ui.open_asset("channel_reach")
    expect(ui.value("summary")).to_contain_text(str(history.days[-1]))
    ui.take_picture("dark")
    background = ui.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in background.strip("rgb()").split(",")) < 64, background
