"""The fixture server: the documented API on loopback, at minimal CPU cost, so that it does not distort the results.

A page is a slice of the memory-mapped rows file. The server does not parse rows. It runs in its own process, prints its
port when it listens, and stops when its standard input closes. The module `serving` starts it.
"""

import argparse
import asyncio
import json
import mmap
import os
import signal
import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from benchmarks.rows import Dataset

LENDER_ID = "0f3c2a5e-7d41-4b8e-9a60-2f1d8c7b6e54"
DATA_PATH = f"/admin/v3/lenders/{LENDER_ID}/exports/S4/D21"
COUNTS_PATH = "/bench/counts"
_TOKEN = "fixture-token"  # noqa: S105
_LOGIN = {"lenderPublicId": LENDER_ID, "token": _TOKEN, "refreshToken": "fixture-refresh-token"}
_DEFAULT_LIMIT, _MAX_LIMIT = 500, 1000


class Exports:
    """Answers requests and counts them."""

    def __init__(self, dataset: Dataset) -> None:
        with dataset.path.open("rb") as file:
            self._rows = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._instants, self._offsets = dataset.index()
        self.requests = self.data_requests = 0

    def answer(self, method: str, target: str, authorization: str) -> "tuple[int, Sequence[bytes | memoryview]]":
        """The status and the parts of the response body."""
        url = urlsplit(target)
        if url.path == COUNTS_PATH:
            counts = {"requests": self.requests, "data_requests": self.data_requests, "cpu_s": time.process_time()}
            return 200, [json.dumps(counts).encode()]
        self.requests += 1
        if method == "POST" and url.path.endswith("/login"):
            return 200, [json.dumps(_LOGIN).encode()]
        if method == "POST" and url.path.endswith("/refresh-token"):
            return 200, [json.dumps({"token": _TOKEN}).encode()]
        if url.path != DATA_PATH:
            return 404, [_error("Unknown section or dataset")]
        if authorization != f"Bearer {_TOKEN}":
            return 401, [_error("Unauthorized")]
        self.data_requests += 1
        return 200, self._page(dict(parse_qsl(url.query)))

    def _page(self, query: dict[str, str]) -> "Sequence[bytes | memoryview]":
        first = bisect_left(self._instants, _to_ms(query["since"])) if "since" in query else 0
        end = bisect_left(self._instants, _to_ms(query["until"])) if "until" in query else len(self._instants)
        begin = int(query["cursor"], 16) if query.get("cursor") else first
        limit = min(max(int(query.get("limit", _DEFAULT_LIMIT)), 1), _MAX_LIMIT)
        stop = max(min(begin + limit, end), begin)
        pagination: dict[str, object] = {"nextCursor": f"{stop:x}" if stop < end else None, "limit": limit}
        if query.get("includeTotal") == "true":
            pagination |= {"total": end - first, "totalExact": True}
        meta = {"since": query.get("since"), "until": query.get("until"), "tenantPathKind": "via"}
        # Offsets point at the start of a row. The slice ends before the comma that separates it from the next row.
        rows = self._rows[self._offsets[begin] : self._offsets[stop] - 1] if stop > begin else b""
        tail = f'],"pagination":{json.dumps(pagination)},"meta":{json.dumps(meta)}}}}}'
        return [b'{"code":200,"message":"OK","errors":[],"body":{"rows":[', rows, tail.encode()]


class _Connection(asyncio.Protocol):
    """A kept-alive connection. Each response is sent `latency_s` after its request arrived."""

    def __init__(self, exports: Exports, latency_s: float) -> None:
        self._exports = exports
        self._latency_s = latency_s
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            request_line, *lines = self._received[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            request_size = end + 4 + int(headers.get("content-length", 0))
            if len(self._received) < request_size:
                return
            self._received = self._received[request_size:]
            method, target, _ = request_line.split(" ")
            latency_s = 0.0 if target == COUNTS_PATH else self._latency_s
            if latency_s:
                asyncio.get_running_loop().call_later(
                    latency_s, self._answer, method, target, headers.get("authorization", "")
                )
            else:
                self._answer(method, target, headers.get("authorization", ""))

    def _answer(self, method: str, target: str, authorization: str) -> None:
        if self._transport.is_closing():
            return
        status, parts = self._exports.answer(method, target, authorization)
        head = (
            f"HTTP/1.1 {status} {'OK' if status == 200 else 'Refused'}\r\n"  # noqa: PLR2004
            f"Content-Type: application/json\r\nContent-Length: {sum(map(len, parts))}\r\n\r\n"
        )
        self._transport.writelines([head.encode(), *parts])


def _to_ms(text: str) -> int:
    """Converts an ISO-8601 time to milliseconds since 1970. No row has a finer time."""
    return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def _error(message: str) -> bytes:
    return json.dumps({"success": False, "message": message, "requestId": "req_fixture"}).encode()


async def _serve(dataset: Dataset, latency_s: float) -> None:
    exports = Exports(dataset)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(exports, latency_s), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _stop_when_stdin_closes() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Generates the rows if they are missing, and serves them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("first_day", type=date.fromisoformat)
    parser.add_argument("days", type=int)
    parser.add_argument("rows_per_day", type=int)
    parser.add_argument("latency_ms", type=float)
    options = parser.parse_args()
    dataset = Dataset(options.folder, options.first_day, options.days, options.rows_per_day)
    dataset.ensure()
    threading.Thread(target=_stop_when_stdin_closes, daemon=True).start()
    asyncio.run(_serve(dataset, options.latency_ms / 1000))


if __name__ == "__main__":
    main()
