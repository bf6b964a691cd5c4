"""Assets of a user's own: DataFrames without a contract, stored where dagster-duckdb would store and look for them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pandas as pd
import pytest

from cleargrid_assets.partitions import RANGE_END, RANGE_START
from cleargrid_assets.warehouse import io_manager
from cleargrid_assets.warehouse.databases import is_lake
from cleargrid_assets.warehouse.errors import WarehouseError
from cleargrid_assets.warehouse.io_manager import WarehouseIOManager
from cleargrid_assets.warehouse.lakes.lake import LAKE
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.storing.frames import replace_frame
from cleargrid_assets_tests.warehouse.failing import PowerCutError, fail_after
from cleargrid_assets_tests.warehouse.materializing import DAILY, DAY_1, DAY_2, DAY_3, Warehouse

REGIONS = dg.StaticPartitionsDefinition(["o'hare", "dubai", "riyadh"])
BOTH = dg.MultiPartitionsDefinition({"day": DAILY, "region": REGIONS})


class Run:
    """Runs assets that return what `returned` holds."""

    def __init__(self, warehouse: Warehouse, **manager: Any) -> None:
        self.instance = warehouse.instance
        self.manager = WarehouseIOManager(
            warehouse=WarehouseResource(database=warehouse.database, lock_timeout_s=60.0), **manager
        )
        self.loaded: list[pd.DataFrame] = []

    def store(self, rows: pd.DataFrame, keys: Sequence[str] = (), **arguments: Any) -> dict[str, Any]:
        """Materializes `mine`, then an asset that loads it without an annotation; returns the metadata of `mine`."""
        options: dict[str, Any] = {"backfill_policy": dg.BackfillPolicy.single_run()} if keys else {}

        @dg.asset(name="mine", **arguments, **options)  # type: ignore[untyped-decorator]
        def mine() -> pd.DataFrame:
            return rows

        options |= {"partitions_def": arguments.get("partitions_def"), "ins": {"rows": dg.AssetIn(key=mine.key)}}

        @dg.asset(**options)  # type: ignore[untyped-decorator]
        def reader(rows: Any) -> None:
            self.loaded.append(rows)

        which: dict[str, Any] = {"partition_key": keys[0]} if len(keys) == 1 else {}
        if len(keys) > 1:
            which = {"tags": {RANGE_START: keys[0], RANGE_END: keys[-1]}}
        result = dg.materialize(
            [mine, reader],
            resources={"io_manager": self.manager},
            instance=self.instance,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            **which,
        )
        [first, *_] = result.asset_materializations_for_node(mine.node_def.name)
        return {name: entry.value for name, entry in first.metadata.items()}


@pytest.fixture
def run(warehouse: Warehouse) -> Run:
    return Run(warehouse)


def test_unpartitioned_frame_replaces_its_table(run: Run, warehouse: Warehouse) -> None:
    run.store(pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
    metadata = run.store(pd.DataFrame({"c": [0.5]}), key_prefix="reports")
    run.store(pd.DataFrame({"c": ["now text"], "d": [None]}), key_prefix="reports")
    assert metadata == {
        "dagster/storage_kind": "duckdb",
        "dagster/table_name": "reports.mine",
        "dagster/row_count": 1,
        "Query": "FROM reports.mine",
    }
    assert warehouse.ask("FROM public.mine") == [(1, "x"), (2, None)]
    assert warehouse.ask("FROM reports.mine") == [("now text", None)]
    assert [list(rows.columns) for rows in run.loaded] == [["a", "b"], ["c"], ["c", "d"]]


def test_columns_with_one_label_keep_their_own_values(run: Run, warehouse: Warehouse) -> None:
    run.store(pd.DataFrame([[1, 2, None]], columns=["a", "a", "b"]))
    assert warehouse.ask("FROM public.mine") == [(1, 2, None)]


def test_categories_are_stored_and_loaded(run: Run, warehouse: Warehouse) -> None:
    run.store(pd.DataFrame({"channel": pd.Categorical(["sms", None, "phone"])}))
    assert warehouse.ask("FROM public.mine") == [("sms",), (None,), ("phone",)]
    assert list(run.loaded[0]["channel"].astype(object).fillna("-")) == ["sms", "-", "phone"]


def test_labels_of_columns_may_be_numbers(run: Run, warehouse: Warehouse) -> None:
    arguments: dict[str, Any] = {"partitions_def": REGIONS, "metadata": {"partition_expr": "region"}}
    for n in (1, 2):
        run.store(pd.DataFrame([["dubai", n]], columns=["region", 0]), ["dubai"], **arguments)
    assert warehouse.ask("FROM public.mine") == [("dubai", 2)]


def test_time_partitions_replace_their_own_rows(run: Run, warehouse: Warehouse) -> None:
    arguments: dict[str, Any] = {"partitions_def": DAILY, "metadata": {"partition_expr": "day"}}
    rows = pd.DataFrame({"day": pd.to_datetime([DAY_1, DAY_2, DAY_3]), "n": [1, 2, 3]})
    run.store(rows, [str(DAY_1), str(DAY_2), str(DAY_3)], **arguments)
    metadata = run.store(rows[1:2].assign(n=20)[["n", "day"]], [str(DAY_2)], **arguments)
    assert warehouse.ask("SELECT n FROM public.mine ORDER BY day") == [(1,), (20,), (3,)]
    assert warehouse.ask(metadata["Query"]) == [(pd.Timestamp(DAY_2).to_pydatetime(), 20)]
    assert metadata["dagster/partition_row_count"] == 1
    assert [len(loaded) for loaded in run.loaded] == [3, 1]
    run.store(pd.DataFrame(), [str(DAY_2)], **arguments)
    assert warehouse.ask("SELECT n FROM public.mine ORDER BY day") == [(1,), (3,)]


def test_static_partitions_replace_their_own_rows(run: Run, warehouse: Warehouse) -> None:
    arguments: dict[str, Any] = {"partitions_def": REGIONS, "metadata": {"partition_expr": "region"}}
    for region, n in (("o'hare", 1), ("dubai", 2), ("o'hare", 3)):
        run.store(pd.DataFrame({"region": [region], "n": [n], "note": [None]}), [region], **arguments)
    run.store(pd.DataFrame({"region": ["dubai"], "n": [4], "note": ["text"]}), ["dubai"], **arguments)
    assert warehouse.ask("FROM public.mine ORDER BY n") == [("o'hare", 3, None), ("dubai", 4, "text")]


def test_dynamic_partitions_replace_their_own_rows(run: Run, warehouse: Warehouse) -> None:
    run.instance.add_dynamic_partitions("campaigns", ["may", "june"])
    arguments: dict[str, Any] = {
        "partitions_def": dg.DynamicPartitionsDefinition(name="campaigns"),
        "metadata": {"partition_expr": "campaign"},
    }
    for campaign, n in (("may", 1), ("june", 2), ("may", 3)):
        run.store(pd.DataFrame({"campaign": [campaign], "n": [n]}), [campaign], **arguments)
    assert warehouse.ask("FROM public.mine ORDER BY n") == [("june", 2), ("may", 3)]


def test_multi_partitions_replace_their_own_rows(run: Run, warehouse: Warehouse) -> None:
    arguments: dict[str, Any] = {
        "partitions_def": BOTH,
        "metadata": {"partition_expr": {"day": "day", "region": "region"}, "schema": "other"},
    }
    for day, region, n in ((DAY_1, "dubai", 1), (DAY_1, "riyadh", 2), (DAY_2, "dubai", 3), (DAY_1, "dubai", 4)):
        rows = pd.DataFrame({"day": [pd.Timestamp(day)], "region": [region], "n": [n]})
        run.store(rows, [dg.MultiPartitionKey({"day": str(day), "region": region})], **arguments)
    assert warehouse.ask("SELECT n FROM other.mine ORDER BY n") == [(2,), (3,), (4,)]
    assert [len(rows) for rows in run.loaded] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("definition", "expression", "key"),
    [(REGIONS, None, "dubai"), (BOTH, {"day": "day"}, dg.MultiPartitionKey({"day": str(DAY_1), "region": "dubai"}))],
    ids=["none", "one dimension"],
)
def test_missing_partition_expr_is_an_error(run: Run, definition: Any, expression: Any, key: str) -> None:
    metadata = {"partition_expr": expression} if expression else {}
    with pytest.raises(WarehouseError, match=r"partition_expr"):
        run.store(pd.DataFrame({"n": [1]}), [key], partitions_def=definition, metadata=metadata)


def test_schema_of_the_io_manager_precedes_the_key_prefix(warehouse: Warehouse) -> None:
    run = Run(warehouse, schema="configured")
    run.store(pd.DataFrame({"n": [1]}), key_prefix="prefix")
    run.store(pd.DataFrame({"n": [2]}), key_prefix="prefix", metadata={"schema": "own"})
    assert warehouse.ask("FROM configured.mine") == [(1,)]
    assert warehouse.ask("FROM own.mine") == [(2,)]


def test_frame_in_a_schema_named_like_the_database_is_loaded(warehouse: Warehouse) -> None:
    run = Run(warehouse, schema=LAKE if is_lake(warehouse.database) else Path(warehouse.database).stem)
    run.store(pd.DataFrame({"n": [1]}))
    assert run.loaded[0]["n"].tolist() == [1]


def test_first_day_of_a_running_total_loads_no_rows(run: Run) -> None:
    loaded: list[list[int]] = []
    before = dg.AssetIn("total", partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1))

    @dg.asset(partitions_def=DAILY, metadata={"partition_expr": "day"}, ins={"before": before})
    def total(context: dg.AssetExecutionContext, before: pd.DataFrame) -> Any:
        loaded.append(list(before.get("n", ())))
        return pd.DataFrame({"day": [pd.Timestamp(context.partition_key)], "n": [1 + len(loaded)]})

    for day in (DAY_1, DAY_2):
        resources = {"io_manager": run.manager}
        dg.materialize([total], partition_key=str(day), resources=resources, instance=run.instance)
    assert loaded == [[], [2]]


def test_frame_that_cannot_be_stored_leaves_the_old_rows(
    run: Run, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"partitions_def": REGIONS, "metadata": {"partition_expr": "region"}}
    run.store(pd.DataFrame({"region": ["dubai"], "n": [1]}), ["dubai"], **arguments)
    with pytest.raises(WarehouseError, match=r"columns \['extra'\], which the stored table lacks"):
        run.store(pd.DataFrame({"region": ["dubai"], "extra": [2]}), ["dubai"], **arguments)
    with pytest.raises(duckdb.ConversionException):
        run.store(pd.DataFrame({"region": ["dubai"], "n": ["no number"]}), ["dubai"], **arguments)
    monkeypatch.setattr(io_manager, "replace_frame", fail_after(replace_frame))
    with pytest.raises(PowerCutError):
        run.store(pd.DataFrame({"region": ["dubai"], "n": [3]}), ["dubai"], **arguments)
    assert warehouse.ask("FROM public.mine") == [("dubai", 1)]


def test_output_of_an_op_is_stored_under_its_name(run: Run, warehouse: Warehouse) -> None:
    @dg.op(out={"counted": dg.Out(metadata={"schema": "ops"})})
    def count() -> Any:
        return pd.DataFrame({"n": [7]})

    @dg.op
    def show(counted: pd.DataFrame) -> None:
        run.loaded.append(counted)

    @dg.job(resource_defs={"io_manager": run.manager.get_resource_definition()})
    def work() -> None:
        show(count())

    assert work.execute_in_process(instance=run.instance).success
    assert warehouse.ask("FROM ops.counted") == [(7,)]
    assert run.loaded[0]["n"].tolist() == [7]


def test_io_manager_takes_the_database_of_its_resource(tmp_path: Path) -> None:
    first, second = (WarehouseResource(database=str(tmp_path / name)) for name in ("a.duckdb", "b.duckdb"))
    assert WarehouseIOManager(warehouse=first).database == first.database
    assert WarehouseIOManager(warehouse=second, database=first.database).database == second.database
