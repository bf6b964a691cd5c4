"""A table's contract as the definition metadata of its asset, and back.

The IO manager reads the contract from the asset, so that no module has to list the tables that can be stored.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from cleargrid_assets.schema import PARTITION_COLUMN, Column, Table

_SCHEMA, _KEY, _VERSION = "dagster/column_schema", "cleargrid/key", "cleargrid/version_column"
_PERSONAL = "personal"


def table_metadata(table: Table) -> dict[str, Any]:
    """The definition metadata of the asset that stores the table."""
    metadata: dict[str, Any] = {
        "partition_expr": PARTITION_COLUMN,
        _SCHEMA: dg.TableSchema(
            columns=[
                dg.TableColumn(
                    name=column.name,
                    type=column.type,
                    description=column.description,
                    constraints=dg.TableColumnConstraints(
                        nullable=column.nullable, unique=list(table.key) == [column.name]
                    ),
                    tags={_PERSONAL: ""} if column.personal else {},
                )
                for column in table.columns
            ]
        ),
        _KEY: list(table.key),
    }
    if table.version_column is not None:
        metadata[_VERSION] = table.version_column
    return metadata


def contract_of(name: str, definition_metadata: Mapping[str, Any]) -> Table | None:
    """The contract in the definition metadata of an asset; None when it has none.

    Args:
        name: The name of the table.
        definition_metadata: What `table_metadata` returned, possibly with other entries.
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
            )
            for column in schema.columns
        ),
        key=tuple(key),
        version_column=version_column,
    )


def _plain(value: Any) -> Any:
    """The value itself where Dagster has wrapped it, as it does when a definition is loaded from another process."""
    return value.value if isinstance(value, dg.MetadataValue) else value
