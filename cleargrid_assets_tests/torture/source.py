"""A source of two days whose rows change, and which remembers all that it has held."""

import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

from cleargrid_assets_tests.assets.project import as_stored
from cleargrid_assets_tests.exports.api import Api
from cleargrid_assets_tests.rows import Row, sent_row

DAY, NEXT = date(2026, 5, 19), date(2026, 5, 20)
DAYS = (DAY, NEXT)

SURNAME, PREFIX = "Al-Harbi", "+96651"
"""What all subjects and all telephone numbers contain, so that they are found wherever they are told."""

_BEGIN = datetime(2026, 5, 19, tzinfo=timezone.utc)
_ROWS_PER_DAY = 100
_LAST_SECOND = 2 * 86400 - 1
_EDITED = datetime(2026, 6, 1, tzinfo=timezone.utc)


class Source:
    """The rows behind an API, and the history of their states.

    Args:
        api: Its rows are replaced at each change.
        luck: Decides about the changes. The rows at first are always the same.
    """

    def __init__(self, api: Api, luck: random.Random) -> None:
        self.api = api
        self.luck = random.Random(0)  # noqa: S311 - not for secrets
        self._made = 0
        self._changes = 0
        self.states: list[Mapping[str, Row]] = []
        self.hold([self.new_row() for _ in range(2 * _ROWS_PER_DAY)])
        self.luck = luck

    @property
    def rows(self) -> Mapping[str, Row]:
        """What it holds now, by key."""
        return self.states[-1]

    def hold(self, rows: list[Row]) -> None:
        """Holds these rows instead."""
        self.states.append({row["public_id"]: row for row in rows})
        self.api.rows = rows

    def new_row(self, second: float | None = None, **values: Any) -> Row:
        """A row with a new key, at a random second or a given one."""
        self._made += 1
        number = self._made
        return sent_row(
            f"id-{number:06d}",
            _at(self._second() if second is None else second),
            **{"to": f"{PREFIX}{number:07d}", "subject": f"Instalment of {SURNAME} {number}", **values},
        )

    def change(self) -> None:
        """Edits, moves, removes and adds some rows, fewer than a tenth of them."""
        self._changes += 1
        rows = {**self.rows}
        most = len(rows) // 40
        chosen = self.luck.sample(sorted(rows), min(len(rows), 3 * most))
        for key in chosen[:most]:
            rows[key] = self._edited(rows[key])
        for key in chosen[most : 2 * most]:
            rows[key] = self._edited(rows[key], communicated_at=_at(self._second()))
        for key in chosen[2 * most :]:
            del rows[key]
        self.hold([*rows.values(), *(self.new_row() for _ in range(most))])

    def lose(self, share: float) -> None:
        """Loses a share of its rows."""
        rows = list(self.rows.values())
        self.hold(self.luck.sample(rows, round(len(rows) * (1 - share))))

    def _edited(self, row: Row, **values: Any) -> Row:
        status = self.luck.choice(["BUSY", "NO_ANSWER", "COMPLETED"])
        return {**row, "status": status, "updated_at": _at(0, _EDITED + timedelta(hours=self._changes)), **values}

    def _second(self) -> float:
        # Some instants are shared by many rows.
        return self.luck.choice([self.luck.uniform(0, _LAST_SECOND), 43200.0, 43200.25, 86399.999, 86400.0, 126000.0])


def stored_form(row: Row) -> tuple[Any, ...]:
    """A row as the table holds it, without the time of its extraction."""
    return as_stored(row, day_of(row))


def day_of(row: Row) -> date:
    """The business day of a row, in UTC."""
    return datetime.fromisoformat(row["communicated_at"]).date()


def _at(second: float, begin: datetime = _BEGIN) -> str:
    return (begin + timedelta(seconds=second)).isoformat(timespec="microseconds")
