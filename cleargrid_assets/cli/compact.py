"""`cleargrid compact`."""

import click

from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.backups.compaction import compact
from cleargrid_assets.warehouse.connection import LOCK_TIMEOUT_S
from cleargrid_assets.wording import megabytes


def run_compact(settings: Settings) -> None:
    """Rewrites the database file, and prints its sizes.

    Raises:
        WarehouseError: The file could not be rewritten.
    """
    done = compact(settings.database, LOCK_TIMEOUT_S)
    click.echo(
        f"Compacted {done.file}: {megabytes(done.bytes_before)} before, {megabytes(done.bytes_after)} now, rewritten "
        f"and verified in {done.seconds:.1f} s."
    )
