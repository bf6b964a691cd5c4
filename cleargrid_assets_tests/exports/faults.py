"""Ways in which the API of the tests misbehaves, by name. Each returns what `Api.fault` takes."""

import json
from collections.abc import Callable
from typing import Any

from dateutil.parser import isoparse

from cleargrid_assets_tests.exports.api import Answer, Request, envelope

Fault = Callable[[Request, Answer], Answer]
Condition = Callable[[Request], bool]


def failing(
    status: int,
    message: str = "something went wrong",
    *,
    first: int | None = None,
    after: int = 0,
    when: Condition = lambda request: True,
    kind: str = "data",
) -> Fault:
    """Answers requests of a kind with an error.

    Args:
        status: Of the error.
        message: Of the error.
        first: Only the first so many requests fail.
        after: Only the requests after so many fail.
        when: Only these requests fail.
        kind: Of the requests.
    """

    def fault(request: Request, answer: Answer) -> Answer:
        fails = request.kind == kind and after < request.number <= (first or request.number) and when(request)
        return envelope(status, message) if fails else answer

    return fault


def failing_once(status: int, number: int) -> Fault:
    """Answers the one data request with this ordinal with an error."""
    return failing(status, first=number, after=number - 1)


def slow_count() -> Fault:
    """The server can answer a page in time, but not count the window."""
    return failing(504, when=asks_for_count)


def large_pages_time_out(rows: int) -> Fault:
    """A page with more rows than this takes too long."""

    def fault(request: Request, answer: Answer) -> Answer:
        is_large = request.kind == "data" and len(answer.document["body"]["rows"]) > rows
        return envelope(504) if is_large else answer

    return fault


def answering(*answers: Answer) -> Fault:
    """These answers in turn, the last one forever."""
    return lambda request, _: answers[min(request.number, len(answers)) - 1]


def spoiling(change: Callable[[dict[str, Any]], object], when: Condition = lambda request: True) -> Fault:
    """Changes the `body` object of data answers."""

    def fault(request: Request, answer: Answer) -> Answer:
        return spoilt(answer, change) if request.kind == "data" and when(request) else answer

    return fault


def spoilt(answer: Answer, change: Callable[[dict[str, Any]], object]) -> Answer:
    """The answer with its `body` object changed."""
    document = answer.document
    change(document["body"])
    return Answer(body=json.dumps(document).encode())


def sending(page: Callable[[Request], dict[str, Any]], first: int | None = None) -> Fault:
    """Answers the first data requests, or all of them, with a `body` object of the test's own."""

    def fault(request: Request, answer: Answer) -> Answer:
        if request.kind != "data" or request.number > (first or request.number):
            return answer
        return Answer(body=json.dumps({"body": page(request)}).encode())

    return fault


def asks_for_count(request: Request) -> bool:
    return "includeTotal" in request.params


def is_first_page(request: Request) -> bool:
    return not request.params.get("cursor")


def is_later_page(request: Request) -> bool:
    return not is_first_page(request)


def wider_than(seconds: float) -> Condition:
    """Whether a window is wider."""
    return lambda request: width(request) > seconds


def width(request: Request) -> float:
    """Seconds of the request's window."""
    since, until = map(isoparse, request.window)
    return (until - since).total_seconds()
