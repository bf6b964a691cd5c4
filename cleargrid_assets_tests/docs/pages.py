"""The pages of the documentation, their code blocks and the commands they mention."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *(ROOT / folder / "README.md" for folder in ("benchmarks", "examples")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

PROGRAMS = ("cleargrid", "make", "dagster", "dg")
"""The programs whose subcommands and options are checked where they are mentioned and not run."""

_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]+) -->\s*\n)?^ *```(?P<language>\w+)\n(?P<code>.*?)^ *```$", re.M | re.S
)
_INLINE = re.compile(rf"`((?:{'|'.join(PROGRAMS)}) [^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced code block.

    Attributes:
        page: Path of its page, relative to the repository.
        line: Line of the block's first line of code.
        language: What follows the opening fence.
        code: Without the fences and the common indentation.
        reason: Why no test runs it; None for a block that is run.
    """

    page: str
    line: int
    language: str
    code: str
    reason: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """The fenced code blocks of a page, in order."""
    text = page.read_text()
    for match in _BLOCK.finditer(text):
        yield Block(
            page=str(page.relative_to(ROOT)),
            line=text.count("\n", 0, match.start("code")) + 1,
            language=match["language"],
            code=textwrap.dedent(match["code"]),
            reason=match["reason"],
        )


def commands(block: Block) -> Iterator[list[str]]:
    """The commands of a shell block, as words."""
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.match(r"\w+=", words[0]):
            del words[0]
        if words:
            yield words


def inline_commands(page: Path) -> Iterator[list[str]]:
    """The commands that the page mentions in a sentence."""
    return (shlex.split(match[1]) for match in _INLINE.finditer(page.read_text()))
