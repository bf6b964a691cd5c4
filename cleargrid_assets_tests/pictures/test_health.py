"""Headline, summary and picture of operational health."""

import math
from collections.abc import Iterable

import pytest

from cleargrid_assets.analysis.outcome_entries import DaysOff
from cleargrid_assets.analysis.unmapped import Unmapped
from cleargrid_assets.pictures import health
from cleargrid_assets_tests.pictures import rows

Cells = Iterable[tuple[int, str, int, int]]

WEEKS = range(7, 43, 7)
"""The same weekday of the six weeks before, as days before the day."""


def weeks(*types: tuple[str, int]) -> list[tuple[int, str, int, int]]:
    """The past days, each with the same volumes, of which 2% failed."""
    return [(age, name, volume, volume // 50) for age in WEEKS for name, volume in types]


@pytest.mark.parametrize(
    ("cells", "conclusion"),
    [
        (
            [*weeks(("CALL", 900), ("EMAIL", 100)), (0, "CALL", 850, 17), (0, "EMAIL", 110, 3)],
            "as usual for a Tuesday: 960 communications, 2.1% failed",
        ),
        (
            [*weeks(("CALL", 900), ("EMAIL", 100)), (0, "CALL", 880, 17)],
            "EMAIL: no communications, usually 100 (60 to 140)",
        ),
        (
            [*weeks(("CALL", 900), ("EMAIL", 100)), (0, "CALL", 870, 80), (0, "EMAIL", 30, 0)],
            "all types: 8.9% failed, usually 2.0% (at most 4.0%); CALL: 9.2% failed, usually 2.0% (at most 4.1%) and "
            "1 more unusual figure",
        ),
        (
            weeks(("CALL", 900)),
            "all types: no communications, usually 900 (711 to 1,089); CALL: no communications, usually 900 (648 to "
            "1,152)",
        ),
        (
            [(0, "CALL", 10, 1)],
            "10 communications, 10% failed; not judged, because fewer than 3 of the 6 Tuesdays before are stored with "
            "communications",
        ),
    ],
)
def test_the_headline_names_what_is_unusual_and_what_is_usual(cells: Cells, conclusion: str) -> None:
    assert health.present(rows.judged(cells, [0]), rows.about()).headline == rows.TITLE + conclusion


def test_a_day_off_is_not_judged() -> None:
    judged = rows.judged(weeks(("CALL", 900)), [0], days_off=DaysOff(weekdays=(2,)))
    shown = health.present(judged, rows.about())
    assert shown.headline == f"{rows.TITLE}no communications; not judged, because it is a day off"
    assert "⚠" not in shown.summary


def test_a_day_that_is_not_judged_has_no_ratios_and_no_number_of_unusual_types() -> None:
    shown = health.present(rows.judged([(0, "CALL", 10, 1)]), rows.about())
    assert math.isnan(shown.numbers["unusual_types"] or 0)
    assert "|CALL|10|" in shown.summary
    assert "median" not in shown.summary
    judged = health.present(rows.judged([*weeks(("CALL", 900)), (0, "CALL", 900, 18)]), rows.about())
    assert "1.00\u00d7 is the median of the weekday" in judged.summary


def test_a_day_that_is_not_stored_has_nothing_to_show() -> None:
    shown = health.present(rows.judged(weeks(("CALL", 900))), rows.about())
    assert shown.headline == f"{rows.TITLE}no communications are stored"


def test_the_summary_fits_a_narrow_column_and_puts_unusual_types_first() -> None:
    cells = [*weeks(("WHATSAPP_BUSINESS", 12_000), ("SMS", 100)), (0, "WHATSAPP_BUSINESS", 12_500, 250)]
    unmapped = [Unmapped(rows.DAY, "status", "ODD", 7), Unmapped(rows.DAY, "communication_type", "FAX", 5)]
    shown = health.present(rows.judged(cells), rows.about(unmapped=unmapped))
    table = [line for line in shown.summary.splitlines() if line.startswith("|")]
    assert table[2:] == ["|SMS|0 0.00\u00d7 ⚠|", "|all types|12,500 1.03\u00d7|", "|WHATSAP...|12,500 1.04\u00d7|"]
    assert shown.summary.endswith("7 with a status that the outcomes file does not list.")
    assert (shown.numbers["unusual_types"], shown.numbers["unmapped"], shown.numbers["communications"]) == (1, 7, 12500)
