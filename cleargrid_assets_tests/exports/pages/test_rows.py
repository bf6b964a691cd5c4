"""One page: which rows come out, and what is said of them."""

import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleargrid_assets.contracts import COMMUNICATION_LOG_FIELDS
from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.exports.errors import ContractError, ExportsError, TransientError
from cleargrid_assets.exports.pages.rows import PageReader
from cleargrid_assets_tests.exports.answers import INSIDE, INSTANT, body, only_row, read
from cleargrid_assets_tests.exports.driving import MIDNIGHT, WINDOW
from cleargrid_assets_tests.exports.every_type import EVERY_TYPE, UNUSUAL
from cleargrid_assets_tests.rows import Row, sent_row


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
    assert (page.first_at, page.last_at) == (INSTANT, MIDNIGHT + timedelta(hours=10))


def test_an_empty_page_is_a_page() -> None:
    page = read(nextCursor="n")
    assert (page.rows, page.lines, page.first_at, page.ordered) == (0, b"", None, True)


def test_rows_in_another_order_are_noticed() -> None:
    assert not read(sent_row("a", "2026-05-19T10:00:00Z"), sent_row("b", INSIDE)).ordered


@pytest.mark.parametrize("duration", [119.86464333534241, 0.1, 5e-324, 1.7976931348623157e308, 0, 120, None, -1.5])
@pytest.mark.parametrize("others", [{}, {"created_at": "20260519T093120+0300"}])
def test_a_duration_keeps_every_digit(duration: float | None, others: Row) -> None:
    assert only_row(read(sent_row("a", INSIDE, duration=duration, **others)))["duration"] == duration


def test_an_absent_nullable_field_is_null() -> None:
    sent = sent_row("a", INSIDE)
    del sent["subject"], sent["duration"]
    received = only_row(read(sent))
    assert (received["subject"], received["duration"]) == (None, None)


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


def test_empty_strings_are_values_elsewhere() -> None:
    assert only_row(read(sent_row("a", INSIDE, to="", status="")))["to"] == ""


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


WHOLE = body(*(sent_row(name, INSIDE, subject='Ü "q" \u2028') for name in "ab"), nextCursor="n", total=2)
SPOILING = [*(bytes([byte]) for byte in b'"\\{}[],:\xff\x00\n-9'), b"NaN", b"null", b"1e999", rb"\ud800", b""]


@settings(max_examples=100)
@given(st.integers(0, len(WHOLE)), st.integers(0, 4), st.sampled_from(SPOILING))
def test_spoilt_page_is_read_alike_on_both_paths_or_refused(place: int, removed: int, inserted: bytes) -> None:
    spoilt = WHOLE[:place] + inserted + WHOLE[place + removed :]
    # A text that looks like a timestamp with nanoseconds is enough for the slow path.
    slow = spoilt.replace(b'"message": "ok"', b'"message": ".1234567Z"')
    readings = [reading(raw, quarantines=False) for raw in (spoilt, slow)]
    assert readings[0] == readings[1]
    set_apart = reading(spoilt, quarantines=True)
    assert (readings[0] is TransientError) == (set_apart is TransientError)


def reading(raw: bytes, *, quarantines: bool) -> object:
    """The rows of a page, its cursor and its count, or the class of the error."""
    try:
        page = PageReader(D21, quarantines=quarantines).read(raw, WINDOW)
    except (TransientError, ContractError) as error:
        return type(error)
    rows = [json.loads(line) for line in page.lines.splitlines()]
    return rows, page.next_cursor, page.total, page.unknown_fields, list(page.keys)


def test_an_exports_error_is_one_line_of_bounded_length() -> None:
    error = ExportsError("it failed", status=500, message="a\n b" * 10_000, request_id="r" * 10_000)
    assert "\n" not in str(error)
    assert len(str(error)) < 700
