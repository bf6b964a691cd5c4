"""`cleargrid sql`: what it prints, and that it changes nothing in the database."""

import csv
import hashlib
import hmac
import io
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cleargrid_assets.cli.main import main
from cleargrid_assets.cli.sql import run_sql
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.lock import Lock

VALUES = "SELECT 'a,\"b\"' AS text, NULL AS nothing, TIMESTAMPTZ '2026-05-19 10:00:00+04' AS at, [1, 2] AS list"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a table, to copy."""
    file = tmp_path_factory.mktemp("made") / "x.duckdb"
    with connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS a, 'word' || range AS b FROM range(3)")
    return file


@pytest.fixture
def database(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    return Path(shutil.copy(made, tmp_path / "data"))


def sql(query: str, *options: str, database: str = "data/x.duckdb") -> Result:
    return CliRunner().invoke(main, ["sql", query, *options], env={"CLEARGRID_DUCKDB": database})


def test_table_is_printed_as_duckdb_shows_it(database: Path) -> None:
    result = sql("FROM t")
    assert result.exit_code == 0, result.output
    assert "│   a   │    b    │" in result.output
    assert "│     2 │ word2   │" in result.output


@pytest.mark.parametrize(
    ("query", "is_all"),
    [
        ("SELECT range AS a FROM range(20)", True),
        ("SELECT '(1 shown)' AS a", True),
        ("SELECT range AS a FROM range(100)", False),
        ("SELECT range AS a FROM range(100000)", False),
        ("SELECT " + ", ".join(f"1 AS a_column_with_a_long_name_{each}" for each in range(20)), False),
    ],
)
def test_table_that_leaves_something_out_names_the_option_that_does_not(
    database: Path, query: str, is_all: bool
) -> None:
    said = "" if is_all else "Some rows or columns are left out. With --csv, all are printed.\n"
    assert sql(query).stderr == said


def test_csv_has_all_rows_as_duckdb_writes_values(database: Path) -> None:
    assert sql("FROM t", "--csv").output == "a,b\n0,word0\n1,word1\n2,word2\n"
    rows = list(csv.reader(io.StringIO(sql(VALUES, "--csv").output)))
    assert rows == [["text", "nothing", "at", "list"], ['a,"b"', "", "2026-05-19 06:00:00+00", "[1, 2]"]]
    many = sql("SELECT range AS n FROM range(25000)", "--csv").output.splitlines()
    assert many == ["n", *map(str, range(25_000))]


@pytest.mark.parametrize(
    "query", ["SELECT chr(27) || '[31m' || chr(7) || chr(155) AS a", "SELECT (chr(27) || chr(155))::INT AS a"]
)
def test_terminal_is_shown_no_control_characters(database: Path, query: str) -> None:
    output = sql(query).output
    assert "\\x9b" in output
    assert not {"\x1b", "\x07", "\x9b"}.intersection(output)


def test_csv_has_control_characters_unless_a_terminal_shows_it(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "SELECT chr(27) || 'x' AS a, NULL AS b"
    run_sql("data/x.duckdb", query, as_csv=True)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    run_sql("data/x.duckdb", query, as_csv=True)
    assert capsys.readouterr().out == "a,b\n\x1bx,\na,b\n\\x1bx,\n"


def test_several_statements_print_their_rows_in_order(database: Path) -> None:
    assert sql("SET threads = 1; SELECT 1 AS a; SELECT 2 AS b", "--csv").output == "a\n1\nb\n2\n"


@pytest.mark.parametrize(
    "query",
    [
        "DESCRIBE t",
        "SHOW TABLES",
        "SUMMARIZE t",
        "EXPLAIN FROM t",
        "WITH x AS (FROM t) FROM x",
        "PIVOT t ON b USING sum(a)",
        "PRAGMA table_info('t')",
        "SELECT 'copy' AS copy -- COPY",
        "CREATE TEMP TABLE y AS FROM t; FROM y",
        "CREATE TEMP MACRO m() AS 1; SELECT m()",
    ],
)
def test_every_kind_of_query_runs(database: Path, query: str) -> None:
    result = sql(query)
    assert result.exit_code == 0, result.output


def test_copy_writes_a_file_elsewhere(database: Path, tmp_path: Path) -> None:
    assert sql("COPY (SELECT a, 'to ''x''' AS b FROM t) TO 'it''s.csv' (HEADER)").exit_code == 0
    assert (tmp_path / "it's.csv").read_text() == "a,b\n0,to 'x'\n1,to 'x'\n2,to 'x'\n"
    assert sql("COPY t TO 'data/t.parquet'").exit_code == 0
    assert (tmp_path / "data" / "t.parquet").exists()


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO t VALUES (9, 'x')",
        "DELETE FROM t",
        "UPDATE t SET a = 1",
        "DROP TABLE t",
        "ALTER TABLE t ADD COLUMN c INTEGER",
        "CREATE TABLE y AS FROM t",
        "CREATE SCHEMA y",
        "ATTACH 'hard.duckdb' AS w (READ_WRITE); CREATE TABLE w.y (a INTEGER)",
        "ATTACH 'data/x.duckdb' AS w (READ_WRITE)",
        "DETACH x",
        "SET access_mode = 'READ_WRITE'; DELETE FROM t",
        "COPY t TO 'data/x.duckdb'",
        "COPY t TO './data/../data/x.duckdb' (FORMAT csv, USE_TMP_FILE false)",
        "COPY t TO 'link.duckdb'",
        "COPY t TO 'hard.duckdb' (FORMAT csv, USE_TMP_FILE false)",
        "COPY t TO 'file:{folder}/data/x.duckdb'",
        "COPY t TO 'data/x.duckdb.wal'",
        "COPY t TO 'data/x.duckdb.lock'",
        "COPY t TO ('data/' || 'x.duckdb')",
        "COPY t TO $$data/x.duckdb$$",
        "COPY t TO 'data' (FORMAT csv, PARTITION_BY (a), OVERWRITE)",
        "COPY t TO '.' (FORMAT csv, PARTITION_BY (a), OVERWRITE)",
        "copy (from t) to 'data/x.duckdb'",
        "EXPLAIN ANALYZE COPY t TO 'data/x.duckdb'",
        "PREPARE p AS COPY t TO 'data/x.duckdb'; EXECUTE p",
        "SELECT 1; COPY t TO 'data/x.duckdb'",
        "EXPORT DATABASE 'data'",
        "CHECKPOINT; DELETE FROM t",
    ],
)
def test_statement_that_would_change_the_database_is_refused_in_one_line(
    database: Path, tmp_path: Path, query: str
) -> None:
    (tmp_path / "link.duckdb").symlink_to(database)
    (tmp_path / "hard.duckdb").hardlink_to(database)
    before = hashlib.sha256(database.read_bytes()).digest()
    result = sql(query.format(folder=tmp_path))
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert hashlib.sha256(database.read_bytes()).digest() == before
    assert {path.name for path in database.parent.iterdir()} == {"x.duckdb", "x.duckdb.lock"}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELEC 1", 'Error: Parser Error: syntax error at or near "SELEC"\n'),
        ("FROM nothing", "Error: Catalog Error: Table with name nothing does not exist!"),
        ("SELECT 'x'::INTEGER", "Error: Conversion Error: Could not convert string 'x' to INT32"),
    ],
)
def test_wrong_sql_is_one_line_and_exit_status_1(database: Path, query: str, says: str) -> None:
    result = sql(query)
    assert result.exit_code == 1
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_missing_database_is_an_error_and_nothing_is_created(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = sql("SELECT 1", database="not there/x.duckdb")
    assert result.exit_code == 1
    assert result.stderr == "Error: not there/x.duckdb does not exist. The first run creates it.\n"
    assert list(tmp_path.iterdir()) == []


def test_query_shares_the_lock_with_readers(database: Path) -> None:
    held = Lock.acquired(database, exclusive=False)
    assert sql("FROM t").exit_code == 0
    held.release()


def test_control_characters_of_rows_do_not_reach_the_terminal(database: Path) -> None:
    assert "\x1b" not in sql("SELECT 'a' || chr(27) || '[31mred' AS subject").output


def test_database_that_is_named_is_queried_whatever_the_variables_are(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLEARGRID_TIMEZONE", "Dubai")
    (tmp_path / ".env").write_text("CLEARGRID_DUCKDB=other.duckdb\n")
    assert sql("FROM t LIMIT 1", "--csv", "--database", "data/x.duckdb").output == "a,b\n0,word0\n"


def test_unusable_variable_is_named(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARGRID_TIMEZONE", "Dubai")
    assert "CLEARGRID_TIMEZONE is 'Dubai'" in sql("FROM t").stderr


def test_database_that_duckdb_cannot_open_is_told_in_its_words(database: Path) -> None:
    result = sql("SELECT 1", database="data")
    assert result.exit_code == 1
    assert result.output.startswith("Error: The database cannot be used. DuckDB says: ")
    assert result.output.endswith(" Check CLEARGRID_DUCKDB.\n")


@pytest.mark.parametrize(
    ("variables", "stored"),
    [
        ({}, "+966512345678"),
        ({"CLEARGRID_PSEUDONYM_KEY": "k" * 32}, hmac.digest(b"k" * 32, b"+966512345678", "sha256").hex()),
    ],
)
def test_contact_is_found_in_any_spelling(database: Path, variables: dict[str, str], stored: str) -> None:
    environment = {"CLEARGRID_DUCKDB": "data/x.duckdb", "CLEARGRID_REGION": "SA", **variables}
    found = "SET threads = 1; SELECT a FROM t WHERE $contact = '" + stored + "' AND a = 1"
    for spelling in ("+966512345678", "\u200e051 234 5678", "00966 512 345 678"):
        alone, queried = (
            CliRunner().invoke(main, ["sql", *query, "--contact", spelling], env=environment)
            for query in ([], [found, "--csv"])
        )
        assert (alone.output, queried.output) == (f"{stored}\n", "a\n1\n")


def test_contact_is_not_sought_where_addresses_have_another_form(database: Path) -> None:
    with connect("data/x.duckdb") as connection:
        connection.execute("CREATE TABLE communication_logs AS SELECT DATE '2026-01-01' AS communicated_date")
    environment = {"CLEARGRID_DUCKDB": "data/x.duckdb", "CLEARGRID_PSEUDONYM_KEY": "k" * 32}
    query = ["SELECT count(*) FROM t WHERE b = $contact", "--contact", "+966512345678"]
    result = CliRunner().invoke(main, ["sql", *query], env=environment)
    assert result.exit_code == 1
    assert "is stored with clear values" in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--contact", "Anonymous"], "no contact: in `interactions`, its rows have `contact IS NULL`"),
        (["FROM t", "--contact", "+966512345678"], "--contact needs $contact in it"),
        (["SELECT $contact"], "A query with $contact needs --contact"),
        ([], "Give a QUERY, or --contact with an address."),
    ],
)
def test_contact_that_cannot_be_used_is_refused(database: Path, arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["sql", *arguments], env={"CLEARGRID_DUCKDB": "data/x.duckdb"})
    assert result.exit_code
    assert said in result.output
