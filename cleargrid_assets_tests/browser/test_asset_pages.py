"""The page of each asset after a backfill: what it is, what the latest day says, and whether its checks passed."""

import re
from collections import Counter
from datetime import datetime, timezone

import dagster as dg
import pytest
from playwright.sync_api import expect

from cleargrid_assets import checks
from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.checks.history import due_day
from cleargrid_assets.contracts import INTERACTIONS, TABLES
from cleargrid_assets.schema import Table
from cleargrid_assets_tests.browser.ui import SCROLLED, Ui
from cleargrid_assets_tests.browser.world import World

pytestmark = pytest.mark.browser

_CHECKS = Counter(
    key.asset_key.path[-1]
    for definition in dg.load_asset_checks_from_package_module(checks)
    for key in definition.check_keys
)
"""The number of checks of each asset."""

_WINDOWED = [analysis.table for analysis in ANALYSES if analysis.trailing_days > 1]


@pytest.mark.parametrize("table", [table for table in TABLES if table not in _WINDOWED], ids=lambda table: table.name)
def test_page_of_a_table_describes_it_fits_and_opens_its_picture(table: Table, history: World, ui: Ui) -> None:
    _expect_page(table, history, ui)


def _expect_page(table: Table, history: World, ui: Ui) -> None:
    first_words = re.split(r"[`*.:\n]", table.description)[0]
    ui.resize(1280, 2400)
    ui.open_asset(table.name)
    expect(ui.value("stored_at")).to_be_visible()
    expect(ui.page.get_by_text(first_words).first).to_be_visible()
    for column in table.columns:
        expect(ui.page.locator(SCROLLED).first).to_contain_text(column.name)
    if number := _CHECKS[table.name]:
        expect(ui.check_results).to_have_text(f"Latest check results{number}")
        expect(ui.check_results.get_by_role("img", name="check_circle")).to_be_visible()
    for width in (1280, 1440):
        ui.resize(width, 2400)
        ui.take_picture(f"{table.name}-{width}")
        assert ui.metadata.evaluate("table => table.scrollWidth <= table.clientWidth"), f"at {width} pixels"
    if table is not INTERACTIONS:
        expect(ui.value("summary")).to_contain_text(str(history.days[-1]))
        headline = ui.value("summary").get_by_role("paragraph").first.inner_text()
        ui.value("picture").get_by_text("[Show Markdown]").click()
        picture = ui.page.get_by_role("dialog").get_by_role("img", name=headline)
        expect(picture).to_be_visible()
        assert picture.evaluate("picture => picture.complete && picture.naturalWidth > 0")
        ui.take_picture(f"{table.name}-picture")


def test_checks_of_the_log_have_passed_and_freshness_says_for_which_day(history: World, ui: Ui) -> None:
    ui.resize(1440, 1200)
    ui.open_asset("communication_logs", "checks")
    expect(ui.page.get_by_text("Succeeded", exact=True)).to_have_count(_CHECKS["communication_logs"])
    ui.page.get_by_text("is_fresh", exact=True).first.click()
    due = due_day(datetime.now(timezone.utc))
    expect(ui.page.get_by_text(f"{due} was due, and the tables of this run have it or a later day.")).to_be_visible()
    expect(ui.page.get_by_text("Passed", exact=True)).to_be_visible()
    ui.take_picture("checks")


def test_dark_theme_shows_the_same_in_light_letters(history: World, ui: Ui) -> None:
    ui.resize(1440, 1600)
    ui.page.emulate_media(color_scheme="dark")
    ui.open_asset("channel_reach")
    expect(ui.value("summary")).to_contain_text(str(history.days[-1]))
    ui.take_picture("dark")
    assert max(ui.colour(ui.page.locator("body"), "backgroundColor")) < 64
    assert min(ui.colour(ui.value("summary").get_by_role("paragraph").first, "color")) > 192


@pytest.mark.parametrize("table", _WINDOWED, ids=lambda table: table.name)
def test_page_of_a_table_with_windows_does_so_too(table: Table, whole_history: World, ui: Ui) -> None:
    _expect_page(table, whole_history, ui)


def test_digest_shows_the_latest_day(whole_history: World, ui: Ui) -> None:
    ui.open_asset("daily_digest")
    expect(ui.page.get_by_text(str(whole_history.days[-1])).first).to_be_visible()
    expect(ui.page.get_by_text("whoever is on call").first).to_be_visible()
    ui.take_picture("daily_digest")


def test_lineage_shows_every_asset_and_no_failed_check(whole_history: World, ui: Ui) -> None:
    ui.open("/asset-groups")
    for name in (*(table.name for table in TABLES), "daily_digest"):
        # The icon of an asset whose latest run or check has failed has another name.
        expect(ui.page.get_by_role("button", name=re.compile(f"^run_success {name} "))).to_be_visible()
        expect(ui.page.locator("svg").get_by_text(name, exact=True)).to_be_visible()
    expect(ui.page.get_by_role("button", name=re.compile("D21_export"))).to_be_visible()
    ui.take_picture("lineage")
