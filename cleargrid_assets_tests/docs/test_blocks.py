"""Every code block of the documentation is run, or says why not and mentions only commands that exist."""

import io
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from unittest.mock import patch

import duckdb
import pytest

from cleargrid_assets.sandbox import SandboxSettings, running_sandbox
from cleargrid_assets_tests.assets.project import Project
from cleargrid_assets_tests.docs.checkout import PROGRAMS_FOLDER, clone
from cleargrid_assets_tests.docs.pages import PAGES, PROGRAMS, ROOT, Block, blocks, commands, inline_commands

_BLOCKS = [block for page in PAGES for block in blocks(page)]


def _of(language: str, *, run: bool = True) -> pytest.MarkDecorator:
    chosen = [block for block in _BLOCKS if block.language == language and (block.reason is None) == run]
    return pytest.mark.parametrize("block", chosen, ids=str)


@dataclass(frozen=True)
class Checkout:
    """A clone of the repository that is set up, points at a sandbox, and has stored a week."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str) -> str:
        run = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout


@pytest.fixture(scope="module")
def checkout(week: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    folder = clone(tmp_path_factory.mktemp("clone"))
    (folder / "data").mkdir()
    shutil.copy(week.database, folder / "data" / "warehouse.duckdb")
    settings = SandboxSettings(rows_per_day=50)
    with running_sandbox(settings) as sandbox:
        yield Checkout(
            folder,
            {
                **{name: value for name, value in os.environ.items() if not name.startswith("DAGSTER_")},
                "PATH": f"{PROGRAMS_FOLDER}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(folder),
                "CLEARGRID_BASE_URL": sandbox.url,
                "CLEARGRID_LENDER": settings.lender,
                "CLEARGRID_EMAIL": settings.email,
                "CLEARGRID_PASSWORD": settings.password,
            },
        )


@_of("sh")
def test_shell_block_succeeds(block: Block, checkout: Checkout) -> None:
    checkout.run("sh", "-e", "-c", block.code)


@_of("sql")
def test_sql_block_succeeds(block: Block, checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout.folder)
    with duckdb.connect("data/warehouse.duckdb", read_only=True) as connection:
        for statement in connection.extract_statements(block.code):
            connection.execute(statement).fetchall()


@pytest.mark.parametrize("page", sorted({block.page for block in _BLOCKS if block.language == "python"}))
def test_python_blocks_of_a_page_succeed_in_order(page: str, checkout: Checkout) -> None:
    code = [block.code for block in _BLOCKS if (block.page, block.language, block.reason) == (page, "python", None)]
    checkout.run(sys.executable, "-m", "cleargrid_assets_tests.docs.apply", *code)


@_of("sh", run=False)
def test_shell_block_that_is_not_run_has_commands_that_exist(block: Block) -> None:
    for words in commands(block):
        _assert_exists(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_mentioned_in_sentences_exist(page: Path) -> None:
    for words in inline_commands(page):
        _assert_exists(words)


def _assert_exists(words: list[str]) -> None:
    """Raises if a program of the project has no such subcommand, option or target."""
    program, *arguments = words
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M)
        assert {word for word in arguments if "=" not in word} <= set(targets), words
    elif program in PROGRAMS:
        options = [word.split("=")[0] for word in arguments if word.startswith("-")]
        first_option = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
        help_text = _help(*words[:first_option])
        assert [option for option in options if not re.search(rf"{option}\b", help_text)] == [], words


@cache
def _help(*words: str) -> str:
    """What `--help` prints; in this process, because starting one for each command takes seconds."""
    [program] = entry_points(group="console_scripts", name=words[0])
    output = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(output), patch.object(sys, "argv", [*words, "--help"]):
        warnings.simplefilter("ignore")  # of imports, as the interpreter does
        with pytest.raises(SystemExit) as exit_:
            program.load()()
    assert not exit_.value.code, f"{' '.join(words)}: {output.getvalue()}"
    return output.getvalue()
