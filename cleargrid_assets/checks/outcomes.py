"""The check that the outcomes file lists all statuses and types of the log."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

import dagster as dg
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis.outcomes import Outcomes, toml_lines_for
from cleargrid_assets.analysis.unmapped import Unmapped, as_pairs, unmapped
from cleargrid_assets.checks.scope import format_days, verdict
from cleargrid_assets.contracts import COMMUNICATION_LOGS, OTHER_CHANNEL
from cleargrid_assets.foreign import MAX_WORDS, presentable, presentable_code, presentable_words
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets.wording import counted

MAPPED = dg.AssetCheckSpec(
    "statuses_and_types_are_mapped",
    asset=asset_key(COMMUNICATION_LOGS),
    description="The outcomes file lists every status and every communication type. An unmapped status counts as "
    f"attempted only, an unmapped type as channel `{OTHER_CHANNEL}`.",
)


def find_unmapped(rows: DuckDBPyRelation, outcomes: Outcomes, days: list[date]) -> dg.AssetCheckResult:
    """Checks that all statuses and types of the stored rows are mapped.

    If not, the metadata has the lines to add to the outcomes file.
    """
    totals: Counter[tuple[str, str]] = Counter()
    for each in unmapped(rows, outcomes):
        totals[each.kind, each.value] += each.communications
    found = [Unmapped(days[-1], kind, value, communications) for (kind, value), communications in totals.items()]
    if not found:
        return verdict(MAPPED, passed=True, good="All statuses and types are mapped.", bad="", days=days)
    statuses, types = _words(found, "status"), _words(found, "communication_type")
    lines = toml_lines_for(_shown_whole(statuses), _shown_whole(types))
    words = presentable_words([*statuses, *types], "word", presented=presentable_code)
    return verdict(
        MAPPED,
        passed=False,
        good="",
        bad=f"{counted(len(statuses), 'status')} and {counted(len(types), 'type')} on {format_days(days)} have no "
        f"mapping: {words}. {_remedy(found, days)}",
        found={
            "unmapped": as_pairs(found),
            **({"lines_to_add": dg.MetadataValue.md(f"```toml\n{lines}\n```")} if lines else {}),
        },
        days=days,
    )


def _words(found: Sequence[Unmapped], kind: str) -> list[str]:
    return [each.value for each in found if each.kind == kind]


def _shown_whole(words: Sequence[str]) -> list[str]:
    """The words that can be copied, because their presentable form is the word itself; at most `MAX_WORDS`."""
    return [word for word in words[:MAX_WORDS] if presentable(word) == word]


def _remedy(found: Sequence[Unmapped], days: Sequence[date]) -> str:
    """How to map the words, and how to see those of which there is no line to copy."""
    words = {kind: _words(found, kind) for kind in ("status", "communication_type")}
    hidden = [kind for kind, of_kind in words.items() if _shown_whole(of_kind) != of_kind]
    named = "name the file in CLEARGRID_OUTCOMES."
    if not any(map(_shown_whole, words.values())):
        remedy = f"Add them to your outcomes file, and {named}"
    else:
        # By its name, because alerts and the log of the run show the description alone.
        remedy = (
            f"Copy the check's entry `lines_to_add` to your outcomes file, correct the words after `=`, and {named}"
        )
    where = f"communicated_date BETWEEN '{days[0]}' AND '{days[-1]}'"
    queries = [
        f'`cleargrid sql "SELECT DISTINCT {kind} FROM cleargrid.communication_logs WHERE {where}"`' for kind in hidden
    ]
    return f"{remedy} Not all words are shown here. To see them, run {' and '.join(queries)}." if hidden else remedy
