"""URLs that hold tokens: how those of `CLEARGRID_ALERTS` are separated, and what may be shown of one."""

import logging
import re

_BETWEEN_URLS = re.compile(r"[\s,;]+(?=[a-z0-9]+://)|[,;]*\s+", re.IGNORECASE)
"""White space, or a comma or semicolon before the next URL. Any other comma is a part of a URL."""

_SCHEME = re.compile(r"([a-z0-9]{1,20}://)", re.IGNORECASE)


def split_urls(text: str) -> list[str]:
    """The URLs of a list that is separated by white space, commas or semicolons.

    Args:
        text: The value of `CLEARGRID_ALERTS`.
    """
    return [url for url in _BETWEEN_URLS.split(text.strip(" \t\r\n,;")) if url]


def scheme_of(url: str) -> str | None:
    """The scheme of a URL, such as `slack://`; None if it has none. It is the part without a secret."""
    found = _SCHEME.match(url)
    return found[1].lower() if found else None


def keep_urls_out_of_logs() -> None:
    """Silences the libraries that log URLs: Apprise whole ones, and urllib3 their paths at DEBUG."""
    logging.getLogger("apprise").disabled = True
    logging.getLogger("urllib3").setLevel(logging.WARNING)
