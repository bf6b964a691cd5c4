from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from cleargrid_assets.analysis.outcome_entries import DaysOff
from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.analysis.volumes import hourly_volumes, past_days
from cleargrid_assets_tests.analysis.slices import DAY, at, relation, row

SOURCES = {"volumes": ("communicated_date", "communication_type", "communicated_at")}


def test_rows_are_counted_by_normalised_type_and_hour_of_the_zone() -> None:
    log = relation(
        [
            row("a", communicated_at=at("04:14:59"), communication_type=" call "),
            row("b", communicated_at=at("04:15"), communication_type="Call"),
            row("c", communicated_at=at("05:14"), communication_type="CALL", direction="inbound"),
            row("d", communicated_at=at("05:15"), communication_type="sms"),
        ],
        SOURCES,
    )
    # Kathmandu is 5:45 hours ahead of UTC.
    assert hourly_volumes(log, ZoneInfo("Asia/Kathmandu")).values.tolist() == [
        [DAY, "CALL", 9, 1],
        [DAY, "CALL", 10, 2],
        [DAY, "SMS", 11, 1],
    ]


def test_past_days_are_stored_same_weekdays_that_are_no_days_off() -> None:
    before = [DAY - timedelta(days=days) for days in range(1, 60)]
    outcomes = load_outcomes(None)
    off = replace(outcomes, days_off=DaysOff((date(2026, 5, 5),)))
    stored = [day for day in before if day != date(2026, 4, 28)]
    assert past_days(DAY, stored, off) == [date(2026, 4, day) for day in (7, 14, 21)] + [date(2026, 5, 12)]
