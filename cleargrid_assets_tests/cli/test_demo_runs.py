"""What a demo says of its runs."""

import sys
from datetime import date, datetime, timezone
from typing import Any

import click
import dagster as dg
import dagster_graphql
import pytest
from click.testing import CliRunner

from cleargrid_assets.cli import demo_runs
from cleargrid_assets.cli.demo_runs import DemoRuns
from cleargrid_assets.contracts import TABLES
from cleargrid_assets.warehouse.ledger import LedgerEntry


@dg.op
def refuse() -> None:
    raise dg.Failure("The day was not stored. Look at the source.")


@dg.op
def break_down() -> None:
    raise ValueError("no such thing")


@dg.op
def succeed() -> None: ...


@dg.job
def succeeding() -> None:
    succeed()


@dg.job
def refusing() -> None:
    refuse()


@dg.job
def breaking() -> None:
    break_down()


def _said(job: dg.JobDefinition | None, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the demo says when the code location runs this job instead; None deletes the run."""

    class Client:
        """Launches at once what the web server would launch."""

        def __init__(self, *_: Any, **__: Any) -> None: ...

        def submit_job_execution(self, *_: Any, **__: Any) -> str:
            if job:
                return job.execute_in_process(instance=instance, raise_on_error=False).run_id
            return "a deleted run"

    monkeypatch.setattr(dagster_graphql, "DagsterGraphQLClient", Client)
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(click.ClickException) as caught:
        DemoRuns(["2026-05-18", "2026-05-19"], 10, instance).launch(port=0)
    return caught.value.message


def test_failed_run_is_told_with_its_days_and_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = "The run of 2026-05-18 to 2026-05-19 failed. "
    assert _said(refusing, monkeypatch) == f"{failed}The day was not stored. Look at the source."
    assert "ValueError: no such thing" in _said(breaking, monkeypatch)
    assert _said(None, monkeypatch) == f"{failed}It has ended before its first step."


@pytest.mark.parametrize("is_terminal", [True, False])
def test_rows_of_each_table_are_printed_on_a_terminal_too(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def materialize() -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
        with demo_runs._shown_progress(days=2) as shown:
            for table in TABLES:
                for rows in (1000, 234):
                    shown.stored(table.name, rows)

    printed = CliRunner().invoke(materialize).output
    for table in TABLES:
        assert f"  {table.name:<20}       1,234 rows\n" in printed
    assert ("0%  fetching 2 days" in printed) == ("100%" in printed) == is_terminal


@pytest.mark.parametrize(
    ("job", "tags", "are_stored"),
    [
        (succeeding, {demo_runs._ROWS_PER_DAY: "10"}, True),
        (succeeding, {demo_runs._ROWS_PER_DAY: "20"}, False),
        (succeeding, {}, True),  # materialized in the UI
        (refusing, {demo_runs._ROWS_PER_DAY: "10"}, False),
        (None, {}, False),  # interrupted, and forgotten
    ],
)
def test_days_are_stored_by_whole_runs_with_the_same_rows_alone(
    job: dg.JobDefinition | None, tags: dict[str, str], are_stored: bool
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        whole = {demo_runs._ROWS_PER_DAY: "10"}
        run_ids = [succeeding.execute_in_process(instance=instance, tags=whole).run_id, "a deleted run"]
        if job:
            run_ids[1] = job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).run_id
        now = datetime(2026, 5, 20, tzinfo=timezone.utc)
        days = [date(2026, 5, 18), date(2026, 5, 19)]
        ledger = {
            day: LedgerEntry("communication_logs", day, 1, "", now, now, run_id, None)
            for day, run_id in zip(days, run_ids, strict=True)
        }
        runs = DemoRuns(["2026-05-18", "2026-05-19"], 10, instance)
        assert runs.have_stored(ledger) == are_stored
        assert not DemoRuns(["2026-05-19", "2026-05-20"], 10, instance).have_stored(ledger)
