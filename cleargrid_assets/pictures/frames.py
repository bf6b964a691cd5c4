"""Frames made plain before they are read.

What belongs here: undoing the differences between the ways in which a table can arrive as a DataFrame (dates as
timestamps, NULL as None, NaN or NA), and the order in which channels are told. What does not: the numbers' meaning,
text and drawing.
"""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from cleargrid_assets.analysis.outcomes import CHANNELS
from cleargrid_assets.column_types import COLUMN_TYPES
from cleargrid_assets.contracts import Table


def tidy(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """The table's columns with one representation a type.

    Args:
        frame: Rows of the table; an empty one may lack the columns.
        table: The contract that the rows follow.

    Returns:
        A new frame: dates as `date`; numbers, and booleans as 0 and 1, as float64 with NaN for NULL.

    Raises:
        KeyError: If rows lack a column of the contract.
    """
    rows = pd.DataFrame(columns=table.column_names) if frame.empty else frame
    tidied: pd.DataFrame = pd.DataFrame(
        {column.name: _tidied(rows[column.name], column.type) for column in table.columns}
    )
    return tidied


def by_channel(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each channel: phone, e-mail, messaging, other, then any that the contract does not know."""
    known = [name for name in CHANNELS if name in set(frame["channel"])]
    unknown = sorted(set(frame["channel"]) - set(CHANNELS))
    return {name: frame[frame["channel"] == name] for name in (*known, *unknown)}


def in_days(rows: pd.DataFrame, first: date, last: date) -> pd.DataFrame:
    """The rows of the days from `first` to `last`, both included.

    Args:
        rows: A tidy frame.
        first: The first day.
        last: The last day.
    """
    is_inside = np.array([first <= day <= last for day in rows["communicated_date"]], dtype=bool)
    inside: pd.DataFrame = rows.loc[is_inside]
    return inside


def _tidied(values: "pd.Series[Any]", type_name: str) -> "pd.Series[Any]":
    if COLUMN_TYPES[type_name].is_number:
        return pd.to_numeric(values).astype("float64")
    if type_name == "DATE":
        return pd.to_datetime(values).dt.date
    if type_name == "BOOLEAN":
        return values.astype("boolean").astype("Float64").astype("float64")
    return values
