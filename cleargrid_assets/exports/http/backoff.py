"""Exponential backoff, between the retries of a request and between timeouts."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Waits that double from attempt to attempt.

    Attributes:
        first_s: Seconds after the first attempt.
        max_s: Max seconds, without the jitter.
        jitter_s: Max random seconds to add.
    """

    first_s: float
    max_s: float
    jitter_s: float = 0.0

    def seconds(self, attempt: int) -> float:
        """Seconds to wait after the attempt, counted from 1; none after attempt 0 and below."""
        if attempt < 1:
            return 0.0
        jitter = random.uniform(0, self.jitter_s)  # noqa: S311 - not for secrets
        return min(self.first_s * 2.0 ** (attempt - 1), self.max_s) + jitter
