"""What an analysis is asked for: the days, and how rows are to be read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from cleargrid_assets.analysis.outcomes import Outcomes


@dataclass(frozen=True)
class Scope:
    """What every analysis gets besides the rows.

    Attributes:
        days: The business days to compute.
        zone: The business time zone.
        outcomes: What statuses and communication types mean.
    """

    days: Sequence[date]
    zone: tzinfo
    outcomes: Outcomes
