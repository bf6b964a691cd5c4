"""`cleargrid check`: tries each part of the configuration, in the order in which a run uses it."""

import os
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile

import duckdb

from cleargrid_assets.alerts.sending import AlertError, check_urls, send
from cleargrid_assets.analysis.outcomes import OutcomesError, load_outcomes
from cleargrid_assets.cli.check_api import check_api
from cleargrid_assets.cli.check_daemon import check_daemon
from cleargrid_assets.cli.env_file import EnvFileError, broken_lines, load_env
from cleargrid_assets.cli.findings import Finding, about, as_sentence, print_json, print_line, works
from cleargrid_assets.configuration import pseudonyms_of
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets.exports.http.base_url import checked_root
from cleargrid_assets.exports.spooling.spool import try_out
from cleargrid_assets.setting_types import AFTER_EDITING, Problem, SettingsError
from cleargrid_assets.settings import Settings, variable_of
from cleargrid_assets.unknown_variables import advice_on, shown_name, unknown_variables
from cleargrid_assets.warehouse.connection import connect, file_of
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.forms import refuse_other_form, stored_versions
from cleargrid_assets.wording import counted

_LOCK_TIMEOUT_S = 5.0
_LEAST_ROOM = 1_000_000
"""Bytes that are written to try whether there is room."""
_CREDENTIALS = ("CLEARGRID_LENDER", "CLEARGRID_EMAIL", "CLEARGRID_PASSWORD")
_API = ("CLEARGRID_BASE_URL", *_CREDENTIALS)
_DAYS = ("CLEARGRID_TIMEZONE", "CLEARGRID_START_DATE")


def run_check(*, with_alert: bool = False, as_json: bool = False) -> bool:
    """Reads `.env`, and prints what was found of each part of the configuration.

    Args:
        with_alert: Whether to send a test message to `CLEARGRID_ALERTS`.
        as_json: Whether to print one JSON document instead of lines.

    Returns:
        Whether a run would work, and everything else that is configured.
    """
    findings: list[Finding] = []
    for finding in _findings(os.environ, with_alert=with_alert):
        findings.append(finding)
        if not as_json:
            # At once, because the API may take seconds.
            print_line(finding)
    if as_json:
        print_json(findings)
    return works(findings)


def _findings(environ: Mapping[str, str], *, with_alert: bool) -> Iterator[Finding]:
    try:
        load_env()
    except EnvFileError as error:
        yield Finding("variables", "fail", error.what, action=error.advice)
        return
    settings, problems = _usable(environ)
    missing = settings.missing_credentials()
    wrong = {name for problem in problems for name in problem.names}
    yield from map(_unusable, problems)
    for finding in _check_address(settings.base_url):
        yield finding
        wrong.add("CLEARGRID_BASE_URL")
    yield from (_unset(name) for name in missing if name not in wrong)
    yield from map(_broken_line, broken_lines())
    yield from (_unknown(name, nearest) for name, nearest in unknown_variables(environ).items())
    wrong.update(missing)

    def tried(check: str, needs: Sequence[str], step: Callable[[], Iterable[Finding]]) -> Iterable[Finding]:
        first = [name for name in needs if name in wrong]
        return [_not_tried(check, first)] if first else step()

    yield from tried("days", _DAYS, lambda: [_check_days(settings)])
    for finding in tried("outcomes", ["CLEARGRID_OUTCOMES"], lambda: [_check_outcomes(settings)]):
        yield finding
        wrong.update(["CLEARGRID_OUTCOMES"] if finding.status == "fail" else [])
    yield from tried("database", _decisive_for_the_database(settings, wrong), lambda: [_check_database(settings)])
    if settings.spool:
        yield _check_spool(settings.spool)
    in_the_way = [name for name in (*_API, *_DAYS, "CLEARGRID_DUCKDB") if name in wrong]
    yield from tried("api", _API, lambda: check_api(settings, compares=not in_the_way))
    if in_the_way:
        yield _not_tried("yesterday", in_the_way)
    yield check_daemon(settings.database)
    if with_alert or settings.alerts:
        yield from tried("alerts", ["CLEARGRID_ALERTS"], lambda: [_check_alerts(settings, with_alert=with_alert)])


def _usable(environ: Mapping[str, str]) -> tuple[Settings, Sequence[Problem]]:
    """The settings without the variables that have unusable values, and what is wrong with those."""
    usable, problems = dict(environ), list[Problem]()
    while True:
        try:
            return Settings.from_environment(usable), problems
        except SettingsError as error:
            # Again, because variables that do not fit each other are found once each of them is usable.
            problems += error.problems
            wrong = {name for problem in error.problems for name in problem.names} & usable.keys()
            if not wrong:
                raise
            for name in wrong:
                del usable[name]


def _unusable(problem: Problem) -> Finding:
    action = "Correct it in `.env` or in the environment."
    return about(problem.names[0], "variables", "fail", problem.sentence, value=problem.value, action=action)


def _check_address(base_url: str) -> Iterator[Finding]:
    """What is wrong with the address of the API."""
    try:
        checked_root(base_url)
    except ExportsError as error:
        # Without a part that may have a password.
        value = None if re.search("[@?#]", base_url) else base_url
        found = str(error).removesuffix(error.advice or "").rstrip()
        found += f" It is {value!r}." if value else ""
        yield about("CLEARGRID_BASE_URL", "variables", "fail", found, value=value, action=error.advice)


def _unset(name: str) -> Finding:
    found = f"{name} is not set. It takes {variable_of(name).takes}."
    action = f"Set it in the environment or in `.env`, or run `cleargrid init`. {AFTER_EDITING}"
    return about(name, "variables", "fail", found, action=action)


