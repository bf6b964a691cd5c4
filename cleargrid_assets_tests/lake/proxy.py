"""A proxy before Postgres that loses the answer to a commit, as a network does now and then."""

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress


class Proxy:
    """Passes everything on, until it is told to lose the answer to the next commit of a snapshot.

    Attributes:
        losing: Whether it is told to. It does so once.
        is_late: Whether Postgres gets that commit only when it is asked to undo it.
        variables: What leads to it, besides what leads to Postgres.
    """

    def __init__(self, server: socket.socket, postgres: tuple[str, int]) -> None:
        self.losing = self.is_late = False
        self._undoing = threading.Event()
        self.variables = {"PGPORT": str(server.getsockname()[1]), "PGSSLMODE": "disable"}
        self._server, self._postgres = server, postgres

    def serve(self) -> None:
        """Serves until the server is shut down."""
        with suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._pass_on, args=[client], daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._postgres) as postgres:
            threading.Thread(target=_copy, args=[postgres, client], daemon=True).start()
            has_snapshot = False
            with suppress(OSError):
                while sent := client.recv(65536):
                    has_snapshot |= b".ducklake_snapshot VALUES" in sent
                    if sent.endswith(b"COMMIT\0"):
                        if has_snapshot and self.losing:
                            self.losing = False
                            # Postgres reads it all the same, and then the end.
                            client.shutdown(socket.SHUT_RDWR)
                            if self.is_late:
                                self._undoing.wait(60)
                            postgres.sendall(sent)
                            return
                        has_snapshot = False
                    postgres.sendall(sent)
                    if b"LOCK TABLE ducklake_snapshot" in sent:
                        self._undoing.set()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(65536):
            target.sendall(received)
        target.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(variables: Mapping[str, str]) -> Iterator[Proxy]:
    """A proxy before the Postgres of the variables."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        made = Proxy(server, (variables["PGHOST"], int(variables["PGPORT"])))
        threading.Thread(target=made.serve, daemon=True).start()
        yield made
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
