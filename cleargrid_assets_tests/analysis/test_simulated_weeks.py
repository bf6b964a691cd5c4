"""False and missed alarms in 26 simulated weeks: the query against days whose state is known."""

from datetime import date

import duckdb
import numpy as np
import pandas as pd
import pytest

from cleargrid_assets.analysis.baselines import baselines_sql
from cleargrid_assets.analysis.outcomes import Outcomes

SHARES = {"CALL": 0.6, "SMS": 0.2, "EMAIL": 0.15, "WHATSAPP": 0.05}
WEEKENDS = (0.25, 0.0, 1.0)
"""Volume of a weekend day, as a share of a working day's."""
SEEDS, DAYS, WEEK = 40, 26 * 7, 7
FRIDAY, SATURDAY = 4, 5
MONDAY = date(1900, 1, 1)
APART = DAYS + 8 * WEEK
"""Days from the beginning of one history to that of the next one, so that none sees another."""


def usual_days(size: int, weekend: float, seed: int) -> "np.ndarray[tuple[int, int], np.dtype[np.int64]]":
    """The communications of each day and type: 6% noise of the day, 3% of each type."""
    chance = np.random.default_rng(seed)
    volume = np.where(np.arange(DAYS) % WEEK < SATURDAY, size, size * weekend) * chance.normal(1, 0.06, DAYS)
    counts = volume[:, None] * np.array(list(SHARES.values())) * chance.normal(1, 0.03, (DAYS, len(SHARES)))
    whole: np.ndarray[tuple[int, int], np.dtype[np.int64]] = np.rint(counts).astype("int64")
    return whole


def histories(size: int) -> pd.DataFrame:
    """Each history twice: as it is, and with a last week in which four days are halved and on Friday a type is silent.

    Returns:
        A row a history and day: weekend, whether it `is_broken`, the number of the day, and the counts of the types.
    """
    frames: list[pd.DataFrame] = []
    for weekend in WEEKENDS:
        for seed in range(SEEDS):
            usual = usual_days(size, weekend, seed)
            broken = usual.copy()
            broken[-WEEK : -WEEK + FRIDAY] //= 2
            broken[-WEEK + FRIDAY, seed % len(SHARES)] = 0
            for is_broken, counts in ((False, usual), (True, broken)):
                frame = pd.DataFrame(counts, columns=list(SHARES)).assign(weekend=weekend, is_broken=is_broken)
                frame["silent"] = list(SHARES)[seed % len(SHARES)]
                frame["day"], frame["starts"] = np.arange(DAYS), len(frames) * APART
                # Of a broken history only the last week counts, and the weeks that it is compared with.
                frames.append(frame[-WEEK * 7 :] if is_broken else frame)
    together: pd.DataFrame = pd.concat(frames, ignore_index=True)
    return together


@pytest.fixture(scope="module", params=[2000, 200])
def simulated(request: pytest.FixtureRequest) -> tuple[int, duckdb.DuckDBPyConnection]:
    """The rows of a working day, and a database with the table `judged`: the baselines of all histories."""
    connection = duckdb.connect(config={"threads": 1})
    connection.register("histories", histories(request.param))
    connection.execute(
        f"""
        CREATE TABLE simulated AS
        SELECT *, DATE '{MONDAY}' + (starts + day)::INTEGER AS communicated_date, {" + ".join(SHARES)} AS total
        FROM histories;
        CREATE TABLE operational_health AS
        SELECT communicated_date, communication_type, communications, 0 AS failed, 0.0 AS failure_rate,
            5.0 AS logging_lag_p95_s
        FROM (SELECT communicated_date, total AS "ALL", {", ".join(SHARES)} FROM simulated)
        UNPIVOT (communications FOR communication_type IN ("ALL", {", ".join(SHARES)}))
        WHERE communications > 0;
        CREATE TABLE days AS
        SELECT 'operational_health' AS table_name, communicated_date, total AS row_count FROM simulated;
        CREATE TABLE judged AS
        SELECT * FROM ({baselines_sql(Outcomes({}, {}, 30.0))}) JOIN simulated USING (communicated_date)
        """
    )
    return request.param, connection


def test_few_usual_days_are_called_unusual(simulated: tuple[int, duckdb.DuckDBPyConnection]) -> None:
    size, connection = simulated
    shares = connection.execute(
        """
        SELECT weekend, avg(is_alarm::INTEGER), count(*)
        FROM (
            SELECT weekend, communicated_date, bool_or(volume_is_unusual) AS is_alarm FROM judged
            WHERE NOT is_broken GROUP BY ALL HAVING is_alarm IS NOT NULL
        )
        GROUP BY weekend
        """
    ).fetchall()
    # three weeks are not judged, nor are weekends without rows
    assert {weekend: days for weekend, _, days in shares} == {0.25: 6440, 0.0: 4600, 1.0: 6440}
    assert all(share <= {2000: 0.015, 200: 0.03}[size] for _, share, _ in shares), shares


def test_halved_working_days_are_found(simulated: tuple[int, duckdb.DuckDBPyConnection]) -> None:
    size, connection = simulated
    shares = connection.execute(
        f"""
        SELECT weekend, avg(is_found::INTEGER), count(*)
        FROM (
            SELECT weekend, communicated_date, bool_or(volume_is_unusual) AS is_found FROM judged
            WHERE is_broken AND day BETWEEN {DAYS - WEEK} AND {DAYS - WEEK + FRIDAY - 1} GROUP BY ALL
        )
        GROUP BY weekend
        """
    ).fetchall()
    assert [days for _, _, days in shares] == [SEEDS * FRIDAY] * len(WEEKENDS)
    assert all(share >= {2000: 1.0, 200: 0.97}[size] for _, share, _ in shares), shares


def test_every_silent_type_of_ten_or_more_is_found(simulated: tuple[int, duckdb.DuckDBPyConnection]) -> None:
    _, connection = simulated
    [(found, silent)] = connection.execute(
        f"""
        SELECT count(*) FILTER (is_silent AND is_unusual), count(*) FROM judged
        WHERE is_broken AND day = {DAYS - WEEK + FRIDAY} AND communication_type = silent
            AND baseline_communications >= 10
        """
    ).fetchall()
    assert found == silent
    assert silent > 90
