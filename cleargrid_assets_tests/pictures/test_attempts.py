import pytest

from cleargrid_assets.analysis.unmapped import UnmappedAttempts
from cleargrid_assets.pictures import attempts, text, versus
from cleargrid_assets_tests.pictures import rows

Pairs = list[tuple[int, int]]
FIVE = [(1000, 200), (700, 100), (400, 60), (200, 20), (80, 4)]


@pytest.mark.parametrize(
    ("channels", "sentence"),
    [
        (
            {"phone": [*FIVE, (40, 1)]},
            "the fifth attempt by phone reached 5.0% of 80 contacts not reached before (95% interval 2.0% to 12%)",
        ),
        (
            {"phone": [(90, 20), (30, 2), (29, 9)], "email": [(400, 60)]},
            "the second attempt by phone reached 6.7% of 30 contacts not reached before (95% interval 1.8% to 21%), "
            "the last with 30 contacts; "
            "in 7 days, phone against e-mail: difference +19.4 points (95% interval +9.7 to +30.2)",
        ),
        ({"phone": [(10, 1)], "email": [(20, 0)]}, "the first attempt by e-mail reached 0% of 20 contacts "),
        ({"phone": [(10, 1), (9, 3)]}, "the first attempt by phone reached 10% of 10 contacts (95% interval 1.8% to"),
        ({}, "no contact attempted in the 7 days that end with it"),
    ],
)
def test_the_headline_is_about_the_fifth_attempt_or_the_last_with_enough_contacts(
    channels: dict[str, Pairs], sentence: str
) -> None:
    assert attempts.present(rows.attempts(channels), rows.about()).headline.startswith(rows.TITLE + sentence)


def test_too_few_contacts_are_said_to_be_too_few() -> None:
    shown = attempts.present(rows.attempts({"phone": [(29, 1), (9, 3)]}), rows.about())

    assert shown.headline.endswith(", too few to judge")


def test_unmapped_attempts_of_the_seven_days_are_said_beside_the_reach() -> None:
    unmapped = [UnmappedAttempts(rows.DAY, "phone", 20, 20), UnmappedAttempts(rows.DAY.replace(day=13), "phone", 30, 2)]

    shown = attempts.present(rows.attempts({"phone": [(40, 0)]}), rows.about(unmapped_attempts=unmapped))

    assert shown.headline.endswith("; 22 of 50 attempts have an unmapped status")


def test_the_summary_has_each_attempt_of_the_channel_and_the_comparison() -> None:
    shown = attempts.present(rows.attempts({"phone": FIVE, "email": [(50, 5), (40, 0)]}), rows.about())

    assert "|#|reached by phone|" in shown.summary
    assert "|1|20% of 1k ████|\n|2|14% of 700 ██▉|" in shown.summary
    assert shown.summary.endswith(f"In 7 days phone reached 38% of 1,000 contacts, e-mail 10% of 50. {versus.CAVEAT}")
    assert shown.numbers == pytest.approx(
        {"phone_minus_email": 0.284, "phone_reach_rate": 0.384, "email_reach_rate": 0.1}
    )


def test_an_attempt_with_nobody_at_risk_has_no_share() -> None:
    frame = rows.attempts({"phone": [(3, 3), (0, 0)]}).assign(contacts_attempted=3)

    shown = attempts.present(frame, rows.about())

    assert "|2|0 of 0|" in shown.summary
    assert shown.draw()


def test_the_order_of_rows_does_not_matter() -> None:
    frame = rows.attempts({"phone": [(100, 20), (80, 20), (60, 5)], "email": [(50, 5), (20, 1)]})

    summary = attempts.present(frame, rows.about()).summary

    assert attempts.present(frame.iloc[::-1], rows.about()).summary == summary
    assert len(summary) <= text.INLINE_LIMIT
