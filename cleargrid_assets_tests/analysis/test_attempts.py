"""Reach by attempt, by cases worked by hand."""

from datetime import date, timedelta
from unittest.mock import patch

import pytest

from cleargrid_assets.analysis.attempts import SOURCES, reach_by_attempt
from cleargrid_assets.contracts import REACH_BY_ATTEMPT
from cleargrid_assets_tests.analysis.slices import DAY, at, relation, row, rows, scope, stored
from cleargrid_assets_tests.rows import Row

NAMES = ("communicated_at", "to", "status")
FIGURES = ("channel", "attempt_number", "contacts_attempted", "contacts_first_reached", "cumulative_reach_rate")
AT_RISK = ("attempt_number", "contacts_at_risk", "reach_probability", "km_reach_rate")


def _reach(slice_rows: list[Row], *days: date) -> list[Row]:
    return stored(reach_by_attempt(relation(slice_rows, SOURCES), scope(*days)), REACH_BY_ATTEMPT)


def _figures(slice_rows: list[Row], names: tuple[str, ...] = FIGURES) -> list[tuple[object, ...]]:
    return [tuple(r[name] for name in names) for r in _reach(slice_rows)]


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
    # The third attempt is on a contact that the second one reached, so nobody is at risk.
    assert _figures(window, AT_RISK) == [(1, 4, 0.25, 0.25), (2, 2, 0.5, 0.625), (3, 0, None, None)]
    # scipy.stats.binomtest(1, 2).proportion_ci(0.95, method="wilson")
    interval = pytest.approx((0.0945312057342307, 0.9054687942657693))
    assert _figures(window, ("reach_probability_low", "reach_probability_high"))[1:] == [interval, (None, None)]


def test_contacts_not_tried_again_raise_the_estimate_above_the_naive_rate() -> None:
    """Of 8 contacts, 2 are reached at once, and 4 are not tried again. Of the 2 tried again, 1 is reached."""
    tries = {"a": "Y", "b": "Y", "c": "N", "d": "N", "e": "N", "f": "N", "g": "NY", "h": "NN"}
    window = [
        row(f"{to}{n}", to=to, status={"Y": "ANSWERED", "N": "BUSY"}[each], communicated_at=at(f"1{n}:00:00"))
        for to, results in tries.items()
        for n, each in enumerate(results)
    ]
    assert _figures(window, ("contacts_at_risk", "reach_probability", "km_reach_rate", "cumulative_reach_rate")) == [
        (8, 0.25, 0.25, 0.25),
        (2, 0.5, 0.625, 0.375),
    ]


def test_attempts_at_the_same_instant_are_ordered_by_public_id() -> None:
    tied = [row("2", status="ANSWERED"), row("1", status="BUSY"), row("3", status="ANSWERED")]
    assert [r["contacts_first_reached"] for r in _reach(tied)] == [0, 1, 0]


def test_contacts_with_ties_count_once_a_channel_beside_others() -> None:
    tied = [
        row(f"{kind}{number}", communication_type=kind, status=status)
        for kind in ("CALL", "SMS")
        for number, status in enumerate(("SENT", "ANSWERED"))
    ]
    assert _figures([*tied, row("other", to="b", status="ANSWERED")]) == [
        *(("messaging", 1, 1, 0, 0.0), ("messaging", 2, 1, 1, 1.0)),
        *(("phone", 1, 2, 1, 0.5), ("phone", 2, 1, 1, 1.0)),
    ]


def test_contacts_with_one_hash_are_told_apart() -> None:
    window = rows(
        (at("09:00:00"), "a", "BUSY"), (at("10:00:00"), "b", "ANSWERED"), (at("11:00:00"), "a", "ANSWERED"), names=NAMES
    )
    with patch("cleargrid_assets.analysis.attempts._CONTACT_HASH", "1"):
        found = _figures(window)
    assert found == [("phone", 1, 2, 1, 0.5), ("phone", 2, 1, 1, 1.0)]


def test_attempts_without_a_contact_take_no_part() -> None:
    withheld = [row("1", to="Anonymous", status="ANSWERED"), row("2", to="", communication_type="SMS")]
    assert _figures([*withheld, row("3")]) == [("phone", 1, 1, 0, 0.0)]


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

    window = calls("a", 12, 12) + calls("b", 10, 10) + calls("c", 11, 2) + calls("d", 9, 9) + calls("e", 13, 0)
    figures = _figures(window)
    assert [number for _, number, *_ in figures] == list(range(1, 11))
    assert figures[1] == ("phone", 2, 5, 1, 0.2)
    assert figures[8:] == [("phone", 9, 5, 1, 0.4), ("phone", 10, 4, 2, 0.8)]
    # The second attempt reached c, the ninth d. At risk at the tenth are a, b and e.
    assert _figures(window, AT_RISK)[8:] == [
        (9, 4, 0.25, pytest.approx(1 - 4 / 5 * 3 / 4)),
        (10, 3, pytest.approx(2 / 3), pytest.approx(1 - 4 / 5 * 3 / 4 * 1 / 3)),
    ]


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
