import math

import pandas as pd
import pytest

from cleargrid_assets.pictures import frequency
from cleargrid_assets_tests.pictures import rows

PHONE, EMAIL = (408, 202, 131, 60, 11), (1011, 300, 20, 3, 0)
OFTEN = "the most on one contact in 7 days were 14 attempts, by phone, where 11 of 812 contacts had 8 or more"


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ((None, None, None), f"no limits set; {OFTEN}"),
        ((0, None, 0), f"no limit crossed; {OFTEN}"),
        ((1, 1, 0), f"2 contacts over the limit of the week, 2 attempts outside hours; {OFTEN}"),
        ((None, None, 700), f"1,400 attempts on a day off; {OFTEN}"),
    ],
)
def test_the_headline_begins_with_the_limits_that_were_crossed(limits: tuple[int | None, ...], sentence: str) -> None:
    shown = frequency.present(rows.frequency({"phone": PHONE, "email": EMAIL}, 14, limits), rows.about())

    assert shown.headline == rows.TITLE + sentence


def test_the_channel_with_the_most_attempts_on_a_contact_is_shown_first() -> None:
    frame = pd.concat([rows.frequency({"email": EMAIL}, 3), rows.frequency({"phone": PHONE}, 14)])

    shown = frequency.present(frame, rows.about())

    assert shown.headline.endswith(OFTEN)
    assert "|attempts|phone|" in shown.summary
    assert "|1|408 ██▌|\n|2|202 █▎|\n|3 to 4|131 ▊|\n|5 to 7|60 ▍|\n|8 or more|11 ▏|" in shown.summary
    assert shown.summary.endswith("Most on one contact by e-mail 3.")


def test_the_numbers_are_the_most_attempts_and_what_crossed_limits() -> None:
    numbers = frequency.present(rows.frequency({"phone": PHONE}, 14, (3, 0, None)), rows.about()).numbers

    assert (numbers["phone_most_attempts"], numbers["contacts_over_limit"]) == (14, 3)
    assert numbers["attempts_outside_hours"] == 0
    assert math.isnan(numbers["attempts_on_days_off"] or 0)


def test_attempts_on_withheld_addresses_alone_are_on_no_contact() -> None:
    shown = frequency.present(rows.frequency({"phone": (0, 0, 0, 0, 0)}, 0, (0, 3, None)), rows.about())
    once = frequency.present(rows.frequency({"phone": (3, 0, 0, 0, 0)}, 1), rows.about())

    assert shown.headline == f"{rows.TITLE}3 attempts outside hours; no attempts on a known contact in 7 days"
    assert "the most on one contact in 7 days was 1 attempt, by phone" in once.headline
    assert shown.draw()
