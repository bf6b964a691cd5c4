"""How many rows a page the server answers, learnt over a run.

What belongs here: the limit that requests keep to where narrower windows no longer helped, and how it grows again. What
does not: when it is lowered (`walk`).
"""

_LOWERED_BY = 10
_ANSWERS_BEFORE_TRIAL = 32
"""So many pages of the limit that works are answered before a larger one is tried: a timeout is slow to come."""


class Limits:
    """Remembers the limit that worked, and after many answers tries twice that.

    A gateway that is out for a moment refuses every limit: without trials, the rest of the run would go on in tiny
    pages. A trial that is answered is followed by the next at once; one that is refused, by none until twice as many
    answers have come.
    """

    def __init__(self, page_size: int) -> None:
        self._page_size = self._allowed = page_size
        self._trial: int | None = None
        self._patience = _ANSWERS_BEFORE_TRIAL
        self._answers_to_come = 0

    def next(self) -> int:
        """The limit of the request that is about to be sent."""
        if self._allowed == self._page_size or self._answers_to_come > 0:
            return self._allowed
        # One at a time.
        self._answers_to_come = self._patience
        self._trial = min(2 * self._allowed, self._page_size)
        return self._trial

    def answered(self, limit: int) -> None:
        """Notes that a request with the limit was answered."""
        if limit == self._trial:
            self._allowed, self._trial, self._answers_to_come = limit, None, 0
        elif limit == self._allowed:
            self._answers_to_come -= 1

    def refused_trial(self, limit: int) -> bool:
        """Notes that a request with the limit outran the server; says whether the limit that works is below it."""
        if limit == self._trial:
            self._trial = None
            self._patience *= 2
            self._answers_to_come = self._patience
        return limit > self._allowed

    def lower(self) -> bool:
        """Has further requests ask for less; says whether that is possible."""
        if self._allowed == 1:
            return False
        self._allowed, self._trial = max(self._allowed // _LOWERED_BY, 1), None
        self._answers_to_come = self._patience
        return True
