"""Ways in which the API of the tests misbehaves, by name. Each returns what `Api.fault` takes."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dateutil.parser import isoparse

from cleargrid_assets_tests.exports.api import EMAIL, PASSWORD, Answer, Request, envelope, gzipped

Fault = Callable[[Request, Answer], Answer]
Condition = Callable[[Request], bool]
Change = Callable[[Answer], Answer]


def failing(
    status: int,
    message: str = "something went wrong",
    *,
    first: int | None = None,
    after: int = 0,
    when: Condition = lambda request: True,
    kind: str = "data",
    **headers: str,
) -> Fault:
    """Answers requests of a kind with an error.

    Args:
        status: Of the error.
        message: Of the error.
        first: Only the first so many requests fail.
        after: Only the requests after so many fail.
        when: Only these requests fail.
        kind: Of the requests.
        headers: Of the error; underscores in their names stand for hyphens.
    """

    def fault(request: Request, answer: Answer) -> Answer:
        fails = request.kind == kind and after < request.number <= (first or request.number) and when(request)
        return envelope(status, message, **headers) if fails else answer

    return fault


def failing_once(status: int, number: int) -> Fault:
    """Answers the one data request with this ordinal with an error."""
    return failing(status, first=number, after=number - 1)


def beginning_with(*answers: Answer) -> Fault:
    """These answers to the first data requests, in turn."""

    def fault(request: Request, answer: Answer) -> Answer:
        is_early = request.kind == "data" and request.number <= len(answers)
        return answers[request.number - 1] if is_early else answer

    return fault


def late(first: int) -> Fault:
    """The first data answers come long after every timeout of the tests."""
    return changing(lambda answer: replace(answer, delay=60), first=first)


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


def answering_by(answer_to: Callable[[Request], Answer]) -> Fault:
    """An answer made for each request, whatever the regular one."""
    return lambda request, _: answer_to(request)


def telling(listener: Callable[[Request], object], fault: Fault, first: int | None = None) -> Fault:
    """Another fault, which tells of the first data requests, or of all, before it answers."""

    def told(request: Request, answer: Answer) -> Answer:
        if request.kind == "data" and request.number <= (first or request.number):
            listener(request)
        return fault(request, answer)

    return told


def changing(change: Change, first: int | None = None) -> Fault:
    """Changes the first data answers, or all of them."""

    def fault(request: Request, answer: Answer) -> Answer:
        changes = request.kind == "data" and request.number <= (first or request.number)
        return change(answer) if changes else answer

    return fault


def without_refresh_token() -> Fault:
    """Logins that give an access token alone."""

    def fault(request: Request, answer: Answer) -> Answer:
        document = answer.document
        document.pop("refreshToken", None)
        return Answer(body=json.dumps(document).encode())

    return fault


def echoing_secrets(status: int, kind: str) -> Fault:
    """Errors that quote the token, the body and the credentials of the request."""

    def fault(request: Request, answer: Answer) -> Answer:
        quoted = f"{request.headers.get('Authorization')} {request.body.decode()} of {EMAIL}, {PASSWORD}"
        return envelope(status, f"refused {quoted}") if request.kind == kind else answer

    return fault


NOT_A_WHOLE_PAGE: Mapping[str, Change] = {
    "not JSON": lambda answer: Answer(body=b"<html>Please log in</html>"),
    "no page": lambda answer: envelope(200, "quietly failing"),
    "shorter": lambda answer: Answer(body=answer.body[:-10]),
    "cut": lambda answer: Answer(body=answer.body, sent=len(answer.body) - 10),
    "announced too short": lambda answer: Answer(body=answer.body, content_length=len(answer.body) - 10),
    "cut inside gzip": lambda answer: Answer(body=gzipped(answer).body[:-40], headers={"Content-Encoding": "gzip"}),
    "no cursor": lambda answer: Answer(body=answer.body.replace(b"nextCursor", b"next")),
    "empty cursor": lambda answer: Answer(body=answer.body.replace(b"null", b'""', 2)),
}
"""Answers with status 200 that are no whole page, for `changing`."""


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
