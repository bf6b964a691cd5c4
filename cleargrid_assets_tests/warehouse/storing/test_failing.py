"""A write that fails, or is killed, leaves the rows of before, the file free, and the spool where it was."""

import signal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.storing import partitions, replacing
from cleargrid_assets_tests.warehouse.another_process import start
from cleargrid_assets_tests.warehouse.another_run import die
from cleargrid_assets_tests.warehouse.failing import PowerCutError, fail_after
from cleargrid_assets_tests.warehouse.ledgers import as_written, recounted
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, Warehouse, log


@pytest.mark.parametrize(
    ("module", "step"),
    [
        (replacing, "prepare_table"),
        (replacing, "stage_spooled"),
        (partitions, "count_changes"),
        (replacing, "replace_partitions"),
        (replacing, "content_hashes"),
    ],
    ids=["table created", "rows staged", "rows compared", "rows replaced", "content hashed"],
)
def test_failed_write_keeps_old_rows_and_spool_and_frees_the_file(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, module: Any, step: str
) -> None:
    warehouse.store_day(DAY_1, log("a"), log("b"))
    before = warehouse.everything()
    warehouse.discarded.clear()
    monkeypatch.setattr(module, step, fail_after(getattr(module, step)))
    # The error, and with it the frames that were writing, is still at hand while the table is read.
    with pytest.raises(PowerCutError) as error:
        warehouse.store_day(DAY_1, log("b", status="BUSY"), log("c"))
    assert warehouse.everything() == before
    assert warehouse.discarded == []
    assert warehouse.file_of(DAY_1).exists()
    monkeypatch.undo()
    assert warehouse.store_day(DAY_1, log("c")).new == 1
    assert error.type is PowerCutError


def test_a_broken_second_day_takes_the_first_day_of_its_run_back_too(warehouse: Warehouse) -> None:
    warehouse.store_day(DAY_1, log("a"))
    before = warehouse.everything()
    slice_ = warehouse.spooled({DAY_1: [log("a", status="BUSY")], DAY_2: []})
    warehouse.file_of(DAY_2).write_text('{"public_id": "c"}\n')
    with pytest.raises(WarehouseError, match="2024-05-02"):
        warehouse.store(slice_, DAY_1, DAY_2)
    assert warehouse.everything() == before


def test_a_first_write_that_fails_leaves_no_table(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "count_changes", fail_after(partitions.count_changes))
    with pytest.raises(PowerCutError):
        warehouse.store_day(DAY_1, log("a"))
    with connect(warehouse.database, lock_timeout_s=0) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == []


def test_a_row_that_was_to_move_stays_where_it_was_when_the_write_fails(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.store_day(DAY_1, log("a"))
    before = warehouse.everything()
    monkeypatch.setattr(replacing, "replace_partitions", fail_after(partitions.replace_partitions))
    with pytest.raises(PowerCutError):
        warehouse.store_day(DAY_2, log("a", DAY_2))
    assert warehouse.everything() == before


def test_the_spool_is_discarded_once_another_connection_sees_the_rows(warehouse: Warehouse) -> None:
    seen: list[int] = []
    slice_ = warehouse.spooled({DAY_1: [log("a")]}, discard=lambda: seen.append(len(warehouse.everything())))
    warehouse.store(slice_, DAY_1)
    assert seen == [1]


@pytest.mark.only_file
def test_a_process_killed_while_it_writes_leaves_the_rows_of_before(warehouse: Warehouse, tmp_path: Path) -> None:
    moments = ("replaced", "committed")
    copies = {
        moment: Warehouse(str(tmp_path / f"{moment}.duckdb"), tmp_path / moment, warehouse.instance)
        for moment in moments
    }
    for copy in copies.values():
        copy.store_day(DAY_1, log("a"), log("b"))
        copy.store_day(DAY_2, log("c", DAY_2))
    before = copies["replaced"].everything()
    dying = [start(die, copy.database, str(copy.folder), moment) for moment, copy in copies.items()]
    for process in dying:
        said = process.communicate()
        assert process.returncode == -signal.SIGKILL, said
    assert copies["replaced"].everything() == before
    assert [row[0] for row in copies["committed"].everything()] == ["c", "new"]
    for copy in copies.values():
        assert as_written(copy) == recounted(copy)
        assert copy.file_of(DAY_1).exists()
        assert copy.store_day(DAY_1, log("a")).rows == 1


@pytest.mark.only_file
def test_committed_rows_still_in_the_wal_are_read(warehouse: Warehouse) -> None:
    """As a process leaves it that dies between its commit and closing the file."""
    warehouse.store_day(DAY_1, log("a"))
    with duckdb.connect(warehouse.database) as connection:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        connection.execute(f"UPDATE cleargrid.{COMMUNICATION_LOGS.name} SET status = 'BUSY'")
    assert Path(f"{warehouse.database}.wal").exists()
    assert list(warehouse.frame(DAY_1)["status"]) == ["BUSY"]
