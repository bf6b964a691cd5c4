"""Parts of a day: what is requested next, and how a part is cut."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.part import Part
from cleargrid_assets.exports.window import Window
from cleargrid_assets_tests.exports.driving import DAY, MIDNIGHT, WINDOW
from cleargrid_assets_tests.exports.pages import page_at

START = Part.start(DAY, WINDOW)
TEN = [float(60 * minute) for minute in range(10)]


def seconds(first: float, last: float) -> Window:
    return Window(MIDNIGHT + timedelta(seconds=first), MIDNIGHT + timedelta(seconds=last))


def seen(*at: float) -> Part:
    """The day's part after a page."""
    part = START.after(page_at(*at))
    assert part is not None
    return part


def test_part_follows_the_cursor_through_the_same_window() -> None:
    part = seen(*TEN)
    assert (part.window, part.cursor) == (WINDOW, "next")


@pytest.mark.parametrize("at", [[], TEN])
def test_part_ends_without_a_cursor(at: list[float]) -> None:
    assert START.after(page_at(*at, cursor=None)) is None


def test_empty_page_with_a_cursor_is_not_the_end() -> None:
    part = START.after(page_at())
    assert part is not None
    assert (part.cursor, part.remaining) == ("next", WINDOW)


def test_ten_ordered_rows_move_the_position_to_the_second_before() -> None:
    assert seen(*TEN[:9]).remaining == WINDOW
    assert seen(*TEN).remaining == seconds(TEN[-1] - 1, 86400)


def test_rows_of_several_pages_prove_the_order_together() -> None:
    part = seen(*TEN[:5]).after(page_at(*TEN[5:]))
    assert part is not None
    assert part.remaining == seconds(TEN[-1] - 1, 86400)


def test_page_before_the_rows_seen_is_out_of_order() -> None:
    part = seen(*TEN)
    assert part.is_in_order(page_at(TEN[-1], TEN[-1] + 1))
    assert not part.is_in_order(page_at(TEN[-1] - 0.1))
    assert not START.is_in_order(page_at(2, 1))
    assert part.is_in_order(page_at())


def test_part_without_order_has_no_position_and_is_never_shared() -> None:
    part = seen(*TEN).without_order()
    assert (part.cursor, part.remaining) == ("next", WINDOW)
    following = part.after(page_at(5, 4, 700, *TEN))
    assert following is not None
    assert following.remaining == WINDOW
    assert following.shared(3) is None
    assert [half.trusts_order for half in following.halved()] == [False, False]
    assert [half.window for half in following.halved()] == list(WINDOW.split(2))


def test_part_cut_meanwhile_restarts_at_its_last_row() -> None:
    cut = replace(START, remaining=seconds(0, 3600))
    part = cut.after(page_at(*TEN))
    assert part is not None
    assert (part.window, part.cursor, part.rows) == (seconds(TEN[-1] - 1, 3600), None, 0)


def test_part_cut_before_its_last_row_is_done() -> None:
    cut = replace(START, remaining=seconds(0, 300))
    assert cut.after(page_at(*TEN)) is None


def test_pages_to_come_follow_from_the_latest_page() -> None:
    # Ten rows in 540 seconds.
    assert seen(*TEN).pages_to_come == pytest.approx((86400 - 539) / 540 - 1)
    assert START.pages_to_come == 0
    # A burst says nothing.
    assert seen(*(number / 100 for number in range(10))).pages_to_come == 0


def test_halves_restart_from_the_last_row() -> None:
    first, second = seen(*TEN).halved()
    assert (first.window.since, second.window.until) == (MIDNIGHT + timedelta(seconds=TEN[-1] - 1), WINDOW.until)
    assert (first.cursor, first.window.until) == (None, second.window.since)


def test_narrow_rest_of_a_wide_window_is_requested_on_its_own() -> None:
    part = replace(START, remaining=seconds(86399, 86400), cursor="x")
    [only] = part.halved()
    assert (only.window, only.cursor) == (seconds(86399, 86400), None)
    assert only.halved() == []


@given(st.integers(1, 12), st.lists(st.integers(0, 80_000), min_size=10, max_size=30))
def test_shares_are_together_what_remained(helpers: int, at: list[int]) -> None:
    part = seen(*sorted(at))
    shares = part.shared(helpers)
    if shares is None:
        return
    kept, given_away = shares
    assert 1 <= len(given_away) <= helpers
    edges = [kept.remaining, *(share.window for share in given_away)]
    assert (edges[0].since, edges[-1].until) == (part.remaining.since, part.remaining.until)
    assert all(left.until == right.since for left, right in pairwise(edges))
    assert (kept.window, kept.cursor) == (part.window, part.cursor)


def test_narrowed_part_and_its_rest_are_the_window() -> None:
    pair = START.narrowed(3600)
    assert pair is not None
    assert [part.window for part in pair] == [seconds(0, 3600), seconds(3600, 86400)]
    assert Part.start(DAY, seconds(0, 3600)).narrowed(3600) is None


def test_other_request_is_one_until_it_is_answered() -> None:
    error = ExportsError("boom")
    part = replace(START, alternative_to=error)
    # After a timeout, or because the window is known to be too wide.
    assert [half.alternative_to for half in part.halved()] == [error, error]
    pair = part.narrowed(3600)
    assert pair is not None
    assert [narrow.alternative_to for narrow in pair] == [error, None]
    answered = part.after(page_at(*TEN))
    assert answered is not None
    assert answered.alternative_to is None
