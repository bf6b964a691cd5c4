"""Contact frequency, by cases worked by hand."""

from dataclasses import replace
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from cleargrid_assets.analysis.frequency import SOURCES, contact_frequency
from cleargrid_assets.analysis.outcome_entries import DaysOff, Limits
from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.contracts import CONTACT_FREQUENCY
from cleargrid_assets_tests.analysis.slices import DAY, at, relation, row, scope, stored
from cleargrid_assets_tests.rows import Row

CROSSINGS = ("contacts_over_limit", "attempts_outside_hours", "attempts_on_days_off")


def _frequency(
    slice_rows: list[Row],
    *days: date,
    limits: Limits = Limits(),  # noqa: B008
    days_off: DaysOff = DaysOff(),  # noqa: B008
    zone: str = "UTC",
) -> list[Row]:
    outcomes = replace(load_outcomes(None), limits=limits, days_off=days_off)
    frame = contact_frequency(relation(slice_rows, SOURCES), scope(*days, zone=ZoneInfo(zone), outcomes=outcomes))
    return stored(frame, CONTACT_FREQUENCY)


def _calls(numbers: dict[str, int]) -> list[Row]:
    """Calls to each contact, spread over the seven days that end with `DAY`."""
    return [
        row(f"{to}-{number}", to=to, communicated_at=at("12:00:00") - timedelta(days=number % 7))
        for to, count in numbers.items()
        for number in range(count)
    ]


def test_contacts_are_counted_by_their_attempts_in_seven_days() -> None:
    numbers = dict(zip("abcdefghi", (1, 1, 2, 3, 4, 5, 7, 8, 20), strict=True))
    others = [
        row("old", to="c", communicated_at=at("12:00:00") - timedelta(days=7)),
        row("later", to="c", communicated_at=at("12:00:00") + timedelta(days=1)),
        row("in", direction="inbound", **{"from": "c"}),
        row("sms", to="c", communication_type="SMS"),
        *(row(f"withheld{number}", to="anonymous") for number in range(30)),
    ]
    sms, phone = _frequency([*_calls(numbers), *others])
    assert [phone[name] for name in CONTACT_FREQUENCY.column_names[2:]] == [9, 20, 2, 1, 2, 2, 2, None, None, None]
    assert (sms["channel"], sms["contacts"], sms["contacts_1"]) == ("messaging", 1, 1)


def test_only_attempts_beyond_the_weekly_limit_are_over_it() -> None:
    (phone,) = _frequency(_calls({"a": 6, "b": 7, "c": 8, "d": 9}), limits=Limits(attempts_per_week=7))
    assert [phone[name] for name in CROSSINGS] == [2, None, None]


@pytest.mark.parametrize(
    ("limits", "outside"),
    [
        (Limits(earliest=time(9)), 1),
        (Limits(latest=time(20)), 2),
        (Limits(earliest=time(9), latest=time(20)), 3),
        (Limits(earliest=time(9, 1), latest=time(20, 1)), 3),
        (Limits(attempts_per_week=1), None),
    ],
)
def test_hours_include_the_earliest_and_exclude_the_latest(limits: Limits, outside: int | None) -> None:
    """Dubai is 4 hours ahead of UTC."""
    clocks = ("04:59:59.999", "05:00:00", "15:59:59.999", "16:00:00", "19:00:00")
    attempts = [row(clock, communicated_at=at(clock)) for clock in clocks]
    earlier = row("yesterday", communicated_at=at("2026-05-18T01:00:00+00:00"))
    (phone,) = _frequency([*attempts, earlier], limits=limits, zone="Asia/Dubai")
    assert phone["attempts_outside_hours"] == outside


def test_hours_follow_the_clock_when_it_changes() -> None:
    day = date(2026, 3, 29)
    instants = ("2026-03-29T06:59:59+00:00", "2026-03-29T07:00:00+00:00")
    attempts = [row(instant, communicated_at=at(instant), communicated_date=day) for instant in instants]
    (phone,) = _frequency(attempts, day, limits=Limits(earliest=time(9)), zone="Europe/Berlin")
    assert phone["attempts_outside_hours"] == 1


def test_attempts_of_a_day_off_are_counted_for_that_day_alone() -> None:
    sunday = date(2026, 5, 17)
    attempts = [*(row(f"{n}", communicated_at=at(f"2026-05-17T1{n}:00:00+00:00")) for n in range(3)), row("9")]
    days_off = DaysOff((date(2026, 5, 18),), (7,))
    found = _frequency(attempts, sunday, sunday + timedelta(days=1), DAY, days_off=days_off)
    assert [each["attempts_on_days_off"] for each in found] == [3, 0, 0]
    (tuesday,) = _frequency(attempts, DAY, days_off=DaysOff((DAY,)))
    assert (tuesday["contacts"], tuesday["attempts_on_days_off"]) == (1, 1)


def test_attempts_without_a_contact_still_cross_hours_and_days() -> None:
    limits = Limits(attempts_per_week=1, earliest=time(13))
    withheld = [row("1", to="private"), row("2", to="private")]
    (phone,) = _frequency(withheld, limits=limits, days_off=DaysOff((DAY,)))
    assert (phone["contacts"], phone["most_attempts"]) == (0, 0)
    assert [phone[name] for name in CROSSINGS] == [0, 2, 2]
