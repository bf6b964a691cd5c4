"""Collects the content of a digest from the stored rows and from Dagster's history."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg

from cleargrid_assets.analysis.baselines import baselines_sql
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.unmapped import as_pairs, unmapped, unmapped_attempts
from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.assets.presenting import presentation_of, presentation_of_log
from cleargrid_assets.contracts import (
    ALL_TYPES,
    ATTEMPT_FUNNEL,
    COMMUNICATION_LOGS,
    INTERACTIONS,
    OPERATIONAL_HEALTH,
    TABLES,
)
from cleargrid_assets.digest.content import WEEK, Digest, Section
from cleargrid_assets.digest.figures import figures, funnel_rows
from cleargrid_assets.digest.history import read_history
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.pictures import text
from cleargrid_assets.pictures.frames import tidy
from cleargrid_assets.pictures.presentation import Shown
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.ledger import read_ledger
from cleargrid_assets.warehouse.resource import WarehouseResource


def collect(
    day: date, warehouse: WarehouseResource, outcomes: Outcomes, instance: dg.DagsterInstance | None, now: datetime
) -> Digest:
    """The digest of a day, with its pictures drawn.

    Args:
        day: A business day. One that is not stored has no figures, but failing checks.
        warehouse: Where the rows are.
        outcomes: The outcomes file.
        instance: Knows the checks and what the latest fetches changed; None if there is none at hand.
        now: The current time.

    Raises:
        WarehouseError: The database cannot be opened.
    """
    ledgers = _ledgers(warehouse)
    stored = ledgers[COMMUNICATION_LOGS.name]
    refetched = [day - timedelta(days=back) for back in range(Settings.from_environment().resync_days)]
    fetched = [each for each in sorted(refetched) if each in stored]
    history = None if instance is None else read_history(instance, day, fetched)
    latest = max(stored, default=None)
    if latest is None or day not in stored:
        return Digest(day, BUSINESS_ZONE.key, now, latest, is_stored=False, history=history)
    missing = [name for name, days in ledgers.items() if day not in days]
    health, funnel = (
        tidy(warehouse.slice(table, [day - WEEK, day]).frame(), table) for table in (OPERATIONAL_HEALTH, ATTEMPT_FUNNEL)
    )
    baseline = {} if OPERATIONAL_HEALTH.name in missing else _baseline(day, warehouse, outcomes)
    rows, more_types = funnel_rows(funnel, day)
    about = _about(day, latest, warehouse, outcomes)
    return Digest(
        day=day,
        zone=BUSINESS_ZONE.key,
        made_at=now,
        latest=latest,
        is_stored=True,
        missing=missing,
        figures=figures(health, funnel, day, baseline),
        unmapped_note=about.unmapped_note(),
        funnel=rows,
        more_types=more_types,
        sections=_sections(about, warehouse, outcomes, missing),
        unmapped=[(str(word), text.count(float(number))) for word, number in as_pairs(about.unmapped)],
        history=history,
    )


def _ledgers(warehouse: WarehouseResource) -> dict[str, Collection[date]]:
    """The stored days of each table, by its name."""
    with warehouse.reading() as connection:
        return {table.name: read_ledger(connection, table) for table in TABLES}


def _about(day: date, latest: date, warehouse: WarehouseResource, outcomes: Outcomes) -> Shown:
    with warehouse.slice(INTERACTIONS, [day]).open() as interactions:
        words, attempts = unmapped(interactions, outcomes), unmapped_attempts(interactions)
    return Shown(day, BUSINESS_ZONE.key, latest, words, attempts)


def _sections(
    about: Shown, warehouse: WarehouseResource, outcomes: Outcomes, missing: Collection[str]
) -> list[Section]:
    """The communication logs, and the analyses whose table has the day."""
    shown = {COMMUNICATION_LOGS.name: presentation_of_log(about.day, warehouse, outcomes)}
    for analysis in ANALYSES:
        if analysis.table.name not in missing:
            shown[analysis.table.name] = presentation_of(analysis, about.day, warehouse, outcomes)
    return [
        Section(name, text.capitalized(each.headline.removeprefix(about.title(""))), each.draw())
        for name, each in shown.items()
    ]


def _baseline(day: date, warehouse: WarehouseResource, outcomes: Outcomes) -> Mapping[str, Any]:
    """What is usual for all types together on the weekday of the day; empty if there is none."""
    with warehouse.reading() as connection:
        found = connection.sql(baselines_sql(outcomes)).filter(
            f"communicated_date = DATE '{day.isoformat()}' AND communication_type = '{ALL_TYPES}'"
        )
        row = found.fetchone()
        return dict(zip(found.columns, row, strict=True)) if row else {}
