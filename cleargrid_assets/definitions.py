"""The Dagster definitions of the code location."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from cleargrid_assets import assets, checks
from cleargrid_assets.alerts.heartbeat import heartbeat_after_freshness
from cleargrid_assets.alerts.sensor import alerts_sensor
from cleargrid_assets.automation import JOBS, SCHEDULES
from cleargrid_assets.jobs.backup import backup, backup_after_daily_run
from cleargrid_assets.jobs.digest import DIGEST_SENSORS, digest_job
from cleargrid_assets.jobs.history import prune_history, prune_history_schedule
from cleargrid_assets.jobs.lake import LAKE_FILES, lake_maintenance, lake_maintenance_schedule
from cleargrid_assets.jobs.retention import drop_after_daily_run, drop_old_days
from cleargrid_assets.resources import ExportsResource, OutcomesResource
from cleargrid_assets.settings import Settings
from cleargrid_assets.unknown_variables import unknown_name, unknown_variables
from cleargrid_assets.warehouse.databases import is_lake
from cleargrid_assets.warehouse.io_manager import WarehouseIOManager
from cleargrid_assets.warehouse.resource import WarehouseResource


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Makes the definitions from all assets and checks in the packages `assets` and `checks`.

    Args:
        resource_overrides: Replacements for resources, by name.

    Raises:
        SettingsError: Variables have unusable values. The message lists all of them.
        OutcomesError: The file in `CLEARGRID_OUTCOMES` is broken. The message says where.
    """
    settings = Settings.from_environment()
    _warn_of_unknown_variables()
    overrides = resource_overrides or {}
    warehouse = overrides.get("warehouse", WarehouseResource(database=settings.database))
    outcomes = OutcomesResource()
    outcomes.load()
    has_lake = is_lake(settings.database)
    return dg.Definitions(
        assets=[*dg.load_assets_from_package_module(assets, include_specs=True), *([LAKE_FILES] if has_lake else [])],
        asset_checks=dg.load_asset_checks_from_package_module(checks),
        jobs=[*JOBS, drop_old_days, backup, digest_job, prune_history, *([lake_maintenance] if has_lake else [])],
        schedules=[*SCHEDULES, prune_history_schedule, *([lake_maintenance_schedule] if has_lake else [])],
        sensors=[
            drop_after_daily_run,
            backup_after_daily_run,
            *DIGEST_SENSORS,
            alerts_sensor,
            heartbeat_after_freshness,
        ],
        resources={
            "exports": ExportsResource(),
            "outcomes": outcomes,
            "warehouse": warehouse,
            "io_manager": WarehouseIOManager(warehouse=warehouse),
            **overrides,
        },
        # Steps write to one table after the other, and a database file takes one writing process at a time.
        executor=dg.in_process_executor,
    )


def _warn_of_unknown_variables() -> None:
    # With Dagster's logger, because Dagster hides Python's warnings while it loads definitions.
    log = dg.get_dagster_logger()
    for name, nearest in unknown_variables().items():
        log.warning(unknown_name(name, nearest))


defs = build_defs()
