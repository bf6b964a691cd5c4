"""The asset of an export: a dataset of the Exports API as a table, and the external asset that it comes from."""

import os
import tempfile
from datetime import date
from pathlib import Path

import dagster as dg

from cleargrid_assets.assets.declaration import asset_args, without_beta_warnings
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.exports.fetch import FetchedDay, FetchError, fetch
from cleargrid_assets.partitions import BUSINESS_ZONE, day_window
from cleargrid_assets.resources import ExportsResource, WarehouseResource
from cleargrid_assets.schema import SCHEMA, Table
from cleargrid_assets.warehouse.connection import is_path
from cleargrid_assets.warehouse.slices import SpooledPartition, SpooledSlice

SOURCE_KEY_PREFIX = "cleargrid_exports_api"


def export_source(dataset: Dataset, table: Table) -> dg.AssetSpec:
    """The external asset that stands for the dataset at ClearGrid, so that lineage begins where the data does."""
    return dg.AssetSpec(
        key=[SOURCE_KEY_PREFIX, f"{dataset.code}_{table.name}"],
        description=f"ClearGrid Exports API, section {dataset.section}, dataset {dataset.code}.",
        # One group, because the UI folds several into boxes.
        group_name=SCHEMA,
    )


def export_asset(dataset: Dataset, table: Table) -> dg.AssetsDefinition:
    """An asset that stores the rows of a dataset, one partition per business day.

    Args:
        dataset: What is fetched.
        table: Its table. The columns are the dataset's fields, then the partition column and `extracted_at`.
    """

    def export(
        context: dg.AssetExecutionContext, exports: ExportsResource, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[SpooledSlice]:
        windows = {key: day_window(date.fromisoformat(key), BUSINESS_ZONE) for key in context.partition_keys}
        with exports.client(dataset) as client:
            try:
                days = fetch(client, windows, spool_root(warehouse.database), log=context.log.info)
            except FetchError as error:
                # The client has retried whatever may succeed later.
                raise dg.Failure(str(error), metadata=error.facts, allow_retries=False) from None
        for key, day in days.items():
            context.add_asset_metadata(day.metadata, partition_key=key)
        return dg.MaterializeResult(value=_as_slice(days))

    arguments = {
        **asset_args(table),
        "deps": [export_source(dataset, table)],
        "code_version": "1",
    }
    with without_beta_warnings():
        asset: dg.AssetsDefinition = dg.asset(**arguments)(export)
    return asset


def spool_root(database: str) -> Path:
    """The folder of spools: beside a database file, where another process finds it, else in the temporary folder.

    The temporary folder is shared by all users, so the name includes the user's number.
    """
    if not is_path(database):
        return Path(tempfile.gettempdir()) / f"cleargrid_assets-{os.getuid()}.spool"
    path = Path(database)
    return path.with_name(f"{path.name}.spool")


def _as_slice(days: dict[str, FetchedDay]) -> SpooledSlice:
    spools = {date.fromisoformat(key): day.spool for key, day in days.items()}

    def discard() -> None:
        for spool in spools.values():
            spool.discard()

    return SpooledSlice(
        [SpooledPartition(day, spool.rows_path, spool.extracted_at) for day, spool in spools.items()], discard
    )
