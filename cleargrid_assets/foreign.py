"""Foreign words: what a server, a row or a proxy wrote, made fit for logs, errors, checks, metadata and pictures.

Such words may hold personal data, secrets, terminal escapes, Markdown or HTML. Only what an allow-list has is shown:
letters, spaces, `_`, `-`, `.`, up to three digits in a row, and ISO dates. The tables keep the words as they came.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from cleargrid_assets.wording import first_of

MASK = "[masked]"
"""Stands for what is not shown."""

MAX_WORDS = 50
"""Words of a list that are shown."""

_MAX_SEARCHED = 1000
"""Characters of a text that are looked at. Fewer are shown."""

_CUT = "..."
_HIDDEN = "\0"
"""Stands for `MASK` until the end. No text contains it, because control characters are replaced."""

_NEVER_IN_WORDS = re.compile(r"[@%\\&=#$^`~+]")
"""Characters of addresses and of encoded text. A word that has one is hidden whole."""

_AT = r"(?:@|%(?:25)*40|=40|\\+u0*40|\\+x40|&#(?:0*64|x0*40);?|&commat;?)"
_BEGINS_WITH_AT = re.compile(rf"[^\w@%=\\&]*{_AT}", re.IGNORECASE)
_ENDS_WITH_AT = re.compile(rf"{_AT}[\W_]*\Z", re.IGNORECASE)

_SPELLED_ADDRESS = re.compile(
    r"(?<!\S)\S+(?: dot \S+)*[ ._\-]{1,3}at[ ._\-]{1,3}"
    r"\w[\w\-]*(?:(?:\.|[ ._\-]{1,3}dot[ ._\-]{1,3})\w[\w\-]*)+"
    r"|\bwww\.\w\S*"
    rf"|(?<!\S)[^\s{_HIDDEN}](?: [^\s{_HIDDEN}]){{4,}}(?!\S)",
    re.IGNORECASE,
)
"""`name at example dot com`, an address that Markdown makes a link, and letters with spaces between them."""

_ISO_DATE = re.compile(
    r"((?<![\w.\-])(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    rf"(?!(?!T[0-9{_HIDDEN}])[\w\-]|\.[0-9]))"
)
_LONG_RUN = re.compile(r"[^\W_]{12,}")
_LETTER_AFTER_DIGIT = re.compile(r"[0-9][^\W_0-9]")
_DIGITS = re.compile(r"[0-9](?:[ _.\-]*[0-9])*")
_MAX_DIGITS = 3
_MAX_MARKS = 3
_KEPT = frozenset(f" _-.0123456789{_HIDDEN}")
_SEVERAL_HIDDEN = re.compile(rf"{_HIDDEN}(?:[ _.\-]*{_HIDDEN})+")
_PART_OF_MASK = re.compile(r"\[\w*\Z")

_WHOLE_ID = re.compile(
    r"[0-9a-f]{24}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|req_[0-9a-z]{1,40}", re.IGNORECASE | re.ASCII
)
_MAX_OF_ID = 4


def presentable(text: object, max_length: int = 60) -> str:
    """A foreign text without anything that may be personal or that a terminal or a browser would act on.

    Words that may be an address, an encoded text or a long number are replaced by `[masked]`. The result is its own
    presentable form.

    Args:
        text: What a server, a row or a proxy wrote.
        max_length: Max characters of the result.
    """
    plain = _beginning(_plain(_beginning(str(text)))).replace(MASK, _HIDDEN)
    # The dates are at the odd places.
    parts = _ISO_DATE.split(_kept(" ".join(_without_addresses(plain.split()))))
    shown = "".join(part if place % 2 else _without_numbers(part) for place, part in enumerate(parts))
    # Again, because what is hidden may leave the marks of its letters.
    shown = _SEVERAL_HIDDEN.sub(_HIDDEN, _kept(_SPELLED_ADDRESS.sub(_HIDDEN, shown))).replace(_HIDDEN, MASK)
    if plain and not shown:
        return MASK
    return shown if len(shown) <= max_length else _shortened(shown, max_length)


def presentable_id(text: object) -> str:
    """An id that a server wrote: whole if it has the form of an id, else its first four characters."""
    written = str(text)
    if _WHOLE_ID.fullmatch(written):
        return written
    if written.startswith(MASK):
        return MASK + _CUT
    beginning = presentable(written[:_MAX_OF_ID])
    return f"{beginning}{_CUT}" if len(written) > _MAX_OF_ID else beginning


def presentable_code(text: object) -> str:
    """A foreign text for Markdown, as code. Nothing in it is formatted, and it reads well as plain text, too."""
    return f"`{presentable(text) or 'nothing'}`"


def presentable_words(words: Iterable[object], noun: str, *, presented: Callable[[object], str] = presentable) -> str:
    """Foreign words as a list that is cut short, such as `A, B and 3 more types`.

    Args:
        words: The words.
        noun: What one of them is.
        presented: Makes one of them presentable.
    """
    items = list(words)
    return first_of([*map(presented, items[:MAX_WORDS]), *items[MAX_WORDS:]], MAX_WORDS, noun)


def _beginning(text: str) -> str:
    """The whole words at the beginning of a text, because half an address would not be recognised."""
    if len(text) <= _MAX_SEARCHED:
        return text
    words = text[:_MAX_SEARCHED].rsplit(maxsplit=1)
    return words[0] if len(words) > 1 else MASK


def _plain(text: str) -> str:
    """The text without format characters, in its compatibility form, with ASCII digits."""
    # Twice, because characters may combine once there is nothing between them.
    for _ in range(2):
        text = "".join(map(_plain_character, unicodedata.normalize("NFKC", text)))
    return text


def _plain_character(character: str) -> str:
    if character == "\0":
        return " "
    if unicodedata.category(character) == "Cf":
        return ""
    digit = unicodedata.digit(character, None)
    return character if digit is None else str(digit)


def _without_addresses(words: Sequence[str]) -> Iterator[str]:
    """The words, hidden if they may be a part of an address."""
    for before, word, after in zip(("", *words), words, (*words[1:], ""), strict=False):
        # An address may be written with spaces around its `@`.
        is_part = _ENDS_WITH_AT.search(before) or _BEGINS_WITH_AT.match(after)
        yield _HIDDEN if is_part or _NEVER_IN_WORDS.search(word) else word


def _kept(text: str) -> str:
    """The characters that pass, and single spaces for the others. Few marks pass, and only on letters."""
    kept: list[str] = []
    marks_left = 0
    for character in text:
        kind = unicodedata.category(character)[0]
        is_kept = kind == "L" or (kind == "M" and marks_left > 0) or character in _KEPT
        kept.append(character if is_kept else " ")
        marks_left = {"L": _MAX_MARKS, "M": marks_left - 1}.get(kind, 0)
    return " ".join("".join(kept).split())


def _without_numbers(text: str) -> str:
    """The text with long numbers hidden, and long runs of letters and digits, which may be an encoded text."""
    text = _LONG_RUN.sub(lambda run: _HIDDEN if _LETTER_AFTER_DIGIT.search(run[0]) else run[0], text)
    return _DIGITS.sub(lambda row: _HIDDEN if sum(map(str.isdigit, row[0])) > _MAX_DIGITS else row[0], text)


def _shortened(text: str, max_length: int) -> str:
    cut = text[: max_length - len(_CUT)]
    words = cut.rsplit(" ", 1)[0]
    return _PART_OF_MASK.sub("", words).rstrip(" _-.") + _CUT
