"""Operational health, by cases worked by hand."""

from collections.abc import Iterable
from datetime import date, timedelta

import duckdb
import pytest

from cleargrid_assets.analysis.health import SOURCES, operational_health
from cleargrid_assets.contracts import INTERACTIONS, OPERATIONAL_HEALTH
from cleargrid_assets_tests.analysis.slices import DAY, at, interaction, new_table, scope, stored
from cleargrid_assets_tests.rows import Row


def _health(rows: Iterable[Row], *days: date) -> dict[tuple[date, str], Row]:
    """The rows of the table by day and type, computed from the columns that `SOURCES` names."""
    connection = duckdb.connect(config={"threads": 1})
    new_table(connection, INTERACTIONS, rows)
    columns = ", ".join(sorted({name for names in SOURCES.values() for name in names}))
    computed = operational_health(connection.sql(f"SELECT {columns} FROM interactions"), scope(*days))
    return {
        (each["communicated_date"], each["communication_type"]): each for each in stored(computed, OPERATIONAL_HEALTH)
    }


def test_every_count_of_a_small_day_is_as_worked_by_hand() -> None:
    found = _health(
        [
            interaction("1", outcome="failed"),
            interaction("2", outcome="failed", direction="inbound", contact=None),
            interaction("3", outcome="unmapped", contact=None, communicated_at=at("08:00:00")),
            interaction("4", outcome="reached", communicated_at=at("20:00:00")),
            interaction("5", outcome="engaged", duration=0.0),
            # neither inbound nor outbound: no contact, but none that was withheld
            interaction("6", direction="internal", contact=None),
            interaction("7", communication_type="EMAIL", channel="email", outcome="reached"),
        ]
    )
    assert {name for _, name in found} == {"ALL", "CALL", "EMAIL"}
    calls, mails, every = (found[DAY, name] for name in ("CALL", "EMAIL", "ALL"))
    assert (calls["communications"], calls["failed"], calls["failure_rate"]) == (6, 2, pytest.approx(1 / 3))
    assert (calls["unmapped"], calls["withheld"], calls["answered_without_duration"]) == (1, 2, 1)
    assert (mails["communications"], mails["withheld"], mails["answered_without_duration"]) == (1, 0, 0)
    assert (every["communications"], every["failed"], every["failure_rate"]) == (7, 2, pytest.approx(2 / 7))
    assert (every["unmapped"], every["withheld"], every["answered_without_duration"]) == (1, 2, 1)
    for each in (calls, every):
        assert (each["first_at"], each["last_at"]) == (at("08:00:00"), at("20:00:00"))


def test_lags_are_interpolated_over_all_rows_and_may_be_negative() -> None:
    lags = (-1.5, 0.0, 2.25, 10.0)
    rows = [interaction(f"{number}", logging_lag_s=lag, update_lag_s=number) for number, lag in enumerate(lags)]
    found = _health([*rows, interaction("mail", communication_type="EMAIL", logging_lag_s=30.0, update_lag_s=9.0)])
    calls, every = found[DAY, "CALL"], found[DAY, "ALL"]
    assert calls["logging_lag_p50_s"] == pytest.approx(1.125)
    assert calls["logging_lag_p95_s"] == pytest.approx(2.25 + 0.85 * 7.75)
    assert calls["logging_lag_max_s"] == 10.0
    assert calls["update_lag_p95_s"] == pytest.approx(2.85)
    # of the rows, not of the types
    assert every["logging_lag_p50_s"] == 2.25
    assert every["logging_lag_p95_s"] == pytest.approx(10 + 0.8 * 20)
    assert every["update_lag_p95_s"] == pytest.approx(3 + 0.8 * 6)


def test_a_day_is_described_by_its_own_rows_alone() -> None:
    yesterday = DAY - timedelta(days=1)
    rows = [interaction("1"), interaction("2", yesterday, outcome="failed")]
    together = _health(rows, yesterday, DAY)
    assert {key: each["failed"] for key, each in together.items()} == {
        (yesterday, "ALL"): 1,
        (yesterday, "CALL"): 1,
        (DAY, "ALL"): 0,
        (DAY, "CALL"): 0,
    }


def test_rows_of_a_type_called_all_count_for_all_types_only() -> None:
    found = _health([interaction("1", communication_type="ALL"), interaction("2")])
    assert {name: each["communications"] for (_, name), each in found.items()} == {"ALL": 2, "CALL": 1}


def test_no_rows_make_no_rows() -> None:
    assert _health([]) == {}
