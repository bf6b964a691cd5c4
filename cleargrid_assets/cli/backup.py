"""`cleargrid backup` and `cleargrid restore`."""

from datetime import datetime, timezone
from pathlib import Path

import click

from cleargrid_assets.settings import Settings
from cleargrid_assets.warehouse.backups.backup import back_up, back_up_to
from cleargrid_assets.warehouse.backups.restore import restore
from cleargrid_assets.warehouse.connection import LOCK_TIMEOUT_S
from cleargrid_assets.wording import megabytes


def run_backup(settings: Settings, destination: Path | None) -> None:
    """Makes a backup, and prints where it is.

    Raises:
        WarehouseError: The backup could not be made.
    """
    if destination is None:
        made = back_up(settings.database, settings.backups, datetime.now(timezone.utc), LOCK_TIMEOUT_S)
    else:
        made = back_up_to(settings.database, destination, LOCK_TIMEOUT_S)
    click.echo(f"Backup: {made.file}, {megabytes(made.size_bytes)}, made and verified in {made.seconds:.1f} s.")


def run_restore(settings: Settings, source: Path | None) -> None:
    """Puts a backup back, and prints what it holds.

    Raises:
        WarehouseError: No backup could be put back.
    """
    restored = restore(settings.database, source, datetime.now(timezone.utc), LOCK_TIMEOUT_S)
    for reason in restored.unusable:
        click.echo(f"Not used: {reason}", err=True)
    ends = f"Its last day is {restored.last_day}." if restored.last_day else "It holds no communication logs."
    click.echo(f"Restored {settings.database} from {restored.source}. {ends}")
    if restored.kept:
        click.echo(f"The file that was there before is now {restored.kept}. Delete it when you no longer need it.")
    click.echo("The schedules fetch the days since, while Dagster runs. Or materialize them now.")
