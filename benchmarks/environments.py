"""Virtual environments of the contestants, one per file in `requirements/`.

All are installed with the project's `constraints.txt`, so that they have the same Dagster, DuckDB and pandas.
"""

import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
OURS = "ours"
"""The environment of this project, in which the harness runs too."""

_INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
_PACKAGES = ("dagster", "dagster-dlt", "dagster-duckdb-pandas", "dlt", "duckdb", "pandas", "pyarrow", "requests")
_SHOW_VERSIONS = """
import importlib.metadata, json, sys
versions = {package.metadata["Name"].lower(): package.version for package in importlib.metadata.distributions()}
print(json.dumps({name: versions[name] for name in sys.argv[1:] if name in versions}))
"""


def bin_folder(folder: Path, name: str) -> Path:
    """The folder with the `python` and the console scripts of an environment.

    Creates the environment if it is missing, or if its requirements, the constraints or the Python version changed.

    Args:
        folder: Folder of all environments.
        name: `ours`, or the name of a file in `requirements/` without its suffix.

    Raises:
        subprocess.CalledProcessError: The installation failed.
    """
    if name == OURS:
        return Path(sys.executable).parent
    requirements = CHECKOUT / "benchmarks" / "requirements" / f"{name}.txt"
    constraints = CHECKOUT / "constraints.txt"
    checksum = hashlib.sha256(requirements.read_bytes() + constraints.read_bytes() + sys.version.encode()).hexdigest()
    home = folder / name
    stamp = home / "installed"
    if not stamp.exists() or stamp.read_text() != checksum:
        print(f"Installing the environment {name} ...", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        subprocess.run(
            [home / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", requirements, "-c", constraints],
            check=True,
        )
        stamp.write_text(checksum)
    return home / "bin"


def variables(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of a contestant: a few of the user's, no proxy, no telemetry, plus `extra`."""
    return {
        **{name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ},
        "PYTHONPATH": str(CHECKOUT),
        "TZ": "UTC",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        **extra,
    }


def versions(bin_folder: Path) -> Mapping[str, str]:
    """The versions of the main packages in an environment."""
    command: Sequence[str] = [str(bin_folder / "python"), "-c", _SHOW_VERSIONS, *_PACKAGES]
    found: dict[str, str] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found
