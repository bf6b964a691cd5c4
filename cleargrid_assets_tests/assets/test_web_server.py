"""What a Dagster web server shows: which tables are stale, because their rows changed; and no credentials.

One server is shared, because starting it takes longer than all that it is asked.
"""

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import dagster as dg
import pytest
import requests

from cleargrid_assets.contracts import CHANNEL_REACH, COMMUNICATION_LOGS, INTERACTIONS, REACH_BY_ATTEMPT
from cleargrid_assets.partitions import RANGE_END, RANGE_START
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.assets.project import SECRETS, WEEK, Project
from cleargrid_assets_tests.machine import free_port
from cleargrid_assets_tests.rows import Row
from cleargrid_assets_tests.warehouse.materializing import log

pytestmark = pytest.mark.server

LOG, ANALYSIS, TRAILING_ANALYSIS = (asset_key(table) for table in (COMMUNICATION_LOGS, CHANNEL_REACH, REACH_BY_ATTEMPT))
LOG_READER, ANALYSIS_READER = (dg.AssetKey([SCHEMA, name]) for name in ("log_reader", "analysis_reader"))

_MODULE = "cleargrid_assets_tests.assets.lineage_project"
_QUERY = """
query ($asset: AssetKeyInput!, $day: String!) {
  assetNodes(assetKeys: [$asset]) {
    staleStatus(partition: $day)
    staleCauses(partition: $day) { key { path } partitionKey category }
  }
}
"""


_RUNS_AND_RESOURCES = """
query ($location: String!) {
  runsOrError { ... on Runs { results { runId status runConfigYaml tags { key value }
    eventConnection { events { __typename ... on MessageEvent { message }
      ... on ExecutionStepFailureEvent { error { message stack causes { message stack } } } } } } } }
  allTopLevelResourceDetailsOrError(repositorySelector: {
    repositoryName: "__repository__", repositoryLocationName: $location
  }) { ... on ResourceDetailsList { results {
    name configFields { name defaultValueAsJson } configuredValues { key value }
  } } }
}
"""


@dataclass(frozen=True)
class Lineage:
    """A history of runs, and the web server that shows it.

    Attributes:
        project: The module with the definitions.
        instance: The history, in a folder that the web server reads too.
        url: The web server.
    """

    project: ModuleType
    instance: dg.DagsterInstance
    url: str

    def fetch(self, rows: dict[date, list[Row]]) -> None:
        """Materializes the log alone, of consecutive days, with these rows at the source."""
        for day, of_day in rows.items():
            self.project.rows_file(day).write_text("".join(f"{json.dumps(row)}\n" for row in of_day))
        self.materialize(LOG, *rows)

    def store(self, day: date, rows: list[Row]) -> None:
        """Materializes the log of a day, then its interactions."""
        self.fetch({day: rows})
        self.materialize(asset_key(INTERACTIONS), day)

    def materialize(self, key: dg.AssetKey, *days: date) -> None:
        """One run of one asset over the days from the first to the last."""
        first, last = days[0].isoformat(), days[-1].isoformat()
        which: dict[str, Any] = (
            {"partition_key": first} if first == last else {"tags": {RANGE_START: first, RANGE_END: last}}
        )
        job = self.project.defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection={key})
        run = job.execute_in_process(
            instance=self.instance,
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
            **which,
        )
        assert run.success

    def status(self, key: dg.AssetKey, *days: date) -> list[str]:
        """Dagster's status of each day."""
        return [str(self._ask(key, day)["staleStatus"]) for day in days]

    def causes(self, key: dg.AssetKey, day: date) -> list[tuple[str, str, str]]:
        """Why the day is stale: tables, their days, and the kind of change."""
        return [
            (cause["key"]["path"][-1], cause["partitionKey"], cause["category"])
            for cause in self._ask(key, day)["staleCauses"]
        ]

    def _ask(self, key: dg.AssetKey, day: date) -> dict[str, Any]:
        [node] = self.query(_QUERY, asset={"path": key.path}, day=day.isoformat())["assetNodes"]
        return dict(node)

    def query(self, text: str, **variables: Any) -> Any:
        """The data of a GraphQL query, as the UI gets them."""
        answer = requests.post(f"{self.url}/graphql", json={"query": text, "variables": variables}, timeout=60).json()
        return answer["data"]


