import pytest

from cleargrid_assets.analysis.unmapped import UnmappedAttempts
from cleargrid_assets.pictures import hours
from cleargrid_assets_tests.pictures import rows

Cell = tuple[int, str, int, int, int]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            [(0, "phone", 10, 100, 38), (0, "phone", 11, 100, 20)],
            "highest share reached in 7 days (1 with attempts): phone 10:00, 38% of 100 attempts",
        ),
        (
            [(0, "phone", 9, 100, 30), (3, "phone", 9, 300, 30), (0, "phone", 14, 200, 40), (6, "email", 8, 10, 1)],
            "highest share reached in 7 days (3 with attempts): phone 14:00, 20% of 200 attempts; "
            "e-mail 08:00, 10% of 10 attempts",
        ),
        (
            [(age, "phone", 10, 100, 38) for age in range(7)],
            "highest share reached in 7 days: phone 10:00, 38% of 700 attempts",
        ),
        (
            [(0, "phone", 9, 9, 9), (0, "phone", 10, 10, 1)],
            "highest share reached in 7 days (1 with attempts): phone 10:00, 10% of 10 attempts",
        ),
        (
            [(0, "phone", 10, 9, 9)],
            "in 7 days (1 with attempts), there was no hour with 10 attempts or more",
        ),
        (
            [(0, "phone", 10, 10, 0)],
            "in 7 days (1 with attempts), nobody was reached in an hour with 10 attempts or more",
        ),
        ([(7, "phone", 10, 100, 50)], "no outbound communications in the 7 days that end with it"),
        ([], "no outbound communications in the 7 days that end with it"),
    ],
)
def test_the_headline_names_the_best_hour_with_ten_attempts(cells: list[Cell], sentence: str) -> None:
    assert hours.present(rows.hours(cells), rows.about()).headline == rows.TITLE + sentence


def test_a_few_lucky_calls_at_night_are_not_the_best_hour() -> None:
    frame = rows.hours([(0, "phone", 3, 12, 12), (0, "phone", 10, 100, 38), (0, "phone", 11, 100, 20)])

    assert "phone 10:00, 38%" in hours.present(frame, rows.about()).headline


def test_unmapped_attempts_of_the_week_are_said_beside_the_reach() -> None:
    unmapped = [UnmappedAttempts(rows.DAY.replace(day=13), "phone", 30, 2)]

    shown = hours.present(rows.hours([(0, "phone", 10, 9, 0)]), rows.about(unmapped_attempts=unmapped))

    assert shown.headline.endswith("; 2 of 30 attempts have an unmapped status")


def test_the_summary_has_the_hours_of_the_day_without_shares_of_few_attempts() -> None:
    cells = [(0, "phone", 10, 40, 8), (0, "phone", 9, 80, 8), (0, "phone", 23, 9, 9), (1, "phone", 7, 999, 0)]

    summary = hours.present(rows.hours([*cells, (0, "email", 9, 50, 1)]), rows.about()).summary

    assert "|09|10% of 80 ██|\n|10|20% of 40 ████|\n|23|9 of 9|\n" in summary
    assert "|07|" not in summary
    assert summary.endswith("Attempts of the day reached by e-mail 2.0% of 50.")


def test_a_day_without_attempts_says_so_beside_the_week() -> None:
    summary = hours.present(rows.hours([(2, "phone", 10, 100, 38)]), rows.about()).summary

    assert "No outbound communications on the day itself" in summary
    assert "phone 10:00" in summary


def test_a_stored_day_without_attempts_is_drawn_as_zero() -> None:
    frame = rows.hours([(0, "phone", 10, 100, 38)])

    as_zero = hours.present(frame, rows.about(stored=[rows.DAY.replace(day=18)])).draw()

    assert as_zero != hours.present(frame, rows.about()).draw()
