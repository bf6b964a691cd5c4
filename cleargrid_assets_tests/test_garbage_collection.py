import subprocess
import sys

_PRINT = "import gc, cleargrid_assets; print(gc.get_threshold()[0])"
_FREEZE_AT_EXIT = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > before + 50_000))
import cleargrid_assets
before = gc.get_freeze_count()
kept = [[] for _ in range(100_000)]
"""


def _output(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_package_collects_less_often_before_definitions_are_imported() -> None:
    assert _output(_PRINT) == "50000"


def test_objects_made_later_are_not_collected_at_the_end() -> None:
    assert _output(_FREEZE_AT_EXIT) == "True"
