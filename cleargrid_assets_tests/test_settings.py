"""The environment variables: defaults, accepted values and error messages."""

import traceback
from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import pytest

from cleargrid_assets.setting_types import SettingsError
from cleargrid_assets.settings import Settings, variables

CREDENTIALS = {"CLEARGRID_LENDER": "acme", "CLEARGRID_EMAIL": "a@b.example", "CLEARGRID_PASSWORD": " pass word "}
SECRET_URLS = {"CLEARGRID_ALERTS": "slack://hush/b/c, ntfy://t", "CLEARGRID_HEARTBEAT_URL": "https://ping.example/hush"}
DEFAULTS = {
    "base_url": "https://v3-api.cleargrid.ai",
    "database": "data/warehouse.duckdb",
    "start_date": date(2026, 1, 1),
    "page_size": 1000,
    "concurrency": 4,
    "max_requests_per_second": None,
    "resync_days": 3,
    "fresh_by": time(6),
    "outcomes": None,
    "quarantine": "off",
    "max_shrink": 0.2,
    "alerts": None,
    "ui_url": None,
    "heartbeat_url": None,
    "keep_days": None,
    "lender": None,
    "email": None,
    "password": None,
    "days_per_run": 10,
    "spool": None,
}


def test_unset_variables_have_their_documented_defaults() -> None:
    settings = Settings.from_environment({})
    assert {name: getattr(settings, name) for name in DEFAULTS} == DEFAULTS
    assert settings.timezone.key == "UTC"


def test_empty_variable_counts_as_unset() -> None:
    names = ("BASE_URL", "LENDER", "PASSWORD", "DUCKDB", "START_DATE", "TIMEZONE", "FRESH_BY", "OUTCOMES", "PAGE_SIZE")
    empty = {f"CLEARGRID_{name}": "" for name in names} | {"CLEARGRID_MAX_REQUESTS_PER_SECOND": " "}
    assert Settings.from_environment(empty) == Settings.from_environment({})


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value"),
    [
        ("CLEARGRID_BASE_URL", " https://stage-v3-api.cleargrid.ai ", "base_url", "https://stage-v3-api.cleargrid.ai"),
        ("CLEARGRID_DUCKDB", "md:outreach", "database", "md:outreach"),
        ("CLEARGRID_DUCKDB", "~/outreach.duckdb", "database", str(Path.home() / "outreach.duckdb")),
        ("CLEARGRID_START_DATE", "2025-07-01", "start_date", date(2025, 7, 1)),
        ("CLEARGRID_PAGE_SIZE", "1", "page_size", 1),
        ("CLEARGRID_PAGE_SIZE", "1000", "page_size", 1000),
        ("CLEARGRID_CONCURRENCY", " 8 ", "concurrency", 8),
        ("CLEARGRID_MAX_REQUESTS_PER_SECOND", "0.5", "max_requests_per_second", 0.5),
        ("CLEARGRID_RESYNC_DAYS", "14", "resync_days", 14),
        ("CLEARGRID_KEEP_DAYS", "49", "keep_days", 49),
        ("CLEARGRID_FRESH_BY", "07:30", "fresh_by", time(7, 30)),
        ("CLEARGRID_FRESH_BY", "01:01", "fresh_by", time(1, 1)),
        ("CLEARGRID_QUARANTINE", "on", "quarantine", "on"),
        ("CLEARGRID_QUARANTINE", " OFF ", "quarantine", "off"),
        ("CLEARGRID_MAX_SHRINK", "0", "max_shrink", 0.0),
        ("CLEARGRID_MAX_SHRINK", "1", "max_shrink", 1.0),
        ("CLEARGRID_UI_URL", "https://dagster.example:3000/ui/", "ui_url", "https://dagster.example:3000/ui"),
        ("CLEARGRID_OUTCOMES", "outcomes.toml", "outcomes", "outcomes.toml"),
        ("CLEARGRID_OUTCOMES", "~/outcomes.toml", "outcomes", str(Path.home() / "outcomes.toml")),
    ],
)
def test_value_is_parsed(name: str, text: str, attribute: str, value: object) -> None:
    assert getattr(Settings.from_environment({name: text}), attribute) == value


