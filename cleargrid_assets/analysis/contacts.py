"""Who is one contact: the spellings of an address, and the one text that stands for all of them."""

from collections.abc import Sequence

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from cleargrid_assets.analysis.classify import INBOUND, OUTBOUND, literal, normalised, trimmed
from cleargrid_assets.contracts import EMAIL

SPELLINGS = "temp.main.spellings"
"""The table that `find_spellings` makes: `address`, `is_email`, and `contact`, which is NULL if it is withheld."""

ADDRESS = f'CASE WHEN {OUTBOUND} THEN "to" WHEN {INBOUND} THEN "from" END'
"""The other party's address, as the source wrote it; NULL if the direction is neither inbound nor outbound."""

IS_EMAIL = f"channel = '{EMAIL}'"
"""Whether a classified row is on the e-mail channel, where no address is a telephone number."""

_E164 = literal(r"\+[1-9][0-9]{7,14}")
_INVISIBLE = literal(r"\p{Cf}+")
_OUTER_BRACKETS = literal(r"^<\s*([^<>]*?)\s*>$")


def is_e164(address: str) -> str:
    """Whether an address is a telephone number in E.164, in SQL. Such an address is its own contact.

    Args:
        address: An SQL expression.
    """
    return f"regexp_full_match({address}, {_E164})"


def find_spellings(
    connection: DuckDBPyConnection, addresses: DuckDBPyRelation, withheld: Sequence[str], region: str | None
) -> None:
    """Stores the contact of each distinct address that is not in E.164 in the temporary table `SPELLINGS`.

    White space around an address, and invisible format characters (Unicode category Cf) anywhere in it, are removed.
    Then:

    - A withheld address has no contact.
    - A text without `@`, on every channel but e-mail, is a telephone number. It is written in E.164 if it can be read
      as a possible number, with the region where it has no country code.
    - Every other text is in lower case. An e-mail address has no outer angle brackets.

    Args:
        connection: The connection of the relation.
        addresses: The columns `address` and `is_email`. Rows without an address are ignored.
        withheld: The normalised addresses that are withheld.
        region: ISO country of telephone numbers without a country code. None leaves such numbers as they are.
    """
    addresses.query(
        "addresses",
        f"""
        CREATE OR REPLACE TEMP TABLE texts AS
        SELECT
            address,
            is_email,
            CASE
                WHEN is_email OR contains(text, '@') THEN regexp_replace(text, {_OUTER_BRACKETS}, '\\1') ELSE text
            END AS text
        FROM (SELECT DISTINCT address, is_email, {_cleaned("address")} AS text FROM addresses)
        WHERE NOT {is_e164("address")}
        """,
    )
    telephones = connection.execute(
        f"SELECT DISTINCT text FROM temp.main.texts WHERE NOT (is_email OR contains(text, '@') OR {is_e164('text')})"
    )
    numbers = {text: number for (text,) in telephones.fetchall() if (number := _e164(text, region))}
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE spellings AS
        SELECT
            address,
            is_email,
            CASE
                WHEN NOT list_contains($withheld::VARCHAR[], {normalised("text")}) THEN coalesce(number, lower(text))
            END AS contact
        FROM temp.main.texts
        LEFT JOIN (SELECT unnest($texts::VARCHAR[]) AS text, unnest($numbers::VARCHAR[]) AS number) USING (text)
        """,
        {"withheld": [*withheld], "texts": [*numbers], "numbers": [*numbers.values()]},
    )
    connection.execute("DROP TABLE temp.main.texts")


def _cleaned(column: str) -> str:
    # The first branch is fast, and enough for most addresses.
    visible = f"regexp_replace({column}, {_INVISIBLE}, '', 'g')"
    return f"CASE WHEN regexp_full_match({column}, '[!-~]*') THEN {column} ELSE {trimmed(visible)} END"


def _e164(text: str, region: str | None) -> str | None:
    """The telephone number in E.164; None if the text cannot be read as a possible number."""
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
