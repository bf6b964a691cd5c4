"""What several variables and the outcomes file decide together. Imports no Dagster, so that commands start fast."""

from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.contacts import Contacts
from cleargrid_assets.pseudonyms import Pseudonyms
from cleargrid_assets.settings import Settings


def contacts_of(settings: Settings) -> Contacts:
    """Who is one contact, by `CLEARGRID_REGION` and the outcomes file.

    Raises:
        OutcomesError: The outcomes file is broken.
    """
    return Contacts(load_outcomes(settings.outcomes).withheld, settings.region)


def pseudonyms_of(settings: Settings) -> Pseudonyms | None:
    """The pseudonyms of `CLEARGRID_PSEUDONYM_KEY`; None if it is not set.

    Raises:
        OutcomesError: The outcomes file is broken.
    """
    if settings.pseudonym_key is None:
        return None
    return Pseudonyms(settings.pseudonym_key, contacts_of(settings))
