"""What the client must know of a dataset: its path, its key, its cursor field and its fields."""

from collections.abc import Sequence
from dataclasses import dataclass

from cleargrid_assets.contracts import COMMUNICATION_LOG_FIELDS
from cleargrid_assets.schema import Column


@dataclass(frozen=True)
class Dataset:
    """One dataset.

    Attributes:
        section: Section code in the path.
        code: Dataset code in the path.
        key: The field that identifies a row.
        cursor_field: The field that `since` and `until` filter and that rows are ordered by; a required TIMESTAMPTZ.
        fields: The documented fields.
    """

    section: str
    code: str
    key: str
    cursor_field: str
    fields: Sequence[Column]


D21 = Dataset(
    section="S4",
    code="D21",
    key="public_id",
    cursor_field="communicated_at",
    fields=COMMUNICATION_LOG_FIELDS,
)
"""Communication Logs."""
