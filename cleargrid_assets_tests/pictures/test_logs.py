import subprocess
import sys
from datetime import timedelta

import pytest

from cleargrid_assets.pictures import logs, text
from cleargrid_assets.pictures.presentation import Presentation
from cleargrid_assets_tests.pictures import rows

WEEKS = range(1, 7)


def _present(cells: list[tuple[int, str, int, int]], weeks: range = WEEKS) -> Presentation:
    past = [rows.DAY - timedelta(weeks=week) for week in weeks]
    return logs.present(rows.volumes(cells), past, rows.about())


@pytest.mark.parametrize(
    ("cells", "weeks", "sentence"),
    [
        (
            [(0, "CALL", 9, 50), *((week, "CALL", 9, 100) for week in WEEKS)],
            WEEKS,
            "50 rows, 0.50\N{MULTIPLICATION SIGN} a usual Tuesday",
        ),
        (
            [(0, "CALL", 9, 1), *((week, name, 9, 10) for week in WEEKS for name in ("CALL", "SMS"))],
            WEEKS,
            "1 row, 0.05\N{MULTIPLICATION SIGN} a usual Tuesday; no SMS, usually 10",
        ),
        # Two of four days have none, so half of the usual is zero.
        (
            [(0, "CALL", 9, 7), (1, "CALL", 9, 10), (2, "CALL", 8, 30)],
            range(1, 5),
            "7 rows, 1.40\N{MULTIPLICATION SIGN} a usual Tuesday",
        ),
        (
            [(0, "CALL", 9, 7), (1, "CALL", 9, 9)],
            range(1, 3),
            "7 rows; too few Tuesdays are stored to say what is usual",
        ),
        (
            [(week, "CALL", 9, 10) for week in WEEKS],
            WEEKS,
            "0 rows, 0.00\N{MULTIPLICATION SIGN} a usual Tuesday; no CALL, usually 10",
        ),
        ([], range(0), "0 rows; too few Tuesdays are stored to say what is usual"),
    ],
)
def test_the_headline_compares_with_the_median_of_the_weekday(
    cells: list[tuple[int, str, int, int]], weeks: range, sentence: str
) -> None:
    shown = _present(cells, weeks)
    assert shown.headline == rows.TITLE + sentence
    assert shown.draw().startswith(b"\x89PNG")


def test_the_summary_has_a_row_per_type_and_the_hours() -> None:
    cells = [(week, name, hour, 1000) for week in range(7) for name in ("CALL", "SMS") for hour in (9, 10)]
    summary = _present([*cells, (0, "SMS", 10, 2000)]).summary
    assert "|SMS|4k 2.00\N{MULTIPLICATION SIGN}|\n|CALL|2k 1.00\N{MULTIPLICATION SIGN}|" in summary
    assert summary.endswith(f"`{'·' * 9}▄█{'·' * 13}`")


def test_the_summary_without_days_to_compare_has_counts_only() -> None:
    assert _present([(0, "CALL", 9, 7)], range(0)).summary.count("|CALL|7|") == 1


def test_foreign_types_are_shown_by_the_allow_list_within_the_limit() -> None:
    words = ["jane.doe@mail.example", "+966 51 234 5678", "X" * 90, *(f"TYPE {number}" for number in range(300))]
    shown = _present([(0, word, 9, 10) for word in words])
    assert len(shown.summary) <= text.INLINE_LIMIT
    assert not [part for part in ("jane", "966", "XXXXXXXXXXX") if part in shown.summary + shown.headline]
    assert len(shown.draw()) < 60_000


def test_drawing_the_log_does_not_import_matplotlib() -> None:
    code = (
        "import sys; from cleargrid_assets_tests.pictures.examples import EXAMPLES; EXAMPLES['logs']().draw(); "
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
