"""What `cleargrid check` says of the clocks and of yesterday."""

from datetime import date, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cleargrid_assets.cli.check_api import check_api
from cleargrid_assets.cli.findings import Finding
from cleargrid_assets.contracts import COMMUNICATION_LOGS, DAYS
from cleargrid_assets.quarantine import quarantine_of
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.ledger import LedgerEntry, write_entries
from cleargrid_assets.warehouse.tables import prepare_table
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Answer, Api, Request, envelope, serving
from cleargrid_assets_tests.rows import as_json, communication

ZONE = ZoneInfo("Asia/Dubai")


def _found(api: Api, **variables: str) -> dict[str, Finding]:
    given = {"BASE_URL": api.url, "LENDER": LENDER, "EMAIL": EMAIL, "PASSWORD": PASSWORD, **variables}
    settings = Settings.from_environment({f"CLEARGRID_{name}": value for name, value in given.items()})
    return {finding.check: finding for finding in check_api(settings, compares=True)}


@pytest.mark.parametrize(
    ("server_ahead_s", "status", "said"),
    [
        (0, "ok", "ahead of the server's."),
        (-25, "ok", "2"),
        (-3600, "warn", "ahead of the server's, so days may be fetched before they are over."),
        (3600, "warn", "seconds behind the server's, so days are fetched late."),
    ],
)
def test_clock_that_differs_is_warned_of_with_its_direction(
    server_ahead_s: int, status: str, said: str, tmp_path: Path
) -> None:
    def dated(request: Request, answer: Answer) -> Answer:
        instant = datetime.now(timezone.utc) + timedelta(seconds=server_ahead_s)
        answer.headers["Date"] = format_datetime(instant, usegmt=True)
        return answer

    with serving(Api(fault=dated)) as api:
        clock = _found(api, DUCKDB=str(tmp_path / "log.duckdb"))["clock"]
    assert (clock.status, said in clock.found) == (status, True), clock


@pytest.mark.parametrize("headers", [{}, {"Date": "soon"}, {"Date": "Mon, 01 Jan 2001 00:00:00 GMT", "Age": "9"}])
def test_clock_is_not_compared_without_the_servers_time(headers: dict[str, str], tmp_path: Path) -> None:
    def headed(request: Request, answer: Answer) -> Answer:
        answer.headers.update(headers)
        return answer

    with serving(Api(fault=headed)) as api:
        assert _found(api, DUCKDB=str(tmp_path / "log.duckdb"))["clock"].status == "skip"


def _store(database: str, day: date, rows: int, quarantined: int = 0) -> None:
    now = datetime.now(timezone.utc)
    quarantine = quarantine_of(COMMUNICATION_LOGS)
    with connect(database) as connection:
        for table in (DAYS, quarantine):
            prepare_table(connection, table)
        write_entries(connection, [LedgerEntry(COMMUNICATION_LOGS.name, day, rows, "", now, now, None, None)])
        for each in (day, day - timedelta(days=1)):
            connection.execute(
                f"INSERT INTO {quarantine.name} SELECT $day, NULL, '', '', '', '', now() FROM range($rows)",
                {"day": each, "rows": quarantined},
            )


def test_yesterday_is_compared_with_the_ledger(tmp_path: Path) -> None:
    yesterday = datetime.now(ZONE).date() - timedelta(days=1)
    midnight = datetime.combine(yesterday, datetime.min.time(), ZONE)
    # The first two hours of the business day, which are the day before in UTC, and one row on each side of the day.
    hours = (-1, 0, 1, 24)
    rows = [as_json(communication(str(hour), communicated_at=midnight + timedelta(hours=hour))) for hour in hours]
    database = str(tmp_path / "log.duckdb")
    seen: list[tuple[str, str]] = []
    with serving(Api(rows=rows)) as api:

        def compare() -> None:
            finding = _found(api, DUCKDB=database, TIMEZONE=ZONE.key)["yesterday"]
            seen.append((finding.status, finding.found.removeprefix(f"Yesterday ({yesterday}): 2 rows at ClearGrid")))

        compare()
        _store(database, yesterday - timedelta(days=1), 2)
        compare()
        _store(database, yesterday, 1)
        compare()
        _store(database, yesterday, 1, quarantined=1)
        compare()
        api.fault = lambda request, answer: envelope(504) if "includeTotal" in request.params else answer
        compare()
    assert seen == [
        ("ok", ". No day is stored yet."),
        ("warn", ", but the ledger does not have the day."),
        ("warn", ", but 1 in the ledger."),
        ("ok", ", and as many in the ledger."),
        ("warn", f"Yesterday ({yesterday}): the API gave no exact count (too slow to count)."),
    ]


def test_yesterday_is_not_compared_where_it_cannot_be(tmp_path: Path) -> None:
    database = tmp_path / "log.duckdb"
    with serving(Api()) as api:
        today = str(datetime.now(timezone.utc).date())
        assert "before the first day" in _found(api, DUCKDB=str(database), START_DATE=today)["yesterday"].found
        database.write_text("no database")
        assert "the database cannot be read" in _found(api, DUCKDB=str(database))["yesterday"].found
        api.fault = lambda request, answer: envelope(403) if request.kind == "data" else answer
        found = _found(api, DUCKDB=str(database))
    assert (found["api"].status, found["yesterday"].status) == ("fail", "skip")
