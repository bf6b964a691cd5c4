"""Virtual environments, one for each kind of contestant, made from the files in `requirements/`.

They are installed with the project's `constraints.txt`, so that Dagster, DuckDB and pandas are the same everywhere.
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
"""The environment that the harness itself runs in: the project's own."""

_INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")
_PACKAGES = ("dagster", "dagster-dlt", "dagster-duckdb-pandas", "dlt", "duckdb", "pandas", "pyarrow", "requests")
_SHOW_VERSIONS = """
import importlib.metadata, json, sys
found = {name.lower(): version for name, version in
         ((found.metadata["Name"], found.version) for found in importlib.metadata.distributions())}
print(json.dumps({name: found[name] for name in sys.argv[1:] if name in found}))
"""


def bin_folder(folder: Path, name: str) -> Path:
    """Where the environment's `python` and console scripts are, made first if it is not there as required.

    Args:
        folder: Of all environments.
        name: `ours`, or a file in `requirements/` without its suffix.

    Raises:
        subprocess.CalledProcessError: It could not be installed.
    """
    if name == OURS:
        return Path(sys.executable).parent
    required = CHECKOUT / "benchmarks" / "requirements" / f"{name}.txt"
    constraints = CHECKOUT / "constraints.txt"
    wanted = hashlib.sha256(required.read_bytes() + constraints.read_bytes() + sys.version.encode()).hexdigest()
    home = folder / name
    stamp = home / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Setting up the environment {name} ...", file=sys.stderr, flush=True)
        venv.create(home, with_pip=True, clear=True)
        subprocess.run(
            [home / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", required, "-c", constraints], check=True
        )
        stamp.write_text(wanted)
    return home / "bin"


def variables(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment variables of a contestant: few of the user's, no proxy, no telemetry, and the extra ones."""
    return {
        **{name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ},
        "PYTHONPATH": str(CHECKOUT),
        "TZ": "UTC",
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        **extra,
    }


def versions(directory: Path) -> Mapping[str, str]:
    """The versions of what the environment with these programs holds, of the packages worth naming."""
    command: Sequence[str] = [str(directory / "python"), "-c", _SHOW_VERSIONS, *_PACKAGES]
    shown: dict[str, str] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return shown
