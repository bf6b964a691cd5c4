from datetime import timedelta

import pandas as pd
import pytest

from cleargrid_assets.analysis.unmapped import UnmappedAttempts
from cleargrid_assets.pictures import channels, versus
from cleargrid_assets_tests.pictures import rows

Rates = dict[str, tuple[int, float | None, float | None, float | None]]
PHONE = (812, 0.41, 0.38, 0.44)
EMAIL = (1204, 0.23, 0.21, 0.25)


@pytest.mark.parametrize(
    ("rates", "sentence"),
    [
        (
            {"email": EMAIL, "phone": PHONE, "messaging": (10, 0.0, 0.0, 0.2)},
            "phone reached 41% of 812 contacts, e-mail 23% of 1,204; "
            "on this day, phone against e-mail: difference +18.0 points (95% interval +13.9 to +22.1)",
        ),
        (
            {"phone": (9, 0.44, 0.19, 0.73), "email": EMAIL},
            "phone reached 44% of 9 contacts, e-mail 23% of 1,204; "
            "on this day, phone against e-mail: no significant difference, +21.4 points "
            "(95% interval \N{MINUS SIGN}4.2 to +50.4)",
        ),
        ({"phone": PHONE}, "phone reached 41% of 812 contacts, no contact attempted by e-mail"),
        ({"phone": (0, None, None, None)}, "no contact attempted"),
    ],
)
def test_the_headline_gives_the_difference_of_phone_and_email(rates: Rates, sentence: str) -> None:
    assert channels.present(rows.channels(rates), rows.about()).headline == rows.TITLE + sentence


def test_attempts_with_an_unmapped_status_are_said_beside_the_reach() -> None:
    attempts = [UnmappedAttempts(rows.DAY, "phone", 20, 20), UnmappedAttempts(rows.DAY, "email", 30, 0)]

    shown = channels.present(rows.channels({"phone": (9, 0.0, 0.0, 0.3)}), rows.about(unmapped_attempts=attempts))

    assert shown.headline.endswith("; 20 of 50 attempts have an unmapped status")
    assert "20 of 50 attempts have an unmapped status" in shown.summary


def test_the_summary_has_each_channel_the_caveat_and_the_usual_difference() -> None:
    before = [
        rows.channels({"phone": (100, rate, 0.3, 0.5), "email": (100, 0.2, 0.1, 0.3)}, rows.DAY - timedelta(days=age))
        for age, rate in ((1, 0.3), (2, 0.9), (27, 0.4), (channels.SHOWN_DAYS, 0.9))
    ]

    today = rows.channels({"phone": PHONE, "email": EMAIL})
    summary = channels.present(pd.concat([*before, today]), rows.about()).summary

    assert "|phone|41% of 812 ████|\n|e-mail|23% of 1.2k ██▎|" in summary
    assert summary.endswith(f"{versus.CAVEAT} Median difference of 3 days before: +20.0 points.")


def test_without_email_there_is_no_caveat_and_no_difference() -> None:
    shown = channels.present(rows.channels({"phone": PHONE}), rows.about())

    assert shown.summary.endswith("|phone|41% of 812 ████|")
    assert shown.numbers["phone_minus_email"] is None


def test_an_empty_day_is_a_sentence_whatever_was_before() -> None:
    before = rows.channels({"phone": PHONE}, rows.DAY - timedelta(days=1))

    assert channels.present(before, rows.about()).summary == "**Tue 2026-05-19 (UTC): no contact attempted**"


def test_the_numbers_are_difference_rate_contacts_and_effort() -> None:
    numbers = channels.present(rows.channels({"phone": PHONE, "email": EMAIL}), rows.about()).numbers

    assert (numbers["phone_reach_rate"], numbers["email_contacts"]) == (0.41, 1204)
    assert numbers["phone_minus_email"] == pytest.approx(333 / 812 - 277 / 1204)
    assert "phone_per_reached" in numbers


def test_a_stored_day_without_rows_is_drawn_as_zero() -> None:
    shown = pd.concat([rows.channels({"phone": PHONE}, rows.DAY - timedelta(days=age)) for age in range(5) if age != 2])
    stored = [rows.DAY - timedelta(days=age) for age in range(5)]

    as_zero = channels.present(shown, rows.about(stored=stored)).draw()

    assert as_zero != channels.present(shown, rows.about()).draw()
