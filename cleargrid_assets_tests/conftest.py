"""Fixtures of all tests. Tests see no `CLEARGRID_` variables of the user, and share one materialized week."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from alembic.config import Config

    from cleargrid_assets.sandbox import RunningSandbox
    from cleargrid_assets_tests.assets.project import Project

# First of all, because some modules read them at import. A developer may have the credentials of a real lender set.
for _name in [name for name in os.environ if name.startswith("CLEARGRID_")]:
    del os.environ[_name]

# On a busy machine an example may take any time.
settings.register_profile("any pace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any pace")

_LONGEST_MODULES = (
    "torture/test_matrix.py",
    "pictures/test_pictures.py",
    "docs/test_blocks.py",
    "assets/test_communication_logs.py",
    "assets/test_failed_fetches.py",
    "catch_up/test_requests.py",
    "assets/test_analyses.py",
    "warehouse/storing/test_storing.py",
    "test_automation.py",
    "warehouse/test_connection.py",
    "warehouse/test_ledger.py",
    "test_sibling_dataset.py",
    "warehouse/test_engine.py",
    "exports/walking/test_timeouts.py",
    "warehouse/storing/test_failing.py",
    "analysis/test_agreement.py",
    "checks/test_history.py",
    "test_definitions.py",
    "warehouse/test_time_zones.py",
)


SIZES = {"mixtures": 300, "kills": 500, "torn-writes": 24, "minutes": 5.0}
"""How much `make torture` does, by option."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the sizes of the slow proofs."""
    group = parser.getgroup("torture", "how much `make torture` does")
    for name, size in SIZES.items():
        group.addoption(f"--{name}", type=type(size), default=size, help=f"by default {size:g}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Runs the longest modules first: a module runs in one process, and the last one should not run alone."""
    folder = Path(__file__).parent
    places = {folder / module: place for place, module in enumerate(_LONGEST_MODULES)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


# The imports below are lazy, so that tests without Dagster start fast.
@pytest.fixture(scope="session", autouse=True)
def _revisions_read_once() -> Iterator[None]:
    """Reads Dagster's revisions of its storage once. Each new instance would read all 88 of them again, from files."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    read = ScriptDirectory.from_config
    known: dict[tuple[str | None, str | None], ScriptDirectory] = {}

    def remembered(config: "Config") -> ScriptDirectory:
        source = (config.config_file_name, config.get_main_option("script_location"))
        if source not in known:
            known[source] = read(config)
        return known[source]

    with patch.object(ScriptDirectory, "from_config", remembered):
        yield


@pytest.fixture(scope="session")
def sandbox() -> "Iterator[RunningSandbox]":
    """A sandbox in which the first days of January no longer change."""
    from cleargrid_assets.sandbox import running_sandbox  # noqa: PLC0415
    from cleargrid_assets_tests.assets.project import settled_settings  # noqa: PLC0415

    with running_sandbox(settled_settings()) as running:
        yield running


@pytest.fixture(scope="session")
def week(sandbox: "RunningSandbox", tmp_path_factory: pytest.TempPathFactory) -> "Project":
    """The first seven days of the history, materialized in one run. Do not write to it: use `copied_week`."""
    from cleargrid_assets_tests.assets.project import WEEK, Project  # noqa: PLC0415

    project = Project.pointed_at(sandbox, tmp_path_factory.mktemp("week"))
    run = project.materialize(*WEEK)
    assert run.success, run.failure
    return project


@pytest.fixture
def copied_week(week: "Project", tmp_path: Path) -> "Project":
    """A copy of the week's tables and history that a test may change."""
    return week.copied_to(tmp_path)


@pytest.fixture
def project(sandbox: "RunningSandbox", tmp_path: Path) -> "Project":
    """The project with an empty database and an empty history."""
    from cleargrid_assets_tests.assets.project import Project  # noqa: PLC0415

    return Project.pointed_at(sandbox, tmp_path)


@pytest.fixture
def start(tmp_path: Path) -> "Iterator[Callable[..., Project]]":
    """Starts a project on a sandbox with some settings changed."""
    from cleargrid_assets.sandbox import running_sandbox  # noqa: PLC0415
    from cleargrid_assets_tests.assets.project import Project, settled_settings  # noqa: PLC0415

    with ExitStack() as stack:

        def started(**changed: Any) -> Project:
            return Project.pointed_at(stack.enter_context(running_sandbox(settled_settings(**changed))), tmp_path)

        yield started


@pytest.fixture(scope="session")
def lake_servers() -> "Iterator[Mapping[str, str]]":
    """Variables of a Postgres server, and of DuckDB's extensions. Skips where there are no servers."""
    from cleargrid_assets_tests.lake import servers  # noqa: PLC0415

    servers.require_servers()
    with servers.reachable_folder() as folder, servers.postgres(folder) as variables:
        yield {**variables, "HOME": str(servers.home_with_extensions(folder))}


@pytest.fixture
def lake(lake_servers: "Mapping[str, str]", tmp_path: Path) -> "Mapping[str, str]":
    """Variables of a lake that is not created yet. A test sets them with its own MonkeyPatch."""
    from cleargrid_assets_tests.lake.servers import new_database  # noqa: PLC0415

    return {
        **new_database(lake_servers),
        "CLEARGRID_DUCKDB": "ducklake:postgres:",
        "CLEARGRID_LAKE_DATA": str(tmp_path / "lake"),
    }
