"""Which evaluation of a check counts for the digest of a day."""

from datetime import date

import dagster as dg
import pytest

from cleargrid_assets.checks.outcomes import MAPPED
from cleargrid_assets.checks.scope import DAYS
from cleargrid_assets.digest.history import read_history

# The latest first.
EVALUATED = (("2026-01-03", True), ("2026-01-05", False), ("2026-01-02 to 2026-01-07", False), ("2026-01-01", True))


@pytest.fixture
def recorded() -> dg.DagsterInstance:
    instance = dg.DagsterInstance.ephemeral()
    for days, passed in reversed(EVALUATED):
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=MAPPED.asset_key, check_name=MAPPED.name, passed=passed, metadata={DAYS: days}
            )
        )
    return instance


@pytest.mark.parametrize(
    ("day", "failing"),
    [
        (1, []),
        (2, ["2026-01-02 to 2026-01-07"]),
        (3, []),
        (5, ["2026-01-05"]),
        (7, ["2026-01-02 to 2026-01-07"]),
        # No evaluation judges this day, so the latest of all counts.
        (8, []),
    ],
)
def test_latest_evaluation_that_judges_the_day_counts(
    recorded: dg.DagsterInstance, day: int, failing: list[str]
) -> None:
    found = read_history(recorded, date(2026, 1, day), [])
    assert found.checks == 1
    assert [check.days for check in found.failing] == failing


def test_evaluation_of_the_whole_history_judges_each_day(recorded: dg.DagsterInstance) -> None:
    recorded.report_runless_asset_event(
        dg.AssetCheckEvaluation(asset_key=MAPPED.asset_key, check_name=MAPPED.name, passed=True)
    )
    assert not read_history(recorded, date(2026, 1, 7), []).failing
