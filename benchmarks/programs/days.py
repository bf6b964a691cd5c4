"""Materializes days of the log one after the other, each in a run of its own.

Reads the days from standard input, a line each time, so that several of these programs begin together, and imports are
not measured. Prints a line when it is ready, and one each time that the days are stored.
"""

import sys

import dagster as dg
from cleargrid_assets.assets.communication_logs import communication_logs
from cleargrid_assets.resources import ExportsResource, OutcomesResource
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.io_manager import WarehouseIOManager
from cleargrid_assets.warehouse.resource import WarehouseResource


def main() -> None:
    """Waits, and materializes."""
    warehouse = WarehouseResource(database=Settings.from_environment().database)
    resources = {
        "exports": ExportsResource(),
        "outcomes": OutcomesResource(),
        "warehouse": warehouse,
        "io_manager": WarehouseIOManager(warehouse=warehouse),
    }
    with connect(warehouse.database):  # loads what the first connection loads
        pass
    print("ready", flush=True)
    for line in sys.stdin:
        for day in line.split():
            dg.materialize(
                [communication_logs],
                partition_key=day,
                resources=resources,
                instance=dg.DagsterInstance.ephemeral(),
                run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
            )
        print("stored", flush=True)


if __name__ == "__main__":
    main()
