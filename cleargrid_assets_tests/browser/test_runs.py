"""Runs that a person launches: the latest day, a changed day, words without a meaning, and a source that is down."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from cleargrid_assets_tests.browser.ui import RUN_TIMEOUT_MS, Ui
from cleargrid_assets_tests.browser.world import World

pytestmark = pytest.mark.browser

_HOSTILE = ("<b>VOID</b>", "**BAD**", "![x](//other.example/x)", "[y](//other.example)")
_STALE = "Unsynced"


def test_latest_day_materializes_from_the_page_of_an_asset(history: World, ui: Ui) -> None:
    ui.open_asset("hourly_reach")
    ui.materialize("Latest")
    ui.expect_success()
    ui.take_picture("run")


def test_only_a_changed_day_makes_its_downstream_stale(history: World, ui: Ui) -> None:
    changed, unchanged = history.days[2], history.days[3]

    def lose_a_row(rows: list[dict[str, Any]]) -> None:
        rows.pop()

    # The days of the backfill share one version. From here on, the unchanged day has its own.
    for name in ("communication_logs", "interactions"):
        ui.open_asset(name)
        ui.materialize(str(unchanged))
        ui.expect_success()
    history.change(changed, lose_a_row)
    for day in (unchanged, changed):
        ui.open_asset("communication_logs")
        ui.materialize(str(day))
        ui.expect_success()
    ui.open_asset("interactions", "partitions", partition=str(changed))
    expect(ui.page.get_by_text(_STALE).first).to_be_visible()
    ui.take_picture("stale")
    ui.open_asset("interactions", "partitions", partition=str(unchanged))
    expect(ui.page.get_by_text("stored_at").first).to_be_visible()
    expect(ui.page.get_by_text(_STALE)).to_have_count(0)
    ui.take_picture("not-stale")


def test_words_of_the_source_are_text_and_fail_a_check_with_advice(history: World, ui: Ui) -> None:
    day = history.days[-2]

    def get_words(rows: list[dict[str, Any]]) -> None:
        for row, status in zip(rows, _HOSTILE, strict=False):
            row["status"] = status

    history.change(day, get_words)
    ui.open("/asset-groups")
    ui.materialize(str(day))
    ui.expect_success()
    ui.open_asset("communication_logs", "checks", checkDetail="statuses_and_types_are_mapped")
    expect(ui.page.get_by_text("Failed", exact=True).first).to_be_visible()
    expect(ui.page.get_by_text("outcomes file").first).to_be_visible()
    expect(ui.page.get_by_text("VOID").first).to_be_visible()
    _expect_no_markup(ui)
    ui.take_picture("words-check")
    ui.open_asset("operational_health", "partitions", partition=str(day))
    expect(ui.page.get_by_text("unmapped").first).to_be_visible()
    _expect_no_markup(ui)
    ui.take_picture("words-health")


def test_run_fails_while_the_source_is_down_and_then_succeeds(history: World, ui: Ui) -> None:
    with history.down():
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
