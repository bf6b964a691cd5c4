"""What the table must hold after a run that succeeded, failed or was killed.

What belongs here: comparing the table with the states of the source. What does not: running anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.schema import EXTRACTED_AT
from cleargrid_assets.warehouse.connection import connect
from cleargrid_assets.warehouse.ledger import differences, read_ledger
from cleargrid_assets_tests.assets.project import Project
from cleargrid_assets_tests.rows import Row
from cleargrid_assets_tests.torture.source import Source, day_of, stored_form

Rows = Sequence[tuple[Any, ...]]

_NAMES = ", ".join(f'"{name}"' for name in COMMUNICATION_LOGS.column_names if name != EXTRACTED_AT)
_TABLE = f"SELECT {_NAMES} FROM {COMMUNICATION_LOGS.name} ORDER BY public_id"


@dataclass(frozen=True)
class Started:
    """What was known when a run started.

    Attributes:
        oldest_state: The earliest state of the source of which the run may have pages.
        stores: How many runs had stored the days before.
    """

    oldest_state: int
    stores: int


class Oracle:
    """Knows what each run may leave in the table.

    Args:
        project: Its database has the table.
        source: What should be stored.
        stored: What the table holds.

    Attributes:
        stored: The table after the last run that stored the days, without the times of extraction.
    """

    def __init__(self, project: Project, source: Source, stored: Rows = ()) -> None:
        self._project = project
        self._source = source
        self._stores = 0
        self._oldest_state: int | None = None
        self.stored = stored

    def table(self) -> Rows:
        """The table as it is now, without the times of extraction. The ledger must agree with it."""
        with connect(str(self._project.database), read_only=True) as connection:
            assert differences(connection, [COMMUNICATION_LOGS]) == []
            return connection.execute(_TABLE).fetchall() if read_ledger(connection, COMMUNICATION_LOGS) else ()

    def start(self) -> Started:
        """A run starts."""
        # A failed run leaves pages that the next one may use, unless a run that began later has stored the days.
        latest = len(self._source.states) - 1
        return Started(latest if self._oldest_state is None else self._oldest_state, self._stores)

    def check_success(self, run: Started, days: Sequence[date]) -> None:
        """The days are exact, unless a run that began later has stored them meanwhile."""
        if self._stores > run.stores:
            self._check_as_it_was()
        else:
            self._accept(self.table(), days, run)

    def check_failure(self, run: Started) -> None:
        """The table is as it was."""
        self._check_as_it_was()
        self._oldest_state = None if self._stores > run.stores else run.oldest_state

    def check_killed(self, run: Started, days: Sequence[date]) -> bool:
        """The table is as it was, or exact. Returns whether it is exact."""
        table = self.table()
        if table == self.stored:
            self._oldest_state = run.oldest_state
            return False
        self._accept(table, days, run)
        return True

    def check_restored(self, table: Rows) -> None:
        """The table is that of a backup."""
        assert self.table() == table
        self.stored, self._oldest_state = table, None

    def _check_as_it_was(self) -> None:
        assert self.table() == self.stored

    def _accept(self, table: Rows, days: Sequence[date], run: Started) -> None:
        self._check_exact(table, days, self._source.states[run.oldest_state :])
        self.stored, self._oldest_state = table, None
        self._stores += 1

    def _check_exact(self, table: Rows, days: Sequence[date], states: Sequence[Mapping[str, Row]]) -> None:
        """Holds the table against what the source held while the days were fetched.

        If that changed meanwhile, each row must have been there, and each row that was there all the time, at the same
        instant, must be stored.
        """
        stored = {row[0]: row for row in table}
        assert len(stored) == len(table)
        others = {row[0]: row for row in self.stored if row[-1] not in days}
        for key, row in stored.items():
            if row[-1] in days:
                assert any(key in state and stored_form(state[key]) == row for state in states), key
            else:
                assert others[key] == row
        fetched = {key for key, row in stored.items() if row[-1] in days}
        steady = {
            key
            for key, row in states[0].items()
            if day_of(row) in days
            and all(key in state and state[key]["communicated_at"] == row["communicated_at"] for state in states)
        }
        assert steady <= fetched
        if len(states) == 1:
            [state] = states
            assert {key for key in others if key not in state or day_of(state[key]) not in days} <= stored.keys()
