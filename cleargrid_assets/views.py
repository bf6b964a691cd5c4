"""The contracts of the views. `docs/tables.md` and the frames of their rows are made from them."""

from cleargrid_assets.contracts import OPERATIONAL_HEALTH
from cleargrid_assets.schema import PARTITION_COLUMN, Column, Table

_OF_HEALTH = {column.name: column for column in OPERATIONAL_HEALTH.columns}

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

VIEWS: tuple[Table, ...] = (OPERATIONAL_BASELINES,)
"""The views. Each is made in every transaction that stores the table it is over."""
