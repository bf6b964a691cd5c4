"""The settings of a sandbox."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone

from cleargrid_assets.sandbox.datasets import ServedDataset


def utc_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class SandboxSettings:
    """The behaviour and the data of a sandbox.

    Attributes:
        lender: The lender's subdomain, part of the login URL.
        email: The e-mail address that may log in.
        password: Its password; it protects invented data only.
        seed: The seed of the invented data; not negative.
        rows_per_day: Approximate number of rows of a weekday. A Saturday or Sunday has a quarter of it.
        timezone: The IANA zone whose days and hours the outreach follows.
        token_lifetime_s: Seconds for which an access token is accepted.
        max_window_rows: The first page of a window with more rows is answered with 504; None for no limit.
        short_pages: Whether pages may hold fewer rows than the limit, or none, with more to come.
        total_cap: The largest total that is counted exactly; None for no limit.
        clock: Returns the current time, with a zone. It decides when tokens expire and when late rows appear.
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
