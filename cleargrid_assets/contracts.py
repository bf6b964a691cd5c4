"""The tables of the warehouse: one contract each, the single source of their columns.

Parsing, DDL, the column schema in the UI, `docs/tables.md` and several checks are derived from these declarations.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cleargrid_assets.column_types import COLUMN_TYPES

SCHEMA = "cleargrid"
"""The DuckDB schema of every table, and the key prefix of every asset."""

PARTITION_COLUMN = "communicated_date"
"""The column that holds the business day, in every table."""


EXTRACTED_AT = "extracted_at"
"""The one column that differs when the same rows are stored again."""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: As in the table. Quote it in SQL, because it may be a keyword.
        type: The DuckDB type, one of `COLUMN_TYPES`.
        description: One sentence for the UI, with the unit where there is one.
        nullable: Whether NULL is a legal value.
        personal: Whether it may hold personal data of a borrower.
    """

    name: str
    type: str
    description: str
    nullable: bool = False
    personal: bool = False

    def __post_init__(self) -> None:
        if self.type not in COLUMN_TYPES:
            raise ValueError(f"column {self.name} has the type {self.type}, which is none of {sorted(COLUMN_TYPES)}")


@dataclass(frozen=True)
class Table:
    """One table of the warehouse.

    Attributes:
        name: Name of the table and of its asset.
        columns: In table order.
        key: The columns that together identify a row in the whole table.
        description: What the UI shows as the asset's description; markdown.
        version_column: Of several versions of one row, the one with the largest value here is kept. None for tables
            whose rows have one version.
    """

    name: str
    columns: Sequence[Column]
    key: Sequence[str]
    description: str = ""
    version_column: str | None = None

    @property
    def column_names(self) -> list[str]:
        """The names, in table order."""
        return [column.name for column in self.columns]

    @property
    def is_export(self) -> bool:
        """Whether the rows are fetched. All other tables are derived: they can be dropped and computed again."""
        return EXTRACTED_AT in self.column_names


_DAY = Column(PARTITION_COLUMN, "DATE", "Business day, from midnight to midnight in `CLEARGRID_TIMEZONE`.")
_TYPE = Column(
    "communication_type", "VARCHAR", "Type of communication, in capitals with `_` for `-` and space (`CALL`, `EMAIL`)."
)
_CHANNEL = Column("channel", "VARCHAR", "`phone`, `email`, `messaging` or `other`, from the communication type.")

COMMUNICATION_LOG_FIELDS: tuple[Column, ...] = (
    Column("public_id", "VARCHAR", "Stable unique identifier of the communication; the key for upserts."),
    Column("communication_type", "VARCHAR", "Type of the communication, as the API sent it (an open list)."),
    Column("direction", "VARCHAR", "`inbound` or `outbound`."),
    Column("status", "VARCHAR", "What came of it, as the API sent it (an open list)."),
    Column("from", "VARCHAR", "Originating address or number.", personal=True),
    Column("to", "VARCHAR", "Destination address or number.", personal=True),
    Column("subject", "VARCHAR", "Subject line, where there is one, as in e-mail.", nullable=True, personal=True),
    Column("duration", "DOUBLE", "Length in seconds, with fractions; NULL when not applicable.", nullable=True),
    Column("communicated_at", "TIMESTAMPTZ", "Instant of the communication; decides the business day."),
    Column("created_at", "TIMESTAMPTZ", "Instant at which the platform created the row."),
    Column("updated_at", "TIMESTAMPTZ", "Instant of the row's latest change at the platform."),
)
"""The eleven documented fields of dataset D21, under their documented names."""

COMMUNICATION_LOGS = Table(
    name="communication_logs",
    columns=(
        *COMMUNICATION_LOG_FIELDS,
        _DAY,
        Column(EXTRACTED_AT, "TIMESTAMPTZ", "Instant at which this project began to fetch the row's day."),
    ),
    key=("public_id",),
    version_column="updated_at",
)

ATTEMPT_FUNNEL = Table(
    name="attempt_funnel",
    columns=(
        _DAY,
        Column("communication_type", "VARCHAR", "Type of communication in capitals, or `ALL` for all types together."),
        Column("stage", "VARCHAR", "`attempted`, `delivered`, `reached` or `engaged`; each contains the next."),
        Column("stage_order", "INTEGER", "1 to 4, in the order of the stages."),
        Column("attempts", "BIGINT", "Outbound attempts that got to this stage or beyond."),
        Column("contacts", "BIGINT", "Distinct contacts with at least one such attempt."),
        Column("attempt_rate", "DOUBLE", "Attempts over attempted attempts, 0 to 1.", nullable=True),
        Column("contact_rate", "DOUBLE", "Contacts over attempted contacts, 0 to 1.", nullable=True),
        Column(
            "step_rate",
            "DOUBLE",
            "Contacts over the previous stage's contacts, 0 to 1; NULL in the first stage.",
            nullable=True,
        ),
    ),
    key=(PARTITION_COLUMN, "communication_type", "stage"),
)

