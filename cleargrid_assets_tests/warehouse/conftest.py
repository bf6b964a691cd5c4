"""A warehouse of its own for each test, or a copy of one that a module fills once.

Tests of `_OF_BOTH_KINDS` run with a DuckDB file and with a lake, except those with the marker `only_file`.
"""

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


_OF_BOTH_KINDS = {
    "test_computed",
    "test_content",
    "test_evolution",
    "test_failing",
    "test_forms",
    "test_frames",
    "test_ledger",
    "test_quarantine",
    "test_refusing",
    "test_retention",
    "test_shrinking",
    "test_storing",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives the tests the kinds of database that they run with."""
    if "kind" in metafunc.fixturenames and metafunc.module.__name__.rpartition(".")[2] in _OF_BOTH_KINDS:
        only_file = metafunc.definition.get_closest_marker("only_file") is not None
        lakes = [] if only_file else [pytest.param("lake", marks=pytest.mark.lake)]
        metafunc.parametrize("kind", ["file", *lakes], indirect=True)


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of database: `file` or `lake`."""
    return str(getattr(request, "param", "file"))


@pytest.fixture
def warehouse(
    kind: str, tmp_path: Path, instance: dg.DagsterInstance, request: pytest.FixtureRequest
) -> Iterator[Warehouse]:
    if kind == "file":
        yield Warehouse(str(tmp_path / "warehouse.duckdb"), tmp_path / "spool", instance)
        return
    variables = request.getfixturevalue("lake")
    # Its own, so that a test that undoes its changes keeps the lake.
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield Warehouse(variables["CLEARGRID_DUCKDB"], tmp_path / "spool", instance)


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
