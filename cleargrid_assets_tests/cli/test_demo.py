"""`make demo` as a user runs it: in a clone, in a process of its own, with the UI, until it is interrupted."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner

from cleargrid_assets.cli import demo as demo_module
from cleargrid_assets.cli.demo_server import CODE_LOCATION
from cleargrid_assets.cli.main import main
from cleargrid_assets.contracts import TABLES
from cleargrid_assets_tests.docs.checkout import clone
from cleargrid_assets_tests.docs.pages import ROOT, blocks
from cleargrid_assets_tests.machine import free_port, mode_of
from cleargrid_assets_tests.warehouse.files import write_newer_file


@dataclass(frozen=True)
class Demo:
    """A demo that has ended.

    Attributes:
        folder: Where it ran.
        printed: Its output.
        errors: Its standard error.
        shown: The tables that the UI showed as materialized.
        runs: The runs of the daily job that the UI showed, and where it knew them from.
        exit_code: After it was interrupted.
        port: Of the UI.
    """

    folder: Path
    printed: str
    errors: str
    shown: set[str]
    runs: list[dict[str, str]]
    exit_code: int
    port: int

    @property
    def database(self) -> Path:
        return self.folder / "data" / "demo" / "demo.duckdb"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The one demo that all tests look at."""
    folder = clone(tmp_path_factory.mktemp("demo"))
    port = free_port()
    # Of a user with a real lender. Dagster reads it over the environment in the folder where it starts.
    (folder / ".env").write_text("CLEARGRID_START_DATE=broken\nCLEARGRID_DUCKDB=real.duckdb\n")
    database = folder / "data" / "demo" / "demo.duckdb"
    database.parent.mkdir(parents=True)
    write_newer_file(database)  # of an earlier demo, with DuckDB 2
    with (folder / "errors").open("w+") as errors:
        with _running(f"--days 2 --rows-per-day 300 --port {port}", folder, errors) as process:
            assert process.stdout is not None
            lines = []
            for line in process.stdout:
                lines.append(line)
                if "The Dagster UI is up" in line:
                    break
            assert process.poll() is None, (folder / "errors").read_text()
            shown, runs = _materialized_tables(port), _daily_runs(port)
            process.send_signal(signal.SIGINT)
            lines.extend(process.stdout)
            exit_code = process.wait(timeout=60)
        return Demo(folder, "".join(lines), (folder / "errors").read_text(), shown, runs, exit_code, port)


@pytest.mark.server
def test_demo_prints_a_funnel_and_leaves_real_data_alone(demo: Demo) -> None:
    assert demo.exit_code == 0, demo.errors
    assert "Attempt funnel of" in demo.printed
    assert "engaged" in demo.printed
    for table in TABLES:
        assert re.search(rf"^  {table.name} +[\d,]+ rows$", demo.printed, re.MULTILINE), demo.printed
    assert re.search(r"checks ran; all passed\.", demo.printed), demo.printed
    assert str(demo.database) in demo.printed
    with duckdb.connect(str(demo.database), read_only=True) as connection:
        days = connection.sql("SELECT count(DISTINCT communicated_date) FROM cleargrid.communication_logs").fetchall()
    assert days == [(2,)]
    assert not list(demo.folder.rglob("real.duckdb"))
    assert "leaked" not in demo.errors  # DuckDB's warning about objects that were not collected


@pytest.mark.server
def test_files_of_the_demo_are_its_users_alone(demo: Demo) -> None:
    home = demo.folder / "data" / "demo"
    modes = {name: mode_of(home / name) for name in ("dagster", "dagster.log")}
    assert modes == {"dagster": 0o700, "dagster.log": 0o600}


