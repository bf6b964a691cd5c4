"""A hostile Exports API on loopback: its rows are a plain list, its misbehaviour is a function of the request.

What belongs here: the documented behaviour in its plainest form, the ways in which an answer can be spoilt, and what
was asked. What does not: expectations (the tests).
"""

import base64
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from dateutil.parser import isoparse

from cleargrid_assets_tests.rows import Row, sent_row

_instant = lru_cache(maxsize=None)(isoparse)

MAX_HOLD_S = 20
"""Requests that never meet fail their test after this."""

LENDER = "acme"
EMAIL = "ops@acme.example"
PASSWORD = "correct horse battery"
LENDER_ID = "6f1c1f7e-0000-4000-8000-000000000001"


@dataclass(frozen=True)
class Request:
    """What was asked.

    Attributes:
        number: Ordinal among the requests of its kind, from 1.
        kind: `login`, `refresh` or `data`.
        port: The client's end of the connection.
    """

    number: int
    kind: str
    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    port: int

    @property
    def window(self) -> tuple[str, str]:
        return self.params["since"], self.params["until"]


@dataclass
class Answer:
    """What is sent back, and how it is spoilt on the way.

    Attributes:
        delay: Seconds before the first byte.
        content_length: Announced instead of the true length; -1 announces none.
        sent: How much of the body is sent before the connection is cut; None sends all and keeps the connection.
        raw: Sent instead of everything else, byte for byte, before the connection is cut.
        trickle: Seconds between the bytes of the body.
    """

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    content_length: int | None = None
    sent: int | None = None
    raw: bytes | None = None
    trickle: float = 0.0

    @property
    def document(self) -> Any:
        return json.loads(self.body)


def envelope(status: int, message: str = "something went wrong", **headers: str) -> Answer:
    """The documented error answer; underscores in header names stand for hyphens."""
    body = json.dumps({"success": False, "message": message, "requestId": f"req_{status}"}).encode()
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def gzipped(answer: Answer) -> Answer:
    answer.body = gzip.compress(answer.body)
    answer.headers["Content-Encoding"] = "gzip"
    return answer


