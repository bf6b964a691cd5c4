"""Operational health, by cases worked by hand."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from cleargrid_assets.analysis.health import COLUMNS, operational_health
from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.contracts import OPERATIONAL_HEALTH
from cleargrid_assets_tests.analysis.slices import DAY, Row, at, relation, row, stored


def _health(slice_rows: list[Row], *days: date) -> list[Row]:
    frame = operational_health(relation(slice_rows, COLUMNS), load_outcomes(None), days or [DAY])
    return stored(frame, OPERATIONAL_HEALTH)


def _volumes(today: int, before: Sequence[int]) -> list[Row]:
    """So many calls on the day, and on each of the days before it, the nearest first."""
    return [
        row(f"{back}-{number}", communicated_at=at("12:00:00") - timedelta(days=back))
        for back, count in enumerate([today, *before])
        for number in range(count)
    ]


def test_every_count_of_a_small_day_is_as_worked_by_hand() -> None:
    day = [
        row("1", status="FAILED"),
        row("2", status="invalid-number", direction="inbound", communication_type="call"),
        row("3", status="odd", communicated_at=at("08:00:00")),
        row("4", status="ANSWERED", duration=None, communicated_at=at("20:00:00")),
        row("5", status="ANSWERED", duration=0.0),
        row("6", status="OPENED", communication_type="EMAIL"),
    ]
    calls, mails = _health(day)
    assert (calls["communications"], calls["failed"], calls["failure_rate"]) == (5, 2, 0.4)
    assert (calls["unmapped"], calls["answered_without_duration"]) == (1, 1)
    assert (calls["first_at"], calls["last_at"]) == (at("08:00:00"), at("20:00:00"))
    assert (mails["communication_type"], mails["answered_without_duration"]) == ("EMAIL", 0)


def test_lags_are_seconds_with_fractions_interpolated_and_may_be_negative() -> None:
    noon = at("12:00:00")
    lags = (-1.5, 0.0, 2.25, 10.0)
    day = [
        row(
            f"{number}",
            created_at=noon + timedelta(seconds=lag),
            updated_at=noon + timedelta(seconds=lag + number),
        )
        for number, lag in enumerate(lags)
    ]
    (calls,) = _health(day)
    assert calls["logging_lag_p50_s"] == pytest.approx(1.125)
    assert calls["logging_lag_p95_s"] == pytest.approx(2.25 + 0.85 * 7.75)
    assert calls["logging_lag_max_s"] == 10.0
    assert calls["update_lag_p95_s"] == pytest.approx(2.85)


@pytest.mark.parametrize(
    ("today", "before", "baseline", "is_anomalous"),
    [
        # MAD 0, taken as 5% of 20 = 1: the limit is 3 x 1.4826 = 4.4478 from 20
        (24, [20] * 7, 20.0, False),
        (25, [20] * 7, 20.0, True),
        (16, [20] * 7, 20.0, False),
        (15, [20] * 7, 20.0, True),
        # median 10, deviations 4 2 0 2 6 -> MAD 2: the limit is 8.8956
        (18, [6, 8, 10, 12, 16], 10.0, False),
        (19, [6, 8, 10, 12, 16], 10.0, True),
        # days without rows are left out, and the eighth day before does not count
        (20, [20, 0, 20, 0, 20, 20, 0, 99], 20.0, False),
        (40, [20, 0, 20, 0, 20, 0, 0, 99], 20.0, None),
        (3, [2, 5], 3.5, None),
        (3, [], None, None),
    ],
)
def test_a_volume_is_anomalous_beyond_three_scaled_mads(
    today: int, before: list[int], baseline: float | None, is_anomalous: bool | None
) -> None:
    (calls,) = _health(_volumes(today, before))
    assert calls["baseline_communications"] == baseline
    assert calls["volume_ratio"] == (None if baseline is None else today / baseline)
    assert calls["is_anomalous"] is is_anomalous


def test_each_type_has_a_baseline_of_its_own() -> None:
    mails = [r | {"public_id": f"m{r['public_id']}", "communication_type": "EMAIL"} for r in _volumes(1, [3])]
    assert [r["baseline_communications"] for r in _health([*_volumes(2, [5]), *mails])] == [5.0, 3.0]


def test_a_day_on_which_a_type_has_no_rows_has_no_row_for_it() -> None:
    assert _health(_volumes(0, [4, 4, 4, 4])) == []


def test_days_are_computed_together_as_they_are_apart() -> None:
    slice_rows = _volumes(11, [5, 6, 7, 5, 6])
    yesterday = DAY - timedelta(days=1)
    together = _health(slice_rows, yesterday, DAY)
    assert together == _health(slice_rows, yesterday) + _health(slice_rows, DAY)
    assert [r["is_anomalous"] for r in together] == [False, True]
