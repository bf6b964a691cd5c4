"""A server below HTTP: says bytes to each connection, whatever it is asked, for as long as the client listens."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

Speech = Callable[[socket.socket], Iterable[bytes]]
"""Given a connection, yields what is said, one piece after another."""


@contextmanager
def speaking(speech: Speech, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[str]:
    """Runs the server on loopback. Yields host and port.

    Args:
        speech: What is said.
        tls: Says it within TLS.
        port: Where it listens; 0 is any free port.
    """
    with socket.create_server(("127.0.0.1", port)) as server:

        def answer(connection: socket.socket) -> None:
            # A client that hangs up, or that refuses the certificate, is part of the tests.
            with suppress(OSError), connection:
                inner = tls.wrap_socket(connection, server_side=True) if tls else connection
                with inner:
                    for piece in speech(inner):
                        inner.sendall(piece)

        def accept() -> None:
            # Ends when the server is closed.
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            # Closing alone does not end `accept` in another thread.
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def saying(*pieces: bytes, then: Iterable[bytes] = (), heard: threading.Event | None = None) -> Speech:
    """Waits for the head of a request, says the pieces at once, and the rest after them.

    Args:
        pieces: What is said at once.
        then: What is said after them.
        heard: Set when the request has come and the pieces are said.
    """

    def speech(connection: socket.socket) -> Iterator[bytes]:
        connection.recv(65536)
        yield from pieces
        if heard:
            heard.set()
        yield from then

    return speech


class Dripping:
    """A piece again and again, for ever.

    Args:
        piece: What is said.
        every_s: Seconds between two pieces.
    """

    def __init__(self, piece: bytes, every_s: float = 0.01) -> None:
        self._piece = piece
        self._every_s = every_s

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self._piece
            time.sleep(self._every_s)


class Silence:
    """Nothing, for longer than any test."""

    def __iter__(self) -> Iterator[bytes]:
        time.sleep(600)
        yield b""
