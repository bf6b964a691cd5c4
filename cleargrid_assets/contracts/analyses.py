"""The contracts of the tables that analyses compute from interactions."""

from cleargrid_assets.contracts.common import CHANNEL, DAY, MAX_ATTEMPT_NUMBER, STAGES, TYPE_OR_ALL, one_of
from cleargrid_assets.schema import PARTITION_COLUMN, Column, Table

ATTEMPT_FUNNEL = Table(
    name="attempt_funnel",
    columns=(
        DAY,
        TYPE_OR_ALL,
        Column("stage", "VARCHAR", f"{one_of(STAGES)}; each contains the next."),
        Column("stage_order", "INTEGER", f"1 to {len(STAGES)}, in the order of the stages."),
        Column("attempts", "BIGINT", "Outbound attempts that got at least this far."),
        Column("contacts", "BIGINT", "Distinct contacts with at least one such attempt."),
        Column("attempt_rate", "DOUBLE", "Attempts of this stage over all attempts, 0 to 1.", nullable=True),
        Column("contact_rate", "DOUBLE", "Contacts of this stage over all contacts attempted, 0 to 1.", nullable=True),
        Column(
            "step_rate",
            "DOUBLE",
            "Contacts over the previous stage's contacts, 0 to 1; NULL in the first stage.",
            nullable=True,
        ),
    ),
    description="""\
How far the outbound attempts of a day got, for each communication type and for all types together.

Four stages, each containing the next: *attempted* (every outbound attempt), *delivered* (it got out), *reached* (a
person took it), *engaged* (the person acted on it, or the call lasted at least `engaged_seconds` of the outcomes file).

- A contact counts in a stage if at least one of the day's attempts on it got that far.
- `ALL` counts a contact once, however many types were used. A contact is an address: one person's phone number and
  e-mail address are two contacts.
- An attempt whose status the outcomes file does not list counts as attempted only.""",
    key=(PARTITION_COLUMN, "communication_type", "stage"),
)

REACH_BY_ATTEMPT = Table(
    name="reach_by_attempt",
    columns=(
        DAY,
        CHANNEL,
        Column(
            "attempt_number",
            "INTEGER",
            f"Number of the attempt on a contact, from 1; {MAX_ATTEMPT_NUMBER} means {MAX_ATTEMPT_NUMBER} or more.",
        ),
        Column("contacts_attempted", "BIGINT", "Contacts with at least that many attempts in the window."),
        Column("contacts_first_reached", "BIGINT", "Contacts first reached by that attempt."),
        Column(
            "cumulative_reach_rate",
            "DOUBLE",
            "Contacts reached by that attempt or an earlier one, over all contacts attempted, 0 to 1.",
            nullable=True,
        ),
        Column("window_days", "INTEGER", "Length of the trailing window in days, ending with the day."),
        Column(
            "contacts_at_risk",
            "BIGINT",
            "Contacts with at least that many attempts that no earlier attempt had reached.",
        ),
        Column(
            "reach_probability",
            "DOUBLE",
            "Contacts first reached over contacts at risk, 0 to 1; NULL if nobody is at risk.",
            nullable=True,
        ),
        Column("reach_probability_low", "DOUBLE", "Lower end of the probability's 95% Wilson interval.", nullable=True),
        Column(
            "reach_probability_high", "DOUBLE", "Upper end of the probability's 95% Wilson interval.", nullable=True
        ),
        Column(
            "km_reach_rate",
            "DOUBLE",
            "Kaplan-Meier estimate of the share reached if everybody had that many attempts, 0 to 1; NULL if nobody "
            "is at risk.",
            nullable=True,
        ),
    ),
    description="""\
Which attempt first reaches a contact, and whether one more attempt is worth it, over the 7 days that end with the day.

The outbound attempts on a contact are numbered in time order, for each channel. 10 stands for the tenth and all later
attempts together.

- `reach_probability` answers "is a fifth attempt worth it?": of the contacts that had a fifth attempt and were not
  reached before, the share that it reached. With few contacts at risk, its interval is wide.
- `km_reach_rate` is 1 minus the product of (1 - `reach_probability`) over the numbers up to this one: the Kaplan-Meier
  estimate of the share reached if every contact had that many attempts. A contact that was not tried again is censored.
  The estimate assumes that such contacts are as easy to reach as those that were tried again.
- `cumulative_reach_rate` is never higher, because it divides by all contacts attempted: a contact that was not reached
  and not tried again counts as a failure of all later attempts.

Attempts before the 7 days are not counted, so a contact that was tried before starts at 1 again. A contact is an
address, not a person; withheld addresses take no part. Channels are used for different contacts, so a difference
between two channels is not an effect of the channel alone. An e-mail may have been opened by a machine.""",
    key=(PARTITION_COLUMN, "channel", "attempt_number"),
)

