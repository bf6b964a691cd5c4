"""An environment variable as errors, `cleargrid init` and the documentation describe it."""

import re
from dataclasses import dataclass
from datetime import time
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from cleargrid_assets.setting_types import Takes

_LONGEST_SHOWN = 40


@dataclass(frozen=True)
class Variable:
    """One environment variable.

    Attributes:
        name: Its name.
        default: Its default as text, None if it has none.
        description: What it means.
        takes: What values it takes.
        secret: Whether its value must never be shown.
    """

    name: str
    default: str | None
    description: str
    takes: str
    secret: bool

    def hides(self, text: str) -> bool:
        """Whether an unusable value is not shown.

        Somebody may have given a secret to the wrong variable: a long text, or an address with a token in it.
        """
        is_address = "://" in text and "address" not in self.takes
        return self.secret or is_address or len(text) > _LONGEST_SHOWN or bool(re.search("[@?=]", text))


def described(field: FieldInfo) -> Variable:
    """The variable that a field of `Settings` declares."""
    [takes] = [each.words for each in field.metadata if isinstance(each, Takes)]
    return Variable(
        name=str(field.alias),
        default=_as_text(field.default),
        description=str(field.description),
        takes=takes,
        secret=SecretStr in get_args(field.annotation),
    )


def _as_text(default: object) -> str | None:
    if isinstance(default, time):
        return f"{default:%H:%M}"
    return None if default is None else str(default)
