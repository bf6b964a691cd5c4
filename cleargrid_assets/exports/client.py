"""One page of a dataset at a time, with a token that works.

What belongs here: the request for a page, and what a 401 leads to. What does not: which pages to ask for (`walk`).
"""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

from cleargrid_assets.exports.auth import Authenticator
from cleargrid_assets.exports.contract import Dataset
from cleargrid_assets.exports.effort import Effort
from cleargrid_assets.exports.errors import AuthenticationError, ExportsError
from cleargrid_assets.exports.rows import Page, PageReader
from cleargrid_assets.exports.transport import Transport
from cleargrid_assets.exports.window import Window, iso
from cleargrid_assets.settings import Settings

_MOST_RENEWALS = 3
"""New tokens that one request may use up."""


class ExportsClient:
    """A lender's view of one dataset, safe to use from several threads.

    Args:
        settings: Root, credentials, page size and bounds on requests.
        dataset: Which dataset.
        wait: Waits so many seconds between tries; by default, `close` cuts it short.

    Raises:
        SettingsError: A credential is missing.
        ExportsError: The root is unusable.
    """

    def __init__(self, settings: Settings, dataset: Dataset, wait: Callable[[float], object] | None = None) -> None:
        credentials = settings.credentials()
        self.dataset = dataset
        self.page_size = settings.page_size
        self._transport = Transport(
            settings.base_url,
            connections=settings.concurrency,
            max_requests_per_second=settings.max_requests_per_second,
            wait=wait,
        )
        self._authenticator = Authenticator(self._transport, credentials)
        self._reader = PageReader(dataset)

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def page(
        self,
        window: Window,
        *,
        cursor: str | None = None,
        limit: int | None = None,
        include_total: bool = False,
        pause: float = 0.0,
        effort: Effort | None = None,
    ) -> Page:
        """Fetches one page.

        Args:
            window: Bounds on the cursor field; sent again with every cursor.
            cursor: The previous page's `next_cursor`, or None for the first page.
            limit: Rows asked for; the client's page size by default.
            include_total: Whether the server is to count the window.
            pause: Seconds to wait before the request.
            effort: Counts that this request's are added to, also when it fails.

        Raises:
            QueryTimeoutError: The query outran the server.
            AuthenticationError: The login, or a token just issued, was refused.
            ContractError: A row breaks the declaration.
            ExportsError: Any other failure that retries did not mend.
        """
        params = {
            "since": iso(window.since),
            "until": iso(window.until),
            "limit": str(limit or self.page_size),
            "sort": "asc",
        }
        if cursor is not None:
            params["cursor"] = cursor
        if include_total:
            params["includeTotal"] = "true"
        spent = effort or Effort()
        if pause:
            self._transport.pause(pause)
        token = self._authenticator.token()
        renewals = 0
        while True:
            retries = spent.retries
            try:
                page: Page = self._transport.send(
                    "GET",
                    f"/admin/v3/lenders/{quote(token.lender_public_id, safe='')}"
                    f"/exports/{self.dataset.section}/{self.dataset.code}",
                    params=params,
                    token=token.access,
                    effort=spent,
                    parse=lambda body: self._reader.read(body, window),
                )
            except ExportsError as error:
                if error.status != HTTPStatus.UNAUTHORIZED:
                    raise
                # One that has served others, or had to wait for a retry, has expired, unless that goes on and on.
                unused = self._authenticator.is_untried(token) and spent.retries == retries
                if renewals == _MOST_RENEWALS or (renewals and unused):
                    raise AuthenticationError(
                        "a token that was just issued was refused",
                        status=error.status,
                        message=error.message,
                        request_id=error.request_id,
                        advice="Ask ClearGrid whether the lender is active.",
                    ) from error
                # A token that another request has replaced meanwhile does not count as renewed by this one.
                before = spent.refreshes
                token = self._authenticator.renew(token, spent)
                renewals += spent.refreshes - before
            else:
                self._authenticator.accepted(token)
                return page
