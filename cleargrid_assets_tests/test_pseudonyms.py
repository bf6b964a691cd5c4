"""Pseudonyms: which value an address gets, and what the fingerprints depend on."""

import hashlib
import hmac
import os

import pytest
from pydantic import SecretStr

from cleargrid_assets.configuration import pseudonyms_of
from cleargrid_assets.contacts import Contacts
from cleargrid_assets.pseudonyms import Pseudonyms
from cleargrid_assets.settings import Settings

KEY = "correct horse battery staple, and more"


def pseudonyms(key: str = KEY, region: str | None = "SA", withheld: str = "ANONYMOUS") -> Pseudonyms:
    return Pseudonyms(SecretStr(key), Contacts([withheld], region))


def hashed(contact: str, key: bytes = KEY.encode()) -> str:
    """The pseudonym, computed by the standard alone."""
    return hmac.new(key, contact.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ("+966512345678", hashed("+966512345678")),
        ("\u200e051 234 5678\u200f", hashed("+966512345678")),
        ("<ÉVA@Example.org>", hashed("éva@example.org")),
        (" Desk 7 ", hashed("desk 7")),
        ("anonymous", "WITHHELD"),
    ],
)
def test_address_gets_the_hmac_of_its_contact(address: str, stored: str) -> None:
    assert pseudonyms().of(address) == stored


def test_key_that_is_no_utf_8_is_used_byte_by_byte() -> None:
    raw = b"\xff\xfe" * 20
    assert pseudonyms(os.fsdecode(raw)).of("+966512345678") == hashed("+966512345678", raw)


def test_version_differs_with_key_region_and_withheld_words_and_tells_none() -> None:
    given = [pseudonyms(), pseudonyms(KEY + "."), pseudonyms(region=None), pseudonyms(withheld="PRIVATE")]
    forms, words = zip(*(each.version.split(", ") for each in given), strict=True)
    assert len({each.version for each in given}) == 4
    assert len(set(forms)) == 3
    assert forms[3] == forms[0]
    assert words[2] == words[0]
    assert pseudonyms().version == given[0].version
    assert not any(text in given[0].version for text in (KEY, "SA", "ANONYMOUS"))


def test_row_is_not_hashed_as_an_address() -> None:
    assert pseudonyms().of_row(b"+966512345678") != pseudonyms().of("+966512345678")
    assert pseudonyms().of_row(b"\xff") == pseudonyms().of_row(b"\xff")


def test_settings_without_a_key_give_no_pseudonyms() -> None:
    assert pseudonyms_of(Settings.from_environment({})) is None
    of_settings = pseudonyms_of(Settings.from_environment({"CLEARGRID_PSEUDONYM_KEY": KEY, "CLEARGRID_REGION": "sa"}))
    assert of_settings is not None
    assert of_settings.of("0512345678") == hashed("+966512345678")
