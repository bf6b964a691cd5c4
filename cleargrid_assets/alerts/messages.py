"""The texts of alerts. They hold no foreign words but those of checks and errors, which are presentable already."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cleargrid_assets.alerts.day_ranges import shown
from cleargrid_assets.alerts.news import ERROR, WARN, Kind, News, grouped
from cleargrid_assets.alerts.sending import MessageType
from cleargrid_assets.wording import counted, more

_MAX_ENTRIES = 10
_MAX_SENTENCE = 600
_RECOVERED = "Recovered"
_TYPES: Final[dict[str, MessageType]] = {ERROR: "failure", WARN: "warning", _RECOVERED: "success"}


@dataclass(frozen=True)
class Message:
    """A message to send.

    Attributes:
        title: The subject.
        body: The text.
        to: The positions of the URLs that it is still to be sent to; None for all.
        message_type: How services mark it.
    """

    title: str
    body: str
    to: tuple[int, ...] | None = None
    message_type: MessageType = "info"

    def as_json(self) -> list[Any]:
        """The fields as JSON values."""
        return [self.title, self.body, self.to, self.message_type]

    @classmethod
    def from_json(cls, fields: Sequence[Any]) -> "Message":
        """The inverse of `as_json`."""
        title, body, to, message_type = fields
        return cls(str(title), str(body), None if to is None else tuple(map(int, to)), message_type)


def messages(news: Sequence[News], ui_url: str | None) -> list[Message]:
    """One message for errors, one for warnings and one for what is over, as far as there is any, the latest at the end.

    Args:
        news: What to tell.
        ui_url: Root of the Dagster UI for the links; None if there are none.
    """
    by_label: dict[str, list[News]] = {}
    for each in news:
        label = each.severity if each.is_failure else _RECOVERED
        by_label[label] = [*by_label.pop(label, []), each]
    return [_message(label, grouped(of_label), ui_url) for label, of_label in by_label.items()]


def end_of_backfill(news: Sequence[News], ui_url: str | None) -> Message:
    """One message for all that happened in a backfill after its first failures, errors first.

    Args:
        news: What to tell.
        ui_url: Root of the Dagster UI for the links; None if there are none.
    """
    ordered = sorted(news, key=lambda each: (not each.is_failure, each.severity != ERROR))
    label = ordered[0].severity if ordered[0].is_failure else _RECOVERED
    title = f"ClearGrid {label}: a backfill has ended, {counted(len(news), 'finding')}"
    return Message(title, _body(ordered, ui_url), message_type=_TYPES[label])


def _message(label: str, news: Sequence[News], ui_url: str | None) -> Message:
    what = _headline(news[0]) if len(news) == 1 else f"{len(news)} findings"
    return Message(f"ClearGrid {label}: {what}", _body(news, ui_url), message_type=_TYPES[label])


def _body(news: Sequence[News], ui_url: str | None) -> str:
    entries = [_entry(each, ui_url) for each in news[:_MAX_ENTRIES]]
    left_out = more(len(news) - _MAX_ENTRIES, "finding")
    return "\n\n".join([*entries, *([left_out] if left_out else [])])


def _entry(news: News, ui_url: str | None) -> str:
    label = f"{news.severity} " if news.is_failure else ""
    lines = [f"{label}{_headline(news)}", news.sentence, f"{ui_url}{news.path}" if ui_url else ""]
    return "\n".join(filter(None, lines))


def _headline(news: News) -> str:
    days = f" ({shown(news.days)})" if news.days else ""
    return {
        Kind.RUN_FAILED: f"run of {news.subject} failed{days}",
        Kind.FAILS: f"{news.subject} fails{days}",
        Kind.CHANGED: f"{news.subject} is {news.severity} now{days}",
        Kind.PASSES: f"{news.subject} passes again{days}",
    }[news.kind]


def shortened(sentence: str) -> str:
    """A sentence that is not too long for a chat. What is left out is in the middle, because the end says what to do.

    Args:
        sentence: A description of a check or an error.
    """
    if len(sentence) <= _MAX_SENTENCE:
        return sentence
    half = _MAX_SENTENCE // 2
    return f"{sentence[:half].rpartition(' ')[0]} ... {sentence[-half:].partition(' ')[2]}"
