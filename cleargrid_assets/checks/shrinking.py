"""The check that names days that lost many of their rows."""

from collections.abc import Mapping
from datetime import date

import dagster as dg

from cleargrid_assets.checks.scope import LastMaterialization, verdict
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.table_metadata import asset_key


def no_day_has_shrunk(table: Table) -> dg.AssetCheckSpec:
    """The check that warns of days that were stored although they lost many rows."""
    return dg.AssetCheckSpec(
        "no_day_has_shrunk",
        asset=asset_key(table),
        description="No day was stored with fewer rows than before by more than CLEARGRID_MAX_SHRINK. Such a day is "
        "stored only if the source's own count confirms it or the run accepts it.",
    )


def find_shrunk(spec: dg.AssetCheckSpec, last: Mapping[date, LastMaterialization]) -> dg.AssetCheckResult:
    """Checks that no day lost many rows when it was last stored."""
    shrunk = [
        f"{day} from {stored.metadata['shrunk_from']:,} to {stored.metadata.get('rows'):,} rows"
        for day, stored in sorted(last.items())
        if "shrunk_from" in stored.metadata
    ]
    return verdict(
        spec,
        passed=not shrunk,
        good="No day lost many rows.",
        bad=f"Days have shrunk: {', '.join(shrunk)}. The source's count confirmed it, or the run accepted it. Ask "
        "ClearGrid why the rows are gone, if you do not know. To get them back, restore a backup.",
        found={"shrunk_days": len(shrunk)},
        days=sorted(last),
    )
