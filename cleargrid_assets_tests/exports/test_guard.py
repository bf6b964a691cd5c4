"""Pages without end."""

import pytest

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.guard import RepeatGuard
from cleargrid_assets_tests.exports.pages import page_at


def test_second_occurrence_of_a_cursor_is_an_error() -> None:
    guard = RepeatGuard()
    guard.check(page_at(1, cursor="a"))
    guard.check(page_at(2, cursor="b"))
    with pytest.raises(ExportsError, match="the same cursor 2 times, up to page 3 of the window"):
        guard.check(page_at(3, cursor="a"))


def test_same_rows_may_fill_ten_pages_and_no_more() -> None:
    guard = RepeatGuard()
    for number in range(10):
        guard.check(page_at(1, cursor=str(number)))
    with pytest.raises(ExportsError, match="the same page 11 times"):
        guard.check(page_at(1, cursor="new"))


def test_last_page_is_never_an_error() -> None:
    guard = RepeatGuard()
    for number in range(10):
        guard.check(page_at(1, cursor=str(number)))
    guard.check(page_at(1, cursor=None))


def test_empty_pages_without_end_are_an_error() -> None:
    guard = RepeatGuard()
    for number in range(5000):
        guard.check(page_at(cursor=str(number)))
    with pytest.raises(ExportsError, match="5,001 empty pages in a row"):
        guard.check(page_at(cursor="new"))


def test_empty_pages_between_others_are_followed() -> None:
    guard = RepeatGuard(max_empty_pages=3)
    for number in range(50):
        guard.check(page_at(*([number] if number % 3 == 0 else []), cursor=str(number)))
