"""What can be chosen about a sandbox.

What belongs here: the one settings object and its defaults. What does not: how any of it is carried out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone


def utc_now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class SandboxSettings:
    """How a sandbox behaves and which days it invents.

    Attributes:
        lender: The lender's subdomain, part of the login URL.
        email: The e-mail address that may log in.
        password: Its password; it guards invented data only.
        seed: Decides everything invented; not negative.
        rows_per_day: About how many rows a weekday holds. Saturdays and Sundays hold a quarter of it.
        timezone: The IANA zone whose days and hours the outreach follows.
        token_lifetime_s: Seconds for which an access token is accepted.
        max_window_rows: A first page over a window holding more rows than this answers 504; None for no limit.
        short_pages: Whether pages may hold fewer rows than the limit, or none, with more to come.
        total_cap: The largest total that is counted exactly; None for no limit.
        clock: The present instant, with a zone. Tokens expire by it, and late and edited rows appear by it.
    """

    lender: str = "acme"
    email: str = "analyst@acme.example"
    password: str = "sandbox"  # noqa: S105
    seed: int = 7
    rows_per_day: int = 2000
    timezone: str = "UTC"
    token_lifetime_s: float = 900.0
    max_window_rows: int | None = None
    short_pages: bool = True
    total_cap: int | None = None
    clock: Callable[[], datetime] = utc_now
