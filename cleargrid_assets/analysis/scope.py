"""The arguments that all analyses share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from cleargrid_assets.analysis.outcomes import Outcomes


@dataclass(frozen=True)
class Scope:
    """What an analysis needs besides the rows.

    Attributes:
        days: The business days to compute.
        zone: The business time zone.
        outcomes: The meaning of statuses and communication types.
    """

    days: Sequence[date]
    zone: tzinfo
    outcomes: Outcomes
