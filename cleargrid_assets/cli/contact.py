"""`cleargrid sql --contact`: how the database holds an address."""

import click

from cleargrid_assets.configuration import contacts_of, pseudonyms_of
from cleargrid_assets.settings import Settings


def stored_contact(settings: Settings, address: str) -> str:
    """What the column `contact` of `interactions` holds for an address.

    Args:
        settings: Key and region, and the file with the words for withheld addresses.
        address: The address, in any spelling.

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
    return contact if pseudonyms is None else pseudonyms.of(address)
