"""The attempt funnel: how many attempts and contacts got to each stage, by communication type."""

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.contracts import ALL_TYPES, ATTEMPT_FUNNEL, STAGES

_STAGE = ("communicated_date", "communication_type", "direction", "outcome")
_CONTACTS = (*_STAGE, "contact")
SOURCES = {
    "communicated_date": ("communicated_date",),
    "communication_type": ("communication_type",),
    "stage": _STAGE,
    "stage_order": _STAGE,
    "attempts": _STAGE,
    "contacts": _CONTACTS,
    "attempt_rate": _STAGE,
    "contact_rate": _CONTACTS,
    "step_rate": _CONTACTS,
}
"""For each column of the table, the columns of the interactions that it is computed from."""

_STAGE_ROWS = ", ".join(f"({order}, '{stage}')" for order, stage in enumerate(STAGES, 1))

_STAGE_OF_OUTCOME = "CASE outcome WHEN 'engaged' THEN 4 WHEN 'reached' THEN 3 WHEN 'delivered' THEN 2 ELSE 1 END"

# Grouped by contact first, because counting contacts by their furthest stage needs no count(DISTINCT). Attempts without
# a contact form one group, which is no contact.
_FUNNEL = f"""
WITH by_contact AS (
    SELECT
        communicated_date,
        contact,
        CASE WHEN grouping(communication_type) = 1 THEN '{ALL_TYPES}' ELSE communication_type END AS communication_type,
        max(stage) AS furthest,
        count(*) AS attempted,
        count(*) FILTER (stage >= 2) AS delivered,
        count(*) FILTER (stage >= 3) AS reached,
        count(*) FILTER (stage >= 4) AS engaged
    FROM attempts
    GROUP BY GROUPING SETS ((communicated_date, communication_type, contact), (communicated_date, contact))
    HAVING grouping(communication_type) = 1 OR communication_type <> '{ALL_TYPES}'
), by_type AS (
    SELECT
        communicated_date,
        communication_type,
        [sum(attempted), sum(delivered), sum(reached), sum(engaged)] AS attempts,
        [
            count(contact),
            count(contact) FILTER (furthest >= 2),
            count(contact) FILTER (furthest >= 3),
            count(contact) FILTER (furthest >= 4)
        ] AS contacts
    FROM by_contact
    GROUP BY communicated_date, communication_type
)
SELECT
    communicated_date,
    communication_type,
    stage,
    stage_order,
    attempts[stage_order] AS attempts,
    contacts[stage_order] AS contacts,
    attempts[stage_order] / attempts[1] AS attempt_rate,
    contacts[stage_order] / nullif(contacts[1], 0) AS contact_rate,
    CASE WHEN stage_order > 1 THEN contacts[stage_order] / nullif(contacts[stage_order - 1], 0) END AS step_rate
FROM by_type
CROSS JOIN (VALUES {_STAGE_ROWS}) AS stages (stage_order, stage)
"""


def attempt_funnel(interactions: DuckDBPyRelation, _scope: Scope) -> pd.DataFrame:
    """Counts outbound attempts and their contacts by stage, for each day and communication type, and for `ALL`.

    With a(s) attempts and c(s) distinct contacts that got to stage s or further:

    - `attempt_rate` = a(s) / a(1);
    - `contact_rate` = c(s) / c(1); NULL if c(1) is 0, because all attempts were on withheld addresses;
    - `step_rate` = c(s) / c(s - 1); NULL at stage 1, and if c(s - 1) is 0.

    Each day and type with an outbound attempt has a row for every stage. `ALL` counts a contact once, even if several
    types were used. Rows whose own type is `ALL` are counted only there.

    Args:
        interactions: Interactions of the days.
        _scope: Not needed.

    Returns:
        The columns of `ATTEMPT_FUNNEL`, sorted by day, type and the order of the stages.
    """
    attempts = interactions.filter(classify.IS_ATTEMPT).project(
        f"communicated_date, communication_type, contact, {_STAGE_OF_OUTCOME} AS stage"
    )
    result = select(_FUNNEL, "attempts", attempts)
    return to_frame(ATTEMPT_FUNNEL, [result], order=("communicated_date", "communication_type", "stage_order"))
