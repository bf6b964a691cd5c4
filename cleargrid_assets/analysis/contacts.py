"""Who is one contact: the spellings of an address, and the one text that stands for all of them."""

import re
from collections.abc import Sequence

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from cleargrid_assets.analysis.classify import INBOUND, OUTBOUND, WHITESPACE, literal, normalised, trimmed
from cleargrid_assets.contacts import E164, e164

SPELLINGS = "temp.main.spellings"
"""The table that `find_spellings` makes: `address`, and its `contact`, which is NULL if the address is withheld."""

ADDRESS = f'CASE WHEN {OUTBOUND} THEN "to" WHEN {INBOUND} THEN "from" END'
"""The other party's address, as the source wrote it; NULL if the direction is neither inbound nor outbound."""

_LOWER_CASE_EMAIL = r"[!-;=?\[-~]+@[!-;=?\[-~]+"
_PSEUDONYM = r"[0-9a-f]{64}"
_PLAIN = re.compile(f"{E164}|{_LOWER_CASE_EMAIL}|{_PSEUDONYM}")
_INVISIBLE = literal(r"\p{Cf}+")
_OUTER_BRACKETS = literal(f"^<[{WHITESPACE}]*([^<>]*?)[{WHITESPACE}]*>$")


def is_plain(address: str, withheld: Sequence[str]) -> str:
    """Whether an address is its own contact, in SQL, without looking it up.

    It is a telephone number in E.164, an e-mail address of visible ASCII characters in lower case without brackets, or
    a pseudonym.

    Args:
        address: An SQL expression.
        withheld: The normalised addresses that are withheld.
    """
    condition = f"regexp_full_match({address}, {literal(_PLAIN.pattern)})"
    listed = ", ".join(literal(word) for word in withheld if _PLAIN.fullmatch(word.lower()))
    return f"{condition} AND {normalised(address)} NOT IN ({listed})" if listed else condition


def find_spellings(
    connection: DuckDBPyConnection, addresses: DuckDBPyRelation, withheld: Sequence[str], region: str | None
) -> None:
    """Stores the contact of each distinct address that is not plain in the temporary table `SPELLINGS`.

    White space around an address, and invisible format characters (Unicode category Cf) anywhere in it, are removed.
    Then:

    - A withheld address has no contact.
    - A text without `@` is a telephone number. If it can be read as a possible number, with the region where it has no
      country code, it is written in E.164.
    - Every other text is in lower case. An e-mail address has no outer angle brackets.

    Args:
        connection: The connection of the relation.
        addresses: The column `address`.
        withheld: The normalised addresses that are withheld.
        region: ISO country of telephone numbers without a country code. None leaves such numbers as they are.
    """
    _store_texts(addresses, withheld)
    telephones = connection.execute(
        f"""
        SELECT DISTINCT text FROM temp.main.texts
        WHERE NOT contains(text, '@') AND NOT regexp_full_match(text, {literal(E164)})
        """
    ).fetchall()
    numbers = {text: number for (text,) in telephones if (number := e164(text, region))}
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE spellings AS
        SELECT
            address,
            CASE
                WHEN NOT list_contains($withheld::VARCHAR[], {normalised("text")}) THEN coalesce(number, lower(text))
            END AS contact
        FROM temp.main.texts
        LEFT JOIN (SELECT unnest($texts::VARCHAR[]) AS text, unnest($numbers::VARCHAR[]) AS number) USING (text)
        """,
        {"withheld": [*withheld], "texts": [*numbers], "numbers": [*numbers.values()]},
    )
    connection.execute("DROP TABLE temp.main.texts")


def _store_texts(addresses: DuckDBPyRelation, withheld: Sequence[str]) -> None:
    """Stores the addresses that are not plain, without what does not belong to them, in the temporary table `texts`."""
    visible = f"regexp_replace(address, {_INVISIBLE}, '', 'g')"
    without_brackets = f"regexp_replace(text, {_OUTER_BRACKETS}, '\\1')"
    addresses.query(
        "addresses",
        f"""
        CREATE OR REPLACE TEMP TABLE texts AS
        SELECT address, CASE WHEN contains(text, '@') THEN {without_brackets} ELSE text END AS text
        FROM (
            SELECT DISTINCT address, {trimmed(visible)} AS text
            FROM addresses
            WHERE NOT ({is_plain("address", withheld)})
        )
        """,
    )
