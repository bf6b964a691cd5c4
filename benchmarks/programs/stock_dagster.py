"""What the Dagster tutorial teaches: `requests`, a DataFrame, the stock DuckDB IO manager, one run per day."""

import os

import dagster as dg
import pandas as pd
import requests
from dagster_duckdb_pandas import DuckDBPandasIOManager

from benchmarks.programs.login import log_in


@dg.asset(
    partitions_def=dg.DailyPartitionsDefinition(os.environ["CLEARGRID_START_DATE"]),
    metadata={"partition_expr": "communicated_at"},
)
def communication_logs(context: dg.AssetExecutionContext) -> pd.DataFrame:
    """Fetches one day."""
    access = log_in()
    window = context.partition_time_window
    params = {"since": window.start.isoformat(), "until": window.end.isoformat(), "limit": "1000"}
    rows = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {access.token}"
        while True:
            response = session.get(access.url, params=params, timeout=60)
            response.raise_for_status()
            body = response.json()["body"]
            rows += body["rows"]
            if body["pagination"]["nextCursor"] is None:
                break
            params["cursor"] = body["pagination"]["nextCursor"]
    frame: pd.DataFrame = pd.DataFrame(rows)
    for column in ("communicated_at", "created_at", "updated_at"):
        frame[column] = pd.to_datetime(frame[column], format="ISO8601", utc=True)
    return frame


defs = dg.Definitions(
    assets=[communication_logs],
    resources={"io_manager": DuckDBPandasIOManager(database=os.environ["CLEARGRID_DUCKDB"], schema="stored")},
)
