"""`cleargrid demo` as a user runs it: in a new folder, in a process of its own."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cleargrid_assets.contracts import TABLES
from cleargrid_assets_tests.warehouse.files import write_newer_file

_COMMAND = [sys.executable, "-c", "from cleargrid_assets.cli.main import main; main()", "demo"]


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLEARGRID_", "DAGSTER_"))}
    # A user with a real lender has these set. The demo must not touch them.
    return {**kept, "CLEARGRID_DUCKDB": str(folder / "real.duckdb"), "CLEARGRID_LENDER": "real"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_demo_prints_a_funnel_and_leaves_real_data_alone(tmp_path: Path) -> None:
    database = tmp_path / "data" / "demo" / "demo.duckdb"
    database.parent.mkdir(parents=True)
    write_newer_file(database)  # of an earlier demo, with DuckDB 2
    command = [*_COMMAND, "--no-ui", "--days", "2", "--rows-per-day", "300"]
    run = subprocess.run(command, cwd=tmp_path, env=_environment(tmp_path), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "Attempt funnel of" in run.stdout
    assert "engaged" in run.stdout
    assert f"{len(TABLES) - 1} analyses" in run.stdout
    assert re.search(r"checks ran on \S+; all passed\.", run.stdout), run.stdout
    assert _answer_of(_printed_query(run.stdout), tmp_path).count("phone") == 2
    assert str(database) in run.stdout
    with duckdb.connect(str(database), read_only=True) as connection:
        days = connection.sql("SELECT count(DISTINCT communicated_date) FROM cleargrid.communication_logs").fetchall()
    assert days == [(2,)]
    assert not (tmp_path / "real.duckdb").exists()
    assert "leaked" not in run.stderr  # DuckDB's warning about objects that were not collected


def test_demo_with_a_taken_port_fails_before_it_starts(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        command = [*_COMMAND, "--port", str(holder.getsockname()[1])]
        run = subprocess.run(
            command, cwd=tmp_path, env=_environment(tmp_path), capture_output=True, text=True, check=False
        )
    assert run.returncode == 1
    assert "is in use" in run.stderr
    assert not (tmp_path / "data").exists()


def _printed_query(output: str) -> str:
    [query] = [line.strip() for line in output.splitlines() if "import duckdb" in line]
    return query


def _answer_of(command: str, folder: Path) -> str:
    """What a shell prints for the command that the demo suggests."""
    return subprocess.run(shlex.split(command), cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def demo_with_ui(tmp_path: Path) -> Any:
    port = _free_port()
    # Of a user with a real lender. Dagster reads it over the environment in the folder where it starts.
    (tmp_path / ".env").write_text("CLEARGRID_START_DATE=broken\nCLEARGRID_DUCKDB=real.duckdb\n")
    command = [*_COMMAND, "--days", "1", "--rows-per-day", "200", "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**_environment(tmp_path), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    up = any("The Dagster UI is up" in line for line in process.stdout)
    yield process, port, up
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def test_ui_shows_materialized_assets_until_interrupted(demo_with_ui: Any) -> None:
    process, port, up = demo_with_ui
    assert up
    query = "{ assetNodes { assetKey { path } assetMaterializations(limit: 1) { partition } } }"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        nodes = json.load(response)["data"]["assetNodes"]
    materialized = {node["assetKey"]["path"][-1] for node in nodes if node["assetMaterializations"]}
    assert materialized == {table.name for table in TABLES}
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
