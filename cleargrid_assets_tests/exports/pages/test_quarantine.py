"""Rows that break the contract are set apart, up to a share of the day."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.exports.fetch import FetchedDay, FetchError, fetch
from cleargrid_assets.exports.pages.quarantine import TooManyBadRowsError, check_number, check_share, distinct
from cleargrid_assets.exports.pages.rows import Page, PageReader
from cleargrid_assets.schema import QuarantinedRow
from cleargrid_assets_tests.exports.answers import INSIDE, INSTANT, KEY, body, page_of, written
from cleargrid_assets_tests.exports.api import Answer, Api, Request, rows_at
from cleargrid_assets_tests.exports.driving import DAY, EVENLY, WINDOW, connected, spooled
from cleargrid_assets_tests.exports.faults import failing
from cleargrid_assets_tests.rows import Row, sent_row


def set_apart(raw: bytes) -> Page:
    return PageReader(D21, quarantines=True).read(raw, WINDOW)


def bad_rows(number: int) -> list[QuarantinedRow]:
    return [QuarantinedRow(str(each), "status", "is not a string", "{}") for each in range(number)]


def fetched(api: Api, folder: Path, *, quarantine: str = "on", page_size: int = 100) -> FetchedDay:
    """The day, with its spool left for the next process."""
    with connected(api, quarantine=quarantine, page_size=page_size) as client:
        day = fetch(client, {DAY: WINDOW}, folder, log=lambda line: None)[DAY]
    day.spool.close()
    return day


def spoil(rows: list[Row], every: int, **values: object) -> list[Row]:
    """The rows, every so many of them with other values."""
    return [row | values if number % every == 1 else row for number, row in enumerate(rows)]


def test_bad_rows_are_set_apart_with_field_and_reason() -> None:
    rows = [
        written(b'"fine"', key="fine"),
        written(b"NaN", "duration"),
        written(b"null", "from"),
        written(b'"a\xffb"', "status"),
        written(b'"2026-05-21T00:00:00Z"', "communicated_at"),
        written(b'""', "public_id"),
        b"[1]",
    ]
    page = set_apart(page_of(*rows))
    assert (page.rows, list(page.keys), page.first_at, page.last_at) == (1, ["fine"], INSTANT, INSTANT)
    assert [(row.public_id, row.field, row.reason) for row in page.quarantined] == [
        (KEY, "duration", "is not a number that a double holds"),
        (KEY, "from", "is missing or null, but is required"),
        (KEY, "status", "is not valid UTF-8"),
        (KEY, "communicated_at", "is outside the requested window"),
        (None, "public_id", "is empty, but it is the key"),
        (None, "(row)", "is not an object"),
    ]
    assert [row.row_json for row in page.quarantined] == [row.decode(errors="replace") for row in rows[1:]]


def test_page_of_bad_rows_alone_has_no_rows_and_keeps_its_cursor() -> None:
    page = set_apart(body(sent_row("a", INSIDE, status=None), nextCursor="n", total=1))
    assert (page.rows, page.first_at, page.ordered, page.next_cursor, page.total) == (0, None, True, "n", 1)


def test_order_is_that_of_the_good_rows() -> None:
    rows = [sent_row("a", "2026-05-19T01:00:00Z"), sent_row("b", INSIDE, status=1)]
    assert set_apart(body(*rows, sent_row("c", "2026-05-19T02:00:00Z"))).ordered


def test_very_long_row_is_cut_with_a_mark() -> None:
    row = written(b'"' + b"x" * 100_000 + b'"').replace(b'"outbound"', b"1")
    [quarantined] = set_apart(page_of(row)).quarantined
    assert len(quarantined.row_json) < 65_000
    assert quarantined.row_json.endswith(f"[cut: the row has {len(row):,} bytes]")


@pytest.mark.parametrize(("bad", "good"), [(0, 0), (10, 0), (10, 5), (11, 1089), (2000, 198_000)])
def test_ten_rows_or_one_percent_of_a_day_are_allowed(bad: int, good: int) -> None:
    check_share(DAY, bad_rows(bad), good, None)


@pytest.mark.parametrize(("bad", "good"), [(11, 0), (11, 1088), (2001, 198_000)])
def test_more_than_ten_rows_and_one_percent_of_a_day_are_refused(bad: int, good: int) -> None:
    with pytest.raises(TooManyBadRowsError, match=rf"{bad:,} of {bad + good:,} rows received .*: status is not"):
        check_share(DAY, bad_rows(bad), good, None)


@pytest.mark.parametrize(("counted", "is_refused"), [(1100, False), (1099, True), (5, True), (10**9, False)])
def test_share_is_that_of_the_counted_rows_if_rows_came_twice(counted: int, is_refused: bool) -> None:
    with pytest.raises(TooManyBadRowsError) if is_refused else nullcontext():
        check_share(DAY, bad_rows(11), 2000, counted)


def test_bad_rows_are_refused_while_they_come_before_they_fill_the_memory() -> None:
    check_number(DAY, bad_rows(10_000), 0)
    with pytest.raises(TooManyBadRowsError, match="10,001 of 10,006 rows"):
        check_number(DAY, bad_rows(10_001), 5)


def test_row_that_comes_twice_counts_once_in_its_last_version() -> None:
    rows = [QuarantinedRow(key, "status", "is not a string", text) for key, text in (("a", "1"), (None, "2"))]
    later = QuarantinedRow("a", "from", "is not a string", "3")
    assert distinct([*rows, *rows, later]) == [later, rows[1]]


def test_day_without_its_bad_rows_is_fetched_once_and_whole(api: Api, tmp_path: Path) -> None:
    """The day is cut, so rows at the cuts come twice."""
    api.rows = spoil(rows_at(EVENLY), 100, duration="12")
    api.most_rows = 50
    day = fetched(api, tmp_path, page_size=7)
    assert sorted(row.public_id or "" for row in day.quarantined) == [f"id-{n:06d}" for n in (1, 101, 201, 301)]
    assert {row["public_id"] for row in spooled(day.spool.rows_path)} == {
        row["public_id"] for row in api.rows if row["duration"] != "12"
    }
    assert day.metadata["quarantined_rows"] == 4
    assert day.count.rows == 400


def test_off_is_the_default_and_fails_the_day(api: Api, tmp_path: Path) -> None:
    api.rows = spoil(rows_at(EVENLY), 100, duration="12")
    with connected(api) as client, pytest.raises(FetchError, match="duration is not a number"):
        fetch(client, {DAY: WINDOW}, tmp_path, log=lambda line: None)


def test_pages_fetched_with_quarantine_are_not_continued_without(api: Api, tmp_path: Path) -> None:
    api.rows = spoil(rows_at(EVENLY), 400, duration="12")
    api.fault = failing(403, after=3)
    with pytest.raises(FetchError, match="HTTP 403"):
        fetched(api, tmp_path)
    api.fault = lambda request, answer: answer
    assert fetched(api, tmp_path).report.resumed_pages > 0
    with pytest.raises(FetchError, match="duration is not a number"):
        fetched(api, tmp_path, quarantine="off")


def test_bad_rows_of_continued_pages_are_kept(api: Api, tmp_path: Path) -> None:
    api.rows = spoil(rows_at(EVENLY), 400, duration="12")
    api.fault = failing(403, after=3)
    with pytest.raises(FetchError, match="HTTP 403"):
        fetched(api, tmp_path)
    api.rows, api.fault = api.rows[50:], lambda request, answer: answer
    day = fetched(api, tmp_path)
    assert day.report.resumed_pages > 0
    assert [row.public_id for row in day.quarantined] == ["id-000001"]


def test_server_that_ignores_the_window_is_refused(api: Api, tmp_path: Path) -> None:
    rows = [sent_row(f"id-{number}", f"2026-05-{1 + number % 20:02d}T12:00:00Z") for number in range(200)]
    api.fault = lambda request, answer: Answer(body=body(*rows)) if request.kind == "data" else answer
    with pytest.raises(FetchError, match=r"190 of 200 rows received break the contract.*communicated_at is outside"):
        fetched(api, tmp_path)


def test_endless_pages_of_bad_rows_end(api: Api, tmp_path: Path) -> None:
    def page(request: Request, answer: Answer) -> Answer:
        rows = [sent_row(f"id-{request.number}-{number}", "2026-05-21T00:00:00Z") for number in range(1000)]
        cursor = f"c{request.number}" if request.number < 30 else None
        return Answer(body=body(*rows, nextCursor=cursor)) if request.kind == "data" else answer

    api.fault = page
    with pytest.raises(FetchError, match=r"1\d,000 of 1\d,000 rows received break"):
        fetched(api, tmp_path, page_size=1000)
    assert len(api.data_requests) < 20


def test_refused_day_is_asked_for_again_once_it_is_repaired(api: Api, tmp_path: Path) -> None:
    whole = rows_at(EVENLY)
    api.rows = spoil(whole, 10, duration="12")
    with pytest.raises(FetchError, match=r"40 of 40. rows received break the contract") as caught:
        fetched(api, tmp_path)
    assert "continues from the pages" not in str(caught.value)
    api.rows = whole
    day = fetched(api, tmp_path)
    assert (day.report.resumed_pages, len(day.quarantined)) == (0, 0)


def test_repaired_texts_are_counted_in_metadata(api: Api, tmp_path: Path) -> None:
    api.rows = spoil(rows_at(EVENLY), 100, subject="MARK")
    api.fault = lambda request, answer: Answer(body=answer.body.replace(b"MARK", b"M\xfcller"))
    day = fetched(api, tmp_path, quarantine="off")
    assert day.metadata["repaired_texts"] == 4
    assert json.dumps(day.metadata)


def test_names_of_unknown_fields_are_no_keys_of_metadata(api: Api, tmp_path: Path) -> None:
    api.rows = [row | {"__class__": 1, "someone@example.org": 2, "a" * 10_000: 3} for row in rows_at([1, 2, 3])]
    unknown = fetched(api, tmp_path).metadata["unknown_fields"]
    assert ["__class__", 3] in unknown
    assert "someone@example.org" not in str(unknown)
    assert len(str(unknown)) < 300


def test_invented_names_do_not_fill_the_memory() -> None:
    rows = [sent_row(str(number), INSIDE) | {f"field {number} {each}": 1 for each in range(9)} for number in range(99)]
    assert len(set_apart(body(*rows)).unknown_fields) <= 100