def test_recent_days_that_would_lose_their_windows_are_refused() -> None:
    given = {"CLEARGRID_KEEP_DAYS": "60", "CLEARGRID_RESYNC_DAYS": "54"}
    with pytest.raises(
        SettingsError, match="CLEARGRID_RESYNC_DAYS is 54, but takes at most 53 if CLEARGRID_KEEP_DAYS is"
    ):
        Settings.from_environment(given)
    assert Settings.from_environment({**given, "CLEARGRID_RESYNC_DAYS": "53"}).resync_days == 53


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CLEARGRID_START_DATE", "yesterday"),
        ("CLEARGRID_START_DATE", "2026-02-30"),
        ("CLEARGRID_START_DATE", "0226-01-01"),
        ("CLEARGRID_START_DATE", "9999-12-31"),
        ("CLEARGRID_TIMEZONE", "localtime"),
        ("CLEARGRID_TIMEZONE", "right/UTC"),
        ("CLEARGRID_DUCKDB", "/"),
        ("CLEARGRID_DUCKDB", "data/.."),
        ("CLEARGRID_DUCKDB", "data/"),
        ("CLEARGRID_DUCKDB", "~nobody-of-this-name/w.duckdb"),
        ("CLEARGRID_SPOOL", "~nobody-of-this-name/spool"),
        ("CLEARGRID_LAKE_DATA", "~nobody-of-this-name/lake"),
        ("CLEARGRID_TIMEZONE", "Mars/Olympus"),
        ("CLEARGRID_TIMEZONE", "Europe"),
        ("CLEARGRID_TIMEZONE", "../../etc/passwd"),
        ("CLEARGRID_TIMEZONE", "+04:00"),
        ("CLEARGRID_PAGE_SIZE", "0"),
        ("CLEARGRID_PAGE_SIZE", "1001"),
        ("CLEARGRID_PAGE_SIZE", "many"),
        ("CLEARGRID_CONCURRENCY", "0"),
        ("CLEARGRID_CONCURRENCY", "65"),
        ("CLEARGRID_MAX_REQUESTS_PER_SECOND", "0"),
        ("CLEARGRID_MAX_REQUESTS_PER_SECOND", "nan"),
        ("CLEARGRID_MAX_REQUESTS_PER_SECOND", "inf"),
        ("CLEARGRID_RESYNC_DAYS", "-1"),
        ("CLEARGRID_RESYNC_DAYS", "2.5"),
        ("CLEARGRID_KEEP_DAYS", "48"),
        ("CLEARGRID_KEEP_DAYS", "36501"),
        ("CLEARGRID_QUARANTINE", "yes"),
        ("CLEARGRID_MAX_SHRINK", "1.1"),
        ("CLEARGRID_MAX_SHRINK", "-0.1"),
        ("CLEARGRID_MAX_SHRINK", "nan"),
        ("CLEARGRID_UI_URL", "dagster.example"),
        ("CLEARGRID_UI_URL", "ftp://dagster.example"),
        ("CLEARGRID_UI_URL", "https://dag ster.example"),
        ("CLEARGRID_UI_URL", "http://[dagster"),
        ("CLEARGRID_UI_URL", "http://dagster:99999"),
        ("CLEARGRID_FRESH_BY", "24:00"),
        ("CLEARGRID_FRESH_BY", "01:00"),
        ("CLEARGRID_FRESH_BY", "six"),
        # The zone is CLEARGRID_TIMEZONE, and a schedule has no seconds: neither may be dropped in silence.
        ("CLEARGRID_FRESH_BY", "06:00+04:00"),
        ("CLEARGRID_FRESH_BY", "06:00:30"),
    ],
)
def test_unusable_value_is_refused_with_name_and_what_it_takes(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({name: text})
    assert str(caught.value).startswith(f"{name} is {text!r}, but takes ")


def test_credentials_hold_what_was_set() -> None:
    credentials = Settings.from_environment(CREDENTIALS).credentials()
    secrets = (credentials.lender, credentials.email, credentials.password)
    assert [secret.get_secret_value() for secret in secrets] == ["acme", "a@b.example", " pass word "]


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["CLEARGRID_PASSWORD"], "CLEARGRID_PASSWORD is not set. Set it "),
        (["CLEARGRID_LENDER", "CLEARGRID_EMAIL"], "CLEARGRID_LENDER and CLEARGRID_EMAIL are not set. Set them "),
    ],
)
def test_error_names_only_the_missing_credentials(missing: list[str], said: str) -> None:
    settings = Settings.from_environment({name: value for name, value in CREDENTIALS.items() if name not in missing})
    with pytest.raises(SettingsError) as caught:
        settings.credentials()
    assert str(caught.value).startswith(said)
    assert str(caught.value).endswith('After editing `.env`, choose "Reload definitions" in the UI.')
    assert not any(name in str(caught.value) for name in CREDENTIALS.keys() - set(missing))


