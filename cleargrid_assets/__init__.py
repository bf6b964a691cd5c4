"""A Dagster project that copies ClearGrid communication logs into DuckDB, one business day at a time."""

from importlib.metadata import PackageNotFoundError, version

from cleargrid_assets.garbage_collection import collect_less_often

try:
    __version__ = version("cleargrid_assets")
except PackageNotFoundError:  # the source tree was never installed
    __version__ = "0.0.0"

collect_less_often()
