"""`cleargrid up`: the home that it makes, and how its two processes start and end together."""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NoReturn

import click
import pytest
import yaml

from cleargrid_assets.cli import up
from cleargrid_assets.cli.dagster_home import DagsterHome, HomeError, given_home, prepared_home
from cleargrid_assets.cli.ports import free_port
from cleargrid_assets.cli.up import run_up
from cleargrid_assets.settings import Settings
from cleargrid_assets_tests.docs.pages import ROOT
from cleargrid_assets_tests.machine import mode_of

_CODE = "from cleargrid_assets.cli.main import main; main()"


@pytest.fixture(autouse=True)
def without_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def home_of(database: Path | str) -> DagsterHome:
    return prepared_home(Settings.from_environment({"CLEARGRID_DUCKDB": str(database)}))


def test_home_is_beside_the_database_with_the_settings_of_the_project(tmp_path: Path) -> None:
    home = home_of(tmp_path / "some data: 1" / "w.duckdb")
    assert home.folder == tmp_path / "some data: 1" / "dagster"
    assert mode_of(home.folder) == mode_of(home.folder.parent) == 0o700
    made, shipped = (yaml.safe_load((folder / "dagster.yaml").read_text()) for folder in (home.folder, ROOT))
    # `dagster dev` in the project's folder goes on with the history of `cleargrid up` and the other way around.
    shipped["storage"]["sqlite"]["base_dir"] = str(home.folder)
    shipped["local_artifact_storage"]["config"]["base_dir"] = str(home.folder)
    shipped["compute_logs"]["config"]["base_dir"] = str(home.folder / "compute_logs")
    assert made == shipped
    assert yaml.safe_load(home.workspace.read_text()) == yaml.safe_load((ROOT / "workspace.yaml").read_text())


def test_default_home_is_where_the_projects_dagster_yaml_has_its_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert home_of("data/warehouse.duckdb").folder == home_of("md:outreach").folder == tmp_path / "data" / "dagster"


