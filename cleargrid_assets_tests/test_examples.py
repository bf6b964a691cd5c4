"""The examples do what they say."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from importlib import reload
from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets.automation import daily_job
from cleargrid_assets.contracts import HOURLY_REACH
from cleargrid_assets.schema import Table
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets_tests.analysis.slices import DAY, new_table
from cleargrid_assets_tests.assets.project import WEEK, Project
from examples import hours_to_call, my_assets

OWN = Table("unreached_contacts", columns=(), key=())


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A database with an empty `hourly_reach`."""
    with connect(str(tmp_path / "log.duckdb")) as connection:
        new_table(connection, HOURLY_REACH)
    return str(tmp_path / "log.duckdb")


def store(database: str, *rows: Sequence[object], channel: str = "phone") -> None:
    """Stores the day, hour, attempts and reached attempts of a channel."""
    with connect(database) as connection:
        connection.executemany(
            f"INSERT INTO hourly_reach SELECT $1, '{channel}', $2, $3, $4, $4 / $3", [list(row) for row in rows]
        )


def test_hours_to_call_are_those_of_twelve_weeks(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert DAY.isoweekday() == 2
    weeks = [DAY - timedelta(weeks=week) for week in range(12)]
    store(database, *((day, 9, 10, 2) for day in weeks), (DAY, 10, 200, 100), (DAY, 11, 30, 16), (DAY, 12, 29, 29))
    store(database, (DAY - timedelta(days=1), 17, 1000, 250), (DAY - timedelta(weeks=12), 10, 1000, 1000))
    store(database, (DAY, 10, 1000, 0), channel="email")
    hours_to_call.main(database)
    assert capsys.readouterr().out.splitlines() == [
        "Monday     17:00  25% of 1,000 attempts (22% to 28%); maybe as good: none",
        "Tuesday    10:00  50% of 200 attempts (43% to 57%); maybe as good: 11:00",
    ]


def test_hours_to_call_says_when_there_are_too_few_calls(database: str, capsys: pytest.CaptureFixture[str]) -> None:
    store(database, (DAY, 9, 29, 29))
    hours_to_call.main(database)
    assert capsys.readouterr().out == "No hour of a weekday has 30 calls or more.\n"


def test_hours_to_call_of_no_database_says_so(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="does not exist"):
        hours_to_call.main(str(tmp_path / "log.duckdb"))


def test_asset_of_ones_own_is_stored_day_by_day_and_part_of_the_daily_run(copied_week: Project) -> None:
    # again, because the definitions hold the variables of their import
    project = replace(copied_week, build=lambda: reload(my_assets).defs)
    run = project.materialize(*WEEK, only=[OWN])
    assert run.success, run.failure
    of_reach = "USE log.cleargrid; SELECT communicated_date, channel, contacts - reached_contacts FROM channel_reach"
    of_own = "USE log.cleargrid; SELECT communicated_date::DATE, channel, contacts FROM unreached_contacts"
    found = project.ask(f"{of_own} ORDER BY ALL")
    assert found == project.ask(f"{of_reach} ORDER BY ALL")
    again = project.materialize(WEEK[1], only=[OWN])
    assert again.success, again.failure
    assert project.ask(f"{of_own} ORDER BY ALL") == found
    with project.entered() as defs:
        keys = defs.resolve_job_def(daily_job.name).asset_layer.executable_asset_keys
    assert dg.AssetKey(["cleargrid", OWN.name]) in keys
