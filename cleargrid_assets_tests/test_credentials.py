"""Credentials do not show anywhere: in the UI's data, in events, or in what is left of a failed run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.exports.spool import Spool
from cleargrid_assets_tests.assets.project import WEEK, Project

ROOT = Path(__file__).parents[1]
DAY = WEEK[0]
SECRETS = {"lender": "hush-lender", "email": "hush@lender.example", "password": "hush-password"}
QUERY = """{
  runsOrError { ... on Runs { results { status runConfigYaml tags { key value }
    eventConnection { events { __typename ... on MessageEvent { message }
      ... on ExecutionStepFailureEvent { error { message stack causes { message stack } } } } } } } }
  allTopLevelResourceDetailsOrError(repositorySelector: {
    repositoryName: "__repository__", repositoryLocationName: "cleargrid_assets"
  }) { ... on ResourceDetailsList { results {
    name configFields { name defaultValueAsJson } configuredValues { key value }
  } } }
}"""


@pytest.fixture
def secretive(start: Callable[..., Project], tmp_path: Path) -> Project:
    """A project whose credentials are easy to find, with a history that other processes can read."""
    home = tmp_path / "home"
    home.mkdir()
    return replace(start(**SECRETS), instance=dg.DagsterInstance.local_temp(str(home)))


def graphql(project: Project, home: Path) -> Any:
    """The answer that the UI would get."""
    answer = subprocess.run(
        [Path(sys.executable).with_name("dagster-graphql"), "-w", str(ROOT / "workspace.yaml"), "-t", QUERY],
        env={**os.environ, **project.environment, "PYTHONPATH": str(ROOT), "DAGSTER_HOME": str(home)},
        capture_output=True,
        check=True,
        text=True,
        cwd=home,
    )
    # The code server logs to the same stream.
    [line] = [line for line in answer.stdout.splitlines() if line.startswith('{"data"')]
    return json.loads(line)["data"]


def test_credentials_show_neither_in_events_nor_in_graphql(secretive: Project, tmp_path: Path) -> None:
    succeeded = secretive.materialize(DAY, only=[COMMUNICATION_LOGS])
    assert succeeded.success, succeeded.failure
    refused = secretive.given(CLEARGRID_PASSWORD="hush-wrong").materialize(DAY, only=[COMMUNICATION_LOGS])
    assert not refused.success
    for run in (succeeded, refused):
        events = secretive.instance.all_logs(run.result.run_id)
        assert events
        assert "hush" not in "".join(dg.serialize_value(event) for event in events)
    answer = graphql(secretive, tmp_path / "home")
    assert {run["status"] for run in answer["runsOrError"]["results"]} == {"SUCCESS", "FAILURE"}
    resources = {found["name"] for found in answer["allTopLevelResourceDetailsOrError"]["results"]}
    assert "exports" in resources
    assert "hush" not in json.dumps(answer)


def test_resources_hold_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"CLEARGRID_{name.upper()}", value)
    resources = build_defs().resources or {}
    assert "exports" in resources
    assert "hush" not in "".join(repr(resource) + str(vars(resource)) for resource in resources.values())


def test_all_missing_credentials_fail_the_run_with_one_message(project: Project) -> None:
    run = project.given(CLEARGRID_EMAIL="", CLEARGRID_PASSWORD=" ").materialize(DAY, only=[COMMUNICATION_LOGS])
    assert not run.success
    assert "CLEARGRID_EMAIL and CLEARGRID_PASSWORD are not set. Set them in the environment" in run.failure


def test_runs_of_two_lenders_do_not_share_a_spool(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprints: list[str] = []
    original = Spool.open

    def opened(*args: Any) -> Spool:
        fingerprints.append(args[2])
        return original(*args)

    monkeypatch.setattr(Spool, "open", opened)
    for lender in ("one", "two", "two"):
        project.given(CLEARGRID_LENDER=lender).materialize(DAY, only=[COMMUNICATION_LOGS], checked=False)
    one, two, same = fingerprints
    assert one != two == same
