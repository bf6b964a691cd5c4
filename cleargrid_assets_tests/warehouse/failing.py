"""A write that fails at a step."""

from collections.abc import Callable
from typing import Any


class PowerCutError(Exception):
    """What the step raises."""


def fail_after(step: Callable[..., Any]) -> Callable[..., Any]:
    """The step, which raises once it is done."""

    def wrapped(*args: Any, **kwargs: Any) -> None:
        step(*args, **kwargs)
        raise PowerCutError

    return wrapped
