"""Names in the environment that look like a variable of this project, but are none: nobody reads their values."""

import os
import re
from collections.abc import Iterable, Mapping

from cleargrid_assets.settings import Settings

_PREFIX = "CLEARGRID_"
_MIN_LIKENESS = 0.6
_MIN_LIKENESS_OF_PREFIX = 0.85
"""For names that do not begin with the prefix. Other programs have such names too."""

_OTHER_WORDS = {
    "TZ": "TIMEZONE",
    "DB": "DUCKDB",
    "URL": "BASE_URL",
    "API_URL": "BASE_URL",
    "HOST": "BASE_URL",
    "SUBDOMAIN": "LENDER",
    "USER": "EMAIL",
    "USERNAME": "EMAIL",
    "LOGIN": "EMAIL",
    "PWD": "PASSWORD",
    "SECRET": "PASSWORD",
}
"""Other words that programs have for the same, without the prefix."""


def unknown_variables(environ: Mapping[str, str] = os.environ) -> dict[str, str | None]:
    """The unknown names that have a value, each with the nearest name that is known; None if there is none."""
    known = {str(field.alias) for field in Settings.model_fields.values()}
    candidates = sorted(name for name, text in environ.items() if text.strip() and name not in known)
    nearest = {name: _nearest(name, known) for name in candidates if re.search("CLEAR|GRID", name, re.IGNORECASE)}
    return {name: right for name, right in nearest.items() if right or name.upper().startswith(_PREFIX)}


def unknown_name(name: str, nearest: str | None) -> str:
    """What is wrong with an unknown name, and what to do. Its value is not shown, because it may be a secret."""
    return f"{shown_name(name)} is no variable of this project, so it has no effect. {advice_on(nearest)}"


def advice_on(nearest: str | None) -> str:
    """What to do with an unknown name."""
    advice = "Rename or remove it. docs/configuration.md lists all variables."
    return f"Did you mean {nearest}? {advice}" if nearest else advice


def shown_name(name: str) -> str:
    """The name up to its first odd character. In a broken line of `.env`, a secret may follow that."""
    beginning = re.match(r"[\w-]*", name, re.ASCII)
    return f"{beginning[0]}..." if beginning and beginning[0] != name else name


def _nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is most like a name, if any is like it."""
    # Imported here, because most environments have no such name.
    from difflib import get_close_matches  # noqa: PLC0415

    upper = name.upper().replace("-", "_")
    if not upper.startswith(_PREFIX):
        return next(iter(get_close_matches(upper, known, 1, _MIN_LIKENESS_OF_PREFIX)), None)
    # Without the prefix, which would make all names alike. The fields of `Settings` are other names of the variables.
    names = {right.removeprefix(_PREFIX): right for right in known}
    names |= {field.upper(): str(info.alias) for field, info in Settings.model_fields.items()}
    names |= {other: f"{_PREFIX}{ours}" for other, ours in _OTHER_WORDS.items()}
    likest = get_close_matches(upper.removeprefix(_PREFIX), names, 1, _MIN_LIKENESS)
    return names[likest[0]] if likest else None
