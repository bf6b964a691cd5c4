"""Maintenance of a lake: what it removes, what stays, and for whom it waits."""

import os
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS, DAYS
from cleargrid_assets.jobs.lake import LAKE_FILES, lake_maintenance
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.databases import name_of
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.lakes.locks import locked
from cleargrid_assets.warehouse.lakes.maintenance import FILES_STAY, Maintenance, maintain
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets_tests.lake.servers import new_database
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, DAY_3, Warehouse, log

pytestmark = pytest.mark.lake

LAKE = "ducklake:postgres:"
KEEP = timedelta(days=7)
MOMENT = timedelta(minutes=1)
NOTHING = timedelta()


def maintained(after: timedelta = MOMENT, *, keep: timedelta = KEEP, timeout_s: float = 60.0) -> Maintenance:
    return maintain(LAKE, keep, datetime.now(timezone.utc) + after, timeout_s)


def parquet_files() -> list[Path]:
    return sorted(Path(os.environ["CLEARGRID_LAKE_DATA"]).rglob("*.parquet"))


def versions_with(public_id: str) -> int:
    """In how many versions of the log a row can be read."""
    with connect(LAKE, read_only=True) as connection:
        found = 0
        for (version,) in connection.execute("SELECT snapshot_id FROM ducklake_snapshots('lake')").fetchall():
            try:
                [(rows,)] = connection.execute(
                    f"SELECT count(*) FROM {COMMUNICATION_LOGS.name} AT (VERSION => {version}) WHERE public_id = $id",
                    {"id": public_id},
                ).fetchall()
            except duckdb.CatalogException:  # before the table was created
                continue
            found += rows
        return found


def test_20_cycles_with_maintenance_are_as_small_as_fresh(warehouse: Warehouse) -> None:
    days = [DAY_1, DAY_2, DAY_3]
    for cycle in range(20):
        replaced = days[: 1 + cycle % 3]
        rows = {day: [log(f"{day}-{number}-{cycle}", day) for number in range(5)] for day in replaced}
        warehouse.store(warehouse.spooled(rows), *replaced)
        if cycle % 5 == 4:
            maintained(timedelta(days=30))
    before = warehouse.everything()
    done = maintained(timedelta(days=30))
    assert (done.files, done.snapshots, done.old_files) == (4, 1, 0)
    assert len(parquet_files()) == 4
    assert done.size_bytes == sum(path.stat().st_size for path in parquet_files())
    assert warehouse.everything() == before
    # The last cycles replaced two days, one day, and before that all three.
    assert {row[0].rpartition("-")[2] for row in before} == {"19", "17"}
    with connect(LAKE, read_only=True) as connection:
        assert connection.execute(f"SELECT count(*) FROM {DAYS.name}").fetchall() == [(3,)]
    again = maintained(timedelta(days=30))
    assert (again.files, again.snapshots, again.size_bytes) == (done.files, 1, done.size_bytes)
    warehouse.store_day(DAY_1, log("a"))
    assert warehouse.frame(DAY_1)["public_id"].tolist() == ["a"]


def test_removed_rows_are_readable_for_the_days_that_are_kept(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("removed"), log("stays"))
    warehouse.store_day(DAY_1, log("stays"))
    kept = maintained(KEEP - MOMENT)
    assert (kept.expired_snapshots, kept.deleted_files) == (0, 0)
    assert versions_with("removed") > 0
    expired = maintained(keep=NOTHING)
    assert expired.expired_snapshots > 0
    assert expired.old_files > 0
    assert expired.deleted_files == 0
    assert versions_with("removed") == 0
    assert warehouse.frame(DAY_1)["public_id"].tolist() == ["stays"]
    deleted = maintained(FILES_STAY + MOMENT, keep=NOTHING)
    assert (deleted.old_files, deleted.files) == (0, 2)
    assert len(parquet_files()) == 2


def test_reader_sees_its_version_through_maintenance(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("old"))
    with connect(LAKE, read_only=True) as reader:
        query = f"SELECT public_id FROM {COMMUNICATION_LOGS.name}"
        assert reader.execute(query).fetchall() == [("old",)]
        warehouse.store_day(DAY_1, log("new"))
        assert maintained(keep=NOTHING).snapshots == 1
        assert reader.execute(query).fetchall() == [("old",)]
    assert warehouse.frame(DAY_1)["public_id"].tolist() == ["new"]


def test_maintenance_waits_for_a_run_that_writes(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    with (
        connect(LAKE) as connection,
        locked(connection, [name_of(COMMUNICATION_LOGS)], 1),
        pytest.raises(WarehouseError, match="communication_logs was in use"),
    ):
        maintained(timeout_s=0.2)


def test_file_of_a_killed_writer_is_deleted_after_two_days(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    orphan = parquet_files()[0].with_name("ducklake-of-nobody.parquet")
    orphan.write_text("rows")
    assert maintained().deleted_files == 0
    assert orphan.exists()
    assert maintained(FILES_STAY + MOMENT).deleted_files == 1
    assert not orphan.exists()


def test_files_of_another_lake_are_not_deleted(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    other = Path(os.environ["CLEARGRID_LAKE_DATA"]) / "other" / "cleargrid" / "communication_logs" / "x.parquet"
    other.parent.mkdir(parents=True)
    other.write_text("rows of another lender")
    with pytest.raises(WarehouseError, match="holds 1 Parquet file outside of the folders of the lake's schemas"):
        maintained(timedelta(days=30))
    assert other.exists()
    assert warehouse.frame(DAY_1)["public_id"].tolist() == ["a"]


def test_lake_is_not_created_where_another_one_has_its_files(
    warehouse: Warehouse, lake_servers: Mapping[str, str]
) -> None:
    """Its maintenance would delete them."""
    warehouse.store_day(DAY_1, log("a"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGDATABASE", new_database(lake_servers)["PGDATABASE"])
        with pytest.raises(WarehouseError, match="holds the files of another lake"), connect(LAKE):
            pass
        with connect(LAKE, read_only=True) as connection:
            assert connection.execute("SHOW TABLES").fetchall() == []
    assert len(warehouse.frame(DAY_1)) == 1


def test_job_records_files_bytes_and_versions_as_numbers(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    result = lake_maintenance.execute_in_process(
        instance=warehouse.instance, resources={"warehouse": WarehouseResource(database=LAKE)}
    )
    [observed] = result.get_asset_observation_events()
    assert observed.asset_key == LAKE_FILES.key
    values = {name: value.value for name, value in observed.asset_observation_data.asset_observation.metadata.items()}
    assert all(isinstance(value, int | float) for value in values.values())
    assert (values["files"], values["expired_snapshots"]) == (2, 0)
