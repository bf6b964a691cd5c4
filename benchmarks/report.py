"""Tables in Markdown, and the targets with what was measured."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """What a measure is to be, and what it was.

    Attributes:
        name: What is measured.
        aim: In words.
        measured: In words.
        met: Whether it was.
    """

    name: str
    aim: str
    measured: str
    met: bool

    @classmethod
    def at_least(cls, name: str, aim: float, measured: float) -> "Target":
        """A factor that should be large."""
        return cls(name, f"at least {aim:g} times as fast", f"{measured:.2f} times", measured >= aim)

    @classmethod
    def at_most(cls, name: str, aim: float, measured: float, unit: str = "times") -> "Target":
        """A figure that should be small."""
        return cls(name, f"at most {aim:g} {unit}", f"{measured:.3g} {unit}", measured <= aim)


@dataclass(frozen=True)
class Section:
    """What one section found.

    Attributes:
        title: Of the section.
        header: Names of the columns.
        rows: Cells, in the order of the columns.
        note: What is to be known to read the table.
        targets: Those that the section measures.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str
    targets: Sequence[Target] = field(default=())

    def markdown(self) -> str:
        """The section, but for its targets."""
        return f"## {self.title}\n\n{table(self.header, self.rows)}\n\n{self.note}\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned for readers of the text: the first to the left, the others right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = [
            cell.rjust(width) if number else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join([first, *others])} |"

    rule = f"|{'|'.join('-' * (width + 1) + (':' if number else '-') for number, width in enumerate(widths))}|"
    return "\n".join([line(header), rule, *map(line, rows)])


def targets_markdown(targets: Sequence[Target]) -> str:
    """The table of targets."""
    rows = [(target.name, target.aim, target.measured, "met" if target.met else "**not met**") for target in targets]
    return f"## Targets\n\n{table(('what', 'aim', 'measured', 'verdict'), rows)}\n"
