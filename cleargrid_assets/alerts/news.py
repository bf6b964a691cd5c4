"""What alerts tell: a failed run, or a check that begins to fail, changes its severity or recovers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from typing import Any

from cleargrid_assets.alerts.day_ranges import DayRange, days_of, merged

ERROR, WARN = "ERROR", "WARN"


class Kind(Enum):
    """What happened."""

    RUN_FAILED = "run failed"
    FAILS = "fails"
    CHANGED = "changed"
    PASSES = "passes"


@dataclass(frozen=True)
class News:
    """One thing to tell.

    Attributes:
        kind: What happened.
        severity: `ERROR` or `WARN`; of a check that recovers, the severity that it had.
        subject: The job of the run, or the asset and the check.
        days: The days of the run, or the days that the check judged.
        sentence: What happened and what to do.
        path: The page of the Dagster UI, relative to its root.
    """

    kind: Kind
    severity: str
    subject: str
    days: tuple[DayRange, ...]
    sentence: str
    path: str

    @property
    def is_failure(self) -> bool:
        """Whether something is wrong, and not merely over."""
        return self.kind is not Kind.PASSES

    def as_json(self) -> list[Any]:
        """The fields as JSON values."""
        days = [[str(first), str(last)] for first, last in self.days]
        return [self.kind.value, self.severity, self.subject, days, self.sentence, self.path]

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> "News":
        """The inverse of `as_json`."""
        kind, severity, subject, days, sentence, path = fields
        ranges = tuple((date.fromisoformat(first), date.fromisoformat(last)) for first, last in days)
        return cls(Kind(kind), severity, subject, ranges, sentence, path)


def grouped(news: Sequence[News]) -> list[News]:
    """The same news with one entry for what happened to several days. It has the sentence of the last one."""
    groups: dict[tuple[Kind, str, str], News] = {}
    for each in news:
        key = (each.kind, each.severity, each.subject)
        before = groups[key].days if key in groups else ()
        groups[key] = replace(each, days=tuple(merged([*before, *each.days])))
    return list(groups.values())


@dataclass(frozen=True)
class Evaluation:
    """What a check said.

    Attributes:
        asset: The key of the asset, as text.
        check: The name of the check.
        passed: Whether it passed.
        severity: `ERROR` or `WARN`.
        days: The days that it judged; None if it judges the whole history.
        sentence: Its description.
    """

    asset: str
    check: str
    passed: bool
    severity: str
    days: DayRange | None
    sentence: str


class FailingChecks:
    """The checks that fail, by the days that they judged, as far as they are told already.

    Checks of the history have one entry, at None instead of a day.
    """

    def __init__(self, entries: Mapping[tuple[str, str], Mapping[date | None, str]] | None = None) -> None:
        self._entries = {check: dict(days) for check, days in (entries or {}).items()}

    def __iter__(self) -> Iterator[tuple[str, str, date | None, str]]:
        """Asset, check, day and severity of each entry."""
        for (asset, check), days in self._entries.items():
            yield from ((asset, check, day, severity) for day, severity in days.items())

    def update(self, evaluation: Evaluation) -> News | None:
        """Takes note of an evaluation.

        A check of several days does not say which of them are wrong. If one of them is known to fail with the same
        severity, that explains the failure, and there is no news.

        Returns:
            What is new; None if nothing is.
        """
        judged: Sequence[date | None] = [None] if evaluation.days is None else days_of([evaluation.days])
        entries = self._entries.setdefault((evaluation.asset, evaluation.check), {})
        known = {day: entries[day] for day in judged if day in entries}
        if evaluation.passed:
            for day in known:
                del entries[day]
            if not known:
                return None
            worst = ERROR if ERROR in known.values() else WARN
            days = tuple(merged((day, day) for day in known if day is not None))
            return _news(Kind.PASSES, worst, evaluation, days)
        if evaluation.severity in known.values():
            return None
        entries.update(dict.fromkeys(known or judged, evaluation.severity))
        days = () if evaluation.days is None else (evaluation.days,)
        return _news(Kind.CHANGED if known else Kind.FAILS, evaluation.severity, evaluation, days)


def _news(kind: Kind, severity: str, evaluation: Evaluation, days: tuple[DayRange, ...]) -> News:
    return News(
        kind,
        severity,
        f"{evaluation.asset.rsplit('/', 1)[-1]}.{evaluation.check}",
        days,
        evaluation.sentence,
        f"/assets/{evaluation.asset}?view=checks&checkDetail={evaluation.check}",
    )
