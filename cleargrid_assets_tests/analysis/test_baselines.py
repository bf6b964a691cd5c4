"""What is usual for a day, by cases worked by hand, and against a second implementation."""

import random
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import duckdb
import pandas as pd
import pytest

from cleargrid_assets.analysis.baselines import baselines, baselines_sql
from cleargrid_assets.analysis.outcome_entries import DaysOff
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.contracts import DAYS, OPERATIONAL_HEALTH
from cleargrid_assets.contracts.views import OPERATIONAL_BASELINES
from cleargrid_assets.pictures.frames import tidy
from cleargrid_assets.schema import COLUMN_TYPES
from cleargrid_assets_tests.analysis import reference
from cleargrid_assets_tests.analysis.slices import DAY, assert_same
from cleargrid_assets_tests.rows import Row

WEEKS = [DAY - timedelta(weeks=weeks) for weeks in range(1, 7)]


def outcomes(dates: Iterable[date] = (), weekdays: Iterable[int] = ()) -> Outcomes:
    return Outcomes({}, {}, 30.0, days_off=DaysOff(tuple(dates), tuple(weekdays)))


def facts(day: date, communications: int, name: str = "ALL", failed: int = 0, lag: float = 5.0) -> Row:
    """The columns of a row of `operational_health` that baselines are made from; none without communications."""
    return {
        "communicated_date": day,
        "communication_type": name,
        "communications": communications,
        "failed": failed,
        "failure_rate": failed / communications,
        "logging_lag_p95_s": lag,
    }


def judged(
    health: Iterable[Row], stored: Mapping[date, int] | None = None, given: Outcomes | None = None
) -> dict[tuple[date, str], Row]:
    """The rows of the query over a database of these rows, by day and type.

    Args:
        health: Rows of `operational_health`.
        stored: The rows of each day in the ledger. By default, those that are there.
        given: The outcomes; without days off by default.
    """
    rows = list(health)
    days = {each["communicated_date"]: 1 for each in rows}
    connection = duckdb.connect(config={"threads": 1})
    for table in (OPERATIONAL_HEALTH, DAYS):
        connection.execute(f"CREATE TABLE {table.name} ({', '.join(f'{c.name} {c.type}' for c in table.columns)})")
    connection.register("frame", pd.DataFrame(rows or None, columns=list(facts(DAY, 1)), dtype="object"))
    connection.execute("INSERT INTO operational_health BY NAME SELECT * FROM frame")
    for name, of_table in ((OPERATIONAL_HEALTH.name, days if stored is None else stored), ("hourly_reach", {DAY: 1})):
        values = [(name, day, count) for day, count in of_table.items()]
        if values:
            connection.executemany(
                "INSERT INTO days (table_name, communicated_date, row_count) VALUES (?, ?, ?)", values
            )
    result = connection.sql(baselines_sql(given or outcomes()))
    expected = [(column.name, COLUMN_TYPES[column.type].described_as) for column in OPERATIONAL_BASELINES.columns]
    assert list(zip(result.columns, map(str, result.types), strict=True)) == expected
    found = [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]
    keyed = {(each["communicated_date"], each["communication_type"]): each for each in found}
    assert len(keyed) == len(found)
    return keyed


def past(*volumes: int, name: str = "ALL", **values: Any) -> list[Row]:
    """Rows of the same weekday in the weeks before, the nearest first; none for a volume of 0."""
    return [facts(day, volume, name, **values) for day, volume in zip(WEEKS, volumes, strict=False) if volume]


UNJUDGED = OPERATIONAL_BASELINES.column_names[OPERATIONAL_BASELINES.column_names.index("baseline_communications") :]
"""The columns that are NULL on a day that is not judged."""


@pytest.mark.parametrize(
    ("name", "before", "middle", "usual", "unusual"),
    [
        # the root of the median: 3 x 10 for all types, 4 x 10 for one
        ("ALL", (100,) * 6, (100, 10), (70, 130), (69, 131)),
        ("SMS", (100,) * 6, (100, 10), (60, 140), (59, 141)),
        # 7% of the median
        ("ALL", (1000,) * 6, (1000, 70), (790, 1210), (789, 1211)),
        # deviations 100 0 100 200 200 0: their median is 100
        ("ALL", (900, 1000, 1100, 1200, 800, 1000), (1000, 148.26), (556, 1444), (555, 1445)),
        # three past days are enough
        ("ALL", (2, 4, 2), (2, 1.4142135), (1, 6), (7,)),
    ],
)
def test_a_volume_is_unusual_beyond_its_spreads(
    name: str, before: tuple[int, ...], middle: tuple[float, float], usual: tuple[int, ...], unusual: tuple[int, ...]
) -> None:
    for communications in (*usual, *unusual):
        # `ALL` has rows on the past days whatever the type
        every = [facts(day, 5000) for day in WEEKS] if name != "ALL" else []
        row = judged([*every, *past(*before, name=name), facts(DAY, communications, name)])[DAY, name]
        assert (row["baseline_communications"], row["communications_spread"]) == pytest.approx(middle)
        assert row["volume_ratio"] == communications / middle[0]
        assert row["volume_is_unusual"] is row["is_unusual"] is (communications in unusual)
        assert (row["communications_low"] <= communications <= row["communications_high"]) is (communications in usual)


