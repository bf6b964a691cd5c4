"""Schedules in the UI: on, off, still off after a reload, and when the next tick is."""

import pytest
from playwright.sync_api import expect

from cleargrid_assets_tests.browser.ui import Ui

pytestmark = pytest.mark.browser


def test_schedule_is_on_shows_its_next_tick_and_stays_off(ui: Ui) -> None:
    ui.open("/locations/cleargrid_assets.definitions/schedules/daily_outreach_schedule")
    switch = ui.page.locator('label[class*="formatSwitch"] input').first
    expect(switch).to_be_checked()
    expect(ui.page.get_by_text("Next tick", exact=False).first).to_be_visible()
    ui.take_picture("schedule-on")
    ui.page.locator('label[class*="formatSwitch"]').first.click()
    expect(switch).not_to_be_checked()
    ui.page.reload()
    expect(ui.page.locator('label[class*="formatSwitch"]').first).to_be_visible()
    expect(switch).not_to_be_checked()
    ui.take_picture("schedule-off")
    ui.page.locator('label[class*="formatSwitch"]').first.click()
    expect(switch).to_be_checked()
