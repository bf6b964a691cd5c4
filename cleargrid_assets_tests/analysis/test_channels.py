"""Channel reach, by cases worked by hand."""

from datetime import timedelta
from typing import Any

import pytest

from cleargrid_assets.analysis.channels import SOURCES, channel_reach
from cleargrid_assets.contracts import CHANNEL_REACH
from cleargrid_assets_tests.analysis.slices import at, relation, row, rows, scope, stored
from cleargrid_assets_tests.rows import Row


def _reach(slice_rows: list[Row]) -> list[Row]:
    return stored(channel_reach(relation(slice_rows, SOURCES), scope()), CHANNEL_REACH)


def _inbound(public_id: str, **values: Any) -> Row:
    return row(public_id, **{"direction": "inbound", "from": "a", "to": "us"} | values)


def test_every_number_of_a_small_day_is_as_worked_by_hand() -> None:
    day = rows(
        ("CALL", "BUSY", "a", 3.0),
        ("CALL", "ANSWERED", "a", 10.0),
        ("VOICE", "ANSWERED", "b", 20.0),
        ("CALL", "ANSWERED", "b", 100.0),
        ("CALL", "COMPLETED", "c", None),
        ("CALL", "FAILED", "d", None),
        names=("communication_type", "status", "to", "duration"),
    )
    (phone,) = _reach(day)
    assert phone["channel"] == "phone"
    assert (phone["attempts"], phone["contacts"], phone["reached_contacts"]) == (6, 4, 3)
    assert (phone["reach_rate"], phone["attempts_per_reached_contact"]) == (0.75, 2.0)
    assert phone["median_duration"] == 20.0
    assert phone["contacts_responded"] == 0


@pytest.mark.parametrize(
    ("reached", "tried", "low", "high"),
    [
        # scipy.stats.binomtest(reached, tried).proportion_ci(0.95, method="wilson")
        (0, 10, 0.0, 0.27753279986288926),
        (10, 10, 0.7224672001371109, 1.0),
        (5, 10, 0.236593090512564, 0.7634069094874361),
        (1, 1, 0.20654931437723745, 1.0),
        (3, 40, 0.025836025774588198, 0.19864233524310543),
    ],
)
def test_the_interval_is_wilsons(reached: int, tried: int, low: float, high: float) -> None:
    day = [row(f"{n}", to=f"{n}", status="ANSWERED" if n < reached else "BUSY") for n in range(tried)]
    (phone,) = _reach(day)
    assert phone["reach_rate_low"] == pytest.approx(low, abs=1e-12)
    assert phone["reach_rate_high"] == pytest.approx(high, abs=1e-12)
    assert 0 <= phone["reach_rate_low"] <= phone["reach_rate"] <= phone["reach_rate_high"] <= 1


def test_nobody_reached_has_no_attempts_per_contact_and_no_median() -> None:
    (phone,) = _reach([row("1", status="BUSY", duration=9.0)])
    assert (phone["reach_rate"], phone["attempts_per_reached_contact"], phone["median_duration"]) == (0.0, None, None)


def test_a_median_of_two_durations_lies_between_them() -> None:
    (phone,) = _reach([row("1", status="ANSWERED", duration=1.5), row("2", status="ANSWERED", duration=2.0)])
    assert phone["median_duration"] == 1.75


@pytest.mark.parametrize(
    ("answer", "responded"),
    [
        ({"communicated_at": at("12:00:01")}, 1),
        ({"communicated_at": at("12:00:00")}, 0),
        ({"communicated_at": at("11:59:59")}, 0),
        ({"communicated_at": at("12:30:00"), "from": " A\t", "direction": "Inbound"}, 1),
        ({"communicated_at": at("12:30:00"), "from": "b"}, 0),
        ({"communicated_at": at("12:30:00"), "communication_type": "VOICE"}, 1),
        ({"communicated_at": at("12:30:00"), "communication_type": "SMS"}, 0),
        ({"communicated_at": at("12:00:00") + timedelta(days=1)}, 0),
    ],
)
def test_a_response_is_on_the_channel_and_day_after_the_first_attempt(answer: Row, responded: int) -> None:
    day = [row("1", to="a"), row("2", to="a", communicated_at=at("18:00:00")), _inbound("3", **answer)]
    assert [r["contacts_responded"] for r in _reach(day)] == [responded]


def test_contact_writing_before_and_after_first_attempt_responds() -> None:
    day = [_inbound("1", communicated_at=at("08:00:00")), row("2"), _inbound("3", communicated_at=at("13:00:00"))]
    assert _reach(day)[0]["contacts_responded"] == 1


def test_inbound_rows_are_no_attempts_contacts_or_durations() -> None:
    day = [row("1"), _inbound("2", status="ANSWERED", duration=50.0), _inbound("3", **{"from": "z"})]
    (phone,) = _reach(day)
    assert (phone["attempts"], phone["contacts"], phone["reached_contacts"]) == (1, 1, 0)
    assert phone["median_duration"] is None


def test_a_channel_without_an_attempt_has_no_row() -> None:
    assert _reach([_inbound("1")]) == []


def test_a_type_nobody_knows_is_the_other_channel() -> None:
    assert [r["channel"] for r in _reach([row("1", communication_type="PIGEON")])] == ["other"]
