"""The code location: wiring, and what the process as a whole is to know of it."""

import gc
import sys
from collections.abc import Mapping
from typing import Any

import dagster as dg

from cleargrid_assets.assets.attempt_funnel import attempt_funnel
from cleargrid_assets.assets.channel_reach import channel_reach
from cleargrid_assets.assets.communication_logs import communication_logs, communication_logs_source
from cleargrid_assets.assets.hourly_reach import hourly_reach
from cleargrid_assets.assets.operational_health import operational_health
from cleargrid_assets.assets.reach_by_attempt import reach_by_attempt
from cleargrid_assets.automation import JOBS, SCHEDULES
from cleargrid_assets.checks.communication_logs import communication_logs_checks
from cleargrid_assets.checks.funnel import attempts_are_the_outbound_rows, stages_contain_each_other
from cleargrid_assets.checks.history import build_history_checks
from cleargrid_assets.checks.windows import window_checks
from cleargrid_assets.resources import ExportsResource, OutcomesResource, WarehouseResource
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.io_manager import WarehouseIOManager


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """A fresh set of definitions.

    Args:
        resource_overrides: Resources to use instead of the ones made from the environment.

    Raises:
        SettingsError: A variable is set to something unusable.
        OutcomesError: The file that `CLEARGRID_OUTCOMES` names is broken; says where.
    """
    settings = Settings.from_environment()
    outcomes = OutcomesResource()
    outcomes.load()
    return dg.Definitions(
        assets=[
            communication_logs_source,
            communication_logs,
            attempt_funnel,
            reach_by_attempt,
            channel_reach,
            hourly_reach,
            operational_health,
        ],
        asset_checks=[
            communication_logs_checks,
            stages_contain_each_other,
            attempts_are_the_outbound_rows,
            window_checks,
            build_history_checks(),
        ],
        jobs=JOBS,
        schedules=SCHEDULES,
        resources={
            "exports": ExportsResource(),
            "outcomes": outcomes,
            "warehouse": WarehouseResource(database=settings.database),
            "io_manager": WarehouseIOManager(database=settings.database),
            **(resource_overrides or {}),
        },
        # Steps share one database file, which takes one writing process at a time.
        executor=dg.in_process_executor,
    )


defs = build_defs()

# What Dagster has allocated by now lives as long as the process: left in the collector's sight, it would be walked
# again and again while a run works, and at its end. DuckDB is not to be among it, because at the end it complains of
# what of its own was not collected. What a run loads later, such as pandas, stays too: look for garbage less often.
if "duckdb" not in sys.modules:
    gc.freeze()
    gc.set_threshold(50_000)
