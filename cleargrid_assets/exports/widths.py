"""How wide a window the server answers, learnt over a run.

What belongs here: the width that first requests keep to after timeouts, and how it grows again. What does not: which
window is asked for when, and what is asked where narrowing no longer helps (`walk`).
"""

from datetime import timedelta

from cleargrid_assets.exports.window import Window

_ANSWERS_BEFORE_TRIAL = 32
"""So many windows of the width that works are answered before a wider one is tried: a timeout is slow to come."""


class Widths:
    """Remembers the width that worked, and after many answers tries twice that.

    A gateway that is out for a moment refuses every width: without trials, the rest of the run would go on in tiny
    windows. A trial that is answered is followed by the next at once; one that is refused, by none until twice as many
    answers have come. A width that has been answered before must be refused twice to count as too much.
    """

    def __init__(self) -> None:
        self._allowed: timedelta | None = None
        self._answered = timedelta(0)
        self._trial: Window | None = None
        self._patience = _ANSWERS_BEFORE_TRIAL
        self._answers_to_come = 0

    def fit(self, window: Window) -> tuple[Window, Window] | None:
        """Cuts a window that is about to be asked for to the width that works; None where it is not to be cut."""
        if self._allowed is None or window.width <= self._allowed:
            return None
        if self._answers_to_come > 0:
            return window.cut(self._allowed)
        # One at a time.
        self._answers_to_come = self._patience
        cut = window.cut(2 * self._allowed)
        self._trial = cut[0] if cut else window
        return cut

    def answered(self, window: Window) -> None:
        """Notes that the first request for the window was answered."""
        self._answered = max(self._answered, window.width)
        if self._allowed is None:
            return
        if window.width > self._allowed:
            self._allowed, self._answers_to_come = window.width, 0
        elif 2 * window.width > self._allowed:
            self._answers_to_come -= 1

    def refused(self, window: Window) -> None:
        """Notes that the first request for the window outran the server."""
        half = window.width / 2
        if window == self._trial:
            self._patience *= 2
            self._answers_to_come = self._patience
        elif window.width <= self._answered:
            self._answered = half
        else:
            self._allowed = min(self._allowed or half, half)
            self._answers_to_come = self._patience
