"""Words and columns that several tables have."""

from collections.abc import Sequence

from cleargrid_assets.schema import PARTITION_COLUMN, Column
from cleargrid_assets.wording import alternatives

PHONE, EMAIL, MESSAGING, OTHER_CHANNEL = CHANNELS = ("phone", "email", "messaging", "other")
"""The values of `channel`, in display order."""

STAGES = ("attempted", "delivered", "reached", "engaged")
"""The values of `stage`, in the order of `stage_order`. Each stage contains the next."""

ALL_TYPES = "ALL"
"""The `communication_type` of rows for all types together."""

MAX_ATTEMPT_NUMBER = 10
"""The largest `attempt_number`. It stands for itself and all larger ones."""

FEW = 10
"""Attempts or contacts. A rate of fewer says little: it is marked in a view, grey in a picture, not in a summary."""


def one_of(words: Sequence[str]) -> str:
    """The words as alternatives, in Markdown."""
    return alternatives([f"`{word}`" for word in words])


DAY = Column(PARTITION_COLUMN, "DATE", "Business day, from midnight to midnight in `CLEARGRID_TIMEZONE`.")
_TYPE = "Type of communication, in capitals, with `_` for `-` and space"
TYPE = Column("communication_type", "VARCHAR", f"{_TYPE}.")
TYPE_OR_ALL = Column("communication_type", "VARCHAR", f"{_TYPE}, or `{ALL_TYPES}` for all types together.")
CHANNEL = Column("channel", "VARCHAR", f"{one_of(CHANNELS)}, from the communication type.")
