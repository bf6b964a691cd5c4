"""What values the variables take: the types of the fields of `Settings`, with their checks and words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, SecretStr

from cleargrid_assets.alerts.urls import scheme_of, split_urls

DAILY_RUN_AT = time(1)
"""Time of day in the business zone at which the daily schedule runs."""

AFTER_EDITING = 'After editing `.env`, choose "Reload definitions" in the UI.'
"""The end of errors about credentials. Dagster reads `.env` when it loads the definitions."""

_FIRST_YEAR, _LAST_YEAR = 2000, 2099
_MIN_KEY_LENGTH = 32
_MAY_HAVE_QUOTES = frozenset({"CLEARGRID_PASSWORD", "CLEARGRID_PSEUDONYM_KEY"})
_FEWEST_KEPT_DAYS = 49
"""A week of days, and the 42 days before each that it is compared with."""


@dataclass(frozen=True)
class Problem:
    """A variable with an unusable value.

    Attributes:
        sentence: What is wrong. It begins with the name of the variable.
        value: Its value; None if that may be a secret.
    """

    sentence: str
    value: str | None = None

    @property
    def names(self) -> list[str]:
        """The variables that the sentence is about, the unusable one first."""
        return list(dict.fromkeys(re.findall("CLEARGRID_[A-Z_]+", self.sentence)))


class SettingsError(ValueError):
    """Variables are missing or have unusable values. The message names them and says what they take.

    Attributes:
        problems: The unusable values.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Takes:
    """What values a variable takes, for errors and documentation."""

    words: str


def plain_text(name: str, text: str) -> str:
    """The value of a variable as the environment has it.

    Raises:
        SettingsError: It is not UTF-8, or has quotes around it.
    """
    if text.encode(errors="replace").decode() != text:
        raise SettingsError(f"{name} has an unusable value: it is not UTF-8.")
    # A shell and `.env` take quotes away, but an environment file of Docker does not.
    if name not in _MAY_HAVE_QUOTES and re.fullmatch(r"(['\"]).*\1", text, re.DOTALL):
        raise SettingsError(f"{name} has quotes around its value, which belong to it here. Leave them out.")
    return text


def _day(text: str) -> date:
    day = date.fromisoformat(text)
    # A mistyped year would make hundreds of thousands of days.
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(text)
    return day


def _zone(text: str) -> ZoneInfo:
    # Another machine has another local time, and the zones below `right` count leap seconds.
    if text in {"localtime", "Factory"} or text.startswith("right/"):
        raise ValueError(text)
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
    try:
        return str(Path(path).expanduser()) if path.startswith("~") else path
    except RuntimeError as error:  # there is no such user
        raise ValueError(path) from error


def _path(text: str) -> str:
    if "://" in text:
        raise ValueError(text)
    return _expand_user(text)


def _database(text: str) -> str:
    # No message quotes the value, because it may hold a password or a token.
    if "?" in text:
        raise SettingsError(
            "CLEARGRID_DUCKDB has a query part (`?...`), but the UI shows its value. Set tokens in DuckDB's own "
            "variables, such as motherduck_token."
        )
    if text.startswith(":memory:"):
        raise SettingsError(
            "CLEARGRID_DUCKDB is :memory:, but such a database is lost when its connection closes. Name a file."
        )
    kind = _kind_of(text)
    if kind == "ducklake" and not re.fullmatch(r"ducklake:postgres:(service=[\w.-]+)?", text, re.ASCII):
        raise SettingsError(_wrong_lake(text))
    if kind in {"postgres", "postgresql", "postgres_scanner"}:
        raise SettingsError(
            "CLEARGRID_DUCKDB names tables in Postgres itself, where two runs of a new day would store its rows twice. "
            "Set it to `ducklake:postgres:`, which keeps its catalog in Postgres."
        )
    if (kind is not None and kind not in _KINDS) or re.search(r"(password|token|secret)\s*=", text, re.IGNORECASE):
        raise SettingsError(
            "CLEARGRID_DUCKDB has an unusable value: it takes a path, `ducklake:postgres:`, or a database of "
            "MotherDuck such as md:outreach, without any secret."
        )
    path = _expand_user(text)
    if re.search(r"(^|/)\.{0,2}$", path):  # a folder
        raise ValueError(text)
    return path


_KINDS = {"file", "ducklake", "md", "motherduck"}


def _kind_of(database: str) -> str | None:
    """What stands before the colon of an address; None for a path."""
    found = re.match(r"(\w{2,}):", database, re.ASCII)
    return found[1].lower() if found else None


