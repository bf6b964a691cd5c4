"""The contracts of the views and of the table macro. `docs/tables.md` and frames of their rows are made from them."""

from collections.abc import Mapping

from cleargrid_assets.contracts import CHANNEL_REACH, FEW, HOURLY_REACH, INTERACTIONS, OPERATIONAL_HEALTH
from cleargrid_assets.schema import PARTITION_COLUMN, Column, Table

WINDOW_DAYS = 28
"""Days that the views over several days look at: four weeks, so that each weekday counts as often as the others."""


def _by_name(table: Table) -> Mapping[str, Column]:
    return {column.name: column for column in table.columns}


_OF_HEALTH, _OF_CHANNELS, _OF_HOURS, _OF_INTERACTIONS = map(
    _by_name, (OPERATIONAL_HEALTH, CHANNEL_REACH, HOURLY_REACH, INTERACTIONS)
)

OPERATIONAL_BASELINES = Table(
    name="operational_baselines",
    columns=(
        _OF_HEALTH[PARTITION_COLUMN],
        _OF_HEALTH["communication_type"],
        Column("communications", "BIGINT", "Communications of both directions; 0 for a type that is silent."),
        _OF_HEALTH["failure_rate"],
        _OF_HEALTH["logging_lag_p95_s"],
        Column("is_day_off", "BOOLEAN", "Whether the outcomes file lists the day in `[calendar] days_off`."),
        Column("baseline_communications", "DOUBLE", "Median communications m of the past days.", nullable=True),
        Column(
            "communications_spread",
            "DOUBLE",
            "The largest of 1.4826 MAD of the past days' communications, 0.07 m, and the root of m (of 1 if m is "
            "less).",
            nullable=True,
        ),
        Column(
            "communications_low",
            "DOUBLE",
            "Lowest usual volume: 3 spreads below m for `ALL`, 4 for a type, at least 0.",
            nullable=True,
        ),
        Column(
            "communications_high",
            "DOUBLE",
            "Highest usual volume: 3 spreads above m for `ALL`, 4 for a type.",
            nullable=True,
        ),
        Column("volume_ratio", "DOUBLE", "Communications over m; NULL if m is 0.", nullable=True),
        Column(
            "volume_is_unusual",
            "BOOLEAN",
            "Whether the communications are more than 3 spreads from m for `ALL`, or more than 4 for a type.",
            nullable=True,
        ),
        Column("is_silent", "BOOLEAN", "Whether there are no communications where m is 10 or more.", nullable=True),
        Column(
            "baseline_failure_rate",
            "DOUBLE",
            "Failed over communications of all past days together, p.",
            nullable=True,
        ),
        Column(
            "failure_rate_spread",
            "DOUBLE",
            "The larger of the root of p (1 - p) / communications + (0.1 p)² and 1.4826 MAD of the past days' "
            "failure rates.",
            nullable=True,
        ),
        Column(
            "failure_rate_high", "DOUBLE", "Highest usual failure rate: 4 spreads above p, at most 1.", nullable=True
        ),
        Column(
            "failure_is_unusual",
            "BOOLEAN",
            "Whether the failure rate is more than 4 spreads above p; NULL without communications.",
            nullable=True,
        ),
        Column(
            "baseline_logging_lag_p95_s",
            "DOUBLE",
            "Median of the past days' `logging_lag_p95_s`, in seconds.",
            nullable=True,
        ),
        Column(
            "lag_spread",
            "DOUBLE",
            "The largest of 1.4826 MAD of the past days' `logging_lag_p95_s`, 0.2 of its median, and 1, in seconds.",
            nullable=True,
        ),
        Column("lag_high_s", "DOUBLE", "Highest usual `logging_lag_p95_s`: 4 spreads above its median.", nullable=True),
        Column(
            "lag_is_unusual",
            "BOOLEAN",
            "Whether `logging_lag_p95_s` is more than 4 spreads above its median; NULL without communications.",
            nullable=True,
        ),
        Column(
            "is_unusual",
            "BOOLEAN",
            "Whether volume, failure rate or lag is unusual, or the type is silent; NULL for a day that is not judged.",
            nullable=True,
        ),
    ),
    description="""\
A view: each stored day of `operational_health` against the same weekday of the six weeks before, for each communication
type seen on the day or in the 42 days before it, and for all types together.

- The past days are those of the six weeks that are stored with any row and are not in `[calendar] days_off` of the
  outcomes file. A type that was silent on one of them counts 0.
- With fewer than three past days, and on a day in `days_off`, the day is not judged: all columns from
  `baseline_communications` on are NULL.
- MAD is the median absolute deviation. The factor 1.4826 makes it comparable with a standard deviation.
- The view holds the `days_off` of the run that last stored a day of `operational_health`.""",
    key=(PARTITION_COLUMN, "communication_type"),
)

