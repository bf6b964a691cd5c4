"""Whether a Dagster daemon is alive, for `cleargrid check`. Without one, no schedule runs."""

import os
from datetime import datetime, timezone

from cleargrid_assets.cli.dagster_home import TAKES, HomeError
from cleargrid_assets.cli.findings import Finding
from cleargrid_assets.cli.history import history, history_folder, unreadable
from cleargrid_assets.wording import counted


def check_daemon(database: str) -> Finding:
    """Looks for the daemon's signs of life in Dagster's history.

    Args:
        database: The value of `CLEARGRID_DUCKDB`.
    """
    home = os.environ.get("DAGSTER_HOME")
    try:
        folder = history_folder(database)
    except HomeError as error:
        return _failed(home, error)
    if folder is None:
        return Finding(
            "daemon",
            "skip",
            "Daemon: not looked for, because no history of Dagster is here yet.",
            "DAGSTER_HOME",
            takes=TAKES,
            action="`cleargrid up` makes one. If Dagster runs elsewhere, run the check there.",
        )
    try:
        with history(database) as instance:
            statuses = {} if instance is None else instance.get_daemon_statuses()
    except HomeError as error:
        return _failed(home, error)
    except Exception as error:  # noqa: BLE001 - the storage may be a plug-in with errors of its own
        return _failed(home, unreadable(folder, error))
    where = f"DAGSTER_HOME {home}" if home else str(folder / "dagster.yaml")
    beats = [status.last_heartbeat.timestamp for status in statuses.values() if status.last_heartbeat]
    silent = sorted(name for name, status in statuses.items() if not status.healthy)
    if not silent:
        age = max(0, round(datetime.now(timezone.utc).timestamp() - min(beats))) if beats else 0
        # With the time, because Dagster calls a daemon healthy for minutes after it has ended.
        return Finding("daemon", "ok", f"Daemon: alive {counted(age, 'second')} ago on {where}.")
    found = f"no daemon is alive on {where}" if len(silent) == len(statuses) else f"{', '.join(silent)} are not alive"
    return Finding(
        "daemon",
        "warn",
        f"Daemon: {found}, so schedules do not run.",
        "DAGSTER_HOME",
        home,
        TAKES,
        "Start `cleargrid up`, or `dagster-daemon run` with the same DAGSTER_HOME.",
    )


def _failed(home: str | None, error: HomeError) -> Finding:
    return Finding("daemon", "fail", f"Daemon: {error.what}", "DAGSTER_HOME", home, TAKES, error.advice)
