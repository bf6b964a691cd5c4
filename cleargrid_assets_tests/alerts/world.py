"""A Dagster instance with runs of one asset, whose sensor tells a real webhook."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg

from cleargrid_assets.alerts.sensor import alerts_sensor
from cleargrid_assets.checks.scope import DAYS
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.definitions import defs
from cleargrid_assets.partitions import PARTITION, RANGE_END, RANGE_START
from cleargrid_assets.warehouse.table_metadata import asset_key
from cleargrid_assets_tests.alerts.receivers import Received
from cleargrid_assets_tests.assets.project import QUIET

LOGS = asset_key(COMMUNICATION_LOGS)
FIRST, SECOND, THIRD = "2026-05-17", "2026-05-18", "2026-05-19"


@dataclass
class World:
    """A Dagster instance with runs of one asset and its checks, a webhook, and the cursor of the sensor."""

    hook: Received
    instance: dg.DagsterInstance
    cursor: str | None = None
    said: list[str] = field(default_factory=list)

    def run(
        self,
        days: str = FIRST,
        *,
        error: Exception | None = None,
        tags: dict[str, str] | None = None,
        blocking: bool = False,
        **checks: str,
    ) -> str:
        """Runs the asset, and the named checks: `ok`, `WARN` or `ERROR`. Returns the id of the run."""

        @dg.asset(key=LOGS)
        def logs() -> None:
            if error:
                raise error

        specs = [dg.AssetCheckSpec(name, asset=LOGS, blocking=blocking) for name in checks]

        @dg.multi_asset_check(specs=specs)
        def of_logs() -> Iterator[dg.AssetCheckResult]:
            for name, outcome in checks.items():
                yield dg.AssetCheckResult(
                    check_name=name,
                    asset_key=LOGS,
                    passed=outcome == "ok",
                    severity=dg.AssetCheckSeverity("ERROR" if outcome == "ERROR" else "WARN"),
                    description=f"{name} is {outcome}. Do something.",
                    metadata={DAYS: days} if days else {},
                )

        first, _, last = days.partition(" to ")
        of_days = {RANGE_START: first, RANGE_END: last} if last else {PARTITION: first} if first else {}
        project = dg.Definitions(assets=[logs], asset_checks=[of_logs])
        job = project.resolve_implicit_global_asset_job_def()
        result = job.execute_in_process(
            instance=self.instance, tags={**of_days, **(tags or {})}, run_config=QUIET, raise_on_error=False
        )
        return result.run_id

    def tick(self) -> list[str]:
        """One tick, with the cursor of the last one; returns the titles that were received."""
        before = len(self.hook.bodies)
        with dg.build_sensor_context(
            self.instance, self.cursor, definitions=defs, sensor_name=alerts_sensor.name
        ) as context:
            skipped = alerts_sensor(context)
            assert isinstance(skipped, dg.SkipReason)
            self.said.append(str(skipped.skip_message))
            self.cursor = context.cursor
        return self.hook.titles[before:]
