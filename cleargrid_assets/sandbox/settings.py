"""The settings of a sandbox."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from cleargrid_assets.sandbox.datasets import ServedDataset


def utc_now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class SandboxSettings:
    """How a sandbox behaves and which rows it holds.

    Attributes:
        lender: The lender's subdomain, part of the login URL.
        email: The e-mail address that may log in.
        password: Its password; it protects invented data only.
        seed: Decides everything invented; not negative.
        rows_per_day: Approximate number of rows of a weekday. Saturdays and Sundays hold a quarter of it.
        timezone: The IANA zone whose days and hours the outreach follows.
        token_lifetime_s: Seconds for which an access token is accepted.
        max_window_rows: A first page over a window with more rows than this answers 504; None for no limit.
        short_pages: Whether pages may hold fewer rows than the limit, or none, with more to come.
        total_cap: The largest total that is counted exactly; None for no limit.
        clock: Returns the present instant, with a zone. Tokens expire by it, and late and edited rows appear by it.
        datasets: Datasets served besides communication logs.
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
    datasets: tuple[ServedDataset, ...] = ()
