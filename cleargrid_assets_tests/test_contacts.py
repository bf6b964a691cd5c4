"""The contact of a single address, and that many addresses get the same contacts in SQL."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleargrid_assets.analysis.contacts import SPELLINGS, find_spellings, is_plain
from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.contacts import Contacts

WITHHELD = load_outcomes(None).withheld
NUMBER = "+966512345678"
SPELLED = [
    (NUMBER, NUMBER),
    (f"\u200e\u202a{NUMBER}\u202c\ufeff", NUMBER),
    (f" \u00a0{NUMBER}\u2003", NUMBER),
    ("+966\u200b51\u00ad2345678", NUMBER),
    ("00966 51 234 5678", NUMBER),
    ("051-234-5678", NUMBER),
    ("tel:+966-51-234-5678", NUMBER),
    ("\u0660\u0665\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", NUMBER),
    ("+\u06f9\u06f6\u06f6\u06f5\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8", NUMBER),
    ("\u200e+4407911123456", "+4407911123456"),
    ("7", "7"),
    (" Desk ", "desk"),
    ("<Someone@Example.org>", "someone@example.org"),
    ("\u200f< Someone@Example.org >\u200f", "someone@example.org"),
    ("<\u00a0Someone@Example.org\u2003>", "someone@example.org"),
    ("Some One <A@B.example>", "some one <a@b.example>"),
    ("ÉVA@example.org", "éva@example.org"),
    ("İREM@example.org", "irem@example.org"),
    ("ΝΙΚΟΣ@example.org", "νικοσ@example.org"),
    ("", None),
    (" \u200b ", None),
    ("Anonymous", None),
    ("\u202aunknown\u202c", None),
]


def by_sql(addresses: list[str], region: str | None) -> dict[str, str | None]:
    """The contacts as storing finds them."""
    with duckdb.connect() as connection:
        given = "SELECT unnest($given::VARCHAR[]) AS address"
        relation = connection.sql(given, params={"given": addresses})
        find_spellings(connection, relation, WITHHELD, region)
        found: dict[str, str | None] = dict(connection.sql(f"SELECT address, contact FROM {SPELLINGS}").fetchall())
        [(themselves,)] = connection.execute(
            f"SELECT list(a) FROM (SELECT unnest($given::VARCHAR[]) AS a) WHERE {is_plain('a', WITHHELD)}",
            {"given": addresses},
        ).fetchall()
    return found | {address: address for address in themselves or ()}


@pytest.mark.parametrize(("address", "contact"), SPELLED)
def test_every_spelling_of_an_address_is_one_contact(address: str, contact: str | None) -> None:
    assert Contacts(WITHHELD, "SA").contact(address) == contact


def test_number_without_country_code_needs_a_region() -> None:
    assert Contacts(WITHHELD, None).contact("051 234 5678") == "051 234 5678"
    assert Contacts(WITHHELD, "AE").contact("051 234 5678") == "+971512345678"


def test_single_addresses_and_sql_agree_on_all_spellings() -> None:
    addresses = [address for address, _ in SPELLED]
    assert by_sql(addresses, "SA") == dict(SPELLED)


_LETTERS = st.sampled_from("0123456789+- ()<>@.:;#xXaBÉ\u0660\u0665\u06f9\u200e\u200b\u00ad\u00a0\u2003\t_")


@settings(max_examples=8)
@given(st.lists(st.text(_LETTERS, max_size=16), min_size=60, max_size=60), st.sampled_from(["SA", None]))
def test_single_addresses_and_sql_agree_on_random_texts(addresses: list[str], region: str | None) -> None:
    contacts = Contacts(WITHHELD, region)
    assert by_sql(addresses, region) == {address: contacts.contact(address) for address in addresses}
