from datetime import timedelta

import pytest

from cleargrid_assets.analysis.unmapped import UnmappedAttempts
from cleargrid_assets_tests.pictures import rows

WEEK_BEFORE = rows.DAY - timedelta(days=6)
ATTEMPTS = [
    UnmappedAttempts(WEEK_BEFORE - timedelta(days=1), "phone", 900, 900),
    UnmappedAttempts(WEEK_BEFORE, "phone", 1000, 200),
    UnmappedAttempts(rows.DAY, "email", 40, 0),
    UnmappedAttempts(rows.DAY, "phone", 60, 20),
]


def test_a_headline_begins_with_weekday_date_and_zone() -> None:
    assert rows.about(zone="Asia/Riyadh").title("all well") == "Tue 2026-05-19 (Asia/Riyadh): all well"


def test_an_older_day_says_after_the_conclusion_which_day_is_the_latest() -> None:
    about = rows.about(latest=rows.DAY + timedelta(days=6))

    assert about.opening("all *well*") == (
        r"**Tue 2026-05-19 (UTC): all \*well\* (an older day: the latest is Mon 2026-05-25)**"
    )


def test_the_latest_day_says_no_age() -> None:
    assert rows.about().opening("all well") == f"**{rows.TITLE}all well**"


@pytest.mark.parametrize(
    ("days", "note"),
    [(1, "20 of 100 attempts have an unmapped status"), (7, "220 of 1,100 attempts have an unmapped status")],
)
def test_unmapped_attempts_of_all_channels_are_counted_by_days(days: int, note: str) -> None:
    assert rows.about(unmapped_attempts=ATTEMPTS).unmapped_note(days) == note
