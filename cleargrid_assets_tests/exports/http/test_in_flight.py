"""Requests that are cut off: at the deadline of the whole answer, or because the run ends."""

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError, TransientError
from cleargrid_assets.exports.http.in_flight import CONNECTING, Exchange
from cleargrid_assets.exports.http.transport import Timeouts, Transport
from cleargrid_assets_tests.exports.driving import no_wait
from cleargrid_assets_tests.exports.raw_server import Dripping, Silence, Speech, saying, speaking

START = b"HTTP/1.1 200 OK\r\n"
CHUNKED = START + b"Transfer-Encoding: chunked\r\n\r\n"
PACKED = START + b"Content-Encoding: gzip\r\n\r\n"
NOTHING = gzip.compress(b"")

TRICKLES = {
    "status line": saying(b"HTTP/1.1 200 ", then=Dripping(b"O")),
    "header": saying(START + b"X-Slow: ", then=Dripping(b"x")),
    "many headers": saying(START, then=Dripping(b"X: x\r\n", 0.02)),
    "100 again and again": saying(then=Dripping(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "100 at full speed": saying(then=Dripping(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0)),
    "103 again and again": saying(then=Dripping(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")),
    "103 at full speed": saying(then=Dripping(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" * 1000, 0)),
    "chunk extension": saying(CHUNKED + b"5;x=", then=Dripping(b"x")),
    "small chunks": saying(CHUNKED, then=Dripping(b"1\r\nx\r\n")),
    "trailers": saying(CHUNKED + b"2\r\n{}\r\n0\r\n", then=Dripping(b"X: x\r\n", 0.02)),
    "body with a length": saying(START + b"Content-Length: 100000\r\n\r\n", then=Dripping(b"x")),
    "body until the connection ends": saying(START + b"\r\n{}", then=Dripping(b" ")),
    "body until the connection ends, closing": saying(START + b"Connection: close\r\n\r\n{}", then=Dripping(b" ")),
    "nothing, compressed": saying(PACKED, then=Dripping(NOTHING)),
    "nothing, compressed, at full speed": saying(PACKED, then=Dripping(NOTHING * 1000, 0)),
    "nothing, in one member": saying(PACKED + NOTHING[:10], then=Dripping(b"\x00\x00\x00\xff\xff")),
}


def to(place: str, scheme: str = "http", **timeouts: float) -> "closing[Transport]":
    return closing(Transport(f"{scheme}://{place}", connections=2, wait=no_wait, timeouts=Timeouts(**timeouts)))


@pytest.mark.parametrize("speech", TRICKLES.values(), ids=list(TRICKLES))
def test_answer_that_trickles_is_cut_off_at_its_deadline(speech: Speech) -> None:
    began = time.monotonic()
    with (
        speaking(speech) as place,
        to(place, answer_s=0.1) as transport,
        pytest.raises(QueryTimeoutError, match="not complete after 0 s"),
    ):
        transport.send("GET", "/x")
    assert 0.1 <= time.monotonic() - began < 5


@pytest.mark.parametrize(("status", "kind"), [(403, ExportsError), (500, TransientError), (504, QueryTimeoutError)])
def test_failure_whose_body_trickles_is_told_by_its_status(status: int, kind: type[ExportsError]) -> None:
    speech = saying(b"HTTP/1.1 %d Whatever\r\n\r\n" % status, then=Dripping(b"x"))
    with speaking(speech) as place, to(place, answer_s=0.05) as transport, pytest.raises(kind, match=f"HTTP {status}"):
        transport.send("GET", "/x")


def test_body_of_a_redirect_is_not_waited_for() -> None:
    speech = saying(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", then=Dripping(b"x"))
    with speaking(speech) as place, to(place) as transport, pytest.raises(ExportsError, match="HTTP 302"):
        transport.send("GET", "/x")


def test_handshake_that_trickles_fails_after_the_connect_timeout() -> None:
    # The head of a TLS record of 16 kB, which then comes a byte at a time.
    speech = saying(b"\x16\x03\x03\x40\x00", then=Dripping(b"x"))
    with (
        speaking(speech) as place,
        to(place, scheme="https", connect_s=0.1) as transport,
        pytest.raises(TransientError, match=f"the connection to {place} failed .the handshake timed out") as caught,
    ):
        transport.send("GET", "/x")
    assert not isinstance(caught.value, QueryTimeoutError)


def test_proxy_that_trickles_is_cut_off_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    speech = saying(b"HTTP/1.1 200 OK\r\n", then=Dripping(b"X: x\r\n", 0.02))
    with speaking(speech) as place, to("example.invalid", scheme="https", answer_s=0.1) as transport:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{place}")
        with pytest.raises(QueryTimeoutError, match="not complete"):
            transport.send("GET", "/x")


PROVISIONAL = {
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 7\r\n\r\n",
    "several": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" * 3,
    "unknown": b"HTTP/1.1 199 Whatever\r\nTransfer-Encoding: chunked\r\n\r\n",
}


@pytest.mark.parametrize("provisional", PROVISIONAL.values(), ids=list(PROVISIONAL))
def test_answer_follows_provisional_ones(provisional: bytes) -> None:
    def speech(connection: socket.socket) -> Iterator[bytes]:
        for body in (b"first", b"other"):
            connection.recv(65536)
            yield provisional + START + b"Content-Length: 5\r\n\r\n" + body

    with speaking(speech) as place, to(place) as transport:
        assert [transport.send("GET", "/x") for _ in range(2)] == [b"first", b"other"]


def test_request_after_one_that_was_cut_off_succeeds() -> None:
    speeches = iter([TRICKLES["body with a length"], saying(START + b"Content-Length: 5\r\n\r\nwhole")])

    def speech(connection: socket.socket) -> Iterable[bytes]:
        return next(speeches)(connection)

    with speaking(speech) as place, to(place, answer_s=0.1) as transport:
        with pytest.raises(QueryTimeoutError):
            transport.send("GET", "/x")
        assert transport.send("GET", "/x") == b"whole"


def test_answer_that_trickles_on_a_connection_used_before_is_cut_off() -> None:
    def speech(connection: socket.socket) -> Iterator[bytes]:
        connection.recv(65536)
        yield START + b"Content-Length: 5\r\n\r\nfirst"
        yield from TRICKLES["header"](connection)

    with speaking(speech) as place, to(place, answer_s=0.1) as transport:
        assert transport.send("GET", "/x") == b"first"
        with pytest.raises(QueryTimeoutError, match="not complete"):
            transport.send("GET", "/x")


def test_exchange_that_has_ended_leaves_its_connection_to_others() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        exchange = Exchange(deadline=0)
        exchange.use(ours)
        exchange.end()
        exchange.cut_off()
        ours.send(b"still there")
        assert theirs.recv(100) == b"still there"


def test_socket_that_comes_after_the_exchange_was_cut_off_is_shut_down() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        exchange = Exchange(deadline=0)
        exchange.cut_off()
        exchange.use(ours)
        assert theirs.recv(100) == b""
        exchange.end()


def test_requests_leave_no_descriptors_behind() -> None:
    speech = saying(START + b"Content-Length: 5\r\n\r\nwhole")
    with speaking(speech) as place, to(place) as transport:
        transport.send("GET", "/x")
        before = len(list(Path("/dev/fd").iterdir()))
        for _ in range(20):
            transport.send("GET", "/x")
        assert len(list(Path("/dev/fd").iterdir())) < before + 10


def test_answer_that_unpacks_to_too_much_fails_at_once() -> None:
    megabyte = gzip.compress(bytes(1 << 20))
    speech = saying(PACKED, then=Dripping(megabyte, 0))
    with (
        speaking(speech) as place,
        to(place) as transport,
        pytest.raises(ExportsError, match=r"more than 128 MiB.*CLEARGRID_PAGE_SIZE") as caught,
    ):
        transport.send("GET", "/x")
    assert not isinstance(caught.value, TransientError)


HANGING: dict[str, tuple[tuple[bytes, ...], Iterable[bytes]]] = {
    "silent": ((), Silence()),
    "dripping head": ((START + b"X-Slow: ",), Dripping(b"x")),
    "dripping body": ((START + b"Content-Length: 100000\r\n\r\n",), Dripping(b"x")),
    "dripping body without a length": ((START + b"\r\n{}",), Dripping(b" ")),
}


@contextmanager
def asking(transport: Transport) -> Iterator[list[ExportsError]]:
    """A request in another thread, which has to end soon after the block. Yields where its error will be."""
    errors: list[ExportsError] = []

    def ask() -> None:
        try:
            transport.send("GET", "/x")
        except ExportsError as error:
            errors.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    yield errors
    thread.join(5)
    assert not thread.is_alive()
    assert "the run is ending" in str(errors[0])


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("case", HANGING.values(), ids=list(HANGING))
def test_closing_cuts_off_a_request_that_hangs(case: tuple[tuple[bytes, ...], Iterable[bytes]], scheme: str) -> None:
    pieces, then = case
    heard = threading.Event()
    speech = saying(*pieces, then=then, heard=heard)
    with speaking(speech) as place, to(place, scheme) as transport, asking(transport):
        assert heard.wait(5)
        transport.close()


def _wait_for_a_connection_attempt() -> None:
    while not any(thread.name == CONNECTING for thread in threading.enumerate()):
        time.sleep(0.001)


def test_closing_cuts_off_a_name_lookup_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def getaddrinfo(*args: object, **kwargs: object) -> list[object]:
        answered.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with to("example.invalid", "https") as transport:
        with asking(transport):
            _wait_for_a_connection_attempt()
            transport.close()
        answered.set()


def test_closing_cuts_off_a_connection_attempt_that_hangs() -> None:
    with socket.socket() as full, ExitStack() as waiting:
        # Nobody accepts, and the queue of connections is full.
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(8):
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        with to(f"127.0.0.1:{full.getsockname()[1]}") as transport, asking(transport):
            _wait_for_a_connection_attempt()
            transport.close()


def test_nothing_is_sent_after_closing() -> None:
    with speaking(saying(then=Silence())) as place, to(place) as transport:
        transport.close()
        with pytest.raises(ExportsError, match="the run is ending"):
            transport.send("GET", "/x")


@pytest.mark.parametrize(
    "packed", [gzip.compress(b"who") + gzip.compress(b"le"), zlib.compress(b"whole")], ids=["gzip", "deflate"]
)
def test_packed_body_is_unpacked_whole(packed: bytes) -> None:
    head = b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
    encoding = b"deflate" if packed == zlib.compress(b"whole") else b"gzip"
    with speaking(saying(START + head % (encoding, len(packed)) + packed)) as place, to(place) as transport:
        assert transport.send("GET", "/x") == b"whole"


@pytest.mark.parametrize("lost", [1, 8])
def test_packed_body_without_its_end_is_truncated(lost: int) -> None:
    packed = gzip.compress(b"whole")[:-lost]
    head = b"Connection: close\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with (
        speaking(saying(START + head + packed)) as place,
        to(place) as transport,
        pytest.raises(TransientError, match="the response is truncated"),
    ):
        transport.send("GET", "/x")


def test_members_whose_content_ends_with_a_piece_are_not_repeated() -> None:
    """A size at which urllib3 2.8 repeats what follows."""
    packed = gzip.compress(bytes(1 << 20)) * 3 + gzip.compress(b"end")
    head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with speaking(saying(START + head + packed)) as place, to(place) as transport:
        assert transport.send("GET", "/x") == bytes(3 << 20) + b"end"


def test_header_that_cannot_be_read_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    speech = saying(START + b"Content-Length: 5\r\nno header of jo@mail.example\r\n\r\nwhole")
    with speaking(speech) as place, to(place) as transport, suppress(ExportsError):
        transport.send("GET", "/x")
    assert "example" not in caplog.text
