"""Results as Markdown: the tables of the sections, and the table of targets."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A target and its measured value.

    Attributes:
        name: What is measured.
        target: The target as text.
        measured: The measured value as text.
        met: True if the measured value meets the target.
    """

    name: str
    target: str
    measured: str
    met: bool

    @classmethod
    def at_least(cls, name: str, minimum: float, measured: float) -> "Target":
        """A speedup with a minimum."""
        return cls(name, f"at least {minimum:g} times as fast", f"{measured:.2f} times", measured >= minimum)

    @classmethod
    def at_most(cls, name: str, maximum: float, measured: float, unit: str = "times") -> "Target":
        """A value with a maximum."""
        return cls(name, f"at most {maximum:g} {unit}", f"{measured:.3g} {unit}", measured <= maximum)


@dataclass(frozen=True)
class Section:
    """Results of one section.

    Attributes:
        title: Heading of the section.
        header: Column names.
        rows: Cells, in the order of the columns.
        note: Text below the table.
        targets: Targets that the section measures.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str
    targets: Sequence[Target] = field(default=())

    def markdown(self) -> str:
        """The section without its targets."""
        return f"## {self.title}\n\n{table(self.header, self.rows)}\n\n{self.note}\n"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table. The first column is aligned left, the others right, in the plain text too."""
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
    rows = [(target.name, target.target, target.measured, "met" if target.met else "**not met**") for target in targets]
    return f"## Targets\n\n{table(('measure', 'target', 'measured', 'result'), rows)}\n"
