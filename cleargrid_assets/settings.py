"""The environment variables. Each field of `Settings` declares one.

Errors, `docs/configuration.md` and `.env.example` are made from these declarations.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    ValidationError,
)
from pydantic.fields import FieldInfo

from cleargrid_assets.alerts.urls import scheme_of, split_urls

DAILY_RUN_AT = time(1)
"""Time of day in the business zone at which the daily schedule runs."""


class SettingsError(ValueError):
    """Variables are missing or have unusable values. The message names them and says what they take."""


@dataclass(frozen=True)
class Takes:
    """What values a variable takes, for errors and documentation."""

    words: str


@dataclass(frozen=True)
class Variable:
    """One environment variable, for documentation.

    Attributes:
        name: Its name.
        default: Its default as text, None if it has none.
        description: What it means.
        takes: What values it takes.
        secret: Whether its value must never be shown.
    """

    name: str
    default: str | None
    description: str
    takes: str
    secret: bool


@dataclass(frozen=True)
class Credentials:
    """The credentials of the login."""

    lender: SecretStr
    email: SecretStr
    password: SecretStr


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, OSError) as error:
        raise ValueError(text) from error


def _time_of_day(text: str) -> time:
    # Without a zone: it is CLEARGRID_TIMEZONE. Without seconds: a cron schedule has none.
    value = datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007
    if value <= DAILY_RUN_AT:
        raise ValueError(text)
    return value


def _region(text: str) -> str:
    # Imported here, because most processes read no region.
    import phonenumbers  # noqa: PLC0415

    if text.upper() not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(text)
    return text.upper()


def _expand_user(path: str) -> str:
    # Values from `.env` are not expanded by a shell.
    return str(Path(path).expanduser()) if path.startswith("~") else path


def _database(text: str) -> str:
    if "?" in text:
        # The message does not quote the value, because the query part may be a token.
        raise SettingsError(
            "CLEARGRID_DUCKDB has a query part (`?...`), but the UI shows its value. Set tokens in DuckDB's own "
            "variables, such as motherduck_token."
        )
    if text.startswith(":memory:"):
        raise SettingsError(
            "CLEARGRID_DUCKDB is :memory:, but such a database is lost when its connection closes. Name a file."
        )
    return _expand_user(text)


_MIN_KEY_LENGTH = 32


def _long_enough(key: SecretStr | None) -> SecretStr | None:
    if key is not None and len(key.get_secret_value()) < _MIN_KEY_LENGTH:
        raise ValueError
    return key


def _alerts(urls: SecretStr) -> SecretStr:
    given = split_urls(urls.get_secret_value())
    if not given:
        raise ValueError
    if bad := [str(position) for position, url in enumerate(given, 1) if scheme_of(url) is None]:
        # Before Apprise is loaded, which takes a moment. `cleargrid check` asks it for the rest.
        raise SettingsError(
            f"CLEARGRID_ALERTS has an unusable value: URL {', '.join(bad)} of it has no scheme. It takes Apprise URLs "
            "such as slack://..., separated by spaces or commas. Write a space inside a URL as %20."
        )
    return urls


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or re.search(r"\s", text):
        raise ValueError(text)
    return text


def _ui_url(text: str) -> str:
    if "@" in urlsplit(text).netloc:
        # The message does not quote the value, because it has a password.
        raise SettingsError("CLEARGRID_UI_URL has a user or password, but alerts show it. Leave them out.")
    return _web_address(text).rstrip("/")


def _secret_web_address(url: SecretStr) -> SecretStr:
    _web_address(url.get_secret_value())
    return url


_Secret = SecretStr | None


class Settings(BaseModel):
    """All variables, parsed."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    base_url: Annotated[str, Takes("an https address")] = Field(
        "https://v3-api.cleargrid.ai",
        alias="CLEARGRID_BASE_URL",
        description="Root of the API. Plain http is refused, except on loopback.",
    )
    lender: Annotated[_Secret, Takes("the lender's subdomain")] = Field(
        None, alias="CLEARGRID_LENDER", description="The lender's subdomain at ClearGrid, not its public id."
    )
    email: Annotated[_Secret, Takes("an e-mail address")] = Field(
        None, alias="CLEARGRID_EMAIL", description="E-mail address of the API login."
    )
    password: Annotated[_Secret, Takes("a password")] = Field(
        None, alias="CLEARGRID_PASSWORD", description="Password of the API login."
    )
    database: Annotated[str, AfterValidator(_database), Takes("a path, or a database that DuckDB can open")] = Field(
        "data/warehouse.duckdb",
        alias="CLEARGRID_DUCKDB",
        description="The DuckDB file, or another database that DuckDB can open, such as `md:outreach`. "
        "It must not contain a secret.",
    )
    start_date: Annotated[date, PlainValidator(date.fromisoformat), Takes("a date such as 2026-01-01")] = Field(
        date(2026, 1, 1), alias="CLEARGRID_START_DATE", description="The first day to fetch."
    )
    timezone: Annotated[ZoneInfo, PlainValidator(_zone), Takes("an IANA time zone such as Asia/Dubai")] = Field(
        ZoneInfo("UTC"),
        alias="CLEARGRID_TIMEZONE",
        description="Time zone whose midnights bound a business day. After a change, materialize all days again.",
    )
    page_size: Annotated[int, Field(ge=1, le=1000), Takes("a whole number from 1 to 1000")] = Field(
        1000, alias="CLEARGRID_PAGE_SIZE", description="Max rows per page of the API."
    )
    concurrency: Annotated[int, Field(ge=1, le=64), Takes("a whole number from 1 to 64")] = Field(
        4, alias="CLEARGRID_CONCURRENCY", description="Max concurrent requests of one run."
    )
    max_requests_per_second: Annotated[float | None, Field(gt=0, allow_inf_nan=False), Takes("a number above 0")] = (
        Field(
            None,
            alias="CLEARGRID_MAX_REQUESTS_PER_SECOND",
            description="Max requests per second of one run. Not set means no limit.",
        )
    )
    resync_days: Annotated[int, Field(ge=1, le=60), Takes("a whole number from 1 to 60")] = Field(
        3,
        alias="CLEARGRID_RESYNC_DAYS",
        description="Number of closed days that are fetched again every day, for late and edited rows.",
    )
    fresh_by: Annotated[
        time,
        PlainValidator(_time_of_day),
        Takes(f"a time after the daily run's {DAILY_RUN_AT:%H:%M}, such as 06:00"),
    ] = Field(
        time(6),
        alias="CLEARGRID_FRESH_BY",
        description="Time in the business zone by which the last closed day is due.",
    )
    outcomes: Annotated[str | None, AfterValidator(lambda path: path and _expand_user(path)), Takes("a path")] = Field(
        None,
        alias="CLEARGRID_OUTCOMES",
        description="A TOML file with the meaning of statuses and communication types. "
        "Its entries replace those of the packaged file.",
    )
    quarantine: Annotated[Literal["on", "off"], BeforeValidator(str.lower), Takes("`on` or `off`")] = Field(
        "off",
        alias="CLEARGRID_QUARANTINE",
        description="`on`: rows that break the contract go to the table `quarantined_rows` instead of failing their "
        "day, up to ten rows or 1% of it.",
    )
    max_shrink: Annotated[float, Field(ge=0, le=1), Takes("a number from 0 to 1")] = Field(
        0.2,
        alias="CLEARGRID_MAX_SHRINK",
        description="Share of a stored day of 50 or more rows that a fetch may remove without the API's own exact "
        "count confirming it. If more are missing, the run fails and the old rows stay.",
    )
    backups: Annotated[int, Field(ge=0, le=1000), Takes("a whole number from 0 to 1000")] = Field(
        2,
        alias="CLEARGRID_BACKUPS",
        description="Number of verified copies of the DuckDB file that are kept in `backups` beside it. 0: none.",
    )
    region: Annotated[str | None, PlainValidator(_region), Takes("an ISO country code such as SA")] = Field(
        None,
        alias="CLEARGRID_REGION",
        description="Country of telephone numbers without a country code, so that their spellings are one contact. "
        "Not set: such numbers stay as they are. After a change, materialize `interactions` again. "
        "With CLEARGRID_PSEUDONYM_KEY, a change needs a new database.",
    )
    pseudonym_key: Annotated[
        _Secret, AfterValidator(_long_enough), Takes(f"a secret of at least {_MIN_KEY_LENGTH} characters")
    ] = Field(
        None,
        alias="CLEARGRID_PSEUDONYM_KEY",
        description="If set, addresses are stored as pseudonyms made with this key, and subjects are not stored. "
        "Decide before the first run, and never lose it: a database takes only days of one key.",
    )
    alerts: Annotated[_Secret, AfterValidator(_alerts), Takes("Apprise URLs, separated by spaces or commas")] = Field(
        None,
        alias="CLEARGRID_ALERTS",
        description="Where failed runs and checks are told: [Apprise](https://github.com/caronc/apprise/wiki) URLs of "
        "chats, mailboxes or webhooks. Needs the extra `alerts`.",
    )
    ui_url: Annotated[str | None, AfterValidator(_ui_url), Takes("an http or https address")] = Field(
        None,
        alias="CLEARGRID_UI_URL",
        description="Root of the Dagster UI, for the links in alerts, such as `https://dagster.example.com`.",
    )
    heartbeat_url: Annotated[_Secret, AfterValidator(_secret_web_address), Takes("an http or https address")] = Field(
        None,
        alias="CLEARGRID_HEARTBEAT_URL",
        description="Requested after each freshness run in which no `ERROR` check fails, so that a service outside "
        "notices when the machine is down.",
    )

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Parses the `CLEARGRID_*` variables.

        An empty value counts as unset, because `.env` files leave variables out that way.

        Raises:
            SettingsError: Values are unusable. The message lists all of them, one per line.
        """
        given = {
            # Spaces may be part of a password.
            name: text if name == "CLEARGRID_PASSWORD" else text.strip()
            for name, text in environ.items()
            if name.startswith("CLEARGRID_") and text.strip()
        }
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            complaints = [_complaint(each) for each in error.errors(include_url=False)]
        # Not in the `except` block, so that tracebacks do not show pydantic's error.
        raise SettingsError("\n".join(complaints))

    def credentials(self) -> Credentials:
        """The three credentials.

        Raises:
            SettingsError: Credentials are missing. The message names all of them.
        """
        if self.lender and self.email and self.password:
            return Credentials(self.lender, self.email, self.password)
        given = {"CLEARGRID_LENDER": self.lender, "CLEARGRID_EMAIL": self.email, "CLEARGRID_PASSWORD": self.password}
        missing = [name for name, value in given.items() if not value]
        is_one = len(missing) == 1
        raise SettingsError(
            f"{' and '.join(missing)} {'is' if is_one else 'are'} not set. Set {'it' if is_one else 'them'} in the "
            "environment or in `.env`. `cleargrid check` shows whether a run would work."
        )


def variables() -> list[Variable]:
    """All variables, in the order of the documentation."""
    return [
        Variable(
            name=str(field.alias),
            default=_as_text(field.default),
            description=str(field.description),
            takes=_takes(field),
            secret=_is_secret(field),
        )
        for field in Settings.model_fields.values()
    ]


def _complaint(error: Any) -> str:
    """What is wrong with one variable, in one sentence."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, SettingsError):
        return str(cause)
    [name, *_] = error["loc"]
    [variable] = [variable for variable in variables() if variable.name == name]
    if variable.secret:
        return f"{name} has an unusable value: it takes {variable.takes}."
    return f"{name} is {error['input']!r}, but takes {variable.takes}."


def _takes(field: FieldInfo) -> str:
    [takes] = [each for each in field.metadata if isinstance(each, Takes)]
    return takes.words


def _is_secret(field: FieldInfo) -> bool:
    return SecretStr in get_args(field.annotation)


def _as_text(default: object) -> str | None:
    if isinstance(default, time):
        return f"{default:%H:%M}"
    return None if default is None else str(default)
