"""A warehouse in a lake of its own for each test."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets_tests.warehouse.materializing import Warehouse


@pytest.fixture
def warehouse(lake: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    for name, value in lake.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Warehouse(lake["CLEARGRID_DUCKDB"], tmp_path / "spool", instance)