@dataclass
class Api:
    """The server's rows and behaviour; tests change them, also while it runs.

    Attributes:
        rows: What it holds.
        fault: Given each request and its regular answer, says what is sent.
        page_size_of: Given the window's bounds and the ordinal of a page in it, says how many rows it holds at most.
        order: Sorts the rows of a window.
        most_rows: Windows with more rows than this answer 504; None for no bound.
        ends_with_an_empty_page: Whether the last rows come with a cursor, to a page without any.
        cursors_name_rows: Whether a cursor is the place of a row in the order, as at ClearGrid, so that rows may change
            between pages. Otherwise it is the number of rows before it.
        together: All data requests but the first are held until this many have been in flight at once.
    """

    rows: Sequence[Row] = ()
    fault: Callable[[Request, Answer], Answer] = lambda request, answer: answer
    page_size_of: Callable[[str, str, int], int] = lambda since, until, page: 1000
    order: Callable[[Row], Any] = lambda row: (_instant(row["communicated_at"]).timestamp(), row["public_id"])
    most_rows: int | None = None
    ends_with_an_empty_page: bool = False
    cursors_name_rows: bool = False
    together: int = 1
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    most_in_flight: int = 0
    valid_tokens: set[str] = field(default_factory=set)
    refresh_tokens: set[str] = field(default_factory=set)
    _in_flight: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _met: threading.Event = field(default_factory=threading.Event)

    def of_kind(self, kind: str) -> list[Request]:
        return [request for request in self.requests if request.kind == kind]

    @property
    def data_requests(self) -> list[Request]:
        return self.of_kind("data")

    def receive(self, method: str, path: str, headers: Mapping[str, str], body: bytes, port: int) -> Answer:
        url = urlsplit(path)
        kind = "login" if url.path.endswith("/login") else "refresh" if url.path.endswith("/refresh-token") else "data"
        with self._lock:
            number = 1 + len(self.of_kind(kind))
            params = dict(parse_qsl(url.query, keep_blank_values=True))
            request = Request(number, kind, method, url.path, params, headers, body, port)
            self.requests.append(request)
            if kind == "data":
                self._in_flight += 1
                self.most_in_flight = max(self.most_in_flight, self._in_flight)
                if self._in_flight >= self.together:
                    self._met.set()
        try:
            if kind == "data" and number > 1:
                self._met.wait(MAX_HOLD_S)
            return self.fault(request, getattr(self, f"_{kind}")(request))
        finally:
            if kind == "data":
                with self._lock:
                    self._in_flight -= 1

    def _login(self, request: Request) -> Answer:
        if request.path != f"/admin/auth/{LENDER}/login":
            return envelope(404)
        if json.loads(request.body) != {"email": EMAIL, "password": PASSWORD}:
            return envelope(500, "Internal server error")
        refresh = f"refresh-{request.number}-secret"
        self.refresh_tokens.add(refresh)
        return self._issued(f"login-{request.number}-secret", lenderPublicId=LENDER_ID, refreshToken=refresh)

    def _refresh(self, request: Request) -> Answer:
        if json.loads(request.body)["refreshToken"] not in self.refresh_tokens:
            return envelope(401, "Invalid refresh token")
        return self._issued(f"renewed-{request.number}-secret")

    def _issued(self, token: str, **others: str) -> Answer:
        self.valid_tokens.add(token)
        return Answer(body=json.dumps({"token": token, **others}).encode())

    def _data(self, request: Request) -> Answer:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.valid_tokens:
            return envelope(401, "Token expired")
        if request.path != f"/admin/v3/lenders/{LENDER_ID}/exports/S4/D21":
            return envelope(404, "Unknown dataset")
        since, until = request.window
        first, end = isoparse(since), isoparse(until)
        rows = [row for row in self.rows if first <= _instant(row["communicated_at"]) < end]
        if self.most_rows is not None and len(rows) > self.most_rows:
            return envelope(504, "Gateway timeout")
        position, page = 0, 0
        if "cursor" in request.params:
            try:
                asked, position, page = json.loads(base64.b64decode(request.params["cursor"]))
            except ValueError:
                asked = None
            if asked != [since, until]:
                return envelope(500, "Corrupt cursor")
        rows.sort(key=self.order)
        place: Any = position
        if isinstance(place, list):
            position = sum(list(self.order(row)) <= place for row in rows)
        following = position + min(int(request.params["limit"]), self.page_size_of(since, until, page))
        more = following < len(rows) or (self.ends_with_an_empty_page and position < len(rows))
        if not self.cursors_name_rows:
            place = following
        elif sent := rows[position:following]:
            place = self.order(sent[-1])
        cursor = base64.b64encode(json.dumps([[since, until], place, page + 1]).encode()).decode()
        pagination: dict[str, Any] = {"nextCursor": cursor if more else None}
        if request.params.get("includeTotal") == "true":
            pagination |= {"total": len(rows), "totalExact": True}
        body = {
            "rows": rows[position:following],
            "pagination": pagination,
            "meta": {"since": since, "until": until, "tenantPathKind": "via"},
        }
        return Answer(body=json.dumps({"code": 200, "message": "ok", "errors": [], "body": body}).encode())


@contextmanager
def serving(api: Api) -> Iterator[Api]:
    """Runs the server on a free loopback port, in threads, until the block is left."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            _send(self, api.receive(self.command, self.path, dict(self.headers), body, self.client_address[1]))

        do_POST = do_GET  # noqa: N815 - the base class's spelling

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Says nothing: clients that hang up are part of the tests."""

    with Server(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()


def _send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    time.sleep(answer.delay)
    if answer.raw is not None:
        handler.wfile.write(answer.raw)
        _cut(handler)
        return
    length = len(answer.body) if answer.content_length is None else answer.content_length
    headers = {**({"Content-Length": str(length)} if length >= 0 else {}), **answer.headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    start = f"HTTP/1.1 {answer.status} Whatever\r\n{head}\r\n".encode()
    if answer.trickle:
        handler.wfile.write(start)
        for position in range(len(answer.body)):
            handler.wfile.write(answer.body[position : position + 1])
            time.sleep(answer.trickle)
        return
    handler.wfile.write(start + answer.body[: answer.sent])
    if answer.sent is not None or length < 0:
        _cut(handler)


def _cut(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def rows_at(seconds: Sequence[float]) -> list[Row]:
    """One row at each of the seconds after midnight of 2026-05-19."""
    midnight = datetime(2026, 5, 19, tzinfo=timezone.utc).timestamp()
    return [
        sent_row(
            f"id-{number:06d}",
            datetime.fromtimestamp(midnight + second, timezone.utc).isoformat(timespec="microseconds"),
        )
        for number, second in enumerate(seconds)
    ]
