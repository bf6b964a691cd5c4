"""A warehouse of its own for each test."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets_tests.warehouse.materializing import Warehouse


@pytest.fixture(scope="session")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


@pytest.fixture
def warehouse(tmp_path: Path, instance: dg.DagsterInstance) -> Warehouse:
    return Warehouse(str(tmp_path / "warehouse.duckdb"), tmp_path / "spool", instance)
