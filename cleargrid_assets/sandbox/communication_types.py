"""How the invented lender uses each communication type, and the possible results of an attempt."""

from dataclasses import dataclass

import numpy as np

from cleargrid_assets.sandbox.arrays import Floats
from cleargrid_assets.sandbox.instants import MINUTE_MS, SECOND_MS

_ASLEEP = (0.3, 0.2, 0.2, 0.2, 0.2, 0.3, 0.5, 0.6)
ANSWERING_BY_HOUR: Floats = np.array(
    [*_ASLEEP, 0.7, 0.8, 0.9, 0.9, 0.65, 0.6, 0.8, 0.9, 1.05, 1.25, 1.5, 1.6, 1.2, 0.8, 0.6, 0.4]
)
"""Factor on the chance that a contact answers the phone, by local hour."""
READING_BY_HOUR: Floats = np.sqrt(ANSWERING_BY_HOUR)
"""The same for written messages, which depend less on the hour."""


@dataclass(frozen=True)
class CommunicationType:
    """The properties of one communication type.

    Attributes:
        share: Share of the contacts that are attempted on a day.
        attempts: Weights of 1, 2, ... attempts a day on a contact that is not reached.
        reached: Statuses of an attempt that reaches the contact, with their weights.
        missed: Statuses of an attempt that does not reach it, with their weights.
        dead: Status of an attempt on an address that does not exist.
        response_factor: Factor on the contact's own chance of responding.
        factor_by_hour: Factor on that chance, by local hour.
        grid_ms: Attempts start at multiples of this; written messages go out in batches.
    """

    share: float
    attempts: tuple[float, ...]
    reached: dict[str, float]
    missed: dict[str, float]
    dead: str
    response_factor: float
    factor_by_hour: Floats
    grid_ms: int


COMMUNICATION_TYPES = {
    "CALL": CommunicationType(
        share=0.45,
        attempts=(0.35, 0.3, 0.2, 0.15),
        reached={"ANSWERED": 1},
        missed={"NO_ANSWER": 0.64, "BUSY": 0.17, "VOICEMAIL": 0.13, "CANCELLED": 0.03, "FAILED": 0.03},
        dead="INVALID_NUMBER",
        response_factor=1.0,
        factor_by_hour=ANSWERING_BY_HOUR,
        grid_ms=SECOND_MS,
    ),
    "EMAIL": CommunicationType(
        share=0.39,
        attempts=(0.85, 0.15),
        reached={"OPENED": 0.7, "CLICKED": 0.22, "REPLIED": 0.08},
        missed={"DELIVERED": 0.985, "REJECTED": 0.015},
        dead="BOUNCED",
        response_factor=1.0,
        factor_by_hour=READING_BY_HOUR,
        grid_ms=MINUTE_MS,
    ),
    "SMS": CommunicationType(
        share=0.09,
        attempts=(1,),
        reached={"REPLIED": 1},
        missed={"DELIVERED": 0.9, "SENT": 0.06, "UNDELIVERED": 0.04},
        dead="UNDELIVERED",
        response_factor=0.12,
        factor_by_hour=READING_BY_HOUR,
        grid_ms=MINUTE_MS,
    ),
    "WHATSAPP": CommunicationType(
        share=0.07,
        attempts=(0.9, 0.1),
        reached={"READ": 0.88, "REPLIED": 0.12},
        missed={"DELIVERED": 0.87, "SENT": 0.13},
        dead="FAILED",
        response_factor=1.4,
        factor_by_hour=READING_BY_HOUR,
        grid_ms=MINUTE_MS,
    ),
}
