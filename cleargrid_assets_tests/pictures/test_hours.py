import pytest

from cleargrid_assets.pictures import hours
from cleargrid_assets_tests.pictures import rows

Cell = tuple[int, str, int, int, int]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            [(0, "phone", 10, 100, 38), (0, "phone", 11, 100, 20)],
            "best hour of the week, 1 day with data (attempts reached): phone 10:00 (38%)",
        ),
        (
            [(0, "phone", 9, 100, 30), (3, "phone", 9, 300, 30), (0, "phone", 14, 200, 40), (6, "email", 8, 10, 1)],
            "best hours of the week, 3 days with data (attempts reached): phone 14:00 (20%), e-mail 08:00 (10%)",
        ),
        (
            [(age, "phone", 10, 100, 38) for age in range(7)],
            "best hour of the week (attempts reached): phone 10:00 (38%)",
        ),
        ([(0, "phone", 10, 5, 0)], "nobody reached in the 7 days that end with it"),
        ([(7, "phone", 10, 100, 50)], "no outbound communications in the 7 days that end with it"),
        ([], "no outbound communications in the 7 days that end with it"),
    ],
)
def test_the_headline_names_the_best_hour_of_the_week(cells: list[Cell], sentence: str) -> None:
    assert hours.present(rows.hours(cells), rows.about()).headline == rows.TITLE + sentence


def test_one_lucky_call_at_night_is_not_the_best_hour() -> None:
    frame = rows.hours([(0, "phone", 3, 1, 1), (0, "phone", 10, 100, 38), (0, "phone", 11, 100, 20)])

    assert "phone 10:00 (38%)" in hours.present(frame, rows.about()).headline


def test_the_summary_draws_the_day_hour_by_hour() -> None:
    frame = rows.hours([(0, "phone", 9, 80, 8), (0, "phone", 10, 40, 8), (1, "phone", 23, 999, 0)])

    assert (
        f"|phone|120|`{'·' * 9}█▄{'·' * 13}`|13%|`{'·' * 9}▄█{'·' * 13}`|" in hours.present(frame, rows.about()).summary
    )


def test_a_day_without_attempts_says_so_beside_the_week() -> None:
    summary = hours.present(rows.hours([(2, "phone", 10, 100, 38)]), rows.about()).summary

    assert "No outbound communications on the day itself" in summary
    assert "phone 10:00" in summary