_LAST_DAY = Column(PARTITION_COLUMN, "DATE", f"Last of the {WINDOW_DAYS} days: the latest stored business day.")
_STORED_DAYS = Column("stored_days", "BIGINT", f"How many of the {WINDOW_DAYS} days are stored.")
_HAS_FEW_CONTACTS = Column(
    "has_few_contacts", "BOOLEAN", f"Whether there are fewer than {FEW} contacts, so that chance decides the rate."
)

LATEST_DAY = Table(
    name="latest_day",
    columns=(*CHANNEL_REACH.columns, _HAS_FEW_CONTACTS),
    description=f"""\
A view: the latest stored day of `channel_reach`, a row for each channel.

- The latest day is that of the ledger, also if it has no rows.
- A channel with attempts in the {WINDOW_DAYS} days that end with the day has a row. Without attempts on the day itself,
  its counts are 0.""",
    key=CHANNEL_REACH.key,
)

LAST_28_DAYS_BY_CHANNEL = Table(
    name="last_28_days_by_channel",
    columns=(
        _LAST_DAY,
        _OF_CHANNELS["channel"],
        _STORED_DAYS,
        _OF_CHANNELS["attempts"],
        Column("contacts", "BIGINT", "Distinct contacts attempted. A contact of several days counts once."),
        _OF_CHANNELS["reached_contacts"],
        _OF_CHANNELS["reach_rate"],
        _OF_CHANNELS["reach_rate_low"],
        _OF_CHANNELS["reach_rate_high"],
        _OF_CHANNELS["attempts_per_reached_contact"],
        _HAS_FEW_CONTACTS,
    ),
    description=f"""\
A view: how many contacts each channel reached in the {WINDOW_DAYS} days that end with the latest stored day of
`interactions`.

- A contact is reached if at least one of the outbound attempts on it in these days has the outcome reached or engaged.
- A contact that was attempted on several days counts once, so the figures are no sums over `channel_reach`, and the
  rate cannot be compared with that of a day.
- Days that are not stored are not in the figures: see `stored_days`.
- An attempt on a withheld address counts as an attempt, but is on no contact.""",
    key=("channel",),
)

BEST_HOURS = Table(
    name="best_hours",
    columns=(
        _LAST_DAY,
        _OF_HOURS["channel"],
        _OF_HOURS["hour"],
        Column("place", "BIGINT", "1 for the best hour of the channel; NULL with few attempts.", nullable=True),
        _STORED_DAYS,
        _OF_HOURS["attempts"],
        _OF_HOURS["reached_attempts"],
        _OF_HOURS["reach_rate"],
        _OF_CHANNELS["reach_rate_low"],
        _OF_CHANNELS["reach_rate_high"],
        Column(
            "has_few_attempts",
            "BOOLEAN",
            f"Whether there are fewer than {FEW} attempts, so that chance decides the rate.",
        ),
    ),
    description=f"""\
A view: at which hours the attempts on a channel reached people, in the {WINDOW_DAYS} days that end with the latest
stored day of `hourly_reach`. Hours without attempts have no row.

- `place` orders the hours of a channel by `reach_rate_low`, so that an hour with many attempts comes before one with a
  high rate of a few. Of equal hours, the earlier one comes first.
- Hours whose intervals overlap may be equally good. The attempts of different hours are on different contacts, so a
  difference is not an effect of the hour alone.
- Days that are not stored are not in the figures: see `stored_days`.""",
    key=HOURLY_REACH.key[1:],
)

CONTACT_HISTORY = Table(
    name="contact_history",
    columns=tuple(
        _OF_INTERACTIONS[name]
        for name in (
            *("communicated_at", PARTITION_COLUMN, "direction", "channel", "communication_type", "status", "outcome"),
            *("duration", "logging_lag_s", "update_lag_s", "public_id"),
        )
    ),
    description="""\
A table macro: `FROM contact_history('+966512345678')` gives the communications of a contact, over all stored days and
in both directions, newest first.

- The argument is what the column `contact` of `interactions` holds. `cleargrid sql --contact` finds it for any spelling
  of an address, also as a pseudonym: `cleargrid sql 'FROM contact_history($contact)' --contact '+966 51 234 5678'`.
- Unlike a view, the macro reads the tables of the current database. If the file is attached to another one as `lender`,
  begin with `USE lender.cleargrid`.""",
    key=("public_id",),
)

VIEWS: tuple[Table, ...] = (
    OPERATIONAL_BASELINES,
    LATEST_DAY,
    LAST_28_DAYS_BY_CHANNEL,
    BEST_HOURS,
    CONTACT_HISTORY,
)
"""The views and the table macro. Each is made in every transaction that stores the table it is over."""
