"""Rows that break the contract, end to end: the API, the run, the table beside the log and the check."""

import json
import logging
from collections.abc import Iterator
from datetime import date

import dagster as dg
import pytest

from cleargrid_assets.contracts import CHANNEL_REACH, COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets_tests.assets.project import Project
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Api, rows_at, serving
from cleargrid_assets_tests.exports.driving import EVENLY

DAY = date(2026, 5, 19)
LOG = (COMMUNICATION_LOGS,)
QUARANTINED = "SELECT communicated_date, public_id, field, reason FROM log.cleargrid.quarantined_rows ORDER BY ALL"


@pytest.fixture
def api() -> Iterator[Api]:
    """A server with 400 rows, of which one has a duration of the wrong type and one an empty key."""
    with serving(Api(rows_at(EVENLY))) as running:
        running.rows[7].update({"duration": "12", "from": "+966598765432"})
        running.rows[9]["public_id"] = ""
        yield running


@pytest.fixture
def hostile(project: Project, api: Api) -> Project:
    """The project, pointed at the server, with quarantine."""
    return project.given(
        CLEARGRID_BASE_URL=api.url,
        CLEARGRID_LENDER=LENDER,
        CLEARGRID_EMAIL=EMAIL,
        CLEARGRID_PASSWORD=PASSWORD,
        CLEARGRID_QUARANTINE="on",
    )


def test_day_is_stored_without_bad_rows_and_the_check_says_so(
    hostile: Project, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    run = hostile.materialize(DAY, only=(COMMUNICATION_LOGS, INTERACTIONS, CHANNEL_REACH))
    assert run.success, run.failure
    assert len(hostile.rows(COMMUNICATION_LOGS)) == 398
    assert hostile.ask(QUARANTINED) == [
        (DAY, "id-000007", "duration", "is not a number that a double holds"),
        (DAY, None, "public_id", "is empty, but it is the key"),
    ]
    found = run.check("no_row_is_quarantined")
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.ERROR
    assert "duration is not a number that a double holds (1)" in str(found.description)
    assert "cleargrid.quarantined_rows" in str(found.description)
    assert found.metadata["quarantined_rows"].value == 2
    assert run.check("source_agrees").passed
    assert run.metadata(COMMUNICATION_LOGS, DAY)["quarantined_rows"] == 2
    [(row,)] = hostile.ask("SELECT row_json FROM log.cleargrid.quarantined_rows WHERE field = 'duration'")
    assert json.loads(row)["from"] == "+966598765432"
    told = [dg.serialize_value(entry) for entry in hostile.instance.all_logs(run.result.run_id)]
    assert "98765432" not in "".join([*told, caplog.text])


def test_repaired_rows_are_stored_and_leave_quarantine(hostile: Project, api: Api) -> None:
    assert hostile.materialize(DAY, only=LOG).success
    api.rows = rows_at(EVENLY)
    run = hostile.materialize(DAY, only=LOG)
    assert len(hostile.rows(COMMUNICATION_LOGS)) == 400
    assert hostile.ask(QUARANTINED) == []
    assert run.check("no_row_is_quarantined").passed
    assert run.check("source_agrees").passed


def test_row_that_breaks_leaves_the_table_and_enters_quarantine(hostile: Project, api: Api) -> None:
    assert hostile.materialize(DAY, only=LOG).success
    api.rows[0]["status"] = None
    run = hostile.materialize(DAY, only=LOG)
    assert run.metadata(COMMUNICATION_LOGS, DAY)["removed_rows"] == 1
    assert (DAY, "id-000000", "status", "is missing or null, but is required") in hostile.ask(QUARANTINED)


def test_day_fails_by_default_and_the_error_says_how_to_go_on(hostile: Project) -> None:
    run = hostile.given(CLEARGRID_QUARANTINE="").materialize(DAY, only=LOG)
    assert not run.success
    [said] = run.failures
    for part in ("id-0...", "duration is not a number", "CLEARGRID_QUARANTINE=on", "the table is unchanged"):
        assert part in said
    assert not hostile.database.exists()


def test_too_many_bad_rows_fail_the_day(hostile: Project, api: Api) -> None:
    for row in api.rows[:11]:
        row["status"] = None
    run = hostile.materialize(DAY, only=LOG)
    assert not run.success
    assert "11 of 400 rows received break the contract" in run.failures[0]
    assert "status is missing or null, but is required (10)" in run.failures[0]
    assert hostile.spools == []


def test_fields_with_dangerous_names_fail_no_run(hostile: Project, api: Api) -> None:
    for row in api.rows:
        row.update({"__class__": 1, "__enum__": 2})
    run = hostile.materialize(DAY, only=LOG)
    assert run.success, run.failure
    assert run.metadata(COMMUNICATION_LOGS, DAY)["unknown_fields"] == [["__class__", 398], ["__enum__", 398]]
    assert not run.check("no_new_fields").passed


def test_rows_that_the_source_repeats_and_counts_are_a_warning(hostile: Project, api: Api) -> None:
    rows = rows_at(EVENLY)
    api.rows = [*rows, rows[5], rows[9]]
    run = hostile.materialize(DAY, only=LOG)
    assert len(hostile.rows(COMMUNICATION_LOGS)) == 400
    found = run.check("source_agrees")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "more than once" in str(found.description)
