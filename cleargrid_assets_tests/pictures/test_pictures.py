"""What holds of all pictures: valid PNGs, short summaries, no failure whatever the numbers."""

import io
import re
import time
from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.assets.analyses import ANALYSES, Analysis
from cleargrid_assets.contracts import (
    ATTEMPT_FUNNEL,
    CHANNEL_REACH,
    CHANNELS,
    CONTACT_FREQUENCY,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
    REACH_BY_ATTEMPT,
)
from cleargrid_assets.pictures import drawing, text
from cleargrid_assets.pictures.frames import in_days, tidy
from cleargrid_assets.pictures.presentation import Presentation
from cleargrid_assets.pictures.table import presenter
from cleargrid_assets.schema import PARTITION_COLUMN
from cleargrid_assets_tests.analysis.slices import messy_rows, relation, scope
from cleargrid_assets_tests.pictures import baselines, rows
from cleargrid_assets_tests.pictures.examples import EXAMPLE_TABLE, EXAMPLES

TYPES = [f"TYPE_{letter}" for letter in "ABCDEFGH"]
FEW, MANY = ["CALL"], ["CALL", "A$B|_NAME_THAT_GOES_ON_AND_ON_AND_ON_FOR_EVER$", *TYPES]
LAST = date(2026, 5, 18)
"""The last day of the messy rows."""

ROW_WIDTH = 26
"""Max characters in a row of a table in a summary, with one between columns. More would scroll at 1280 pixels."""

OWN = {analysis.table.name: analysis for analysis in ANALYSES}
CASES = (
    ATTEMPT_FUNNEL,
    REACH_BY_ATTEMPT,
    CHANNEL_REACH,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
    CONTACT_FREQUENCY,
    EXAMPLE_TABLE,
)
NAMES = [table.name for table in CASES]


def named(analysis: Analysis) -> str:
    return analysis.table.name


