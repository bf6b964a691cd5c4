"""Names that look like variables of this project."""

import pytest

from cleargrid_assets.unknown_variables import unknown_name, unknown_variables


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("CLEARGRID_TIMZONE", "CLEARGRID_TIMEZONE"),
        ("CLEARGRID_TIME_ZONE", "CLEARGRID_TIMEZONE"),
        ("CLEARGRID_TZ", "CLEARGRID_TIMEZONE"),
        ("CLEARGRID_PASSWD", "CLEARGRID_PASSWORD"),
        ("CLEARGRID_START", "CLEARGRID_START_DATE"),
        ("CLEARGRID_DATABASE", "CLEARGRID_DUCKDB"),
        ("cleargrid_timezone", "CLEARGRID_TIMEZONE"),
        ("CLEARGRID-TIMEZONE", "CLEARGRID_TIMEZONE"),
        ("CLEARGRIDTIMEZONE", "CLEARGRID_TIMEZONE"),
        ("CLEAR_GRID_TIMEZONE", "CLEARGRID_TIMEZONE"),
        ("CLEARGID_TIMEZONE", "CLEARGRID_TIMEZONE"),
        ("CLEARGRID_API_URL", "CLEARGRID_BASE_URL"),
        ("CLEARGRID_USER", "CLEARGRID_EMAIL"),
        ("CLEARGRID_SECRET", "CLEARGRID_PASSWORD"),
        ("CLEARGRID_TOKEN", None),
        ("CLEARGRID_X", None),
    ],
)
def test_unknown_name_has_the_nearest_known_one(name: str, nearest: str | None) -> None:
    assert unknown_variables({name: "Asia/Dubai"}) == {name: nearest}


@pytest.mark.parametrize("name", ["CLEARGRID_TIMEZONE", "CLEARCASE_HOME", "GRID_ENGINE", "HOME", "TIMEZONE"])
def test_known_names_and_those_of_other_programs_are_left_alone(name: str) -> None:
    assert unknown_variables({name: "Asia/Dubai"}) == {}


def test_empty_value_counts_as_unset() -> None:
    assert unknown_variables({"CLEARGRID_TIMZONE": " "}) == {}


def test_value_is_not_shown_even_if_it_is_in_a_broken_name() -> None:
    [(name, nearest)] = unknown_variables({"CLEARGRID_PASSWORD:hu": "sh"}).items()
    assert unknown_name(name, nearest).startswith("CLEARGRID_PASSWORD... is no variable of this project, so ")
