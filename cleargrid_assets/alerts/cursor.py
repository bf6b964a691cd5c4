"""What the sensor of alerts remembers between its ticks: the cursor, as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cleargrid_assets.alerts.day_ranges import days_of, merged
from cleargrid_assets.alerts.messages import Message
from cleargrid_assets.alerts.news import FailingChecks, News, grouped

_SCHEMA = 2
"""Version of the cursor's form. A cursor of another version is not read: the sensor begins anew."""

# Dagster stores the cursor with every tick, so it must stay small.
_MAX_FAILING = 100
_MAX_HELD_BACK = 50
_MAX_UNSENT_CHARACTERS = 30_000

_LEFT_OUT = (
    "ClearGrid ERROR: earlier messages are lost",
    "Too many messages could not be sent. Look at the runs and the checks of the last days in the Dagster UI.",
)


class CursorError(ValueError):
    """A cursor is not one of this version."""


@dataclass
class Backfill:
    """What is known of a backfill with news.

    Attributes:
        told: The severities of which a failure was told at once.
        held_back: What is told when it has ended.
    """

    told: set[str] = field(default_factory=set)
    held_back: list[News] = field(default_factory=list)

    def hold_back(self, news: News) -> None:
        """Keeps news until the end."""
        self.held_back = grouped([*self.held_back, news])[:_MAX_HELD_BACK]


@dataclass
class Cursor:
    """The state of the sensor.

    Attributes:
        after: The storage id of the last event that was read.
        failing: The checks that are told to fail.
        backfills: The backfills with news that have not ended, by their ids.
        unsent: The messages that are not sent to every URL yet, oldest first.
    """

    after: int
    failing: FailingChecks = field(default_factory=FailingChecks)
    backfills: dict[str, Backfill] = field(default_factory=dict)
    unsent: list[Message] = field(default_factory=list)

    def add(self, messages: list[Message]) -> None:
        """Adds messages to send. If they are too long together, one message stands for the oldest ones."""
        self.unsent += messages
        left_out = 0
        while sum(len(each.body) for each in self.unsent[left_out:]) > _MAX_UNSENT_CHARACTERS:
            left_out += 1
        if left_out:
            lost = Message(*_LEFT_OUT, to=_all_of(self.unsent[:left_out]), message_type="failure")
            self.unsent = [lost, *self.unsent[left_out:]]

    def dump(self) -> str:
        """The state as text of a bounded size."""
        return json.dumps(
            {
                "schema": _SCHEMA,
                "after": self.after,
                "failing": _failing_as_json(self.failing),
                "backfills": {
                    backfill_id: [sorted(of.told), [news.as_json() for news in of.held_back]]
                    for backfill_id, of in self.backfills.items()
                },
                "unsent": [message.as_json() for message in self.unsent],
            },
            separators=(",", ":"),
        )

    @classmethod
    def load(cls, text: str) -> "Cursor":
        """Reads the state.

        Raises:
            CursorError: The text was not written by `dump` of this version.
        """
        try:
            state = json.loads(text)
            if state["schema"] == _SCHEMA:
                return cls(
                    int(state["after"]),
                    _failing_from_json(state["failing"]),
                    {
                        backfill_id: Backfill(set(told), [News.from_json(news) for news in held_back])
                        for backfill_id, (told, held_back) in state["backfills"].items()
                    },
                    [Message.from_json(message) for message in state["unsent"]],
                )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CursorError(f"The cursor cannot be read ({type(error).__name__}).") from error
        raise CursorError("The cursor was written by another version.")


def _all_of(messages: Sequence[Message]) -> tuple[int, ...] | None:
    """The positions of the URLs that any of the messages was still to be sent to; None for all."""
    positions: set[int] = set()
    for message in messages:
        if message.to is None:
            return None
        positions.update(message.to)
    return tuple(sorted(positions))


def _failing_as_json(failing: FailingChecks) -> list[Any]:
    """The failing checks, days in ranges; the latest ones if there are too many."""
    days: dict[tuple[str, str, str], list[date]] = {}
    rows: list[list[Any]] = []
    for asset, check, day, severity in failing:
        if day is None:
            rows.append([asset, check, severity, None, None])
        else:
            days.setdefault((asset, check, severity), []).append(day)
    ranges = [
        [*key, str(first), str(last)]
        for key, of_key in days.items()
        for first, last in merged((day, day) for day in of_key)
    ]
    return [*rows, *sorted(ranges, key=lambda row: str(row[-1]))[-_MAX_FAILING:]]


def _failing_from_json(rows: list[list[Any]]) -> FailingChecks:
    entries: dict[tuple[str, str], dict[date | None, str]] = {}
    for asset, check, severity, first, last in rows:
        judged: list[date | None] = (
            [None] if first is None else [*days_of([(date.fromisoformat(first), date.fromisoformat(last))])]
        )
        entries.setdefault((asset, check), {}).update(dict.fromkeys(judged, severity))
    return FailingChecks(entries)