def _wrong_lake(text: str) -> str:
    if text.lower().startswith("ducklake:postgres"):
        return (
            "CLEARGRID_DUCKDB has an unusable value: it takes `ducklake:postgres:` with nothing after it but "
            "`service=NAME`, because the UI shows it. Say where Postgres is, and who you are, in its own variables: "
            "PGHOST, PGPORT, PGDATABASE, PGUSER, and PGPASSWORD or PGPASSFILE."
        )
    return (
        "CLEARGRID_DUCKDB names a lake whose catalog is not in Postgres. Such a catalog takes one process at a time, "
        "or does not keep two runs of a day apart. Set it to `ducklake:postgres:`, or to the path of a DuckDB file."
    )


def _lake_data(text: str) -> str:
    if "://" not in text:
        # Absolute, because the catalog keeps it for processes that run in other folders.
        return str(Path(_expand_user(text)).absolute())
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[^?#@]*)?", text):
        # The message does not quote the value, because it may hold a key.
        raise SettingsError(
            "CLEARGRID_LAKE_DATA has an unusable value: it takes a folder, or s3://bucket/prefix/ without credentials. "
            "Set those in AWS's own variables, such as AWS_ACCESS_KEY_ID."
        )
    return text


def _lender(lender: SecretStr | None) -> SecretStr | None:
    # The public id is a UUID.
    if lender is not None and re.search(
        r"[\s/@:]|^[0-9a-f]{8}-([0-9a-f]{4}-){3}", lender.get_secret_value(), re.IGNORECASE
    ):
        raise ValueError
    return lender


def _email(email: SecretStr | None) -> SecretStr | None:
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+", email.get_secret_value()):
        raise ValueError
    return email


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
    # The port is None, or raises an error if it is none.
    is_address = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    if not is_address or re.search(r"\s", text):
        raise ValueError(text)
    return text


def _ui_url(text: str) -> str:
    # Not in its host alone, because a broken address may have none.
    if "@" in text:
        # The message does not quote the value, because it has a password.
        raise SettingsError("CLEARGRID_UI_URL has a user or password, but alerts show it. Leave them out.")
    if re.search("[?#]", text):
        raise SettingsError("CLEARGRID_UI_URL has a part after `?` or `#`, but links are made from it. Leave it out.")
    return _web_address(text).rstrip("/")


def _secret_web_address(url: SecretStr) -> SecretStr:
    _web_address(url.get_secret_value())
    return url


Secret = SecretStr | None

Switch = Annotated[Literal["on", "off"], BeforeValidator(str.lower), Takes("`on` or `off`")]
Day = Annotated[date, PlainValidator(_day), Takes(f"a date from {_FIRST_YEAR} to {_LAST_YEAR}, such as 2026-01-01")]
Zone = Annotated[ZoneInfo, PlainValidator(_zone), Takes("an IANA time zone such as Asia/Dubai")]
DueTime = Annotated[
    time, PlainValidator(_time_of_day), Takes(f"a time after the daily run's {DAILY_RUN_AT:%H:%M}, such as 06:00")
]
Database = Annotated[str, AfterValidator(_database), Takes("the path of a file, `ducklake:postgres:`, or md:NAME")]
LakeData = Annotated[
    str | None, AfterValidator(lambda text: text and _lake_data(text)), Takes("a folder, or s3://bucket/prefix/")
]
OptionalPath = Annotated[str | None, AfterValidator(lambda text: text and _path(text)), Takes("a path")]
Region = Annotated[str | None, PlainValidator(_region), Takes("an ISO country code such as SA")]
RequestRate = Annotated[float | None, Field(gt=0, allow_inf_nan=False), Takes("a number above 0")]
Share = Annotated[float, Field(ge=0, le=1), Takes("a number from 0 to 1")]
KeepDays = Annotated[
    int | None, Field(ge=_FEWEST_KEPT_DAYS, le=36500), Takes(f"a whole number from {_FEWEST_KEPT_DAYS} to 36500")
]
Lender = Annotated[Secret, AfterValidator(_lender), Takes("the lender's subdomain, not its public id")]
Email = Annotated[Secret, AfterValidator(_email), Takes("an e-mail address")]
LongSecret = Annotated[
    Secret, AfterValidator(_long_enough), Takes(f"a secret of at least {_MIN_KEY_LENGTH} characters")
]
AlertUrls = Annotated[Secret, AfterValidator(_alerts), Takes("Apprise URLs, separated by spaces or commas")]
UiUrl = Annotated[str | None, AfterValidator(_ui_url), Takes("an http or https address")]
SecretUrl = Annotated[Secret, AfterValidator(_secret_web_address), Takes("an http or https address")]
