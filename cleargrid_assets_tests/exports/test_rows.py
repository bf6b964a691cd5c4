"""One answer held against the contract."""

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOG_FIELDS
from cleargrid_assets.exports.dataset import D21, Dataset
from cleargrid_assets.exports.errors import ContractError, ExportsError, TransientError
from cleargrid_assets.exports.rows import Page, PageReader
from cleargrid_assets.exports.window import Window
from cleargrid_assets.schema import Column
from cleargrid_assets_tests.rows import Row, sent_row

SINCE = datetime(2026, 5, 19, tzinfo=timezone.utc)
WINDOW = Window(SINCE, SINCE + timedelta(days=1))
INSIDE = "2026-05-19T09:31:20.000Z"
PERSONAL = ("+966550000001", "+966512345678", "Overdue instalment", "someone@example.org")
REQUIRED = [column.name for column in COMMUNICATION_LOG_FIELDS if not column.nullable]
NOT_STRINGS = [1, 1.5, True, [], {}]


def body(*rows: Any, **pagination: Any) -> bytes:
    answer = {"rows": list(rows), "pagination": {"nextCursor": None} | pagination}
    return json.dumps({"code": 200, "message": "ok", "errors": [], "body": answer}).encode()


def read(*rows: Any, **pagination: Any) -> Page:
    return PageReader(D21).read(body(*rows, **pagination), WINDOW)


def only_row(page: Page) -> Row:
    (line,) = page.lines.splitlines()
    decoded: Row = json.loads(line)
    return decoded


def refusal(*rows: Row) -> str:
    with pytest.raises(ContractError) as caught:
        read(*rows)
    text = f"{caught.value} {caught.value!r}"
    assert not [value for value in PERSONAL if value in text]
    return text


def test_the_declared_fields_come_out_and_nothing_else() -> None:
    assert only_row(read(sent_row("a", INSIDE, invented="x"))).keys() == {
        column.name for column in COMMUNICATION_LOG_FIELDS
    }


def test_values_come_out_as_they_went_in() -> None:
    sent = sent_row("a", INSIDE, subject='Half "quoted"\n\u2028 \U0001f600')
    page = only_row(read(sent))
    instants = {"communicated_at", "created_at", "updated_at"}
    assert {name: page[name] for name in page.keys() - instants} == {
        name: sent[name] for name in page.keys() - instants
    }


def test_a_page_says_what_the_walk_needs() -> None:
    page = read(sent_row("a", INSIDE), sent_row("b", "2026-05-19T10:00:00Z"), nextCursor="n", total=7)
    assert (page.rows, page.next_cursor, page.total, page.ordered) == (2, "n", 7, True)
    assert (page.first_at, page.last_at) == (SINCE + timedelta(hours=9.5, seconds=80), SINCE + timedelta(hours=10))


@pytest.mark.parametrize(
    "said",
    [
        {"code": 500},
        {"code": "ERR"},
        {"success": False},
        {"code": 200, "errors": [{"code": "SHARD_TIMEOUT"}]},
        {"errors": "half of the shards failed"},
        {"errors": {"0": "x"}},
    ],
)
def test_200_with_an_error_envelope_is_no_page(said: Row) -> None:
    document = json.loads(body()) | said | {"message": "try again", "requestId": "req_9"}
    with pytest.raises(TransientError, match=r"HTTP 200 with an error envelope.*try again.*req_9"):
        PageReader(D21).read(json.dumps(document).encode(), WINDOW)


def test_a_message_that_is_null_is_none() -> None:
    with pytest.raises(TransientError) as caught:
        PageReader(D21).read(b'{"message": null}', WINDOW)
    assert "None" not in str(caught.value)


def test_a_page_without_a_code_is_a_page() -> None:
    document = json.loads(body(sent_row("a", INSIDE)))
    document.pop("code", None)
    assert PageReader(D21).read(json.dumps(document).encode(), WINDOW).rows == 1


def test_an_empty_page_is_a_page() -> None:
    page = read(nextCursor="n")
    assert (page.rows, page.lines, page.first_at, page.ordered) == (0, b"", None, True)


