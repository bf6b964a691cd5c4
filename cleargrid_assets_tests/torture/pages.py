"""What faults make of pages."""

import json
from collections.abc import Callable
from typing import Any

from cleargrid_assets_tests.exports import faults
from cleargrid_assets_tests.exports.api import Answer, Request
from cleargrid_assets_tests.exports.faults import Change, Fault


def in_pages(change: Change) -> Fault:
    """Changes pages, but not the errors that other faults have made of them."""
    return lambda request, answer: change(answer) if request.kind == "data" and b'"rows"' in answer.body else answer


def in_counts(change: Callable[[dict[str, Any]], object]) -> Fault:
    """Changes the `body` object of answers that count."""

    def fault(request: Request, answer: Answer) -> Answer:
        counts = request.kind == "data" and faults.asks_for_count(request) and b'"pagination"' in answer.body
        return faults.spoilt(answer, change) if counts else answer

    return fault


def half_with_errors(answer: Answer) -> Answer:
    """Half of the page, as its last one, with errors beside it."""
    document = answer.document
    rows = document["body"]["rows"]
    document["errors"] = [{"code": "SHARD_TIMEOUT"}]
    document["body"] |= {"rows": rows[: len(rows) // 2], "pagination": {"nextCursor": None}}
    return Answer(body=json.dumps(document).encode())


def with_code(code: int) -> Change:
    """Pages with another code."""
    return lambda answer: Answer(body=json.dumps(answer.document | {"code": code}).encode())


def with_rows_twice(answer: Answer) -> Answer:
    """The page with each row twice."""

    def change(body: dict[str, Any]) -> None:
        body["rows"] = [row for row in body["rows"] for _ in range(2)]

    return faults.spoilt(answer, change)


def moving_updates(number: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows, edited again."""
    return [{**row, "updated_at": f"2026-06-02T00:00:00.{number:06d}+00:00"} for row in rows]


def new_keys(number: int, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same rows with keys that nobody has seen."""
    return [{**row, "public_id": f"new-{number}-{place}"} for place, row in enumerate(rows)]
