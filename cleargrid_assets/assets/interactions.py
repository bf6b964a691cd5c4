"""Interactions: the log with its meaning, between the log and the analyses."""

from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any

import dagster as dg
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from cleargrid_assets.analysis.interactions import SOURCES, interactions, merged_by_spelling, withheld
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.recent import CONTACT_HISTORY_SQL, LAST_28_DAYS_SQL
from cleargrid_assets.analysis.unmapped import as_pairs, unmapped
from cleargrid_assets.assets.table_asset import column_lineage, table_asset
from cleargrid_assets.assets.version import made_with
from cleargrid_assets.configuration import pseudonyms_of
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets.contracts.views import CONTACT_HISTORY, LAST_28_DAYS_BY_CHANNEL
from cleargrid_assets.pseudonyms import Pseudonyms
from cleargrid_assets.resources import OutcomesResource
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.forms import CLEAR, form_of, refuse_other_form, stored_versions
from cleargrid_assets.warehouse.io_manager import VERSION
from cleargrid_assets.warehouse.slices import ComputedSlice
from cleargrid_assets.warehouse.table_metadata import asset_key

CODE_VERSION = "1"
"""Change it together with the meaning of a communication."""


def _interactions(outcomes: OutcomesResource) -> dg.MaterializeResult[ComputedSlice]:
    words, settings = outcomes.load(), Settings.from_environment()
    version = current_version(words, settings.region, pseudonyms_of(settings))
    return dg.MaterializeResult(
        value=ComputedSlice(
            COMMUNICATION_LOGS,
            partial(_computed, outcomes=words, region=settings.region, version=version),
            partial(_described, outcomes=words, version=version),
            views={LAST_28_DAYS_BY_CHANNEL.name: LAST_28_DAYS_SQL},
            macros={f"{CONTACT_HISTORY.name}(contact)": CONTACT_HISTORY_SQL},
        ),
        metadata={VERSION: version},
    )


def current_version(outcomes: Outcomes, region: str | None, pseudonyms: Pseudonyms | None) -> str:
    """What a run would make the table with today."""
    return made_with(CODE_VERSION, outcomes, region=region or "none", pseudonyms=pseudonyms)


def _computed(
    connection: DuckDBPyConnection, logs: DuckDBPyRelation, outcomes: Outcomes, region: str | None, version: str
) -> DuckDBPyRelation:
    """The rows, unless the log holds addresses in another form than that of the settings."""
    refuse_other_form(COMMUNICATION_LOGS.name, stored_versions(connection, COMMUNICATION_LOGS), version)
    return interactions(connection, logs, outcomes, region)


def _described(
    logs: DuckDBPyRelation, rows: DuckDBPyRelation, outcomes: Outcomes, version: str
) -> Mapping[date, Mapping[str, Any]]:
    """Metadata of each day that has rows. With pseudonyms, spellings were merged when the day was fetched."""
    unknown = unmapped(rows, outcomes)
    merged = merged_by_spelling(logs) if form_of(version) == CLEAR else None
    return {
        day: {
            **({} if merged is None else {"merged_by_spelling": merged.get(day, 0)}),
            "withheld": number,
            "unmapped": as_pairs([each for each in unknown if each.communicated_date == day]),
        }
        for day, number in withheld(rows).items()
    }


interactions_asset = table_asset(
    INTERACTIONS,
    _interactions,
    lineage=column_lineage(COMMUNICATION_LOGS, SOURCES),
    deps=[asset_key(COMMUNICATION_LOGS)],
    code_version=CODE_VERSION,
)
