import pytest

from cleargrid_assets.pictures import versus
from cleargrid_assets.pictures.versus import Reach


def test_difference_has_newcombes_interval() -> None:
    """The first example of Newcombe (1998), method 10: 56 of 70 against 48 of 80, 0.0524 to 0.3339."""
    between = versus.difference({"phone": Reach(56, 70), "email": Reach(48, 80)})

    assert between == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(
    ("phone", "email", "words"),
    [
        (Reach(56, 70), Reach(48, 80), "difference +20.0 points (95% interval +5.2 to +33.4)"),
        (
            Reach(48, 80),
            Reach(56, 70),
            "difference \N{MINUS SIGN}20.0 points (95% interval \N{MINUS SIGN}33.4 to \N{MINUS SIGN}5.2)",
        ),
        (
            Reach(5, 10),
            Reach(4, 10),
            "no significant difference, +10.0 points (95% interval \N{MINUS SIGN}29.0 to +45.1)",
        ),
        (
            Reach(9, 30),
            Reach(3, 10),
            "no significant difference, +0.0 points (95% interval \N{MINUS SIGN}33.1 to +26.2)",
        ),
    ],
)
def test_words_tell_the_direction_and_whether_it_is_significant(phone: Reach, email: Reach, words: str) -> None:
    between = versus.difference({"phone": phone, "email": email})

    assert between
    assert versus.in_words(between, "in 7 days") == f"in 7 days, phone against e-mail: {words}"


def test_small_significant_difference_is_not_shown_as_zero() -> None:
    assert [versus.in_points(share) for share in (0.0002, -0.000001, 0.0)] == ["+0.020", "+0.0", "+0.0"]


@pytest.mark.parametrize(
    ("reach", "words"),
    [
        ({"phone": Reach(0, 5)}, "phone reached 0% of 5 contacts, no contact attempted by e-mail"),
        (
            {"email": Reach(1, 4), "other": Reach(1, 2)},
            "e-mail reached 25% of 4 contacts, no contact attempted by phone",
        ),
        (
            {"messaging": Reach(1, 2), "other": Reach(1, 4)},
            "messaging reached 50% of 2 contacts, other 25% of 4, no contact attempted by phone or e-mail",
        ),
    ],
)
def test_missing_channel_is_said(reach: dict[str, Reach], words: str) -> None:
    assert versus.difference(reach) is None
    assert versus.compared(reach) == words
