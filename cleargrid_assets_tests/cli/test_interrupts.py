"""Which signals end a command that has started other processes."""

import signal
from collections.abc import Iterator

import pytest

from cleargrid_assets.cli.interrupts import end_as_by_ctrl_c, ignore_endings

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", ENDING)
def test_signal_is_as_ctrl_c_until_the_command_stops_its_processes(number: signal.Signals) -> None:
    signal.signal(number, signal.SIG_DFL)
    end_as_by_ctrl_c()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    ignore_endings()
    signal.raise_signal(number)


def test_hangup_stays_ignored_below_nohup_but_ctrl_c_does_not() -> None:
    ignore_endings()
    end_as_by_ctrl_c()
    signal.raise_signal(signal.SIGHUP)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
