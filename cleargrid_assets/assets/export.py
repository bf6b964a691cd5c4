"""The asset that fetches and stores a dataset of the Exports API, and the external asset upstream of it."""

import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from cleargrid_assets.assets.presenting import presentation_metadata
from cleargrid_assets.assets.table_asset import table_asset
from cleargrid_assets.assets.version import made_with
from cleargrid_assets.configuration import pseudonyms_of
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.exports.fetch import FetchedDay, FetchError, fetch
from cleargrid_assets.exports.window import day_window
from cleargrid_assets.partitions import BUSINESS_ZONE, first_kept_day
from cleargrid_assets.pictures.presentation import Presentation
from cleargrid_assets.pseudonyms import Pseudonyms
from cleargrid_assets.resources import ExportsResource
from cleargrid_assets.schema import SCHEMA, Table
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import file_of
from cleargrid_assets.warehouse.forms import other_form
from cleargrid_assets.warehouse.io_manager import VERSION
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.slices import SpooledPartition, SpooledSlice
from cleargrid_assets.wording import first_of

SOURCE_KEY_PREFIX = "cleargrid_exports_api"

CODE_VERSION = "1"
"""Change it if the same answer of the API would give other rows."""

_MAX_LISTED = 10


class ExportConfig(dg.Config):
    """The run config of an export."""

    accept_shrinking: bool = Field(
        default=False,
        description="Store days that lose more rows than CLEARGRID_MAX_SHRINK allows, although the source's own count "
        "does not confirm it.",
    )


def export_source(dataset: Dataset) -> dg.AssetSpec:
    """The external asset for the dataset at ClearGrid, so that lineage starts at the source."""
    return dg.AssetSpec(
        key=[SOURCE_KEY_PREFIX, f"{dataset.code}_export"],
        description=f"ClearGrid Exports API, section {dataset.section}, dataset {dataset.code}. ClearGrid maintains "
        "it; this project reads it.",
        # One group, because the UI folds several into boxes.
        group_name=SCHEMA,
    )


def export_asset(
    dataset: Dataset, table: Table, present: Callable[[date, WarehouseResource], Presentation] | None = None
) -> dg.AssetsDefinition:
    """An asset that stores the rows of a dataset, one partition per business day.

    Args:
        dataset: The dataset to fetch.
        table: Where to store it. Its columns are the dataset's fields, the partition column and `extracted_at`.
        present: Makes summary and picture of a stored day. It is called for the latest day of a run.
    """

    def export(
        context: dg.AssetExecutionContext,
        config: ExportConfig,
        exports: ExportsResource,
        warehouse: WarehouseResource,
    ) -> dg.MaterializeResult[SpooledSlice]:
        pseudonyms = pseudonyms_of(Settings.from_environment())
        version = export_version(table, pseudonyms)
        entries = warehouse.ledger(table)
        versions = {day: entry.version for day, entry in entries.items()} or warehouse.versions(table)
        if found := other_form(table.name, versions, version):
            raise dg.Failure(found, allow_retries=False)
        windows = {key: day_window(date.fromisoformat(key), BUSINESS_ZONE) for key in context.partition_keys}
        not_before = {str(day): entry.extracted_at for day, entry in entries.items() if entry.extracted_at}
        with exports.client(dataset, warn=context.log.warning, pseudonyms=pseudonyms) as client:
            try:
                days = fetch(
                    client, windows, spool_root(warehouse.database), log=context.log.info, not_before=not_before
                )
            except FetchError as error:
                # No retries by Dagster: the client has already retried every failure that can be temporary.
                raise dg.Failure(str(error), metadata=error.facts, allow_retries=False) from None
        for key, day in days.items():
            if day.warning:
                context.log.warning(f"{key}: {day.warning}")
        _warn_of_days_not_kept(context)
        latest = date.fromisoformat(context.partition_keys[-1])

        def describe() -> dict[date, dict[str, Any]]:
            described = {date.fromisoformat(key): day.metadata for key, day in days.items()}
            if present is not None:
                presentation = present(latest, warehouse)
                context.log.info(f"{table.name}: {presentation.headline}")
                described[latest] = {**presentation_metadata(presentation), **described[latest]}
            return described

        stored = _as_slice(days, describe, accept_shrinking=config.accept_shrinking)
        return dg.MaterializeResult(value=stored, metadata={VERSION: version})

    return table_asset(table, export, deps=[export_source(dataset)], code_version=CODE_VERSION)


def _warn_of_days_not_kept(context: dg.AssetExecutionContext) -> None:
    first = first_kept_day(datetime.now(timezone.utc))
    old = [key for key in context.partition_keys if first is not None and key < first.isoformat()]
    if old:
        context.log.warning(
            f"CLEARGRID_KEEP_DAYS keeps days from {first} on, so the next daily run drops "
            f"{first_of(old, _MAX_LISTED, 'day')} again."
        )


def export_version(table: Table, pseudonyms: Pseudonyms | None) -> str:
    """What a run would make the rows of an export with. Without personal columns, pseudonyms do not matter.

    Args:
        table: The table of the export.
        pseudonyms: What stands for addresses; None if they are stored as they came.
    """
    is_personal = any(column.personal for column in table.columns)
    return made_with(CODE_VERSION, pseudonyms=pseudonyms if is_personal else None)


def spool_root(database: str) -> Path:
    """The folder of spools: `CLEARGRID_SPOOL`, or next to the database file, so that the next process finds it.

    Without both it is in the temporary folder. All users share that, so the name includes the user's id.
    """
    spool = Settings.from_environment().spool
    if spool is not None:
        return Path(spool)
    file = file_of(database)
    if file is None:
        return Path(tempfile.gettempdir()) / f"cleargrid_assets-{os.getuid()}.spool"
    return file.with_name(f"{file.name}.spool")


def _as_slice(
    days: Mapping[str, FetchedDay],
    describe: Callable[[], Mapping[date, Mapping[str, Any]]],
    *,
    accept_shrinking: bool,
) -> SpooledSlice:
    def discard() -> None:
        for day in days.values():
            day.spool.discard()

    return SpooledSlice(
        [
            SpooledPartition(
                date.fromisoformat(key),
                day.spool.rows_path,
                day.spool.extracted_at,
                source_rows=day.count.exact_rows,
                quarantined=day.quarantined,
            )
            for key, day in days.items()
        ],
        discard,
        max_shrink=Settings.from_environment().max_shrink,
        accept_shrinking=accept_shrinking,
        describe=describe,
    )
