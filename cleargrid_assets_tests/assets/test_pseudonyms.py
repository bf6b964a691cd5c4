"""Pseudonyms end to end: the API, the spool, the database and everything else on disk."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOGS, DAYS, INTERACTIONS
from cleargrid_assets.warehouse.storing import replacing
from cleargrid_assets.warehouse.storing.quarantine import replace_quarantined
from cleargrid_assets_tests.assets.project import Project, Run
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Api, rows_at, serving
from cleargrid_assets_tests.exports.driving import EVENLY
from cleargrid_assets_tests.exports.faults import failing

DAY = date(2026, 5, 19)
LOG = (COMMUNICATION_LOGS,)
KEY = "an example key of 32 characters!"
NUMBERS = [f"+9665123{number:05d}" for number in range(400)]
OWN, MAIL, SUBJECT = "+966550000001", "Someone.Private@Mail.example", "Overdue instalment"
CLEAR = (OWN[1:], MAIL, MAIL.lower(), SUBJECT, "96651230", "051230")


@pytest.fixture
def api() -> Iterator[Api]:
    """A server with 400 rows: numbers in several spellings, an e-mail address, withheld callers, and two bad rows."""
    with serving(Api(rows_at(EVENLY))) as running:
        for row, number in zip(running.rows, NUMBERS, strict=True):
            row.update({"to": number, "subject": SUBJECT})
        running.rows[1]["to"] = f"\u202a0{NUMBERS[1][4:]}\u202c"
        running.rows[2]["to"] = f"<{MAIL}>"
        running.rows[3]["to"] = "Anonymous"
        running.rows[4]["status"] = 966512300004
        running.rows[5].update({"public_id": "", "subject": MAIL})
        yield running


@pytest.fixture
def clear(project: Project, api: Api) -> Project:
    """The project without a key, pointed at the server."""
    return project.given(
        CLEARGRID_BASE_URL=api.url,
        CLEARGRID_LENDER=LENDER,
        CLEARGRID_EMAIL=EMAIL,
        CLEARGRID_PASSWORD=PASSWORD,
        CLEARGRID_QUARANTINE="on",
        CLEARGRID_PAGE_SIZE="50",
        CLEARGRID_CONCURRENCY="1",
    )


@pytest.fixture
def keyed(clear: Project) -> Project:
    """The project with a key and a region."""
    return clear.given(CLEARGRID_PSEUDONYM_KEY=KEY, CLEARGRID_REGION="SA")


def hashed(contact: str) -> str:
    """The pseudonym, computed by the standard alone."""
    return hmac.new(KEY.encode(), contact.encode(), hashlib.sha256).hexdigest()


def materialize(project: Project) -> Run:
    return project.materialize(DAY, only=LOG, checked=False)


def found_on_disk(project: Project) -> set[str]:
    """The clear values in any file beside the database."""
    files = [path for path in project.database.parent.rglob("*") if path.is_file()]
    return {value for path in files for value in CLEAR if value.encode() in path.read_bytes()}


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves what a transaction wrote in the write-ahead log, where it is not compressed."""

    def without_checkpoint(connection: Any, *args: Any) -> None:
        connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        replace_quarantined(connection, *args)

    monkeypatch.setattr(replacing, "replace_quarantined", without_checkpoint)


def test_stored_day_has_the_hmac_of_every_contact(keyed: Project, api: Api) -> None:
    run = materialize(keyed)
    assert run.success, run.failure
    stored = keyed.ask('SELECT public_id, "from", "to", subject FROM log.cleargrid.communication_logs')
    special = {"id-000002": hashed(MAIL.lower()), "id-000003": "WITHHELD"}
    assert sorted(stored) == [
        (row["public_id"], hashed(OWN), special.get(row["public_id"], hashed(number)), None)
        for number, row in zip(NUMBERS, api.rows, strict=True)
        if number not in NUMBERS[4:6]
    ]
    bad = keyed.ask("SELECT public_id, field, row_json FROM log.cleargrid.quarantined_rows ORDER BY field")
    assert [(key, field) for key, field, _ in bad] == [(None, "public_id"), ("id-000004", "status")]
    assert all(text.startswith("[left out because of CLEARGRID_PSEUDONYM_KEY") for _, _, text in bad)
    again = materialize(keyed).metadata(COMMUNICATION_LOGS, DAY)
    assert [again[name] for name in ("rows", "new_rows", "changed_rows", "removed_rows")] == [398, 0, 0, 0]


