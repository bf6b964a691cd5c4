"""What an answer says besides its rows."""

import json
from typing import Any

import pytest

from cleargrid_assets.exports.dataset import D21
from cleargrid_assets.exports.errors import ContractError, TransientError
from cleargrid_assets.exports.pages.rows import PageReader
from cleargrid_assets_tests.exports.answers import INSIDE, body, read
from cleargrid_assets_tests.exports.driving import WINDOW
from cleargrid_assets_tests.rows import Row, sent_row


def _each(name: str, *values: Any) -> list[Row]:
    return [{name: value} for value in values]


@pytest.mark.parametrize(
    "said",
    [
        *_each("code", 500, "ERR", 0, 204, "500", True, "None", {}, 200.5),
        *_each("success", False, "false", 0, "no", {}),
        *_each("status", "error", "FAILED", "partial", 500, False),
        {"code": 200, "errors": [{"code": "SHARD_TIMEOUT"}]},
        *_each("errors", "half of the shards failed", {"0": "x"}, [None], [[]], 1, True),
        *_each("error", "half", {"code": "SHARD_TIMEOUT"}),
    ],
)
def test_200_with_an_error_envelope_is_no_page(said: Row) -> None:
    document = json.loads(body()) | said | {"message": "try again", "requestId": "req_9"}
    with pytest.raises(TransientError, match=r"reports an error in an answer of success.*HTTP 200.*try again.*req_9"):
        PageReader(D21).read(json.dumps(document).encode(), WINDOW)


def test_a_message_that_is_null_is_none() -> None:
    with pytest.raises(TransientError) as caught:
        PageReader(D21).read(b'{"message": null}', WINDOW)
    assert "None" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        *_each("code", 200, "200", 200.0, None),
        *_each("success", True, "true", None),
        *_each("status", "success", "OK", 200, None),
        *_each("errors", [], {}, "", None, 0, False),
        {"error": None},
    ],
)
@pytest.mark.parametrize("others", [{}, {"created_at": "20260519T093120Z"}])
def test_a_page_that_reports_no_error_is_a_page(said: Row, others: Row) -> None:
    document = json.loads(body(sent_row("a", INSIDE, **others)))
    document.pop("code")
    assert PageReader(D21).read(json.dumps(document | said).encode(), WINDOW).rows == 1


@pytest.mark.parametrize("code", [b"NaN", b"[" * 9_999 + b"]" * 9_999], ids=["NaN", "nested"])
def test_a_code_that_cannot_be_read_is_no_success(code: bytes) -> None:
    with pytest.raises(TransientError, match="reports an error"):
        PageReader(D21).read(body().replace(b"200", code), WINDOW)


def test_a_page_with_a_byte_order_mark_is_read_on_the_fast_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(PageReader, "_read_row_by_row")
    assert PageReader(D21).read(b"\xef\xbb\xbf" + body(sent_row("a", INSIDE)), WINDOW).rows == 1


@pytest.mark.parametrize("total", [b"NaN", b'"\xff"', b"1" * 5000])
def test_a_total_that_cannot_be_read_is_none(total: bytes) -> None:
    raw = body(sent_row("a", INSIDE), total="TOTAL").replace(b'"TOTAL"', total)
    page = PageReader(D21).read(raw, WINDOW)
    assert (page.rows, page.total) == (1, None)


def test_a_page_longer_than_its_limit_is_read_whole() -> None:
    assert read(*(sent_row(str(number), INSIDE) for number in range(1500))).rows == 1500


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
        b'{"code": 200, "body": {"rows": {}, "pagination": {"nextCursor": null}}}',
        b'{"code": 200, "body": {"rows": [null, 7], "pagination": {"nextCursor": null}}}',
        b'{"code": 200, "body": {"rows": [], "pagination": {"nextCursor": false}}}',
        b'{"code": 200, "body": {"rows": [], "pagination": {"nextCursor": "\xff"}}}',
        b'{"code": 200, "body": {"rows": [], "pagination": {"nextCursor": null}}}}',
        b'{"code": 200, "body": {"rows": [], "pagination": {"nextCursor": null}}} {}',
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
        ({"total": -1}, None, None),
        ({"total": 12.5}, None, None),
        ({"total": "12"}, None, None),
        ({"total": 5, "totalExact": "false"}, 5, "not exact"),
        ({"total": 5, "totalExact": 0}, 5, "not exact"),
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
