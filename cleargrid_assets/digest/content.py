"""What a digest says of one day, ready to be shown as a page, a message or Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from cleargrid_assets.pictures.text import dated

WEEK = timedelta(weeks=1)


@dataclass(frozen=True)
class Figure:
    """One headline of the digest, as text.

    Attributes:
        name: What it counts.
        value: Of the day.
        before: Of the same weekday of the week before.
        change: From `before` to `value`.
        usual: The range that is usual for the weekday; empty if it is not known.
        is_unusual: Whether the value is outside of that range.
    """

    name: str
    value: str
    before: str
    change: str
    usual: str = ""
    is_unusual: bool = False


@dataclass(frozen=True)
class FunnelRow:
    """How many contacts of one communication type got to each stage, as text.

    Attributes:
        name: The type, a foreign word in its presentable form.
        contacts: One count per stage.
        rates: Their shares of the contacts attempted.
    """

    name: str
    contacts: Sequence[str]
    rates: Sequence[str]


@dataclass(frozen=True)
class Section:
    """The conclusion and the picture of one table.

    Attributes:
        table: The name of its table.
        conclusion: The headline without its day.
        picture: A PNG.
    """

    table: str
    conclusion: str
    picture: bytes


@dataclass(frozen=True)
class FailingCheck:
    """A check whose latest evaluation failed: the latest that judges the day, or the latest of all.

    Attributes:
        table: The name of the checked table.
        name: The name of the check.
        is_error: Whether the severity is ERROR, not WARN.
        description: What it found, and what to do.
        days: The judged days as text; empty for a check of the whole history.
        evaluated_at: When it was evaluated.
    """

    table: str
    name: str
    is_error: bool
    description: str
    days: str
    evaluated_at: datetime


@dataclass(frozen=True)
class FetchedDay:
    """What the latest fetch of a day changed.

    Attributes:
        day: The business day.
        rows: Its rows afterwards.
        new: Rows that were not there before.
        changed: Rows that were there with other values.
        removed: Rows that are gone.
    """

    day: date
    rows: str
    new: str
    changed: str
    removed: str


@dataclass(frozen=True)
class History:
    """What Dagster's history adds to the stored rows.

    Attributes:
        failing: The failing checks, errors first.
        checks: How many checks have been evaluated.
        fetched: What the latest fetches of the resynced days changed, by day.
    """

    failing: Sequence[FailingCheck]
    checks: int
    fetched: Sequence[FetchedDay]


@dataclass(frozen=True)
class Digest:
    """The digest of one day.

    Attributes:
        day: The business day.
        zone: Name of the business time zone.
        made_at: When the digest was made.
        latest: The last stored day; None if no day is stored.
        is_stored: Whether the communication logs of the day are stored. If they are not, there are no figures.
        missing: Tables that lack the day although the communication logs have it.
        figures: The headlines.
        unmapped_note: How many attempts have an unmapped status; empty if none has.
        funnel: The funnel of all types together, then of each type.
        more_types: The types that are left out of the funnel, as text; empty if there are none.
        sections: The communication logs and the analyses.
        unmapped: Words that the outcomes file does not list, in their presentable form, with their communications.
        history: None if there is no Dagster history at hand.
    """

    day: date
    zone: str
    made_at: datetime
    latest: date | None
    is_stored: bool
    missing: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    unmapped_note: str = ""
    funnel: Sequence[FunnelRow] = ()
    more_types: str = ""
    sections: Sequence[Section] = ()
    unmapped: Sequence[tuple[str, str]] = ()
    history: History | None = None

    @property
    def before(self) -> date:
        """The day that the figures are compared with: the same weekday of the week before."""
        return self.day - WEEK

    @property
    def notice(self) -> str:
        """What is wrong with the day itself; empty if it is the latest stored day and complete."""
        if self.latest is None:
            return "No day is stored yet."
        latest = f"The latest stored day is {dated(self.latest)}."
        if not self.is_stored:
            return f"{dated(self.day)} is not stored, so there are no figures. {latest}"
        age = "" if self.day == self.latest else f"Not the latest day. {latest}"
        lacking = f"The day is not stored in {', '.join(self.missing)}." if self.missing else ""
        return f"{age} {lacking}".strip()

    @property
    def failing(self) -> Sequence[FailingCheck]:
        """The failing checks that are known."""
        return self.history.failing if self.history else ()
