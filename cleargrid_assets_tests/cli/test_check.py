"""`cleargrid check`, against the sandbox."""

import json
import re
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from dateutil.parser import isoparse

from cleargrid_assets.cli.main import main
from cleargrid_assets.cli.sandbox import sandbox_variables
from cleargrid_assets.exports.transport import Transport
from cleargrid_assets.sandbox import RunningSandbox, SandboxSettings, running_sandbox
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets_tests.alerts.receivers import webhook
from cleargrid_assets_tests.exports.api import (
    EMAIL,
    LENDER,
    PASSWORD,
    Answer,
    Api,
    Request,
    envelope,
    serving,
)
from cleargrid_assets_tests.rows import as_json, communication


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(SandboxSettings(rows_per_day=50)) as running:
        yield running


@pytest.fixture
def variables(sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    # The command reads .env into the environment of this process. This restores what it changes.
    monkeypatch.setenv("CLEARGRID_PAGE_SIZE", "")
    return {
        **sandbox_variables(sandbox.url, sandbox.settings),
        "CLEARGRID_DUCKDB": str(tmp_path / "data" / "log.duckdb"),
        "CLEARGRID_START_DATE": "",
        "CLEARGRID_OUTCOMES": "",
    }


def _check(variables: dict[str, str], *options: str) -> Result:
    return CliRunner().invoke(main, ["check", *options], env=variables)


def _pointing_at(api: Api) -> dict[str, str]:
    return {
        "CLEARGRID_BASE_URL": api.url,
        "CLEARGRID_LENDER": LENDER,
        "CLEARGRID_EMAIL": EMAIL,
        "CLEARGRID_PASSWORD": PASSWORD,
    }


def test_correct_variables_pass_and_print_what_was_found(variables: dict[str, str]) -> None:
    result = _check(variables)
    assert result.exit_code == 0, result.output
    assert "logged in at http://127.0.0.1" in result.output
    since = datetime.now(timezone.utc) - timedelta(days=30)
    assert f"communications since {since:%Y-%m-%d}" in result.output
    assert "UTC. Read one, of" in result.output
    assert "log.duckdb" in result.output


def test_row_behind_empty_pages_is_found(variables: dict[str, str]) -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    with serving(Api(rows=[as_json(communication("a", communicated_at=yesterday))])) as api:
        api.page_size_of = lambda since, until, page: 0 if page < 3 else 1
        result = _check({**variables, **_pointing_at(api)})
    assert result.exit_code == 0, result.output
    assert re.search(
        rf"holds 1 communications since \S+ \S+ UTC. Read one, of {yesterday:%Y-%m-%d %H:%M:%S} UTC", result.output
    )


def test_first_row_that_breaks_the_contract_is_reported(variables: dict[str, str]) -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    with serving(Api(rows=[as_json(communication("a", communicated_at=yesterday)) | {"duration": "1"}])) as api:
        refused = _check(variables | _pointing_at(api))
        set_apart = _check(variables | _pointing_at(api) | {"CLEARGRID_QUARANTINE": "on"})
    assert refused.exit_code == 1
    assert "row a: duration is not a number" in refused.stderr
    assert set_apart.exit_code == 0
    assert "breaks the contract: duration is not a number" in set_apart.stdout


def test_endless_empty_pages_make_no_claim_about_rows(variables: dict[str, str]) -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    with serving(Api(rows=[as_json(communication("a", communicated_at=yesterday))])) as api:
        api.page_size_of = lambda since, until, page: 0
        result = _check({**variables, **_pointing_at(api)})
    assert result.exit_code == 0, result.output
    assert "Its first 101 pages since " in result.output
    assert "holds" not in result.output.split("Exports API")[1]


def test_window_too_large_for_one_query_is_halved(variables: dict[str, str]) -> None:
    now = datetime.now(timezone.utc)
    rows = [
        as_json(communication(str(back), communicated_at=now - timedelta(days=back, minutes=6))) for back in range(30)
    ]
    with serving(Api(rows=rows, most_rows=4)) as api:
        result = _check({**variables, **_pointing_at(api)})
    assert result.exit_code == 0, result.output
    assert "holds 4 communications since " in result.output
    assert len(api.data_requests) == 5  # 30, 15, 7.5 and 3.75 days, and the count


def test_504_for_every_window_fails_with_the_servers_message(variables: dict[str, str]) -> None:
    with serving(Api()) as api:
        api.fault = lambda request, answer: envelope(504, "Slow today") if request.kind == "data" else answer
        result = _check({**variables, **_pointing_at(api)})
    assert result.exit_code == 1
    assert 'the server said "Slow today"' in result.output
    # 30 days and 9 halves of it, down to 1.4 hours.
    assert len(api.data_requests) == 10


def test_504_for_the_count_is_followed_by_a_query_without_it(variables: dict[str, str]) -> None:
    yesterday = datetime.now(timezone.utc) - timedelta(days=1)
    with serving(Api(rows=[as_json(communication("a", communicated_at=yesterday))])) as api:
        api.fault = lambda request, answer: envelope(504) if "includeTotal" in request.params else answer
        result = _check({**variables, **_pointing_at(api)})
    assert result.exit_code == 0, result.output
    assert "It holds an unknown number of (too slow to count) communications since " in result.output
    # The row, its count, and the same without the count.
    assert len(api.data_requests) == 3


def test_server_clock_behind_ours_passes(variables: dict[str, str]) -> None:
    def until_its_own_now(request: Request, answer: Answer) -> Answer:
        if request.kind == "data":
            document = answer.document
            behind = (datetime.now(timezone.utc) - timedelta(seconds=30)).isoformat()
            document["body"]["meta"]["until"] = min(request.params["until"], behind, key=isoparse)
            answer.body = json.dumps(document).encode()
        return answer

    with serving(Api(fault=until_its_own_now)) as api:
        result = _check({**variables, **_pointing_at(api)})
    assert result.exit_code == 0, result.output


def test_refused_connection_is_given_up_after_ten_seconds(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    waits: list[float] = []
    monkeypatch.setattr(Transport, "pause", lambda transport, seconds: waits.append(seconds))
    result = _check({**variables, "CLEARGRID_BASE_URL": f"http://{place}"})
    assert result.exit_code == 1
    assert f"the login failed: the connection to {place} failed (Connection refused)" in result.output
    assert sum(waits) == pytest.approx(10)


def test_wrong_password_fails_with_the_status_and_request_id(variables: dict[str, str]) -> None:
    # The service answers 500, which is retried a few times.
    result = _check({**variables, "CLEARGRID_PASSWORD": "not-it"})
    assert result.exit_code == 1
    assert "the login failed" in result.output
    assert "requestId" in result.output
    assert "not-it" not in result.output


def test_missing_credentials_are_each_named(variables: dict[str, str]) -> None:
    result = _check({**variables, "CLEARGRID_EMAIL": "", "CLEARGRID_PASSWORD": ""})
    assert result.exit_code == 1
    assert "CLEARGRID_EMAIL and CLEARGRID_PASSWORD are not set" in result.output


def test_all_errors_are_reported_at_once(variables: dict[str, str], tmp_path: Path) -> None:
    outcomes = tmp_path / "outcomes.toml"
    outcomes.write_text('[statuses]\nPROMISED = "sometimes"\n')
    result = _check({**variables, "CLEARGRID_OUTCOMES": str(outcomes), "CLEARGRID_BASE_URL": "http://api.example"})
    assert result.exit_code == 1
    assert "outcomes.toml" in result.output
    assert "line 2" in result.output
    assert "plain http to api.example" in result.output


def test_first_day_that_is_not_over_fails(variables: dict[str, str]) -> None:
    today = datetime.now(timezone.utc).date()
    result = _check({**variables, "CLEARGRID_START_DATE": str(today)})
    assert result.exit_code == 1
    assert "not over, so there is nothing to fetch" in result.output
    assert _check({**variables, "CLEARGRID_START_DATE": str(today - timedelta(days=1))}).exit_code == 0


def test_missing_database_is_reported_and_not_created(variables: dict[str, str], tmp_path: Path) -> None:
    assert "log.duckdb does not exist yet. The first run creates it." in _check(variables).output
    assert list(tmp_path.iterdir()) == []


def test_database_that_is_there_is_opened_to_write(variables: dict[str, str]) -> None:
    with connect(variables["CLEARGRID_DUCKDB"]):
        pass
    assert "log.duckdb is writable and has 0 tables" in _check(variables).output


def test_key_for_a_database_with_addresses_fails(variables: dict[str, str]) -> None:
    with connect(variables["CLEARGRID_DUCKDB"]) as connection:
        connection.execute("CREATE TABLE communication_logs AS SELECT DATE '2026-01-01' AS communicated_date")
    assert "tables of this project" in _check(variables).output
    result = _check({**variables, "CLEARGRID_PSEUDONYM_KEY": "k" * 32})
    assert result.exit_code == 1
    assert "1 day of communication_logs (2026-01-01) is stored with clear values" in result.output


def test_database_that_cannot_be_created_fails(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    result = _check(variables)
    assert result.exit_code == 1
    assert f"cannot be created: {tmp_path / 'data'} is not a writable folder." in result.output


def test_invalid_variable_is_named(variables: dict[str, str]) -> None:
    result = _check({**variables, "CLEARGRID_TIMEZONE": "Dubai"})
    assert result.exit_code == 1
    assert "CLEARGRID_TIMEZONE is 'Dubai'" in result.output


def test_no_address_or_subject_is_printed(variables: dict[str, str]) -> None:
    output = _check(variables).output
    assert "+966" not in output
    assert "@example.com" not in output


def test_urls_of_alerts_are_tried_and_named_without_secrets(variables: dict[str, str]) -> None:
    with webhook() as hook:
        given = {**variables, "CLEARGRID_ALERTS": f"{hook.url} json://127.0.0.1:9/hush"}
        looked_at = _check(given)
        tried = _check(given, "--alerts")
        assert hook.titles == ["ClearGrid: a test message"]
        sent = _check({**variables, "CLEARGRID_ALERTS": hook.url}, "--alerts")
    assert looked_at.exit_code == 0
    assert "CLEARGRID_ALERTS has 2 URLs" in looked_at.output
    assert tried.exit_code == 1
    assert "URL 2 (json://) did not take the message" in tried.stderr
    assert sent.exit_code == 0
    assert "a test message was sent to 1 URL" in sent.output
    bad = _check({**variables, "CLEARGRID_ALERTS": "json://a slack://hush"})
    assert bad.exit_code == 1
    assert "URL 2 (slack://) is unusable" in bad.stderr
    assert "hush" not in looked_at.output + tried.output + bad.output


def test_folder_of_spools_is_tried_and_left_empty(
    variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "shared" / "spool"
    given = {**variables, "CLEARGRID_SPOOL": str(root)}
    assert f"Spool: {root} is writable, and locks work there." in _check(given).output
    assert list(root.iterdir()) == []

    with monkeypatch.context() as unlocked:
        unlocked.setattr("fcntl.flock", lambda *_: None)
        result = _check(given)
    assert result.exit_code == 1
    assert f"locks do not work in {root}" in result.stderr
    assert list(root.iterdir()) == []

    link = tmp_path / "link"
    link.symlink_to(root)
    assert f"{link} is not used, because it is a link" in _check({**given, "CLEARGRID_SPOOL": str(link)}).stderr


def test_test_message_needs_urls(variables: dict[str, str]) -> None:
    result = _check(variables, "--alerts")
    assert result.exit_code == 1
    assert "CLEARGRID_ALERTS is not set" in result.stderr
    assert "Alerts" not in _check(variables).output


def test_env_file_overrides_the_environment(variables: dict[str, str], tmp_path: Path) -> None:
    variables = {**variables, "CLEARGRID_PAGE_SIZE": "500"}
    (tmp_path / ".env").write_text("CLEARGRID_PAGE_SIZE=many\n")
    result = _check(variables)
    assert result.exit_code == 1
    assert "CLEARGRID_PAGE_SIZE is 'many'" in result.output
