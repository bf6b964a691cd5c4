"""The code location: wiring only."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from cleargrid_assets import assets, checks
from cleargrid_assets.automation import JOBS, SCHEDULES
from cleargrid_assets.resources import ExportsResource, OutcomesResource
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.io_manager import WarehouseIOManager
from cleargrid_assets.warehouse.resource import WarehouseResource


def build_defs(resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Makes the definitions, with every asset and check that the packages `assets` and `checks` hold.

    Args:
        resource_overrides: Resources to use instead of the ones made from the environment.

    Raises:
        SettingsError: At least one variable has an unusable value; the message names all of them.
        OutcomesError: The file that `CLEARGRID_OUTCOMES` names is broken; the message says where.
    """
    settings = Settings.from_environment()
    overrides = resource_overrides or {}
    warehouse = overrides.get("warehouse", WarehouseResource(database=settings.database))
    outcomes = OutcomesResource()
    outcomes.load()
    return dg.Definitions(
        assets=dg.load_assets_from_package_module(assets, include_specs=True),
        asset_checks=dg.load_asset_checks_from_package_module(checks),
        jobs=JOBS,
        schedules=SCHEDULES,
        resources={
            "exports": ExportsResource(),
            "outcomes": outcomes,
            "warehouse": warehouse,
            "io_manager": WarehouseIOManager(warehouse=warehouse),
            **overrides,
        },
        # The steps of a run share one database file, which one process at a time can write to.
        executor=dg.in_process_executor,
    )


defs = build_defs()
