"""The asset of a table: its key, and its metadata, from which the IO manager reads the contract."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from cleargrid_assets.schema import SCHEMA, Column, Table

_SCHEMA, _KEY, _VERSION = "dagster/column_schema", "cleargrid/key", "cleargrid/version_column"
_QUARANTINE = "cleargrid/quarantine"
_PERSONAL, _FREE_TEXT = "personal", "free_text"


def asset_key(table: Table) -> dg.AssetKey:
    """The key of the asset that stores the table."""
    return dg.AssetKey([SCHEMA, table.name])


def table_metadata(table: Table) -> dict[str, Any]:
    """The definition metadata of the asset that stores the table."""
    metadata: dict[str, Any] = {
        "dagster/table_name": f"{SCHEMA}.{table.name}",
        _SCHEMA: dg.TableSchema(
            columns=[
                dg.TableColumn(
                    name=column.name,
                    type=column.type,
                    description=column.description,
                    constraints=dg.TableColumnConstraints(
                        nullable=column.nullable, unique=list(table.key) == [column.name]
                    ),
                    tags=dict.fromkeys(_tags(column), ""),
                )
                for column in table.columns
            ]
        ),
        _KEY: list(table.key),
    }
    if table.version_column is not None:
        metadata[_VERSION] = table.version_column
    if table.quarantine is not None:
        metadata[_QUARANTINE] = table.quarantine
    return metadata


def contract_of(name: str, definition_metadata: Mapping[str, Any]) -> Table | None:
    """The contract in the definition metadata of an asset, or None.

    Args:
        name: The name of the table.
        definition_metadata: The result of `table_metadata`, possibly with other entries.
    """
    if _KEY not in definition_metadata:
        return None
    schema, key, version_column = (_plain(definition_metadata.get(entry)) for entry in (_SCHEMA, _KEY, _VERSION))
    return Table(
        name=name,
        columns=tuple(
            Column(
                name=column.name,
                type=column.type,
                description=column.description or "",
                nullable=column.constraints.nullable,
                personal=_PERSONAL in column.tags,
                free_text=_FREE_TEXT in column.tags,
            )
            for column in schema.columns
        ),
        key=tuple(key),
        version_column=version_column,
        quarantine=_plain(definition_metadata.get(_QUARANTINE)),
    )


def _tags(column: Column) -> list[str]:
    return [tag for tag, is_set in ((_PERSONAL, column.personal), (_FREE_TEXT, column.free_text)) if is_set]


def _plain(value: Any) -> Any:
    """The value without Dagster's wrapper, which it has if the definition was loaded from another process."""
    return value.value if isinstance(value, dg.MetadataValue) else value
