"""Reach by attempt, by cases worked by hand."""

from datetime import date, timedelta

from cleargrid_assets.analysis.attempts import SOURCES, reach_by_attempt
from cleargrid_assets.contracts import REACH_BY_ATTEMPT
from cleargrid_assets_tests.analysis.slices import DAY, at, relation, row, rows, scope, stored
from cleargrid_assets_tests.rows import Row

NAMES = ("communicated_at", "to", "status")
FIGURES = ("channel", "attempt_number", "contacts_attempted", "contacts_first_reached", "cumulative_reach_rate")


def _reach(slice_rows: list[Row], *days: date) -> list[Row]:
    return stored(reach_by_attempt(relation(slice_rows, SOURCES), scope(*days)), REACH_BY_ATTEMPT)


def _figures(slice_rows: list[Row]) -> list[tuple[object, ...]]:
    return [tuple(r[name] for name in FIGURES) for r in _reach(slice_rows)]


def test_every_number_of_a_small_window_is_as_worked_by_hand() -> None:
    window = rows(
        (at("2026-05-17T09:00:00+00:00"), "a", "BUSY"),
        (at("09:00:00"), " A", "ANSWERED"),
        (at("10:00:00"), "a", "ANSWERED"),
        (at("09:00:00"), "b", "ANSWERED"),
        (at("09:00:00"), "c", "FAILED"),
        (at("10:00:00"), "c", "odd"),
        (at("09:00:00"), "d", "NO_ANSWER"),
        names=NAMES,
    )
    assert _figures(window) == [("phone", 1, 4, 1, 0.25), ("phone", 2, 2, 1, 0.5), ("phone", 3, 1, 0, 0.5)]


def test_attempts_at_the_same_instant_are_ordered_by_public_id() -> None:
    tied = [row("2", status="ANSWERED"), row("1", status="BUSY"), row("3", status="ANSWERED")]
    assert [r["contacts_first_reached"] for r in _reach(tied)] == [0, 1, 0]


def test_ten_means_ten_or_more() -> None:
    def calls(contact: str, count: int, answered: int) -> list[Row]:
        return [
            row(
                f"{contact}{number}",
                to=contact,
                status="ANSWERED" if number == answered else "BUSY",
                communicated_at=at("08:00:00") + timedelta(minutes=number),
            )
            for number in range(1, count + 1)
        ]

    window = calls("a", 12, 12) + calls("b", 10, 10) + calls("c", 11, 2) + calls("d", 9, 9)
    figures = _figures(window)
    assert [number for _, number, *_ in figures] == list(range(1, 11))
    assert figures[1] == ("phone", 2, 4, 1, 0.25)
    assert figures[8:] == [("phone", 9, 4, 1, 0.5), ("phone", 10, 3, 2, 1.0)]


def test_a_window_is_seven_days_ending_with_the_day() -> None:
    attempts = [
        row(f"{back}", to=f"{back}", communicated_at=at("12:00:00") - timedelta(days=back)) for back in range(-1, 9)
    ]
    assert [(r["contacts_attempted"], r["window_days"]) for r in _reach(attempts)] == [(7, 7)]


def test_each_day_has_a_window_of_its_own_and_the_first_has_fewer_days() -> None:
    attempts = [row("1", communicated_at=at("2026-05-18T12:00:00+00:00")), row("2", status="ANSWERED")]
    reach = _reach(attempts, DAY - timedelta(days=1), DAY)
    assert [(r["communicated_date"].day, r["attempt_number"], r["contacts_first_reached"]) for r in reach] == [
        (18, 1, 0),
        (19, 1, 0),
        (19, 2, 1),
    ]


def test_channels_number_their_attempts_apart() -> None:
    window = [row("1", communication_type="SMS"), row("2", communication_type="CALL", status="ANSWERED")]
    assert _figures(window) == [("messaging", 1, 1, 0, 0.0), ("phone", 1, 1, 1, 1.0)]


def test_two_types_of_one_channel_number_their_attempts_together() -> None:
    window = [row("1", communication_type="SMS"), row("2", communication_type="WHATSAPP", status="READ")]
    assert _figures(window) == [("messaging", 1, 1, 0, 0.0), ("messaging", 2, 1, 1, 1.0)]


def test_inbound_rows_are_not_attempts() -> None:
    assert _reach([row("1", direction="inbound", status="ANSWERED")]) == []
