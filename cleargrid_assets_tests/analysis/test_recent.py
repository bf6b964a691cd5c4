"""The views for analysts and the history of a contact, by cases worked by hand and against a second implementation."""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from cleargrid_assets.analysis.recent import BEST_HOURS_SQL, CONTACT_HISTORY_SQL, LAST_28_DAYS_SQL, LATEST_DAY_SQL
from cleargrid_assets.contracts import CHANNEL_REACH, HOURLY_REACH, INTERACTIONS
from cleargrid_assets.contracts.views import BEST_HOURS, LAST_28_DAYS_BY_CHANNEL, LATEST_DAY
from cleargrid_assets.schema import SCHEMA
from cleargrid_assets.warehouse.views import replace_views
from cleargrid_assets_tests.analysis.slices import DAY, assert_same, interaction, new_table
from cleargrid_assets_tests.rows import Row

TABLES = (INTERACTIONS, CHANNEL_REACH, HOURLY_REACH)
VIEWS = {
    LATEST_DAY.name: LATEST_DAY_SQL,
    LAST_28_DAYS_BY_CHANNEL.name: LAST_28_DAYS_SQL,
    BEST_HOURS.name: BEST_HOURS_SQL,
}
Z = 1.959963984540054


def days_ago(days: int) -> date:
    return DAY - timedelta(days=days)


def channel(day: date = DAY, contacts: int = 20, **values: Any) -> Row:
    """A row of `channel_reach`, of which only the view's own columns matter."""
    counts = {"attempts": 2 * contacts, "contacts": contacts, "reached_contacts": 5, "contacts_responded": 1}
    return {"communicated_date": day, "channel": "phone", **counts, "reach_rate": 0.25, **values}


def hour(hour_: int, attempts: int, reached: int, day: date = DAY, name: str = "phone") -> Row:
    counts = {"attempts": attempts, "reached_attempts": reached}
    return {"communicated_date": day, "channel": name, "hour": hour_, **counts, "reach_rate": None}


def database(rows: Mapping[str, Iterable[Row]], stored: Iterable[date] | None = None) -> duckdb.DuckDBPyConnection:
    """A database of rows, by table, with the views and the macro.

    Args:
        rows: The rows of the tables that have any.
        stored: The days of each table in the ledger; by default, those that have rows.
    """
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(f"SET TimeZone = 'UTC'; CREATE SCHEMA {SCHEMA}; USE {SCHEMA}")
    # without its key, because the ledger of a lake keeps the entries that were replaced
    connection.execute("CREATE TABLE days (table_name VARCHAR, communicated_date DATE)")
    for table in TABLES:
        new_table(connection, table, rows.get(table.name, ()))
        days = set(stored) if stored is not None else {row["communicated_date"] for row in rows.get(table.name, ())}
        for day in days:
            connection.execute(f"INSERT INTO days VALUES ('{table.name}', '{day}'), ('{table.name}', '{day}')")
    replace_views(connection, VIEWS, {"contact_history(contact)": CONTACT_HISTORY_SQL})
    return connection


