"""Runs that a person launches: of spoilt rows, of the log alone, of a source that is down, and of all days."""

import re

import pytest
from playwright.sync_api import expect

from cleargrid_assets_tests.browser.ui import RUN_TIMEOUT_MS, Ui
from cleargrid_assets_tests.browser.world import World, lose_a_row

pytestmark = pytest.mark.browser

_STALE = "Unsynced"


def test_words_of_the_source_are_text_and_fail_a_check_with_advice(spoilt: World, ui: Ui) -> None:
    ui.open_asset("communication_logs", "checks", checkDetail="statuses_and_types_are_mapped")
    expect(ui.page.get_by_text("outcomes file, and name the file in CLEARGRID_OUTCOMES.")).to_be_visible()
    expect(ui.page.get_by_text("VOID")).to_be_visible()
    _expect_no_markup(ui)
    _expect_icons(ui, "warning_outline", 2, is_red=False)
    ui.take_picture("words-check")
    ui.open_asset("operational_health", "partitions", partition=str(spoilt.days[-1]))
    expect(ui.page.get_by_text("unmapped").first).to_be_visible()
    _expect_no_markup(ui)
    ui.take_picture("words-health")


def test_broken_rule_fails_its_check_in_red_with_advice(spoilt: World, ui: Ui) -> None:
    ui.open_asset("communication_logs", "checks", checkDetail="duration_is_not_negative")
    expect(ui.page.get_by_text("Report the rows to ClearGrid by their public_id.")).to_be_visible()
    _expect_icons(ui, "cancel", 2, is_red=True)
    ui.take_picture("error-check")
    ui.open_asset("communication_logs")
    _expect_icons(ui, "cancel", 1, is_red=True)
    ui.take_picture("error-overview")


def test_log_alone_makes_its_downstream_stale_only_if_the_day_has_changed(spoilt: World, ui: Ui) -> None:
    # Of this day every table has a version of its own. The other days share those of the backfill.
    day = spoilt.days[-1]
    ui.open_asset("communication_logs")
    ui.materialize("Latest")
    ui.expect_success()
    ui.open_asset("interactions", "partitions", partition=str(day))
    expect(ui.page.get_by_text("stored_at").first).to_be_visible()
    expect(ui.page.get_by_text(_STALE)).to_have_count(0)
    ui.take_picture("not-stale")
    spoilt.change(day, lose_a_row)
    _fail_and_execute_again(spoilt, ui)
    ui.open_asset("interactions", "partitions", partition=str(day))
    expect(ui.page.get_by_text(_STALE).first).to_be_visible()
    ui.take_picture("stale")


def test_backfill_of_all_days_has_succeeded(whole_history: World, backfill: str, ui: Ui) -> None:
    # Last, because Dagster notices up to half a minute later that its runs have ended.
    ui.page.goto(backfill)
    ui.expect_success_of_backfill()
    ui.take_picture("backfill")


def _fail_and_execute_again(world: World, ui: Ui) -> None:
    """A run of the latest day of the log while the source is down, and again afterwards."""
    with world.down():
        ui.open_asset("communication_logs")
        ui.materialize("Latest")
        ui.expect_failure()
        expect(ui.page.get_by_text("The day was not stored").first).to_be_visible()
        ui.take_picture("down")
    failed = ui.page.url
    ui.page.get_by_role("button", name="Re-execute").first.click()
    ui.page.wait_for_url(lambda url: url != failed, timeout=RUN_TIMEOUT_MS)
    ui.expect_success()
    ui.take_picture("executed-again")


def _expect_no_markup(ui: Ui) -> None:
    """Neither letters in bold nor pictures nor links come from a word of the source."""
    expect(ui.page.locator("b, strong").filter(has_text=re.compile("VOID|BAD"))).to_have_count(0)
    expect(ui.page.locator('[src*="other.example"], [href*="other.example"]')).to_have_count(0)


def _expect_icons(ui: Ui, name: str, number: int, *, is_red: bool) -> None:
    """The icons of a check that failed: in the list of checks, and beside its result."""
    icons = ui.page.get_by_role("img", name=name, exact=True)
    expect(icons).to_have_count(number)
    for icon in icons.all():
        red, green, blue = ui.colour(icon, "backgroundColor")
        assert (red > 2 * max(green, blue)) == is_red, (red, green, blue)
