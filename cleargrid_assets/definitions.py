"""The code location: wiring, and what the process as a whole is to know of it."""

import gc
import sys
from collections.abc import Mapping
from typing import Any

import dagster as dg

from cleargrid_assets.assets.analyses import analysis_assets
from cleargrid_assets.assets.communication_logs import communication_logs
from cleargrid_assets.automation import JOBS, SCHEDULES
from cleargrid_assets.checks.communication_logs import communication_logs_checks
from cleargrid_assets.checks.funnel import funnel_checks
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
    overrides = resource_overrides or {}
    warehouse = overrides.get("warehouse", WarehouseResource(database=settings.database))
    outcomes = OutcomesResource()
    outcomes.load()
    return dg.Definitions(
        assets=[communication_logs, *analysis_assets],
        asset_checks=[
            communication_logs_checks,
            funnel_checks,
            window_checks,
            build_history_checks(),
        ],
        jobs=JOBS,
        schedules=SCHEDULES,
        resources={
            "exports": ExportsResource(),
            "outcomes": outcomes,
            "warehouse": warehouse,
            "io_manager": WarehouseIOManager(warehouse=warehouse),
            **overrides,
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
