"""`cleargrid sql`: queries, with the project's lock."""

import csv
import re
import sys

import click
import duckdb

from cleargrid_assets.cli.contact import SoughtContact
from cleargrid_assets.cli.read_only import NotReadOnlyError, refuse_changes
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.warehouse.connection import connect, file_of
from cleargrid_assets.warehouse.databases import in_lake, is_lake
from cleargrid_assets.warehouse.forms import refuse_other_form, stored_versions
from cleargrid_assets.warehouse.lakes.lake import lake_data

_ROWS_AT_A_TIME = 10_000

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Characters that a terminal acts on. Texts of the API may have them."""


def run_sql(database: str, query: str, *, as_csv: bool, contact: SoughtContact | None = None) -> None:
    """Runs the statements and prints their rows.

    Args:
        database: The database.
        query: The statements.
        as_csv: Whether rows are printed as CSV.
        contact: What `$contact` stands for; None if the statements have no such parameter.

    Raises:
        click.ClickException: There is no database, a statement is wrong or could change the database, or the contact
            is missing or not used.
        WarehouseError: The database cannot be opened, or holds addresses in another form than that of the contact.
    """
    file = file_of(database)
    if file is not None and not file.exists():
        raise click.ClickException(f"{database} does not exist. The first run creates it.")
    with connect(database, read_only=True) as connection:
        if is_lake(database) and not in_lake(connection):
            raise click.ClickException("The lake does not exist. The first run creates it.")
        if contact is not None:
            # Nothing would be found, and nobody would know why.
            versions = stored_versions(connection, COMMUNICATION_LOGS)
            refuse_other_form(COMMUNICATION_LOGS.name, versions, contact.version)
        try:
            statements = connection.extract_statements(query)
            if is_lake(database):
                refuse_changes(statements, lake_data())
            elif file is not None:
                refuse_changes(statements, str(file))
            if any(map(_finds_contact, statements)) != (contact is not None):
                raise click.ClickException("A query with $contact needs --contact, and --contact needs $contact in it.")
            for statement in statements:
                rows = connection.sql(statement, params=_parameters(statement, contact))
                if rows is not None:
                    (_print_csv if as_csv else _print_table)(rows)
        except NotReadOnlyError as error:
            raise click.ClickException(str(error)) from error
        except duckdb.Error as error:
            # Without the lines that repeat the statement.
            said = " ".join(str(error).partition("\n\nLINE ")[0].split())
            raise click.ClickException(_visible(said)) from error


def _finds_contact(statement: duckdb.Statement) -> bool:
    return "contact" in statement.named_parameters


def _parameters(statement: duckdb.Statement, contact: SoughtContact | None) -> dict[str, str] | None:
    return {"contact": contact.stored_as} if contact is not None and _finds_contact(statement) else None


def _print_table(rows: duckdb.DuckDBPyRelation) -> None:
    table = str(rows)
    click.echo(_visible(table), nl=False)
    # DuckDB says below the table how much of it is shown, if that is not all.
    if "shown)" in table.rpartition("┘")[2]:
        click.echo("Some rows or columns are left out. With --csv, all are printed.", err=True)


def _print_csv(rows: duckdb.DuckDBPyRelation) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(rows.columns)
    texts = rows.select("COLUMNS(*)::VARCHAR")
    while some := texts.fetchmany(_ROWS_AT_A_TIME):
        # In a file or a pipe, the values are whole.
        writer.writerows(
            [[value and _visible(value) for value in row] for row in some] if sys.stdout.isatty() else some
        )


def _visible(text: str) -> str:
    """The text with control characters as escapes."""
    return _CONTROLS.sub(lambda control: f"\\x{ord(control[0]):02x}", text)
