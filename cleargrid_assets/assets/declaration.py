"""What all assets say of themselves, derived from their table's contract."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from cleargrid_assets.contracts import COMMUNICATION_LOGS, PARTITION_COLUMN, SCHEMA, Table
from cleargrid_assets.partitions import DAILY

DAYS_PER_RUN = 10
"""Days in one run of a backfill: a month is three or four runs. A bad day of the log costs at most the nine beside it,
and what looks back at them."""

# Both parameters have been what sizes backfills and lets histories begin for years; said at every start otherwise.
warnings.filterwarnings(
    "ignore",
    message="Parameter `(backfill_policy|allow_nonexistent_upstream_partitions)`",
    category=dg.BetaWarning,
)


def asset_key(table: Table) -> dg.AssetKey:
    """The key of the asset that stores the table."""
    return dg.AssetKey([SCHEMA, table.name])


def declaration(table: Table) -> dict[str, Any]:
    """The arguments that every asset passes to `@dg.asset`."""
    return {
        "key": asset_key(table),
        "partitions_def": DAILY,
        "backfill_policy": dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_PER_RUN),
        "group_name": SCHEMA,
        "kinds": {"duckdb", "python"},
        "owners": ["team:collections-data"],
        "metadata": {"partition_expr": PARTITION_COLUMN, "dagster/column_schema": _column_schema(table)},
    }


def logs_input(trailing_days: int = 1) -> dict[str, dg.AssetIn]:
    """The communication logs of the day, and of the days before it that are part of its trailing days.

    The first days of the history have fewer days before them.
    """
    mapping = dg.TimeWindowPartitionMapping(
        start_offset=1 - trailing_days, allow_nonexistent_upstream_partitions=trailing_days > 1
    )
    return {"communication_logs": dg.AssetIn(key=asset_key(COMMUNICATION_LOGS), partition_mapping=mapping)}


def lineage(columns: Mapping[str, Sequence[str]]) -> dict[str, dg.TableColumnLineage]:
    """Metadata that traces a table's columns to columns of the communication logs."""
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                name: [dg.TableColumnDep(asset_key(COMMUNICATION_LOGS), source) for source in sources]
                for name, sources in columns.items()
            }
        )
    }


def _column_schema(table: Table) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=column.type,
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, unique=list(table.key) == [column.name]
                ),
            )
            for column in table.columns
        ]
    )