def test_rows_in_another_order_are_noticed() -> None:
    assert not read(sent_row("a", "2026-05-19T10:00:00Z"), sent_row("b", INSIDE)).ordered


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_required_field_is_refused_by_name_and_row(name: str) -> None:
    broken = sent_row("the-key", INSIDE)
    del broken[name]
    text = refusal(sent_row("fine", INSIDE), broken)
    assert name in text
    assert ("row 2" if name == "public_id" else "the-key") in text


@pytest.mark.parametrize("name", REQUIRED)
def test_a_null_required_field_is_refused_by_name_and_row(name: str) -> None:
    text = refusal(sent_row("the-key", INSIDE) | {name: None})
    assert name in text
    assert ("row 1" if name == "public_id" else "the-key") in text


@pytest.mark.parametrize("value", NOT_STRINGS)
@pytest.mark.parametrize("name", [column.name for column in COMMUNICATION_LOG_FIELDS if column.type != "DOUBLE"])
def test_a_string_field_that_is_none_is_refused(name: str, value: object) -> None:
    assert name in refusal(sent_row("the-key", INSIDE) | {name: value})


@pytest.mark.parametrize("value", ["119.8", True, [], {}])
def test_a_duration_that_is_no_number_is_refused(value: object) -> None:
    assert "the-key: duration is not a number" in refusal(sent_row("the-key", INSIDE, duration=value))


@pytest.mark.parametrize("digits", ["1e400", "-1e400", "1" + "0" * 400])
def test_a_duration_beyond_a_double_is_refused(digits: str) -> None:
    raw = body(sent_row("the-key", INSIDE, duration=4711)).replace(b"4711", digits.encode())
    with pytest.raises(ContractError, match="the-key: duration is not a number"):
        PageReader(D21).read(raw, WINDOW)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_constant_that_is_no_json_is_no_answer(constant: str) -> None:
    raw = body(sent_row("the-key", INSIDE, duration=4711)).replace(b"4711", constant.encode())
    with pytest.raises(TransientError, match="is truncated or not JSON"):
        PageReader(D21).read(raw, WINDOW)


@pytest.mark.parametrize("duration", [119.86464333534241, 0.1, 5e-324, 1.7976931348623157e308, 0, 120, None, -1.5])
@pytest.mark.parametrize("others", [{}, {"created_at": "20260519T093120+0300"}])
def test_a_duration_keeps_every_digit(duration: float | None, others: Row) -> None:
    assert only_row(read(sent_row("a", INSIDE, duration=duration, **others)))["duration"] == duration


def test_an_absent_nullable_field_is_null() -> None:
    sent = sent_row("a", INSIDE)
    del sent["subject"], sent["duration"]
    received = only_row(read(sent))
    assert (received["subject"], received["duration"]) == (None, None)


def test_empty_key_is_refused_by_its_place() -> None:
    assert "row 1 of the page (it has no key): public_id is empty" in refusal(sent_row("", INSIDE))


@pytest.mark.parametrize("key", [{}, {"public_id": None}, {"public_id": ""}])
def test_missing_key_says_that_the_export_is_older_than_v1_1(key: Row) -> None:
    sent = sent_row("", INSIDE)
    del sent["public_id"]
    assert "The export is older than v1.1, which added public_id" in refusal(sent | key)


EVERY_TYPE = Dataset(
    section="S4",
    code="D23",
    key="public_id",
    cursor_field="at",
    fields=[
        Column("public_id", "VARCHAR", "Key."),
        Column("at", "TIMESTAMPTZ", "Cursor."),
        Column("is_active", "BOOLEAN", "Flag.", nullable=True),
        Column("small", "INTEGER", "32 bits.", nullable=True),
        Column("large", "BIGINT", "64 bits.", nullable=True),
        Column("day", "DATE", "Date.", nullable=True),
        Column("amount", "DOUBLE", "Number.", nullable=True),
        Column("changed_at", "TIMESTAMPTZ", "Instant.", nullable=True),
    ],
)
UNUSUAL = {"changed_at": "20260519T093120Z"}
"""A timestamp that sends the page to the reader that goes row by row."""


