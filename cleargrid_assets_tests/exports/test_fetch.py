"""Fetching days: their rows and counts, and errors that say what to do."""

import errno
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from cleargrid_assets.exports.count import Count
from cleargrid_assets.exports.fetch import FetchedDay, FetchError, fetch
from cleargrid_assets.exports.spooling.recent_files import RecentFiles
from cleargrid_assets.exports.spooling.spool import Spool
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


def test_log_and_metadata_tell_how_often_it_was_asked_differently(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(410, when=lambda request: "cursor" in request.params, first=3)
    lines: list[str] = []
    with connected(api, concurrency=1, page_size=100) as client:
        day = fetch(client, {DAY: WINDOW}, tmp_path, log=lines.append)[DAY]
    assert lines[-1].endswith("asked differently 1 time")
    assert day.metadata["asked_differently"] == 1


MANY_DAYS = """
import resource, sys
from datetime import timedelta
from pathlib import Path
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[3]),) * 2)
from cleargrid_assets.exports.fetch import fetch
from cleargrid_assets.exports.window import Window
from cleargrid_assets_tests.exports.api import Api
from cleargrid_assets_tests.exports.driving import MIDNIGHT, connected
days = {
    str(number): Window(MIDNIGHT + timedelta(minutes=5 * number), MIDNIGHT + timedelta(minutes=5 * number + 5))
    for number in range(200)
}
with connected(Api(url=sys.argv[1]), concurrency=4) as client:
    done = fetch(client, days, Path(sys.argv[2]), log=lambda line: None)
print(sum(day.report.rows for day in done.values()))
"""


def many_days(api: Api, folder: Path, limit: int) -> "subprocess.CompletedProcess[str]":
    """Fetches 200 windows in a process that may have so many files open."""
    command = [sys.executable, "-c", MANY_DAYS, api.url, str(folder), str(limit)]
    return subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)


def test_200_days_are_fetched_with_64_open_files(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([300.0 * number for number in range(200)])
    done = many_days(api, tmp_path, limit=64)
    assert done.stdout.strip() == "200", done.stderr


@pytest.mark.parametrize(
    ("number", "parts"),
    [
        (errno.EMFILE, ["this process may not have more than", "`ulimit -n 4096`"]),
        (errno.ENOSPC, ["No space left on device", "has free space"]),
    ],
)
def test_error_of_a_used_up_limit_names_it(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, parts: list[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Spool, "append", refuse)
    with pytest.raises(FetchError) as caught:
        fetched(api, tmp_path)
    assert "the rows could not be spooled" in str(caught.value)
    assert all(part in str(caught.value) for part in parts)


def test_day_whose_file_cannot_be_closed_is_not_fetched(
    api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: RecentFiles) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    api.rows = rows_at(EVENLY)
    monkeypatch.setattr(RecentFiles, "close_all", refused)
    with connected(api) as client, pytest.raises(FetchError, match="Input/output error"):
        fetch(client, {DAY: WINDOW}, tmp_path, log=lambda line: None)


def test_pages_older_than_the_stored_day_are_fetched_again(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    old = fetched(api, tmp_path)
    stored = old.spool.extracted_at + timedelta(microseconds=1)
    api.rows = api.rows[:-1]
    with connected(api) as client:
        day = fetch(client, {DAY: WINDOW}, tmp_path, log=lambda line: None, not_before={DAY: stored})[DAY]
    assert (day.report.resumed_pages, day.report.rows) == (0, 399)
    assert day.spool.extracted_at > stored
