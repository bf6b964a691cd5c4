"""`cleargrid report`: the page of any stored day, without a daemon."""

import os
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from cleargrid_assets.cli import report as report_module
from cleargrid_assets.cli.main import main
from cleargrid_assets_tests.assets.project import Project


def report(database: Path, *options: str) -> Result:
    """The command in an empty folder, with no history of Dagster unless DAGSTER_HOME is set."""
    return CliRunner().invoke(main, ["report", *options], env={"CLEARGRID_DUCKDB": str(database)})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def test_report_makes_the_page_of_any_stored_day_and_opens_it(
    copied_week: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(report_module.webbrowser, "open", lambda address: not opened.append(address))
    page = copied_week.database.parent / "reports" / "2026-01-05.html"

    result = report(copied_week.database, "--day", "2026-01-05", "--open")

    assert result.exit_code == 0, result.output
    assert result.output == f"Report of 2026-01-05: {page}\n"
    assert opened == [page.as_uri()]
    html = page.read_text()
    assert "Not the latest day. The latest stored day is Wed 2026-01-07." in html
    assert "data:image/png;base64," in html
    assert "Set DAGSTER_HOME" in html
