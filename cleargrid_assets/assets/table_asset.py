"""The asset that stores a table, made from the table's contract."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from cleargrid_assets.partitions import DAILY, DAYS_PER_RUN
from cleargrid_assets.schema import SCHEMA, Table
from cleargrid_assets.warehouse.table_metadata import asset_key, table_metadata


@contextmanager
def without_beta_warnings() -> Iterator[None]:
    """Hides Dagster's warnings about beta parameters. A user can do nothing about them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield


def column_lineage(upstream: Table, sources: Mapping[str, Sequence[str]]) -> dg.TableColumnLineage:
    """Which columns of a table are computed from which columns of another one.

    Args:
        upstream: The other table.
        sources: For each column, the columns of the other table.
    """
    key = asset_key(upstream)
    return dg.TableColumnLineage(
        {name: [dg.TableColumnDep(key, source) for source in of_column] for name, of_column in sources.items()}
    )


def table_asset(
    table: Table, compute: Callable[..., Any], *, lineage: dg.TableColumnLineage | None = None, **options: Any
) -> dg.AssetsDefinition:
    """An asset that stores what a function returns, one partition per business day.

    Args:
        table: The contract. It gives the asset its key, description and metadata.
        compute: The function that `@dg.asset` would decorate.
        lineage: Which columns the table is computed from. It is metadata of the asset and not of materializations,
            because it is the same for all days.
        options: Further arguments of `@dg.asset`.
    """
    arguments: dict[str, Any] = {
        "key": asset_key(table),
        "description": table.description,
        "partitions_def": DAILY,
        "backfill_policy": dg.BackfillPolicy.multi_run(max_partitions_per_run=DAYS_PER_RUN),
        "group_name": SCHEMA,
        "kinds": {"duckdb", "python"},
        "metadata": {**table_metadata(table), **({"dagster/column_lineage": lineage} if lineage else {})},
        **options,
    }
    with without_beta_warnings():
        asset: dg.AssetsDefinition = dg.asset(**arguments)(compute)
    return asset
