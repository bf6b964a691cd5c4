"""The check that names days made with another version than today's."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import dagster as dg

from cleargrid_assets.analysis.outcomes import Outcomes, load_outcomes
from cleargrid_assets.assets import interactions
from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.assets.export import export_version
from cleargrid_assets.checks.scope import verdict, with_derived
from cleargrid_assets.configuration import pseudonyms_of
from cleargrid_assets.contracts import INTERACTIONS
from cleargrid_assets.schema import Table
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.forms import days_in_other_form, other_form
from cleargrid_assets.warehouse.ledger import StoredDays
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import counted, first_of

CURRENT = "made_with_current_version"
_MAX_LISTED = 5


def made_with_current_version(table: Table, derived: Sequence[Table]) -> dg.AssetCheckSpec:
    """The check of an export and of the tables that are computed from it."""
    return dg.AssetCheckSpec(
        CURRENT,
        asset=asset_key(table),
        additional_deps=[asset_key(each) for each in derived],
        description=f"Every stored day of {with_derived(table, derived)} was made with today's code version, time "
        "zone, outcomes file, CLEARGRID_REGION and CLEARGRID_PSEUDONYM_KEY. Days of unknown version count as stored "
        "without pseudonyms, and are not judged otherwise.",
    )


def current_versions(tables: Sequence[Table], outcomes: Outcomes) -> dict[str, str]:
    """What a run would make each table with today."""
    settings = Settings.from_environment()
    pseudonyms = pseudonyms_of(settings)
    derived = {analysis.table.name: analysis.version(outcomes) for analysis in ANALYSES}
    derived[INTERACTIONS.name] = interactions.current_version(outcomes, settings.region, pseudonyms)
    return {table.name: derived.get(table.name, export_version(table, pseudonyms)) for table in tables}


def find_other_versions(
    spec: dg.AssetCheckSpec, stored: Mapping[str, StoredDays], versions: Mapping[str, str]
) -> dg.AssetCheckResult:
    """Checks that every day was made with today's version.

    Args:
        spec: The check.
        stored: What the database holds of each table.
        versions: Today's version of each table.
    """
    described, numbers = [], {}
    alike: dict[_Found, list[str]] = {}
    words = _words()
    for name, version in versions.items():
        known = {day: entry.version for day, entry in stored[name].entries.items()}
        if found := other_form(name, known, version):
            # A backfill of these days would be refused.
            numbers[name] = len(days_in_other_form(known, version))
            described.append(found)
            continue
        others = {day: other for day, other in known.items() if other is not None and other != version}
        if others:
            numbers[name] = len(others)
            alike.setdefault(_found(others, version, words), []).append(name)
    described += [_sentences(found, names) for found, names in alike.items()]
    return verdict(
        spec,
        passed=not described,
        good="All days of known version were made with today's version.",
        bad=" ".join(described),
        found={"days_by_table": numbers},
        days=None,
    )


class _Found(NamedTuple):
    """Days of a table that were made with other versions than today's.

    Attributes:
        days: The days in order.
        made: What they were made with, as far as it differs.
        today: What a run would make them with, as far as it differs.
    """

    days: tuple[date, ...]
    made: tuple[str, ...]
    today: str


def _found(others: Mapping[date, str], version: str, words: Mapping[str, str]) -> _Found:
    made = {_different(other, [version], words) for other in others.values()}
    return _Found(tuple(sorted(others)), tuple(sorted(made)), _different(version, others.values(), words))


def _different(version: str, others: Collection[str], words: Mapping[str, str]) -> str:
    """The parts of a version that one of the others does not have; the whole version if they have all."""
    parts = version.split(", ")
    different = [part for part in parts if any(part not in other.split(", ") for other in others)] or parts
    return ", ".join(words.get(part, part) for part in different)


def _words() -> dict[str, str]:
    """What to call the parts of a version that are those of the packaged outcomes file."""
    packaged = load_outcomes(None)
    return {
        f"outcomes {packaged.meaning_fingerprint}": "the packaged outcomes",
        f"days off and limits {packaged.rules_fingerprint}": "no days off and limits",
    }


def _sentences(found: _Found, names: Sequence[str]) -> str:
    days, made, today = found
    return (
        f"{counted(len(days), 'day')} of {', '.join(names)} ({first_of(days, _MAX_LISTED, 'day')}) "
        f"{'was' if len(days) == 1 else 'were'} made with {first_of(made, _MAX_LISTED, 'version', '; ')}, "
        f"and today's version is {today}. "
        f"Backfill {names[0] if len(names) == 1 else 'these tables'} from {days[0]} to {days[-1]}."
    )
