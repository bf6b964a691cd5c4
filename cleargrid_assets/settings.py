"""The environment variables. Each field of `Settings` declares one.

Errors, `docs/configuration.md` and `.env.example` are made from these declarations.
"""

import os
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cleargrid_assets.setting_types import (
    AFTER_EDITING,
    AlertUrls,
    Database,
    Day,
    DueTime,
    Email,
    KeepDays,
    LakeData,
    Lender,
    LongSecret,
    OptionalPath,
    Problem,
    Region,
    RequestRate,
    Secret,
    SecretUrl,
    SettingsError,
    Share,
    Switch,
    Takes,
    UiUrl,
    Zone,
    plain_text,
)
from cleargrid_assets.variables import Variable, described

_LONGEST_WINDOW = 7
"""Days that a figure of one day is computed from, the day itself included."""


@dataclass(frozen=True)
class Credentials:
    """The credentials of the login."""

    lender: SecretStr
    email: SecretStr
    password: SecretStr


class Settings(BaseModel):
    """All variables, parsed."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    base_url: Annotated[str, Takes("an https address")] = Field(
        "https://v3-api.cleargrid.ai",
        alias="CLEARGRID_BASE_URL",
        description="Root of the API. Plain http is refused, except on loopback.",
    )
    lender: Lender = Field(
        None, alias="CLEARGRID_LENDER", description="The lender's subdomain at ClearGrid, not its public id."
    )
    email: Email = Field(None, alias="CLEARGRID_EMAIL", description="E-mail address of the API login.")
    password: Annotated[Secret, Takes("a password")] = Field(
        None, alias="CLEARGRID_PASSWORD", description="Password of the API login."
    )
    database: Database = Field(
        "data/warehouse.duckdb",
        alias="CLEARGRID_DUCKDB",
        description="The DuckDB file; or `ducklake:postgres:`, optionally `ducklake:postgres:service=NAME`, for a lake "
        "whose catalog is in Postgres; or `md:NAME` for MotherDuck. The UI shows it: it must not contain a secret.",
    )
    start_date: Day = Field(date(2026, 1, 1), alias="CLEARGRID_START_DATE", description="The first day to fetch.")
    timezone: Zone = Field(
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
    max_requests_per_second: RequestRate = Field(
        None,
        alias="CLEARGRID_MAX_REQUESTS_PER_SECOND",
        description="Max requests per second of one run. Not set means no limit.",
    )
    resync_days: Annotated[int, Field(ge=1, le=60), Takes("a whole number from 1 to 60")] = Field(
        3,
        alias="CLEARGRID_RESYNC_DAYS",
        description="Number of closed days that are fetched again every day, for late and edited rows.",
    )
    fresh_by: DueTime = Field(
        time(6),
        alias="CLEARGRID_FRESH_BY",
        description="Time in the business zone by which the last closed day is due.",
    )
    outcomes: OptionalPath = Field(
        None,
        alias="CLEARGRID_OUTCOMES",
        description="A TOML file with the meaning of statuses and communication types. "
        "Its entries replace those of the packaged file.",
    )
    quarantine: Switch = Field(
        "off",
        alias="CLEARGRID_QUARANTINE",
        description="`on`: rows that break the contract go to the table `quarantined_rows` instead of failing their "
        "day, up to ten rows or 1% of the day, whichever is more.",
    )
    max_shrink: Share = Field(
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
    region: Region = Field(
        None,
        alias="CLEARGRID_REGION",
        description="Country of telephone numbers without a country code, so that their spellings are one contact. "
        "Not set: such numbers stay as they are. After a change, materialize `interactions` again. "
        "With CLEARGRID_PSEUDONYM_KEY, a change needs a new database.",
    )
    pseudonym_key: LongSecret = Field(
        None,
        alias="CLEARGRID_PSEUDONYM_KEY",
        description="If set, addresses are stored as pseudonyms made with this key, and subjects are not stored. "
        "Decide before the first run, and never lose it: a database takes only days of one key.",
    )
    alerts: AlertUrls = Field(
        None,
        alias="CLEARGRID_ALERTS",
        description="Where failed runs and checks are told: [Apprise](https://github.com/caronc/apprise/wiki) URLs of "
        "chats, mailboxes or webhooks. Needs the extra `alerts`.",
    )
    ui_url: UiUrl = Field(
        None,
        alias="CLEARGRID_UI_URL",
        description="Root of the Dagster UI, for the links in alerts, such as `https://dagster.example.com`.",
    )
    heartbeat_url: SecretUrl = Field(
        None,
        alias="CLEARGRID_HEARTBEAT_URL",
        description="Requested after each freshness run in which no `ERROR` check fails, so that a service outside "
        "notices when the machine is down.",
    )
    digest: Switch = Field(
        "off",
        alias="CLEARGRID_DIGEST",
        description="`on`: each morning's digest is sent to the addresses of `CLEARGRID_ALERTS`. The page is made in "
        "any case.",
    )
    keep_days: KeepDays = Field(
        None,
        alias="CLEARGRID_KEEP_DAYS",
        description="Days older than this are dropped from every table after each daily run, and are not fetched "
        "again. Not set: all days are kept. At least 49, because a day is compared with the six weeks before it.",
    )

    days_per_run: Annotated[int, Field(ge=1, le=366), Takes("a whole number from 1 to 366")] = Field(
        10,
        alias="CLEARGRID_DAYS_PER_RUN",
        description="Max days in one run of a backfill or of the catch-up. A bad day fails its whole run. Fewer days "
        "keep more workers busy.",
    )
    spool: OptionalPath = Field(
        None,
        alias="CLEARGRID_SPOOL",
        description="Folder of the pages that are being fetched. Not set: beside the database file. On a disk that "
        "several machines share, each of them continues what another one began. Give each lender its own folder.",
    )

    lake_data: LakeData = Field(
        None,
        alias="CLEARGRID_LAKE_DATA",
        description="Where the rows of a lake are: a folder that all machines see, or a prefix of a bucket. Needed for "
        "a lake, and fixed once it is created. No other lake may have files in it.",
    )
    lake_keep_days: Annotated[int, Field(ge=0, le=3650), Takes("a whole number from 0 to 3650")] = Field(
        7,
        alias="CLEARGRID_LAKE_KEEP_DAYS",
        description="Days for which old versions of a lake's rows can be read. Their files stay up to four days more. "
        "Until then, rows that the source removed are there.",
    )

    @field_validator("*", mode="before")
    @classmethod
    def _is_plain_text(cls, text: str, info: ValidationInfo) -> str:
        return plain_text(str(cls.model_fields[str(info.field_name)].alias), text)

    @model_validator(mode="after")
    def _lake_has_data(self) -> "Settings":
        if self.database.startswith("ducklake:") and self.lake_data is None:
            raise SettingsError(
                "CLEARGRID_LAKE_DATA is not set, but CLEARGRID_DUCKDB is a lake. It takes a folder that all machines "
                "see, or s3://bucket/prefix/."
            )
        return self

    @model_validator(mode="after")
    def _recent_days_keep_their_windows(self) -> "Settings":
        if self.keep_days is not None and self.resync_days > self.keep_days - _LONGEST_WINDOW:
            raise SettingsError(
                f"CLEARGRID_RESYNC_DAYS is {self.resync_days}, but takes at most {self.keep_days - _LONGEST_WINDOW} if "
                f"CLEARGRID_KEEP_DAYS is {self.keep_days}, so that the days before those that it fetches are there."
            )
        return self

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
            secrets = {given[variable.name] for variable in variables() if variable.secret and variable.name in given}
            problems = [_problem(each, secrets) for each in error.errors(include_url=False)]
        # Not in the `except` block, so that tracebacks do not show pydantic's error.
        raise SettingsError("\n".join(problem.sentence for problem in problems), problems)

    def credentials(self) -> Credentials:
        """The three credentials.

        Raises:
            SettingsError: Credentials are missing. The message names all of them.
        """
        if self.lender and self.email and self.password:
            return Credentials(self.lender, self.email, self.password)
        missing = self.missing_credentials()
        is_one = len(missing) == 1
        raise SettingsError(
            f"{' and '.join(missing)} {'is' if is_one else 'are'} not set. Set {'it' if is_one else 'them'} in the "
            f"environment or in `.env`. `cleargrid init` asks for them. {AFTER_EDITING}"
        )

    def missing_credentials(self) -> list[str]:
        """The names of the credentials that are not set."""
        given = {"CLEARGRID_LENDER": self.lender, "CLEARGRID_EMAIL": self.email, "CLEARGRID_PASSWORD": self.password}
        return [name for name, value in given.items() if not value]


def variables() -> list[Variable]:
    """All variables, in the order of the documentation."""
    return [described(field) for field in Settings.model_fields.values()]


def variable_of(name: str) -> Variable:
    """The variable with a name."""
    [found] = [variable for variable in variables() if variable.name == name]
    return found


def _problem(error: Any, secrets: Container[str]) -> Problem:
    """What is wrong with one variable."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, SettingsError):
        return Problem(str(cause))
    [name, *_] = error["loc"]
    variable, text = variable_of(name), error["input"]
    if text in secrets or variable.hides(text):
        return Problem(f"{name} has an unusable value: it takes {variable.takes}.")
    return Problem(f"{name} is {text!r}, but takes {variable.takes}.", text)
