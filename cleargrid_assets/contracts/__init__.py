"""The contracts of all tables and views. Parsing, DDL, the UI, `docs/tables.md` and several checks are made from them.

The modules `views` and `quarantine` have those of the views, and of the tables for rows that break a contract.
"""

from cleargrid_assets.contracts.analyses import (
    ATTEMPT_FUNNEL,
    CHANNEL_REACH,
    CONTACT_FREQUENCY,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
    REACH_BY_ATTEMPT,
)
from cleargrid_assets.contracts.common import (
    ALL_TYPES,
    CHANNELS,
    EMAIL,
    FEW,
    MAX_ATTEMPT_NUMBER,
    MESSAGING,
    OTHER_CHANNEL,
    PHONE,
    STAGES,
)
from cleargrid_assets.contracts.communications import COMMUNICATION_LOG_FIELDS, COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets.contracts.ledger import DAYS, DROPPED_DAYS, LATEST_ENTRIES
from cleargrid_assets.schema import Table

__all__ = [
    "ALL_TYPES",
    "ATTEMPT_FUNNEL",
    "CHANNELS",
    "CHANNEL_REACH",
    "COMMUNICATION_LOGS",
    "COMMUNICATION_LOG_FIELDS",
    "CONTACT_FREQUENCY",
    "DAYS",
    "DROPPED_DAYS",
    "EMAIL",
    "FEW",
    "HOURLY_REACH",
    "INTERACTIONS",
    "LATEST_ENTRIES",
    "MAX_ATTEMPT_NUMBER",
    "MESSAGING",
    "OPERATIONAL_HEALTH",
    "OTHER_CHANNEL",
    "PHONE",
    "REACH_BY_ATTEMPT",
    "STAGES",
    "TABLES",
]

TABLES: tuple[Table, ...] = (
    COMMUNICATION_LOGS,
    INTERACTIONS,
    ATTEMPT_FUNNEL,
    REACH_BY_ATTEMPT,
    CHANNEL_REACH,
    HOURLY_REACH,
    OPERATIONAL_HEALTH,
    CONTACT_FREQUENCY,
)
"""All tables that are assets, in the order of `docs/tables.md`."""
