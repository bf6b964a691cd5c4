"""Who is one contact: the one text that stands for all spellings of an address.

`analysis/contacts.py` does the same for many addresses in SQL. A test compares the two.
"""

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from cleargrid_assets.words import lowered, normalised

E164 = r"\+[1-9][0-9]{7,14}"
"""A telephone number in E.164, as a regular expression. Such an address is its own contact."""

_E164 = re.compile(E164)
_VISIBLE = re.compile("[!-~]*")
_OUTER_BRACKETS = re.compile(r"<([^<>]*)>")


@dataclass(frozen=True)
class Contacts:
    """Finds the contact of single addresses.

    Attributes:
        withheld: The normalised addresses that are withheld.
        region: ISO country of telephone numbers without a country code. None leaves such numbers as they are.
    """

    withheld: Collection[str]
    region: str | None

    def contact(self, address: str) -> str | None:
        """The contact of an address, by its shape alone; None if the address is withheld.

        White space around it, and invisible format characters (Unicode category Cf) anywhere in it, are removed. A text
        without `@` is a telephone number. It is written in E.164 if it can be read as a possible number. Every other
        text is in lower case. An e-mail address has no outer angle brackets.
        """
        text = address if _VISIBLE.fullmatch(address) else _cleaned(address)
        is_email = "@" in text
        if is_email and (bracketed := _OUTER_BRACKETS.fullmatch(text)):
            text = bracketed[1].strip()
        if normalised(text) in self.withheld:
            return None
        if is_email or _E164.fullmatch(text):
            return lowered(text)
        return e164(text, self.region) or lowered(text)


def e164(text: str, region: str | None) -> str | None:
    """The telephone number in E.164; None if the text cannot be read as a possible number.

    Args:
        text: The number in any spelling.
        region: ISO country of numbers without a country code; None leaves them unread.
    """
    # Imported here, because only runs that meet such numbers need it.
    import phonenumbers  # noqa: PLC0415

    try:
        # The library knows only some kinds of white space.
        number = phonenumbers.parse(" ".join(text.split()), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _cleaned(address: str) -> str:
    return "".join(letter for letter in address if unicodedata.category(letter) != "Cf").strip()