def test_a_type_that_is_silent_counts_zero_on_the_day_and_before() -> None:
    week = [*past(500, 500, 500, 500, 500, 500), facts(DAY, 500)]
    found = judged([*week, *past(0, 0, 10, 10, 20, 30, name="SMS")])[DAY, "SMS"]
    assert (found["communications"], found["baseline_communications"]) == (0, 10)
    assert (found["failure_rate"], found["failure_is_unusual"], found["lag_is_unusual"]) == (None, None, None)
    assert (found["is_silent"], found["volume_is_unusual"], found["is_unusual"]) == (True, False, True)

    found = judged([*week, *past(0, 0, 9, 10, 20, 30, name="SMS")])[DAY, "SMS"]
    assert (found["baseline_communications"], found["is_silent"], found["is_unusual"]) == (9.5, False, False)

    new = judged([*week, facts(DAY, 5, "FAX"), facts(DAY, 4, "WHATSAPP")])
    assert (new[DAY, "FAX"]["baseline_communications"], new[DAY, "FAX"]["volume_ratio"]) == (0, None)
    assert [new[DAY, name]["volume_is_unusual"] for name in ("FAX", "WHATSAPP")] == [True, False]
    assert new[DAY, "FAX"]["baseline_failure_rate"] is new[DAY, "FAX"]["lag_is_unusual"] is None


def test_a_stored_day_without_rows_is_judged_and_not_compared_with() -> None:
    week = past(20, 20, 20, 20)
    days = {each["communicated_date"]: 1 for each in week} | {WEEKS[4]: 0, DAY: 0}
    row = judged(week, days)[DAY, "ALL"]
    assert (row["communications"], row["baseline_communications"], row["is_silent"]) == (0, 20, True)


@pytest.mark.parametrize(
    "stored",
    [
        dict.fromkeys([DAY, *WEEKS[:2]], 1),
        {**dict.fromkeys([DAY, *WEEKS[:2]], 1), **dict.fromkeys(WEEKS[2:], 0)},
        # neither the seventh week before nor another weekday
        dict.fromkeys([DAY, *WEEKS[:2], DAY - timedelta(weeks=7), DAY - timedelta(days=1)], 1),
    ],
    ids=["two stored", "others empty", "other days"],
)
def test_with_fewer_than_three_past_days_a_day_is_not_judged(stored: dict[date, int]) -> None:
    rows = [facts(day, 20) for day in (DAY, DAY - timedelta(days=1), *WEEKS, DAY - timedelta(weeks=7))]
    row = judged(rows, stored)[DAY, "ALL"]
    assert [row[name] for name in UNJUDGED] == [None] * len(UNJUDGED)
    assert (row["communications"], row["is_day_off"]) == (20, False)


@pytest.mark.parametrize("given", [outcomes(dates=[WEEKS[1]]), outcomes(weekdays=[1, 7])], ids=["date", "weekdays"])
def test_days_off_are_neither_judged_nor_compared_with(given: Outcomes) -> None:
    monday = DAY - timedelta(days=1)
    rows = [facts(day - timedelta(days=back), 20) for day in (DAY, *WEEKS) for back in (0, 1)]
    found = judged([*rows, facts(WEEKS[1], 900, "SMS")], given=given)
    off = {day for day, _ in found if given.days_off.includes(day)}
    assert off == ({WEEKS[1]} if given.days_off.dates else {monday - timedelta(weeks=weeks) for weeks in range(7)})
    for (day, _), row in found.items():
        assert row["is_day_off"] is (day in off)
        assert day not in off or [row[name] for name in UNJUDGED] == [None] * len(UNJUDGED)
    # 900 on the date that is off, which one past day fewer shows
    assert found[DAY, "SMS"]["baseline_communications"] == 0
    assert found[WEEKS[2], "ALL"]["baseline_communications"] == 20


def test_a_type_is_judged_for_six_weeks_after_it_was_seen() -> None:
    seen = facts(DAY, 30, "FAX")
    later = [facts(DAY + timedelta(days=days), 100) for days in range(0, 50)]
    days = [day for day, name in judged([seen, *later]) if name == "FAX"]
    assert sorted(days) == [DAY + timedelta(days=days) for days in range(43)]


