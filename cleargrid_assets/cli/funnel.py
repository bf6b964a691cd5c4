"""The attempt funnel as text for a terminal."""

from datetime import date
from itertools import groupby
from pathlib import Path

from cleargrid_assets.foreign import presentable
from cleargrid_assets.warehouse.connection import connect

_BAR_WIDTH = 40
_FUNNEL = """
    SELECT communication_type, stage, contacts, contact_rate
    FROM cleargrid.attempt_funnel
    WHERE communicated_date = $day
    ORDER BY communication_type <> 'ALL', communication_type, stage_order
"""


def printed_funnel(database: Path, day: date) -> str:
    """The funnels of a day, as bars: all communication types together, then each type."""
    with connect(str(database), read_only=True) as connection:
        rows = connection.execute(_FUNNEL, {"day": day}).fetchall()
    lines = [f"Attempt funnel of {day}: contacts that got to each stage, and their share of the contacts attempted", ""]
    for name, stages in groupby(rows, key=lambda row: str(row[0])):
        label = presentable(name)
        for _, stage, contacts, rate in stages:
            bar = "█" * round(rate * _BAR_WIDTH) or "▏"
            lines.append(f"  {label:<10} {stage:<10} {bar:<{_BAR_WIDTH}} {contacts:>8,}  {rate:>6.1%}")
            label = ""
        lines.append("")
    return "\n".join(lines)