@pytest.mark.parametrize("show", [repr, str, lambda shown: str(vars(shown)), lambda shown: f"{shown}"])
def test_credentials_are_never_shown(show: Callable[[object], str]) -> None:
    settings = Settings.from_environment({**CREDENTIALS, **SECRET_URLS})
    shown = show(settings) + show(settings.credentials()) + str(settings.model_dump())
    assert not any(value in shown for value in ("hush", *CREDENTIALS.values()))


def test_all_unusable_values_are_reported_at_once_without_secrets() -> None:
    given = {
        **CREDENTIALS,
        "CLEARGRID_DUCKDB": "md:logs?motherduck_token=sesame",
        "CLEARGRID_TIMEZONE": "Mars/Olympus",
        "CLEARGRID_PAGE_SIZE": "many",
    }
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment(given)
    database, zone, page_size = str(caught.value).splitlines()
    assert database.startswith("CLEARGRID_DUCKDB has a query part")
    assert zone == "CLEARGRID_TIMEZONE is 'Mars/Olympus', but takes an IANA time zone such as Asia/Dubai."
    assert page_size == "CLEARGRID_PAGE_SIZE is 'many', but takes a whole number from 1 to 1000."
    shown = "".join(traceback.format_exception(caught.value))
    assert not any(secret in shown for secret in ("sesame", *CREDENTIALS.values()))


def test_password_in_the_wrong_variable_is_not_shown() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"CLEARGRID_PASSWORD": "open sesame", "CLEARGRID_TIMEZONE": "open sesame"})
    assert str(refused.value) == (
        "CLEARGRID_TIMEZONE has an unusable value: it takes an IANA time zone such as Asia/Dubai."
    )


@pytest.mark.parametrize("name", [variable.name for variable in variables()])
def test_text_that_is_not_utf8_is_refused_in_every_variable(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name} has an unusable value: it is not UTF-8\.$"):
        Settings.from_environment({name: "\udcff"})


def test_quotes_that_an_environment_file_kept_are_refused_but_in_secrets() -> None:
    with pytest.raises(SettingsError, match=r"^CLEARGRID_DUCKDB has quotes around its value"):
        Settings.from_environment({"CLEARGRID_DUCKDB": '"data/w.duckdb"'})
    settings = Settings.from_environment({"CLEARGRID_PASSWORD": "'hush'"})
    assert settings.password is not None
    assert settings.password.get_secret_value() == "'hush'"


