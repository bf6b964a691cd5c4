"""One day of the export as a dlt `rest_api` source, merged by its key."""

from datetime import date, timedelta
from typing import Any

import dlt  # type: ignore[import-not-found,unused-ignore]
from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found,unused-ignore]

from benchmarks.programs.login import Access

LOADER_FILE_FORMAT = "parquet"
"""dlt's default, INSERT statements, takes five times as long."""


def pipeline(database: str) -> Any:
    """The pipeline into a DuckDB file. It keeps its state in the working folder."""
    return dlt.pipeline(
        pipeline_name="cleargrid",
        pipelines_dir="pipelines",
        destination=dlt.destinations.duckdb(database),
        dataset_name="stored",
    )


def exports(access: Access, day: date) -> Any:
    """The source of one day, with the resource `communication_logs`."""
    return rest_api_source(
        {
            "client": {
                "base_url": access.url,
                "auth": {"type": "bearer", "token": access.token},
                "paginator": {
                    "type": "cursor",
                    "cursor_path": "body.pagination.nextCursor",
                    "cursor_param": "cursor",
                },
            },
            "resources": [
                {
                    "name": "communication_logs",
                    "primary_key": "public_id",
                    "write_disposition": "merge",
                    "endpoint": {
                        "path": "",
                        "data_selector": "body.rows",
                        "params": {
                            "since": f"{day}T00:00:00.000Z",
                            "until": f"{day + timedelta(days=1)}T00:00:00.000Z",
                            "limit": 1000,
                        },
                    },
                }
            ],
        },
        name="cleargrid",
    )
