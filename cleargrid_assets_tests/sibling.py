"""A sibling dataset of communication logs (D23), declared as a user of the package would declare it.

Its public columns are ClearGrid's; the product itself does not store it.
"""

from datetime import datetime, timedelta
from typing import Any

import dagster as dg

from cleargrid_assets.assets.export import export_asset, export_source
from cleargrid_assets.checks.export import export_checks
from cleargrid_assets.definitions import build_defs
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.schema import EXTRACTED_AT, PARTITION_COLUMN, Column, Table

_FIELDS = (
    Column("public_id", "VARCHAR", "Stable unique identifier of the outcome."),
    Column("communication_type", "VARCHAR", "Type of the communication (an open list)."),
    Column("interaction_source", "VARCHAR", "Where the outcome was recorded (an open list)."),
    Column("outcome_option", "VARCHAR", "The outcome that was chosen; NULL if none was.", nullable=True),
    Column("is_active", "BOOLEAN", "Whether the outcome is in force."),
    Column("is_ptp_broken", "BOOLEAN", "Whether a promise to pay was broken; NULL without a promise.", nullable=True),
    Column("communicated_at", "TIMESTAMPTZ", "Instant of the communication; decides the business day."),
    Column("created_at", "TIMESTAMPTZ", "Instant at which the platform created the row."),
    Column("updated_at", "TIMESTAMPTZ", "Instant of the row's latest change at the platform."),
)

D23 = Dataset(section="S4", code="D23", key="public_id", cursor_field="communicated_at", fields=_FIELDS)

COMMUNICATION_OUTCOMES = Table(
    name="communication_outcomes",
    columns=(
        *_FIELDS,
        Column(PARTITION_COLUMN, "DATE", "Business day, from midnight to midnight in `CLEARGRID_TIMEZONE`."),
        Column(EXTRACTED_AT, "TIMESTAMPTZ", "Instant at which this project began to fetch the row's day."),
    ),
    key=("public_id",),
    description="What came of each communication: one row per recorded outcome.",
    version_column="updated_at",
)


def build_defs_with_sibling() -> dg.Definitions:
    """The product's definitions, and beside them the sibling's asset, its source and its checks."""
    return dg.Definitions.merge(
        build_defs(),
        dg.Definitions(
            assets=[export_source(D23), export_asset(D23, COMMUNICATION_OUTCOMES)],
            asset_checks=export_checks(D23, COMMUNICATION_OUTCOMES),
        ),
    )


def outcome(public_id: str, communicated_at: datetime, **values: Any) -> dict[str, Any]:
    """A row as the API sends it: a kept promise, changed by `values`."""
    return {
        "public_id": public_id,
        "communication_type": "CALL",
        "interaction_source": "AGENT",
        "outcome_option": "PROMISE_TO_PAY",
        "is_active": True,
        "is_ptp_broken": False,
        "communicated_at": communicated_at.isoformat(),
        "created_at": (communicated_at + timedelta(seconds=5)).isoformat(),
        "updated_at": (communicated_at + timedelta(seconds=60)).isoformat(),
        **values,
    }
