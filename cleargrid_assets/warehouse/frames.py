"""Stores DataFrames of assets without a contract, in the same tables as dagster-duckdb would."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import dagster as dg
import duckdb
import pandas as pd

from cleargrid_assets.warehouse.databases import catalog, in_lake
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.sql import literal, quoted

_DEFAULT_SCHEMA = "public"
_VIEW = "output_frame"


@dataclass(frozen=True)
class Target:
    """The rows that an output replaces.

    Attributes:
        schema: The schema of the table.
        table: The table.
        condition: An SQL expression for the rows to replace. None for all rows.
    """

    schema: str
    table: str
    condition: str | None


def target_of(context: dg.OutputContext | dg.InputContext, configured_schema: str | None) -> Target:
    """The target of an output, or of the output that is an input, by the rules of dagster-duckdb.

    The schema is the first of: metadata `schema`, the IO manager's `schema`, the asset's key prefix, `public`. Metadata
    `partition_expr` names the column that decides the partition of a row. For several dimensions, it maps each to its
    column.

    Raises:
        WarehouseError: The asset has partitions, but the metadata `partition_expr` is missing.
    """
    output = _output_of(context)
    metadata = output.definition_metadata
    schema = metadata.get("schema") or configured_schema
    if not context.has_asset_key:
        return Target(schema or _DEFAULT_SCHEMA, metadata.get("table") or output.name, None)
    *prefix, table = context.asset_key.path
    schema = schema or (prefix[-1] if prefix else _DEFAULT_SCHEMA)
    return Target(schema, table, _condition(context) if context.has_asset_partitions else None)


def replace_frame(connection: duckdb.DuckDBPyConnection, target: Target, frame: pd.DataFrame) -> None:
    """Replaces the rows of the target by those of the frame. Columns are matched by name.

    Without a condition, the table gets the frame's columns and types. The caller begins and commits the transaction.

    Raises:
        WarehouseError: The frame has columns that the table lacks.
    """
    schema = f"{quoted(catalog(connection))}.{quoted(target.schema)}"
    name = f"{schema}.{quoted(target.table)}"
    if not len(frame.columns):
        # For example `pd.DataFrame()` for a day without rows. It has no types to create a table from.
        if _is_stored(connection, target):
            connection.execute(f"DELETE FROM {name} WHERE {target.condition or 'true'}")
        return
    connection.register(_VIEW, frame)
    # DuckDB's own names, because the labels of a frame may be numbers, and may repeat.
    types = {column: kind for column, kind, *_ in connection.execute(f"DESCRIBE {_VIEW}").fetchall()}
    names = list(types)
    # DuckDB makes a column that is all None an INTEGER, which would refuse the text of later rows. A lake has no ENUM.
    is_lake = in_lake(connection)
    columns = ", ".join(
        f"{quoted(column)}::VARCHAR AS {quoted(column)}"
        if (values.dtype == object and values.isna().all()) or (is_lake and types[column].startswith("ENUM"))
        else quoted(column)
        for column, (_, values) in zip(names, frame.items(), strict=True)
    )
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    if target.condition is None:
        connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT {columns} FROM {_VIEW}")
        return
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} AS SELECT {columns} FROM {_VIEW} LIMIT 0")
    connection.execute(f"DELETE FROM {name} WHERE {target.condition}")
    stored = [column for column, *_ in connection.execute(f"DESCRIBE {name}").fetchall()]
    if new := [column for column in names if column not in stored]:
        raise WarehouseError(
            f"The rows for {target.schema}.{target.table} have the columns {new}, which the stored table lacks. Add "
            "them with ALTER TABLE, or drop the table and materialize all its partitions again."
        )
    connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM {_VIEW}")


def load_frame(connection: duckdb.DuckDBPyConnection, target: Target, columns: Sequence[str] | None) -> pd.DataFrame:
    """The rows of the target in memory, with all columns or the named ones.

    Raises:
        WarehouseError: The table is not there.
    """
    if not _is_stored(connection, target):
        raise WarehouseError(f"{target.schema}.{target.table} is not stored. Materialize its asset first.")
    names = ", ".join(map(quoted, columns)) if columns else "*"
    table = f"{quoted(target.schema)}.{quoted(target.table)}"
    frame: pd.DataFrame = connection.sql(f"SELECT {names} FROM {table} WHERE {target.condition or 'true'}").df()
    return frame


def _is_stored(connection: duckdb.DuckDBPyConnection, target: Target) -> bool:
    return bool(
        connection.execute(
            "SELECT 1 FROM duckdb_tables() "
            "WHERE database_name = current_database() AND schema_name = $schema AND table_name = $table",
            {"schema": target.schema, "table": target.table},
        ).fetchall()
    )


def _output_of(context: dg.OutputContext | dg.InputContext) -> dg.OutputContext:
    if isinstance(context, dg.OutputContext):
        return context
    if context.upstream_output is None:
        raise WarehouseError(
            f"The input {context.name} is not the output of an asset or op, so nothing is stored of it."
        )
    return context.upstream_output


def _condition(context: dg.OutputContext | dg.InputContext) -> str:
    expression = _output_of(context).definition_metadata.get("partition_expr")
    if expression is None:
        raise WarehouseError(
            f"The asset {context.asset_key.to_user_string()} has partitions, but no metadata `partition_expr`. Name "
            'the column that decides the partition of a row, for example @dg.asset(metadata={"partition_expr": "day"}).'
        )
    definition = context.asset_partitions_def
    if isinstance(definition, dg.MultiPartitionsDefinition):
        return _multi_condition(context, definition, expression)
    if isinstance(definition, dg.TimeWindowPartitionsDefinition):
        return _inside(expression, context.asset_partitions_time_window)
    return f"{expression} IN ({', '.join(map(literal, context.asset_partition_keys))})"


def _multi_condition(
    context: dg.OutputContext | dg.InputContext,
    definition: dg.MultiPartitionsDefinition,
    expressions: Mapping[str, str],
) -> str:
    """An SQL expression for the rows of the partition keys."""
    of_keys = []
    for key in context.asset_partition_keys:
        values = cast("dg.MultiPartitionKey", key).keys_by_dimension
        of_dimensions = []
        for dimension in definition.partitions_defs:
            if dimension.name not in expressions:
                raise WarehouseError(
                    f"The metadata `partition_expr` of {context.asset_key.to_user_string()} has no column for the "
                    f"partition dimension {dimension.name}."
                )
            expression, value = expressions[dimension.name], values[dimension.name]
            if isinstance(dimension.partitions_def, dg.TimeWindowPartitionsDefinition):
                window = dimension.partitions_def.time_window_for_partition_key(value)
                of_dimensions.append(_inside(expression, window))
            else:
                of_dimensions.append(f"{expression} = {literal(value)}")
        of_keys.append(" AND ".join(of_dimensions))
    return of_keys[0] if len(of_keys) == 1 else " OR ".join(f"({condition})" for condition in of_keys)


def _inside(expression: str, window: dg.TimeWindow) -> str:
    # Local times without a zone, as dagster-duckdb does when it loads the table.
    return f"{expression} >= '{window.start:%Y-%m-%d %H:%M:%S}' AND {expression} < '{window.end:%Y-%m-%d %H:%M:%S}'"