CHANNEL_REACH = Table(
    name="channel_reach",
    columns=(
        DAY,
        CHANNEL,
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
    description="""\
How many of the contacts attempted on a channel were reached on it that day, and how many attempts that took.

- A contact is reached if at least one of the day's outbound attempts on it has the outcome reached or engaged.
- The interval of the rate is the 95% Wilson interval. It is wide when there are few contacts.
- A contact has responded if it sent something on the same channel and day, after the day's first outbound attempt
  on it.
- An e-mail counts as reached when it was opened. Opens may be machines: mail servers and privacy proxies open messages
  that no person reads.
- Channels are used for different contacts, and a contact is an address, not a person. A difference between two channels
  is a difference between two groups of contacts, not an effect of the channel alone.
- An attempt on a withheld address counts as an attempt, but is on no contact.""",
    key=(PARTITION_COLUMN, "channel"),
)

HOURLY_REACH = Table(
    name="hourly_reach",
    columns=(
        DAY,
        CHANNEL,
        Column("hour", "INTEGER", "Hour of the day in `CLEARGRID_TIMEZONE`, 0 to 23."),
        Column("attempts", "BIGINT", "Outbound attempts in that hour."),
        Column("reached_attempts", "BIGINT", "Attempts of that hour with the outcome reached or engaged."),
        Column("reach_rate", "DOUBLE", "Reached attempts over attempts, 0 to 1.", nullable=True),
    ),
    description="""\
At which hours of the day the outbound attempts on a channel reach people.

Hours are those of the clock in `CLEARGRID_TIMEZONE`. When clocks go back, the repeated hour is one row; when they go
forward, the skipped hour has no attempts. The rate counts attempts, not contacts: an attempt is reached if its outcome
is reached or engaged.""",
    key=(PARTITION_COLUMN, "channel", "hour"),
)

CONTACT_FREQUENCY = Table(
    name="contact_frequency",
    columns=(
        DAY,
        CHANNEL,
        Column("contacts", "BIGINT", "Distinct contacts attempted in the 7 days that end with the day."),
        Column("most_attempts", "BIGINT", "Most attempts on one contact in these 7 days."),
        Column("contacts_1", "BIGINT", "Contacts with 1 attempt in these 7 days."),
        Column("contacts_2", "BIGINT", "Contacts with 2 attempts in these 7 days."),
        Column("contacts_3_4", "BIGINT", "Contacts with 3 or 4 attempts in these 7 days."),
        Column("contacts_5_7", "BIGINT", "Contacts with 5 to 7 attempts in these 7 days."),
        Column("contacts_8_up", "BIGINT", "Contacts with 8 or more attempts in these 7 days."),
        Column(
            "contacts_over_limit",
            "BIGINT",
            "Contacts with more attempts in these 7 days than `attempts_per_week` allows; NULL without this limit.",
            nullable=True,
        ),
        Column(
            "attempts_outside_hours",
            "BIGINT",
            "Attempts of the day before `earliest`, or at or after `latest`, in `CLEARGRID_TIMEZONE`; NULL without "
            "these limits.",
            nullable=True,
        ),
        Column(
            "attempts_on_days_off",
            "BIGINT",
            "Attempts of the day if it is a day off, otherwise 0; NULL if no days off are set.",
            nullable=True,
        ),
    ),
    description="""\
How often contacts were attempted in the 7 days that end with the day, and whether the attempts of the day kept to the
hours and days that the lender allows itself.

Only outbound attempts count, and each channel is counted separately. The limits are the lender's own:
`attempts_per_week`, `earliest` and `latest` in `[limits]` of the outcomes file, and `days_off` in its `[calendar]`. By
default there are none. A check warns when a limit is crossed.

- A contact is an address, not a person: a person with two numbers may be called twice as often as this table shows.
- An attempt on a withheld address is on no contact, but counts as an attempt outside hours or on a day off.
- Failed and unmapped attempts count like all others.""",
    key=(PARTITION_COLUMN, "channel"),
)

OPERATIONAL_HEALTH = Table(
    name="operational_health",
    columns=(
        DAY,
        TYPE_OR_ALL,
        Column("communications", "BIGINT", "Communications of both directions."),
        Column("failed", "BIGINT", "Communications with the outcome failed."),
        Column("failure_rate", "DOUBLE", "Failed over communications, 0 to 1.", nullable=True),
        Column("unmapped", "BIGINT", "Communications whose status the outcomes file does not list."),
        Column("withheld", "BIGINT", "Inbound and outbound communications whose other party withheld its address."),
        Column(
            "answered_without_duration", "BIGINT", "Phone communications that reached a person but have no duration."
        ),
        Column("logging_lag_p50_s", "DOUBLE", "Median seconds from communication to row creation.", nullable=True),
        Column(
            "logging_lag_p95_s",
            "DOUBLE",
            "95th percentile of seconds from communication to row creation.",
            nullable=True,
        ),
        Column("logging_lag_max_s", "DOUBLE", "Maximum seconds from communication to row creation.", nullable=True),
        Column(
            "update_lag_p95_s", "DOUBLE", "95th percentile of seconds from row creation to last change.", nullable=True
        ),
        Column("first_at", "TIMESTAMPTZ", "Instant of the day's first communication of the type.", nullable=True),
        Column("last_at", "TIMESTAMPTZ", "Instant of the day's last communication of the type.", nullable=True),
    ),
    description="""\
How the communications of a day were carried out, for each communication type and for all types together, in both
directions.

- A communication has failed if it never got out.
- Logging lag is the time from a communication to its row; update lag is the time from the row's creation to its last
  change. Rows that arrive after `CLEARGRID_RESYNC_DAYS` days are missed.
- The rows describe the day alone. The view `operational_baselines` compares it with the same weekday of the weeks
  before.""",
    key=(PARTITION_COLUMN, "communication_type"),
)
