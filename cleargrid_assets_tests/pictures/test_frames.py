import math
from datetime import date

import pandas as pd
import pytest

from cleargrid_assets.contracts import CHANNEL_REACH
from cleargrid_assets.contracts.views import OPERATIONAL_BASELINES
from cleargrid_assets.pictures.frames import by_channel, in_days, tidy
from cleargrid_assets_tests.pictures import rows


@pytest.mark.parametrize("null", [None, math.nan, pd.NA])
def test_every_kind_of_null_becomes_nan(null: object) -> None:
    frame = rows.judged([(0, "CALL", 10, 1)]).astype(object)
    frame["volume_ratio"], frame["is_unusual"] = [null, 1.0], [null, True]

    tidied = tidy(frame, OPERATIONAL_BASELINES)

    assert math.isnan(tidied["volume_ratio"].iloc[0])
    assert math.isnan(tidied["is_unusual"].iloc[0])
    assert tidied["is_unusual"].iloc[1] == 1


@pytest.mark.parametrize("dtype", ["object", "datetime64[ns]", "datetime64[us]"])
def test_days_are_dates_however_they_arrive(dtype: str) -> None:
    frame = rows.channels({"phone": (10, 0.5, 0.2, 0.8)}).astype({"communicated_date": dtype})

    assert tidy(frame, CHANNEL_REACH)["communicated_date"].tolist() == [rows.DAY]


def test_a_frame_without_rows_needs_no_columns() -> None:
    assert list(tidy(pd.DataFrame(), CHANNEL_REACH).columns) == CHANNEL_REACH.column_names


def test_rows_without_a_column_of_the_contract_are_refused() -> None:
    with pytest.raises(KeyError, match="contacts"):
        tidy(rows.channels({"phone": (1, None, None, None)}).drop(columns="contacts"), CHANNEL_REACH)


def test_channels_come_in_a_fixed_order_and_unknown_ones_last() -> None:
    one = (1, None, None, None)
    frame = rows.channels({"pigeon": one, "other": one, "email": one, "phone": one, "messaging": one})

    assert list(by_channel(frame, "contacts")) == ["phone", "email", "messaging", "other", "pigeon"]


def test_the_largest_ten_channels_are_shown() -> None:
    frame = rows.channels({f"pigeon {size}": (size, None, None, None) for size in range(1, 301)})

    assert list(by_channel(frame, "contacts")) == [f"pigeon {size}" for size in range(300, 290, -1)]


def test_both_ends_of_a_range_of_days_belong_to_it() -> None:
    frame = rows.hours((age, "phone", 9, 1, 0) for age in range(5))

    chosen = in_days(frame, date(2026, 5, 16), date(2026, 5, 18))

    assert sorted(chosen["communicated_date"]) == [date(2026, 5, day) for day in (16, 17, 18)]


def test_no_rows_are_in_any_days() -> None:
    assert in_days(rows.empty(CHANNEL_REACH), date(2026, 5, 16), date(2026, 5, 18)).empty
