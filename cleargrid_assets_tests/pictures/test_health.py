import pandas as pd
import pytest

from cleargrid_assets.pictures import health
from cleargrid_assets_tests.pictures import rows

Cell = tuple[int, str, int, int, float | None, bool | None]
WEEK_OF_SMS: list[Cell] = [(age, "SMS", 50, 0, 1.0, False) for age in range(1, 8)]


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            [(0, "CALL", 900, 27, 1.0, False), (0, "EMAIL", 100, 5, 0.9, False)],
            "Volumes as usual; 3.2% of 1,000 communications failed",
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
        ([(0, "CALL", 10, 0, 1.0, False), *WEEK_OF_SMS], "No SMS; 0% of 10 communications failed"),
        ([(0, "CALL", 10, 0, 1.0, False), *WEEK_OF_SMS[:3]], "Volumes as usual; 0% of 10 communications failed"),
        (WEEK_OF_SMS, "No communications on 2026-05-19"),
        ([], "No communications on 2026-05-19"),
    ],
)
def test_the_headline_names_what_is_unusual(cells: list[Cell], sentence: str) -> None:
    assert health.headline(rows.health(cells), rows.DAY) == sentence


def test_the_summary_puts_unusual_types_first() -> None:
    summary = health.summary(rows.health([(0, "EMAIL", 800, 8, 1.0, False), (0, "CALL", 400, 40, 0.4, True)]), rows.DAY)

    assert "|CALL|400|█████|0.40\u00d7 ⚠|10%|5.0 s|\n|EMAIL|800|██████████|1.00\u00d7|1.0%|5.0 s|" in summary


def test_the_summary_counts_statuses_that_nobody_mapped() -> None:
    frame = rows.health([(0, "CALL", 400, 4, 1.0, False)])
    frame["unmapped"] = 7

    assert health.summary(frame, rows.DAY).endswith("7 with a status that the outcomes file does not know.")


@pytest.mark.parametrize(
    ("before", "band"),
    [
        ([100, 100, 100, 100, 100, 100, 100], (77.761, 100, 122.239)),
        ([80, 90, 100, 110, 120], (55.522, 100, 144.478)),
        ([1, 100, 100, 199, 300], (0, 100, 540.3322)),
    ],
)
def test_the_band_is_three_scaled_deviations_of_at_least_a_twentieth(
    before: list[float], band: tuple[float, float, float]
) -> None:
    assert health._band(pd.Series(before, dtype=float)) == pytest.approx(band)