REACH_BY_ATTEMPT = Table(
    name="reach_by_attempt",
    columns=(
        _DAY,
        _CHANNEL,
        Column("attempt_number", "INTEGER", "Ordinal of the attempt on a contact, 1 to 10; 10 means 10 or more."),
        Column("contacts_attempted", "BIGINT", "Contacts with at least that many attempts in the window."),
        Column("contacts_first_reached", "BIGINT", "Contacts whose first reached attempt was that one."),
        Column(
            "cumulative_reach_rate",
            "DOUBLE",
            "Contacts reached by that attempt or an earlier one, over all contacts attempted, 0 to 1.",
            nullable=True,
        ),
        Column("window_days", "INTEGER", "Length of the trailing window in days, ending with the day."),
    ),
    key=(PARTITION_COLUMN, "channel", "attempt_number"),
)

CHANNEL_REACH = Table(
    name="channel_reach",
    columns=(
        _DAY,
        _CHANNEL,
        Column("attempts", "BIGINT", "Outbound attempts."),
        Column("contacts", "BIGINT", "Distinct contacts attempted."),
        Column("reached_contacts", "BIGINT", "Distinct contacts with a reached or engaged attempt."),
        Column("reach_rate", "DOUBLE", "Reached contacts over contacts, 0 to 1.", nullable=True),
        Column("reach_rate_low", "DOUBLE", "Lower end of the rate's 95% Wilson interval.", nullable=True),
        Column("reach_rate_high", "DOUBLE", "Upper end of the rate's 95% Wilson interval.", nullable=True),
        Column("attempts_per_reached_contact", "DOUBLE", "Attempts over reached contacts.", nullable=True),
        Column(
            "contacts_responded",
            "BIGINT",
            "Contacts with an inbound communication on the channel after the day's first outbound attempt to them.",
        ),
        Column(
            "median_duration",
            "DOUBLE",
            "Median seconds of the reached attempts that have a duration.",
            nullable=True,
        ),
    ),
    key=(PARTITION_COLUMN, "channel"),
)

HOURLY_REACH = Table(
    name="hourly_reach",
    columns=(
        _DAY,
        _CHANNEL,
        Column("hour", "INTEGER", "Hour of the day in `CLEARGRID_TIMEZONE`, 0 to 23."),
        Column("attempts", "BIGINT", "Outbound attempts in that hour."),
        Column("reached_attempts", "BIGINT", "Those whose outcome is reached or engaged."),
        Column("reach_rate", "DOUBLE", "Reached attempts over attempts, 0 to 1.", nullable=True),
    ),
    key=(PARTITION_COLUMN, "channel", "hour"),
)

OPERATIONAL_HEALTH = Table(
    name="operational_health",
    columns=(
        _DAY,
        _TYPE,
        Column("communications", "BIGINT", "Communications of both directions."),
        Column("failed", "BIGINT", "Those whose outcome is failed."),
        Column("failure_rate", "DOUBLE", "Failed over communications, 0 to 1.", nullable=True),
        Column("unmapped", "BIGINT", "Those whose status the outcomes file does not know."),
        Column(
            "answered_without_duration", "BIGINT", "Phone communications that reached a person but have no duration."
        ),
        Column("logging_lag_p50_s", "DOUBLE", "Median seconds from communication to row creation.", nullable=True),
        Column("logging_lag_p95_s", "DOUBLE", "95th percentile of the same, in seconds.", nullable=True),
        Column("logging_lag_max_s", "DOUBLE", "Largest of the same, in seconds.", nullable=True),
        Column(
            "update_lag_p95_s", "DOUBLE", "95th percentile of seconds from row creation to last change.", nullable=True
        ),
        Column("first_at", "TIMESTAMPTZ", "Instant of the day's first communication of the type.", nullable=True),
        Column("last_at", "TIMESTAMPTZ", "Instant of the day's last communication of the type.", nullable=True),
        Column(
            "baseline_communications",
            "DOUBLE",
            "Median communications of the 7 days before, days without rows left out.",
            nullable=True,
        ),
        Column("volume_ratio", "DOUBLE", "Communications over the baseline.", nullable=True),
        Column(
            "is_anomalous",
            "BOOLEAN",
            "Whether the volume lies more than 3 scaled MADs from the baseline; NULL with fewer than 4 days before.",
            nullable=True,
        ),
    ),
    key=(PARTITION_COLUMN, "communication_type"),
)

TABLES: tuple[Table, ...] = (
    COMMUNICATION_LOGS,
    ATTEMPT_FUNNEL,
    REACH_BY_ATTEMPT,
    CHANNEL_REACH,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
)
