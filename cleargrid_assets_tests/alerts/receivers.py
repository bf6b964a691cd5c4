"""A real HTTP server and a real SMTP server that keep what they receive."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

from cleargrid_assets_tests.machine import free_port


@dataclass
class Received:
    """What a webhook received.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        status: What it answers.
        requests: Method and path of each request.
        bodies: The bodies of its POST requests.
    """

    port: int = 0
    status: int = 200
    requests: list[str] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The Apprise URL of the webhook, with a token."""
        return f"json://127.0.0.1:{self.port}/hush-token"

    @property
    def titles(self) -> list[str]:
        return [str(body["title"]) for body in self.bodies]

    @property
    def texts(self) -> list[str]:
        return [str(body["message"]) for body in self.bodies]


@contextmanager
def webhook() -> Iterator[Received]:
    """Runs an HTTP server."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if received.status == 200:
                received.bodies.append(json.loads(body))
            self._answer()

        def _answer(self) -> None:
            received.requests.append(f"{self.command} {self.path}")
            self.send_response(received.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Mailbox:
    """What an SMTP server received."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The Apprise URL of a mail to it."""
        return f"mailto://127.0.0.1:{self.port}?from=alerts@lender.example&to=oncall@lender.example&mode=insecure"


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Runs an SMTP server."""
    received = Mailbox(free_port())

    class Handler:
        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd
            mail = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            received.mails.append(mail)
            return "250 OK"

    controller = Controller(Handler(), hostname="127.0.0.1", port=received.port)
    controller.start()
    try:
        yield received
    finally:
        controller.stop()
