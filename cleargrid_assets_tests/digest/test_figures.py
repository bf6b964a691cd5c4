"""The headlines and the funnel of a digest."""

from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest

from cleargrid_assets.contracts import ATTEMPT_FUNNEL, OPERATIONAL_HEALTH
from cleargrid_assets.digest.content import Figure
from cleargrid_assets.digest.figures import figures, funnel_rows
from cleargrid_assets.pictures.frames import tidy
from cleargrid_assets.pictures.text import MISSING
from cleargrid_assets_tests.pictures import rows

BEFORE = rows.DAY - timedelta(weeks=1)


def health(**by_day: tuple[int, float, float]) -> pd.DataFrame:
    """Rows of all types together: communications, failure rate and lag of `today` and of the week `before`."""
    found = [
        {
            **dict.fromkeys(OPERATIONAL_HEALTH.column_names),
            "communicated_date": {"today": rows.DAY, "before": BEFORE}[name],
            "communication_type": "ALL",
            "communications": communications,
            "failure_rate": failure_rate,
            "logging_lag_p95_s": lag,
        }
        for name, (communications, failure_rate, lag) in by_day.items()
    ]
    return tidy(pd.DataFrame(found, columns=list(OPERATIONAL_HEALTH.column_names)), OPERATIONAL_HEALTH)


def funnel(day: date, **counts: tuple[int, int, int, int]) -> pd.DataFrame:
    found: pd.DataFrame = rows.funnel(counts).assign(communicated_date=day)
    return found


def by_name(baseline: dict[str, Any], health_rows: pd.DataFrame, *funnels: pd.DataFrame) -> dict[str, Figure]:
    together = pd.concat(funnels) if funnels else tidy(pd.DataFrame(), ATTEMPT_FUNNEL)
    return {figure.name: figure for figure in figures(health_rows, together, rows.DAY, baseline)}


def test_figures_compare_with_the_week_before_and_with_what_is_usual() -> None:
    baseline = {
        "communications_low": 1720.4,
        "communications_high": 2280.6,
        "volume_is_unusual": False,
        "failure_rate_high": 0.04,
        "failure_is_unusual": True,
        "lag_high_s": 90.0,
        "lag_is_unusual": None,
    }
    found = by_name(
        baseline,
        health(today=(1998, 0.08, 61.0), before=(1930, 0.02, 122.0)),
        funnel(rows.DAY, ALL=(1200, 1100, 480, 100), CALL=(1200, 1100, 480, 100)),
        funnel(BEFORE, ALL=(1000, 900, 300, 50)),
    )

    assert list(found.values()) == [
        Figure("Communications", "1,998", "1,930", "+4%", "1,721 to 2,280"),
        Figure("Contacts attempted", "1,200", "1,000", "+20%"),
        Figure("Contacts reached", "480 (40%)", "300 (30%)", "+10.0 points"),
        Figure("Failed", "8.0%", "2.0%", "+6.0 points", "up to 4.0%", is_unusual=True),
        Figure("Logging lag (p95)", "1.0 min", "2.0 min", "\N{MINUS SIGN}50%", "up to 1.5 min"),
    ]


@pytest.mark.parametrize("baseline", [{}, dict.fromkeys(["communications_low", "communications_high", "lag_high_s"])])
def test_what_is_not_known_is_a_dash(baseline: dict[str, Any]) -> None:
    found = by_name(baseline, health(today=(0, float("nan"), float("nan"))))

    assert found["Communications"] == Figure("Communications", "0", MISSING, MISSING)
    assert found["Contacts reached"] == Figure("Contacts reached", MISSING, MISSING, MISSING)
    assert {figure.usual for figure in found.values()} == {""}


def test_change_that_rounds_to_nothing_has_no_sign() -> None:
    found = by_name({}, health(today=(9999, 0.02999, 1.0), before=(10000, 0.03, 1.0)))

    assert [found[name].change for name in ("Communications", "Failed")] == ["0%", "0.0 points"]


def test_day_without_attempts_has_no_rate_and_a_change_from_zero_is_not_told() -> None:
    found = by_name(
        {},
        health(today=(5, 0.0, 1.0), before=(0, float("nan"), 0.0)),
        funnel(rows.DAY, ALL=(0, 0, 0, 0)),
        funnel(BEFORE, ALL=(0, 0, 0, 0)),
    )

    assert found["Communications"].change == found["Contacts attempted"].change == MISSING
    assert found["Contacts reached"].value == "0"


def test_funnel_has_all_types_first_and_counts_those_left_out() -> None:
    many = {f"TYPE_{number}": (100 - number, 50, 10, 5) for number in range(12)}
    found, left = funnel_rows(funnel(rows.DAY, ALL=(1188, 600, 120, 60), **many), rows.DAY)

    assert [row.name for row in found] == ["ALL", *(f"TYPE_{number}" for number in range(10))]
    assert (found[1].contacts, found[1].rates) == (["100", "50", "10", "5"], ["100%", "50%", "10%", "5.0%"])
    assert left == "and 2 more types"
    assert funnel_rows(funnel(BEFORE, ALL=(1, 1, 1, 1)), rows.DAY) == ([], "")


def test_foreign_type_is_shown_in_its_presentable_form() -> None:
    found, _ = funnel_rows(funnel(rows.DAY, **{"+966512345678": (1, 1, 1, 1)}), rows.DAY)

    assert [row.name for row in found] == ["[masked]"]
