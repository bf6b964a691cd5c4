"""Runs the steps of `deploy/Dockerfile` in a folder, as far as they do not change the machine."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from cleargrid_assets_tests.docs.pages import ROOT

_ON_THE_MACHINE = "useradd"
"""A step with this makes the user of the image, and is left out."""


def steps() -> list[tuple[str, str]]:
    """The instructions of the file and their arguments, without comments."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "deploy" / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, rest in (line.split(maxsplit=1) for line in lines)]


def copied(arguments: str) -> tuple[list[str], str]:
    """The sources and the destination of a COPY."""
    *sources, destination = [word for word in shlex.split(arguments) if not word.startswith("--")]
    return sources, destination


def build(root: Path) -> Path:
    """Runs the steps with `root` as the root of the file system.

    Returns:
        The folder with the programs that were installed.
    """
    subprocess.run([sys.executable, "-m", "venv", str(root / "venv")], check=True)
    programs, folder = root / "venv" / "bin", root
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    for name, arguments in steps():
        if name == "WORKDIR":
            folder = root / arguments.lstrip("/")
            folder.mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            _copy(folder, *copied(arguments), root)
        elif name == "RUN" and _ON_THE_MACHINE not in arguments:
            subprocess.run(["/bin/sh", "-c", arguments], cwd=folder, env=environment, check=True)
    return programs


def _copy(folder: Path, sources: list[str], destination: str, root: Path) -> None:
    target = root / destination.lstrip("/") if destination.startswith("/") else folder / destination
    target.mkdir(parents=True, exist_ok=True)
    for source in sources:
        origin = ROOT / source
        if origin.is_dir():
            shutil.copytree(origin, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, target)
