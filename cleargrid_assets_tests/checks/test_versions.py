"""Days that were made with another version than today's are named."""

from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg

from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.checks.versions import current_versions, find_other_versions, made_with_current_version
from cleargrid_assets.contracts import CHANNEL_REACH, COMMUNICATION_LOGS, CONTACT_FREQUENCY, INTERACTIONS, TABLES
from cleargrid_assets.warehouse.ledger import LedgerEntry, StoredDays
from cleargrid_assets_tests.assets.project import WEEK, Project
from cleargrid_assets_tests.checks.evaluating import DERIVED, evaluated

FIRST, LAST = WEEK
MORNING = datetime(2026, 1, 8, 7, tzinfo=timezone.utc)
NAME = "made_with_current_version"
SPEC = made_with_current_version(COMMUNICATION_LOGS, DERIVED)


def stored(versions: list[str | None]) -> StoredDays:
    """Days from the first on, each made with a version."""
    days = [FIRST + timedelta(days=number) for number in range(len(versions))]
    return StoredDays(
        {
            day: LedgerEntry("channel_reach", day, 1, "", None, MORNING, "run", version)
            for day, version in zip(days, versions, strict=True)
        },
        {},
    )


def _meaning(file: Path) -> str:
    return load_outcomes(str(file)).meaning_fingerprint


def test_days_made_with_another_outcomes_file_are_named(copied_week: Project, tmp_path: Path) -> None:
    assert evaluated(copied_week, MORNING)[NAME].passed
    file = tmp_path / "outcomes.toml"
    file.write_text("engaged_seconds = 45\n")
    found = evaluated(copied_week.given(CLEARGRID_OUTCOMES=str(file)), MORNING)[NAME]
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert found.metadata["days_by_table"].value == {table.name: 7 for table in DERIVED}
    # One sentence for all tables, with what differs alone.
    said = str(found.description)
    assert said.startswith(f"7 days of {', '.join(table.name for table in DERIVED)} ({FIRST}, ")
    assert f") were made with the packaged outcomes, and today's version is outcomes {_meaning(file)}. " in said
    assert said.endswith(f". Backfill these tables from {FIRST} to {LAST}.")
    assert said.count("Backfill") == 1


def test_day_off_and_limit_concern_only_days_of_contact_frequency(copied_week: Project, tmp_path: Path) -> None:
    file = tmp_path / "outcomes.toml"
    for entry in ("calendar.days_off = [2026-03-20]\n", "limits.attempts_per_week = 7\n"):
        file.write_text(entry)
        found = evaluated(copied_week.given(CLEARGRID_OUTCOMES=str(file)), MORNING)[NAME]
        assert found.metadata["days_by_table"].value == {CONTACT_FREQUENCY.name: 7}
        assert "made with no days off and limits, and today's version is days off and limits " in str(found.description)


def test_ledger_says_what_the_week_was_made_with(week: Project) -> None:
    versions = dict(week.ask("SELECT table_name, any_value(version) FROM log.cleargrid.days GROUP BY ALL"))
    meaning = f"outcomes {load_outcomes(None).meaning_fingerprint}"
    assert versions == current_versions(TABLES, load_outcomes(None))
    assert versions[COMMUNICATION_LOGS.name] == "code 1, UTC"
    assert versions[CHANNEL_REACH.name].endswith(f", UTC, {meaning}")
    assert versions[INTERACTIONS.name] == f"code 1, UTC, {meaning}, region none"


def test_days_of_unknown_version_are_not_judged() -> None:
    assert find_other_versions(SPEC, {"channel_reach": stored([None, "code 2"])}, {"channel_reach": "code 2"}).passed


def test_version_that_lacks_a_part_of_todays_is_named_whole() -> None:
    of_days = stored(["code 1, UTC", "code 1, Asia/Dubai"])
    found = find_other_versions(SPEC, {"channel_reach": of_days}, {"channel_reach": "code 1, UTC, region none"})
    assert "were made with Asia/Dubai; code 1, UTC, and today's version is UTC, region none." in str(found.description)


def test_only_days_of_other_versions_are_named() -> None:
    of_days = stored(["code 1", "code 2", None, "code 0"])
    said = str(find_other_versions(SPEC, {"channel_reach": of_days}, {"channel_reach": "code 2"}).description)
    assert said == (
        "2 days of channel_reach (2026-01-01, 2026-01-04) were made with code 0; code 1, and today's version is "
        "code 2. Backfill channel_reach from 2026-01-01 to 2026-01-04."
    )
    one = find_other_versions(SPEC, {"channel_reach": stored(["code 1"])}, {"channel_reach": "code 2"}).description
    assert str(one).startswith("1 day of channel_reach (2026-01-01) was made with code 1, ")


def test_days_of_another_form_are_named_without_advice_to_backfill_them() -> None:
    of_days = stored(["code 1", None, "code 1, pseudonyms 0a", "code 0, pseudonyms 0b"])
    found = find_other_versions(SPEC, {"channel_reach": of_days}, {"channel_reach": "code 1, pseudonyms 0a"})
    said = str(found.description)
    assert not found.passed
    assert found.metadata["days_by_table"].value == {"channel_reach": 3}
    assert "3 days of channel_reach (2026-01-01, 2026-01-02, 2026-01-04) are stored with clear values, pseud" in said
    assert "Backfill" not in said
