"""Signals that end a command which has started other processes."""

import signal

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_as_by_ctrl_c() -> None:
    """Lets every signal that ends the command raise `KeyboardInterrupt`, so that it stops its processes first.

    SIGHUP comes when the terminal is closed. It stays ignored below `nohup`.
    """
    for number in _ENDING:
        # A shell starts background processes with SIGINT ignored, too.
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def ignore_endings() -> None:
    """Ignores these signals, while the command stops its processes."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
