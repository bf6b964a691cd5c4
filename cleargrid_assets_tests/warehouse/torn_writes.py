"""Power cuts inside a write: a library that writes the first 4 KiB of the n-th large write, and kills the process."""

import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from cleargrid_assets.warehouse.connection import transaction

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

enum { LARGE = 100000, TORN = 4096 };
static int seen = 0;

typedef ssize_t (*writer)(int, const void *, size_t, off_t);

static ssize_t torn(const char *name, int file, const void *bytes, size_t length, off_t at) {
    writer original = (writer)dlsym(RTLD_NEXT, name);
    const char *fatal = getenv("TORN_WRITE");
    if (length >= LARGE && fatal && __atomic_add_fetch(&seen, 1, __ATOMIC_SEQ_CST) == atoi(fatal)) {
        original(file, bytes, TORN, at);
        fsync(file);
        kill(getpid(), SIGKILL);
    }
    return original(file, bytes, length, at);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t at) {
    return torn("pwrite", file, bytes, length, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t length, off_t at) {
    return torn("pwrite64", file, bytes, length, at);
}
"""


def rewrite(database: str) -> None:
    """Changes all rows as a run does: in one transaction, and a checkpoint when the file is closed."""
    with transaction(database, 0, []) as connection:
        connection.execute("UPDATE communication_logs SET status = 'BUSY'")


def tearing(number: int) -> Mapping[str, str]:
    """The environment in which the large write of this number, from 1, is the last one of a process, and torn.

    Skips the test if there is no C compiler, or no Linux.
    """
    return {"LD_PRELOAD": str(_library()), "TORN_WRITE": str(number)}


@cache
def _library() -> Path:
    compiler = shutil.which("cc")
    if compiler is None or not Path("/proc/self/maps").exists():
        pytest.skip("needs a C compiler and Linux")
    folder = Path(mkdtemp())
    (folder / "torn.c").write_text(_SOURCE)
    command = [compiler, "-shared", "-fPIC", "-o", str(folder / "torn.so"), str(folder / "torn.c"), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return folder / "torn.so"
