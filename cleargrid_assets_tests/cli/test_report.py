"""`cleargrid report`: the page of any stored day, without a daemon."""

import webbrowser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.cli.main import main
from cleargrid_assets.digest import collecting
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets_tests.assets.project import Project
from cleargrid_assets_tests.docs.pages import ROOT


def report(database: Path, *options: str, **variables: str) -> Result:
    """The command, with a history of Dagster only where there is one."""
    return CliRunner().invoke(main, ["report", *options], env={"CLEARGRID_DUCKDB": str(database), **variables})


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder without a home of Dagster. No analysis is drawn, because that takes long."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setattr(collecting, "ANALYSES", ())


def test_report_makes_the_page_of_any_stored_day_and_opens_it(
    copied_week: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "ANALYSES", ANALYSES[:1])
    opened: list[str] = []

    def browse(address: str) -> bool:
        opened.append(address)
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    page = copied_week.database.parent / "reports" / "2026-01-05.html"

    result = report(copied_week.database, "--day", "2026-01-05", "--open")

    assert result.exit_code == 0, result.output
    assert result.stdout == f"Report of 2026-01-05: {page}\n"
    said = result.stderr.splitlines()
    assert said[0] == "Drawing the pictures of 2026-01-05 ..."
    assert said[1].startswith("Failing checks are not known: there is no history of Dagster here.")
    assert opened == [page.as_uri()]
    html = page.read_text()
    assert "Not the latest day. The latest stored day is Wed 2026-01-07." in html
    assert html.count("data:image/png;base64,") == 2
    assert "Set DAGSTER_HOME" in html


@pytest.mark.parametrize("where", ["DAGSTER_HOME", "home of up", "current folder"])
def test_report_of_the_latest_day_reads_the_history_of_dagster(
    copied_week: Project, tmp_path: Path, where: str
) -> None:
    home = copied_week.database.parent / "dagster" if where == "home of up" else tmp_path
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    variables = {"DAGSTER_HOME": str(home)} if where == "DAGSTER_HOME" else {}

    result = report(copied_week.database, **variables)

    assert result.stdout.startswith("Report of 2026-01-07: "), result.output
    assert (
        "No check has been evaluated yet." in (copied_week.database.parent / "reports" / "2026-01-07.html").read_text()
    )


def test_home_of_dagster_that_is_not_there_is_said(copied_week: Project) -> None:
    result = report(copied_week.database, DAGSTER_HOME="/nowhere")

    assert result.exit_code == 1
    assert result.output.startswith("Error: DAGSTER_HOME is '/nowhere', which does not exist. It takes")


def test_no_browser_is_said(copied_week: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)

    assert "Open the file yourself." in report(copied_week.database, "--open").output


def test_day_that_is_not_stored_is_refused_with_the_days_that_are(copied_week: Project) -> None:
    with connect(str(copied_week.database)) as connection:
        connection.execute("DELETE FROM days WHERE communicated_date IN ('2026-01-03', '2026-01-06')")

    result = report(copied_week.database, "--day", "2026-01-03")

    assert result.exit_code == 1
    assert result.output == (
        "Error: 2026-01-03 is not stored. Stored: 2026-01-01 to 2026-01-02, 2026-01-04 to 2026-01-05, 2026-01-07.\n"
    )


def test_empty_database_broken_outcomes_and_no_day_are_said(copied_week: Project, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[statuses")

    missing = tmp_path / "missing.duckdb"
    assert f"No day is stored yet in {missing}." in report(missing).output
    assert "set CLEARGRID_DUCKDB to the database that has days" in report(missing).output
    assert "not valid TOML" in report(copied_week.database, CLEARGRID_OUTCOMES=str(tmp_path / "bad.toml")).output
    assert "does not match the format" in report(copied_week.database, "--day", "19.5.2026").output
