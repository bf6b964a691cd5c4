import pytest

from cleargrid_assets.pictures import attempts, text
from cleargrid_assets_tests.pictures import rows

Pairs = list[tuple[int, int]]


@pytest.mark.parametrize(
    ("channels", "sentence"),
    [
        ({"phone": [(812, 179)]}, "Phone: the first attempt reached 22% of 812 contacts"),
        (
            {"phone": [(812, 179), (500, 100), (300, 54)], "email": [(400, 60)]},
            "Phone: the first attempt reached 22% of 812 contacts, 3 attempts 41%",
        ),
        ({"phone": [(10, 1)], "email": [(20, 1)]}, "E-mail: the first attempt reached 5.0% of 20 contacts"),
        ({"phone": [(100, 10)] * 10}, "Phone: the first attempt reached 10% of 100 contacts, 10+ attempts 100%"),
        ({}, "No outbound communications in the days that end on 2026-05-19"),
    ],
)
def test_the_headline_compares_the_first_attempt_with_all_on_the_busiest_channel(
    channels: dict[str, Pairs], sentence: str
) -> None:
    assert attempts.headline(rows.attempts(channels), rows.DAY) == sentence


def test_the_summary_has_a_row_an_attempt_and_no_cell_beyond_a_channels_last() -> None:
    summary = attempts.summary(rows.attempts({"phone": [(100, 20), (80, 20)], "email": [(50, 5)]}), rows.DAY)

    assert "|by attempt|phone, 100 contacts|e-mail, 50 contacts|" in summary
    assert "|1|20% ████|10% ██|" in summary
    assert "|2|40% ████████||" in summary


def test_a_fourth_channel_is_only_counted() -> None:
    four = {name: [(10, 1)] for name in ("phone", "email", "messaging", "other")}

    assert attempts.summary(rows.attempts(four), rows.DAY).endswith("and 1 more channel")


def test_the_order_of_rows_does_not_matter() -> None:
    frame = rows.attempts({"phone": [(100, 20), (80, 20), (60, 5)], "email": [(50, 5), (20, 1)]})

    assert attempts.summary(frame.iloc[::-1], rows.DAY) == attempts.summary(frame, rows.DAY)
    assert len(attempts.summary(frame, rows.DAY)) <= text.INLINE_LIMIT
