"""One realistic example per picture, the same on every machine: what the baselines are drawn from."""

import calendar
import math
from collections.abc import Callable, Mapping
from datetime import timedelta

import pandas as pd

from cleargrid_assets.analysis.baselines import PAST_DAYS
from cleargrid_assets.analysis.outcome_entries import DaysOff
from cleargrid_assets.analysis.unmapped import UnmappedAttempts
from cleargrid_assets.contracts import MAX_ATTEMPT_NUMBER
from cleargrid_assets.pictures import attempts, channels, frequency, funnel, health, hours, logs
from cleargrid_assets.pictures.presentation import Presentation
from cleargrid_assets.pictures.table import presenter
from cleargrid_assets.schema import PARTITION_COLUMN, Column, Table
from cleargrid_assets_tests.pictures import rows

SATURDAY = 5
"""As `date.weekday` counts."""

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
    def pairs(contacts: int, rate: float, kept: float) -> list[tuple[int, int]]:
        found: list[tuple[int, int]] = []
        while contacts and len(found) < MAX_ATTEMPT_NUMBER:
            found.append((contacts, round(contacts * rate)))
            contacts, rate = int((contacts - found[-1][1]) * kept), rate * 0.87
        return found

    channels = {"phone": (2400, 0.22, 0.8), "email": (5200, 0.2, 0.5), "messaging": (310, 0.2, 0.4)}
    return attempts.present(rows.attempts({name: pairs(*of) for name, of in channels.items()}), rows.about())


def _channels() -> Presentation:
    """Without rows on Fridays, and without e-mail on Saturdays; the first two days are not stored."""
    ages = [
        age for age in range(channels.SHOWN_DAYS - 2) if (rows.DAY - timedelta(days=age)).weekday() != calendar.FRIDAY
    ]
    silent = {"email": [age for age in ages if (rows.DAY - timedelta(days=age)).weekday() == calendar.SATURDAY]}
    sizes = {"phone": (812, 0.41), "email": (1204, 0.23), "messaging": (64, 0.36)}

    def day(age: int) -> pd.DataFrame:
        rates: dict[str, tuple[int, float | None, float | None, float | None]] = {}
        for name, (size, rate) in sizes.items():
            contacts = round(size * (1 + 0.1 * _wave(age)) * (0.1 if name == "messaging" and age % 7 == 1 else 1))
            reached = round(contacts * (rate + 0.03 * _wave(age + size)))
            if age not in silent.get(name, ()):
                rates[name] = (contacts, reached / contacts, *rows.wilson(reached, contacts))
        return rows.channels(rates, rows.DAY - timedelta(days=age))

    shown = pd.concat([day(age) for age in ages]).assign(attempts_per_reached_contact=3.2, median_duration=47.0)
    stored = [rows.DAY - timedelta(days=age) for age in range(channels.SHOWN_DAYS - 2)]
    return channels.present(
        shown, rows.about(stored=stored, unmapped_attempts=[UnmappedAttempts(rows.DAY, "phone", 1624, 12)])
    )


def _frequency() -> Presentation:
    groups = {"phone": (408, 202, 131, 60, 11), "email": (1011, 300, 20, 3, 0), "messaging": (64, 3, 0, 0, 0)}
    return frequency.present(rows.frequency(groups, 14, (11, 5, None)), rows.about())


def _hours() -> Presentation:
    """Few attempts on one day, none on another, and one that is not stored."""
    cells = []
    for name, size in (("phone", 160), ("email", 900), ("messaging", 14)):
        for age, share in enumerate((1.0, 1.0, 0.0, 0.05, 1.0, 1.0)):
            for hour in range(8, 20):
                attempts_made = round(size * share * (1.2 - abs(hour - 13) / 8) * (0.9 + 0.1 * _wave(hour + age)))
                reached = round(attempts_made * (0.25 + 0.12 * _wave(hour) + 0.03 * _wave(age)))
                cells.append((age, name, hour, attempts_made, reached))
    return hours.present(rows.hours(cells), rows.about(stored=[rows.DAY - timedelta(days=age) for age in range(6)]))


def _health() -> Presentation:
    weekend, weeks = (0.25, 0.0), health.SHOWN_DAYS + PAST_DAYS
    cells = []
    for name, size in (("CALL", 900), ("EMAIL", 1400), ("SMS", 260), ("WHATSAPP", 60)):
        for age in range(weeks):
            day = rows.DAY - timedelta(days=age)
            share = 1.0 if day.weekday() < SATURDAY else weekend[day.weekday() - SATURDAY]
            if age == 0:
                share = {"CALL": 0.5, "SMS": 0.0}.get(name, 1.0)
            communications = round(size * share * (1 + 0.06 * _wave(age + size)))
            if communications:
                rate = 0.12 if (name, age) == ("EMAIL", 6) else 0.04 + 0.005 * _wave(age)
                cells.append((age, name, communications, round(communications * rate)))
    judged = rows.judged(cells, range(weeks), days_off=DaysOff((rows.DAY - timedelta(days=12),)))
    return health.present(judged, rows.about())


def _logs() -> Presentation:
    cells = []
    for name, size in (("CALL", 90), ("EMAIL", 140), ("SMS", 26), ("WHATSAPP", 12)):
        for weeks in range(7):
            for hour in range(8, 20):
                usual = size * (1.2 - abs(hour - 13) / 8)
                is_silent = name == "SMS" and weeks == 0
                cells.append((weeks, name, hour, 0 if is_silent else round(usual * (1 + 0.1 * _wave(hour + weeks)))))
    past = [rows.DAY - timedelta(weeks=weeks) for weeks in range(1, 7)]
    return logs.present(rows.volumes(cells), past, rows.about())


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
    "frequency": _frequency,
    "funnel": _funnel,
    "health": _health,
    "hours": _hours,
    "logs": _logs,
    "table": _table,
}
"""By the name of the module in `pictures`."""
