"""The real project as its tests drive it: its definitions, an invented API, a database file and an instance."""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dagster as dg
import duckdb

from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.contracts import COMMUNICATION_LOGS, TABLES, Table
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.partitions import RANGE_END, RANGE_START
from cleargrid_assets.sandbox import RunningSandbox, SandboxSettings, rows_of_day

WEEK = (date(2026, 1, 1), date(2026, 1, 7))
"""The first days of the history: no day before them can be asked for."""

LONG_AFTER = datetime(2026, 1, 20, tzinfo=timezone.utc)
"""By then, no day of the week changes any more."""

PARTITION = "dagster/partition"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Run configuration: failures are part of many tests, and need not be printed."""

_PICTURE = "cleargrid_assets.pictures.presentation.Presentation.picture"


def settled_settings(**changed: Any) -> SandboxSettings:
    """Of a small sandbox whose clock stands still."""
    return replace(SandboxSettings(rows_per_day=120, clock=lambda: LONG_AFTER), **changed)


def days_between(first: date, last: date) -> list[date]:
    """Both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


@cache
def _definitions(_environment: tuple[tuple[str, str], ...]) -> dg.Definitions:
    """Of the environment that is entered; what they resolve to is kept with them."""
    return build_defs()


@dataclass(frozen=True)
class Run:
    """A run that has ended, as the UI would show it."""

    result: dg.ExecuteInProcessResult

    @property
    def success(self) -> bool:
        return self.result.success

    @property
    def failure(self) -> str:
        """What the failed steps say, causes included."""
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
        """Table and day of every materialization."""
        return {
            (event.asset_key.path[-1], str(event.partition))
            for event in self.result.get_asset_materialization_events()
            if event.asset_key
        }

    def metadata(self, table: Table, day: date) -> dict[str, Any]:
        """What the day's materialization says, as plain values."""
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
        sandbox: Its API.
        database: The DuckDB file.
        environment: The variables that its runs see.
        instance: Dagster's.
    """

    sandbox: RunningSandbox
    database: Path
    environment: Mapping[str, str]
    instance: dg.DagsterInstance

    @classmethod
    def pointed_at(cls, sandbox: RunningSandbox, folder: Path) -> "Project":
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
        """With a copy of the tables, and of what the materializations of the log said."""
        database = folder / self.database.name
        shutil.copy(self.database, database)
        instance = dg.DagsterInstance.ephemeral()
        for record in self.instance.fetch_materializations(asset_key(COMMUNICATION_LOGS), limit=100).records:
            assert record.asset_materialization
            instance.report_runless_asset_event(record.asset_materialization)
        return replace(self, database=database, instance=instance).given(CLEARGRID_DUCKDB=str(database))

    def given(self, **variables: str) -> "Project":
        """With some variables changed; an empty one counts as unset."""
        return replace(self, environment={**self.environment, **variables})

    @contextmanager
    def entered(self) -> Iterator[dg.Definitions]:
        """The definitions, while the environment is the project's."""
        with patch.dict(os.environ, self.environment):
            yield _definitions(tuple(sorted(self.environment.items())))

    def materialize(
        self,
        first: date,
        last: date | None = None,
        *,
        only: Iterable[Table] = TABLES,
        checked: bool = True,
        drawn: bool = False,
    ) -> Run:
        """One run over the days, as the UI's Materialize button starts it.

        Args:
            first: The first day.
            last: The last day; the first by default.
            only: The tables.
            checked: Whether the checks of the tables run too.
            drawn: Whether pictures are drawn, which takes longer than all else together.
        """
        tags = (
            {PARTITION: first.isoformat()}
            if last in {None, first}
            else {RANGE_START: first.isoformat(), RANGE_END: str(last)}
        )
        return self._run(
            lambda job: job.get_subset(
                asset_selection={asset_key(table) for table in only}, asset_check_selection=None if checked else set()
            ),
            tags,
            drawn=drawn,
        )

    def run_checks(self, names: Iterable[str], table: Table = COMMUNICATION_LOGS, day: date | None = None) -> Run:
        """Checks alone: of a day, or as the UI's Execute button starts them."""
        return self._run(
            lambda job: job.get_subset(
                asset_selection=set(),
                asset_check_selection={dg.AssetCheckKey(asset_key(table), name) for name in names},
            ),
            {PARTITION: day.isoformat()} if day else {},
        )

    def check(self, name: str, table: Table = COMMUNICATION_LOGS, day: date | None = None) -> dg.AssetCheckEvaluation:
        """One check, alone."""
        return self.run_checks([name], table, day).check(name, table)

    def run_job(self, name: str, tags: Mapping[str, str]) -> Run:
        """One of the project's jobs, with the tags of a run request."""
        return self._run(lambda _: None, tags, name=name)

    def _run(
        self,
        chosen: Callable[[dg.JobDefinition], dg.JobDefinition | None],
        tags: Mapping[str, str],
        *,
        name: str = "",
        drawn: bool = False,
    ) -> Run:
        with ExitStack() as stack:
            defs = stack.enter_context(self.entered())
            job = chosen(defs.resolve_implicit_global_asset_job_def()) or defs.resolve_job_def(name)
            if not drawn:
                stack.enter_context(patch(_PICTURE, return_value=""))
            result = job.execute_in_process(
                instance=self.instance,
                tags=dict(tags),
                run_config=QUIET,
                raise_on_error=False,
            )
        return Run(result)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """The answer of a query over the database, in UTC."""
        with duckdb.connect(str(self.database)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(sql).fetchall()

    def rows(self, table: Table) -> list[tuple[Any, ...]]:
        """All rows of a table, in the order of its columns."""
        columns = ", ".join(f'"{name}"' for name in table.column_names)
        return self.ask(f"SELECT {columns} FROM log.cleargrid.{table.name} ORDER BY ALL")

    def source_rows(self, day: date) -> list[dict[str, Any]]:
        """What the API holds for a day now."""
        return rows_of_day(self.sandbox.settings, day, self.sandbox.settings.clock())

    @property
    def spools(self) -> list[Path]:
        """What is left of fetching."""
        return sorted(self.database.with_name(f"{self.database.name}.spool").rglob("*.ndjson"))
