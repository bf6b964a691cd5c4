"""Learns the largest value that the server answers in time: seconds of a window, or rows of a page."""

_ANSWERS_BEFORE_TRIAL = 32
"""High, because a failed trial costs a timeout of up to a minute."""


class Adaptive:
    """Lowers a value after timeouts, and tries twice the value after many answers.

    Trials are needed because a gateway that fails for a moment refuses every value. After a successful trial, the next
    one follows at once. A refused trial doubles the number of answers before the next one. A value that worked before
    is lowered only after the second refusal.

    Args:
        maximum: The value to begin with.
        divisor: A refused value is divided by this.
    """

    def __init__(self, maximum: int, *, divisor: int = 2) -> None:
        self._maximum = self._allowed = maximum
        self._divisor = divisor
        self._largest_answered = 0
        self._trial: int | None = None
        self._answers_between_trials = _ANSWERS_BEFORE_TRIAL
        self._answers_to_come = 0

    @property
    def allowed(self) -> int:
        """The largest value that is believed to work."""
        return self._allowed

    def next(self) -> int:
        """The value to ask for now: the allowed one, or twice that if a trial is due."""
        if self._allowed == self._maximum or self._answers_to_come > 0:
            return self._allowed
        # Only one trial at a time.
        self._answers_to_come = self._answers_between_trials
        self._trial = min(2 * self._allowed, self._maximum)
        return self._trial

    def answered(self, value: int, *, proves_it: bool = False) -> None:
        """Notes that a request for the value was answered.

        Args:
            value: What was asked for.
            proves_it: Whether the value works then, even if it was asked for before smaller ones were needed. A large
                page proves nothing, because it may have few rows.
        """
        self._largest_answered = max(self._largest_answered, value)
        if self._is_trial(value) or (proves_it and value > self._allowed):
            self._allowed, self._trial, self._answers_to_come = value, None, 0
        elif self._allowed < 2 * value <= 2 * self._allowed:
            # Much smaller values, such as the last minutes of a day, prove nothing about the allowed one.
            self._answers_to_come -= 1

    def refused(self, value: int) -> bool:
        """Notes that a request for the value timed out. Returns whether smaller values are used from now on."""
        if value > self._allowed:
            if self._is_trial(value):
                self._answers_between_trials *= 2
                self._trial, self._answers_to_come = None, self._answers_between_trials
            return True
        if value <= self._largest_answered:
            self._largest_answered = value // self._divisor
            return False
        return self.lower(value)

    def lower(self, value: int) -> bool:
        """Asks for less than the value from now on, even if it was answered before; returns whether it could."""
        lowered = max(value // self._divisor, 1)
        if lowered == self._allowed:
            return False
        self._allowed, self._trial = lowered, None
        self._answers_to_come = self._answers_between_trials
        return True

    def _is_trial(self, value: int) -> bool:
        return self._trial is not None and self._allowed < value <= self._trial
