"""A table holds rows of one form of addresses only."""

import dagster as dg
import pytest

from cleargrid_assets.contracts import HOURLY_REACH
from cleargrid_assets.warehouse.forms import CLEAR, OtherFormError, form_of
from cleargrid_assets_tests.warehouse.ledgers import rows_by_ledger
from cleargrid_assets_tests.warehouse.materializing import DAY_1, DAY_2, Warehouse, frame, reach, stored


@pytest.mark.parametrize(
    ("version", "form"),
    [
        (None, CLEAR),
        ("code 1, UTC", CLEAR),
        ("code 1, UTC, pseudonyms 0123456789abcdef, withheld fedcba9876543210", "pseudonyms 0123456789abcdef"),
    ],
)
def test_form_is_read_from_the_version(version: str | None, form: str) -> None:
    assert form_of(version) == form


@pytest.mark.parametrize(
    ("first", "second", "is_refused"),
    [
        ("code 1", "code 2", False),
        ("code 1, pseudonyms 0a, withheld 1", "code 2, pseudonyms 0a, withheld 2", False),
        ("code 1, pseudonyms 0a", "code 1, pseudonyms 0b", True),
        ("code 1, pseudonyms 0a", "code 1", True),
        ("code 1", "code 1, pseudonyms 0a", True),
    ],
)
def test_transaction_refuses_another_form(warehouse: Warehouse, first: str, second: str, is_refused: bool) -> None:
    """Two runs of different forms may begin before either has stored a day."""
    for day, version in ((DAY_1, first), (DAY_2, second)):
        made = dg.MaterializeResult(value=frame([reach(day)]), metadata={"version": version})
        asset = stored(HOURLY_REACH, lambda: made)  # noqa: B023 - called in this turn of the loop
        if day == DAY_2 and is_refused:
            with pytest.raises(OtherFormError, match=f"1 day of hourly_reach .{DAY_1}. is stored with "):
                warehouse.materialize([asset], [day])
        else:
            warehouse.materialize([asset], [day])
    assert rows_by_ledger(warehouse, HOURLY_REACH) == ({DAY_1: 1} if is_refused else {DAY_1: 1, DAY_2: 1})
