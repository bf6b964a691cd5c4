"""`cleargrid check`, against the sandbox."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cleargrid_assets.cli.main import main
from cleargrid_assets.cli.sandbox import sandbox_variables
from cleargrid_assets.sandbox import RunningSandbox, SandboxSettings, running_sandbox
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets_tests.alerts.receivers import webhook
from cleargrid_assets_tests.machine import files_of_at_most


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(SandboxSettings(rows_per_day=50)) as running:
        yield running


@pytest.fixture
def variables(sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.chdir(tmp_path)
    # The command reads .env into the environment of this process. This restores what it changes.
    monkeypatch.setenv("CLEARGRID_PAGE_SIZE", "")
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return {
        **sandbox_variables(sandbox.url, sandbox.settings),
        "CLEARGRID_DUCKDB": str(tmp_path / "data" / "log.duckdb"),
        "CLEARGRID_START_DATE": "",
        "CLEARGRID_OUTCOMES": "",
    }


def _check(variables: dict[str, str], *options: str) -> Result:
    return CliRunner().invoke(main, ["check", *options], env=variables)


def test_correct_variables_pass_and_print_what_was_found(variables: dict[str, str]) -> None:
    result = _check(variables)
    assert result.exit_code == 0, result.output
    assert "logged in at http://127.0.0.1" in result.output
    assert "communications of the last 30 days. Read one row, of" in result.output
    assert "log.duckdb" in result.output


def test_wrong_password_fails_with_the_status_and_request_id(variables: dict[str, str]) -> None:
    # The service answers 500, which is retried a few times.
    result = _check({**variables, "CLEARGRID_PASSWORD": "not-it"})
    assert result.exit_code == 1
    assert "the login failed" in result.output
    assert "requestId" in result.output
    assert 'After editing `.env`, choose "Reload definitions" in the UI.' in result.output
    assert "not-it" not in result.output


def test_missing_credentials_are_each_named(variables: dict[str, str]) -> None:
    result = _check({**variables, "CLEARGRID_EMAIL": "", "CLEARGRID_PASSWORD": ""})
    assert result.exit_code == 1
    assert "CLEARGRID_EMAIL is not set. It takes an e-mail address." in result.output
    assert "CLEARGRID_PASSWORD is not set. It takes a password." in result.output
    assert "First correct CLEARGRID_EMAIL, CLEARGRID_PASSWORD." in result.output
    assert result.output.count('choose "Reload definitions"') == 2


def test_all_errors_are_reported_at_once(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "outcomes.toml").write_text('[statuses]\nPROMISED = "sometimes"\n')
    (tmp_path / ".env").write_text("CLEARGRID_TIMZONE=Asia/Dubai\nCLEARGRID_REGION: SA\n")
    wrong = {
        "CLEARGRID_OUTCOMES": "outcomes.toml",
        "CLEARGRID_BASE_URL": "http://api.example",
        "CLEARGRID_LENDER": "",
        "CLEARGRID_DUCKDB": str(tmp_path),
        "CLEARGRID_PAGE_SIZE": "many",
        "CLEARGRID_UI_URL": "https://user:hush@dagster.example",
        "CLEARGRID_HEARTBEAT_URL": "hush",
    }
    # What `.env` sets stays in the environment.
    result = _check({**variables, **wrong, "CLEARGRID_TIMZONE": ""}, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["works"]) == (1, False)
    failed = {each["variable"]: each for each in document["findings"] if each["status"] == "fail"}
    assert failed.keys() == {*wrong, "CLEARGRID_TIMZONE", None}
    assert all(each["found"] and each["action"] for each in failed.values())
    assert failed["CLEARGRID_PAGE_SIZE"]["value"] == "many"
    assert failed["CLEARGRID_PAGE_SIZE"]["takes"] == "a whole number from 1 to 1000"
    assert f"CLEARGRID_DUCKDB is '{tmp_path}': " in failed["CLEARGRID_DUCKDB"]["found"]
    assert "line 2" in failed["CLEARGRID_OUTCOMES"]["found"]
    assert all(each["found"].endswith(".") and not each["found"].endswith("..") for each in failed.values())
    assert "plain http to api.example" in failed["CLEARGRID_BASE_URL"]["found"]
    assert "Did you mean CLEARGRID_TIMEZONE?" in failed["CLEARGRID_TIMZONE"]["action"]
    assert failed[None]["found"] == "Line 2 of .env sets no variable."
    assert "hush" not in result.output


def test_env_file_that_cannot_be_read_is_a_finding(variables: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"CLEARGRID_LENDER=\xff\n")
    result = _check(variables, "--json")
    [finding] = json.loads(result.stdout)["findings"]
    assert (finding["found"], finding["action"]) == (".env is not UTF-8.", "Save it as UTF-8.")
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("wrong", "skipped"),
    [
        ({"CLEARGRID_TIMEZONE": "Dubai"}, {"days", "yesterday", "daemon"}),
        ({"CLEARGRID_LENDER": ""}, {"api", "yesterday", "daemon"}),
        ({"CLEARGRID_DUCKDB": "md:a?b"}, {"database", "yesterday", "daemon"}),
        ({"CLEARGRID_PSEUDONYM_KEY": "short"}, {"database", "daemon"}),
    ],
)
def test_what_depends_on_a_wrong_variable_is_not_tried(
    wrong: dict[str, str], skipped: set[str], variables: dict[str, str]
) -> None:
    document = json.loads(_check({**variables, **wrong}, "--json").stdout)
    assert {each["check"] for each in document["findings"] if each["status"] == "skip"} == skipped


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
    assert f"Runs cannot write to its folder, {tmp_path / 'data'}: Not a directory." in result.output


@pytest.mark.parametrize("is_there", [True, False])
def test_disk_without_room_for_the_database_fails(is_there: bool, variables: dict[str, str]) -> None:
    if is_there:
        with connect(variables["CLEARGRID_DUCKDB"]):
            pass
    with files_of_at_most(500_000):
        result = _check(variables)
    assert result.exit_code == 1
    assert f"CLEARGRID_DUCKDB is '{variables['CLEARGRID_DUCKDB']}': Runs cannot write to its folder" in result.output


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
    assert "URL 2 (json://) did not take the message (Connection refused). Correct CLEARGRID_ALERTS." in tried.stderr
    assert "--alerts" not in tried.stderr
    assert sent.exit_code == 0
    assert "a test message was sent to 1 URL" in sent.output
    bad = _check({**variables, "CLEARGRID_ALERTS": "json://a slack://hush"})
    assert bad.exit_code == 1
    assert "URL 2 (slack://) is unusable" in bad.stderr
    assert bad.stderr.count("Correct CLEARGRID_ALERTS") == 1
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
