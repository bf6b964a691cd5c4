"""The code location as servers and command lines load it, and what the UI shows of assets and checks."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest

import cleargrid_assets
from cleargrid_assets.analysis.outcomes import OutcomesError
from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.automation import SCHEDULES
from cleargrid_assets.contracts import COMMUNICATION_LOGS, TABLES
from cleargrid_assets.definitions import build_defs, defs
from cleargrid_assets.jobs.history import prune_history_schedule
from cleargrid_assets.schema import Table
from cleargrid_assets.setting_types import SettingsError
from cleargrid_assets.warehouse.resource import WarehouseResource
from cleargrid_assets.warehouse.table_metadata import asset_key

ROOT = Path(__file__).parents[1]


def all_matches(pattern: str, file: str) -> list[str]:
    return re.findall(pattern, (ROOT / file).read_text())


[MODULE] = all_matches(r"module_name: (\S+)", "workspace.yaml")
[LOCATION] = all_matches(r"location_name: (\S+)", "workspace.yaml")


def run_command(command: Sequence[str | Path], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder, with no variable of the project or of Dagster but the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CLEARGRID_", "DAGSTER_"))}
    return subprocess.run(
        command,
        env={**kept, "PYTHONPATH": str(ROOT), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def loaded(code: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs Python code in a folder, with all warnings shown."""
    return run_command([sys.executable, "-W", "always", "-c", code], folder, **variables)


