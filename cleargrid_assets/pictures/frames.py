"""Frames of rows in one representation, whether they were computed or read from the database."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from cleargrid_assets.contracts import CHANNELS
from cleargrid_assets.pictures.text import MAX_SHOWN
from cleargrid_assets.schema import COLUMN_TYPES, PARTITION_COLUMN, Table


def tidy(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The columns of the table, with one representation per type.

    Args:
        frame: Rows of the table. If it is empty, columns may be missing.
        table: The contract of the rows.

    Returns:
        A new frame: dates as `date`; numbers, and booleans as 0 and 1, as float64 with NaN for NULL.

    Raises:
        KeyError: A column of the contract is missing.
    """
    rows = pd.DataFrame(columns=table.column_names) if frame.empty else frame
    tidied: pd.DataFrame = pd.DataFrame(
        {column.name: _tidied(rows[column.name], column.type) for column in table.columns}
    )
    return tidied


def in_days(rows: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """The rows of a tidy frame from the first to the last day, both included."""
    inside: pd.DataFrame = rows[rows[PARTITION_COLUMN].between(first, last)]
    return inside


def by_channel(frame: pd.DataFrame, size: str) -> dict[str, pd.DataFrame]:
    """The rows of each channel, in the order of `CHANNELS`. Other channels come last, the largest first.

    Args:
        frame: Rows of a table with channels.
        size: The column whose sum is the size of a channel.

    Returns:
        The rows of the first `MAX_SHOWN` channels.
    """
    sizes = frame.groupby("channel")[size].sum()
    known = {name: place for place, name in enumerate(CHANNELS)}
    names = sorted(sizes.index, key=lambda name: (known.get(name, len(known)), -sizes[name], name))
    return {name: frame[frame["channel"] == name] for name in names[:MAX_SHOWN]}


def _tidied(values: pd.Series[Any], type_name: str) -> pd.Series[Any]:
    if COLUMN_TYPES[type_name].is_number:
        return pd.to_numeric(values).astype("float64")
    if type_name == "DATE":
        return pd.to_datetime(values).dt.date
    if type_name == "BOOLEAN":
        return values.astype("boolean").astype("Float64").astype("float64")
    return values
