"""The variables: what each takes, what it is by default, and the error that names it."""

from datetime import date, time
from pathlib import Path

import pytest

from cleargrid_assets.settings import Settings, SettingsError

CREDENTIALS = {"CLEARGRID_LENDER": "acme", "CLEARGRID_EMAIL": "a@b.example", "CLEARGRID_PASSWORD": " pass word "}
DEFAULTS = {
    "base_url": "https://v3-api.cleargrid.ai",
    "database": "data/cleargrid.duckdb",
    "start_date": date(2026, 1, 1),
    "page_size": 1000,
    "concurrency": 4,
    "max_requests_per_second": None,
    "resync_days": 3,
    "fresh_by": time(6),
    "outcomes": None,
    "lender": None,
    "email": None,
    "password": None,
}


def test_every_variable_has_its_documented_default() -> None:
    settings = Settings.from_environment({})
    assert {name: getattr(settings, name) for name in DEFAULTS} == DEFAULTS
    assert settings.timezone.key == "UTC"


def test_an_empty_variable_counts_as_unset() -> None:
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
        ("CLEARGRID_FRESH_BY", "07:30", "fresh_by", time(7, 30)),
        ("CLEARGRID_FRESH_BY", "01:01", "fresh_by", time(1, 1)),
        ("CLEARGRID_OUTCOMES", "outcomes.toml", "outcomes", "outcomes.toml"),
        ("CLEARGRID_OUTCOMES", "~/outcomes.toml", "outcomes", str(Path.home() / "outcomes.toml")),
        # Spaces may be part of a password.
        ("CLEARGRID_PASSWORD", " pass word ", "password", " pass word "),
    ],
)
def test_a_value_is_read_as_what_the_variable_takes(name: str, text: str, attribute: str, value: object) -> None:
    assert getattr(Settings.from_environment({name: text}), attribute) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CLEARGRID_START_DATE", "yesterday"),
        ("CLEARGRID_START_DATE", "2026-02-30"),
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
        ("CLEARGRID_FRESH_BY", "24:00"),
        ("CLEARGRID_FRESH_BY", "01:00"),
        ("CLEARGRID_FRESH_BY", "six"),
        # The zone is CLEARGRID_TIMEZONE, and a schedule has no seconds: neither may be dropped in silence.
        ("CLEARGRID_FRESH_BY", "06:00+04:00"),
        ("CLEARGRID_FRESH_BY", "06:00:30"),
    ],
)
def test_an_unusable_value_is_refused_by_name_with_what_the_variable_takes(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({name: text})
    assert str(caught.value).startswith(f"{name} is {text!r}, but takes ")


def test_credentials_come_together() -> None:
    credentials = Settings.from_environment(CREDENTIALS).credentials()
    assert (credentials.lender, credentials.email, credentials.password) == ("acme", "a@b.example", " pass word ")


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["CLEARGRID_PASSWORD"], "CLEARGRID_PASSWORD is not set. Set it "),
        (["CLEARGRID_LENDER", "CLEARGRID_EMAIL"], "CLEARGRID_LENDER and CLEARGRID_EMAIL are not set. Set them "),
    ],
)
def test_missing_credentials_are_named_and_the_others_are_not(missing: list[str], said: str) -> None:
    settings = Settings.from_environment({name: value for name, value in CREDENTIALS.items() if name not in missing})
    with pytest.raises(SettingsError) as caught:
        settings.credentials()
    assert str(caught.value).startswith(said)
    assert not any(name in str(caught.value) for name in CREDENTIALS.keys() - set(missing))


def test_credentials_show_in_no_repr() -> None:
    settings = Settings.from_environment(CREDENTIALS)
    shown = repr(settings) + repr(settings.credentials())
    assert not any(value in shown for value in CREDENTIALS.values())


def test_a_database_with_a_query_part_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingsError, match="CLEARGRID_DUCKDB has a query part") as refused:
        Settings.from_environment({"CLEARGRID_DUCKDB": "md:logs?motherduck_token=sesame"})
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize("database", [":memory:", ":memory:log"])
def test_a_database_in_memory_is_refused_because_nothing_would_be_left_of_a_run(database: str) -> None:
    with pytest.raises(SettingsError, match="CLEARGRID_DUCKDB is :memory:"):
        Settings.from_environment({"CLEARGRID_DUCKDB": database})
