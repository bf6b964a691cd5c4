"""Interactions: the communications of the log with their channel, contact, outcome and lags."""

from datetime import date

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from cleargrid_assets.analysis.classify import IS_ATTEMPT, IS_PHONE, IS_RESPONSE, classified
from cleargrid_assets.analysis.contacts import ADDRESS, SPELLINGS, find_spellings, is_plain
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.relations import select

_WORDS = ("communication_type", "status")
SOURCES = {
    "public_id": ("public_id",),
    "communicated_date": ("communicated_date",),
    "communicated_at": ("communicated_at",),
    "direction": ("direction",),
    "communication_type": ("communication_type",),
    "status": ("status",),
    "channel": ("communication_type",),
    "contact": ("direction", "from", "to"),
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
    addressed = classified(logs, outcomes).project(f"*, {ADDRESS} AS address")
    find_spellings(connection, logs.project(f"{ADDRESS} AS address"), outcomes.withheld, region)
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
            CASE WHEN {is_plain("address", outcomes.withheld)} THEN address ELSE contact END AS contact,
            CASE
                WHEN outcome = 'reached' AND {IS_PHONE} AND duration >= {outcomes.engaged_seconds!r} THEN 'engaged'
                ELSE outcome
            END AS outcome,
            duration,
            (epoch_us(created_at) - epoch_us(communicated_at)) / 1e6 AS logging_lag_s,
            (epoch_us(updated_at) - epoch_us(created_at)) / 1e6 AS update_lag_s
        FROM addressed
        LEFT JOIN {SPELLINGS} USING (address)
        """,
        "addressed",
        addressed,
    )


def withheld(rows: DuckDBPyRelation) -> dict[date, int]:
    """How many interactions of each day have a withheld address."""
    of_day = f"count(*) FILTER (contact IS NULL AND ({IS_ATTEMPT} OR {IS_RESPONSE}))"
    return dict(rows.aggregate(f"communicated_date, {of_day}").fetchall())


def merged_by_spelling(logs: DuckDBPyRelation) -> dict[date, int]:
    """How many addresses of each day are another spelling of a contact: distinct addresses minus distinct contacts.

    Withheld addresses do not count. Days without other spellings are left out.

    Args:
        logs: The rows of which `interactions` were computed before, on the same connection.
    """
    # Most addresses are their own contact. They matter only where the contact has another spelling, too.
    merged = select(
        f"""
        WITH addresses AS (
            SELECT communicated_date, {ADDRESS} AS address FROM logs
        ), others AS (
            SELECT DISTINCT communicated_date, address, contact
            FROM addresses
            JOIN {SPELLINGS} USING (address)
            WHERE contact <> address
        ), contacts AS (
            SELECT communicated_date, contact, count(*) AS spellings FROM others GROUP BY ALL
        ), own AS (
            SELECT DISTINCT communicated_date, address AS contact FROM addresses
            SEMI JOIN contacts ON contacts.contact = address
        )
        SELECT communicated_date, sum(spellings - 1 + (own.contact IS NOT NULL)::INTEGER)::BIGINT
        FROM contacts
        LEFT JOIN own USING (communicated_date, contact)
        GROUP BY communicated_date
        """,
        "logs",
        logs,
    )
    return dict(merged.fetchall())
