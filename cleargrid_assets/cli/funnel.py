"""The funnel as text for a terminal."""

from datetime import date
from pathlib import Path

from cleargrid_assets.contracts import ATTEMPT_FUNNEL
from cleargrid_assets.warehouse.connection import LOCK_TIMEOUT_S
from cleargrid_assets.warehouse.slices import StoredSlice

_WIDTH = 40


def printed_funnel(database: Path, day: date) -> str:
    """The day's funnel, for all types together and for each: contacts as bars, with their share of those attempted."""
    rows = StoredSlice(str(database), LOCK_TIMEOUT_S, ATTEMPT_FUNNEL, [day]).frame()
    lines = [f"Attempt funnel of {day}, contacts by how far an attempt on them got", ""]
    of_all = rows[rows["communication_type"] == "ALL"]
    others = rows[rows["communication_type"] != "ALL"]
    for name, funnel in [("ALL", of_all), *others.groupby("communication_type")]:
        for stage in funnel.sort_values("stage_order").itertuples():
            rate = float(stage.contact_rate)
            bar = "█" * round(rate * _WIDTH) or "▏"
            label = name if stage.stage_order == 1 else ""
            lines.append(f"  {label:<10} {stage.stage:<10} {bar:<{_WIDTH}} {stage.contacts:>8,}  {rate:>6.1%}")
        lines.append("")
    return "\n".join(lines)
