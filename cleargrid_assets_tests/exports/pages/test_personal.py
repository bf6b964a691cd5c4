"""Personal fields are concealed when a page is read, in every form of a row."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from cleargrid_assets.contacts import Contacts
from cleargrid_assets.exports.dataset import D21, Dataset
from cleargrid_assets.exports.pages.quarantine import distinct
from cleargrid_assets.exports.pages.rows import Page, PageReader
from cleargrid_assets.pseudonyms import Pseudonyms
from cleargrid_assets.schema import Column
from cleargrid_assets.setting_types import SettingsError
from cleargrid_assets_tests.exports.answers import INSIDE, PERSONAL, body, only_row, page_of, written
from cleargrid_assets_tests.exports.driving import WINDOW
from cleargrid_assets_tests.rows import Row, sent_row

PSEUDONYMS = Pseudonyms(SecretStr("k" * 32), Contacts(["", "ANONYMOUS"], "SA"))
UNUSUAL = {"created_at": "20260519T093120+0300"}
"""A timestamp that sends the page to the reader that goes row by row."""


def read(raw: bytes, dataset: Dataset = D21) -> Page:
    return PageReader(dataset, quarantines=True, pseudonyms=PSEUDONYMS).read(raw, WINDOW)


def with_field(column: Column) -> Dataset:
    """Communication logs with one more field."""
    return replace(D21, fields=[*D21.fields, column])


@pytest.mark.parametrize("others", [{}, UNUSUAL, {"invented": "+966512345678"}])
def test_addresses_get_pseudonyms_and_subjects_are_left_out(others: Row) -> None:
    sent = sent_row("a", INSIDE, to="<Someone@Example.org>", **others)
    page = read(body(sent))
    assert {name: only_row(page)[name] for name in ("from", "to", "subject", "status")} == {
        "from": PSEUDONYMS.of("+966550000001"),
        "to": PSEUDONYMS.of("someone@example.org"),
        "subject": None,
        "status": "ANSWERED",
    }
    assert not [value for value in PERSONAL if value.encode() in page.lines]


@pytest.mark.parametrize("others", [{}, UNUSUAL])
def test_withheld_address_is_stored_as_such(others: Row) -> None:
    row = only_row(read(body(sent_row("a", INSIDE, **{"from": " anonymous ", "to": ""}, **others))))
    assert (row["from"], row["to"]) == ("WITHHELD", "WITHHELD")


def test_bad_rows_keep_key_and_reason_but_no_text() -> None:
    rows = [
        written(b"966512345678", "from"),
        written(b'"+966512345678"', "duration"),
        written(b'"a\xff"', "status"),
        b'["+966512345678"]',
        b'["+966512345679"]',
        b'["+966512345679"]',
    ]
    bad = read(page_of(*rows)).quarantined
    assert [row.field for row in bad] == ["from", "duration", "status", "(row)", "(row)", "(row)"]
    assert not [value for value in (*PERSONAL, "966512345") if value in str(bad)]
    # Rows without a key are told apart by their texts.
    assert len(distinct(bad)) == 1 + 2


@pytest.mark.parametrize("others", [{}, UNUSUAL])
@pytest.mark.parametrize(
    ("column", "value", "stored"),
    [
        (Column("extra", "VARCHAR", "Address.", nullable=True, personal=True), None, None),
        (Column("extra", "VARCHAR", "Address.", personal=True), "0512345678", PSEUDONYMS.of("+966512345678")),
        (Column("extra", "DATE", "Birthday.", nullable=True, personal=True), "1990-01-01", None),
        (Column("extra", "BIGINT", "Number.", nullable=True, personal=True), 966512345678, None),
        (Column("extra", "BIGINT", "Number."), 5, 5),
    ],
)
def test_contract_says_what_is_personal(column: Column, value: object, stored: object, others: Row) -> None:
    assert only_row(read(body(sent_row("a", INSIDE, extra=value, **others)), with_field(column)))["extra"] == stored


@pytest.mark.parametrize(
    "dataset",
    [
        with_field(Column("extra", "VARCHAR", "Note.", personal=True, free_text=True)),
        with_field(Column("extra", "DATE", "Birthday.", personal=True)),
        replace(D21, key="to"),
    ],
)
def test_field_that_cannot_be_concealed_is_refused(dataset: Dataset) -> None:
    with pytest.raises(SettingsError, match=r"the field (extra|to) of D21 is personal, and can neither"):
        PageReader(dataset, pseudonyms=PSEUDONYMS)
