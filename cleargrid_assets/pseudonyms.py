"""Keyed pseudonyms, which are stored in place of addresses. docs/decisions/pseudonyms.md says why they are made so."""

import hmac
from functools import lru_cache

from pydantic import SecretStr

from cleargrid_assets.contacts import Contacts

WITHHELD = "WITHHELD"
"""What is stored in place of a withheld address."""

_REMEMBERED = 65_536
"""Addresses whose pseudonyms are kept in memory. Most addresses of a day come several times."""

_FORM, _WORDS, _ROW = b"\xffform 1\0", b"\xffwithheld 1\0", b"\xffrow 1\0"
"""What precedes the message of a hash that is no pseudonym. No address can begin like this, as it is no UTF-8."""

_FINGERPRINT_LENGTH = 16


class Pseudonyms:
    """Makes pseudonyms with one key. Safe to use from several threads.

    Args:
        key: The secret.
        contacts: Says which addresses are one contact, so that they get one pseudonym.
    """

    def __init__(self, key: SecretStr, contacts: Contacts) -> None:
        # A variable with bytes that are not UTF-8 has surrogates in their place.
        self._key = key.get_secret_value().encode(errors="surrogateescape")
        self._contacts = contacts
        self.of = lru_cache(maxsize=_REMEMBERED)(self._of)
        """The pseudonym of an address: 64 hexadecimal digits, or `WITHHELD`."""
        form = self._hash(_FORM + (contacts.region or "").encode())[:_FINGERPRINT_LENGTH]
        words = self._hash(_WORDS + "\0".join(sorted(contacts.withheld)).encode())[:_FINGERPRINT_LENGTH]
        self.version = f"pseudonyms {form}, withheld {words}"
        """Fingerprints of key and region together, and of the words for withheld addresses."""

    def of_row(self, text: bytes) -> str:
        """The pseudonym of a whole row, by which it can be recognised."""
        return self._hash(_ROW + text)

    def _of(self, address: str) -> str:
        contact = self._contacts.contact(address)
        return WITHHELD if contact is None else self._hash(contact.encode())

    def _hash(self, message: bytes) -> str:
        return hmac.digest(self._key, message, "sha256").hex()
