"""A client that knows only the URL of a sandbox, and a clock that stands still."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from cleargrid_assets.sandbox import RunningSandbox, SandboxSettings, running_sandbox

DAY = date(2026, 5, 19)
MIDNIGHT = datetime(2026, 5, 19, tzinfo=timezone.utc)
NEXT_MIDNIGHT = MIDNIGHT + timedelta(days=1)
LONG_AFTER = MIDNIGHT + timedelta(days=30)


@dataclass(eq=False)
class Clock:
    now: datetime = LONG_AFTER

    def __call__(self) -> datetime:
        return self.now


class Visitor:
    """A minimal client. The product's own client is tested against the sandbox, so it must not test the sandbox."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.url = sandbox.url
        self.settings = sandbox.settings
        self.session = requests.Session()

    def login(self, lender: str | None = None, **changed: str) -> requests.Response:
        body = {"email": self.settings.email, "password": self.settings.password, **changed}
        url = f"{self.url}/admin/auth/{lender or self.settings.lender}/login"
        return self.session.post(url, json=body, timeout=60)

    def refresh(self, body: Any) -> requests.Response:
        url = f"{self.url}/admin/auth/{self.settings.lender}/refresh-token"
        return self.session.post(url, json=body, timeout=60)

    def enter(self) -> "Visitor":
        answer = self.login().json()
        self.lender_id = answer["lenderPublicId"]
        self.refresh_token = answer["refreshToken"]
        self.session.headers["Authorization"] = f"Bearer {answer['token']}"
        return self

    def get(self, dataset: str = "S4/D21", lender_id: str | None = None, **query: Any) -> requests.Response:
        url = f"{self.url}/admin/v3/lenders/{lender_id or self.lender_id}/exports/{dataset}"
        return self.session.get(url, params=query, timeout=60)

    def body(self, **query: Any) -> dict[str, Any]:
        answer = self.get(**query)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()["body"]
        return body

    def pages(self, since: datetime, until: datetime, **query: Any) -> Iterator[dict[str, Any]]:
        cursor = None
        while True:
            page = self.body(since=since.isoformat(), until=until.isoformat(), cursor=cursor, **query)
            yield page
            cursor = page["pagination"]["nextCursor"]
            if cursor is None:
                return

    def walk(self, since: datetime, until: datetime, **query: Any) -> list[dict[str, Any]]:
        return [row for page in self.pages(since, until, **query) for row in page["rows"]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def settled() -> Iterator[Visitor]:
    """A client of a sandbox in which the days of May no longer change."""
    with running_sandbox(SandboxSettings(rows_per_day=400, clock=Clock())) as sandbox:
        yield Visitor(sandbox).enter()


@pytest.fixture
def visit(clock: Clock) -> Iterator[Callable[..., Visitor]]:
    """Starts a sandbox with some settings changed, and returns a client of it."""
    with ExitStack() as stack:

        def start(**changed: Any) -> Visitor:
            settings = replace(SandboxSettings(rows_per_day=400, clock=clock), **changed)
            return Visitor(stack.enter_context(running_sandbox(settings)))

        yield start
