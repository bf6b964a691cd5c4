"""Interactions: the communications of the log with their channel, contact, outcome and lags."""

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from cleargrid_assets.analysis.classify import IS_PHONE, classified
from cleargrid_assets.analysis.contacts import ADDRESS, IS_EMAIL, SPELLINGS, find_spellings, is_e164
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.relations import select

_WORDS = ("communication_type", "status")
_CONTACT = ("direction", "from", "to", "communication_type")
SOURCES = {
    "public_id": ("public_id",),
    "communicated_date": ("communicated_date",),
    "communicated_at": ("communicated_at",),
    "direction": ("direction",),
    "communication_type": ("communication_type",),
    "status": ("status",),
    "channel": ("communication_type",),
    "contact": _CONTACT,
    "outcome": (*_WORDS, "duration"),
    "duration": ("duration",),
    "logging_lag_s": ("communicated_at", "created_at"),
    "update_lag_s": ("created_at", "updated_at"),
}
"""For each column of the table, the columns of the communication logs that it is computed from."""


def interactions(
    connection: DuckDBPyConnection, logs: DuckDBPyRelation, outcomes: Outcomes, region: str | None
) -> DuckDBPyRelation:
    """The rows of the log with their meaning, in both directions.

    - `contact`: see `find_spellings`. NULL if it is withheld, or if the direction is neither inbound nor outbound.
    - `outcome`: what the status means. A reached phone communication of at least `engaged_seconds` is engaged.
    - `logging_lag_s` = `created_at` - `communicated_at` and `update_lag_s` = `updated_at` - `created_at`, in seconds
      with fractions; they may be negative.

    Args:
        connection: The connection of the relation. It gets a temporary table, which the result reads.
        logs: Communication logs.
        outcomes: The meaning of statuses and types, and the withheld addresses.
        region: ISO country of telephone numbers without a country code; None if there is none.

    Returns:
        The columns of `INTERACTIONS`, in no order.
    """
    addressed = classified(logs, outcomes).project(f"*, {ADDRESS} AS address, {IS_EMAIL} AS is_email")
    find_spellings(connection, addressed.project("address, is_email"), outcomes.withheld, region)
    return select(
        f"""
        SELECT
            public_id,
            communicated_date,
            communicated_at,
            lower(direction) AS direction,
            communication_type,
            status,
            channel,
            CASE WHEN {is_e164("address")} THEN address ELSE contact END AS contact,
            CASE
                WHEN outcome = 'reached' AND {IS_PHONE} AND duration >= {outcomes.engaged_seconds!r} THEN 'engaged'
                ELSE outcome
            END AS outcome,
            duration,
            (epoch_us(created_at) - epoch_us(communicated_at)) / 1e6 AS logging_lag_s,
            (epoch_us(updated_at) - epoch_us(created_at)) / 1e6 AS update_lag_s
        FROM addressed
        LEFT JOIN {SPELLINGS} USING (address, is_email)
        """,
        "addressed",
        addressed,
    )