def run_dg(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `dg` in the project's folder, with a home of its own that turns telemetry off."""
    (home / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    dg_command = Path(sys.executable).with_name("dg")
    return run_command([dg_command, *arguments], ROOT, DAGSTER_HOME=str(home), HOME=str(home))


def test_workspace_dagster_and_dg_name_the_same_module_and_location() -> None:
    modules = all_matches(r'(?:target_module|^module_name|\nmodule_name) = "(.+)"', "pyproject.toml")
    assert modules == [MODULE, MODULE]
    assert all_matches(r'code_location_name = "(.+)"', "pyproject.toml") == [LOCATION, LOCATION]


def test_dg_lists_all_assets_checks_and_schedules(tmp_path: Path) -> None:
    answer = run_dg(tmp_path, "list", "defs", "--json")
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout)
    assert {f"cleargrid/{table.name}" for table in TABLES} <= {asset["asset_key"] for asset in found["assets"]}
    assert {check["name"] for check in found["asset_checks"]} == {
        key.name for key in defs.resolve_asset_graph().asset_check_keys
    }
    assert {schedule["name"] for schedule in found["schedules"]} == {
        schedule.name for schedule in (*SCHEDULES, prune_history_schedule)
    }


@dataclass(frozen=True)
class Load:
    """What a process did that loaded the definitions and read rows, in an empty folder and without variables."""

    process: subprocess.CompletedProcess[str]
    heavy: list[str]
    files: list[Path]
    printed: str


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Load:
    folder = tmp_path_factory.mktemp("empty")
    # pandas and DuckDB come with the base class of the IO manager.
    heavy = {"apprise", "matplotlib", "requests", "uvicorn"}
    process = loaded(
        f"import sys, {MODULE} as m; print(*sorted({heavy} & sys.modules.keys()));"
        "import dagster as dg; dg.Definitions.validate_loadable(m.defs); print('valid');"
        "import duckdb; duckdb.sql('SELECT 1').fetchall()",
        folder,
    )
    first_line, _, rest = process.stdout.partition("\n")
    return Load(process, first_line.split(), list(folder.iterdir()), rest)


def test_definitions_load_without_variables_files_and_warnings(load: Load) -> None:
    assert load.process.returncode == 0, load.process.stderr
    assert load.printed.split() == ["valid"]
    assert str(Path(cleargrid_assets.__file__).parent) not in load.process.stderr
    assert "BetaWarning" not in load.process.stderr
    assert load.files == []


def test_definitions_import_no_heavy_package(load: Load) -> None:
    assert load.heavy == []


def test_process_that_read_rows_ends_in_silence(load: Load, tmp_path: Path) -> None:
    duckdb_first = loaded(f"import duckdb, {MODULE}; duckdb.sql('SELECT 1').fetchall()", tmp_path)
    assert (duckdb_first.returncode, duckdb_first.stdout) == (0, "")
    for process in (load.process, duckdb_first):
        assert process.returncode == 0
        assert "leaked" not in process.stderr
        assert "nanobind" not in process.stderr


def test_bad_variable_fails_the_load_with_its_name(tmp_path: Path) -> None:
    answer = loaded(f"import {MODULE}", tmp_path, CLEARGRID_TIMEZONE="Mars/Olympus")
    assert answer.returncode != 0
    assert "SettingsError: CLEARGRID_TIMEZONE is 'Mars/Olympus', but takes an IANA time zone" in answer.stderr


def test_misspelt_variable_warns_when_definitions_load(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("CLEARGRID_PASSWD", "hush")
    build_defs()
    [message] = [record.getMessage() for record in caplog.records if "CLEARGRID" in record.getMessage()]
    assert "CLEARGRID_PASSWD is no variable" in message
    assert "Did you mean CLEARGRID_PASSWORD?" in message
    assert "hush" not in caplog.text


def test_only_the_launcher_of_clusters_imports_what_dagster_keeps_private() -> None:
    modules = [
        file for folder in ("cleargrid_assets", "benchmarks", "deploy") for file in (ROOT / folder).rglob("*.py")
    ]
    private = [file.name for file in modules if re.search(r"^\s*(from|import) dagster\w*\._", file.read_text(), re.M)]
    assert private == ["cleargrid_launcher.py"]


def test_variable_bounds_the_days_of_a_backfills_run(tmp_path: Path) -> None:
    code = (
        f"import {MODULE} as m; nodes = m.defs.resolve_asset_graph().asset_nodes;"
        "print({node.backfill_policy.max_partitions_per_run for node in nodes if node.is_materializable})"
    )
    assert loaded(code, tmp_path, CLEARGRID_DAYS_PER_RUN="3").stdout == "{3}\n"


def test_bad_variable_fails_build_defs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARGRID_CONCURRENCY", "none")
    with pytest.raises(SettingsError, match="CLEARGRID_CONCURRENCY is 'none'"):
        build_defs()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('[statuses]\nANSWERED = "nearly"\n', "line 2: statuses.ANSWERED must be"),
        ("[statuses\n", "line 1: not valid TOML"),
    ],
)
def test_a_broken_outcomes_file_fails_the_load_with_entry_and_reason(
    content: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    monkeypatch.setenv("CLEARGRID_OUTCOMES", str(file))
    with pytest.raises(OutcomesError, match=re.escape(f"{file}, {complaint}")):
        build_defs()


@pytest.mark.parametrize("table", TABLES, ids=[table.name for table in TABLES])
def test_asset_shows_what_the_contract_says(table: Table) -> None:
    key = asset_key(table)
    asset = defs.resolve_assets_def(key)
    spec = asset.get_asset_spec(key)
    assert key.path == ["cleargrid", table.name]
    assert spec.description == table.description != ""
    assert spec.kinds == {"duckdb", "python"}
    assert spec.group_name == "cleargrid"
    assert spec.code_version
    assert isinstance(spec.partitions_def, dg.DailyPartitionsDefinition)
    assert asset.backfill_policy
    assert asset.backfill_policy.max_partitions_per_run
    assert spec.metadata["dagster/table_name"] == f"cleargrid.{table.name}"
    schema = spec.metadata["dagster/column_schema"]
    assert isinstance(schema, dg.TableSchema)
    assert [
        (column.name, column.type, column.description, column.constraints.nullable) for column in schema.columns
    ] == [(column.name, column.type, column.description, column.nullable) for column in table.columns]
    unique = [column.name for column in schema.columns if column.constraints.unique]
    assert unique == (list(table.key) if len(table.key) == 1 else [])


def test_every_check_describes_itself_in_sentences_of_its_own() -> None:
    graph = defs.resolve_asset_graph()
    descriptions = {key: str(graph.get_check_spec(key).description) for key in graph.asset_check_keys}
    for key, description in descriptions.items():
        assert description[0] in "`" or description[0].isupper(), key
        assert description.endswith("."), key
        others = {text for other, text in descriptions.items() if other.name != key.name}
        assert description not in others, key


def test_checks_are_those_of_the_export_the_funnel_and_the_windows() -> None:
    checks = sorted((key.asset_key.path[-1], key.name) for key in defs.resolve_asset_graph().asset_check_keys)
    of_log = sorted(name for table, name in checks if table == COMMUNICATION_LOGS.name)
    assert of_log == [
        "direction_is_known",
        "duration_is_not_negative",
        "is_fresh",
        "made_with_current_version",
        "no_closed_day_is_missing",
        "no_day_has_shrunk",
        "no_new_fields",
        "no_row_is_quarantined",
        "public_id_is_unique",
        "required_columns_are_not_null",
        "rows_are_inside_their_day",
        "source_agrees",
        "source_is_alive",
        "statuses_and_types_are_mapped",
        "stored_days_are_intact",
    ]
    assert [check for check in checks if check[0] != COMMUNICATION_LOGS.name] == [
        ("attempt_funnel", "attempts_are_the_outbound_rows"),
        ("attempt_funnel", "stages_contain_each_other"),
        *sorted(
            [
                ("contact_frequency", "limits_are_kept"),
                ("operational_health", "operations_are_usual"),
                *((each.table.name, "trailing_days_are_there") for each in ANALYSES if each.trailing_days > 1),
            ]
        ),
    ]


def test_freshness_has_one_story() -> None:
    """Dagster's own policy looks at the time of the last materialization, so it would contradict `is_fresh`."""
    assert all(spec.freshness_policy is None for spec in defs.resolve_all_asset_specs())


def test_resource_is_replaced_by_an_override() -> None:
    other = WarehouseResource(database="elsewhere.duckdb")
    replaced = build_defs({"warehouse": other})
    assert (replaced.resources or {})["warehouse"] is other
