"""A Dagster of the demo that does not start."""

from pathlib import Path

import click
import pytest

from cleargrid_assets.cli import ports
from cleargrid_assets.cli.demo_server import running_dagster


def test_dagster_that_takes_too_long_is_not_called_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "UI_TIMEOUT_S", 0)
    with (
        pytest.raises(click.ClickException, match=r"did not start within 120 s\. Run the demo again"),
        running_dagster(ports.free_port(), tmp_path),
    ):
        pass


def test_dagster_that_ends_is_explained_by_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "no/absolute/path")
    with (
        pytest.raises(click.ClickException, match=r"did not start\. .*dagster\.log says why"),
        running_dagster(ports.free_port(), tmp_path),
    ):
        pass
    assert "DAGSTER_HOME" in (tmp_path / "dagster.log").read_text()
