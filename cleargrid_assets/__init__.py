"""ClearGrid communication logs in DuckDB, a business day at a time, as a Dagster project."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("cleargrid_assets")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0.0.0"
