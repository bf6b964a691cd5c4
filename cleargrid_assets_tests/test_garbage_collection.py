import subprocess
import sys

_PRINT = "import gc, cleargrid_assets.definitions; print(gc.get_freeze_count() > 100_000, gc.get_threshold()[0])"
_FREEZE_AT_EXIT = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count() > before + 50_000))
from cleargrid_assets.garbage_collection import collect_less_often
collect_less_often()
before = gc.get_freeze_count()
kept = [[] for _ in range(100_000)]
"""


def _output(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_definitions_freeze_what_they_load_and_collect_less_often() -> None:
    assert _output(_PRINT) == "True 50000"


def test_objects_made_later_are_not_collected_at_the_end() -> None:
    assert _output(_FREEZE_AT_EXIT) == "True"
