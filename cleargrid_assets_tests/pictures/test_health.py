import math
import random
from datetime import timedelta

import pandas as pd
import pytest

from cleargrid_assets.analysis.health import SOURCES, operational_health
from cleargrid_assets.pictures import health
from cleargrid_assets_tests.analysis.slices import relation, scope
from cleargrid_assets_tests.pictures import rows
from cleargrid_assets_tests.rows import NOON, communication

Cell = tuple[int, str, int, int, float | None, bool | None]
WEEK_OF_SMS: list[Cell] = [(age, "SMS", 50, 0, 1.0, False) for age in range(1, 8)]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            [(0, "CALL", 900, 27, 1.0, False), (0, "EMAIL", 100, 5, 0.9, False)],
            "volumes as usual; 3.2% of 1,000 communications failed",
        ),
        (
            [(0, "CALL", 400, 4, 0.4, True), (0, "SMS", 10, 0, 1.0, False)],
            "CALL at 0.40\u00d7 its usual volume; 1.0% of 410 communications failed",
        ),
        (
            [(0, name, 100, 0, 2.0, True) for name in ("A", "B", "C", "D")],
            "A at 2.00\u00d7 its usual volume, B at 2.00\u00d7 its usual volume and 2 more unusual types; "
            "0% of 400 communications failed",
        ),
        ([(0, "CALL", 10, 1, 1.1, None)], "10% of 10 communications failed; too few days to judge the volume"),
        ([(0, "CALL", 10, 0, 1.0, False), *WEEK_OF_SMS], "no SMS; 0% of 10 communications failed"),
        ([(0, "CALL", 10, 0, 1.0, False), *WEEK_OF_SMS[:3]], "volumes as usual; 0% of 10 communications failed"),
        (WEEK_OF_SMS, "no communications"),
        ([], "no communications"),
    ],
)
def test_the_headline_names_what_is_unusual(cells: list[Cell], sentence: str) -> None:
    assert health.present(rows.health(cells), rows.about()).headline == rows.TITLE + sentence


def test_the_summary_puts_unusual_types_first() -> None:
    frame = rows.health([(0, "EMAIL", 800, 8, 1.0, False), (0, "CALL", 400, 40, 0.4, True)])
    summary = health.present(frame, rows.about()).summary

    assert "|CALL|400|█████|0.40\u00d7 ⚠|10%|5.0 s|\n|EMAIL|800|██████████|1.00\u00d7|1.0%|5.0 s|" in summary


def test_the_summary_counts_statuses_that_nobody_mapped() -> None:
    frame = rows.health([(0, "CALL", 400, 4, 1.0, False)])
    frame["unmapped"] = 7

    summary = health.present(frame, rows.about()).summary

    assert summary.endswith("7 with a status that the outcomes file does not list.")


@pytest.mark.parametrize("seed", range(5))
def test_a_volume_is_anomalous_exactly_outside_the_drawn_band(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    volumes = {age: chance.choice((0, 19, 20, 20, 20, 21, 26, 60)) for age in range(-27, 1)}
    log = [
        communication(f"{age}-{number}", communicated_at=NOON + timedelta(days=age))
        for age, count in volumes.items()
        for number in range(count)
    ]
    days = [rows.DAY + timedelta(days=age) for age in range(-20, 1)]

    table = operational_health(relation(log, SOURCES), scope(*days))
    flags = {
        (day.date() - rows.DAY).days: flag
        for day, flag in zip(table.communicated_date, table.is_anomalous, strict=True)
    }
    band = health.usual_band(pd.Series({age: count or math.nan for age, count in volumes.items()}))

    judged = {age: flag for age, flag in flags.items() if flag is not None}
    assert set(judged.values()) == {True, False}
    for age, flag in flags.items():
        low, _, high = band[age]
        assert flag == (None if math.isnan(low) else not low <= volumes[age] <= high), age
