"""Puts pseudonyms in place of addresses, and leaves other personal data out."""

import keyword
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.pseudonyms import Pseudonyms
from cleargrid_assets.schema import QuarantinedRow
from cleargrid_assets.setting_types import SettingsError


class Concealment:
    """Conceals the personal fields of one dataset. A text that is no free text counts as an address.

    Args:
        dataset: The dataset.
        pseudonyms: Makes the pseudonyms.

    Raises:
        SettingsError: A field can neither get a pseudonym nor be left out.
    """

    def __init__(self, dataset: Dataset, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms
        self._addresses: list[str] = []
        self._left_out: list[str] = []
        for column in dataset.fields:
            if not column.personal:
                continue
            is_address = column.type == "VARCHAR" and not column.free_text
            if column.name == dataset.key or not (is_address or column.nullable):
                raise SettingsError(
                    f"CLEARGRID_PSEUDONYM_KEY is set, but the field {column.name} of {dataset.code} is personal, and "
                    "can neither get a pseudonym nor be left out: it is the key, or it is required and no address. "
                    "Correct the contract of the field, or store the dataset in a database without that variable."
                )
            (self._addresses if is_address else self._left_out).append(column.name)

    def conceal(self, rows: Iterable[Any]) -> None:
        """Conceals the fields of decoded rows, in place."""
        addresses, left_out = [*map(attribute, self._addresses)], [*map(attribute, self._left_out)]
        for row in rows:
            for name in addresses:
                setattr(row, name, self._pseudonym(getattr(row, name)))
            for name in left_out:
                setattr(row, name, None)

    def concealed(self, row: dict[str, Any]) -> dict[str, Any]:
        """The fields of a row by name, with the personal ones concealed."""
        addresses = {name: self._pseudonym(row[name]) for name in self._addresses}
        return row | addresses | dict.fromkeys(self._left_out)

    def concealed_bad_row(self, row: QuarantinedRow, text: bytes) -> QuarantinedRow:
        """A row that breaks the contract, without its text: any part of that may be personal."""
        pseudonym = self._pseudonyms.of_row(text)
        return replace(row, row_json=f"[left out because of CLEARGRID_PSEUDONYM_KEY; its pseudonym is {pseudonym}]")

    def _pseudonym(self, address: str | None) -> str | None:
        return None if address is None else self._pseudonyms.of(address)


def attribute(name: str) -> str:
    """The attribute of a decoded row that holds the field."""
    return f"{name}_" if keyword.iskeyword(name) else name
