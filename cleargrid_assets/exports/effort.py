"""What fetching has cost, counted."""

from dataclasses import dataclass


@dataclass
class Effort:
    """What requests have cost so far.

    Attributes:
        requests: HTTP requests for pages.
        retries: Those among them that repeated one that had failed in passing.
        timeouts: Those among them whose query outran the server.
        refreshes: Times that a new access token was got.
    """

    requests: int = 0
    retries: int = 0
    timeouts: int = 0
    refreshes: int = 0

    def add(self, other: "Effort") -> None:
        """Adds another's counts to these."""
        self.requests += other.requests
        self.retries += other.retries
        self.timeouts += other.timeouts
        self.refreshes += other.refreshes
