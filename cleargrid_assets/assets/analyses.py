"""The registry of analyses. CONTRIBUTING.md says how to add one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import pandas as pd
from duckdb import DuckDBPyRelation

from cleargrid_assets.analysis import attempts, baselines, channels, frequency, funnel, health, hours, recent
from cleargrid_assets.analysis.outcomes import Outcomes
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.assets.version import made_with
from cleargrid_assets.contracts import (
    ATTEMPT_FUNNEL,
    CHANNEL_REACH,
    CONTACT_FREQUENCY,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
    REACH_BY_ATTEMPT,
)
from cleargrid_assets.contracts.views import BEST_HOURS, LATEST_DAY, OPERATIONAL_BASELINES
from cleargrid_assets.pictures import attempts as attempts_picture
from cleargrid_assets.pictures import channels as channels_picture
from cleargrid_assets.pictures import frequency as frequency_picture
from cleargrid_assets.pictures import funnel as funnel_picture
from cleargrid_assets.pictures import health as health_picture
from cleargrid_assets.pictures import hours as hours_picture
from cleargrid_assets.pictures.presentation import Presentation, Shown
from cleargrid_assets.schema import Table


@dataclass(frozen=True)
class Analysis:
    """One analysis of the interactions.

    Attributes:
        table: The contract. It also names and describes the asset.
        compute: Computes the rows of the table for the days of a scope.
        sources: For each column of the table, the columns of the interactions that it is computed from.
        present: Makes summary, picture and numbers of one day from the tidy rows of `shown_days`. None shows the rows
            as a table.
        trailing_days: Days of interactions that the figures of one day are computed from, including the day.
        shown_days: Days of the table that the picture of one day shows, including the day.
        judge: Makes the rows that `present` gets, from the tidy rows, the stored days and the outcomes file.
        views: The queries of the views over the table, by the names of the views.
        depends_on_rules: Whether the rows depend on the days off or the limits of the outcomes file.
        code_version: Change it together with the definition of the figures.
    """

    table: Table
    compute: Callable[[DuckDBPyRelation, Scope], pd.DataFrame]
    sources: Mapping[str, Sequence[str]]
    present: Callable[[pd.DataFrame, Shown], Presentation] | None = None
    trailing_days: int = 1
    shown_days: int = 1
    judge: Callable[[pd.DataFrame, Collection[date], Outcomes], pd.DataFrame] | None = None
    views: Mapping[str, Callable[[Outcomes], str]] = field(default_factory=dict)
    depends_on_rules: bool = False
    code_version: str = "1"

    def version(self, outcomes: Outcomes) -> str:
        """What a run would make the table with today."""
        return made_with(self.code_version, outcomes, depends_on_rules=self.depends_on_rules)


ANALYSES: tuple[Analysis, ...] = (
    Analysis(ATTEMPT_FUNNEL, funnel.attempt_funnel, funnel.SOURCES, funnel_picture.present, code_version="2"),
    Analysis(
        REACH_BY_ATTEMPT,
        attempts.reach_by_attempt,
        attempts.SOURCES,
        attempts_picture.present,
        trailing_days=attempts.WINDOW_DAYS,
        code_version="2",
    ),
    Analysis(
        CHANNEL_REACH,
        channels.channel_reach,
        channels.SOURCES,
        channels_picture.present,
        shown_days=channels_picture.SHOWN_DAYS,
        views={LATEST_DAY.name: lambda _: recent.LATEST_DAY_SQL},
        code_version="2",
    ),
    Analysis(
        HOURLY_REACH,
        hours.hourly_reach,
        hours.SOURCES,
        hours_picture.present,
        shown_days=hours_picture.SHOWN_DAYS,
        views={BEST_HOURS.name: lambda _: recent.BEST_HOURS_SQL},
        code_version="2",
    ),
    Analysis(
        OPERATIONAL_HEALTH,
        health.operational_health,
        health.SOURCES,
        health_picture.present,
        shown_days=health_picture.SHOWN_DAYS + baselines.PAST_DAYS,
        judge=health_picture.judge,
        views={OPERATIONAL_BASELINES.name: baselines.baselines_sql},
    ),
    Analysis(
        CONTACT_FREQUENCY,
        frequency.contact_frequency,
        frequency.SOURCES,
        frequency_picture.present,
        trailing_days=frequency.WINDOW_DAYS,
        depends_on_rules=True,
    ),
)
"""Assets, column lineage, window checks, summaries, pictures and tests are made from this list."""
