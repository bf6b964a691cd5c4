"""The contracts are complete and consistent."""

import pytest

from cleargrid_assets.contracts import COMMUNICATION_LOG_FIELDS, COMMUNICATION_LOGS, DAYS, TABLES
from cleargrid_assets.contracts.quarantine import quarantine_of
from cleargrid_assets.contracts.views import VIEWS
from cleargrid_assets.schema import EXTRACTED_AT, PARTITION_COLUMN, Column, Table


@pytest.mark.parametrize("table", [*TABLES, DAYS, *VIEWS], ids=lambda table: table.name)
def test_table_has_a_day_a_key_without_null_and_descriptions(table: Table) -> None:
    columns = {column.name: column for column in table.columns}
    assert len(columns) == len(table.columns)
    assert (columns[PARTITION_COLUMN].type, columns[PARTITION_COLUMN].nullable) == ("DATE", False)
    assert table.key
    assert not any(columns[name].nullable for name in table.key)
    for column in table.columns:
        assert column.description.endswith(".")


def test_log_has_the_documented_fields() -> None:
    assert [column.name for column in COMMUNICATION_LOG_FIELDS] == [
        *("public_id", "communication_type", "direction", "status", "from", "to", "subject", "duration"),
        *("communicated_at", "created_at", "updated_at"),
    ]
    assert [column.name for column in COMMUNICATION_LOG_FIELDS if column.nullable] == ["subject", "duration"]
    assert COMMUNICATION_LOGS.column_names[len(COMMUNICATION_LOG_FIELDS) :] == [PARTITION_COLUMN, EXTRACTED_AT]


def test_rates_may_be_null_and_counts_may_not_unless_a_limit_is_optional() -> None:
    columns = [column for table in TABLES for column in table.columns]
    assert all(column.nullable for column in columns if column.name.endswith("_rate"))
    assert [column.name for column in columns if column.type in {"BIGINT", "INTEGER"} and column.nullable] == [
        *("contacts_over_limit", "attempts_outside_hours", "attempts_on_days_off"),
    ]


def test_a_column_of_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="NUMERIC"):
        Column("a", "NUMERIC", "A number.")


def test_addresses_and_subjects_are_marked_as_personal() -> None:
    assert [column.name for column in COMMUNICATION_LOGS.columns if column.personal] == ["from", "to", "subject"]
    assert [column.name for column in quarantine_of(COMMUNICATION_LOGS).columns if column.personal] == ["row_json"]


def test_quarantine_has_the_documented_columns() -> None:
    assert quarantine_of(COMMUNICATION_LOGS).column_names == [
        *("communicated_date", "public_id", "field", "reason", "row_json", "run_id", "quarantined_at"),
    ]


def test_only_tables_of_fetched_rows_are_exports() -> None:
    assert [table.name for table in (*TABLES, DAYS) if table.is_export] == [COMMUNICATION_LOGS.name]
