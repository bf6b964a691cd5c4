"""Plurals and shortened lists."""

import pytest

from cleargrid_assets.wording import counted, first_of, more


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [(0, "day", "0 days"), (1, "day", "1 day"), (1204, "row", "1,204 rows"), (2, "status", "2 statuses")],
)
def test_a_noun_agrees_with_its_number(number: int, noun: str, words: str) -> None:
    assert counted(number, noun) == words


@pytest.mark.parametrize(("hidden", "words"), [(0, ""), (1, "and 1 more type"), (3, "and 3 more types")])
def test_what_is_left_out_is_counted(hidden: int, words: str) -> None:
    assert more(hidden, "type") == words


@pytest.mark.parametrize(("shown", "words"), [(2, "A, B and 1 more type"), (3, "A, B, C"), (9, "A, B, C")])
def test_a_list_ends_with_how_many_more_there_are(shown: int, words: str) -> None:
    assert first_of(["A", "B", "C"], shown, "type") == words
