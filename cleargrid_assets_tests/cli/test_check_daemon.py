"""Whether `cleargrid check` sees a daemon."""

import re
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat  # what a running daemon writes

from cleargrid_assets.cli.check_daemon import check_daemon
from cleargrid_assets.cli.dagster_home import prepared_home
from cleargrid_assets.settings import Settings

DATABASE = "w.duckdb"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").touch()
    return tmp_path / "home"


def _beat(instance: dg.DagsterInstance, *, seconds_ago: float) -> None:
    for name in instance.get_required_daemon_types():
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - seconds_ago, name, "a"))


def test_daemon_is_found_by_its_signs_of_life(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_daemon(DATABASE).status == "skip"
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    before = check_daemon(DATABASE)
    assert (before.status, before.variable, before.value) == ("warn", "DAGSTER_HOME", str(home))
    assert "no daemon is alive" in before.found
    with dg.DagsterInstance.get() as instance:
        _beat(instance, seconds_ago=100)
        recent = check_daemon(DATABASE)
        _beat(instance, seconds_ago=3600)
    assert recent.status == "ok"
    # With the time, because it may have been stopped since.
    assert re.fullmatch(rf"Daemon: alive 10\d seconds ago on DAGSTER_HOME {home}\.", recent.found)
    # Without the variable, `dagster dev` keeps its history where this folder says.
    monkeypatch.delenv("DAGSTER_HOME")
    monkeypatch.chdir(home)
    assert check_daemon(DATABASE).status == "warn"


def test_home_of_up_is_looked_at_without_the_variable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)  # whose dagster.yaml is not of `up`
    settings = Settings.from_environment({"CLEARGRID_DUCKDB": str(home.parent / "data" / DATABASE)})
    folder = prepared_home(settings).folder
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        _beat(instance, seconds_ago=3)
    found = check_daemon(settings.database)
    assert (found.status, str(folder) in found.found) == ("ok", True)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [("storage: hush\n", "DagsterInvalidConfigError"), ("storage: [hush\n", "ParserError")],
)
def test_history_that_cannot_be_read_fails(
    home: Path, monkeypatch: pytest.MonkeyPatch, settings: str, kind: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    (home / "dagster.yaml").write_text(settings)
    finding = check_daemon(DATABASE)
    assert (finding.status, finding.found) == ("fail", f"Daemon: Dagster's history cannot be read ({kind}).")
    assert "hush" not in f"{finding}"
    assert f"the dagster.yaml in {home}" in str(finding.action)


def test_error_of_a_storage_that_is_a_plug_in_fails(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hush(_: dg.DagsterInstance) -> None:
        raise ConnectionError("hush")

    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setattr(dg.DagsterInstance, "get_daemon_statuses", hush)
    assert check_daemon(DATABASE).found == "Daemon: Dagster's history cannot be read (ConnectionError)."


def test_torn_history_and_a_wrong_home_fail(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    (home / "schedules").mkdir()
    (home / "schedules" / "schedules.db").write_bytes(b"torn" * 1000)
    assert "Dagster's history cannot be read (DatabaseError)" in check_daemon(DATABASE).found
    monkeypatch.setenv("DAGSTER_HOME", "home")
    finding = check_daemon(DATABASE)
    assert (finding.status, finding.value) == ("fail", "home")
    assert "DAGSTER_HOME is 'home', a relative path" in finding.found
