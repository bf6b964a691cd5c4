"""The presentation of one day of an analysis: made by its asset, or later from stored rows alone."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pandas as pd
from duckdb import DuckDBPyConnection, DuckDBPyRelation

from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.unmapped import ATTEMPT_DAYS, unmapped, unmapped_attempts
from cleargrid_assets.analysis.volumes import hourly_volumes, past_days
from cleargrid_assets.assets.analyses import Analysis
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.pictures import logs as logs_picture
from cleargrid_assets.pictures.frames import in_days, tidy
from cleargrid_assets.pictures.presentation import Presentation, Shown
from cleargrid_assets.pictures.table import presenter
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.ledger import read_ledger
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.slices import stored_rows


def presentation_of(analysis: Analysis, day: date, warehouse: WarehouseResource, outcomes: Outcomes) -> Presentation:
    """Headline, summary, picture and numbers of one stored day of an analysis.

    Args:
        analysis: The analysis.
        day: A business day. A day that is not stored is presented as one without rows.
        warehouse: Where the rows are.
        outcomes: The outcomes file.
    """
    with warehouse.reading() as connection:
        return presentations(analysis, [day], None, connection, outcomes)[day]


def presentation_of_log(day: date, warehouse: WarehouseResource, outcomes: Outcomes) -> Presentation:
    """Headline, summary and picture of one stored day of the communication logs."""
    with warehouse.reading() as connection:
        ledger = read_ledger(connection, COMMUNICATION_LOGS)
        past = past_days(day, [each for each, entry in ledger.items() if entry.row_count], outcomes)
        volumes = hourly_volumes(stored_rows(connection, COMMUNICATION_LOGS, [*past, day]), BUSINESS_ZONE)
    return logs_picture.present(volumes, past, Shown(day, BUSINESS_ZONE.key, max([*ledger, day])))


def presentations(
    analysis: Analysis,
    days: Sequence[date],
    rows: pd.DataFrame | None,
    connection: DuckDBPyConnection,
    outcomes: Outcomes,
) -> dict[date, Presentation]:
    """The presentations of days in ascending order.

    Args:
        analysis: The analysis.
        days: Business days without gaps.
        rows: The computed rows of the days; None to read them from the warehouse.
        connection: To read the other rows.
        outcomes: The outcomes file.
    """
    shown_days = _days_until(days, analysis.shown_days)
    stored = {*read_ledger(connection, analysis.table), *([] if rows is None else days)}
    read = [day for day in shown_days if rows is None or day not in days]
    earlier = stored_rows(connection, analysis.table, read).df()
    interactions = stored_rows(connection, INTERACTIONS, _days_until(days, ATTEMPT_DAYS))
    words = unmapped(_of_days(interactions, days), outcomes)
    attempts = unmapped_attempts(interactions)
    frames = [tidy(frame, analysis.table) for frame in (earlier, rows) if frame is not None]
    shown = pd.concat([frame for frame in frames if not frame.empty] or frames[:1])
    if analysis.judge:
        shown = analysis.judge(shown, stored.intersection(shown_days), outcomes)
    present = analysis.present or presenter(analysis.table)
    return {
        day: present(
            in_days(shown, day - timedelta(days=analysis.shown_days - 1), day),
            Shown(
                day,
                BUSINESS_ZONE.key,
                max(stored.union(days)),
                [each for each in words if each.communicated_date == day],
                [each for each in attempts if 0 <= (day - each.communicated_date).days < ATTEMPT_DAYS],
                stored,
            ),
        )
        for day in days
    }


def presentation_metadata(presentation: Presentation, command: str | None = None) -> dict[str, Any]:
    """The metadata of the materialization of a day.

    Args:
        presentation: What to show.
        command: The command that draws the picture later, in Markdown; None to draw it now.
    """
    numbers = {name: number for name, number in presentation.numbers.items() if number is not None}
    picture = {"picture": presentation.picture()} if command is None else {"picture_command": command}
    return {
        "summary": dg.MetadataValue.md(presentation.summary),
        **{name: dg.MetadataValue.md(markdown) for name, markdown in picture.items()},
        **{name: _rounded(number) for name, number in numbers.items() if not math.isnan(number)},
        **{name: detail for name, detail in presentation.details.items() if detail},
    }


def report_command(day: date | str, database: str) -> str:
    """The command that makes the page of a day, in Markdown.

    Args:
        day: A business day.
        database: The value of `CLEARGRID_DUCKDB`. The command needs it unless it is the default.
    """
    is_default = database == Settings.model_fields["database"].default
    return f"`cleargrid report --day {day}`{'' if is_default else f', with CLEARGRID_DUCKDB set to `{database}`'}"


def _rounded(number: float) -> float:
    """A count as it is, a rate with four significant digits."""
    return float(number) if float(number).is_integer() else float(f"{number:.4g}")


def _days_until(days: Sequence[date], each: int) -> list[date]:
    """The days, and those before the first, so that every day has `each` days that end with it."""
    before = [days[0] - timedelta(days=back) for back in range(each - 1, 0, -1)]
    return [*before, *days]


def _of_days(interactions: DuckDBPyRelation, days: Sequence[date]) -> DuckDBPyRelation:
    return interactions.filter(f"communicated_date BETWEEN DATE '{days[0]}' AND DATE '{days[-1]}'")