def test_named_home_is_taken_and_its_settings_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    (tmp_path / "dagster.yaml").write_text("# mine\n")
    assert home_of("w.duckdb").folder == tmp_path
    assert (tmp_path / "dagster.yaml").read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("home", "wrong"),
    [
        ("here", "is 'here', a relative path"),
        ("~nobody-of-this-name/x", "a relative path"),
        ("/dev/null", "which is no folder"),
        ("/dev/null/x", None),
        ("/" + 300 * "x", "which cannot be read (File name too long)"),
    ],
)
def test_unusable_home_is_refused_with_the_reason(
    home: str, wrong: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", home)
    with pytest.raises(HomeError) as caught:
        given_home()
    assert (wrong or "which does not exist") in caught.value.message
    assert "Correct it, or unset it" in caught.value.message
    if wrong:
        with pytest.raises(HomeError):
            home_of("w.duckdb")


def test_home_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read everything
    with pytest.raises(HomeError, match="which this user may not read"):
        given_home()


def test_home_in_use_names_the_process_that_has_it(tmp_path: Path) -> None:
    home = home_of(tmp_path / "w.duckdb")
    with home.held(), pytest.raises(click.ClickException, match=f"runs already with .*PID {os.getpid()}"), home.held():
        pass
    with home.held():
        pass


def test_databases_of_dagster_are_there_before_both_processes_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both would create them at once, and leave two revisions in one of them."""
    revisions = {}

    def stop(_commands: object, environment: Mapping[str, str]) -> NoReturn:
        for database in Path(environment["DAGSTER_HOME"]).rglob("*.db"):
            with closing(sqlite3.connect(database)) as connection:
                [revisions[database.name]] = connection.execute("SELECT count(*) FROM alembic_version").fetchall()
        raise KeyboardInterrupt

    monkeypatch.setattr(up, "_running", stop)
    monkeypatch.setattr(up, "end_as_by_ctrl_c", lambda: None)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    run_up(Settings.from_environment(), os.environ, free_port())
    assert revisions == {"runs.db": (1,), "index.db": (1,), "schedules.db": (1,)}


def test_web_server_that_does_not_answer_is_told() -> None:
    with pytest.raises(click.ClickException, match=r"does not answer .* \(ConnectionError\)\. .* `cleargrid up`"):
        up._is_loaded(free_port())


@pytest.mark.server
def test_up_says_that_the_project_cannot_be_loaded(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    # Nothing loads within a second.
    (home / "dagster.yaml").write_text("code_servers: {local_startup_timeout: 1}\n")
    with _up(tmp_path, DAGSTER_HOME=str(home)) as (_, _, printed):
        said = printed.read_text()
    assert "the project cannot be loaded, so no schedule runs" in said


@pytest.mark.server
def test_both_processes_run_until_the_command_is_stopped(tmp_path: Path) -> None:
    with _up(tmp_path) as (process, port, printed):
        groups = _children(process)
        assert len(groups) == 2
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/server_info", timeout=10) as response:
            assert response.status == 200
        second = subprocess.run(_command(port), cwd=tmp_path, capture_output=True, text=True, check=False)
        assert second.returncode == 1
        assert f"PID {process.pid}" in second.stderr
        process.send_signal(signal.SIGHUP)  # as when the terminal is closed
        assert process.wait(timeout=60) == 0
        assert not _members(groups)
        said = printed.read_text()
    assert f"http://127.0.0.1:{port}/asset-groups" in said
    assert "no login" in said
    assert "Runs will fail: CLEARGRID_LENDER and CLEARGRID_EMAIL and CLEARGRID_PASSWORD are not set." in said
    assert "Stopping Dagster (up to 20 s) ..." in said
    # The log of sensors would put the address out of sight.
    assert "INFO" not in said
    # Of `dagster dev` without a home.
    assert "temporary" not in said
    assert (tmp_path / "data" / "dagster" / "history").is_dir()


@pytest.mark.server
def test_process_that_ends_by_itself_ends_the_other_one(tmp_path: Path) -> None:
    with _up(tmp_path) as (process, _, printed):
        groups = _children(process)
        [daemon] = [pid for pid, command in groups.items() if "dagster-daemon" in command]
        os.kill(daemon, signal.SIGKILL)
        assert process.wait(timeout=60) == 1
        assert not _members(groups)
        assert "The daemon of Dagster has ended with status -9" in printed.read_text()


@contextmanager
def _up(folder: Path, **variables: str) -> "Iterator[tuple[subprocess.Popen[bytes], int, Path]]":
    """The command when both processes have started, its port, and its output."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    printed = folder / "printed"
    with printed.open("w") as output:
        process = subprocess.Popen(
            _command(port),
            cwd=folder,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **variables},
        )
    try:
        while "The Dagster UI is up" not in printed.read_text():
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=0.2)
        yield process, port, printed
    finally:
        process.terminate()
        process.wait(timeout=60)


def _command(port: int) -> list[str]:
    return [sys.executable, "-c", _CODE, "up", "--port", str(port)]


def _children(process: "subprocess.Popen[bytes]") -> dict[int, str]:
    """The processes that a process has started, with their commands. Each leads a group."""
    listed = _listed("-o", "pid=,args=", "--ppid", str(process.pid))
    return {int(pid): command for pid, command in (line.split(maxsplit=1) for line in listed)}


def _members(groups: dict[int, str]) -> list[str]:
    """The processes of the groups that still run. A container may have nobody who removes those that have ended."""
    listed = _listed("-eo", "pgid=,stat=,args=")
    return [line for line in listed if int(line.split()[0]) in groups and not line.split()[1].startswith("Z")]


def _listed(*options: str) -> list[str]:
    ps = shutil.which("ps")
    assert ps
    return subprocess.run([ps, "-ww", *options], capture_output=True, text=True, check=True).stdout.splitlines()
