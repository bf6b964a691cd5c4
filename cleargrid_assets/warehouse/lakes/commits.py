"""Commits transactions of a lake.

DuckLake deletes the files of a transaction if its commit fails. If the connection is lost before Postgres answers, the
commit may have taken effect all the same, and the lake would list files that are gone.
"""

import uuid

import duckdb
import tenacity

from cleargrid_assets.warehouse.lakes.lake import WRITER, ask, ask_to_change

_PATIENCE_S = 600.0
"""Max seconds to wait for Postgres, which may be starting again."""

_UNDO = """
DO $undo$
DECLARE lost bigint;
BEGIN
    -- Waits for the commit, if Postgres is still at it: it has inserted there.
    LOCK TABLE ducklake_snapshot IN EXCLUSIVE MODE;
    SELECT snapshot_id INTO lost FROM ducklake_snapshot_changes WHERE commit_extra_info = '{token}';
    IF lost IS NULL THEN RETURN; END IF;
    DELETE FROM ducklake_file_column_stats
        WHERE data_file_id IN (SELECT data_file_id FROM ducklake_data_file WHERE begin_snapshot = lost);
    DELETE FROM ducklake_file_partition_value
        WHERE data_file_id IN (SELECT data_file_id FROM ducklake_data_file WHERE begin_snapshot = lost);
    DELETE FROM ducklake_data_file WHERE begin_snapshot = lost;
    DELETE FROM ducklake_delete_file WHERE begin_snapshot = lost;
    UPDATE ducklake_data_file SET end_snapshot = NULL WHERE end_snapshot = lost
        AND table_id IN (SELECT table_id FROM ducklake_table WHERE end_snapshot IS NULL);
    UPDATE ducklake_delete_file SET end_snapshot = NULL WHERE end_snapshot = lost
        AND table_id IN (SELECT table_id FROM ducklake_table WHERE end_snapshot IS NULL);
END $undo$
"""
"""The snapshot stays, without its files and with those that it replaced: others may know its schema already."""


def commit(connection: duckdb.DuckDBPyConnection) -> None:
    """Commits the transaction of a connection to a lake. If it fails, nothing is stored.

    Raises:
        duckdb.Error: It failed.
    """
    token = uuid.uuid4().hex
    connection.execute(f"CALL {WRITER}.set_commit_message(NULL, NULL, extra_info => '{token}')")
    try:
        connection.commit()
    except duckdb.Error:
        _retrying(tenacity.stop_after_delay(_PATIENCE_S))(lambda: ask(connection, "SELECT 1"))
        # More than once, because old connections to Postgres may be dead. But Postgres may refuse it, too.
        _retrying(tenacity.stop_after_attempt(3))(lambda: ask_to_change(connection, _UNDO.format(token=token)))
        raise


def _retrying(stop: tenacity.stop.stop_base) -> tenacity.Retrying:
    retry, wait = tenacity.retry_if_exception_type(duckdb.Error), tenacity.wait_random(0.2, 2)
    return tenacity.Retrying(retry=retry, stop=stop, wait=wait, reraise=True)
