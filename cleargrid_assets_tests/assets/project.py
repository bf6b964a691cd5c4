"""The whole project under test: its definitions, a sandbox, a database file and a Dagster instance."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import dagster as dg
import duckdb

from cleargrid_assets.contracts import COMMUNICATION_LOG_FIELDS, COMMUNICATION_LOGS, DAYS, TABLES
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.partitions import PARTITION, RANGE_END, RANGE_START
from cleargrid_assets.sandbox import RunningSandbox, SandboxSettings, rows_of_day
from cleargrid_assets.schema import EXTRACTED_AT, Table
from cleargrid_assets.warehouse.table_metadata import asset_key

WEEK = (date(2026, 1, 1), date(2026, 1, 7))
"""The first days of the history: no partition is before them."""

LONG_AFTER = datetime(2026, 1, 20, tzinfo=timezone.utc)
"""At this instant no day of the week changes any more."""

SECRETS = {"lender": "hush-lender", "email": "hush@lender.example", "password": "hush-password"}
"""Credentials that are easy to find wherever they show."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Run configuration without console output, because many tests cause failures."""

PICTURE = "cleargrid_assets.pictures.presentation.Presentation.picture"


def settled_settings(**changed: Any) -> SandboxSettings:
    """Settings of a small sandbox whose clock stands still."""
    return replace(SandboxSettings(rows_per_day=120, clock=lambda: LONG_AFTER), **changed)


def days_between(first: date, last: date) -> list[date]:
    """All days from the first to the last, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def as_stored(row: dict[str, Any], day: date) -> tuple[Any, ...]:
    """A row of the API as the table holds it, but for the last column."""
    values = [
        datetime.fromisoformat(row[column.name].replace("Z", "+00:00"))
        if column.type == "TIMESTAMPTZ"
        else row[column.name]
        for column in COMMUNICATION_LOG_FIELDS
    ]
    return (*values, day)


def without_extraction(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows of the log without the last column, which says when their day began to be fetched."""
    assert COMMUNICATION_LOGS.column_names[-1] == EXTRACTED_AT
    return [row[:-1] for row in rows]


@cache
def _definitions(build: Callable[[], dg.Definitions], _environment: tuple[tuple[str, str], ...]) -> dg.Definitions:
    """The definitions of an environment, built once, because resolving them takes long."""
    return build()


@dataclass(frozen=True)
class Run:
    """A run that has ended."""

    result: dg.ExecuteInProcessResult

    @property
    def success(self) -> bool:
        return self.result.success

    @property
    def failure(self) -> str:
        """The errors of the failed steps, with their causes."""
        errors = [event.step_failure_data.error for event in self.result.all_events if event.is_step_failure]
        return "\n".join(error.to_string() for error in errors if error)

    @property
    def failures(self) -> list[str]:
        """The descriptions of the failures, as the UI shows them first."""
        datas = [event.step_failure_data for event in self.result.all_events if event.is_step_failure]
        return [str(data.user_failure_data.description) for data in datas if data.user_failure_data]

    @property
    def failing(self) -> set[str]:
        """The names of the checks that ran and did not pass."""
        evaluations = self.result.get_asset_check_evaluations()
        assert evaluations, self.failure
        return {evaluation.check_name for evaluation in evaluations if not evaluation.passed}

    def materialized(self) -> set[tuple[str, str]]:
        """The table and the day of every materialization."""
        return {
            (event.asset_key.path[-1], str(event.partition))
            for event in self.result.get_asset_materialization_events()
            if event.asset_key
        }

    def metadata(self, table: Table, day: date) -> dict[str, Any]:
        """The metadata of the day's materialization, as plain values."""
        return {name: value.value for name, value in self.entries(table, day).items()}

    def entries(self, table: Table, day: date) -> Mapping[str, dg.MetadataValue[Any]]:
        [found] = [
            event.materialization
            for event in self.result.get_asset_materialization_events()
            if event.asset_key == asset_key(table) and event.partition == day.isoformat()
        ]
        return found.metadata

    def check(self, name: str, table: Table = COMMUNICATION_LOGS) -> dg.AssetCheckEvaluation:
        assert self.result.get_asset_check_evaluations(), self.failure
        [found] = [
            evaluation
            for evaluation in self.result.get_asset_check_evaluations()
            if (evaluation.asset_key, evaluation.check_name) == (asset_key(table), name)
        ]
        return found


