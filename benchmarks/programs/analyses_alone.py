"""Computes each analysis of a stored day without Dagster, and prints the CPU seconds of each as JSON.

Run with the database and the day.
"""

import json
import sys
import time
from datetime import date, timedelta

from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.analysis.scope import Scope
from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.contracts import INTERACTIONS
from cleargrid_assets.partitions import BUSINESS_ZONE
from cleargrid_assets.warehouse.resource import WarehouseResource


def main() -> None:
    """Computes and measures."""
    database, day = sys.argv[1], date.fromisoformat(sys.argv[2])
    warehouse = WarehouseResource(database=database)
    scope = Scope([day], BUSINESS_ZONE, load_outcomes(None))
    used = {}
    for analysis in ANALYSES:
        days = [day - timedelta(days=back) for back in range(analysis.trailing_days)]
        with warehouse.slice(INTERACTIONS, days).open() as interactions:
            began = time.process_time()
            analysis.compute(interactions, scope)
            used[analysis.table.name] = time.process_time() - began
    print(json.dumps(used))


if __name__ == "__main__":
    main()
