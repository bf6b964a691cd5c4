"""The script that starts the services of a cluster, with programs that only say how they were started."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cleargrid_assets_tests.lake.cluster import DEPLOYED

_PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*"
echo "$PWD $DAGSTER_HOME $CLEARGRID_PASSWORD $PYTHONPATH"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the script and a virtual environment."""
    shutil.copytree(DEPLOYED, tmp_path / "deploy" / "cluster")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    for name in ("dagster-webserver", "dagster-daemon", "celery"):
        (programs / name).write_text(_PROGRAM)
        (programs / name).chmod(0o755)
    return tmp_path


def start(project: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [project / "deploy" / "cluster" / "start.sh", *arguments],
        env={"PATH": os.environ["PATH"], **variables},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("role", "program"),
    [
        ("webserver", "dagster-webserver -w workspace.yaml -h 127.0.0.1 -p 3000 -x 1"),
        ("daemon", "dagster-daemon run -w workspace.yaml -x 1"),
        ("worker", "celery -A dagster_celery.app worker -n worker@%h -Q dagster -c 2 -l INFO -x 1"),
    ],
)
def test_service_is_started_in_the_project_with_its_options(project: Path, role: str, program: str) -> None:
    started = start(project, role, "-x", "1", DAGSTER_HOME="/home", CLEARGRID_PASSWORD="given", PYTHONPATH="/mine")
    assert started.stdout.splitlines() == [program, f"{project} /home given {project}/deploy/cluster:/mine"]


def test_env_file_overrides_the_environment_of_services(project: Path) -> None:
    (project / ".env").write_text("CLEARGRID_PASSWORD='of the $file'\n")
    # The tests' own interpreter has `dotenv`, but the link to it in the project does not know where.
    started = start(
        project, "worker", DAGSTER_HOME="/home", CLEARGRID_PASSWORD="given", PYTHONPATH=os.pathsep.join(sys.path)
    )
    assert f"{project} /home of the $file " in started.stdout, started.stderr


def test_wrong_start_says_what_is_missing(project: Path) -> None:
    homeless, unknown = start(project, "worker"), start(project, "everything", DAGSTER_HOME="/home")
    assert (homeless.returncode, unknown.returncode) == (1, 2)
    assert "DAGSTER_HOME: is not set. It names a folder with a copy of deploy/cluster/dagster.yaml." in homeless.stderr
    assert "Usage: deploy/cluster/start.sh webserver|daemon|worker" in unknown.stderr
    assert homeless.stdout == unknown.stdout == ""
