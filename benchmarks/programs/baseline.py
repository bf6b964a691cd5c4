"""The baseline: raw pages in files, one `read_json`, one transaction. No contract, no checks, no retries."""

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import duckdb
import urllib3

from benchmarks.programs.login import log_in

_WINDOWS = 24
_COLUMNS = {
    "public_id": "VARCHAR",
    "communication_type": "VARCHAR",
    "direction": "VARCHAR",
    "status": "VARCHAR",
    "from": "VARCHAR",
    "to": "VARCHAR",
    "subject": "VARCHAR",
    "duration": "DOUBLE",
    "communicated_at": "TIMESTAMPTZ",
    "created_at": "TIMESTAMPTZ",
    "updated_at": "TIMESTAMPTZ",
}


def load(day: date) -> None:
    """Fetches a day in hourly windows with `CLEARGRID_CONCURRENCY` workers, and replaces the stored day."""
    workers = int(os.environ["CLEARGRID_CONCURRENCY"])
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        _fetch(day, Path(folder), workers)
        _store(day, Path(folder))


def _fetch(day: date, folder: Path, workers: int) -> None:
    access = log_in()
    pool = urllib3.PoolManager(maxsize=workers, headers={"Authorization": f"Bearer {access.token}"}, retries=False)
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001

    def walk(number: int) -> None:
        width = timedelta(days=1) / _WINDOWS
        since, until = midnight + number * width, midnight + (number + 1) * width
        query = {"since": f"{since.isoformat()}Z", "until": f"{until.isoformat()}Z", "limit": "1000"}
        for page, body in enumerate(_pages(pool, access.url, query)):
            (folder / f"{number:02d}-{page:04d}.json").write_bytes(body)

    with ThreadPoolExecutor(workers) as threads:
        list(threads.map(walk, range(_WINDOWS)))


def _pages(pool: urllib3.PoolManager, url: str, query: dict[str, str]) -> Iterator[bytes]:
    while True:
        body = pool.request("GET", f"{url}?{urlencode(query)}").data
        yield body
        # The cursor comes after the rows, so the rows need no parsing.
        _, _, tail = body.rpartition(b'"nextCursor":')
        cursor = tail.split(b",", 1)[0].strip().decode()
        if cursor == "null":
            return
        query["cursor"] = cursor.strip('"')


def _store(day: date, folder: Path) -> None:
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in _COLUMNS.items())
    with duckdb.connect(os.environ["CLEARGRID_DUCKDB"]) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.begin()
        connection.execute(f"CREATE TABLE IF NOT EXISTS communication_logs ({columns})")
        connection.execute("DELETE FROM communication_logs WHERE communicated_at::DATE = $day", {"day": day})
        # Names all top-level keys, because the reader is several times slower if one is missing.
        connection.execute(
            f"""
            INSERT INTO communication_logs
            SELECT unnest(body.rows, recursive := true)
            FROM read_json($pages, format = 'newline_delimited', maximum_object_size = 16777216, columns = {{
                code: 'BIGINT', message: 'VARCHAR', errors: 'VARCHAR[]', body: 'STRUCT(rows STRUCT({columns})[])'
            }})
            """,
            {"pages": f"{folder}/*.json"},
        )
        connection.commit()
