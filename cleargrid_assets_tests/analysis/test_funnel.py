"""The attempt funnel, by cases worked by hand."""

from typing import Any

import pytest

from cleargrid_assets.analysis.funnel import SOURCES, attempt_funnel
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.contracts import ATTEMPT_FUNNEL
from cleargrid_assets_tests.analysis.slices import at, relation, row, rows, scope, stored
from cleargrid_assets_tests.rows import Row

NAMES = ("communication_type", "status", "to", "duration")


def _funnel(slice_rows: list[Row], outcomes: Outcomes | None = None) -> list[Row]:
    return stored(attempt_funnel(relation(slice_rows, SOURCES, outcomes), scope()), ATTEMPT_FUNNEL)


def _counts(funnel: list[Row], communication_type: str) -> list[tuple[int, int]]:
    return [(r["attempts"], r["contacts"]) for r in funnel if r["communication_type"] == communication_type]


def test_every_number_of_a_small_day_is_as_worked_by_hand() -> None:
    day = rows(
        ("CALL", "FAILED", "a", None),
        ("CALL", "NO_ANSWER", "a", None),
        ("CALL", "ANSWERED", "b", 10.0),
        ("CALL", "ANSWERED", "c", 30.0),
        ("CALL", "RINGING", "d", None),
        names=NAMES,
    )
    calls = [r for r in _funnel(day) if r["communication_type"] == "CALL"]
    figures = ("stage", "stage_order", "attempts", "contacts", "attempt_rate", "contact_rate", "step_rate")
    assert [tuple(r[name] for name in figures) for r in calls] == [
        ("attempted", 1, 5, 4, 1.0, 1.0, None),
        ("delivered", 2, 3, 3, 0.6, 0.75, 0.75),
        ("reached", 3, 2, 2, 0.4, 0.5, 2 / 3),
        ("engaged", 4, 1, 1, 0.2, 0.25, 0.5),
    ]


def test_a_contact_reached_by_two_types_counts_once_in_all() -> None:
    day = rows(("CALL", "ANSWERED", "a", None), ("SMS", "READ", "a", None), names=NAMES)
    assert _counts(_funnel(day), "ALL") == [(2, 1), (2, 1), (2, 1), (0, 0)]


def test_a_contact_is_the_same_in_capitals_and_with_spaces_around() -> None:
    day = rows(("EMAIL", "SENT", " Ann@X.org\t", None), ("EMAIL", "SENT", "ann@x.org\u00a0", None), names=NAMES)
    assert _counts(_funnel(day), "EMAIL")[0] == (2, 1)


def test_a_type_is_the_same_however_it_is_written() -> None:
    day = rows(("Whats App", "SENT", "a", None), (" WHATS-APP ", "SENT", "a", None), names=NAMES)
    assert {r["communication_type"] for r in _funnel(day)} == {"ALL", "WHATS_APP"}


def test_an_empty_stage_is_zero_and_a_rate_over_zero_is_null() -> None:
    *_, reached, engaged = (r for r in _funnel([row("1", status="BUSY")]) if r["communication_type"] == "CALL")
    assert (reached["attempts"], reached["attempt_rate"], reached["step_rate"]) == (0, 0.0, 0.0)
    assert (engaged["contacts"], engaged["contact_rate"], engaged["step_rate"]) == (0, 0.0, None)


@pytest.mark.parametrize(
    ("communication_type", "status", "duration", "furthest"),
    [
        ("CALL", "ANSWERED", 30.0, 4),
        ("CALL", "answered", 29.999, 3),
        ("CALL", "ANSWERED", None, 3),
        ("CALL", "NO_ANSWER", 45.0, 2),
        ("VOICE", "COMPLETED", 31.0, 4),
        ("EMAIL", "OPENED", 300.0, 3),
        ("EMAIL", "clicked", None, 4),
        ("SMS", "Replied", None, 4),
        ("CALL", "Invalid-Number", None, 1),
        ("CALL", "no answer", None, 2),
        ("CALL", "RINGING", 99.0, 1),
        ("PIGEON", "ANSWERED", 99.0, 3),
    ],
)
def test_an_attempt_gets_as_far_as_its_outcome_says(
    communication_type: str, status: str, duration: float | None, furthest: int
) -> None:
    attempt = row("1", communication_type=communication_type, status=status, duration=duration)
    assert sum(attempts for attempts, _ in _counts(_funnel([attempt]), "ALL")) == furthest


def test_the_seconds_of_an_engaged_call_come_from_the_outcomes() -> None:
    outcomes = Outcomes(statuses={"ANSWERED": "reached"}, channels={"CALL": "phone"}, engaged_seconds=60.0)
    day = rows(("CALL", "ANSWERED", "a", 59.0), ("CALL", "ANSWERED", "b", 60.0), names=NAMES)
    assert _counts(_funnel(day, outcomes), "CALL")[3] == (1, 1)


def test_outcomes_that_know_nothing_leave_every_attempt_attempted() -> None:
    outcomes = Outcomes(statuses={}, channels={}, engaged_seconds=30.0)
    assert _counts(_funnel([row("1", status="ANSWERED")], outcomes), "CALL") == [(1, 1), (0, 0), (0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("direction", "attempts"), [("outbound", 1), ("OutBound", 1), ("inbound", None), ("sideways", None)]
)
def test_only_outbound_rows_are_attempts(direction: str, attempts: int | None) -> None:
    funnel = _funnel([row("1", direction=direction)])
    assert ([r["attempts"] for r in funnel[:1]] or [None]) == [attempts]


def test_days_are_apart() -> None:
    days = [row("1"), row("2", communicated_at=at("2026-05-20T00:00:00+00:00"))]
    assert [r["contacts"] for r in _funnel(days) if r["communication_type"] == "ALL" and r["stage_order"] == 1] == [
        1,
        1,
    ]


def test_a_type_that_calls_itself_all_is_counted_once_in_all() -> None:
    """Its own rows would share their key with those of all types together."""
    day = rows(("all", "SENT", "a", None), ("SMS", "SENT", "b", None), names=NAMES)
    assert _counts(_funnel(day), "ALL")[0] == (2, 2)


def test_a_status_with_a_quote_in_it_is_looked_up_like_any_other() -> None:
    outcomes = Outcomes(statuses={"DIDN'T_ANSWER": "delivered"}, channels={"CALL": "phone"}, engaged_seconds=30.0)
    assert _counts(_funnel([row("1", status="didn't answer")], outcomes), "CALL")[1] == (1, 1)


def test_rows_are_sorted_by_day_type_and_stage() -> None:
    days: list[Any] = rows(("SMS", "SENT", "a", None), ("CALL", "SENT", "a", None), names=NAMES)
    frame = attempt_funnel(relation(days, SOURCES), scope())
    assert list(zip(frame["communication_type"], frame["stage_order"], strict=True)) == [
        (communication_type, order) for communication_type in ("ALL", "CALL", "SMS") for order in (1, 2, 3, 4)
    ]
