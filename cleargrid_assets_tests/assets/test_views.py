"""The views and the macro that runs leave in the database, and where they work."""

import shutil
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from cleargrid_assets.cli.main import main
from cleargrid_assets.contracts import CHANNEL_REACH, INTERACTIONS
from cleargrid_assets.contracts.views import BEST_HOURS, CONTACT_HISTORY, LAST_28_DAYS_BY_CHANNEL, LATEST_DAY, VIEWS
from cleargrid_assets.schema import COLUMN_TYPES, Table
from cleargrid_assets_tests.assets.project import WEEK, Project

LAST = WEEK[1]


def most_tried(week: Project) -> str:
    """The contact with most communications."""
    [(contact,)] = week.ask("SELECT mode(contact) FROM log.cleargrid.interactions WHERE channel = 'phone'")
    return str(contact)


def relation(view: Table, contact: str) -> str:
    return f"{view.name}('{contact}')" if view is CONTACT_HISTORY else view.name


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_run_leaves_the_view_as_its_contract_says(week: Project, view: Table) -> None:
    contact = most_tried(week)
    asked = f"USE log.cleargrid; SELECT COLUMNS(*) FROM {relation(view, contact)}"
    described = week.ask(asked.replace("SELECT", "DESCRIBE SELECT"))
    assert [(name, kind) for name, kind, *_ in described] == [
        (column.name, COLUMN_TYPES[column.type].described_as) for column in view.columns
    ]
    rows = [dict(zip(view.column_names, row, strict=True)) for row in week.ask(asked)]
    assert rows
    assert len({tuple(row[name] for name in view.key) for row in rows}) == len(rows)
    required = [column.name for column in view.columns if not column.nullable]
    assert [name for name in required if any(row[name] is None for row in rows)] == []


def test_views_agree_with_the_tables_of_the_week(week: Project) -> None:
    names = ", ".join(CHANNEL_REACH.column_names)
    latest = week.ask(f"SELECT {names} FROM log.cleargrid.latest_day ORDER BY ALL")
    assert latest == [row for row in week.rows(CHANNEL_REACH) if row[0] == LAST]
    of_channels, of_hours = (
        week.ask(f"SELECT channel, sum(attempts) FROM log.cleargrid.{view.name} GROUP BY ALL ORDER BY ALL")
        for view in (LAST_28_DAYS_BY_CHANNEL, BEST_HOURS)
    )
    assert of_channels == of_hours
    assert week.ask("SELECT DISTINCT communicated_date, stored_days FROM log.cleargrid.best_hours") == [(LAST, 7)]


def test_views_and_macro_have_their_own_tables_wherever_the_file_is(week: Project, tmp_path: Path) -> None:
    contact = most_tried(week)
    calls = [relation(view, contact) for view in VIEWS]
    expected = [week.ask(f"USE log.cleargrid; FROM {call}") for call in calls]
    # a file with the name of the schema is the hardest to name
    for name, schema in (("renamed.duckdb", "cleargrid"), ("cleargrid.duckdb", "cleargrid.cleargrid")):
        with duckdb.connect(shutil.copy(week.database, tmp_path / name), read_only=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            assert [connection.execute(f"FROM {schema}.{call}").fetchall() for call in calls] == expected
    lender = '"the lender"'
    with duckdb.connect() as connection:
        connection.execute(f"SET TimeZone = 'UTC'; ATTACH '{tmp_path / 'renamed.duckdb'}' AS {lender} (READ_ONLY)")
        # tables of these names in the search path are others
        for table in (INTERACTIONS.name, CHANNEL_REACH.name, "hourly_reach", "operational_health", "days"):
            connection.execute(f"CREATE TABLE {table} (x INTEGER)")
        for view, call, rows in zip(VIEWS, calls, expected, strict=True):
            if view is CONTACT_HISTORY:
                with pytest.raises(duckdb.CatalogException):
                    connection.execute(f"FROM {lender}.cleargrid.{call}")
            else:
                assert connection.execute(f"FROM {lender}.cleargrid.{call}").fetchall() == rows
        connection.execute(f"USE {lender}.cleargrid")
        assert [connection.execute(f"FROM {call}").fetchall() for call in calls] == expected
        connection.execute(f"USE {lender}")
        assert connection.execute(f"FROM cleargrid.{calls[-1]}").fetchall() == expected[-1]


def test_command_opens_views_and_the_history_of_a_contact(week: Project) -> None:
    contact = most_tried(week)
    spelt = f" {contact[:4]} ({contact[4:6]}) {contact[6:]}"
    [(number,)] = week.ask(f"SELECT count(*) FROM log.cleargrid.interactions WHERE contact = '{contact}'")
    query = "FROM contact_history($contact); FROM latest_day"
    result = CliRunner().invoke(
        main, ["sql", "--csv", query, "--contact", spelt], env={"CLEARGRID_DUCKDB": str(week.database)}
    )
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == ",".join(CONTACT_HISTORY.column_names)
    assert lines.index(",".join(LATEST_DAY.column_names)) == number + 1