@pytest.fixture(scope="module")
def lineage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lineage]:
    home, rows = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("rows")
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    environment = {
        "DAGSTER_HOME": str(home),
        "LINEAGE_ROWS": str(rows),
        "CLEARGRID_DUCKDB": str(rows / "warehouse.duckdb"),
        "CLEARGRID_START_DATE": "2026-01-01",
        **{f"CLEARGRID_{name.upper()}": value for name, value in SECRETS.items()},
        "CLEARGRID_ALERTS": "json://127.0.0.1:9/hush",
        "CLEARGRID_HEARTBEAT_URL": "http://127.0.0.1:9/hush",
    }
    port = free_port()
    with patch.dict(os.environ, environment):
        # Set first: the definitions read the variables when they are imported.
        project = importlib.import_module(_MODULE)
        server = subprocess.Popen(
            [sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), "-m", _MODULE],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait_for(server, url)
            with dg.DagsterInstance.get() as instance:
                yield Lineage(project, instance, url)
        finally:
            server.terminate()
            server.wait(timeout=60)


def _wait_for(server: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert server.poll() is None, "the web server has ended"
        try:
            if requests.get(f"{url}/server_info", timeout=5).ok:
                return
        except requests.RequestException:
            time.sleep(0.2)
    raise TimeoutError(url)


def days_from(first: str, count: int) -> list[date]:
    """Days of one test alone: all tests share the history."""
    return [date.fromisoformat(first) + timedelta(days=number) for number in range(count)]


def rows_of(day: date, **values: Any) -> list[Row]:
    return [log(f"{day}-{number}", day, **values) for number in range(3)]


def test_unchanged_day_leaves_downstream_fresh(lineage: Lineage) -> None:
    [day] = days_from("2026-01-01", 1)
    lineage.fetch({day: rows_of(day)})
    lineage.materialize(LOG_READER, day)
    lineage.fetch({day: list(reversed(rows_of(day)))})
    assert lineage.status(LOG_READER, day) == ["FRESH"]
    assert lineage.causes(LOG_READER, day) == []


def test_changed_day_marks_downstream_stale_until_it_is_computed(lineage: Lineage) -> None:
    [day] = days_from("2026-02-01", 1)
    lineage.fetch({day: rows_of(day)})
    lineage.materialize(LOG_READER, day)
    lineage.fetch({day: rows_of(day, status="NO_ANSWER")})
    assert lineage.status(LOG_READER, day) == ["STALE"]
    assert lineage.causes(LOG_READER, day) == [("communication_logs", str(day), "DATA")]
    lineage.materialize(LOG_READER, day)
    assert lineage.status(LOG_READER, day) == ["FRESH"]


def test_first_rows_of_an_empty_day_mark_downstream_stale(lineage: Lineage) -> None:
    [day] = days_from("2026-02-15", 1)
    lineage.fetch({day: []})
    lineage.materialize(LOG_READER, day)
    lineage.fetch({day: []})
    assert lineage.status(LOG_READER, day) == ["FRESH"]
    lineage.fetch({day: rows_of(day)})
    assert lineage.status(LOG_READER, day) == ["STALE"]


def test_unchanged_range_leaves_downstream_fresh(lineage: Lineage) -> None:
    days = days_from("2026-03-01", 3)
    rows = {day: rows_of(day) for day in days}
    lineage.fetch(rows)
    lineage.materialize(LOG_READER, *days)
    lineage.fetch(rows)
    assert lineage.status(LOG_READER, *days) == ["FRESH"] * 3


def test_changed_range_marks_downstream_of_all_its_days_stale(lineage: Lineage) -> None:
    """The days of one run share a version, so unchanged days are marked too."""
    days = days_from("2026-04-01", 3)
    rows = {day: rows_of(day) for day in days}
    lineage.fetch(rows)
    lineage.materialize(LOG_READER, *days)
    lineage.fetch({**rows, days[1]: rows_of(days[1], status="NO_ANSWER")})
    assert lineage.status(LOG_READER, *days) == ["STALE"] * 3


def test_day_changed_alone_after_a_range_marks_only_itself_stale(lineage: Lineage) -> None:
    days = days_from("2026-05-01", 3)
    lineage.fetch({day: rows_of(day) for day in days})
    lineage.materialize(LOG_READER, *days)
    lineage.fetch({days[1]: rows_of(days[1], status="NO_ANSWER")})
    assert lineage.status(LOG_READER, *days) == ["FRESH", "STALE", "FRESH"]


def test_row_that_moves_away_marks_downstream_of_its_old_day_stale(lineage: Lineage) -> None:
    old, new, other = days_from("2026-06-01", 3)
    for day in (old, new, other):
        lineage.fetch({day: rows_of(day)})
    lineage.materialize(LOG_READER, old, other)
    moved = log(f"{old}-0", new, updated_at=f"{other}T00:00:00Z")
    lineage.fetch({new: [*rows_of(new), moved]})
    assert lineage.status(LOG_READER, old, new, other) == ["STALE", "STALE", "FRESH"]
    assert lineage.status(LOG, old, new, other) == ["FRESH"] * 3
    lineage.materialize(LOG_READER, old, new)
    lineage.fetch({old: rows_of(old)[1:]})
    assert lineage.status(LOG_READER, old, new, other) == ["FRESH"] * 3


def test_changed_day_marks_the_trailing_windows_that_hold_it_stale(lineage: Lineage) -> None:
    days = days_from("2026-07-01", 9)
    changed, ends = days[1], (days[0], days[1], days[7], days[8])
    for day in ends:
        lineage.store(day, rows_of(day))
    for pair in (days[:2], days[7:]):
        lineage.materialize(TRAILING_ANALYSIS, *pair)
    lineage.store(changed, rows_of(changed))
    assert lineage.status(TRAILING_ANALYSIS, *ends) == ["FRESH"] * 4
    lineage.store(changed, rows_of(changed, status="NO_ANSWER"))
    assert lineage.status(TRAILING_ANALYSIS, *ends) == ["FRESH", "STALE", "STALE", "FRESH"]


def test_analysis_with_new_numbers_marks_its_downstream_stale(lineage: Lineage, tmp_path: Path) -> None:
    """The outcomes file is no asset, but an edit of it changes what an analysis of the same rows says."""
    [day] = days_from("2026-08-01", 1)
    lineage.store(day, rows_of(day))
    lineage.materialize(ANALYSIS, day)
    lineage.materialize(ANALYSIS_READER, day)
    lineage.materialize(asset_key(INTERACTIONS), day)
    lineage.materialize(ANALYSIS, day)
    assert lineage.status(ANALYSIS_READER, day) == ["FRESH"]
    outcomes = tmp_path / "outcomes.toml"
    outcomes.write_text('[statuses]\nANSWERED = "failed"\n')
    with patch.dict(os.environ, {"CLEARGRID_OUTCOMES": str(outcomes)}):
        lineage.materialize(asset_key(INTERACTIONS), day)
        lineage.materialize(ANALYSIS, day)
    assert lineage.status(ANALYSIS_READER, day) == ["STALE"]


def test_credentials_show_neither_in_events_nor_in_graphql(lineage: Lineage, start: Callable[..., Project]) -> None:
    secretive = replace(start(**SECRETS), instance=lineage.instance)
    succeeded = secretive.materialize(WEEK[0], only=[COMMUNICATION_LOGS])
    assert succeeded.success, succeeded.failure
    refused = secretive.given(CLEARGRID_PASSWORD="hush-wrong").materialize(WEEK[0], only=[COMMUNICATION_LOGS])
    assert not refused.success
    for run in (succeeded, refused):
        events = lineage.instance.all_logs(run.result.run_id)
        assert events
        assert "hush" not in "".join(dg.serialize_value(event) for event in events)
    answer = lineage.query(_RUNS_AND_RESOURCES, location=_MODULE)
    statuses = {run["runId"]: run["status"] for run in answer["runsOrError"]["results"]}
    assert statuses[succeeded.result.run_id] == "SUCCESS"
    assert statuses[refused.result.run_id] == "FAILURE"
    resources = {found["name"] for found in answer["allTopLevelResourceDetailsOrError"]["results"]}
    assert "exports" in resources
    assert "hush" not in json.dumps(answer)
