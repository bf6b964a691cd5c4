"""A warehouse of its own for each test, or a copy of one that a module fills once."""

import shutil
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


@pytest.fixture(scope="module")
def shared_warehouse(tmp_path_factory: pytest.TempPathFactory, instance: dg.DagsterInstance) -> Warehouse:
    """An empty warehouse for the fixture `filled` of a module, which fills and returns it."""
    folder = tmp_path_factory.mktemp("filled")
    return Warehouse(str(folder / "warehouse.duckdb"), folder / "spool", instance)


@pytest.fixture
def stored(warehouse: Warehouse, filled: Warehouse) -> Warehouse:
    """A copy of the module's filled warehouse that a test may change."""
    shutil.copytree(Path(filled.database).parent, Path(warehouse.database).parent, dirs_exist_ok=True)
    return warehouse
