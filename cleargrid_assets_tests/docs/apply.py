"""Runs code blocks as if they were part of the modules that they name in their first line.

Usage: `python -m cleargrid_assets_tests.docs.apply CODE...`. Modules that do not exist are made. Tests that a block
defines are run.
"""

import importlib
import sys
from types import ModuleType


def apply(code: str) -> None:
    """Runs a block whose first line is a comment with the path of a module, such as `# package/module.py`."""
    path = code.split("\n", 1)[0].removeprefix("# ").strip()
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    module = _module(name)
    known = set(vars(module))
    exec(compile(code, path, "exec", dont_inherit=True), vars(module))  # noqa: S102 - the project's own documentation
    for added in sorted(set(vars(module)) - known):
        if added.startswith("test_"):
            getattr(module, added)()


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        package, _, short = name.rpartition(".")
        module = sys.modules[name] = ModuleType(name)
        setattr(importlib.import_module(package), short, module)
        return module


if __name__ == "__main__":
    for block in sys.argv[1:]:
        apply(block)
