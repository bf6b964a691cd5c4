"""Operational health, by cases worked by hand."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from cleargrid_assets.analysis.health import SOURCES, operational_health, usual_volume
from cleargrid_assets.contracts import OPERATIONAL_HEALTH
from cleargrid_assets_tests.analysis.slices import DAY, at, relation, row, scope, stored
from cleargrid_assets_tests.rows import Row


def _health(slice_rows: list[Row], *days: date) -> list[Row]:
    return stored(operational_health(relation(slice_rows, SOURCES), scope(*days)), OPERATIONAL_HEALTH)


def _volumes(today: int, before: Sequence[int]) -> list[Row]:
    """Numbers of calls on the day and on each of the days before it, the nearest first."""
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


def test_lags_are_interpolated_seconds_and_may_be_negative() -> None:
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


@pytest.mark.parametrize(
    ("before", "lowest", "highest"),
    [
        ([100] * 7, 77.761, 122.239),
        ([80, 90, 100, 110, 120], 55.522, 144.478),
        ([1, 100, 100, 199, 300], -340.3322, 540.3322),
    ],
)
def test_the_tolerance_is_three_scaled_mads_of_at_least_a_twentieth(
    before: list[float], lowest: float, highest: float
) -> None:
    usual = usual_volume(before)
    assert usual
    assert usual.tolerance
    assert (usual.baseline - usual.tolerance, usual.baseline + usual.tolerance) == pytest.approx((lowest, highest))


def test_a_type_with_a_quote_in_its_name_has_a_baseline() -> None:
    odd = [r | {"communication_type": "Carrier's 'Pigeon'"} for r in _volumes(5, [5] * 4)]
    assert [(r["communication_type"], r["is_anomalous"]) for r in _health(odd)] == [("CARRIER'S_'PIGEON'", False)]


def test_two_spellings_of_a_type_share_one_baseline() -> None:
    week = [r | {"communication_type": ("call", " Call ")[number % 2]} for number, r in enumerate(_volumes(4, [6] * 4))]
    assert [r["baseline_communications"] for r in _health(week)] == [6.0]
