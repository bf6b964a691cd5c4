"""Rows that break the contract are refused by row and field; unusual but valid values are not."""

import json
import re
from datetime import datetime, timedelta

import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOG_FIELDS
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.exports.errors import ContractError
from cleargrid_assets.exports.pages.rows import PageReader
from cleargrid_assets_tests.exports.answers import (
    INSIDE,
    INSTANT,
    KEY,
    body,
    only_row,
    page_of,
    read,
    refusal,
    refused,
    written,
)
from cleargrid_assets_tests.exports.driving import MIDNIGHT, WINDOW
from cleargrid_assets_tests.exports.every_type import EVERY_TYPE, UNUSUAL
from cleargrid_assets_tests.rows import Row, sent_row

REQUIRED = [column.name for column in COMMUNICATION_LOG_FIELDS if not column.nullable]
NOT_STRINGS = [1, 1.5, True, [], {}]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_required_field_is_refused_by_name_and_row(name: str) -> None:
    broken = sent_row(KEY, INSIDE)
    del broken[name]
    text = refusal(sent_row("fine", INSIDE), broken)
    assert name in text
    assert ("row 2" if name == "public_id" else KEY) in text


@pytest.mark.parametrize("name", REQUIRED)
def test_a_null_required_field_is_refused_by_name_and_row(name: str) -> None:
    text = refusal(sent_row(KEY, INSIDE) | {name: None})
    assert name in text
    assert ("row 1" if name == "public_id" else KEY) in text


@pytest.mark.parametrize("value", NOT_STRINGS)
@pytest.mark.parametrize("name", [column.name for column in COMMUNICATION_LOG_FIELDS if column.type != "DOUBLE"])
def test_a_string_field_that_is_none_is_refused(name: str, value: object) -> None:
    assert name in refusal(sent_row(KEY, INSIDE) | {name: value})


@pytest.mark.parametrize("value", ["119.8", True, [], {}])
def test_a_duration_that_is_no_number_is_refused(value: object) -> None:
    assert f"{KEY}: duration is not a number" in refusal(sent_row(KEY, INSIDE, duration=value))


@pytest.mark.parametrize(
    "number",
    [
        *(b"1e400", b"-1e400", b"1" + b"0" * 400, b"1" * 5000),
        *(b"NaN", b"Infinity", b"-Infinity", b"nan", b"-NaN", b"0x1F", b"01", b"1.", b".5", b"+1"),
        *(b"undefined", b"True", b"", b"'1'", b"[" * 9_999 + b"]" * 9_999),
    ],
    ids=lambda number: repr(number[:9]),
)
def test_a_duration_that_is_no_number_of_json_is_refused_by_name(number: bytes) -> None:
    fine, broken = written(b'"x"', key="fine"), written(number, "duration")
    assert f"{KEY}: duration is not a number that a double holds" in refused(page_of(fine, broken))


@pytest.mark.parametrize("value", [b'"\\x41"', b'"\\u12G4"', b'"say "hi" to them"', b"NaN", b"{'a': 1}", b"'text'"])
@pytest.mark.parametrize("name", ["subject", "status"])
def test_a_text_that_is_no_json_is_refused_by_name(name: str, value: bytes) -> None:
    assert f"{KEY}: {name} is not a string" in refused(page_of(written(value, name)))


@pytest.mark.parametrize(
    "row", [b"null", b"7", b'"x"', b"{1: 2}", b'{"public_id"}', b'{"public_id": "a",}', b"{'public_id': 1}"]
)
def test_a_row_that_is_no_object_is_refused_by_its_place(row: bytes) -> None:
    assert re.search(r"row 2 of the page \(it has no key\): \(row\) is not", refused(page_of(written(b'"x"'), row)))


