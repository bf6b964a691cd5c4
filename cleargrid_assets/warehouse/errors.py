"""The errors of the database."""


class WarehouseError(Exception):
    """The database cannot be opened, a table does not fit its contract, or a value cannot be stored."""


class NewerFileError(WarehouseError):
    """A newer DuckDB wrote the file, and the installed one cannot read it."""


class DamagedFileError(WarehouseError):
    """The file or its write-ahead log is damaged."""
