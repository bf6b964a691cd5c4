import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleargrid_assets.pictures import text
from cleargrid_assets.pictures.text import as_markdown

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (1204, "1,204"),
        (999_999, "999,999"),
        (1_234_567, "1.23M"),
        (45_600_000, "45.6M"),
        (2e9, "2B"),
        (NAN, "\u2013"),
    ],
)
def test_a_count_has_separators_up_to_a_million_and_a_unit_beyond(value: float, words: str) -> None:
    assert text.count(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(999, "999"), (1000, "1k"), (1150, "1.15k"), (8200, "8.2k"), (8209, "8.2k"), (999_999, "999k"), (2.3e6, "2.3M")],
)
def test_a_short_count_has_a_unit_from_a_thousand_on(value: float, words: str) -> None:
    assert text.short_count(value) == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0, "0%"),
        (0.0004, "<0.1%"),
        (0.032, "3.2%"),
        (0.0996, "10%"),
        (0.41, "41%"),
        (0.996, ">99%"),
        (1, "100%"),
        (NAN, "\u2013"),
    ],
)
def test_a_rate_reads_as_all_or_nothing_only_when_it_is(rate: float, words: str) -> None:
    assert text.percent(rate) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.44, "0.4 s"),
        (59.9, "59.9 s"),
        (90, "1.5 min"),
        (-90, "\N{MINUS SIGN}1.5 min"),
        (7200, "2.0 h"),
        (NAN, "\u2013"),
    ],
)
def test_a_duration_is_told_in_the_unit_that_reads_best(value: float, words: str) -> None:
    assert text.seconds(value) == words


@pytest.mark.parametrize(
    ("share", "blocks"),
    [(0, ""), (NAN, ""), (0.001, "▏"), (0.5, "█████"), (0.55, "█████▌"), (1, "█" * 10), (7, "█" * 10)],
)
def test_a_bar_grows_in_eighths_of_a_block(share: float, blocks: str) -> None:
    assert text.bar(share, 10) == blocks


def test_a_spark_has_dots_for_zeros_and_a_full_block_for_the_largest() -> None:
    assert text.spark([0, 1, 4, 8, NAN]) == "·▁▄█·"


@pytest.mark.parametrize(
    ("name", "short"),
    [("CALL", "CALL"), ("A\nB", "A B"), ("X" * 30, "X" * 17 + "..."), ("", "\u2013"), ("a@b.example", "[masked]")],
)
def test_a_name_is_one_short_line(name: str, short: str) -> None:
    assert text.shorten(name) == short


def test_names_cannot_break_out_of_a_table_or_become_markup() -> None:
    assert text.escape("A|B_<c>`") == r"A\|B\_\<c\>\`"


@given(st.lists(st.text(max_size=60), max_size=40))
def test_fitted_markdown_drops_rows_rather_than_exceed_the_limit(lines: list[str]) -> None:
    markdown = text.fit(lambda shown: "\n".join(lines[:shown]), len(lines))

    assert len(markdown) <= text.INLINE_LIMIT
    assert markdown == "\n".join(lines) or len("\n".join(lines)) > text.INLINE_LIMIT


def test_a_picture_carries_itself_in_markdown() -> None:
    encoded = base64.b64encode(b"pixels").decode()

    assert as_markdown(b"pixels", "a [b]") == f"![a \\[b\\]](data:image/png;base64,{encoded})"


def test_shares_of_fewer_than_ten_are_counts_without_a_bar() -> None:
    assert text.shares([100, 0, 9, 3, 0], [1200, 10, 9, 8, 0]) == [
        "8.3% of 1.2k ████",
        "0% of 10",
        "9 of 9",
        "3 of 8",
        "0 of 0",
    ]
