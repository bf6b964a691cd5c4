"""Runs the history checks of the communication logs at a given time."""

from collections.abc import Sequence
from datetime import datetime

import dagster as dg

from cleargrid_assets.checks.history import history_checks
from cleargrid_assets.contracts import COMMUNICATION_LOGS, TABLES
from cleargrid_assets.schema import Table
from cleargrid_assets_tests.assets.project import QUIET, Project

DERIVED = [table for table in TABLES if table is not COMMUNICATION_LOGS]


def evaluated(
    project: Project, now: datetime, derived: Sequence[Table] = DERIVED
) -> dict[str, dg.AssetCheckEvaluation]:
    """The history checks at a given time, by name."""
    with project.entered() as entered:
        history = history_checks(COMMUNICATION_LOGS, derived, lambda: now)
        job = dg.Definitions(
            assets=entered.assets, asset_checks=[history], resources=entered.resources
        ).resolve_implicit_global_asset_job_def()
        checks = set(job.asset_layer.asset_graph.asset_check_keys)
        result = job.get_subset(asset_selection=set(), asset_check_selection=checks).execute_in_process(
            instance=project.instance, run_config=QUIET
        )
    return {evaluation.check_name: evaluation for evaluation in result.get_asset_check_evaluations()}
