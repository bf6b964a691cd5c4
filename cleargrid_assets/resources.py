"""What assets and checks are given: the API's client, the database and the outcomes, made from the environment.

The client is made only when a run needs it, so that definitions load without any variable set. Credentials are no
fields of these resources, because the UI shows fields.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import dagster as dg

from cleargrid_assets.analysis.outcomes import Outcomes, load_outcomes
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.resource import WarehouseResource

__all__ = ["ExportsResource", "OutcomesResource", "WarehouseResource"]

if TYPE_CHECKING:
    from cleargrid_assets.exports.client import ExportsClient


class ExportsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The Exports API, configured by the environment.

    It has no fields: the UI would show them, and the missing variables are reported all at once by `Settings`.
    """

    @contextmanager
    def client(self, dataset: Dataset) -> "Iterator[ExportsClient]":
        """A client for the dataset, closed on the way out.

        Raises:
            SettingsError: A credential is not set.
            ExportsError: The base URL is unusable.
        """
        # Imported here: it brings an HTTP library, which definitions need not load.
        from cleargrid_assets.exports.client import ExportsClient  # noqa: PLC0415

        client = ExportsClient(Settings.from_environment(), dataset)
        try:
            yield client
        finally:
            client.close()


class OutcomesResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What statuses and communication types mean: the packaged file, with `CLEARGRID_OUTCOMES` on top."""

    def load(self) -> Outcomes:
        """The outcomes.

        Raises:
            OutcomesError: The file is broken; names the line and the reason.
        """
        return load_outcomes(Settings.from_environment().outcomes)
