"""Pages without end."""

import random
from collections.abc import Iterator
from itertools import count

import pytest

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.pages.rows import Page
from cleargrid_assets.exports.walking.guard import RepeatGuard
from cleargrid_assets_tests.exports.example_pages import page_at


def page_of(numbers: range, second: float, step: float = 0.0, changed: object = "") -> Page:
    """A page with these rows, `step` seconds apart. `changed` is in their content, but not in their keys."""
    page = page_at(*(second + step * place for place in range(len(numbers))), keys=[f"id-{row}" for row in numbers])
    return _with(page, f"c{numbers}{second}{changed}", f"{page.lines!r}{changed}".encode())


def _with(page: Page, cursor: str, lines: bytes) -> Page:
    return Page(**{**vars(page), "next_cursor": cursor, "lines": lines})


def pages_until_error(pages: Iterator[Page], counted: int | None = None, fullness: float = 1.0) -> tuple[int, str]:
    """How many pages the guard accepts, and what it says then."""
    guard = RepeatGuard()
    for number, page in enumerate(pages):
        try:
            guard.check(page, counted=counted, fullness=fullness)
        except ExportsError as error:
            return number, str(error)
    pytest.fail("no error")


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


def test_same_rows_with_other_content_are_an_error() -> None:
    accepted, error = pages_until_error(page_of(range(50), 10, 1, changed=number) for number in count())
    assert accepted == 101
    assert "101 pages in a row without a new row, up to page 102" in error


def test_rows_in_another_order_each_time_are_an_error() -> None:
    dice = random.Random(3)  # noqa: S311 - not for secrets

    def shuffled(number: int) -> Page:
        first = dice.randrange(50)
        return page_of(range(first, first + 20), second=first, step=0.001, changed=number)

    accepted, _ = pages_until_error(map(shuffled, count()))
    assert accepted < 200


def test_cursor_that_goes_back_is_an_error() -> None:
    """Each round has other cursors and other contents."""
    rounds = (
        page_of(range(20 * page, 20 * page + 20), 60 * page, 1, number) for number in count() for page in range(30)
    )
    accepted, _ = pages_until_error(rounds)
    assert accepted == 30 + 100


@pytest.mark.parametrize(("counted", "accepted"), [(400, 200), (0, 200), (10_000, 5000), (None, 5000)])
def test_new_rows_at_random_times_are_an_error(counted: int | None, accepted: int) -> None:
    dice = random.Random(5)  # noqa: S311 - not for secrets
    pages = (page_of(range(20 * number, 20 * number + 20), dice.randrange(80_000)) for number in count())
    number, error = pages_until_error(pages, counted)
    # Until then, a few pages are later than all before.
    assert accepted <= number < accepted + 2000
    assert ("but counts only" in error) == (counted is not None)


@pytest.mark.parametrize("step", [0.0, 0.000001, 0.0001])
def test_new_rows_that_hardly_advance_are_an_error(step: float) -> None:
    def creeping() -> Iterator[Page]:
        return (page_of(range(20 * number, 20 * number + 20), 20 * step * number, step) for number in count())

    assert pages_until_error(creeping(), counted=400)[0] == 200
    assert pages_until_error(creeping())[0] == 5000


def test_large_pages_that_do_not_advance_are_an_error_sooner() -> None:
    pages = (page_of(range(1000 * number, 1000 * number + 1000), 5) for number in count())
    assert pages_until_error(pages, counted=400)[0] == 100


@pytest.mark.parametrize("counted", [None, 50_000, 49_000, 6000])
@pytest.mark.parametrize("page_size", [1000, 100, 10])
def test_crowded_instant_is_followed_to_its_end(page_size: int, counted: int | None) -> None:
    guard = RepeatGuard()
    for first in range(0, 50_000, page_size):
        guard.check(page_of(range(first, first + page_size), 36000), counted=counted)


def test_crowded_instant_in_pages_made_small_by_timeouts_is_followed() -> None:
    guard = RepeatGuard()
    for row in range(20_000):
        guard.check(page_of(range(row, row + 1), 36000), fullness=0.001)


def test_many_rows_that_advance_are_followed_whatever_the_count() -> None:
    guard = RepeatGuard()
    for number in range(6000):
        guard.check(page_of(range(10 * number, 10 * number + 10), 14.0 * number), counted=1)


def test_new_rows_that_advance_end_at_many_times_the_count() -> None:
    """Ten seconds a page: at most six pages a minute, as on an honest day."""

    def advancing() -> Iterator[Page]:
        return (page_of(range(20 * number, 20 * number + 20), 10 * number) for number in range(8640))

    number, error = pages_until_error(advancing(), counted=125)
    assert number == 5000
    assert "the server sent 100,020 rows, but counts only 125 rows of the whole day" in error
    guard = RepeatGuard()
    for page in advancing():
        guard.check(page, counted=20_000)


def test_rows_that_came_before_are_counted_if_they_are_near() -> None:
    guard = RepeatGuard()
    assert guard.check(page_at(1, 1, 2, keys=["a", "a", "b"], cursor="1")) == 1
    assert guard.check(page_at(2, 3, keys=["b", "c"], cursor="2")) == 1
    for number in range(11):
        guard.check(page_of(range(1000 * number, 1000 * number + 1000), number))
    assert guard.check(page_at(1, keys=["a"], cursor=None)) == 0


def test_row_with_many_versions_may_fill_pages() -> None:
    guard = RepeatGuard()
    for number in range(100):
        guard.check(page_of(range(1), 5, changed=number))
    guard.check(page_of(range(1, 2), 6))
