"""The faults of the matrix, by name. Each prepares the source, and says what the server does to its answers.

What belongs here: faults, and what the project promises at each of them alone. What does not: running (`campaign`).
"""

import json
import random
import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from cleargrid_assets.exports.http.transport import Timeouts
from cleargrid_assets_tests.exports import faults
from cleargrid_assets_tests.exports.api import PASSWORD, Answer, Request, envelope
from cleargrid_assets_tests.exports.faults import Change, Condition, Fault
from cleargrid_assets_tests.torture import pages
from cleargrid_assets_tests.torture.campaign import Campaign
from cleargrid_assets_tests.torture.source import PREFIX, SURNAME

_PAGES = 10
"""The source has at least as many; the faulty ones are among the first."""

_ENOUGH = 3000
"""Pages that make endless pagination fail."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        start: Prepares the source of a campaign, and returns the fault of the answers.
        says: What a run says that meets this fault alone, as a pattern. None if it succeeds; empty if it may fail.
        around: What surrounds the runs, such as a full disk.
        timeouts: Those of the client; its own if None.
    """

    start: Callable[[Campaign], Fault]
    says: str | None = None
    around: Callable[[random.Random], AbstractContextManager[Any]] = lambda luck: nullcontext()
    timeouts: Timeouts | None = None


def _some(luck: random.Random, times: int = 3, condition: Condition = lambda request: True) -> Condition:
    """Some of the first data requests, of each page at most one, so that neither retries nor tokens are used up."""
    numbers = set(luck.sample(range(1, _PAGES + 1), times))
    met: set[str] = set()

    def meets(request: Request) -> bool:
        page = repr(sorted(request.params.items()))
        if request.kind != "data" or request.number not in numbers or page in met or not condition(request):
            return False
        met.add(page)
        return True

    return meets


def _changed(condition: Condition, change: Change) -> Fault:
    return lambda request, answer: change(answer) if condition(request) else answer


def _now_and_then(change: Change, times: int = 3, condition: Condition = lambda request: True) -> Kind:
    """Some answers are changed; a retry gets the regular one."""
    return Kind(lambda campaign: _changed(_some(campaign.luck, times, condition), change))


def _once_too_slow(change: Change) -> Kind:
    """One answer takes longer than the timeouts."""
    return replace(_now_and_then(change, times=1), timeouts=Timeouts(connect_s=10, read_s=1.0, answer_s=1.0))


def _from_some_page_on(change: Change, says: str) -> Kind:
    """All pages after some are changed."""

    def start(campaign: Campaign) -> Fault:
        first = campaign.luck.randint(1, _PAGES)
        changed = pages.in_pages(change)
        return lambda request, answer: changed(request, answer) if request.number >= first else answer

    return Kind(start, says)


def _wide_windows_time_out(status: int) -> Kind:
    return Kind(lambda campaign: faults.failing(status, when=faults.wider_than(campaign.luck.randint(5_000, 100_000))))


def _refusal(status: int, **headers: str) -> Change:
    """An error that repeats what is personal."""
    return lambda answer: envelope(status, f"refused {PREFIX}0000001 with {PASSWORD}", **headers)


def _expired_tokens(campaign: Campaign) -> Fault:
    def expire(answer: Answer) -> Answer:
        campaign.source.api.valid_tokens.clear()
        return envelope(401, "Token expired")

    return _changed(_some(campaign.luck, times=1), expire)


def _refused_refresh(campaign: Campaign) -> Fault:
    expired = _expired_tokens(campaign)

    def fault(request: Request, answer: Answer) -> Answer:
        return envelope(401, "Refresh token expired") if request.kind == "refresh" else expired(request, answer)

    return fault


def _acting(act: Callable[[Campaign], object], times: int = 1) -> Callable[[Campaign], Fault]:
    """Something happens while pages are fetched."""

    def start(campaign: Campaign) -> Fault:
        numbers = sorted(campaign.luck.sample(range(2, _PAGES + 1), times), reverse=True)

        def fault(request: Request, answer: Answer) -> Answer:
            is_page = request.kind == "data" and not faults.asks_for_count(request)
            if is_page and numbers and request.number >= numbers[-1]:
                numbers.pop()
                act(campaign)
            return answer

        return fault

    return start


def _dying(campaign: Campaign) -> Fault:
    return faults.failing(403, after=campaign.luck.randint(3, _PAGES))


