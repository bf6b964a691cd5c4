"""The runs of the demo, launched as the UI launches them, so that it shows them as runs of their job."""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import click
import dagster as dg

from cleargrid_assets.catch_up.runs import DAILY_JOB, IN_PROGRESS
from cleargrid_assets.cli.demo_server import CODE_LOCATION
from cleargrid_assets.contracts import TABLES
from cleargrid_assets.partitions import PARTITION, RANGE_END, RANGE_START
from cleargrid_assets.warehouse.ledger import LedgerEntry
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import counted

_ROWS_PER_DAY = "cleargrid/demo_rows_per_day"
"""Tag of a run: with the days, it says which data the run has stored."""

_DAYS_PER_RUN = 30
_POLL_S = 0.3
_EVENTS_AT_A_TIME = 100


@dataclass(frozen=True)
class DemoRuns:
    """The runs that store some consecutive days.

    Attributes:
        days: The partition keys.
        rows_per_day: What the sandbox was told.
        instance: The history that the UI shows.
    """

    days: Sequence[str]
    rows_per_day: int
    instance: dg.DagsterInstance

    def have_stored(self, ledger: Mapping[date, LedgerEntry]) -> bool:
        """Whether the days are stored by runs that succeeded, and none of them by a demo with other rows.

        Args:
            ledger: What is stored of the log.
        """
        entries = [ledger.get(date.fromisoformat(day)) for day in self.days]
        return all(entries) and all(map(self._is_whole, {entry.run_id for entry in entries if entry}))

    def _is_whole(self, run_id: str | None) -> bool:
        run = self.instance.get_run_by_id(run_id) if run_id else None
        rows = str(self.rows_per_day)
        # What somebody materialized in the UI has no such tag.
        return run is not None and run.is_success and run.tags.get(_ROWS_PER_DAY, rows) == rows

    def forget_interrupted(self) -> None:
        """Deletes the runs that ended with their demo. Dagster would wait for them before it starts others."""
        for record in self.instance.get_run_records(dg.RunsFilter(statuses=IN_PROGRESS)):
            self.instance.delete_run(record.dagster_run.run_id)

    def launch(self, port: int) -> None:
        """Runs one after another, and shows their progress.

        Args:
            port: The port of the web server.

        Raises:
            click.ClickException: A run has failed.
        """
        # Imported here, because a demo that has its days needs no client.
        from dagster_graphql import DagsterGraphQLClient  # noqa: PLC0415

        client = DagsterGraphQLClient("127.0.0.1", port_number=port)
        with _shown_progress(len(self.days)) as shown:
            for days in self._of_runs:
                run_id = client.submit_job_execution(
                    DAILY_JOB, repository_location_name=CODE_LOCATION, tags=self._tags(days)
                )
                self._follow(run_id, days, shown)
        # In earlier runs the check for missing days fails, because later days are not there yet.
        click.echo(f"\n{self._checks(run_id)}")

    @property
    def _of_runs(self) -> list[Sequence[str]]:
        return [self.days[start : start + _DAYS_PER_RUN] for start in range(0, len(self.days), _DAYS_PER_RUN)]

    def _tags(self, days: Sequence[str]) -> dict[str, str]:
        which = {PARTITION: days[0]} if len(days) == 1 else {RANGE_START: days[0], RANGE_END: days[-1]}
        return {**which, _ROWS_PER_DAY: str(self.rows_per_day)}

    def _follow(self, run_id: str, days: Sequence[str], shown: "_Shown") -> None:
        materialized = _Materialized(self.instance, run_id)
        while True:
            run = self.instance.get_run_by_id(run_id)
            for table, rows in materialized.more():
                shown.stored(table, rows)
            if run is None or run.is_finished:
                break
            time.sleep(_POLL_S)
        if run is None or not run.is_success:
            raise click.ClickException(f"The run of {days[0]} to {days[-1]} failed. {self._failure(run_id)}")

    def _failure(self, run_id: str) -> str:
        for entry in self.instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
            if entry.dagster_event:
                data = entry.dagster_event.step_failure_data
                said = data.user_failure_data and data.user_failure_data.description
                error = data.error
                while error and error.cause:  # The first error only says which step failed.
                    error = error.cause
                return said or (error.message.strip() if error else "")
        return "It has ended before its first step."

    def _checks(self, run_id: str) -> str:
        entries = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        checks = [entry.dagster_event.asset_check_evaluation_data for entry in entries if entry.dagster_event]
        failed = sorted({check.check_name for check in checks if not check.passed})
        outcome = f"failed: {', '.join(failed)}." if failed else "all passed."
        return f"{counted(len(checks), 'check')} ran; {outcome}"


@dataclass
class _Materialized:
    """The materializations of a run, each once."""

    instance: dg.DagsterInstance
    run_id: str
    cursors: dict[str, str | None] = field(default_factory=dict)
    started: float = field(default_factory=time.time)

    def more(self) -> Iterator[tuple[str, int]]:
        """Table and rows of each materialization since the last call."""
        for table in TABLES:
            which = dg.AssetRecordsFilter(asset_key(table), after_timestamp=self.started)
            found = self.instance.fetch_materializations(
                which, limit=_EVENTS_AT_A_TIME, cursor=self.cursors.get(table.name), ascending=True
            )
            self.cursors[table.name] = found.cursor
            for record in found.records:
                if record.run_id == self.run_id and record.asset_materialization:
                    rows = record.asset_materialization.metadata["rows"].value
                    yield table.name, rows if isinstance(rows, int) else 0


class _Shown(Protocol):
    def stored(self, table: str, rows: int) -> None: ...


@contextmanager
def _shown_progress(days: int) -> Iterator[_Shown]:
    """A line for each table that is complete. On a terminal, a bar, and the lines at its end."""
    lines = _Lines(days)
    if not sys.stdout.isatty():
        yield lines
        return
    stored: list[tuple[str, int]] = []
    # Without the remaining time, because tables take different times.
    with click.progressbar(
        length=days * len(TABLES),
        label="  ",
        show_eta=False,
        item_show_func=lambda table: table or f"fetching {counted(min(days, _DAYS_PER_RUN), 'day')}",
    ) as bar:

        class Bar:
            def stored(self, table: str, rows: int) -> None:
                stored.append((table, rows))
                bar.update(1, table)

        yield Bar()
    for table, rows in stored:
        lines.stored(table, rows)


@dataclass
class _Lines:
    days: int
    seen: "Counter[str]" = field(default_factory=Counter)
    rows: "Counter[str]" = field(default_factory=Counter)

    def stored(self, table: str, rows: int) -> None:
        self.seen[table] += 1
        self.rows[table] += rows
        if self.seen[table] == self.days:
            click.echo(f"  {table:<20} {self.rows[table]:>11,} rows")