@pytest.mark.parametrize("invalid", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82", b"\xf5\x80\x80\x80"])
def test_invalid_bytes_are_replaced_in_free_text_and_refused_elsewhere(invalid: bytes) -> None:
    value = b'"M' + invalid + b'r"'
    page = PageReader(D21).read(page_of(written(b'"x"', key="fine"), written(value)), WINDOW)
    assert (page.rows, page.repaired_texts) == (2, 1)
    assert json.loads(page.lines.splitlines()[1])["subject"] == value[1:-1].decode(errors="replace")
    for name in ("status", "from", "communicated_at"):
        assert f"{KEY}: {name} is not valid UTF-8" in refused(page_of(written(value, name)))


def test_invalid_bytes_in_the_key_are_refused_by_the_place_of_the_row() -> None:
    row = written(b'"x"').replace(KEY.encode(), b"\xff")
    assert "row 1 of the page (it has no key): public_id is not valid UTF-8" in refused(page_of(row))


def test_invalid_bytes_in_a_name_are_refused() -> None:
    """The value may belong to a field that can be absent."""
    row = written(b'"x"').replace(b'"subject"', b'"sub\xffject"')
    assert "(row) has a field whose name is not valid UTF-8" in refused(page_of(row))


@pytest.mark.parametrize(
    "value", [b'"\xff"', b"NaN", b"[" * 9_999 + b"]" * 9_999, b"1" * 5000], ids=lambda value: repr(value[:9])
)
def test_a_field_outside_the_contract_may_have_any_value(value: bytes) -> None:
    page = PageReader(D21).read(page_of(written(value, "invented")), WINDOW)
    assert (page.rows, page.unknown_fields, page.repaired_texts) == (1, {"invented": 1}, 0)


@pytest.mark.parametrize("name", ["subject", "status", "from", "public_id"])
def test_raw_control_characters_are_kept(name: str) -> None:
    text = "a\tb\r\nc\x00\x1f\x7f"
    row = written(b'"' + text.encode() + b'"', name)
    assert only_row(PageReader(D21).read(page_of(row), WINDOW))[name] == text


def test_the_last_of_fields_with_the_same_name_counts_on_both_paths() -> None:
    twice = written(b'"first", "subject": "second"')
    unusual = written(b'"first", "subject": "second", "created_at": "20260519T093120Z"')
    for row in (twice, unusual):
        assert only_row(PageReader(D21).read(page_of(row), WINDOW))["subject"] == "second"


def test_an_error_says_how_many_more_rows_are_bad_and_how_to_go_on() -> None:
    bad = [written(b"1", "status", key=f"{KEY[:-1]}{number}") for number in range(3)]
    text = refused(page_of(*bad, written(b'"x"')))
    assert f"row {KEY[:-1]}0: status is not a string, and 2 more rows of the page" in text
    assert "set CLEARGRID_QUARANTINE=on" in text


def test_a_key_that_is_no_id_is_shown_in_part_with_the_place_of_the_row() -> None:
    row = sent_row("someone@example.org", INSIDE, status=None)
    assert "row 2 of the page (some...): status is missing" in refusal(sent_row("fine", INSIDE), row)


def test_a_row_without_a_key_among_others_says_nothing_of_the_version() -> None:
    assert "v1.1" not in refusal(sent_row("fine", INSIDE), sent_row("", INSIDE))


def test_empty_key_is_refused_by_its_place() -> None:
    assert "row 1 of the page (it has no key): public_id is empty" in refusal(sent_row("", INSIDE))


@pytest.mark.parametrize("key", [{}, {"public_id": None}, {"public_id": ""}])
def test_missing_key_says_that_the_export_is_older_than_v1_1(key: Row) -> None:
    sent = sent_row("", INSIDE)
    del sent["public_id"]
    assert "The export is older than v1.1, which added public_id" in refusal(sent | key)


@pytest.mark.parametrize("others", [{}, UNUSUAL])
@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("is_active", 1, "is not true or false"),
        ("is_active", "true", "is not true or false"),
        ("small", 2**31, "is not a whole number of 32 bits"),
        ("small", True, "is not a whole number of 32 bits"),
        ("large", 2**63, "is not a whole number of 64 bits"),
        ("large", 1.5, "is not a whole number of 64 bits"),
        ("day", "2026-02-30", "is not an ISO-8601 date"),
        ("day", INSIDE, "is not an ISO-8601 date"),
        ("amount", "1", "is not a number that a double holds"),
        ("changed_at", "2026-05-19", "is not an ISO-8601 timestamp with an offset"),
    ],
)
def test_value_of_the_wrong_type_is_refused_by_name(name: str, value: object, reason: str, others: Row) -> None:
    sent = {"public_id": "a", "at": INSIDE, **others, name: value}
    with pytest.raises(ContractError, match=f"row a: {name} {reason}"):
        PageReader(EVERY_TYPE).read(body(sent), WINDOW)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-19T09:31:20Z",
        "2026-05-19T09:31:20.000Z",
        "2026-05-19T09:31:20.000000Z",
        "2026-05-19T09:31:20.000000000Z",
        "2026-05-19T09:31:20,0Z",
        "2026-05-19T12:31:20+03:00",
        "2026-05-19T12:31:20.0+0300",
        "2026-05-19T12:31:20+03",
        "2026-05-19T04:01:20-05:30",
        "2026-05-19t09:31:20z",
        "2026-05-19 09:31:20Z",
        "20260519T093120Z",
        "2026-05-20T00:31:20+15:00",
    ],
)
@pytest.mark.parametrize("name", ["communicated_at", "created_at", "updated_at"])
def test_timestamps_with_any_offset_and_fraction_are_the_right_instant(name: str, text: str) -> None:
    received = only_row(read(sent_row("a", INSIDE) | {name: text}))[name]
    assert datetime.fromisoformat(received.replace("Z", "+00:00")) == INSTANT


@pytest.mark.parametrize(
    "beside", [[], [sent_row("b", "20260519T120000Z")], [sent_row("b", INSIDE, duration=45.123456789)]]
)
@pytest.mark.parametrize("name", ["communicated_at", "created_at", "updated_at"])
def test_digits_beyond_microseconds_are_cut_off_not_rounded(name: str, beside: list[Row]) -> None:
    """Rounded, the last instant of a day would lie in the next one."""
    first, *_ = read(sent_row("a", INSIDE) | {name: "2026-05-19T23:59:59.9999999Z"}, *beside).lines.splitlines()
    received = json.loads(first)[name].replace("Z", "+00:00")
    assert datetime.fromisoformat(received) == MIDNIGHT + timedelta(days=1, microseconds=-1)


@pytest.mark.parametrize(
    "text",
    [
        "2026-05-19T09:31:20",
        "2026-05-19",
        "19/05/2026 09:31",
        "1779183080",
        "",
        "yesterday",
        "2026-02-30T00:00:00Z",
        "2026-05-19T09:31:60Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_communicated_at_that_names_no_usable_instant_is_refused(text: str) -> None:
    assert f"{KEY}: communicated_at" in refusal(sent_row(KEY, text))


@pytest.mark.parametrize("text", ["2026-05-18T23:59:59.999Z", "2026-05-20T00:00:00.000Z", "2026-05-20T02:59:00+02:00"])
def test_a_row_outside_the_window_is_refused(text: str) -> None:
    reason = refusal(sent_row("fine", INSIDE), sent_row(KEY, text))
    assert f"{KEY}: communicated_at is outside the requested window (2026-05-" in reason


def test_errors_show_no_personal_value_even_where_that_value_is_at_fault() -> None:
    for name in ("from", "to", "subject"):
        refusal(sent_row(KEY, INSIDE) | {name: {"value": "someone@example.org"}})
