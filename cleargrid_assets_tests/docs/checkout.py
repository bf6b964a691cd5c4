"""A clone of the repository that `make` takes for set up."""

import shutil
import sys
from pathlib import Path

from cleargrid_assets_tests.docs.pages import ROOT

PROGRAMS_FOLDER = Path(sys.executable).parent

_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".env", ".bench", ".*cache*", ".hypothesis", "data")


def clone(folder: Path) -> Path:
    """Copies the repository into the folder, with a virtual environment that is the one of this process."""
    copy = folder / "cleargrid_assets"
    shutil.copytree(ROOT, copy, ignore=_LEFT_OUT)
    # What `make` would install is what runs this test. The stamps keep it from installing again.
    (copy / ".venv").mkdir()
    (copy / ".venv" / "bin").symlink_to(PROGRAMS_FOLDER)
    for stamp in (".demo", ".dev"):
        (copy / ".venv" / stamp).touch()
    return copy
