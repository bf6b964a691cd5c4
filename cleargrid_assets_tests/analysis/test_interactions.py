"""What a communication means, and which spellings of an address are one contact."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from cleargrid_assets.analysis.interactions import interactions, merged_by_spelling, withheld
from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.contracts import INTERACTIONS
from cleargrid_assets_tests.analysis.slices import DAY, logged, row
from cleargrid_assets_tests.rows import NOON, Row

PACKAGED = load_outcomes(None)
NUMBER = "+966512345678"


def meant(*rows: Row, **options: Any) -> list[Row]:
    """The interactions of the rows, in their order."""
    relation = _interactions(logged(rows), **options)
    assert relation.columns == INTERACTIONS.column_names
    found = {made[0]: dict(zip(INTERACTIONS.column_names, made, strict=True)) for made in relation.fetchall()}
    return [found[each["public_id"]] for each in rows]


def contacts(*addresses: str, region: str | None = "SA", **values: Any) -> list[str | None]:
    """The contact of each address, as that of an outbound call."""
    rows = [row(f"id{number}", to=address, **values) for number, address in enumerate(addresses)]
    return [made["contact"] for made in meant(*rows, region=region)]


def _interactions(
    connection: duckdb.DuckDBPyConnection, outcomes: Any = PACKAGED, region: str | None = "SA"
) -> duckdb.DuckDBPyRelation:
    return interactions(connection, connection.table("communication_logs"), outcomes, region)


def test_interaction_has_the_meaning_of_its_row() -> None:
    [made] = meant(
        row(
            "a",
            communication_type=" voice ",
            direction="Outbound",
            status="answered",
            to=f"\u202a{NUMBER}\u202c",
            duration=29.5,
            created_at=NOON + timedelta(milliseconds=5441),
            updated_at=NOON + timedelta(milliseconds=5341),
        )
    )
    assert made.pop("communicated_at") == NOON
    assert made == {
        "public_id": "a",
        "communicated_date": DAY,
        "direction": "outbound",
        "communication_type": "VOICE",
        "status": "ANSWERED",
        "channel": "phone",
        "contact": NUMBER,
        "outcome": "reached",
        "duration": 29.5,
        "logging_lag_s": 5.441,
        "update_lag_s": -0.1,
    }


@pytest.mark.parametrize(
    ("kind", "status", "duration", "outcome"),
    [
        ("CALL", "ANSWERED", 30.0, "engaged"),
        ("CALL", "ANSWERED", 29.999, "reached"),
        ("CALL", "ANSWERED", None, "reached"),
        ("CALL", "ANSWERED_BY_MACHINE", 60.0, "delivered"),
        ("CALL", "MACHINE", 60.0, "delivered"),
        ("CALL", "CANCELED", None, "delivered"),
        ("CALL", "VOICEMAIL", 60.0, "delivered"),
        ("EMAIL", "OPENED", 60.0, "reached"),
        ("EMAIL", "CLICKED", None, "engaged"),
        ("CALL", "on hold", 60.0, "unmapped"),
    ],
)
def test_outcome_is_final(kind: str, status: str, duration: float | None, outcome: str) -> None:
    [made] = meant(row("a", communication_type=kind, status=status, duration=duration))
    assert made["outcome"] == outcome


def test_contact_is_the_other_party() -> None:
    ours, theirs = "+966550000001", NUMBER
    rows = [
        row("a", direction="OUTBOUND", **{"from": ours, "to": theirs}),
        row("b", direction="Inbound", **{"from": theirs, "to": ours}),
        row("c", direction="sideways", **{"from": theirs, "to": theirs}),
    ]
    assert [made["contact"] for made in meant(*rows)] == [theirs, theirs, None]
    assert [made["direction"] for made in meant(*rows)] == ["outbound", "inbound", "sideways"]


def test_number_is_one_contact_on_all_channels_however_it_is_written() -> None:
    spellings = ["0512345678", "00966512345678", "512345678", "+966 (0)51 234-5678", "tel:+966-51-234-5678", NUMBER]
    assert set(contacts(*spellings)) == {NUMBER}
    assert set(contacts(*spellings, communication_type="WHATSAPP")) == {NUMBER}
    assert set(contacts(*spellings, communication_type="pigeon")) == {NUMBER}


def test_number_in_e164_is_taken_as_it_is() -> None:
    # It has a digit too many, which phonenumbers would drop in one spelling and keep in another.
    odd = "+9660512345678"
    assert contacts(odd, f" {odd}", f"\u200e{odd}") == [odd] * 3


@pytest.mark.parametrize("address", ["1010", "Agent 1010", "CLEARGRID", "+999123", "1" * 40])
def test_text_that_is_no_possible_number_stays(address: str) -> None:
    assert contacts(address, f"\u2067{address.upper()}\u2069") == [address.lower()] * 2


def test_number_without_country_code_stays_without_a_region() -> None:
    assert contacts("051 234 5678", "+966 51 234 5678", region=None) == ["051 234 5678", NUMBER]


def test_withheld_addresses_are_no_contacts() -> None:
    words = ["", " \u200b", "Anonymous", "\u202aPRIVATE\u202c", "unknown", "restricted", "WITHHELD"]
    assert contacts(*words) == [None] * len(words)


def test_any_address_can_be_withheld() -> None:
    own = replace(PACKAGED, withheld=[*PACKAGED.withheld, NUMBER, "NO_REPLY@LENDER.EXAMPLE"])
    addresses = [NUMBER, "No-Reply@lender.example", "no-reply@lender.example", "someone@lender.example"]
    rows = [row(address, to=address) for address in addresses]
    assert [made["contact"] for made in meant(*rows, outcomes=own)] == [None, None, None, "someone@lender.example"]


def test_pseudonym_is_its_own_contact() -> None:
    pseudonym = "0123456789abcdef" * 4
    assert contacts(pseudonym) == [pseudonym]


def test_days_count_what_is_merged_and_withheld() -> None:
    after = NOON + timedelta(days=1)
    rows = [
        *(row(f"a{number}", to=to) for number, to in enumerate([NUMBER, f" {NUMBER}", "0512345678", "0512345678"])),
        # Two spellings of which neither is the contact itself.
        row("b1", to="A@mail.example"),
        row("b2", to="<a@mail.example>"),
        row("c1", to="anonymous"),
        row("c2", to="ANONYMOUS"),
        row("d", direction="sideways"),
        # A spelling of its own on another day is merged with none of that day.
        row("e1", to="0512345678", communicated_at=after, communicated_date=after.date()),
        row("e2", to="+966598765432", communicated_at=after, communicated_date=after.date()),
    ]
    connection = logged(rows)
    made = _interactions(connection)
    merged = merged_by_spelling(connection.table("communication_logs"))
    assert {day: number for day, number in merged.items() if number} == {DAY: 3}
    assert withheld(made) == {DAY: 2, after.date(): 0}


def test_no_rows_are_no_interactions() -> None:
    connection = logged([])
    assert _interactions(connection).fetchall() == []
    assert merged_by_spelling(connection.table("communication_logs")) == {}
