"""One realistic example per picture, the same on every machine: what the baselines are drawn from."""

import math
from collections.abc import Callable, Mapping
from datetime import timedelta

import pandas as pd

from cleargrid_assets.pictures import attempts, channels, funnel, health, hours
from cleargrid_assets.pictures.presentation import Presentation
from cleargrid_assets.pictures.table import presenter
from cleargrid_assets.schema import PARTITION_COLUMN, Column, Table
from cleargrid_assets_tests.pictures import rows

EXAMPLE_TABLE = Table(
    name="example_table",
    columns=(
        Column(PARTITION_COLUMN, "DATE", "Business day."),
        Column("weekday", "VARCHAR", "Name of the weekday."),
        Column("channel", "VARCHAR", "Channel."),
        Column("communications", "BIGINT", "Communications of both directions."),
        Column("reach_rate", "DOUBLE", "Reached over communications, 0 to 1.", nullable=True),
    ),
    key=(PARTITION_COLUMN, "weekday", "channel"),
)
"""The table of an analysis without a picture of its own."""


def _wave(number: int) -> float:
    """A number from -1 to 1 that varies like chance and is always the same."""
    return math.sin(number * number * 12.9898)


def _funnel() -> Presentation:
    counts = {
        "ALL": (1204, 1011, 412, 143),
        "CALL": (700, 600, 287, 90),
        "EMAIL": (812, 700, 187, 60),
        "SMS": (240, 231, 64, 12),
        "WHATSAPP": (120, 118, 70, 31),
    }
    return funnel.present(rows.funnel(counts), rows.about())


def _attempts() -> Presentation:
    pairs = {
        "phone": [(round(812 * 0.78**number), round(180 * 0.7**number)) for number in range(10)],
        "email": [(round(1204 * 0.5**number), round(240 * 0.4**number)) for number in range(5)],
        "messaging": [(round(310 * 0.4**number), round(70 * 0.3**number)) for number in range(3)],
    }
    return attempts.present(rows.attempts(pairs), rows.about())


def _channels() -> Presentation:
    def day(age: int) -> pd.DataFrame:
        shift = 0.03 * _wave(age)
        rates = {"phone": (812, 0.41), "email": (1204, 0.23), "messaging": (64, 0.36)}
        return rows.channels(
            {
                name: (contacts, rate + shift, rate + shift - 1 / contacts**0.5, rate + shift + 1 / contacts**0.5)
                for name, (contacts, rate) in rates.items()
            },
            rows.DAY - timedelta(days=age),
        )

    shown = pd.concat([day(age) for age in range(channels.SHOWN_DAYS)])
    return channels.present(shown.assign(attempts_per_reached_contact=3.2, median_duration=47.0), rows.about())


def _hours() -> Presentation:
    cells = []
    for name, size in (("phone", 160), ("email", 900), ("messaging", 40)):
        for age in range(hours.SHOWN_DAYS):
            for hour in range(8, 20):
                attempts_made = round(size * (1.2 - abs(hour - 13) / 8) * (0.9 + 0.1 * _wave(hour + age)))
                reached = round(attempts_made * (0.25 + 0.12 * _wave(hour) + 0.03 * _wave(age)))
                cells.append((age, name, hour, attempts_made, reached))
    return hours.present(rows.hours(cells), rows.about())


def _health() -> Presentation:
    cells = []
    for name, size in (("CALL", 900), ("EMAIL", 1400), ("SMS", 260)):
        for age in range(health.SHOWN_DAYS):
            is_anomalous = name == "SMS" and age == 0
            communications = round(size * (1 + 0.06 * _wave(age + size))) if not is_anomalous else 90
            failed = round(communications * (0.04 + 0.02 * _wave(age)))
            cells.append((age, name, communications, failed, communications / size, is_anomalous))
    return health.present(rows.health(cells), rows.about())


def _table() -> Presentation:
    days = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    cells = [
        (rows.DAY, day, name, round(size * (1 + 0.2 * _wave(number))), 0.25 + 0.1 * _wave(number + size))
        for number, day in enumerate(days)
        for name, size in (("phone", 900), ("email", 1400))
    ]
    return presenter(EXAMPLE_TABLE)(rows.frame(cells, EXAMPLE_TABLE), rows.about())


EXAMPLES: Mapping[str, Callable[[], Presentation]] = {
    "attempts": _attempts,
    "channels": _channels,
    "funnel": _funnel,
    "health": _health,
    "hours": _hours,
    "table": _table,
}
"""By the name of the module in `pictures`."""