@pytest.mark.server
def test_query_that_the_demo_prints_can_be_run(demo: Demo) -> None:
    [query] = [line.strip() for line in demo.printed.splitlines() if " sql " in line]
    environment = {**_environment(demo.folder), "PYTHONPATH": str(demo.folder)}
    answer = subprocess.run(
        shlex.split(query), cwd=demo.folder, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert answer.count("phone") == 2
    assert "reach_rate" in answer


@pytest.mark.server
def test_days_are_one_run_of_the_code_location(demo: Demo) -> None:
    assert demo.runs == [{"status": "SUCCESS", "repositoryLocationName": CODE_LOCATION}]


@pytest.mark.server
def test_second_demo_without_ui_prints_the_days_and_starts_nothing(demo: Demo) -> None:
    environment = {**_environment(demo.folder), "PYTHONPATH": str(demo.folder)}
    code = "from cleargrid_assets.cli.main import main; main()"
    printed = subprocess.run(
        [sys.executable, "-c", code, "demo", "--no-ui", "--days=2", "--rows-per-day=300"],
        cwd=demo.folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.startswith("data/demo/demo.duckdb has 2 days of an earlier demo.\n\nAttempt funnel of"), printed
    assert "A query to try" in printed
    assert "Starting" not in printed
    history = demo.folder / "data" / "demo" / "dagster"
    with dg.DagsterInstance.from_config(str(history)) as instance:
        assert len(instance.get_run_records(dg.RunsFilter(job_name="daily_outreach"))) == 1


@pytest.mark.server
def test_demo_prints_what_the_readme_shows(demo: Demo) -> None:
    [shown] = [block.code for block in blocks(ROOT / "README.md") if block.language == "text"]
    assert set(_without_numbers(shown)) - {"..."} <= set(_without_numbers(demo.printed))


@pytest.mark.server
def test_ui_shows_materialized_assets_until_interrupted(demo: Demo) -> None:
    assert demo.shown == {table.name for table in TABLES}
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", demo.port)) != 0


@pytest.mark.parametrize(("option", "ui_port"), [("--no-ui", None), ("--port=3001", 3001)])
def test_option_decides_whether_and_where_the_ui_starts(
    option: str, ui_port: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[dict[str, object]] = []
    monkeypatch.setattr(demo_module, "run_demo", lambda **arguments: given.append(arguments))
    answer = CliRunner().invoke(main, ["demo", option, "--days", "14", "--rows-per-day", "50000"])
    assert answer.exit_code == 0, answer.output
    assert given == [{"days": 14, "rows_per_day": 50000, "ui_port": ui_port}]


def test_folder_that_cannot_be_written_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied", "data")

    monkeypatch.setattr(demo_module, "run_demo", refused)
    answer = CliRunner().invoke(main, ["demo"])
    assert (answer.exit_code, answer.output) == (1, "Error: data: Permission denied.\n")


def test_demo_with_a_taken_port_fails_before_it_starts(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        code = "from cleargrid_assets.cli.main import main; main()"
        run = subprocess.run(
            [sys.executable, "-c", code, "demo", "--port", str(holder.getsockname()[1])],
            cwd=tmp_path,
            env=_environment(tmp_path),
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 1
    assert "is in use" in run.stderr
    assert not (tmp_path / "data").exists()


@contextmanager
def _running(arguments: str, folder: Path, errors: IO[str]) -> "Iterator[subprocess.Popen[str]]":
    """Runs the command of `make demo`, not below make: a process of its own has an exit code of its own."""
    make = ["make", "--dry-run", "--no-print-directory", "demo", f"ARGS={arguments}"]
    command = subprocess.run(make, cwd=folder, capture_output=True, text=True, check=True).stdout
    process = subprocess.Popen(
        shlex.split(command),
        cwd=folder,
        env={**_environment(folder), "PYTHONPATH": str(folder), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLEARGRID_", "DAGSTER_"))}
    # A user with a real lender has these set. The demo must not touch them.
    return {**kept, "CLEARGRID_DUCKDB": str(folder / "real.duckdb"), "CLEARGRID_LENDER": "real"}


def _materialized_tables(port: int) -> set[str]:
    nodes = _asked(port, "{ assetNodes { assetKey { path } assetMaterializations(limit: 1) { partition } } }")[
        "assetNodes"
    ]
    return {node["assetKey"]["path"][-1] for node in nodes if node["assetMaterializations"]}


def _daily_runs(port: int) -> list[dict[str, str]]:
    query = """{ runsOrError(filter: {pipelineName: "daily_outreach"}) { ... on Runs { results {
        status repositoryOrigin { repositoryLocationName } } } } }"""
    runs = _asked(port, query)["runsOrError"]["results"]
    return [{"status": run["status"], **(run["repositoryOrigin"] or {})} for run in runs]


def _asked(port: int, query: str) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)["data"]


def _without_numbers(text: str) -> list[str]:
    """The lines that have words, without the figures and bars that differ from run to run."""
    lines = (" ".join(re.sub(r"[\d█▏]\S*", "", line).split()) for line in text.splitlines())
    return [line for line in lines if line]
