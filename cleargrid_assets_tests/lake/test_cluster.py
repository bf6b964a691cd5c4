"""A cluster from end to end: a backfill through the loss of a machine."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from cleargrid_assets.contracts import ATTEMPT_FUNNEL, COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets.partitions import RANGE_START
from cleargrid_assets.sandbox import RunningSandbox, rows_of_day, running_sandbox
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets_tests.assets.project import as_stored, days_between, settled_settings
from cleargrid_assets_tests.lake import servers
from cleargrid_assets_tests.lake.cluster import Cluster, running_cluster

pytestmark = pytest.mark.lake

DAYS = days_between(date(2026, 1, 1), date(2026, 1, 30))
TABLES = (COMMUNICATION_LOGS, INTERACTIONS, ATTEMPT_FUNNEL)
RECOVERY_S = 120
"""The loss of a machine is to be noticed, and its runs to be launched again, within two minutes."""

_RUNS = """
query ($backfill: String!) {
  partitionBackfillOrError(backfillId: $backfill) { ... on PartitionBackfill { status } }
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $backfill}]}) { ... on Runs { results {
    runId parentRunId status creationTime tags { key value }
  } } }
}
"""
_EVENTS = """
query ($run: ID!) { logsForRun(runId: $run) { ... on EventConnection { events {
  __typename ... on MessageEvent { message }
  ... on MaterializationEvent { assetKey { path } partition
    metadataEntries { label ... on IntMetadataEntry { intValue } } }
} } } }
"""


@pytest.fixture
def month() -> Iterator[RunningSandbox]:
    """A sandbox in which January no longer changes."""
    settings = settled_settings(rows_per_day=1000)
    with running_sandbox(replace(settings, clock=lambda: datetime(2026, 2, 20, tzinfo=timezone.utc))) as running:
        yield running


def test_backfill_survives_the_loss_of_a_machine_exactly(
    month: RunningSandbox, lake: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        servers.redis(tmp_path) as redis,
        running_cluster(tmp_path, _environment(month, lake, redis, tmp_path)) as cluster,
    ):
        backfill = cluster.backfill([[SCHEMA, table.name] for table in TABLES], [str(day) for day in DAYS])
        cluster.until(lambda: _is_fetching(cluster, backfill, "w2", tmp_path / "spool"), 240)
        cluster.kill("w2")
        killed_at = time.time()
        cluster.until(lambda: _state(cluster, backfill)["status"].startswith("COMPLETED"), 600)
        _check_recovery(cluster, backfill, killed_at)
        _check_secrets(cluster, backfill)
    for name, text in lake.items():
        monkeypatch.setenv(name, text)
    _check_days(month, lake["CLEARGRID_DUCKDB"])


def _environment(month: RunningSandbox, lake: Mapping[str, str], redis: str, folder: Path) -> Mapping[str, str]:
    dagster = servers.new_database(lake)
    return {
        **lake,
        "CLEARGRID_BASE_URL": month.url,
        "CLEARGRID_LENDER": month.settings.lender,
        "CLEARGRID_EMAIL": month.settings.email,
        "CLEARGRID_PASSWORD": month.settings.password,
        "CLEARGRID_SPOOL": str(folder / "spool"),
        "CLEARGRID_DAYS_PER_RUN": "8",
        # So that a run lasts long enough to lose its machine.
        "CLEARGRID_PAGE_SIZE": "50",
        "CLEARGRID_MAX_REQUESTS_PER_SECOND": "10",
        # Redis takes any password of a user that has none.
        "DAGSTER_REDIS_URL": redis.replace("//", "//default:hush-redis@"),
        **{f"DAGSTER_PG_{name}": dagster[f"PG{name}"] for name in ("HOST", "PORT", "USER", "PASSWORD")},
        "DAGSTER_PG_DB": dagster["PGDATABASE"],
    }


def _state(cluster: Cluster, backfill: str) -> dict[str, Any]:
    answer = cluster.query(_RUNS, backfill=backfill)
    return {"runs": answer["runsOrError"]["results"], **answer["partitionBackfillOrError"]}


def _is_fetching(cluster: Cluster, backfill: str, worker: str, spool: Path) -> bool:
    """Whether pages have come for a run of the worker. Other runs of it may be starting still."""
    runs = _state(cluster, backfill)["runs"]
    assert not [_messages(cluster, run["runId"]) for run in runs if run["status"] == "FAILURE"]
    started = [run for run in runs if run["status"] == "STARTED" and _works_on(cluster, worker, run["runId"])]
    first_days = [tag["value"] for run in started for tag in run["tags"] if tag["key"] == RANGE_START]
    return any(rows.stat().st_size for day in first_days for rows in spool.glob(f"D21-{day}/rows.ndjson"))


def _works_on(cluster: Cluster, worker: str, run: str) -> bool:
    """Whether the process of the run is a child of the worker."""
    processes = set(re.findall(r"\(pid: (\d+)\)", _messages(cluster, run)))
    children = Path(f"/proc/{cluster.workers[worker].pid}/task/{cluster.workers[worker].pid}/children")
    return not processes.isdisjoint(children.read_text().split())


def _check_recovery(cluster: Cluster, backfill: str, killed_at: float) -> None:
    state = _state(cluster, backfill)
    assert state["status"] == "COMPLETED_SUCCESS"
    runs = state["runs"]
    lost = {run["runId"] for run in runs if run["status"] == "FAILURE"}
    again = [run for run in runs if run["parentRunId"] in lost]
    assert lost
    assert [run["status"] for run in again] == ["SUCCESS"] * len(lost)
    assert max(run["creationTime"] for run in again) - killed_at < RECOVERY_S
    for run in lost:
        assert "The Celery worker of the run is gone" in _messages(cluster, run)
    # The other worker went on from the pages of the one that is gone.
    assert any(_resumed_pages(cluster, run["runId"]) for run in again)


def _check_secrets(cluster: Cluster, backfill: str) -> None:
    """No password shows in the UI, in the history, in logs or in the output of runs."""
    shown = [str(cluster.query("query { instance { info } }"))]
    shown += [str(_events(cluster, run["runId"])) for run in _state(cluster, backfill)["runs"]]
    files = [*cluster.logs.glob("*.log"), *cluster.logs.glob("compute_logs/**/*.err")]
    shown += [file.read_text(errors="replace") for file in files]
    assert "AskingRunLauncher" in shown[0]
    assert len(files) > 7
    assert not [text for text in shown if "hush-" in text]


def _events(cluster: Cluster, run: str) -> list[dict[str, Any]]:
    return list(cluster.query(_EVENTS, run=run)["logsForRun"]["events"])


def _messages(cluster: Cluster, run: str) -> str:
    return "\n".join(event.get("message") or "" for event in _events(cluster, run))


def _resumed_pages(cluster: Cluster, run: str) -> int:
    entries = [entry for event in _events(cluster, run) for entry in event.get("metadataEntries", [])]
    return sum(entry["intValue"] for entry in entries if entry["label"] == "resumed_pages")


def _check_days(month: RunningSandbox, database: str) -> None:
    columns = ", ".join(f'"{name}"' for name in COMMUNICATION_LOGS.column_names[:-1])
    with connect(database, read_only=True) as connection:
        stored = connection.execute(f"SELECT {columns} FROM {COMMUNICATION_LOGS.name}").fetchall()
        derived = connection.execute(f"SELECT public_id, communicated_date FROM {INTERACTIONS.name}").fetchall()
    served = [as_stored(row, day) for day in DAYS for row in rows_of_day(month.settings, day, month.settings.clock())]
    assert sorted(stored) == sorted(served)
    assert sorted(derived) == sorted((row[0], row[-1]) for row in served)