def test_rows_of_a_day_that_the_ledger_lacks_do_not_count() -> None:
    rows = [*past(20, 20, 20, 90, 90, 90), facts(DAY, 20), facts(WEEKS[5], 50, "FAX")]
    found = judged(rows, dict.fromkeys([DAY, *WEEKS[:3]], 1))
    assert {name for _, name in found} == {"ALL"}
    assert found[DAY, "ALL"]["baseline_communications"] == 20


def test_a_failure_rate_is_unusual_four_spreads_above_the_pooled_one() -> None:
    # p = 0.1, and the root of 0.09 / 100 + 0.0001 is 0.0316228
    before = [*past(50, 50, failed=5), *past(0, 0, 200, 200, failed=20)]
    for failed, is_unusual in ((0, False), (22, False), (23, True)):
        row = judged([*before, facts(DAY, 100, failed=failed)])[DAY, "ALL"]
        assert row["baseline_failure_rate"] == pytest.approx(0.1)
        assert row["failure_rate_spread"] == pytest.approx(0.0316228, rel=1e-6)
        assert row["failure_is_unusual"] is is_unusual
    # rates 0, 0.1, 0.2 of past days: their MAD is 0.1
    scattered = [facts(day, 100, failed=failed) for day, failed in zip(WEEKS, (0, 10, 20), strict=False)]
    row = judged([*scattered, facts(DAY, 100, failed=60)])[DAY, "ALL"]
    assert row["failure_rate_spread"] == pytest.approx(0.14826)
    assert row["failure_is_unusual"] is False


def test_a_lag_is_unusual_four_spreads_above_its_median() -> None:
    for before, lag, spread, is_unusual in (
        ((10.0, 10.0, 10.0), 18.0, 2.0, False),
        ((10.0, 10.0, 10.0), 18.1, 2.0, True),
        ((1.0, 1.0, 1.0), 5.1, 1.0, True),
        ((-3.0, -3.0, -3.0), -20.0, 1.0, False),
        ((10.0, 20.0, 30.0), 80.0, 14.826, True),
    ):
        rows = [facts(day, 100, lag=each) for day, each in zip(WEEKS, before, strict=False)]
        row = judged([*rows, facts(DAY, 100, lag=lag)])[DAY, "ALL"]
        assert row["lag_spread"] == pytest.approx(spread)
        assert (row["lag_is_unusual"], row["is_unusual"]) == (is_unusual, is_unusual)


def history(seed: int) -> tuple[list[Row], dict[date, int], Outcomes]:
    """Facts of fifteen weeks with gaps, empty days and types that come and go; the stored days; and days off."""
    chance = random.Random(seed)  # noqa: S311
    days = [day for day in (DAY - timedelta(days=back) for back in range(105)) if chance.random() < 0.9]
    rows = []
    for day in days:
        sizes = {name: chance.choice((0, 0, 9, 12, 80, 90, 100)) for name in ("CALL", "SMS", "e'MAIL")}
        total = sum(sizes.values())
        for name, size in {**sizes, "ALL": total}.items():
            if size:
                failed = chance.randrange(1 + size // chance.choice((2, 10, 50)))
                rows.append(facts(day, size, name, failed, chance.choice((-1.5, 2.0, 3.25, 40.0))))
    stored = {day: sum(each["communicated_date"] == day for each in rows) for day in days}
    return rows, stored, outcomes(dates=chance.sample(days, 5), weekdays=[5] if seed % 2 else [])


@pytest.mark.parametrize("seed", range(6))
def test_every_figure_equals_that_of_the_second_implementation(seed: int) -> None:
    rows, stored, given = history(seed)
    off = [day for day in stored if given.days_off.includes(day)]
    nulls = dict.fromkeys(OPERATIONAL_BASELINES.column_names)
    expected = [nulls | row for row in reference.operational_baselines(rows, stored, off)]
    found = judged(rows, stored, given).values()
    assert_same(found, expected, OPERATIONAL_BASELINES.key)
    for flag in ("volume_is_unusual", "is_silent", "failure_is_unusual", "lag_is_unusual"):
        assert {row[flag] for row in found} == {True, False, None}


def test_rows_at_hand_are_judged_as_in_the_database() -> None:
    rows, stored, given = history(0)
    frame = tidy(pd.DataFrame(rows).reindex(columns=OPERATIONAL_HEALTH.column_names), OPERATIONAL_HEALTH)
    at_hand = baselines(frame, stored.keys(), given)
    records = at_hand.astype("object").where(at_hand.notna(), None).to_dict("records")
    records = [each | {"communicated_date": each["communicated_date"].date()} for each in records]
    assert_same(records, judged(rows, stored, given).values(), OPERATIONAL_BASELINES.key)
    empty = tidy(pd.DataFrame(), OPERATIONAL_HEALTH)
    assert baselines(empty, [], given).empty
    assert baselines(empty, [DAY], given)["communications"].tolist() == [0]
