"""Tests know of no environment but their own, and share one materialized week."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cleargrid_assets.sandbox import RunningSandbox
    from cleargrid_assets_tests.assets.project import Project

# Before anything is imported that reads them: whoever runs the tests may have a real lender's credentials set.
for _name in [name for name in os.environ if name.startswith("CLEARGRID_")]:
    del os.environ[_name]


# The imports below are lazy, so that tests without Dagster do not wait for it.
@pytest.fixture(scope="session")
def sandbox() -> "Iterator[RunningSandbox]":
    """An API whose first days of January no longer change."""
    from cleargrid_assets.sandbox import running_sandbox  # noqa: PLC0415
    from cleargrid_assets_tests.assets.project import settled_settings  # noqa: PLC0415

    with running_sandbox(settled_settings()) as running:
        yield running


@pytest.fixture(scope="session")
def week(sandbox: "RunningSandbox", tmp_path_factory: pytest.TempPathFactory) -> "Project":
    """The first seven days of the history, materialized in one run. Not to be written to: take a copy."""
    from cleargrid_assets_tests.assets.project import WEEK, Project  # noqa: PLC0415

    project = Project.pointed_at(sandbox, tmp_path_factory.mktemp("week"))
    run = project.materialize(*WEEK)
    assert run.success, run.failure
    return project


@pytest.fixture
def copied_week(week: "Project", tmp_path: Path) -> "Project":
    """The week's tables and its history, in a file that may be written to."""
    return week.copied_to(tmp_path)


@pytest.fixture
def project(sandbox: "RunningSandbox", tmp_path: Path) -> "Project":
    """The project with an empty database and without a history."""
    from cleargrid_assets_tests.assets.project import Project  # noqa: PLC0415

    return Project.pointed_at(sandbox, tmp_path)


@pytest.fixture
def start(tmp_path: Path) -> "Iterator[Callable[..., Project]]":
    """Starts a project on a sandbox with other settings."""
    from cleargrid_assets.sandbox import running_sandbox  # noqa: PLC0415
    from cleargrid_assets_tests.assets.project import Project, settled_settings  # noqa: PLC0415

    with ExitStack() as stack:

        def started(**changed: Any) -> Project:
            return Project.pointed_at(stack.enter_context(running_sandbox(settled_settings(**changed))), tmp_path)

        yield started
