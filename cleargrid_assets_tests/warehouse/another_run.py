"""What a second process materializes: dying meanwhile, or in another time zone."""

import json
import os
import signal
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pandas as pd

from cleargrid_assets.warehouse.slices import StoredSlice
from cleargrid_assets.warehouse.storing import replacing
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, Warehouse, log


def die(database: str, folder: str, moment: str) -> None:
    """Kills itself while it replaces day 1: when the rows are replaced but not committed, or committed."""
    warehouse = Warehouse(database, Path(folder), dg.DagsterInstance.ephemeral())
    if moment == "replaced":
        # Enough rows for the file itself to be written to before the commit.
        slice_ = warehouse.spooled({DAY_1: (log(f"new{number}") for number in range(130_000))})
        with mock.patch.object(replacing, "content_hashes", _kill):
            warehouse.store(slice_, DAY_1)
    else:
        warehouse.store(warehouse.spooled({DAY_1: [log("new")]}, discard=_kill), DAY_1)


def _kill(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def store_and_load(database: str, folder: str) -> list[Any]:
    """Stores and loads two days, and returns what is seen: instants in microseconds since 1970, hence of no zone."""
    warehouse = Warehouse(database, Path(folder), dg.DagsterInstance.ephemeral())
    ends = [log("0", communicated_at=f"{DAY_1}T00:00:00Z"), log("1", communicated_at=f"{DAY_1}T23:59:59Z")]
    rows = {DAY_1: ends, DAY_2: [log("2", DAY_2, communicated_at=f"{DAY_2}T00:00:00Z")]}
    counts = warehouse.store(warehouse.spooled(rows), DAY_1, DAY_2)
    frame: pd.DataFrame = warehouse.load(pd.DataFrame, DAY_1)
    again = warehouse.store(frame, DAY_1)
    with warehouse.load(StoredSlice, DAY_1).open() as relation:
        seen = relation.select(
            "public_id, epoch_us(communicated_at), epoch_us(extracted_at), hour(communicated_at), "
            "communicated_date::VARCHAR"
        ).fetchall()
    shown = [sorted(str(value) for value in frame[name]) for name in ("communicated_at", "communicated_date")]
    return [list(counts.values()), list(again.values()), sorted(seen), shown]


def tell(database: str, folder: str) -> None:
    """Prints what `store_and_load` returns."""
    print(json.dumps(store_and_load(database, folder)))
