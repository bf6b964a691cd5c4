"""The environment variables, read and checked in one place.

What belongs here: names, defaults, parsing and the error that names a bad variable. What does not: acting on a
value. Nothing else in the package reads the environment.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

T = TypeVar("T")

DAILY_RUN_AT = time(1)
"""When, in the business zone, the daily schedule fetches the day that has closed; nothing can be fresh before."""


class SettingsError(ValueError):
    """A variable is missing or unusable; the message names it and says what it takes."""


@dataclass(frozen=True)
class Credentials:
    """What the login takes. Its `repr` shows none of it."""

    lender: str = field(repr=False)
    email: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    """All variables, parsed. See the README's table for their meanings."""

    base_url: str
    lender: str | None = field(repr=False)
    email: str | None = field(repr=False)
    password: str | None = field(repr=False)
    database: str
    start_date: date
    timezone: ZoneInfo
    page_size: int
    concurrency: int
    max_requests_per_second: float | None
    resync_days: int
    fresh_by: time
    outcomes: str | None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Parses the `CLEARGRID_*` variables.

        An empty value counts as unset, because that is how `.env` files leave things out.

        Raises:
            SettingsError: A value cannot be read as what the variable takes.
        """

        def parsed(name: str, default: str, parse: Callable[[str], T], takes: str) -> T:
            text = environ.get(name, "").strip() or default
            try:
                return parse(text)
            except (ValueError, OSError, KeyError) as error:
                raise SettingsError(f"{name} is {text!r}, but takes {takes}.") from error

        def optional(name: str) -> str | None:
            return environ.get(name, "").strip() or None

        database = optional("CLEARGRID_DUCKDB") or "data/cleargrid.duckdb"
        if "?" in database:
            # Not quoted, since it may be a token that follows.
            raise SettingsError(
                "CLEARGRID_DUCKDB has a query part (`?...`), but the UI shows its value. Give tokens in DuckDB's own "
                "variables, such as motherduck_token."
            )
        if database.startswith(":memory:"):
            raise SettingsError("CLEARGRID_DUCKDB is :memory:, which is gone with each connection. Name a file.")
        outcomes = optional("CLEARGRID_OUTCOMES")
        return cls(
            base_url=optional("CLEARGRID_BASE_URL") or "https://v3-api.cleargrid.ai",
            lender=optional("CLEARGRID_LENDER"),
            email=optional("CLEARGRID_EMAIL"),
            password=environ.get("CLEARGRID_PASSWORD") or None,
            database=_expanded(database),
            start_date=parsed("CLEARGRID_START_DATE", "2026-01-01", date.fromisoformat, "a date such as 2026-01-01"),
            timezone=parsed("CLEARGRID_TIMEZONE", "UTC", ZoneInfo, "an IANA time zone such as Asia/Dubai"),
            page_size=parsed("CLEARGRID_PAGE_SIZE", "1000", _integer(1, 1000), "a whole number from 1 to 1000"),
            concurrency=parsed("CLEARGRID_CONCURRENCY", "4", _integer(1, 64), "a whole number from 1 to 64"),
            max_requests_per_second=(
                parsed("CLEARGRID_MAX_REQUESTS_PER_SECOND", "", _positive, "a number above 0")
                if optional("CLEARGRID_MAX_REQUESTS_PER_SECOND")
                else None
            ),
            resync_days=parsed("CLEARGRID_RESYNC_DAYS", "3", _integer(1, 60), "a whole number from 1 to 60"),
            fresh_by=parsed(
                "CLEARGRID_FRESH_BY", "06:00", _time_of_day, "a time after the daily run's 01:00, as 06:00"
            ),
            outcomes=_expanded(outcomes) if outcomes else None,
        )

    def credentials(self) -> Credentials:
        """The three credentials.

        Raises:
            SettingsError: One of them is not set.
        """
        missing = [
            name
            for name, value in (
                ("CLEARGRID_LENDER", self.lender),
                ("CLEARGRID_EMAIL", self.email),
                ("CLEARGRID_PASSWORD", self.password),
            )
            if not value
        ]
        if not (self.lender and self.email and self.password):
            raise SettingsError(
                f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. "
                f"Set {'it' if len(missing) == 1 else 'them'} in the environment or in `.env`; `cleargrid check` tells "
                "whether a run would work."
            )
        return Credentials(self.lender, self.email, self.password)


def _expanded(path: str) -> str:
    # A file .env is read by no shell. DuckDB would expand it, but nobody else who makes a path of it.
    return str(Path(path).expanduser()) if path.startswith("~") else path


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    return parse


def _time_of_day(text: str) -> time:
    # Hours and minutes are what a cron schedule takes; the zone is CLEARGRID_TIMEZONE.
    value = datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007
    if value <= DAILY_RUN_AT:
        raise ValueError(text)
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(text)
    return value
