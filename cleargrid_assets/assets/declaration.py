"""What all assets have in common, derived from the contract of their table."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.partitions import DAILY
from cleargrid_assets.schema import SCHEMA, Table
from cleargrid_assets.warehouse.table_metadata import table_metadata

DAYS_PER_RUN = 10
"""Days in one run of a backfill: a month takes three or four runs, and one bad day fails at most ten days."""


def asset_key(table: Table) -> dg.AssetKey:
    """The key of the asset that stores the table."""
    return dg.AssetKey([SCHEMA, table.name])


def asset_args(table: Table) -> dict[str, Any]:
    """The arguments of `@dg.asset` for the asset that stores the table. Use them inside `without_beta_warnings`."""
    return {
        "key": asset_key(table),
        "description": table.description,
        "partitions_def": DAILY,
        "backfill_policy": dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_PER_RUN),
        "group_name": SCHEMA,
        "kinds": {"duckdb", "python"},
        "metadata": table_metadata(table),
    }


@contextmanager
def without_beta_warnings() -> Iterator[None]:
    """Hides Dagster's warnings about beta parameters, such as `backfill_policy`, while assets are built."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield


def logs_input(trailing_days: int = 1) -> dict[str, dg.AssetIn]:
    """The communication logs of the trailing days that end with the day. The history may begin later."""
    mapping = dg.TimeWindowPartitionMapping(
        start_offset=1 - trailing_days, allow_nonexistent_upstream_partitions=trailing_days > 1
    )
    return {"communication_logs": dg.AssetIn(key=asset_key(COMMUNICATION_LOGS), partition_mapping=mapping)}


def lineage(sources: Mapping[str, Sequence[str]]) -> dict[str, dg.TableColumnLineage]:
    """Metadata that traces a table's columns to columns of the communication logs."""
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                name: [dg.TableColumnDep(asset_key(COMMUNICATION_LOGS), source) for source in columns]
                for name, columns in sources.items()
            }
        )
    }
