"""How much the slow proofs do, what they show meanwhile, and the figures at their end."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import pytest

T = TypeVar("T")

_FIGURES: pytest.StashKey[dict[str, str]] = pytest.StashKey()
_SHOWN_EVERY_S = 1.0


class Torture:
    """The sizes of the slow proofs, their progress on a terminal, and their figures."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def size(self, name: str) -> int:
        """The value of an option."""
        return int(self._config.getoption(name.replace("-", "_")))

    @property
    def seconds(self) -> float:
        """How long proofs take that have no other size."""
        return 60 * float(self._config.getoption("minutes"))

    def watched(self, what: str, work: Iterable[T]) -> Iterator[T]:
        """The same work, whose progress is shown on a terminal."""
        shown_at = 0.0
        for done, each in enumerate(work):
            if sys.__stdout__ and sys.__stdout__.isatty() and time.monotonic() - shown_at > _SHOWN_EVERY_S:
                shown_at = time.monotonic()
                print(f"\r{what}: {done:,} done ", end="", file=sys.__stdout__, flush=True)
            yield each

    def figure(self, what: str, text: str) -> None:
        """Notes what is printed at the end."""
        self._config.stash.setdefault(_FIGURES, {})[what] = text


@pytest.fixture
def torture(request: pytest.FixtureRequest) -> Torture:
    return Torture(request.config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the figures."""
    for what, text in config.stash.get(_FIGURES, {}).items():
        terminalreporter.write_line(f"{what}: {text}")