def _overtaken_and_dying(campaign: Campaign) -> Fault:
    """Another run stores the days, then the answers to the first one fail."""
    overtaken: list[bool] = []

    def overtake(campaign: Campaign) -> None:
        campaign.attempt_inside()
        overtaken.append(True)

    acting = _acting(overtake)(campaign)

    def fault(request: Request, answer: Answer) -> Answer:
        answer = acting(request, answer)
        return envelope(403) if overtaken and request.kind == "data" else answer

    return fault


def _spoilt_rows(spoil: Callable[[dict[str, Any]], object]) -> Callable[[Campaign], Fault]:
    """One row is spoilt whenever it is sent."""

    def start(campaign: Campaign) -> Fault:
        key = campaign.luck.choice(sorted(campaign.source.rows))

        def change(body: dict[str, Any]) -> None:
            for row in body["rows"]:
                if row.get("public_id") == key:
                    spoil(row)

        return pages.in_pages(lambda answer: faults.spoilt(answer, change))

    return start


def _bytes_of_subjects(sent: bytes, kept: str) -> Callable[[Campaign], Fault]:
    """Some subjects have bytes that JSON does not allow."""

    def start(campaign: Campaign) -> Fault:
        rows = dict(campaign.source.rows)
        for key in campaign.luck.sample(sorted(rows), 5):
            rows[key] = {**rows[key], "subject": f"{SURNAME} {kept} {key}"}
        campaign.source.hold(list(rows.values()))
        escaped = json.dumps(kept)[1:-1].encode()
        return pages.in_pages(lambda answer: replace(answer, body=answer.body.replace(escaped, sent)))

    return start


def _bad_bytes_of_a_key(campaign: Campaign) -> Fault:
    key = campaign.luck.choice(sorted(campaign.source.rows)).encode()
    sent = b'"public_id": "' + key
    return pages.in_pages(lambda answer: replace(answer, body=answer.body.replace(sent, sent + b"\xff")))


def _shuffled(campaign: Campaign) -> Fault:
    ranks = random.Random(campaign.luck.random())  # noqa: S311 - not for secrets
    of_row: dict[str, float] = {}
    campaign.source.api.order = lambda row: (of_row.setdefault(row["public_id"], ranks.random()), row["public_id"])
    return lambda request, answer: answer


def _rows_twice_at_the_source(campaign: Campaign) -> Fault:
    source = campaign.source
    source.api.rows = [row for row in source.api.rows for _ in range(2)]
    return lambda request, answer: answer


def _endless(page: Callable[[int, list[dict[str, Any]]], list[dict[str, Any]]], *, same_cursor: bool = False) -> Kind:
    """Pages that never end: their rows are made from those of the first page."""

    def start(campaign: Campaign) -> Fault:
        first = sorted(campaign.source.rows.values(), key=lambda row: str(row["communicated_at"]))

        def fault(request: Request, answer: Answer) -> Answer:
            if request.kind != "data" or faults.asks_for_count(request):
                return answer
            since, until = (bound[:19] for bound in request.window)
            rows = [row for row in first if since <= row["communicated_at"] < until][:10]
            # At last they end, because then the test has failed.
            cursor = "again" if same_cursor else f"next-{request.number}" if request.number < _ENOUGH else None
            body = {"rows": page(request.number, rows), "pagination": {"nextCursor": cursor}}
            return Answer(body=json.dumps({"code": 200, "errors": [], "body": body}).encode())

        return fault

    return Kind(start, "never end|does not advance|more rows than")


def _wrong_count(change: Callable[[dict[str, Any]], object]) -> Callable[[Campaign], Fault]:
    return lambda campaign: pages.in_counts(lambda body: change(body["pagination"]))


def _shrunk(*, confirmed: bool) -> Callable[[Campaign], Fault]:
    def start(campaign: Campaign) -> Fault:
        campaign.source.lose(0.6)
        inexact = pages.in_counts(lambda body: body["pagination"].update(totalExact=False))
        return (lambda request, answer: answer) if confirmed else inexact

    return start