def contacts(project: Project) -> dict[str, str | None]:
    """The contact of each stored interaction, by its id."""
    run = project.materialize(DAY, only=(COMMUNICATION_LOGS, INTERACTIONS), checked=False)
    assert run.success, run.failure
    return dict(project.ask("SELECT public_id, contact FROM log.cleargrid.interactions"))


def test_contact_of_interactions_is_the_pseudonym_of_the_clear_contact(
    clear: Project, keyed: Project, api: Api, tmp_path: Path
) -> None:
    api.rows[6]["direction"], api.rows[7]["direction"] = "inbound", "sideways"
    in_clear = contacts(
        replace(clear, database=tmp_path / "clear" / "log.duckdb").given(
            CLEARGRID_DUCKDB=str(tmp_path / "clear" / "log.duckdb"), CLEARGRID_REGION="SA"
        )
    )
    assert in_clear["id-000001"] == NUMBERS[1]
    assert (in_clear["id-000003"], in_clear["id-000006"], in_clear["id-000007"]) == (None, OWN, None)
    assert contacts(keyed) == {key: contact and hashed(contact) for key, contact in in_clear.items()}
    history = f"SELECT public_id FROM contact_history('{hashed(NUMBERS[1])}')"
    assert keyed.ask(f"USE log.cleargrid; {history}") == [("id-000001",)]


@pytest.mark.usefixtures("unchecked")
def test_no_file_ever_holds_an_address_once_there_is_a_key(clear: Project, keyed: Project, api: Api) -> None:
    api.fault = failing(403, after=4)
    assert not materialize(clear).success
    assert found_on_disk(clear)
    api.requests.clear()
    assert not materialize(keyed).success
    assert hashed(NUMBERS[9]).encode() in b"".join(path.read_bytes() for path in keyed.spools)
    assert found_on_disk(keyed) == set()
    api.fault = lambda request, answer: answer
    run = materialize(keyed)
    assert run.success, run.failure
    assert run.metadata(COMMUNICATION_LOGS, DAY)["resumed_pages"] > 0
    assert list(keyed.database.parent.glob("*.wal"))
    assert found_on_disk(keyed) == set()
    assert len(keyed.rows(COMMUNICATION_LOGS)) == 398


def test_another_form_is_refused_before_anything_is_fetched(keyed: Project, api: Api) -> None:
    assert materialize(keyed).success
    before = keyed.rows(COMMUNICATION_LOGS)
    api.requests.clear()
    for changed in (
        {"CLEARGRID_PSEUDONYM_KEY": "another" * 5},
        {"CLEARGRID_REGION": "AE"},
        {"CLEARGRID_PSEUDONYM_KEY": ""},
    ):
        run = keyed.given(**changed).materialize(date(2026, 5, 18), only=LOG, checked=False)
        [said] = run.failures
        assert "1 day of communication_logs (2026-05-19) is stored with pseudonyms " in said
        assert "name a new database in CLEARGRID_DUCKDB" in said
        assert KEY not in said
    assert (api.requests, keyed.rows(COMMUNICATION_LOGS)) == ([], before)


@pytest.mark.usefixtures("unchecked")
def test_key_is_refused_where_addresses_are_stored(clear: Project, keyed: Project, api: Api) -> None:
    assert materialize(clear).success
    # So the other tests would find addresses if there were some.
    assert found_on_disk(clear) == set(CLEAR) - {MAIL.lower()}
    api.requests.clear()
    failures = materialize(keyed).failures
    assert "with clear values" in keyed.materialize(DAY, only=(INTERACTIONS,), checked=False).failure
    clear.ask(f"DROP TABLE log.cleargrid.{DAYS.name}")
    failures += materialize(keyed).failures
    assert len(failures) == 2
    assert all("1 day of communication_logs (2026-05-19) is stored with clear values" in said for said in failures)
    assert api.requests == []
