"""The contracts of the communication logs, and of the interactions made from them."""

from cleargrid_assets.contracts.common import CHANNEL, DAY, TYPE, one_of
from cleargrid_assets.schema import EXTRACTED_AT, Column, Table

COMMUNICATION_LOG_FIELDS: tuple[Column, ...] = (
    Column("public_id", "VARCHAR", "Stable unique identifier of the communication; the key for upserts."),
    Column("communication_type", "VARCHAR", "Type of the communication, as the API sent it (an open list)."),
    Column("direction", "VARCHAR", "`inbound` or `outbound`."),
    Column("status", "VARCHAR", "Result of the communication, as the API sent it (an open list)."),
    Column("from", "VARCHAR", "Originating address or number, or its pseudonym.", personal=True),
    Column("to", "VARCHAR", "Destination address or number, or its pseudonym.", personal=True),
    Column(
        "subject",
        "VARCHAR",
        "Subject line, where there is one, as in e-mail; NULL where pseudonyms are stored.",
        nullable=True,
        personal=True,
        free_text=True,
    ),
    Column("duration", "DOUBLE", "Length in seconds, with fractions; NULL when not applicable.", nullable=True),
    Column("communicated_at", "TIMESTAMPTZ", "Instant of the communication; decides the business day."),
    Column("created_at", "TIMESTAMPTZ", "Instant at which the platform created the row."),
    Column("updated_at", "TIMESTAMPTZ", "Instant of the row's latest change at the platform."),
)
"""The documented fields of dataset D21, under their documented names."""

COMMUNICATION_LOGS = Table(
    name="communication_logs",
    columns=(
        *COMMUNICATION_LOG_FIELDS,
        DAY,
        Column(EXTRACTED_AT, "TIMESTAMPTZ", "Instant at which this project began to fetch the row's day."),
    ),
    description="""\
The operational log of outreach: one row per communication in either direction, such as a call, an e-mail or a message,
with its direction, status, duration and times.

A day holds the rows whose `communicated_at` lies between its midnights in `CLEARGRID_TIMEZONE`. Materializing a day
replaces it: the table then holds exactly what the API returns now. ClearGrid adds rows and edits them later, so recent
days are fetched again; the metadata of a run says what changed.

- The source leaves out message bodies, transcripts and telephone exchange (PBX) data on purpose.
- `public_id`, the key, exists since version 1.1 of the export.
- With `CLEARGRID_PSEUDONYM_KEY`, `from` and `to` are keyed pseudonyms, and `subject` is NULL.
- `from` and `to` are addresses, not persons. A person's phone number and e-mail address are two addresses; the parent
  record that would join them is not in this export.

Source: ClearGrid Exports API, section S4, dataset D21 (Communication Logs).""",
    key=("public_id",),
    version_column="updated_at",
    quarantine="quarantined_rows",
)

INTERACTIONS = Table(
    name="interactions",
    columns=(
        Column("public_id", "VARCHAR", "Identifier of the communication in the log."),
        DAY,
        Column("communicated_at", "TIMESTAMPTZ", "Instant of the communication."),
        Column("direction", "VARCHAR", "`inbound` or `outbound`; another word of the log in lower case."),
        TYPE,
        Column("status", "VARCHAR", "Result of the communication, in capitals, with `_` for `-` and space."),
        CHANNEL,
        Column(
            "contact",
            "VARCHAR",
            "The other party's address in one spelling; NULL if it is withheld or the direction is unknown.",
            nullable=True,
            personal=True,
        ),
        Column(
            "outcome",
            "VARCHAR",
            f"{one_of(('failed', 'delivered', 'reached', 'engaged', 'unmapped'))}, from status, type and duration.",
        ),
        Column("duration", "DOUBLE", "Length in seconds, with fractions; NULL when not applicable.", nullable=True),
        Column("logging_lag_s", "DOUBLE", "Seconds from the communication to the creation of its row."),
        Column("update_lag_s", "DOUBLE", "Seconds from the creation of the row to its latest change."),
    ),
    description="""\
The communications of the log with their meaning: one row per communication, in both directions. Every analysis reads
this table, so a figure can be followed to its rows.

- `contact` is the other party's address: `to` when outbound, `from` when inbound. It is an address, not a person. One
  contact has one spelling: without outer white space and invisible characters, telephone numbers in E.164 where they
  can be read as one (with `CLEARGRID_REGION` also those without a country code), everything else in lower case, e-mail
  addresses without outer angle brackets.
- Withheld addresses, such as `anonymous`, are no contacts. The outcomes file lists them. Their communications count as
  attempts.
- `outcome` is what the status means by the outcomes file: *failed* (it never got out), *delivered* (nobody took it),
  *reached* (a person took it), *engaged* (the person acted on it, or a reached phone call lasted at least
  `engaged_seconds`), or *unmapped* (the file does not list the status).""",
    key=("public_id",),
)
