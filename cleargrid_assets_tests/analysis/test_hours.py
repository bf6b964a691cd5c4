"""Hourly reach, by cases worked by hand."""

from datetime import date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from cleargrid_assets.analysis.hours import SOURCES, hourly_reach
from cleargrid_assets.contracts import HOURLY_REACH
from cleargrid_assets_tests.analysis.slices import at, relation, row, scope, stored
from cleargrid_assets_tests.rows import Row


def _reach(slice_rows: list[Row], zone: str | tzinfo = "UTC") -> list[Row]:
    zone = ZoneInfo(zone) if isinstance(zone, str) else zone
    return stored(hourly_reach(relation(slice_rows, SOURCES), scope(zone=zone)), HOURLY_REACH)


def _busy_hours(reach: list[Row]) -> dict[int, tuple[int, int]]:
    return {r["hour"]: (r["attempts"], r["reached_attempts"]) for r in reach if r["attempts"]}


def _on(day: date, public_id: str, instant: str, **values: object) -> Row:
    return row(public_id, communicated_at=at(instant), communicated_date=day, **values)


def test_attempts_fall_into_the_hour_they_began_in() -> None:
    day = [
        row("1", communicated_at=at("09:00:00"), status="ANSWERED"),
        row("2", communicated_at=at("09:59:59"), status="BUSY"),
        row("3", communicated_at=at("10:00:00"), status="odd"),
        row("4", communicated_at=at("10:30:00"), direction="inbound"),
    ]
    reach = _reach(day)
    assert _busy_hours(reach) == {9: (2, 1), 10: (1, 0)}
    assert [(r["hour"], r["reach_rate"]) for r in reach if r["attempts"]] == [(9, 0.5), (10, 0.0)]


def test_each_day_and_channel_seen_has_24_hours_and_no_rate_over_zero() -> None:
    days = [row("1"), row("2", communication_type="SMS"), row("3", communicated_at=at("2026-05-20T01:00:00+00:00"))]
    reach = _reach(days)
    keys = [(r["communicated_date"].day, r["channel"], r["hour"]) for r in reach]
    seen = [(19, "messaging"), (19, "phone"), (20, "phone")]
    assert keys == [(*key, hour) for key in seen for hour in range(24)]
    assert {r["reach_rate"] for r in reach if not r["attempts"]} == {None}


def test_the_hour_is_on_the_business_zones_clock() -> None:
    """Nepal is 5:45 ahead of UTC."""
    day = date(2026, 5, 20)
    assert _busy_hours(_reach([_on(day, "1", "18:15:00")], "Asia/Kathmandu")) == {0: (1, 0)}


def test_both_passes_of_a_repeated_hour_count_as_one() -> None:
    day = date(2026, 11, 1)
    attempts = [
        _on(day, "1", "2026-11-01T05:30:00+00:00", status="ANSWERED"),
        _on(day, "2", "2026-11-01T06:30:00+00:00"),
        _on(day, "3", "2026-11-01T07:30:00+00:00"),
    ]
    reach = _reach(attempts, "America/New_York")
    assert _busy_hours(reach) == {1: (2, 1), 2: (1, 0)}
    assert len(reach) == 24


def test_an_hour_that_is_skipped_has_no_attempts() -> None:
    day = date(2026, 3, 29)
    attempts = [_on(day, "1", "2026-03-29T00:59:00+00:00"), _on(day, "2", "2026-03-29T01:00:00+00:00")]
    assert _busy_hours(_reach(attempts, "Europe/Berlin")) == {1: (1, 0), 3: (1, 0)}


def test_the_zones_rules_are_those_that_bound_the_day() -> None:
    """Whatever DuckDB's own database says: it knows nothing of this zone."""
    attempts = [row("1", communicated_at=at("12:14:59")), row("2", communicated_at=at("12:15:00"))]
    assert _busy_hours(_reach(attempts, timezone(timedelta(hours=2, minutes=45)))) == {14: (1, 0), 15: (1, 0)}


def test_over_many_days_each_change_of_clocks_counts_from_its_instant() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    instants = [
        datetime(2026, month, 3, hour, 40, tzinfo=zone) for month in (1, 4, 7, 10, 12) for hour in (0, 1, 2, 23)
    ]
    attempts = [_on(each.date(), str(each), each.isoformat()) for each in instants]
    reached = [(r["communicated_date"], r["hour"]) for r in _reach(attempts, zone) if r["attempts"]]
    assert reached == [(each.date(), each.hour) for each in instants]
