"""Checks of an export against its source: the source's own count of rows, and the fields that it sends."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg

from cleargrid_assets.checks.scope import LastMaterialization, verdict
from cleargrid_assets.exports.count import Count, count_rows
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.window import day_window
from cleargrid_assets.foreign import MAX_WORDS, presentable, presentable_words
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.resources import ExportsResource
from cleargrid_assets.schema import Table
from cleargrid_assets.setting_types import SettingsError
from cleargrid_assets.warehouse.table_metadata import asset_key


def agrees(table: Table) -> dg.AssetCheckSpec:
    """The check that compares the stored rows with the source's own count."""
    return dg.AssetCheckSpec(
        "source_agrees",
        asset=asset_key(table),
        description="The API's own count of the day equals the number of stored and quarantined rows. The API is asked "
        "again if the count of the fetch does not agree, or if another run fetched the day. The check warns if the API "
        "gives no exact count, takes too long, cannot be reached or sends rows more than once.",
    )


def no_new_fields(table: Table) -> dg.AssetCheckSpec:
    """The check that reports fields that the contract does not have."""
    return dg.AssetCheckSpec(
        "no_new_fields",
        asset=asset_key(table),
        description="The API sends no fields beyond those of the contract.",
    )


def compare_counts(
    spec: dg.AssetCheckSpec,
    exports: ExportsResource,
    dataset: Dataset,
    *,
    stored: Mapping[date, int],
    quarantined: Mapping[date, int],
    last: Mapping[date, LastMaterialization],
    run_id: str,
) -> dg.AssetCheckResult:
    """Checks that the source counts as many rows as are stored.

    Args:
        spec: The check.
        exports: Counts the days whose count is missing or differs.
        dataset: The dataset to count.
        stored: The number of stored rows of each day.
        quarantined: The number of quarantined rows of each day. The source counts them too.
        last: The latest materialization of each day.
        run_id: The run of the check.
    """
    counts = {day: _count_of_run(last[day], run_id) for day in stored}
    unsure = [day for day in stored if counts[day] != Count(stored[day] + quarantined[day])]
    if unsure:
        counts |= _counts(exports, dataset, unsure)
    days = [_Comparison(day, stored[day], quarantined[day], counts[day], _repeated_rows(last[day])) for day in stored]
    uncounted = [each for each in days if not each.count.is_exact]
    found = _comparison(days)
    return verdict(
        spec,
        passed=not any(each.differs or each.is_repeated for each in days) and not uncounted,
        good=found,
        bad=found,
        metadata={
            "stored_rows": sum(stored.values()),
            "quarantined_rows": sum(quarantined.values()),
        }
        # Left out if a day is missing, because a smaller sum would look like lost rows in a plot.
        | ({} if uncounted else {"source_rows": sum(count.rows or 0 for count in counts.values())}),
        found={"days_not_counted": len(uncounted)},
        days=list(stored),
        severity=dg.AssetCheckSeverity.ERROR if any(each.differs for each in days) else dg.AssetCheckSeverity.WARN,
    )


@dataclass(frozen=True)
class _Comparison:
    """The rows of a day here and at the source.

    Attributes:
        day: The business day.
        stored: Rows in the table.
        quarantined: Rows in quarantine.
        count: The source's count.
        repeated: Rows that the source sent again.
    """

    day: date
    stored: int
    quarantined: int
    count: Count
    repeated: int

    @property
    def is_repeated(self) -> bool:
        """Whether the source may count more rows only because it counts repetitions."""
        return 0 < self._more_at_source <= self.repeated

    @property
    def differs(self) -> bool:
        """Whether the source has more or fewer rows, and not because of repetitions."""
        return self._more_at_source != 0 and not self.is_repeated

    @property
    def _more_at_source(self) -> int:
        return (self.count.rows or 0) - self.stored - self.quarantined if self.count.is_exact else 0

    def __str__(self) -> str:
        apart = f" and {self.quarantined:,} quarantined" if self.quarantined else ""
        return f"{self.day}: {self.stored:,} rows stored{apart}, {self.count.rows:,} at the source"


def _comparison(days: Sequence[_Comparison]) -> str:
    """What the comparison of the days says, the worst first."""
    if different := [each for each in days if each.differs]:
        return f"{'; '.join(map(str, different))}. Materialize these days again."
    if repeated := [each for each in days if each.is_repeated]:
        return (
            f"{'; '.join(map(str, repeated))}. The source sent some rows more than once, and its count seems to "
            "include the repetitions. Each row is stored once. Report it to ClearGrid."
        )
    if uncounted := [each for each in days if not each.count.is_exact]:
        return (
            f"The source gave no exact count of {', '.join(str(each.day) for each in uncounted)} "
            f"({uncounted[0].count.note}). The stored rows could not be compared with it."
        )
    return "The source has as many rows as are stored."


def find_new_fields(spec: dg.AssetCheckSpec, last: Mapping[date, LastMaterialization]) -> dg.AssetCheckResult:
    """Checks that the source sent no fields outside the contract."""
    fields: Counter[str] = Counter()
    for of_day in last.values():
        fields.update(_unknown_fields(of_day))
    return verdict(
        spec,
        passed=not fields,
        good="The API sent only known fields.",
        bad=f"The API sent fields that are not stored: {presentable_words(sorted(fields), 'field')}. All other fields "
        "are stored. Add the new ones to the contract if you need them.",
        # Pairs, because Dagster takes some names as keys of its own, such as `__class__`.
        found={"rows_by_field": [[presentable(name), rows] for name, rows in sorted(fields.items())[:MAX_WORDS]]},
        days=sorted(last),
    )


def _unknown_fields(last: LastMaterialization) -> dict[str, int]:
    """The fields outside the contract, with the number of rows that have them."""
    seen = last.metadata.get("unknown_fields")
    if isinstance(seen, dict):  # stored by an earlier version
        return seen
    return {str(name): int(rows) for name, rows in seen} if isinstance(seen, list) else {}


def _repeated_rows(last: LastMaterialization) -> int:
    """How many rows of the day came more than once from the source, as far as the fetch knows."""
    rows = last.metadata.get("repeated_rows")
    return rows if isinstance(rows, int) else 0


def _count_of_run(last: LastMaterialization, run_id: str) -> Count:
    """The count that this run got when it fetched the day. Counts of other runs may be outdated."""
    rows, note = last.metadata.get("source_rows"), last.metadata.get("source_rows_note")
    return Count(rows if last.run_id == run_id and isinstance(rows, int) else None, str(note) if note else None)


def _counts(exports: ExportsResource, dataset: Dataset, days: list[date]) -> dict[date, Count]:
    """Asks the API to count the days."""
    try:
        with exports.client(dataset) as client:
            return {day: count_rows(client, day_window(day, BUSINESS_ZONE)) for day in days}
    except (ExportsError, SettingsError) as error:
        # The rows are stored already, so this is a warning and does not fail the run.
        return {day: Count(None, str(error)) for day in days}