def _frame(name: str, size: int, types: list[str], channels: list[str]) -> pd.DataFrame:
    """Rows with the given types and channels, and counts of the given size."""
    counts = (size, size // 2, size // 4, size // 8)
    frames: dict[str, Callable[[], pd.DataFrame]] = {
        ATTEMPT_FUNNEL.name: lambda: rows.funnel(dict.fromkeys(["ALL", *types], counts)),
        REACH_BY_ATTEMPT.name: lambda: rows.attempts(dict.fromkeys(channels, [(size, size // 4)] * 3)),
        CHANNEL_REACH.name: lambda: rows.channels(dict.fromkeys(channels, (size, 0.4, 0.35, 0.45))),
        HOURLY_REACH.name: lambda: rows.hours(
            (age, channel, 10, size, size // 3) for age in range(7) for channel in channels
        ),
        OPERATIONAL_HEALTH.name: lambda: rows.health(
            # judged by DuckDB, which has no half characters
            (age, kind.encode(errors="replace").decode(), size, size // 9)
            for age in range(0, 63, 7)
            for kind in types
        ),
        CONTACT_FREQUENCY.name: lambda: rows.frequency(dict.fromkeys(channels, (size, *counts)), most=size),
        EXAMPLE_TABLE.name: lambda: rows.frame(
            [(rows.DAY, kind, channel, size, 0.5) for kind in types for channel in channels], EXAMPLE_TABLE
        ),
    }
    return frames[name]()


def _present(name: str, frame: pd.DataFrame) -> Presentation:
    if name == EXAMPLE_TABLE.name:
        return presenter(EXAMPLE_TABLE)(frame, rows.about())
    return _shown(OWN[name], frame, rows.DAY)


def _shown(analysis: Analysis, frame: pd.DataFrame, day: date) -> Presentation:
    """The presentation of a day from tidy rows."""
    if analysis.judge:
        frame = analysis.judge(frame, set(frame[PARTITION_COLUMN]), load_outcomes(None))
    return (analysis.present or presenter(analysis.table))(frame, rows.about(day))


def _size(png: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(png)) as image:
        image.verify()
        assert image.format == "PNG"
        size: tuple[int, int] = image.size
        return size


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_picture_looks_like_its_baseline(name: str) -> None:
    if not baselines.is_drawing_version():
        pytest.skip(f"the baselines are drawn with matplotlib {baselines.drawing_version()}")
    assert baselines.equals_baseline(EXAMPLES[name]().draw(), name)


def test_a_picture_of_other_data_does_not_look_like_the_baseline() -> None:
    other = OWN[ATTEMPT_FUNNEL.name].present
    assert other
    counts = {"ALL": (1204, 1011, 412, 143), "CALL": (700, 600, 287, 90)}
    assert not baselines.equals_baseline(other(rows.funnel(counts), rows.about()).draw(), "funnel")


def test_the_baselines_are_small_and_one_per_picture() -> None:
    files = list(baselines.FOLDER.iterdir())
    assert {file.name for file in files} == {f"{name}.png" for name in EXAMPLES}
    assert sum(file.stat().st_size for file in files) < 300_000


@pytest.mark.parametrize("analysis", ANALYSES, ids=named)
def test_an_analysis_of_messy_rows_is_shown(analysis: Analysis) -> None:
    days = [LAST - timedelta(days=back) for back in range(analysis.shown_days - 1, -1, -1)]
    log = relation(messy_rows(seed=1), analysis.sources)
    table = tidy(analysis.compute(log, scope(*days, zone=ZoneInfo("Asia/Kolkata"))), analysis.table)

    shown = _shown(analysis, in_days(table, days[0], LAST), LAST)

    assert 0 < len(shown.summary) <= text.INLINE_LIMIT
    assert shown.headline
    assert any(number is not None for number in shown.numbers.values())
    assert _size(shown.draw())[0] == drawing.WIDTH


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_of_many_words_is_a_small_png_of_the_cards_width(name: str) -> None:
    frame = _frame(name, 3_000_000_000, MANY, list(CHANNELS))

    png = _present(name, frame).draw()

    width, height = _size(png)
    assert width == drawing.WIDTH
    assert 100 < height < 1000
    assert len(png) < 60_000


@pytest.mark.parametrize("name", [OPERATIONAL_HEALTH.name, EXAMPLE_TABLE.name])
def test_the_same_rows_give_the_same_picture(name: str) -> None:
    frame = _frame(name, 80, FEW, ["phone"])
    assert _present(name, frame).draw() == _present(name, frame).draw()


@pytest.mark.parametrize("name", NAMES)
def test_a_day_without_rows_is_a_sentence_and_a_picture_of_it(name: str) -> None:
    shown = _present(name, _frame(name, 80, FEW, ["phone"]).iloc[:0])

    assert shown.headline.startswith(f"{rows.TITLE}no ")
    assert shown.summary == f"**{text.escape(shown.headline)}**"
    assert _size(shown.draw())[1] < 100


@pytest.mark.parametrize("name", NAMES)
def test_three_hundred_types_give_a_small_picture_in_seconds(name: str) -> None:
    words = [f"TYPE {number}" for number in range(300)]
    frame = _frame(name, 80, words, words[: 10 if name == EXAMPLE_TABLE.name else None])

    started = time.process_time()
    shown = _present(name, frame)
    picture = shown.picture()

    assert time.process_time() - started < 10
    assert len(picture) < 150_000
    assert len(shown.numbers) <= 10


@pytest.mark.parametrize("name", NAMES)
def test_foreign_words_are_shown_by_the_allow_list(name: str) -> None:
    words = ["![](//host/x)", "jane.doe@mail.example", "+966 51 234 5678", "\x1b[31m", "half \ud83d", "X" * 1_000_000]
    shown = _present(name, _frame(name, 80, words, words[:4]))

    picture = shown.picture()
    seen = f"{shown.headline} {shown.summary} {picture[: picture.index('](data:')]} {list(shown.numbers)}"
    assert len(seen) < 1500
    assert not [part for part in ("](", "//", "jane", "example.", "966", "\x1b", "\ud83d", "XXXX") if part in seen]


WORDS = st.lists(st.one_of(st.sampled_from(CHANNELS), st.text(min_size=1, max_size=80)), max_size=12, unique=True)
COUNTS = st.one_of(st.just(0), st.integers(1, 20), st.integers(10**6, 10**15))


@pytest.mark.parametrize("name", NAMES)
@given(words=WORDS, size=COUNTS, has_rates=st.booleans())
@settings(max_examples=12)
def test_no_summary_is_longer_than_the_ui_shows_inline(name: str, words: list[str], size: int, has_rates: bool) -> None:
    frame = _frame(name, size, words, words)
    shown = frame if has_rates else frame.assign(**dict.fromkeys(frame.filter(like="rate").columns, float("nan")))
    assert 0 < len(_present(name, shown).summary) <= text.INLINE_LIMIT


def _row_widths(summary: str) -> list[int]:
    """The width of each table: its widest cell in every column, and one character between columns."""
    tables: list[list[list[str]]] = [[]]
    for line in summary.splitlines():
        if line.startswith("|") and not set(line) <= set("|-:"):
            tables[-1].append(re.split(r"(?<!\\)\|", line)[1:-1])
        elif not line.startswith("|"):
            tables.append([])
    plain = [[[re.sub(r"\\(.)|`", r"\1", cell) for cell in row] for row in table] for table in tables if table]
    return [
        sum(max(map(text.display_width, column)) for column in zip(*table, strict=True)) + len(table[0]) - 1
        for table in plain
    ]


WIDE = ["W" * 70, "\N{CJK UNIFIED IDEOGRAPH-901A}" * 40, "NEW_TYPE OF A LONG NAME", "CALL", "E|MAIL *x*"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [80, 999_999, 3_000_000_000])
def test_no_table_of_a_summary_is_wider_than_the_ui_shows(name: str, size: int) -> None:
    summary = _present(name, _frame(name, size, WIDE, [*CHANNELS, *WIDE])).summary
    widths = _row_widths(summary)
    assert widths, summary
    assert max(widths) <= ROW_WIDTH, summary


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_with_null_rates_is_drawn(name: str) -> None:
    frame = _frame(name, 80, FEW, ["phone"])
    nullable = [column for column in frame.columns if column.endswith(("rate", "low", "high", "_s"))]

    shown = _present(name, frame.assign(**dict.fromkeys(nullable, float("nan"))))

    assert _size(shown.draw())[0] == drawing.WIDTH
