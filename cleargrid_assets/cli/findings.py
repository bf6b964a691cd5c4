"""What `cleargrid check` finds, and how it is printed."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import click

from cleargrid_assets.settings import variable_of

_LABELS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red"), "skip": ("skip", "cyan")}


@dataclass(frozen=True)
class Finding:
    """What was found of one part of the configuration.

    Attributes:
        check: The part: `variables`, `days`, `outcomes`, `database`, `spool`, `api`, `clock`, `yesterday`,
            `daemon` or `alerts`.
        status: `fail` if a run or something else that is configured would not work, `skip` if it was not tried.
        found: What was found, in whole sentences.
        variable: The variable that decides about it, if it is one.
        value: Its value; None if it is not set, or if it may be a secret.
        takes: What it takes.
        action: What to do now; None if there is nothing to do.
    """

    check: str
    status: Literal["ok", "warn", "fail", "skip"]
    found: str
    variable: str | None = None
    value: str | None = None
    takes: str | None = None
    action: str | None = None


def about(
    variable: str,
    check: str,
    status: Literal["warn", "fail"],
    found: str,
    *,
    value: str | None = None,
    action: str | None = None,
) -> Finding:
    """A finding about a variable of the settings. `value` is ignored if the variable is a secret."""
    declared = variable_of(variable)
    shown = None if declared.secret else value
    return Finding(check, status, found, variable, shown, declared.takes, action)


def as_sentence(error: Exception) -> str:
    """The text of an error with a full stop, so that what to do can follow."""
    return f"{str(error).rstrip('.')}."


def works(findings: Sequence[Finding]) -> bool:
    """Whether nothing fails."""
    return not any(finding.status == "fail" for finding in findings)


def print_line(finding: Finding) -> None:
    """Prints one line for people. Failures go to the standard error."""
    label, colour = _LABELS[finding.status]
    sentences = f"{finding.found} {finding.action or ''}".rstrip()
    click.echo(f"{click.style(label, fg=colour)}  {sentences}", err=finding.status == "fail")


def print_json(findings: Sequence[Finding]) -> None:
    """Prints all findings as one JSON document for programs."""
    document = {"works": works(findings), "findings": [asdict(finding) for finding in findings]}
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
