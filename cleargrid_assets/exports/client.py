"""The client: requests one page of a dataset, with login, retries and checked rows."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from cleargrid_assets import __version__
from cleargrid_assets.exports.auth import Authenticator, Token
from cleargrid_assets.exports.dataset import Dataset
from cleargrid_assets.exports.http.retry import PATIENCE_S
from cleargrid_assets.exports.http.transport import Timeouts, Transport
from cleargrid_assets.exports.pages.rows import Page, PageReader
from cleargrid_assets.exports.stats import RequestStats
from cleargrid_assets.exports.window import Window, iso
from cleargrid_assets.pseudonyms import Pseudonyms
from cleargrid_assets.settings import Settings


class ExportsClient:
    """Requests pages of one dataset. Safe to use from several threads.

    Args:
        settings: Base URL, credentials, page size and limits.
        dataset: The dataset to request.
        wait: Waits a number of seconds between retries. The default wait is ended by `close`.
        timeouts: Timeouts of one request.
        patience_s: How long requests are repeated while the server accepts none.
        warn: Called with a line of text about a long wait; the default writes to the log of this process.
        clock: Monotonic seconds.
        pseudonyms: Makes what rows have in place of personal data; None if they have that as it came.

    Raises:
        SettingsError: A credential is missing, or a personal field can neither get a pseudonym nor be left out.
        ExportsError: The base URL is unusable.
    """

    def __init__(
        self,
        settings: Settings,
        dataset: Dataset,
        *,
        wait: Callable[[float], object] | None = None,
        timeouts: Timeouts | None = None,
        patience_s: float = PATIENCE_S,
        warn: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
        pseudonyms: Pseudonyms | None = None,
    ) -> None:
        credentials = settings.credentials()
        self.dataset = dataset
        self._path = f"{dataset.section}/{dataset.code}"
        self.page_size = settings.page_size
        self.connections = settings.concurrency
        self._base_url = settings.base_url
        self._lender = credentials.lender.get_secret_value()
        self._transport = Transport(
            settings.base_url,
            connections=settings.concurrency,
            max_requests_per_second=settings.max_requests_per_second,
            patience_s=patience_s,
            wait=wait,
            warn=warn,
            timeouts=timeouts,
            clock=clock,
        )
        self._authenticator = Authenticator(self._transport, credentials)
        self._quarantines = settings.quarantine == "on"
        self._made_with = None if pseudonyms is None else pseudonyms.version
        self._reader = PageReader(dataset, quarantines=self._quarantines, pseudonyms=pseudonyms)

    @property
    def fingerprint(self) -> tuple[object, ...]:
        """Everything that decides which rows a window has, and how they are spooled."""
        fields = [(column.name, column.type, column.nullable, column.personal) for column in self.dataset.fields]
        source = (self._base_url, self._lender, self.dataset.code)
        return (__version__, *source, self.page_size, self._quarantines, self._made_with, fields)

    def close(self) -> None:
        """Cuts off requests in flight, and closes the connections."""
        self._transport.close()

    def page(
        self,
        window: Window,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        include_total: bool = False,
        delay_s: float = 0.0,
        stats: RequestStats | None = None,
    ) -> Page:
        """Fetches one page.

        Args:
            window: The window; sent again with every cursor.
            cursor: The previous page's `next_cursor`, or None for the first page.
            limit: Rows asked for; the client's page size by default.
            include_total: Whether to ask the server to count the window.
            delay_s: Seconds to wait before the request.
            stats: Counts to add this request to, also if it fails.

        Raises:
            QueryTimeoutError: The query timed out.
            AuthenticationError: The login or a new token was refused.
            ContractError: A row breaks the contract.
            ExportsError: Any other failure, after its retries.
        """
        params = {
            "since": iso(window.since),
            "until": iso(window.until),
            "limit": str(limit or self.page_size),
            "sort": "asc",
            **({"cursor": cursor} if cursor is not None else {}),
            **({"includeTotal": "true"} if include_total else {}),
        }
        stats = stats or RequestStats()

        def send(token: Token) -> Any:
            return self._transport.send(
                "GET",
                f"/admin/v3/lenders/{quote(token.lender_public_id, safe='')}/exports/{self._path}",
                params=params,
                token=token.access,
                stats=stats,
                parse=lambda body: self._reader.read(body, window),
            )

        if delay_s:
            self._transport.pause(delay_s)
        page: Page = self._authenticator.authorized(send, stats)
        return page
