"""The attempt funnel: how many attempts and contacts got how far, by communication type.

What belongs here: the definition of `attempt_funnel`. What does not: what a status means (`outcomes`) and how a row
is read (`classify`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.relations import select, to_frame
from cleargrid_assets.contracts import ATTEMPT_FUNNEL

if TYPE_CHECKING:
    import pandas as pd
    from duckdb import DuckDBPyRelation

COLUMNS = ("communicated_date", "communication_type", "direction", "status", "to", "duration")
"""The columns of the communication logs that are read."""

# Grouped by contact first: a contact's furthest stage makes distinct contacts a plain count.
_FUNNEL = """
WITH by_contact AS (
    SELECT
        communicated_date,
        CASE WHEN grouping(communication_type) = 1 THEN 'ALL' ELSE communication_type END AS communication_type,
        max(stage) AS furthest,
        count(*) AS attempted,
        count(*) FILTER (stage >= 2) AS delivered,
        count(*) FILTER (stage >= 3) AS reached,
        count(*) FILTER (stage >= 4) AS engaged
    FROM attempts
    GROUP BY GROUPING SETS ((communicated_date, communication_type, contact), (communicated_date, contact))
    HAVING grouping(communication_type) = 1 OR communication_type <> 'ALL'
), by_type AS (
    SELECT
        communicated_date,
        communication_type,
        [sum(attempted), sum(delivered), sum(reached), sum(engaged)] AS attempts,
        [
            count(*),
            count(*) FILTER (furthest >= 2),
            count(*) FILTER (furthest >= 3),
            count(*) FILTER (furthest >= 4)
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
    contacts[stage_order] / contacts[1] AS contact_rate,
    CASE WHEN stage_order > 1 THEN contacts[stage_order] / nullif(contacts[stage_order - 1], 0) END AS step_rate
FROM by_type
CROSS JOIN (VALUES (1, 'attempted'), (2, 'delivered'), (3, 'reached'), (4, 'engaged')) AS stages (stage_order, stage)
"""


def attempt_funnel(logs: DuckDBPyRelation, outcomes: Outcomes) -> pd.DataFrame:
    """Counts outbound attempts and their contacts by stage, for each day and communication type, and for `ALL`.

    The stages are 1 `attempted` (every outbound attempt), 2 `delivered`, 3 `reached` and 4 `engaged`; each contains
    the next. With a(s) attempts and c(s) distinct contacts at stage s or beyond:

    - `attempt_rate` = a(s) / a(1) and `contact_rate` = c(s) / c(1), from 0 to 1;
    - `step_rate` = c(s) / c(s - 1), from 0 to 1; NULL at stage 1 and where c(s - 1) is 0.

    All four stages are there for each day and type with an outbound attempt. `ALL` counts a contact once, however
    many types were tried on it; a type that calls itself `ALL` is counted there and has no rows of its own.

    Args:
        logs: The slice; at least `COLUMNS`.
        outcomes: The meaning of statuses and types.

    Returns:
        The columns of `ATTEMPT_FUNNEL`, sorted by day, type and the order of the stages.
    """
    attempts = classify.classified(logs.filter(classify.OUTBOUND), outcomes).project(
        f"communicated_date, communication_type, {classify.RECIPIENT} AS contact, {classify.stage(outcomes)} AS stage"
    )
    result = select(_FUNNEL, "attempts", attempts)
    return to_frame(ATTEMPT_FUNNEL, [result], order=("communicated_date", "communication_type", "stage_order"))
