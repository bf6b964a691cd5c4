"""`cleargrid sql --contact`: how the database holds an address."""

from dataclasses import dataclass

import click

from cleargrid_assets.configuration import contacts_of, pseudonyms_of
from cleargrid_assets.settings import Settings


@dataclass(frozen=True)
class SoughtContact:
    """A contact to look for.

    Attributes:
        stored_as: What the column `contact` of `interactions` holds for it.
        version: What a run would make rows with, by the pseudonyms of which it was found; None without pseudonyms.
    """

    stored_as: str
    version: str | None


def sought_contact(settings: Settings, address: str) -> SoughtContact:
    """The contact of an address in any spelling.

    Args:
        settings: Key and region, and the file with the words for withheld addresses.
        address: The address.

    Raises:
        click.ClickException: The address is a withheld one.
        OutcomesError: The outcomes file is broken.
    """
    contact = contacts_of(settings).contact(address)
    if contact is None:
        raise click.ClickException(
            "This address stands for a withheld caller by `[contacts] withheld` of the outcomes file, so it is no "
            "contact: in `interactions`, its rows have `contact IS NULL`."
        )
    pseudonyms = pseudonyms_of(settings)
    if pseudonyms is None:
        return SoughtContact(contact, None)
    return SoughtContact(pseudonyms.of(address), pseudonyms.version)