def _broken_line(number: int) -> Finding:
    action = "Write NAME=value."
    return Finding("variables", "fail", f"Line {number} of .env sets no variable.", action=action)


def _unknown(name: str, nearest: str | None) -> Finding:
    found = f"{shown_name(name)} is no variable of this project, so it has no effect."
    return Finding("variables", "fail", found, shown_name(name), action=advice_on(nearest))


def _not_tried(check: str, names: Sequence[str]) -> Finding:
    title = "Exports API" if check == "api" else check.capitalize()
    return Finding(check, "skip", f"{title}: not tried.", names[0], action=f"First correct {', '.join(names)}.")


def _check_days(settings: Settings) -> Finding:
    first = f"Days: from {settings.start_date}, from midnight to midnight in {settings.timezone.key}."
    if settings.start_date >= datetime.now(settings.timezone).date():
        found = f"{first} That day is not over, so there is nothing to fetch."
        start, action = str(settings.start_date), "Check CLEARGRID_START_DATE."
        return about("CLEARGRID_START_DATE", "days", "fail", found, value=start, action=action)
    return Finding("days", "ok", first)


def _check_outcomes(settings: Settings) -> Finding:
    try:
        outcomes = load_outcomes(settings.outcomes)
    except OutcomesError as error:
        action = "Correct the file, or name another one in CLEARGRID_OUTCOMES."
        return about(
            "CLEARGRID_OUTCOMES", "outcomes", "fail", as_sentence(error), value=settings.outcomes, action=action
        )
    words = f"{counted(len(outcomes.statuses), 'status')}, {counted(len(outcomes.channels), 'communication type')}"
    return Finding("outcomes", "ok", f"Outcomes file: {words}.")


def _decisive_for_the_database(settings: Settings, wrong: Container[str]) -> list[str]:
    """The variables that decide about the database file, and about the pseudonyms in it."""
    key = "CLEARGRID_PSEUDONYM_KEY"
    has_pseudonyms = settings.pseudonym_key is not None or key in wrong
    return ["CLEARGRID_DUCKDB", *([key, "CLEARGRID_REGION", "CLEARGRID_OUTCOMES"] if has_pseudonyms else [])]


def _check_database(settings: Settings) -> Finding:
    database = settings.database
    try:
        file = file_of(database)
        if file is not None:
            _require_room(file)
        if file is not None and not file.exists():
            return Finding("database", "ok", f"Database: {database} does not exist yet. The first run creates it.")
        tables = _tables(settings)
    except (WarehouseError, duckdb.Error, OSError) as error:
        found = f"CLEARGRID_DUCKDB is {database!r}: {as_sentence(error)}"
        action = "Correct that, or name another file in CLEARGRID_DUCKDB."
        return about("CLEARGRID_DUCKDB", "database", "fail", found, value=database, action=action)
    return Finding("database", "ok", f"Database: {database} is writable and has {tables} tables of this project.")


def _tables(settings: Settings) -> int:
    """Opens the database to write, and counts its tables."""
    with connect(settings.database, lock_timeout_s=_LOCK_TIMEOUT_S) as connection:
        query = "SELECT count(*) FROM duckdb_tables() WHERE schema_name = current_schema()"
        [(tables,)] = connection.execute(query).fetchall()
        pseudonyms = pseudonyms_of(settings)
        version = None if pseudonyms is None else pseudonyms.version
        refuse_other_form(COMMUNICATION_LOGS.name, stored_versions(connection, COMMUNICATION_LOGS), version)
        _try_writing(connection)
    return int(tables)


def _try_writing(connection: duckdb.DuckDBPyConnection) -> None:
    """Writes rows and takes them back: the files of a lake are not where its catalog is."""
    connection.begin()
    connection.execute("CREATE TABLE cleargrid_check AS SELECT 1 AS written")
    connection.rollback()


def _require_room(file: Path) -> None:
    """Writes some bytes where runs write the database and what they fetch."""
    folder = next(folder for folder in file.resolve().parents if folder.exists())
    try:
        with TemporaryFile(dir=folder) as stream:
            stream.write(bytes(_LEAST_ROOM))
            stream.flush()
    except OSError as error:
        raise WarehouseError(f"Runs cannot write to its folder, {folder}: {error.strerror}.") from error


def _check_spool(root: str) -> Finding:
    try:
        try_out(Path(root))
    except (ExportsError, OSError) as error:
        action = "Correct that, or name another folder in CLEARGRID_SPOOL."
        return about("CLEARGRID_SPOOL", "spool", "fail", f"Spool: {as_sentence(error)}", value=root, action=action)
    return Finding("spool", "ok", f"Spool: {root} is writable, and locks work there.")


def _check_alerts(settings: Settings, *, with_alert: bool) -> Finding:
    if settings.alerts is None:
        found = "CLEARGRID_ALERTS is not set, so there is nobody to tell. It takes Apprise URLs."
        return about("CLEARGRID_ALERTS", "alerts", "fail", found, action=f"Set it in `.env`. {AFTER_EDITING}")
    try:
        urls = counted(check_urls(settings.alerts), "URL")
        if with_alert:
            send(
                settings.alerts, "ClearGrid: a test message", "Sent by `cleargrid check --alerts`. Alerts arrive here."
            )
    except AlertError as error:
        return about("CLEARGRID_ALERTS", "alerts", "fail", error.what, action=error.advice)
    if with_alert:
        return Finding("alerts", "ok", f"Alerts: a test message was sent to {urls}. See whether it has arrived.")
    return Finding(
        "alerts", "ok", f"Alerts: CLEARGRID_ALERTS has {urls}. `cleargrid check --alerts` sends a test message."
    )
