"""The digest as plain text, for chats and mailboxes, and as Markdown, for the UI."""

import hashlib

from cleargrid_assets.alerts.messages import shortened
from cleargrid_assets.contracts import STAGES
from cleargrid_assets.digest.content import Digest, FailingCheck, Figure
from cleargrid_assets.pictures import text
from cleargrid_assets.wording import counted, first_of, more

_MAX_LISTED = 10
_IN_SUMMARY = 3


def title(digest: Digest) -> str:
    """The subject of the message: the day, and how many checks fail."""
    return f"Outreach on {text.dated(digest.day)}: {_state(digest)}"


def body(digest: Digest, link: str | None) -> str:
    """The message: headlines, funnel and failing checks.

    Args:
        digest: The digest.
        link: The address of the digest in the UI, if it is known.
    """
    parts = [digest.notice, _headlines(digest), _unmapped(digest), _funnel(digest), _failing(digest)]
    parts.append(f"The whole digest: {link}" if link else "The page is attached where the service takes files.")
    return "\n\n".join(part for part in parts if part)


def fingerprint(digest: Digest) -> str:
    """Twelve characters that differ if the message differs."""
    return hashlib.sha256(f"{title(digest)}\n{body(digest, None)}".encode()).hexdigest()[:12]


def summary(digest: Digest) -> str:
    """The digest as Markdown that fits into the UI.

    Args:
        digest: The digest.
    """
    opening = f"**{text.escape(f'{text.dated(digest.day)} ({digest.zone}): {_state(digest)}')}**"
    rows = [(each.name, text.escape(each.value) + (" ⚠" if each.is_unusual else "")) for each in digest.figures]
    failing = list(dict.fromkeys(f"`{check.name}`" for check in digest.failing))
    named = f"Failing: {first_of(failing, _IN_SUMMARY, 'check')}" if failing else ""
    return text.paragraphs(
        opening,
        text.escape(digest.notice),
        text.table(("", "the day"), "lr", rows) if rows else "",
        digest.unmapped_note,
        named,
    )


def _state(digest: Digest) -> str:
    if digest.history is None:
        checks = "checks are not known"
    elif not digest.history.checks:
        checks = "no check has run"
    elif not digest.failing:
        checks = "all checks pass"
    else:
        checks = f"{counted(len(digest.failing), 'check')} fail{'s' if len(digest.failing) == 1 else ''}"
    return checks if digest.is_stored else f"not stored, {checks}"


def _headlines(digest: Digest) -> str:
    if not digest.figures:
        return ""
    heading = f"Headlines, against {text.dated(digest.before)} (zone: {digest.zone})"
    return "\n".join([heading, *(f"{figure.name}: {_compared(figure)}" for figure in digest.figures)])


def _compared(figure: Figure) -> str:
    value = f"{figure.value}, unusual" if figure.is_unusual else figure.value
    usual = f", usual: {figure.usual}" if figure.usual else ""
    return f"{value} (before: {figure.before}, change: {figure.change}{usual})"


def _unmapped(digest: Digest) -> str:
    return f"{digest.unmapped_note}, so more contacts may have been reached." if digest.unmapped_note else ""


def _funnel(digest: Digest) -> str:
    """The funnel as a table of plain text."""
    if not digest.funnel:
        return ""
    cells = [("Contacts", *STAGES), *((row.name, *row.contacts) for row in digest.funnel)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join([name.ljust(widths[0]), *map(str.rjust, counts, widths[1:])]) for name, *counts in cells]
    return "\n".join([*lines, *([digest.more_types] if digest.more_types else [])])


def _failing(digest: Digest) -> str:
    if not digest.failing:
        return ""
    lines = [_line(check) for check in digest.failing[:_MAX_LISTED]]
    left = more(len(digest.failing) - _MAX_LISTED, "check")
    return "\n".join(["Checks that fail", *lines, *([left] if left else [])])


def _line(check: FailingCheck) -> str:
    severity = "ERROR" if check.is_error else "WARN"
    of_days = f", {check.days}" if check.days else ""
    return f"{severity} {check.name} of {check.table}{of_days}: {shortened(check.description)}"
