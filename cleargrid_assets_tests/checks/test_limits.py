"""The check of the lender's own limits."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from cleargrid_assets.checks import limits
from cleargrid_assets.contracts import CONTACT_FREQUENCY
from cleargrid_assets_tests.assets.project import WEEK, Project

DAY = WEEK[0] + timedelta(days=4)
NAME = "limits_are_kept"
LIMITS = """
[calendar]
days_off = [{}]
[limits]
attempts_per_week = {}
earliest = "{}"
latest = "{}"
"""


def _limited(project: Project, file: Path, *limits: object) -> Project:
    """The project with limits in its outcomes file."""
    file.write_text(LIMITS.format(*limits))
    return project.given(CLEARGRID_OUTCOMES=str(file))


def test_crossed_limits_are_named_with_counts_and_hours(
    copied_week: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = _limited(copied_week, tmp_path / "outcomes.toml", f"{DAY}", 1, "10:00", "15:30")

    before = DAY - timedelta(days=1)
    found = limited.materialize(before, DAY, only=[CONTACT_FREQUENCY]).check(NAME, CONTACT_FREQUENCY)

    assert not found.passed
    assert str(found.description).index(f"{DAY} phone: ") < str(found.description).index(f"{before} email: ")
    assert found.severity is dg.AssetCheckSeverity.WARN
    [(contacts, outside, on_day_off, attempts)] = copied_week.ask(
        "SELECT contacts_over_limit, attempts_outside_hours, attempts_on_days_off, (SELECT count(*) FROM "
        "log.cleargrid.interactions i WHERE i.communicated_date = f.communicated_date AND i.channel = 'phone' AND "
        f"direction = 'outbound') FROM log.cleargrid.contact_frequency f WHERE communicated_date = '{DAY}' AND "
        "channel = 'phone'"
    )
    assert on_day_off == attempts
    assert (
        f"{DAY} phone: {contacts} contacts with more than 1 attempt in 7 days, {outside} attempts before 10:00 or at "
        f"or after 15:30, {on_day_off} attempts on a day off"
    ) in str(found.description)
    # The remedy is before the cases, of which there may be many.
    assert str(found.description).startswith(
        "Limits of the outcomes file were crossed. Have the outreach at ClearGrid set to these limits, or correct "
        f"them in the outcomes file. {DAY} email: "
    )
    monkeypatch.setattr(limits, "MAX_NAMED", 1)
    assert str(limited.check(NAME, CONTACT_FREQUENCY, DAY).description).endswith(" and 2 more cases.")


def test_limits_that_are_kept_or_not_set_pass(copied_week: Project, tmp_path: Path) -> None:
    unlimited = copied_week.check(NAME, CONTACT_FREQUENCY, DAY)
    assert (unlimited.passed, unlimited.description) == (True, "The outcomes file sets no limits.")
    limited = _limited(copied_week, tmp_path / "outcomes.toml", "", 10_000, "00:00", "23:59")
    found = limited.materialize(DAY, only=[CONTACT_FREQUENCY]).check(NAME, CONTACT_FREQUENCY)
    assert (found.passed, found.description) == (True, "No limit of the outcomes file was crossed.")


def test_limits_no_longer_set_are_not_checked(copied_week: Project, tmp_path: Path) -> None:
    limited = _limited(copied_week, tmp_path / "outcomes.toml", f"{DAY}", 1, "10:00", "15:30")
    limited.materialize(DAY, only=[CONTACT_FREQUENCY], checked=False)
    assert copied_week.check(NAME, CONTACT_FREQUENCY, DAY).passed
