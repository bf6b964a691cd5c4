"""Invented days: the same for the same seed, with plausible outreach, late rows and edits."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cleargrid_assets.sandbox import SandboxSettings, rows_of_day
from cleargrid_assets.sandbox.communications import DayCache
from cleargrid_assets_tests.sandbox.conftest import DAY, LONG_AFTER, MIDNIGHT, NEXT_MIDNIGHT, Clock, Visitor

SETTINGS = SandboxSettings(rows_per_day=5000)
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    return rows_of_day(SETTINGS, DAY, LONG_AFTER)


@pytest.fixture(scope="module")
def outbound(rows: Rows) -> Rows:
    return [row for row in rows if row["direction"] == "outbound"]


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def by_id(rows: Rows) -> dict[str, dict[str, Any]]:
    return {row["public_id"]: row for row in rows}


def test_day_is_the_same_in_any_order_of_requests() -> None:
    days = [DAY + timedelta(days=number) for number in range(3)]
    cache, another_cache = DayCache(), DayCache()
    forward = [rows_of_day(SETTINGS, day, LONG_AFTER, cache) for day in days]
    backward = [rows_of_day(SETTINGS, day, LONG_AFTER, another_cache) for day in reversed(days)]
    assert forward == backward[::-1]


def test_another_seed_gives_other_rows(rows: Rows) -> None:
    other = rows_of_day(replace(SETTINGS, seed=8), DAY, LONG_AFTER)
    assert not by_id(rows).keys() & by_id(other).keys()


def test_public_ids_are_object_ids_unique_over_days() -> None:
    days = [rows_of_day(SETTINGS, DAY + timedelta(days=number), LONG_AFTER) for number in range(4)]
    ids = [row["public_id"] for day in days for row in day]
    assert all(re.fullmatch(r"[0-9a-f]{24}", public_id) for public_id in ids)
    assert len(set(ids)) == len(ids)
    # Without the day in them, rows created in the same second could share an identifier.
    assert len({public_id[8:18] for public_id in ids}) == len(days)


def test_weekends_hold_a_quarter_of_a_weekdays_rows() -> None:
    monday = date(2026, 5, 18)
    sizes = [len(rows_of_day(SETTINGS, monday + timedelta(days=number), LONG_AFTER)) for number in range(7)]
    assert all(0.85 * 5000 < size < 1.15 * 5000 for size in sizes[:5])
    assert sum(sizes[:5]) == pytest.approx(25_000, rel=0.03)
    assert all(0.2 * 5000 < size < 0.3 * 5000 for size in sizes[5:])
    assert len(set(sizes)) == 7


def test_rows_lie_within_the_business_day_of_the_zone() -> None:
    zone = ZoneInfo("Asia/Dubai")
    rows = rows_of_day(replace(SETTINGS, timezone="Asia/Dubai"), DAY, LONG_AFTER)
    assert {instant(row["communicated_at"]).astimezone(zone).date() for row in rows} == {DAY}
    hours = Counter(instant(row["communicated_at"]).astimezone(zone).hour for row in rows)
    assert sum(hours[hour] for hour in range(8, 20)) > 0.95 * len(rows)
    assert hours[13] < 0.7 * min(hours[10], hours[15])
    assert sum(hours[hour] for hour in (21, 22, 23, 0, 1, 2, 3, 4, 5)) > 0


def test_types_and_statuses_have_plausible_shares(outbound: Rows) -> None:
    types = Counter(row["communication_type"] for row in outbound)
    assert 0.5 < types["CALL"] / len(outbound) < 0.7
    assert 0.2 < types["EMAIL"] / len(outbound) < 0.4
    assert types["SMS"] > types["WHATSAPP"] > 0
    statuses = Counter((row["communication_type"], row["status"]) for row in outbound)
    assert 0.15 < statuses["CALL", "ANSWERED"] / types["CALL"] < 0.4
    assert {status for kind, status in statuses if kind == "CALL"} == {
        *("ANSWERED", "NO_ANSWER", "BUSY", "VOICEMAIL", "CANCELLED", "FAILED", "INVALID_NUMBER")
    }
    assert {status for kind, status in statuses if kind == "EMAIL"} == {
        *("DELIVERED", "OPENED", "CLICKED", "REPLIED", "BOUNCED", "REJECTED")
    }


def test_only_answered_calls_have_durations_and_few_lack_one(rows: Rows) -> None:
    answered = [row["duration"] for row in rows if row["status"] == "ANSWERED"]
    assert all(row["duration"] is None for row in rows if row["status"] != "ANSWERED")
    missing = answered.count(None)
    assert 0 < missing < 0.02 * len(answered)
    assert all(duration > 0 and duration != round(duration, 3) for duration in answered if duration is not None)


def test_only_mail_has_a_subject(rows: Rows) -> None:
    assert all((row["subject"] is not None) == (row["communication_type"] == "EMAIL") for row in rows)


def test_addresses_belong_to_nobody(rows: Rows) -> None:
    mail = re.compile(r"(borrower\.\d{7}@example\.com|care@acme\.example)")
    number = re.compile(r"\+966(00\d{7}|010000\d{3})")
    for row in rows:
        shape = mail if row["communication_type"] == "EMAIL" else number
        assert shape.fullmatch(row["from"])
        assert shape.fullmatch(row["to"])


def test_contact_is_called_again_only_until_reached(outbound: Rows) -> None:
    calls: dict[str, list[str]] = {}
    for row in outbound:
        if row["communication_type"] == "CALL":
            calls.setdefault(row["to"], []).append(row["status"])
    assert max(map(len, calls.values())) == 4
    assert all("ANSWERED" not in statuses[:-1] for statuses in calls.values())
    assert all(len(statuses) == 1 for statuses in calls.values() if "INVALID_NUMBER" in statuses)


def test_contacts_reappear_on_other_days(outbound: Rows) -> None:
    next_day = rows_of_day(SETTINGS, DAY + timedelta(days=1), LONG_AFTER)
    today, tomorrow = ({row["to"] for row in day if row["direction"] == "outbound"} for day in (outbound, next_day))
    assert len(today & tomorrow) > 0.1 * len(today)


def test_answer_rate_is_higher_in_the_evening() -> None:
    answered: Counter[bool] = Counter()
    called: Counter[bool] = Counter()
    for number in range(5):
        for row in rows_of_day(SETTINGS, DAY - timedelta(days=number), LONG_AFTER):
            hour = instant(row["communicated_at"]).hour
            if row["communication_type"] == "CALL" and row["direction"] == "outbound" and hour in (12, 13, 18, 19):
                called[hour >= 18] += 1
                answered[hour >= 18] += row["status"] == "ANSWERED"
    assert answered[True] / called[True] > 1.25 * answered[False] / called[False]


def test_inbound_rows_follow_an_outbound_row_to_the_contact(rows: Rows) -> None:
    first: dict[str, str] = {}
    inbound = 0
    for row in rows:
        if row["direction"] == "outbound":
            first.setdefault(row["to"], row["communicated_at"])
        else:
            inbound += 1
            assert first[row["from"]] <= row["communicated_at"]
    assert 0.01 * len(rows) < inbound < 0.05 * len(rows)


def test_communicated_created_and_updated_are_in_order(rows: Rows) -> None:
    for row in rows:
        assert instant(row["communicated_at"]) < instant(row["created_at"]) < instant(row["updated_at"])


def test_about_1_percent_of_rows_are_2_to_48_hours_late(rows: Rows) -> None:
    lags = [instant(row["created_at"]) - instant(row["communicated_at"]) for row in rows]
    late = [lag for lag in lags if lag > timedelta(minutes=5)]
    assert 0.005 * len(rows) < len(late) < 0.02 * len(rows)
    assert all(timedelta(hours=2) <= lag <= timedelta(hours=48) for lag in late)


@pytest.mark.parametrize("hours_later", [-10, 0, 1, 30])
def test_instant_shows_only_rows_written_by_then(hours_later: int) -> None:
    now = NEXT_MIDNIGHT + timedelta(hours=hours_later)
    rows = rows_of_day(SETTINGS, DAY, now)
    assert rows
    assert all(instant(row["created_at"]) <= instant(row["updated_at"]) <= now for row in rows)
    created = {row["public_id"] for row in rows_of_day(SETTINGS, DAY, LONG_AFTER) if instant(row["created_at"]) <= now}
    assert [row["public_id"] for row in rows] == sorted(created, key=by_id_order(rows))


def by_id_order(rows: Rows) -> Callable[[str], tuple[str, str]]:
    known = by_id(rows)
    return lambda public_id: (known[public_id]["communicated_at"], public_id)


def test_closed_day_still_gains_and_changes_rows(rows: Rows) -> None:
    early, late = by_id(rows_of_day(SETTINGS, DAY, NEXT_MIDNIGHT)), by_id(rows)
    gained = late.keys() - early.keys()
    changed = [(early[key], late[key]) for key in early if early[key] != late[key]]
    assert early.keys() < late.keys()
    assert 0.003 * len(rows) < len(gained) < 0.02 * len(rows)
    assert 0.005 * len(rows) < len(changed) < 0.04 * len(rows)
    steps = {(before["status"], after["status"]) for before, after in changed}
    assert {("DELIVERED", "OPENED"), ("OPENED", "CLICKED"), ("ANSWERED", "ANSWERED")} < steps
    assert any(before["duration"] is None and after["duration"] is not None for before, after in changed)
    same = ("public_id", "communication_type", "direction", "from", "to", "subject", "communicated_at", "created_at")
    assert all(before[name] == after[name] for before, after in changed for name in same)


def test_about_3_percent_of_rows_change_later(rows: Rows) -> None:
    edited = [row for row in rows if instant(row["updated_at"]) - instant(row["created_at"]) > timedelta(minutes=5)]
    assert len(edited) == pytest.approx(0.03 * len(rows), rel=0.02)


def test_day_is_settled_three_days_after_its_end(rows: Rows) -> None:
    """Before that moment the rows come from the versions, after it from the settled day. Both must agree."""
    settled = NEXT_MIDNIGHT + timedelta(days=3)
    assert rows_of_day(SETTINGS, DAY, settled - timedelta(milliseconds=1)) == rows
    assert rows_of_day(SETTINGS, DAY, settled) == rows


def test_server_shows_a_growing_day(visit: Callable[..., Visitor], clock: Clock) -> None:
    visitor = visit(token_lifetime_s=1e9).enter()
    seen = []
    for hours in (11, 24, 40, 100):
        clock.now = MIDNIGHT + timedelta(hours=hours)
        walked = visitor.walk(MIDNIGHT, NEXT_MIDNIGHT, limit=100)
        total = visitor.body(since=MIDNIGHT.isoformat(), until=NEXT_MIDNIGHT.isoformat(), includeTotal="true")
        assert walked == rows_of_day(visitor.settings, DAY, clock.now)
        assert total["pagination"]["total"] == len(walked)
        seen.append(len(walked))
    assert seen == sorted(seen)
    assert 0 < seen[0] < seen[1] < seen[-1]


def test_cache_drops_days_above_its_limit() -> None:
    cache = DayCache(max_versions=12_000)
    for number in range(4):
        rows_of_day(SETTINGS, DAY + timedelta(days=number), LONG_AFTER, cache)
    assert 1 <= len(cache) <= 2


@pytest.mark.parametrize("rows_per_day", [0, 1, 2, 3, 10])
def test_very_small_days_can_be_drawn(rows_per_day: int) -> None:
    settings = replace(SETTINGS, rows_per_day=rows_per_day)
    for number in range(14):
        day = DAY + timedelta(days=number)
        rows = rows_of_day(settings, day, datetime.combine(day, time(), tzinfo=timezone.utc) + timedelta(days=5))
        assert abs(len(rows) - rows_per_day * (1 if day.weekday() < 5 else 0.25)) <= max(1, 0.15 * rows_per_day)
