"""`cleargrid demo` as a user runs it: in a fresh folder, in processes of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cleargrid_assets_tests.warehouse.files import write_newer_file

_COMMAND = [sys.executable, "-c", "from cleargrid_assets.cli.main import main; main()", "demo"]


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLEARGRID_", "DAGSTER_"))}
    # What a user with a real lender has set: the demo must not touch it.
    return {**kept, "CLEARGRID_DUCKDB": str(folder / "real.duckdb"), "CLEARGRID_LENDER": "real"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def test_the_demo_prints_a_funnel_and_where_the_data_is_and_leaves_real_data_alone(tmp_path: Path) -> None:
    database = tmp_path / "data" / "demo" / "demo.duckdb"
    database.parent.mkdir(parents=True)
    write_newer_file(database)  # of an earlier demo, with DuckDB 2
    command = [*_COMMAND, "--no-ui", "--days", "2", "--rows-per-day", "300"]
    run = subprocess.run(command, cwd=tmp_path, env=_environment(tmp_path), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "Attempt funnel of" in run.stdout
    assert "engaged" in run.stdout
    assert str(database) in run.stdout
    with duckdb.connect(str(database), read_only=True) as connection:
        days = connection.sql("SELECT count(DISTINCT communicated_date) FROM cleargrid.communication_logs").fetchall()
    assert days == [(2,)]
    assert not (tmp_path / "real.duckdb").exists()
    assert "leaked" not in run.stderr  # what DuckDB says of objects that nobody collected


def test_the_demo_refuses_a_port_that_is_taken_before_it_does_anything(tmp_path: Path) -> None:
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


@pytest.fixture
def demo_with_ui(tmp_path: Path) -> Any:
    port = _free_port()
    # Filled in for a real lender: Dagster reads it over the environment wherever it is started.
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


def test_the_ui_shows_what_the_demo_materialized_until_it_is_interrupted(demo_with_ui: Any) -> None:
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
    assert len(nodes) == 6
    assert all(node["assetMaterializations"] for node in nodes)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=60)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
