from datetime import timedelta

import pandas as pd
import pytest

from cleargrid_assets.pictures import channels
from cleargrid_assets_tests.pictures import rows

Rates = dict[str, tuple[int, float | None, float | None, float | None]]
PHONE = (812, 0.41, 0.38, 0.44)
EMAIL = (1204, 0.23, 0.21, 0.25)


@pytest.mark.parametrize(
    ("rates", "sentence"),
    [
        ({"phone": PHONE}, "phone reached 41% of 812 contacts"),
        ({"email": EMAIL, "phone": PHONE}, "phone reached 41% of 812 contacts; e-mail 23%"),
        (
            {"phone": (9, 0.44, 0.19, 0.73), "email": EMAIL},
            "phone reached 44% of 9 contacts; e-mail 23% (the intervals of phone and e-mail overlap)",
        ),
        ({"email": EMAIL, "messaging": (10, 0.0, 0.0, 0.2)}, "e-mail reached 23% of 1,204 contacts; messaging 0%"),
        ({"phone": (5, None, None, None)}, "phone reached \u2013 of 5 contacts"),
        ({"phone": (0, None, None, None)}, "no outbound communications"),
    ],
)
def test_the_headline_sets_phone_against_the_rest(rates: Rates, sentence: str) -> None:
    assert channels.present(rows.channels(rates), rows.about()).headline == rows.TITLE + sentence


def test_the_summary_compares_with_the_median_of_the_days_before() -> None:
    before = [
        rows.channels({"phone": (800, rate, 0.3, 0.5)}, rows.DAY - timedelta(days=age))
        for age, rate in ((1, 0.3), (2, 0.9), (3, 0.4))
    ]

    today = rows.channels({"phone": PHONE, "email": EMAIL})
    summary = channels.present(pd.concat([*before, today]), rows.about()).summary

    assert "median of 3 days before|" in summary
    assert "|phone|812|41%|██████████|38% to 44%|40%|" in summary
    assert "|e-mail|1,204|23%|█████▋|21% to 25%|\u2013|" in summary


def test_without_days_before_there_is_no_column_for_them() -> None:
    summary = channels.present(rows.channels({"phone": PHONE}), rows.about()).summary

    assert "before" not in summary
    assert summary.endswith("|phone|812|41%|██████████|38% to 44%|")


def test_an_empty_day_is_a_sentence_whatever_was_before() -> None:
    before = rows.channels({"phone": PHONE}, rows.DAY - timedelta(days=1))

    assert channels.present(before, rows.about()).summary == f"**{rows.TITLE}no outbound communications**"


def test_days_older_than_those_shown_do_not_count() -> None:
    old = rows.channels({"phone": PHONE}, rows.DAY - timedelta(days=channels.SHOWN_DAYS))

    shown = channels.present(pd.concat([old, rows.channels({"phone": PHONE})]), rows.about())

    assert "before" not in shown.summary


def test_the_numbers_are_rate_contacts_and_effort_of_each_channel() -> None:
    numbers = channels.present(rows.channels({"phone": PHONE, "email": EMAIL}), rows.about()).numbers

    assert (numbers["phone_reach_rate"], numbers["email_contacts"]) == (0.41, 1204)
    assert "phone_attempts_per_reached_contact" in numbers