@dataclass(frozen=True)
class Project:
    """Definitions, environment and history of one lender.

    Attributes:
        sandbox: The API.
        database: The DuckDB file.
        environment: The variables that the runs see.
        instance: The Dagster instance with the history.
        build: Makes the definitions.
    """

    sandbox: RunningSandbox
    database: Path
    environment: Mapping[str, str]
    instance: dg.DagsterInstance
    build: Callable[[], dg.Definitions] = build_defs

    @classmethod
    def pointed_at(cls, sandbox: RunningSandbox, folder: Path) -> "Project":
        """A project with an empty history whose database is in the folder."""
        database = folder / "log.duckdb"
        environment = {
            "CLEARGRID_BASE_URL": sandbox.url,
            "CLEARGRID_LENDER": sandbox.settings.lender,
            "CLEARGRID_EMAIL": sandbox.settings.email,
            "CLEARGRID_PASSWORD": sandbox.settings.password,
            "CLEARGRID_DUCKDB": str(database),
        }
        return cls(sandbox, database, environment, dg.DagsterInstance.ephemeral())

    def copied_to(self, folder: Path) -> "Project":
        """The same project with copies of the tables and of the log's materializations."""
        database = folder / self.database.name
        shutil.copy(self.database, database)
        instance = dg.DagsterInstance.ephemeral()
        for record in self.instance.fetch_materializations(asset_key(COMMUNICATION_LOGS), limit=100).records:
            assert record.asset_materialization
            instance.report_runless_asset_event(record.asset_materialization)
        return replace(self, database=database, instance=instance).given(CLEARGRID_DUCKDB=str(database))

    def given(self, **variables: str) -> "Project":
        """The same project with some variables changed; an empty one counts as unset."""
        return replace(self, environment={**self.environment, **variables})

    @contextmanager
    def entered(self) -> Iterator[dg.Definitions]:
        """Sets the environment, and gives the definitions."""
        with patch.dict(os.environ, self.environment):
            yield _definitions(self.build, tuple(sorted(self.environment.items())))

    def materialize(
        self,
        first: date,
        last: date | None = None,
        *,
        only: Iterable[Table] = TABLES,
        checked: bool = True,
        drawn: bool = False,
        config: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> Run:
        """One run of the days, as the UI's Materialize button starts it.

        Args:
            first: The first day.
            last: The last day; the first by default.
            only: The tables.
            checked: Whether the checks of the tables run too.
            drawn: Whether pictures are drawn, which takes longer than the rest of the run.
            config: Run config besides that of the loggers.
            tags: Tags besides those of the days.
        """
        days = (
            {PARTITION: first.isoformat()}
            if last in {None, first}
            else {RANGE_START: first.isoformat(), RANGE_END: str(last)}
        )
        return self._run(
            lambda job: job.get_subset(
                asset_selection={asset_key(table) for table in only}, asset_check_selection=None if checked else set()
            ),
            {**days, **tags},
            drawn=drawn,
            config=config,
        )

    def run_checks(self, names: Iterable[str], table: Table = COMMUNICATION_LOGS, day: date | None = None) -> Run:
        """Runs checks alone: for a day, or without one, as the UI's Execute button does."""
        return self._run(
            lambda job: job.get_subset(
                asset_selection=set(),
                asset_check_selection={dg.AssetCheckKey(asset_key(table), name) for name in names},
            ),
            {PARTITION: day.isoformat()} if day else {},
        )

    def check(self, name: str, table: Table = COMMUNICATION_LOGS, day: date | None = None) -> dg.AssetCheckEvaluation:
        """Runs one check alone."""
        return self.run_checks([name], table, day).check(name, table)

    def run_job(self, name: str, tags: Mapping[str, str]) -> Run:
        """Runs one of the project's jobs with the tags of a run request."""
        return self._run(lambda _: None, tags, name=name)

    def _run(
        self,
        chosen: Callable[[dg.JobDefinition], dg.JobDefinition | None],
        tags: Mapping[str, str],
        *,
        name: str = "",
        drawn: bool = False,
        config: Mapping[str, Any] | None = None,
    ) -> Run:
        with ExitStack() as stack:
            defs = stack.enter_context(self.entered())
            job = chosen(defs.resolve_implicit_global_asset_job_def()) or defs.resolve_job_def(name)
            if not drawn:
                stack.enter_context(patch(PICTURE, return_value=""))
            result = job.execute_in_process(
                instance=self.instance,
                tags=dict(tags),
                run_config={**QUIET, **(config or {})},
                raise_on_error=False,
            )
        return Run(result)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The result of a query, with instants in UTC."""
        with duckdb.connect(str(self.database)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(sql).fetchall()

    def forget(self, first: date, last: date | None = None) -> None:
        """Removes days from the ledger and from all tables, as if they had not been stored."""
        days = f"communicated_date BETWEEN '{first}' AND '{last or first}'"
        for table in (*TABLES, DAYS):
            self.ask(f"DELETE FROM log.cleargrid.{table.name} WHERE {days}")

    def rows(self, table: Table) -> list[tuple[Any, ...]]:
        """All rows of a table, in the order of its columns."""
        columns = ", ".join(f'"{name}"' for name in table.column_names)
        return self.ask(f"SELECT {columns} FROM log.cleargrid.{table.name} ORDER BY ALL")

    def source_rows(self, day: date) -> list[dict[str, Any]]:
        """The communication logs that the API holds for a day now."""
        return rows_of_day(self.sandbox.settings, day, self.sandbox.settings.clock())

    @property
    def spools(self) -> list[Path]:
        """The spool files that are left."""
        return sorted(self.database.with_name(f"{self.database.name}.spool").rglob("*.ndjson"))