@pytest.mark.parametrize("others", [{}, UNUSUAL])
@pytest.mark.parametrize(
    "values",
    [
        {"is_active": True, "small": -(2**31), "large": 2**63 - 1, "day": "2026-05-19", "amount": 0.1},
        {"is_active": False, "small": 0, "large": -(2**63), "day": "2024-02-29", "amount": 3},
        {"is_active": None, "small": None, "large": None, "day": None, "amount": None},
    ],
)
def test_values_of_every_type_come_out_as_they_went_in(values: Row, others: Row) -> None:
    sent = {"public_id": "a", "at": INSIDE, **values, **others}
    received = only_row(PageReader(EVERY_TYPE).read(body(sent), WINDOW))
    assert {name: received[name] for name in values} == values


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


def test_empty_strings_are_values_elsewhere() -> None:
    assert only_row(read(sent_row("a", INSIDE, to="", status="")))["to"] == ""


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
    assert datetime.fromisoformat(received.replace("Z", "+00:00")) == SINCE + timedelta(hours=9.5, seconds=80)


@pytest.mark.parametrize(
    "beside", [[], [sent_row("b", "20260519T120000Z")], [sent_row("b", INSIDE, duration=45.123456789)]]
)
@pytest.mark.parametrize("name", ["communicated_at", "created_at", "updated_at"])
def test_digits_beyond_microseconds_are_cut_off_not_rounded(name: str, beside: list[Row]) -> None:
    """Rounded, the last instant of a day would lie in the next one."""
    first, *_ = read(sent_row("a", INSIDE) | {name: "2026-05-19T23:59:59.9999999Z"}, *beside).lines.splitlines()
    received = json.loads(first)[name].replace("Z", "+00:00")
    assert datetime.fromisoformat(received) == SINCE + timedelta(days=1, microseconds=-1)


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
    assert "the-key: communicated_at" in refusal(sent_row("the-key", text))


@pytest.mark.parametrize("text", ["2026-05-18T23:59:59.999Z", "2026-05-20T00:00:00.000Z", "2026-05-20T02:59:00+02:00"])
def test_a_row_outside_the_window_is_refused(text: str) -> None:
    assert "the-key: communicated_at is 2026-05-" in refusal(sent_row("fine", INSIDE), sent_row("the-key", text))


@pytest.mark.parametrize(
    "text", ["2026-05-19T00:00:00.000Z", "2026-05-19T23:59:59.999Z", "2026-05-19T23:59:59.9999999Z"]
)
def test_the_first_and_last_instants_of_a_window_are_inside(text: str) -> None:
    assert read(sent_row("a", text)).rows == 1


def test_unknown_fields_are_counted_page_after_page() -> None:
    reader = PageReader(D21)
    sent = body(sent_row("a", INSIDE, agent="x", queue=1), sent_row("b", INSIDE, agent=None), sent_row("c", INSIDE))
    for _ in range(2):
        assert reader.read(sent, WINDOW).unknown_fields == {"agent": 2, "queue": 1}
    assert reader.read(body(sent_row("d", INSIDE)), WINDOW).unknown_fields == {}


def test_unknown_fields_are_counted_also_where_a_timestamp_is_unusual() -> None:
    assert read(sent_row("a", "20260519T093120+0000", agent="x")).unknown_fields == {"agent": 1}


def test_half_an_emoji_is_replaced_and_the_row_kept() -> None:
    raw = body(sent_row("a", INSIDE, subject="SUBJECT")).replace(b"SUBJECT", rb"half \ud83d and whole \ud83d\ude00")
    received = only_row(PageReader(D21).read(raw, WINDOW))
    assert received["subject"] == "half \ufffd and whole \U0001f600"


