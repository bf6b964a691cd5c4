"""The code location as a server loads it, and what it says of every asset."""

import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

import cleargrid_assets
from cleargrid_assets.analysis.outcomes import OutcomesError
from cleargrid_assets.assets.declaration import asset_key
from cleargrid_assets.contracts import TABLES, Table
from cleargrid_assets.definitions import build_defs, defs
from cleargrid_assets.resources import WarehouseResource
from cleargrid_assets.settings import SettingsError

ROOT = Path(__file__).parents[1]


def named(pattern: str, file: str) -> str:
    found = re.search(pattern, (ROOT / file).read_text())
    assert found, f"{file} does not say it"
    return found[1]


MODULE = named(r"module_name: (\S+)", "workspace.yaml")


def loaded(code: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Python that runs the code elsewhere, with nothing set but the variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLEARGRID_", "DAGSTER_"))}
    return subprocess.run(
        [sys.executable, "-W", "always", "-c", code],
        env={**kept, "PYTHONPATH": str(ROOT), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_workspace_and_pyproject_name_the_same_module_and_location() -> None:
    assert named(r'module_name = "(.+)"', "pyproject.toml") == MODULE
    location = named(r"location_name: (\S+)", "workspace.yaml")
    assert named(r'code_location_name = "(.+)"', "pyproject.toml") == location


def test_definitions_load_with_no_variable_set_write_nothing_and_warn_of_nothing(tmp_path: Path) -> None:
    code = f"import dagster as dg, {MODULE} as m; dg.Definitions.validate_loadable(m.defs); print(len(m.defs.assets))"
    answer = loaded(code, tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.split() == [str(len(TABLES))]
    assert str(Path(cleargrid_assets.__file__).parent) not in answer.stderr
    assert "BetaWarning" not in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_definitions_load_nothing_heavy(tmp_path: Path) -> None:
    # pandas and DuckDB come with the base class of the IO manager.
    heavy = {"matplotlib", "requests", "uvicorn"}
    answer = loaded(f"import sys, {MODULE}; print(*sorted({heavy} & sys.modules.keys()))", tmp_path)
    assert answer.stdout.split() == []


def test_a_process_that_has_read_rows_ends_in_silence(tmp_path: Path) -> None:
    code = f"import {MODULE}, duckdb; duckdb.sql('SELECT 1').fetchall()"
    for order in (code, f"import duckdb; {code}"):
        answer = loaded(order, tmp_path)
        assert (answer.returncode, answer.stdout) == (0, "")
        assert "leaked" not in answer.stderr


def test_a_bad_variable_fails_the_load_by_name(tmp_path: Path) -> None:
    answer = loaded(f"import {MODULE}", tmp_path, CLEARGRID_TIMEZONE="Mars/Olympus")
    assert answer.returncode != 0
    assert "SettingsError: CLEARGRID_TIMEZONE is 'Mars/Olympus', but takes an IANA time zone" in answer.stderr


def test_a_bad_variable_fails_definitions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARGRID_CONCURRENCY", "none")
    with pytest.raises(SettingsError, match="CLEARGRID_CONCURRENCY is 'none'"):
        build_defs()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [('[statuses]\nANSWERED = "nearly"\n', "line 2: ANSWERED"), ("[statuses\n", "line 1: not valid TOML")],
)
def test_a_broken_outcomes_file_fails_the_load_with_line_and_reason(
    content: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    monkeypatch.setenv("CLEARGRID_OUTCOMES", str(file))
    with pytest.raises(OutcomesError, match=re.escape(f"{file}, {complaint}")):
        build_defs()


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_every_asset_says_of_itself_what_the_ui_shows(table: Table) -> None:
    key = asset_key(table)
    asset = defs.resolve_assets_def(key)
    spec = asset.get_asset_spec(key)
    assert key.path == ["cleargrid", table.name]
    assert len(str(spec.description)) > 100
    assert spec.owners
    assert spec.kinds == {"duckdb", "python"}
    assert spec.group_name == "cleargrid"
    assert spec.code_version
    assert isinstance(spec.partitions_def, dg.DailyPartitionsDefinition)
    assert spec.freshness_policy
    assert asset.backfill_policy
    assert asset.backfill_policy.max_partitions_per_run
    schema = spec.metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert [
        (column.name, column.type, column.description, column.constraints.nullable) for column in schema.columns
    ] == [(column.name, column.type, column.description, column.nullable) for column in table.columns]
    unique = [column.name for column in schema.columns if column.constraints.unique]
    assert unique == (list(table.key) if len(table.key) == 1 else [])


def test_every_check_says_what_it_asks() -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.asset_check_keys:
        assert len(str(graph.get_check_spec(key).description)) > 20, key


def test_resources_show_no_credentials_in_the_ui(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"CLEARGRID_LENDER": "hush-1", "CLEARGRID_EMAIL": "hush-2", "CLEARGRID_PASSWORD": "hush-3"}
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    resources = build_defs().resources or {}
    assert "exports" in resources
    assert "hush" not in "".join(repr(resource) + str(vars(resource)) for resource in resources.values())


def test_resources_can_be_replaced() -> None:
    other = WarehouseResource(database="elsewhere.duckdb")
    replaced = build_defs({"warehouse": other})
    assert (replaced.resources or {})["warehouse"] is other
