"""Database files in states that tests need."""

from pathlib import Path

import duckdb

_HEADER_OF_DUCKDB_2 = bytes.fromhex(
    "48f168505eebd83f4455434be7030000"  # a checksum, "DUCK", and version 999 of the storage format
    + "00" * 36
    + "76322e302e31"  # v2.0.1
    + "00" * 26
    + "38643738313134653930"
    + "00" * 30
    + "88e12b265fd43457b8fb70ebe1357437"
)
"""The beginning of a file that DuckDB 2.0.1 has written."""


def write_newer_file(file: Path) -> None:
    """A database file that DuckDB 2.0.1 has written, as far as an older version reads it."""
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE t (a INTEGER)")
    header = _HEADER_OF_DUCKDB_2.ljust(4096, b"\0")
    file.write_bytes(header + file.read_bytes()[len(header) :])