def test_variables_describe_themselves_for_the_documentation() -> None:
    found = {variable.name: variable for variable in variables()}
    assert len(found) == len(Settings.model_fields)
    assert {name for name, variable in found.items() if variable.secret} == {
        *CREDENTIALS,
        *SECRET_URLS,
        "CLEARGRID_PSEUDONYM_KEY",
    }
    assert all(variable.description.endswith(".") and variable.takes for variable in found.values())
    defaults = {name: variable.default for name, variable in found.items()}
    assert defaults["CLEARGRID_FRESH_BY"] == "06:00"
    assert defaults["CLEARGRID_MAX_REQUESTS_PER_SECOND"] is None
    given = {name: default for name, default in defaults.items() if default}
    assert Settings.from_environment(given) == Settings.from_environment({})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "CLEARGRID_ALERTS",
            "slack://a/b/c hush",
            "CLEARGRID_ALERTS has an unusable value: URL 2 of it has no scheme.",
        ),
        ("CLEARGRID_ALERTS", ", ;", "CLEARGRID_ALERTS has an unusable value: it takes Apprise URLs"),
        ("CLEARGRID_HEARTBEAT_URL", "ping.example/hush", "CLEARGRID_HEARTBEAT_URL has an unusable value: it takes an"),
        ("CLEARGRID_UI_URL", "https://user:hush@dagster.example", "CLEARGRID_UI_URL has a user or password"),
        ("CLEARGRID_UI_URL", "https://user:hush@[dagster", "CLEARGRID_UI_URL has a user or password"),
        ("CLEARGRID_UI_URL", "https://dagster.example/?hush", "CLEARGRID_UI_URL has a part after `?` or `#`"),
        (
            "CLEARGRID_LENDER",
            "hush@acme.example",
            "CLEARGRID_LENDER has an unusable value: it takes the lender's subdom",
        ),
        ("CLEARGRID_LENDER", "0b3cf4a1-93a5-4be7-9c53-0d2f5ac8hush", "CLEARGRID_LENDER has an unusable value"),
        ("CLEARGRID_EMAIL", "hush", "CLEARGRID_EMAIL has an unusable value: it takes an e-mail address"),
        ("CLEARGRID_EMAIL", "hush @acme.example", "CLEARGRID_EMAIL has an unusable value"),
        # Values of other variables.
        ("CLEARGRID_DIGEST", "https://hooks.example/hush", "CLEARGRID_DIGEST has an unusable value: it takes `on` or"),
        ("CLEARGRID_REGION", "token=hush", "CLEARGRID_REGION has an unusable value"),
        ("CLEARGRID_BACKUPS", "hush" * 11, "CLEARGRID_BACKUPS has an unusable value"),
        ("CLEARGRID_OUTCOMES", "https://hooks.example/hush", "CLEARGRID_OUTCOMES has an unusable value"),
    ],
)
def test_unusable_url_with_a_secret_is_refused_and_not_shown(name: str, text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({name: text})
    assert str(refused.value).startswith(said)
    assert "hush" not in "".join(traceback.format_exception(refused.value))


def test_database_with_query_part_is_refused_and_not_shown() -> None:
    with pytest.raises(SettingsError, match="CLEARGRID_DUCKDB has a query part") as refused:
        Settings.from_environment({"CLEARGRID_DUCKDB": "md:logs?motherduck_token=sesame"})
    assert "sesame" not in str(refused.value)


def test_short_pseudonym_key_is_refused_and_not_shown() -> None:
    short = {"CLEARGRID_PSEUDONYM_KEY": f" {'sesame' * 5}s "}
    with pytest.raises(SettingsError, match=r"CLEARGRID_PSEUDONYM_KEY .* at least 32 characters") as refused:
        Settings.from_environment(short)
    assert "sesame" not in "".join(traceback.format_exception(refused.value))
    given = Settings.from_environment({"CLEARGRID_PSEUDONYM_KEY": "sesame" * 5 + "se"})
    assert given.pseudonym_key is not None
    assert "sesame" not in f"{given} {given!r}"


@pytest.mark.parametrize("database", [":memory:", ":memory:log"])
def test_database_in_memory_is_refused(database: str) -> None:
    with pytest.raises(SettingsError, match="CLEARGRID_DUCKDB is :memory:"):
        Settings.from_environment({"CLEARGRID_DUCKDB": database})


@pytest.mark.parametrize(
    "database",
    [
        "ducklake:postgres:dbname=lake host=db password=sesame",
        "ducklake:postgres:postgresql://me:sesame@db/lake",
        "ducklake:postgres:service=lake password=sesame",
        "ducklake:postgres://me:sesame@db/lake",
        "DuckLake:Postgres:password=sesame",
        "ducklake:sqlite:sesame.sqlite",
        "ducklake:mysql:password=sesame",
        "ducklake:sesame.ducklake",
        "ducklake:",
        "postgres:dbname=lake password=sesame",
        "postgresql://me:sesame@db/lake",
        "POSTGRES:sesame",
        "mysql:password=sesame",
        "dbname=lake password=sesame",
        "s3://sesame/lake.duckdb",
        "md:logs;motherduck_token=sesame",
    ],
)
def test_database_that_is_no_lake_in_postgres_is_refused_and_not_shown(database: str) -> None:
    with pytest.raises(
        SettingsError, match=r"^CLEARGRID_DUCKDB (has an unusable value:|names) .*ducklake:postgres:"
    ) as no:
        Settings.from_environment({"CLEARGRID_DUCKDB": database, "CLEARGRID_LAKE_DATA": "/lake"})
    assert "sesame" not in "".join(traceback.format_exception(no.value))


@pytest.mark.parametrize("database", ["ducklake:postgres:", "ducklake:postgres:service=lake"])
def test_lake_needs_an_absolute_place_for_its_data(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="CLEARGRID_LAKE_DATA is not set, but CLEARGRID_DUCKDB is a lake"):
        Settings.from_environment({"CLEARGRID_DUCKDB": database})
    for given, expected in (("rows", str(tmp_path / "rows")), ("s3://bucket/rows/", "s3://bucket/rows/")):
        settings = Settings.from_environment({"CLEARGRID_DUCKDB": database, "CLEARGRID_LAKE_DATA": given})
        assert settings.lake_data == expected


@pytest.mark.parametrize("data", ["s3://key:sesame@bucket/", "s3://bucket/?s3_secret_access_key=sesame", "gs://sesame"])
def test_place_of_a_lake_with_a_secret_is_refused_and_not_shown(data: str) -> None:
    with pytest.raises(
        SettingsError, match="CLEARGRID_LAKE_DATA has an unusable value: it takes a folder, or s3:"
    ) as no:
        Settings.from_environment({"CLEARGRID_LAKE_DATA": data})
    assert "sesame" not in "".join(traceback.format_exception(no.value))