def rows_of(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    result = connection.sql(query)
    return [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The p of which the observed rate is Z standard errors away, which a quadratic equation gives."""
    rate, a = successes / trials, 1 + Z * Z / trials
    b, c = 2 * rate + Z * Z / trials, rate * rate
    root = math.sqrt(max(b * b - 4 * a * c, 0))
    return (b - root) / (2 * a), (b + root) / (2 * a)


def rated(successes: int, trials: int) -> Row:
    low, high = wilson(successes, trials) if trials else (None, None)
    rate = successes / trials if trials else None
    return {"reach_rate": rate, "reach_rate_low": low, "reach_rate_high": high}


def in_window(rows: Iterable[Row], stored: Iterable[date]) -> list[Row]:
    days = {day for day in stored if (max(stored) - day).days < 28}
    return [row for row in rows if row["communicated_date"] in days]


def window_of(stored: Iterable[date]) -> Row:
    last = max(stored)
    return {"communicated_date": last, "stored_days": sum((last - day).days < 28 for day in set(stored))}


def last_28_days_by_channel(rows: Iterable[Row], stored: list[date]) -> list[Row]:
    attempts: dict[str, list[Row]] = defaultdict(list)
    for row in in_window(rows, stored):
        if row["direction"] == "outbound":
            attempts[row["channel"]].append(row)
    found = []
    for name, each in attempts.items():
        contacts = {row["contact"] for row in each} - {None}
        reached = {row["contact"] for row in each if row["outcome"] in ("reached", "engaged")} - {None}
        found.append(
            {
                **window_of(stored),
                "channel": name,
                "attempts": len(each),
                "contacts": len(contacts),
                "reached_contacts": len(reached),
                **rated(len(reached), len(contacts)),
                "attempts_per_reached_contact": len(each) / len(reached) if reached else None,
                "has_few_contacts": len(contacts) < 10,
            }
        )
    return found


def best_hours(rows: Iterable[Row], stored: list[date]) -> list[Row]:
    sums: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0])
    for row in in_window(rows, stored):
        sums[row["channel"], row["hour"]][0] += row["attempts"]
        sums[row["channel"], row["hour"]][1] += row["reached_attempts"]
    found = [
        {
            **window_of(stored),
            "channel": name,
            "hour": hour_,
            "place": None,
            "attempts": attempts,
            "reached_attempts": reached,
            **rated(reached, attempts),
            "has_few_attempts": attempts < 10,
        }
        for (name, hour_), (attempts, reached) in sums.items()
        if attempts
    ]
    for name in {row["channel"] for row in found}:
        enough = [row for row in found if row["channel"] == name and not row["has_few_attempts"]]
        for place, row in enumerate(sorted(enough, key=lambda row: (-round(row["reach_rate_low"], 9), row["hour"])), 1):
            row["place"] = place
    return found


def latest_day(rows: Iterable[Row], stored: list[date]) -> list[Row]:
    last = max(stored)
    named = {row["channel"] for row in in_window(rows, stored)}
    of_day = {row["channel"]: row for row in rows if row["communicated_date"] == last}
    silent = dict.fromkeys(CHANNEL_REACH.column_names) | {
        **dict.fromkeys(("attempts", "contacts", "reached_contacts", "contacts_responded"), 0),
        "communicated_date": last,
    }
    found = [{**silent, **of_day.get(name, {}), "channel": name} for name in named]
    return [{**row, "has_few_contacts": row["contacts"] < 10} for row in found]


def history(seed: int) -> tuple[dict[str, list[Row]], list[date]]:
    """Rows of up to 40 days with gaps, and the stored days. Some rows are of days that the ledger lacks."""
    chance = random.Random(seed)  # noqa: S311
    days = [day for day in map(days_ago, range(40)) if chance.random() < 0.8]
    stored = [day for day in days if chance.random() < 0.9]
    names = ("phone", "email", "messaging", "other")
    rows: dict[str, list[Row]] = {table.name: [] for table in TABLES}
    for day in days:
        for number in range(chance.choice((0, 5, 30))):
            values = {
                "channel": chance.choices(names, (9, 5, 3, 0.1))[0],
                "contact": chance.choice((None, *map(str, range(25)))),
                "direction": chance.choice(("outbound", "outbound", "inbound", "sideways")),
                "outcome": chance.choice(("failed", "delivered", "delivered", "reached", "engaged", "unmapped")),
            }
            rows[INTERACTIONS.name].append(interaction(f"{day}-{number}", day, **values))
        for name in names[: chance.randrange(5)]:
            rows[CHANNEL_REACH.name].append(channel(day, chance.choice((0, 9, 10, 300)), channel=name))
            for hour_ in range(24):
                attempts = chance.choice((0, 0, 0, 1, 4, 9))
                rows[HOURLY_REACH.name].append(hour(hour_, attempts, chance.randint(0, attempts), day, name))
    return rows, stored


@pytest.mark.parametrize("seed", range(5))
def test_every_figure_equals_that_of_the_second_implementation(seed: int) -> None:
    rows, stored = history(seed)
    connection = database(rows, stored)
    again: dict[str, Callable[[list[Row], list[date]], list[Row]]] = {
        LATEST_DAY.name: latest_day,
        LAST_28_DAYS_BY_CHANNEL.name: last_28_days_by_channel,
        BEST_HOURS.name: best_hours,
    }
    for view, table in (
        (LATEST_DAY, CHANNEL_REACH),
        (LAST_28_DAYS_BY_CHANNEL, INTERACTIONS),
        (BEST_HOURS, HOURLY_REACH),
    ):
        found, expected = rows_of(connection, f"FROM {view.name}"), again[view.name](rows[table.name], stored)
        assert expected
        assert all(row.keys() == set(view.column_names) for row in expected)
        assert_same(found, expected, view.key)
        assert len(found) == len(expected)


def test_views_have_no_rows_without_stored_days() -> None:
    rows = {INTERACTIONS.name: [interaction("1")], CHANNEL_REACH.name: [channel()], HOURLY_REACH.name: [hour(9, 20, 5)]}
    for connection in (database({}), database(rows, stored=[])):
        for name in VIEWS:
            assert rows_of(connection, f"FROM {name}") == []
    assert rows_of(database({}), "FROM contact_history('a')") == []


def test_latest_day_without_rows_shows_silent_channels_of_four_weeks() -> None:
    rows = [channel(days_ago(27), channel="email"), channel(days_ago(28), channel="other"), channel(days_ago(1))]
    connection = database({CHANNEL_REACH.name: rows}, stored=[DAY, *map(days_ago, (1, 27, 28))])
    found = rows_of(
        connection, "SELECT channel, communicated_date, attempts, reach_rate, has_few_contacts FROM latest_day"
    )
    assert [tuple(row.values()) for row in found] == [
        ("email", DAY, 0, None, True),
        ("phone", DAY, 0, None, True),
    ]


def test_contact_of_several_days_counts_once() -> None:
    rows = [
        interaction("1", days_ago(1)),
        interaction("2", outcome="reached"),
        interaction("3", contact="b"),
        interaction("4", contact=None, outcome="reached"),
        interaction("5", contact="c", direction="inbound"),
    ]
    [row] = rows_of(database({INTERACTIONS.name: rows}), "FROM last_28_days_by_channel")
    assert (row["attempts"], row["contacts"], row["reached_contacts"], row["reach_rate"]) == (4, 2, 1, 0.5)
    assert (row["stored_days"], row["attempts_per_reached_contact"], row["has_few_contacts"]) == (2, 4, True)
    assert (row["reach_rate_low"], row["reach_rate_high"]) == pytest.approx((0.0945312, 0.9054688))


def test_hours_with_many_attempts_come_before_lucky_ones_and_few_have_no_place() -> None:
    rows = [hour(8, 9, 9), hour(9, 10, 7), hour(10, 500, 300), hour(11, 500, 300), hour(12, 0, 0), hour(13, 10, 0)]
    earlier = [hour(10, 500, 300, days_ago(27)), hour(8, 1000, 1000, days_ago(28))]
    found = rows_of(database({HOURLY_REACH.name: rows + earlier}), "SELECT hour, place, attempts FROM best_hours")
    assert [tuple(row.values()) for row in found] == [
        *((10, 1, 1000), (11, 2, 500), (9, 3, 10), (13, 4, 10)),
        (8, None, 9),
    ]


def test_history_of_a_contact_has_all_its_communications_newest_first() -> None:
    rows = [
        interaction("1", days_ago(400)),
        interaction("2"),
        interaction("3", direction="inbound", outcome="engaged", communication_type="SMS", channel="messaging"),
        interaction("4", contact="b"),
        interaction("5", contact=None),
    ]
    connection = database({INTERACTIONS.name: rows})
    for call in ("contact_history('a')", "contact_history(contact := 'a')"):
        found = rows_of(connection, f"FROM {call}")
        # of two at the same instant, the greater id comes first
        assert [row["public_id"] for row in found] == ["3", "2", "1"]
    assert found[0] == {name: rows[2][name] for name in found[0]}
    assert rows_of(connection, "FROM contact_history(NULL)") == []
