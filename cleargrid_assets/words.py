"""How statuses, communication types and withheld addresses are compared."""


def normalised(word: str) -> str:
    """A word as it is compared: trimmed, upper-case, with `_` for `-` and space."""
    trimmed = word.strip()
    capitals = trimmed.upper() if trimmed.isascii() else "".join(map(_capital, trimmed))
    return capitals.replace("-", "_").replace(" ", "_")


def lowered(text: str) -> str:
    """The text in lower case, as DuckDB makes it: letter by letter, and always a single character for each."""
    return text.lower() if text.isascii() else "".join(letter.lower()[0] for letter in text)


def _capital(letter: str) -> str:
    """The upper-case letter as DuckDB makes it: always a single character."""
    candidates = (letter.upper(), letter.title(), "\N{LATIN CAPITAL LETTER SHARP S}" if letter == "ß" else letter)
    return next(capital for capital in candidates if len(capital) == 1)
