"""`cleargrid backup`, `cleargrid restore` and `cleargrid compact`: what they print."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cleargrid_assets.cli.main import main
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.tables import prepare_table


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with connect("x.duckdb") as connection:
        prepare_table(connection, COMMUNICATION_LOGS)
    return tmp_path / "x.duckdb"


def run(*arguments: str, **variables: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"CLEARGRID_DUCKDB": "x.duckdb", **variables})


def test_backups_are_made_kept_and_put_back(database: Path) -> None:
    for _ in range(4):
        made = run("backup", CLEARGRID_BACKUPS="3")
        assert made.exit_code == 0, made.output
    assert re.fullmatch(r"Backup: \S+\.duckdb, \d\.\d MB, made and verified in \d+\.\d s\.\n", made.output)
    assert len(list((database.parent / "backups").iterdir())) == 3
    database.write_text("damaged")
    restored = run("restore")
    assert restored.exit_code == 0, restored.output
    assert "Restored x.duckdb from " in restored.output
    assert "It holds no communication logs." in restored.output
    assert f"is now {database}.before-restore-" in restored.output
    assert "The schedules fetch the days since" in restored.output
    with connect("x.duckdb", read_only=True) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [(COMMUNICATION_LOGS.name,)]


def test_backup_to_a_file_is_put_back_by_name(database: Path) -> None:
    assert run("backup", "mine.duckdb").exit_code == 0
    assert not (database.parent / "backups").exists()
    assert run("restore", "mine.duckdb").exit_code == 0


def test_compacting_prints_both_sizes(database: Path) -> None:
    done = run("compact")
    assert done.exit_code == 0, done.output
    assert re.fullmatch(
        rf"Compacted {database}: \d\.\d MB before, \d\.\d MB now, rewritten and verified in \d+\.\d s\.\n", done.output
    )


def test_place_where_no_file_can_be_made_is_named(database: Path) -> None:
    name = "x" * 300
    refused = run("backup", name)
    assert refused.exit_code == 1
    assert refused.output == f"Error: {name}: File name too long.\n"


def test_newer_backups_that_were_not_used_are_named(database: Path) -> None:
    for _ in range(2):
        assert run("backup").exit_code == 0
    newest = max((database.parent / "backups").iterdir())
    newest.write_text("damaged")
    restored = run("restore")
    assert restored.exit_code == 0, restored.output
    assert f"{newest.name}" not in restored.stdout
    assert restored.stderr.startswith("Not used: The copy ")


@pytest.mark.parametrize(
    ("arguments", "variables", "says"),
    [
        (["restore"], {}, "Error: There is no backup in "),
        (["restore", "no.duckdb"], {}, "Error: no.duckdb does not exist."),
        (["backup"], {"CLEARGRID_BACKUPS": "0"}, "Error: CLEARGRID_BACKUPS is 0"),
        (["backup"], {"CLEARGRID_BACKUPS": "-1"}, "Error: CLEARGRID_BACKUPS is '-1'"),
        (["backup", "x.duckdb"], {}, "Error: x.duckdb is the database itself"),
        (["backup"], {"CLEARGRID_DUCKDB": "y.duckdb"}, "y.duckdb does not exist. The first run creates it."),
        (["backup"], {"CLEARGRID_DUCKDB": "md:outreach"}, "Error: The database is no file."),
        (["compact"], {"CLEARGRID_DUCKDB": "md:outreach"}, "Error: The database is no file, so there is nothing"),
        (["compact"], {"CLEARGRID_DUCKDB": "y.duckdb"}, "y.duckdb does not exist. The first run creates it."),
    ],
)
def test_failure_is_one_line_and_exit_status_1(
    database: Path, arguments: list[str], variables: dict[str, str], says: str
) -> None:
    result = run(*arguments, **variables)
    assert result.exit_code == 1
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