def _full_disk(*sizes: int) -> Callable[[random.Random], AbstractContextManager[None]]:
    """No file may grow larger than one of the sizes."""

    @contextmanager
    def around(luck: random.Random) -> Iterator[None]:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (luck.choice(sizes), before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return around


def _no_fault(campaign: Campaign) -> Fault:
    return lambda request, answer: answer


# Faults of the source first, then of the rows, the bytes and the connection, because in a mixture each spoils what the
# ones before it made.
KINDS: Mapping[str, Kind] = {
    "rows in no order": Kind(_shuffled),
    "rows twice at the source": Kind(_rows_twice_at_the_source),
    "rows changed while fetching": Kind(_acting(lambda campaign: campaign.source.change(), times=3)),
    "a shrunk day": Kind(_shrunk(confirmed=False), "accept_shrinking"),
    "a shrunk day, confirmed": Kind(_shrunk(confirmed=True)),
    "a count too high": Kind(_wrong_count(lambda pagination: pagination.update(total=pagination["total"] + 9))),
    "a count of zero": Kind(_wrong_count(lambda pagination: pagination.update(total=0))),
    "no exact count": Kind(_wrong_count(lambda pagination: pagination.update(totalExact=False))),
    "no count": Kind(lambda campaign: faults.slow_count()),
    "endless pages of one cursor": _endless(lambda number, rows: rows, same_cursor=True),
    "endless same pages": _endless(lambda number, rows: rows),
    "endless pages with a moving updated_at": _endless(pages.moving_updates),
    "endless new rows": _endless(pages.new_keys),
    "rows twice in a page": Kind(lambda campaign: pages.in_pages(pages.with_rows_twice)),
    "a row without key": Kind(_spoilt_rows(lambda row: row.pop("public_id")), "public_id"),
    "a row without instant": Kind(_spoilt_rows(lambda row: row.update(communicated_at=None)), "communicated_at"),
    "a row of another year": Kind(
        _spoilt_rows(lambda row: row.update(communicated_at="2025-01-01T00:00:00Z")), "outside|window"
    ),
    "a row with a text as duration": Kind(_spoilt_rows(lambda row: row.update(duration="long")), "duration"),
    "a row with NaN": Kind(_spoilt_rows(lambda row: row.update(duration=float("nan"))), "duration"),
    "a row with a number as status": Kind(_spoilt_rows(lambda row: row.update(status=3)), "status"),
    "half answers with errors": _from_some_page_on(pages.half_with_errors, "error"),
    "code 500 in a 200": _from_some_page_on(pages.with_code(500), "error"),
    "invalid UTF-8 in subjects": Kind(_bytes_of_subjects(b"\xff", "\ufffd")),
    "raw control characters in subjects": Kind(_bytes_of_subjects(b"\x07", "\x07")),
    "invalid UTF-8 in a key": Kind(_bad_bytes_of_a_key, "public_id"),
    "two runs at once": Kind(_acting(Campaign.attempt_inside)),
    "two runs at once, and the first dies": Kind(_overtaken_and_dying, "HTTP 403"),
    "a run that dies": Kind(_dying, "HTTP 403"),
    "a full disk while fetching": Kind(_no_fault, "could not be spooled", _full_disk(0, 5_000, 20_000)),
    "a full disk while storing": Kind(_no_fault, "", _full_disk(*range(100_000, 3_000_000, 100_000))),
    "expired tokens": Kind(_expired_tokens),
    "expired tokens, and refresh refused": Kind(_refused_refresh),
    "refused cursors": _now_and_then(lambda answer: envelope(400, "Cursor expired"), condition=faults.is_later_page),
    **{f"HTTP {status} for wide windows": _wide_windows_time_out(status) for status in (504, 522, 524)},
    **{f"HTTP {status} now and then": _now_and_then(_refusal(status)) for status in (408, 429, 500, 502, 503)},
    **{f"HTTP {status} with a hint": _now_and_then(_refusal(status, Retry_After="2")) for status in (429, 503)},
    **{f"HTTP {status} for good": _from_some_page_on(_refusal(status), f"HTTP {status}") for status in (403, 500, 503)},
    **{f"a page {name}": _now_and_then(change) for name, change in faults.NOT_A_WHOLE_PAGE.items()},
    "connections reset": _now_and_then(lambda answer: replace(answer, raw=b"")),
    "bodies cut in the middle": _now_and_then(lambda answer: replace(answer, sent=len(answer.body) // 2)),
    "a silent server": _once_too_slow(lambda answer: replace(answer, delay=1.5)),
    "dripping bodies": _once_too_slow(lambda answer: replace(answer, trickle=0.01)),
}
