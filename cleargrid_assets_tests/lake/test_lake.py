"""One lake: where its rows are, what shows of it, and the commands on it."""

import os
import traceback
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from click.testing import CliRunner, Result

from cleargrid_assets.cli.main import main
from cleargrid_assets.contracts import COMMUNICATION_LOGS, DAYS
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.databases import transaction_time
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.lakes.lake import ask_to_change
from cleargrid_assets.warehouse.sql import literal
from cleargrid_assets_tests.assets.project import WEEK, Project, days_between
from cleargrid_assets_tests.lake.servers import BUCKET, PASSWORD, s3
from cleargrid_assets_tests.lake.writing import ROWS, rows_of, versions
from cleargrid_assets_tests.warehouse.ledgers import as_written, recounted
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, Warehouse, log

pytestmark = pytest.mark.lake


def test_days_in_a_bucket_are_exact(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3(tmp_path) as variables:
        for name, value in {**variables, "CLEARGRID_LAKE_DATA": f"s3://{BUCKET}/rows/"}.items():
            monkeypatch.setenv(name, value)
        for version in ("old", "new"):
            warehouse.store_day(DAY_1, *rows_of(DAY_1, version))
        assert versions(warehouse) == {DAY_1: [("new", ROWS)]}
        assert as_written(warehouse) == recounted(warehouse)
        with connect(warehouse.database, read_only=True) as connection:
            files = connection.execute(f"FROM glob('s3://{BUCKET}/rows/**')").fetchall()
        assert files


def test_replaced_day_drops_whole_files_and_keeps_rows_out_of_the_catalog(warehouse: Warehouse) -> None:
    for version in ("old", "new"):
        warehouse.store_day(DAY_1, *rows_of(DAY_1, version))
    warehouse.store_day(DAY_2, log("one", DAY_2))
    with connect(warehouse.database, read_only=True) as connection:
        files = connection.execute(
            "SELECT data_file, delete_file FROM ducklake_list_files('lake', $table, schema => 'cleargrid')",
            {"table": COMMUNICATION_LOGS.name},
        ).fetchall()
    assert sorted(data.split("/")[-2] for data, _ in files) == [f"communicated_date={day}" for day in (DAY_1, DAY_2)]
    assert not any(deleted for _, deleted in files)


def test_ledger_keeps_older_entries_and_counts_the_latest(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    warehouse.store_day(DAY_1, log("a"), log("b"))
    assert warehouse.ask(f"SELECT row_count FROM {DAYS.name} ORDER BY rowid") == [(1,), (2,)]
    assert as_written(warehouse) == recounted(warehouse)


def test_project_runs_on_a_lake_and_shows_no_password(
    project: Project, lake: Mapping[str, str], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    on_lake = project.given(**lake)
    run = on_lake.materialize(*WEEK)
    assert run.success, run.failure
    assert "stored_days_are_intact" not in run.failing
    with on_lake.entered():
        configured = [repr(resource) + str(vars(resource)) for resource in (build_defs().resources or {}).values()]
        with connect("ducklake:postgres:", read_only=True) as connection:
            expected = sum(len(on_lake.source_rows(day)) for day in days_between(*WEEK))
            for name in ("communication_logs", "interactions"):
                assert connection.execute(f"SELECT count(*) FROM {name}").fetchall() == [(expected,)]
            assert connection.execute("SELECT count(*) > 0 FROM operational_baselines").fetchall() == [(True,)]
    events = [dg.serialize_value(event) for event in run.result.all_events]
    assert '"ducklake' not in "".join(events)
    seen = [*configured, *events, *capfd.readouterr(), *map(str, tmp_path.rglob("*")), *map(str, Path().iterdir())]
    assert PASSWORD not in "".join(seen)


def test_wrong_password_fails_with_what_to_check_and_is_not_shown(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hush-wrong")
    with pytest.raises(WarehouseError, match=r"The lake cannot be opened\. Check PGHOST") as error:
        warehouse.frame(DAY_1)
    assert "hush" not in "".join(traceback.format_exception(error.value))


def test_user_who_may_only_read_reads_and_is_told_why_not_to_write(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.store_day(DAY_1, log("a"))
    user, password = f"reader_{os.environ['PGDATABASE']}", "hush 'q\" x=1"
    with connect(warehouse.database) as connection:
        for statement in (
            f"CREATE ROLE {user} LOGIN PASSWORD {literal(password)}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}",
        ):
            ask_to_change(connection, statement)
    monkeypatch.setenv("PGUSER", user)
    monkeypatch.setenv("PGPASSWORD", password)
    assert len(warehouse.frame(DAY_1)) == 1
    with pytest.raises(duckdb.Error, match="permission denied"):
        warehouse.store_day(DAY_1, log("b"))


def test_other_place_of_the_data_than_the_catalog_has_is_refused(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.store_day(DAY_1, log("a"))
    monkeypatch.setenv("CLEARGRID_LAKE_DATA", str(tmp_path / "other"))
    with pytest.raises(WarehouseError, match=r"CLEARGRID_LAKE_DATA.* does not match existing data path"):
        warehouse.frame(DAY_1)


def test_reader_asks_the_clock_of_postgres_too(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse.store_day(DAY_1, log("a"))
    monkeypatch.setenv("PGAPPNAME", "a process that only reads")
    with connect(warehouse.database, read_only=True) as connection:
        lag = datetime.now(timezone.utc) - transaction_time(connection)
    assert abs(lag) < timedelta(minutes=1)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_sql_reads_a_lake_and_changes_nothing(warehouse: Warehouse) -> None:
    assert "The lake does not exist. The first run creates it." in run("sql", "FROM days").output
    warehouse.store_day(DAY_1, log("a"))
    for name in ("days", "lake.cleargrid.days"):
        assert run("sql", "--csv", f"SELECT table_name FROM {name}").output == "table_name\ncommunication_logs\n"
    data = os.environ["CLEARGRID_LAKE_DATA"]
    for query in (
        "DELETE FROM days",
        "DROP TABLE days",
        f"COPY (SELECT 1) TO '{data}/cleargrid/x.csv'",
        f"COPY (SELECT 1) TO '{data}'",
        "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)",
        "FROM postgres_query('__ducklake_metadata_lake', 'SELECT 1')",
        "ATTACH 'ducklake:postgres:' AS again",
    ):
        assert run("sql", query).exit_code == 1, query
    assert as_written(warehouse) == recounted(warehouse)


def test_check_creates_the_lake_and_says_that_it_is_writable(warehouse: Warehouse) -> None:
    assert "Database: ducklake:postgres: is writable and has 0 tables of this project." in run("check").output
    warehouse.store_day(DAY_1, log("a"))
    assert "ducklake:postgres: is writable and has 3 tables of this project." in run("check").output


def test_check_says_that_the_place_of_the_data_is_not_writable(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lake").write_text("a file where the folder should be")
    said = run("check").output
    assert "FAIL" in said
    assert "is writable" not in said


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_backup_and_restore_say_that_they_are_for_files(warehouse: Warehouse, command: str) -> None:
    result = run(command)
    assert result.exit_code == 1
    assert (
        "The database is a lake, but `cleargrid backup` and `cleargrid restore` are for DuckDB files." in result.output
    )
