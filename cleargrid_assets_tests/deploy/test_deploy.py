"""What is in `deploy`: the units of systemd, the image and the containers."""

import os
import re
import shlex
import shutil
import subprocess
import sysconfig
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from cleargrid_assets_tests.deploy.dockerfile import build, copied, steps
from cleargrid_assets_tests.docs.pages import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PROGRAMS = Path(sysconfig.get_path("scripts"))
INSTALLED = "/opt/cleargrid_assets/.venv/bin/"


def loaded(file: Path) -> Any:
    return yaml.safe_load(file.read_text())


@pytest.fixture
def compose() -> Any:
    return loaded(DEPLOY / "compose.yaml")


def test_units_are_correct_by_systemd(tmp_path: Path) -> None:
    verifier = shutil.which("systemd-analyze")
    if verifier is None:
        pytest.skip("needs systemd-analyze, which comes with systemd")
    assert len(UNITS) == 2
    # The programs of this environment, because systemd looks whether they can be run. A link, because the folder of a
    # checkout may have spaces in its name.
    programs = tmp_path / "programs"
    programs.symlink_to(PROGRAMS)
    for unit in UNITS:
        (tmp_path / unit.name).write_text(unit.read_text().replace(INSTALLED, f"{programs}/"))
    found = subprocess.run(
        [verifier, "verify", *map(str, tmp_path.glob("*.service"))], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_unit_keeps_secrets_out_and_the_ui_on_loopback(unit: Path) -> None:
    text = unit.read_text()
    assert "EnvironmentFile=/etc/cleargrid/cleargrid.env\n" in text
    assert "CLEARGRID_PASSWORD" not in text
    [command] = re.findall(rf"^ExecStart={INSTALLED}(.+)$", text, re.MULTILINE)
    program, *arguments = shlex.split(command)
    assert (PROGRAMS / program).exists()
    assert "webserver" not in program or ("-h", "127.0.0.1") in pairwise(arguments)
    assert (ROOT / arguments[arguments.index("-w") + 1]).exists()


def test_settings_of_dagster_are_those_of_the_project_but_for_folders() -> None:
    shipped = loaded(ROOT / "dagster.yaml")
    common = {name: shipped[name] for name in shipped.keys() - {"storage", "local_artifact_storage", "compute_logs"}}
    for name in ("systemd", "compose"):
        settings = loaded(DEPLOY / name / "dagster.yaml")
        assert {key: settings[key] for key in common} == common
        assert settings.keys() - common.keys() <= {"storage", "compute_logs"}


def test_services_restart_are_watched_and_start_in_order(compose: Any) -> None:
    services = compose["services"]
    assert services.keys() == {"postgres", "code", "webserver", "daemon"}
    for service in services.values():
        assert service.keys() <= {
            *("image", "build", "restart", "init", "command", "env_file", "volumes", "ports", "healthcheck"),
            *("depends_on", "environment", "stop_grace_period"),
        }
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
        for other, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert services[other]["healthcheck"]
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"]


def test_containers_publish_only_the_ui_and_only_on_loopback(compose: Any) -> None:
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports == {"webserver": ["127.0.0.1:3000:3000"]}


def test_containers_have_secrets_from_files_that_git_ignores(compose: Any) -> None:
    files = {name: service["env_file"] for name, service in compose["services"].items()}
    # Only the code location needs the credentials of the lender.
    assert files.pop("code") == ["postgres.env", "cleargrid.env"]
    assert set(files.values()) == {"postgres.env"}
    # A run of a container that stops fails, instead of being "Started" for hours.
    assert {name for name, service in compose["services"].items() if "environment" in service} == {"code"}
    assert compose["services"]["code"]["environment"] == {"TINI_KILL_PROCESS_GROUP": "1"}
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/deploy/cleargrid.env", "/deploy/postgres.env"} <= set(ignored)


def test_containers_know_where_the_code_location_and_postgres_are(compose: Any) -> None:
    [location] = loaded(DEPLOY / "compose" / "workspace.yaml")["load_from"]
    server = location["grpc_server"]
    command = shlex.split(compose["services"][server["host"]]["command"])
    assert command[command.index("-p") + 1] == str(server["port"])
    assert command[command.index("--location-name") + 1] == server["location_name"]
    storage = loaded(DEPLOY / "compose" / "dagster.yaml")["storage"]["postgres"]["postgres_db"]
    assert storage["hostname"] in compose["services"]
    for service in compose["services"].values():
        if "command" in service:
            assert (PROGRAMS / shlex.split(service["command"])[0]).exists()


def test_image_gets_what_it_copies_and_nothing_secret(compose: Any) -> None:
    building = compose["services"]["code"]["build"]
    assert (DEPLOY / building["context"] / building["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    sources = [source for name, rest in steps() if name == "COPY" for source in copied(rest)[0]]
    assert all((ROOT / source).exists() for source in sources)
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all(any(Path(source).is_relative_to(each) for each in allowed) for source in sources)
    assert not any(Path(".env").is_relative_to(each) for each in allowed)


@pytest.mark.deploy
def test_steps_of_the_image_give_a_project_that_loads(tmp_path: Path) -> None:
    programs = build(tmp_path)
    data = tmp_path / "data"
    assert data.is_dir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLEARGRID_")}
    environment.pop("PYTHONPATH", None)
    code = (
        "import dagster_postgres, apprise, cleargrid_assets.definitions as definitions;"
        "print(definitions.__file__, len(definitions.defs.resolve_all_asset_keys()))"
    )
    found = subprocess.run(
        [programs / "python", "-c", code], cwd=data, env=environment, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(str(tmp_path / "venv"))
    for program in ("dagster", "dagster-webserver", "dagster-daemon", "cleargrid"):
        assert (programs / program).exists()
