import pytest

from cleargrid_assets.pictures import attempts, text
from cleargrid_assets_tests.pictures import rows

Pairs = list[tuple[int, int]]


@pytest.mark.parametrize(
    ("channels", "sentence"),
    [
        ({"phone": [(812, 179)]}, "phone: the first attempt reached 22% of 812 contacts"),
        (
            {"phone": [(812, 179), (500, 100), (300, 54)], "email": [(400, 60)]},
            "phone: the first attempt reached 22% of 812 contacts, all attempts 41%",
        ),
        ({"phone": [(10, 1)], "email": [(20, 1)]}, "e-mail: the first attempt reached 5.0% of 20 contacts"),
        ({"phone": [(100, 10)] * 10}, "phone: the first attempt reached 10% of 100 contacts, all attempts 100%"),
        ({}, "no outbound communications in the days that end with it"),
    ],
)
def test_the_headline_compares_first_and_all_attempts_of_busiest_channel(
    channels: dict[str, Pairs], sentence: str
) -> None:
    assert attempts.present(rows.attempts(channels), rows.about()).headline == rows.TITLE + sentence


def test_the_summary_has_one_row_per_attempt() -> None:
    shown = attempts.present(rows.attempts({"phone": [(100, 20), (80, 20)], "email": [(50, 5)]}), rows.about())
    summary = shown.summary

    assert "|by attempt|phone, 100 contacts|e-mail, 50 contacts|" in summary
    assert "|1|20% ████|10% ██|" in summary
    assert "|2|40% ████████||" in summary
    assert shown.numbers == {"phone_reach_rate": 0.4, "email_reach_rate": 0.1}


def test_a_fourth_channel_is_only_counted() -> None:
    four = {name: [(10, 1)] for name in ("phone", "email", "messaging", "other")}

    assert attempts.present(rows.attempts(four), rows.about()).summary.endswith("and 1 more channel")


def test_the_order_of_rows_does_not_matter() -> None:
    frame = rows.attempts({"phone": [(100, 20), (80, 20), (60, 5)], "email": [(50, 5), (20, 1)]})

    summary = attempts.present(frame, rows.about()).summary

    assert attempts.present(frame.iloc[::-1], rows.about()).summary == summary
    assert len(summary) <= text.INLINE_LIMIT
