"""The resources for the API client, and for the meaning of statuses and communication types.

Neither has fields, because the UI shows fields. The environment is read when a run uses the resource, so definitions
load without credentials.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from cleargrid_assets.analysis.outcomes import Outcomes, load_outcomes
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.pseudonyms import Pseudonyms
from cleargrid_assets.settings import Settings

if TYPE_CHECKING:
    from cleargrid_assets.exports.client import ExportsClient


class ExportsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The Exports API, configured by the environment."""

    @contextmanager
    def client(
        self,
        dataset: Dataset,
        warn: Callable[[str], object] | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> "Iterator[ExportsClient]":
        """Opens a client for the dataset.

        Args:
            dataset: The dataset to request.
            warn: Called with a line of text about a long wait; the default writes to the log of this process.
            pseudonyms: Makes what rows have in place of personal data; None if they have that as it came.

        Raises:
            SettingsError: A credential is not set, or a personal field can neither get a pseudonym nor be left out.
            ExportsError: The base URL is unusable.
        """
        # Imported here, because it loads an HTTP library that definitions do not need.
        from cleargrid_assets.exports.client import ExportsClient  # noqa: PLC0415

        with closing(ExportsClient(Settings.from_environment(), dataset, warn=warn, pseudonyms=pseudonyms)) as client:
            yield client


class OutcomesResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The meaning of statuses and communication types: the packaged file, overridden by `CLEARGRID_OUTCOMES`."""

    def load(self) -> Outcomes:
        """Reads the files.

        Raises:
            OutcomesError: A file is broken. The message says where and why.
        """
        return load_outcomes(Settings.from_environment().outcomes)
