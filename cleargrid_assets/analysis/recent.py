"""Queries for analysts, over the latest stored days and over one contact. `contracts/views.py` has their columns.

Table names are bare, because DuckDB looks them up beside the view, wherever the file is.
"""

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.intervals import wilson_sql
from cleargrid_assets.contracts import CHANNEL_REACH, DAYS, FEW, HOURLY_REACH, INTERACTIONS
from cleargrid_assets.contracts.views import WINDOW_DAYS
from cleargrid_assets.schema import SCHEMA, Table

_CONTACTS_LOW, _CONTACTS_HIGH = wilson_sql("reached_contacts", "contacts")
_ATTEMPTS_LOW, _ATTEMPTS_HIGH = wilson_sql("reached_attempts", "attempts")


def _window(table: Table) -> str:
    """The start of a query: the stored days of the window as `recent`, and the last of them and their number as `span`.

    Without a stored day, `recent` has no rows, and `span` one.
    """
    return f"""
WITH stored AS (
    SELECT DISTINCT communicated_date FROM {DAYS.name} WHERE table_name = '{table.name}'
), recent AS (
    SELECT communicated_date
    FROM stored
    WHERE communicated_date > (SELECT max(communicated_date) FROM stored) - {WINDOW_DAYS}
), span AS (
    SELECT max(communicated_date) AS last_day, count(*) AS stored_days FROM recent
)"""


LATEST_DAY_SQL = f"""{_window(CHANNEL_REACH)}, channels AS (
    SELECT DISTINCT channel FROM {CHANNEL_REACH.name} SEMI JOIN recent USING (communicated_date)
)
SELECT
    last_day AS communicated_date,
    channels.channel,
    coalesce(attempts, 0) AS attempts,
    coalesce(contacts, 0) AS contacts,
    coalesce(reached_contacts, 0) AS reached_contacts,
    reach_rate,
    reach_rate_low,
    reach_rate_high,
    attempts_per_reached_contact,
    coalesce(contacts_responded, 0) AS contacts_responded,
    median_duration,
    coalesce(contacts, 0) < {FEW} AS has_few_contacts
FROM channels
CROSS JOIN span
LEFT JOIN {CHANNEL_REACH.name} AS reach ON reach.communicated_date = last_day AND reach.channel = channels.channel
ORDER BY contacts DESC, channels.channel
"""
"""The query for the columns of `LATEST_DAY`."""

LAST_28_DAYS_SQL = f"""{_window(INTERACTIONS)}, by_contact AS (
    SELECT channel, contact, count(*) AS attempts, bool_or({classify.IS_REACHED}) AS is_reached
    FROM {INTERACTIONS.name}
    SEMI JOIN recent USING (communicated_date)
    WHERE {classify.IS_ATTEMPT}
    GROUP BY channel, contact
), by_channel AS (
    SELECT
        channel,
        sum(attempts)::BIGINT AS attempts,
        count(contact) AS contacts,
        count(contact) FILTER (is_reached) AS reached_contacts
    FROM by_contact
    GROUP BY channel
)
SELECT
    last_day AS communicated_date,
    channel,
    stored_days,
    attempts,
    contacts,
    reached_contacts,
    reached_contacts / nullif(contacts, 0) AS reach_rate,
    {_CONTACTS_LOW} AS reach_rate_low,
    {_CONTACTS_HIGH} AS reach_rate_high,
    attempts / nullif(reached_contacts, 0) AS attempts_per_reached_contact,
    contacts < {FEW} AS has_few_contacts
FROM by_channel
CROSS JOIN span
ORDER BY contacts DESC, channel
"""
"""The query for the columns of `LAST_28_DAYS_BY_CHANNEL`."""

BEST_HOURS_SQL = f"""{_window(HOURLY_REACH)}, by_hour AS (
    SELECT
        channel,
        hour,
        sum(attempts)::BIGINT AS attempts,
        sum(reached_attempts)::BIGINT AS reached_attempts
    FROM {HOURLY_REACH.name}
    SEMI JOIN recent USING (communicated_date)
    GROUP BY channel, hour
), rated AS (
    SELECT
        *,
        reached_attempts / attempts AS reach_rate,
        {_ATTEMPTS_LOW} AS reach_rate_low,
        {_ATTEMPTS_HIGH} AS reach_rate_high,
        attempts < {FEW} AS has_few_attempts
    FROM by_hour
    WHERE attempts > 0
)
SELECT
    last_day AS communicated_date,
    channel,
    hour,
    CASE WHEN NOT has_few_attempts THEN
        row_number() OVER (PARTITION BY channel, has_few_attempts ORDER BY reach_rate_low DESC, hour)
    END AS place,
    stored_days,
    attempts,
    reached_attempts,
    reach_rate,
    reach_rate_low,
    reach_rate_high,
    has_few_attempts
FROM rated
CROSS JOIN span
ORDER BY channel, place NULLS LAST, hour
"""
"""The query for the columns of `BEST_HOURS`."""

CONTACT_HISTORY_SQL = f"""
SELECT
    communicated_at,
    communicated_date,
    direction,
    channel,
    communication_type,
    status,
    outcome,
    duration,
    logging_lag_s,
    update_lag_s,
    public_id
FROM query_table('"' || current_database() || '".{SCHEMA}.{INTERACTIONS.name}') AS stored
WHERE stored.contact = contact
ORDER BY communicated_at DESC, public_id DESC
"""
"""The query of the macro for the columns of `CONTACT_HISTORY`. Its parameter is `contact`.

DuckDB looks the bare names of a view up beside the view, but those of a macro where its caller is. So this names the
schema of the current database.
"""
