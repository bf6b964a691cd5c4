"""What `cleargrid check` says of the rows that the API has, of the clocks and of yesterday."""

import json
import socket
from datetime import date, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result
from dateutil.parser import isoparse

from cleargrid_assets.cli.check_api import check_api
from cleargrid_assets.cli.findings import Finding
from cleargrid_assets.cli.main import main
from cleargrid_assets.contracts import COMMUNICATION_LOGS, DAYS
from cleargrid_assets.contracts.quarantine import quarantine_of
from cleargrid_assets.exports.http.transport import Transport
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.ledger import LedgerEntry, write_entries
from cleargrid_assets.warehouse.tables import prepare_table
from cleargrid_assets_tests.exports.api import EMAIL, LENDER, PASSWORD, Answer, Api, Request, envelope, serving
from cleargrid_assets_tests.rows import as_json, communication

ZONE = ZoneInfo("Asia/Dubai")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)


def _variables(url: str, **more: str) -> dict[str, str]:
    given = {"BASE_URL": url, "LENDER": LENDER, "EMAIL": EMAIL, "PASSWORD": PASSWORD, **more}
    return {f"CLEARGRID_{name}": value for name, value in given.items()}


def _check(url: str, **more: str) -> Result:
    own = {"DUCKDB": "log.duckdb", "START_DATE": "", "OUTCOMES": "", **more}
    return CliRunner().invoke(main, ["check"], env=_variables(url, **own))


def _found(api: Api, **more: str) -> dict[str, Finding]:
    settings = Settings.from_environment(_variables(api.url, **more))
    return {finding.check: finding for finding in check_api(settings, compares=True)}


def test_row_behind_empty_pages_is_found() -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    with serving(Api(rows=[as_json(communication("a", communicated_at=yesterday))])) as api:
        api.page_size_of = lambda since, until, page: 0 if page < 3 else 1
        result = _check(api.url)
    assert result.exit_code == 0, result.output
    read = f"Read one row, of {yesterday:%Y-%m-%d %H:%M:%S} UTC"
    assert f"holds 1 communication of the last 30 days. {read}" in result.output


def test_first_row_that_breaks_the_contract_is_reported() -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    with serving(Api(rows=[as_json(communication("a", communicated_at=yesterday)) | {"duration": "1"}])) as api:
        refused = _check(api.url)
        set_apart = _check(api.url, QUARANTINE="on")
    assert refused.exit_code == 1
    assert "row a: duration is not a number" in refused.stderr
    assert set_apart.exit_code == 0
    assert "breaks the contract: duration is not a number" in set_apart.stdout


def test_endless_empty_pages_make_no_claim_about_rows() -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    with serving(Api(rows=[as_json(communication("a", communicated_at=yesterday))])) as api:
        api.page_size_of = lambda since, until, page: 0
        result = _check(api.url)
    assert result.exit_code == 0, result.output
    assert "Its first 101 pages of the last 30 days are empty" in result.output
    assert "holds" not in result.output.split("Exports API")[1]


def test_window_too_large_for_one_query_is_halved() -> None:
    now = datetime.now(timezone.utc)
    rows = [
        as_json(communication(str(back), communicated_at=now - timedelta(days=back, minutes=6))) for back in range(30)
    ]
    with serving(Api(rows=rows, most_rows=4)) as api:
        result = _check(api.url)
    assert result.exit_code == 0, result.output
    assert "holds 4 communications of the last 3.75 days." in result.output
    assert len(api.data_requests) == 6  # 30, 15, 7.5 and 3.75 days, their count, and that of yesterday


def test_504_for_every_window_fails_with_the_servers_message() -> None:
    with serving(Api()) as api:
        api.fault = lambda request, answer: envelope(504, "Slow today") if request.kind == "data" else answer
        result = _check(api.url)
    assert result.exit_code == 1
    assert 'the server said "Slow today"' in result.output
    # 30 days and 9 halves of it, down to 1.4 hours.
    assert len(api.data_requests) == 10


def test_504_for_the_count_is_followed_by_a_query_without_it() -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    with serving(Api(rows=[as_json(communication("a", communicated_at=yesterday))])) as api:
        api.fault = lambda request, answer: envelope(504) if "includeTotal" in request.params else answer
        result = _check(api.url)
    assert result.exit_code == 0, result.output
    assert "It holds an unknown number of communications (too slow to count) of the last 30 days." in result.output
    # The row, its count, and the same without the count. The same two for yesterday.
    assert len(api.data_requests) == 5


def test_server_clock_behind_ours_passes() -> None:
    def until_its_own_now(request: Request, answer: Answer) -> Answer:
        if request.kind == "data":
            document = answer.document
            behind = (datetime.now(timezone.utc) - timedelta(seconds=30)).isoformat()
            document["body"]["meta"]["until"] = min(request.params["until"], behind, key=isoparse)
            answer.body = json.dumps(document).encode()
        return answer

    with serving(Api(fault=until_its_own_now)) as api:
        result = _check(api.url)
    assert result.exit_code == 0, result.output


def test_refused_connection_is_given_up_after_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    waits: list[float] = []
    monkeypatch.setattr(Transport, "pause", lambda transport, seconds: waits.append(seconds))
    result = _check(f"http://{place}")
    assert result.exit_code == 1
    assert f"the login failed: the connection to {place} failed (Connection refused)" in result.output
    assert sum(waits) == pytest.approx(10)


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


def _store(database: str, day: date, rows: int, quarantined: int = 0, version: str | None = None) -> None:
    now = datetime.now(timezone.utc)
    quarantine = quarantine_of(COMMUNICATION_LOGS)
    with connect(database) as connection:
        for table in (DAYS, quarantine):
            prepare_table(connection, table)
        write_entries(connection, [LedgerEntry(COMMUNICATION_LOGS.name, day, rows, "", now, now, None, version)])
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
        _store(database, yesterday, 1, quarantined=1, version=f"code 1, {ZONE.key}, pseudonyms 0a, withheld 1")
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


def test_yesterday_is_not_compared_with_days_of_another_time_zone(tmp_path: Path) -> None:
    yesterday = datetime.now(timezone.utc).date() - timedelta(days=1)
    first, database = yesterday - timedelta(days=3), str(tmp_path / "log.duckdb")
    _store(database, yesterday, 1, version="code 1, UTC")
    with serving(Api()) as api:
        assert "but 1 in the ledger" in _found(api, DUCKDB=database)["yesterday"].found
        _store(database, first, 1, version=f"code 1, {ZONE.key}")
        found = _found(api, DUCKDB=database)["yesterday"]
    assert (found.status, found.variable, found.value) == ("warn", "CLEARGRID_TIMEZONE", "UTC")
    assert f"CLEARGRID_TIMEZONE is UTC, but 1 day ({first}) was stored with Asia/Dubai." in found.found
    assert f"materialize all tables of {first} again" in str(found.action)


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
