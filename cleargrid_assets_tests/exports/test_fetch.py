"""Fetching days: their rows and counts, and errors that say what to do."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from cleargrid_assets.exports.count import Count
from cleargrid_assets.exports.fetch import FetchedDay, FetchError, fetch
from cleargrid_assets.exports.window import Window
from cleargrid_assets_tests.exports.api import Api, rows_at
from cleargrid_assets_tests.exports.driving import DAY, EVENLY, MIDNIGHT, WINDOW, connected, ids, spooled
from cleargrid_assets_tests.exports.faults import asks_for_count, failing, slow_count


def fetched(api: Api, folder: Path, concurrency: int = 4, page_size: int = 1000) -> FetchedDay:
    """The day, with its spool left for the next process."""
    with connected(api, concurrency=concurrency, page_size=page_size) as client:
        day = fetch(client, {DAY: WINDOW}, folder, log=lambda line: None)[DAY]
    day.spool.close()
    return day


@pytest.mark.parametrize("concurrency", [1, 4])
def test_day_is_fetched_whole_and_counted_once(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.rows = rows_at(EVENLY)
    day = fetched(api, tmp_path, concurrency=concurrency)
    assert {row["public_id"] for row in spooled(day.spool.rows_path)} == ids(api)
    assert day.count == Count(400)
    assert [asks_for_count(request) for request in api.data_requests].count(True) == 1
    assert len(api.data_requests) == day.report.stats.requests == 2
    assert api.most_in_flight <= concurrency


def test_days_are_counted_apart_within_the_concurrency(api: Api, tmp_path: Path) -> None:
    api.rows, api.together = rows_at(EVENLY), 3
    days = {
        f"hour {hour}": Window(MIDNIGHT + timedelta(hours=hour), MIDNIGHT + timedelta(hours=hour + 1))
        for hour in range(24)
    }
    with connected(api, concurrency=3, page_size=5) as client:
        done = fetch(client, days, tmp_path, log=lambda line: None)
    assert sum(day.count.rows or 0 for day in done.values()) == 400
    assert sum(day.report.rows for day in done.values()) >= 400
    assert api.most_in_flight == 3


@pytest.mark.parametrize("concurrency", [1, 4])
def test_slow_count_and_504s_do_not_fail_the_day(api: Api, tmp_path: Path, concurrency: int) -> None:
    api.rows, api.fault = rows_at(EVENLY), slow_count()
    day = fetched(api, tmp_path, concurrency=concurrency)
    assert day.report.rows == 400
    assert day.count == Count(None, "too slow to count")
    assert day.metadata["source_rows_note"] == "too slow to count"
    assert "source_rows" not in day.metadata
    # The page, the count, and the same without the count.
    assert len(api.data_requests) == 3


def test_day_without_answers_of_a_cache_has_no_warning(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    day = fetched(api, tmp_path)
    assert day.warning is None
    assert "cached_answers" not in day.metadata


def test_count_of_a_finished_day_is_asked_again(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    fetched(api, tmp_path)
    api.requests.clear()
    again = fetched(api, tmp_path)
    assert [asks_for_count(request) for request in api.data_requests] == [True]
    assert (again.count, again.report.resumed_pages) == (Count(400), again.report.pages)


def test_another_page_size_begins_a_new_spool(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    assert fetched(api, tmp_path, page_size=100).report.resumed_pages == 0
    assert fetched(api, tmp_path, page_size=50).report.resumed_pages == 0
    assert fetched(api, tmp_path, page_size=50).report.resumed_pages > 0


def test_error_says_what_it_means_and_until_when_to_retry(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(403, "No more", after=3)
    days = {DAY: WINDOW, "2026-05-20": Window(WINDOW.until, WINDOW.until + timedelta(days=1))}
    until = datetime.now(timezone.utc) + timedelta(hours=1)
    # With one connection, the counts come first.
    with connected(api, page_size=100, concurrency=1) as client, pytest.raises(FetchError) as caught:
        fetch(client, days, tmp_path, log=lambda line: None)
    text = str(caught.value)
    for part in ("HTTP 403", '"No more"', "The day was not stored, and the table is unchanged.", "The other day"):
        assert part in text
    assert f"A run that starts before {until:%Y-%m-%d %H:}" in text
    assert caught.value.facts["status"] == 403


def test_log_tells_rows_pages_and_timeouts(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(504, first=2, when=lambda request: not asks_for_count(request))
    lines: list[str] = []
    with connected(api) as client:
        fetch(client, {DAY: WINDOW}, tmp_path, log=lines.append)
    [line] = lines
    assert line.startswith("2026-05-19: 400 rows in ")
    assert "timeout" in line