@pytest.mark.parametrize("text", [r"\ud83d", r"\ude00"])
def test_half_an_emoji_elsewhere_in_the_answer_harms_nothing(text: str) -> None:
    raw = body(sent_row("a", INSIDE, agent="x"), total=None, totalNote="NOTE")
    page = PageReader(D21).read(raw.replace(b"NOTE", text.encode()).replace(b"agent", text.encode()), WINDOW)
    (page.total_note or "").encode()
    assert [name.encode() for name in page.unknown_fields]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"null",
        b"[]",
        b"<html><body>502 Bad Gateway</body></html>",
        b'{"success": false, "message": "no such thing", "requestId": "req_1"}',
        b'{"code": 200, "body": null}',
        b'{"code": 200, "body": {"rows": []}}',
        b'{"code": 200, "body": {"rows": [], "pagination": {}}}',
        b'{"code": 200, "body": {"rows": [], "pagination": null}}',
        b'{"code": 200, "body": {"rows": [], "pagination": {"nextCursor": 7}}}',
        b'{"code": 200, "body": {"rows": [], "pagination": {"nextCursor": ""}}}',
        rb'{"code": 200, "body": {"rows": [], "pagination": {"nextCursor": "\ud83d"}}}',
        b'{"code": 200, "body": {"rows": null, "pagination": {"nextCursor": null}}}',
        b'{"code": 200, "body": {"rows": ["x"], "pagination": {"nextCursor": null}}}',
        b'{"code": 200, "body": {"pagination": {"nextCursor": null}}}',
        b"\xff\xfe\xfa",
        b"[" * 100_000,
        b'{"body": {"rows": [], "pagination": {"nextCursor": null}, "meta": ' + b"[" * 100_000,
    ],
)
def test_undocumented_envelope_is_a_transient_error(document: bytes) -> None:
    with pytest.raises(TransientError):
        PageReader(D21).read(document, WINDOW)


def test_an_error_envelope_with_status_200_says_what_the_server_said() -> None:
    with pytest.raises(TransientError, match=r'the server said "no such thing", requestId req_1'):
        PageReader(D21).read(b'{"success": false, "message": "no such thing", "requestId": "req_1"}', WINDOW)


def test_every_truncation_of_an_answer_is_noticed() -> None:
    whole = body(sent_row("a", INSIDE), nextCursor="n")
    for length in range(len(whole)):
        with pytest.raises(TransientError):
            PageReader(D21).read(whole[:length], WINDOW)


@pytest.mark.parametrize(
    ("pagination", "total", "note"),
    [
        ({"total": 5, "totalExact": True}, 5, None),
        ({"total": None, "totalNote": "timeout"}, None, "timeout"),
        ({"total": 10_000, "totalExact": False, "totalNote": "capped"}, 10_000, "capped"),
        ({"total": 10_000, "totalExact": False}, 10_000, "not exact"),
        ({"total": 5, "totalNote": "see +966512345678"}, 5, "not exact"),
        ({"total": None, "totalNote": "someone@mail.example"}, None, "not exact"),
        ({"total": "many"}, None, None),
        ({"total": True}, None, None),
    ],
)
def test_the_servers_count_is_read_with_its_reservations(
    pagination: dict[str, Any], total: int | None, note: str | None
) -> None:
    page = read(**pagination)
    assert (page.total, page.total_note) == (total, note)


@pytest.mark.parametrize(
    "meta",
    [
        {"since": "2026-05-19T00:00:01Z", "until": "2026-05-20T00:00:00Z"},
        {"since": "2026-05-19T00:00:00Z", "until": "2026-05-19T23:00:00Z"},
        {"since": "2026-05-19T00:00:00-01:00"},
    ],
)
@pytest.mark.parametrize("sent", [[], [sent_row("a", INSIDE)], [sent_row("a", INSIDE, created_at="20260519T093120Z")]])
def test_a_server_that_read_a_narrower_window_is_refused(meta: Row, sent: list[Row]) -> None:
    raw = json.loads(body(*sent))
    raw["body"]["meta"] = meta
    with pytest.raises(ContractError, match="narrower"):
        PageReader(D21).read(json.dumps(raw).encode(), WINDOW)


@pytest.mark.parametrize(
    "meta", [None, [], {}, {"since": None, "until": "?"}, {"since": "2026-05-18T00:00:00Z", "until": 7}]
)
def test_a_meta_that_says_nothing_narrower_is_ignored(meta: object) -> None:
    raw = json.loads(body(sent_row("a", INSIDE)))
    raw["body"]["meta"] = meta
    assert PageReader(D21).read(json.dumps(raw).encode(), WINDOW).rows == 1


def test_errors_show_no_personal_value_even_where_that_value_is_at_fault() -> None:
    for name in ("from", "to", "subject"):
        refusal(sent_row("the-key", INSIDE) | {name: {"value": "someone@example.org"}})


def test_an_exports_error_is_one_line_of_bounded_length() -> None:
    error = ExportsError("it failed", status=500, message="a\n b" * 10_000, request_id="r" * 10_000)
    assert "\n" not in str(error)
    assert len(str(error)) < 700
