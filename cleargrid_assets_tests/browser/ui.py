"""What a person does and sees in the UI, by the words on the page."""

import re
from datetime import date
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

RUN_TIMEOUT_MS = 240_000
"""How long a run may take on a busy machine."""

SCROLLED = '[class*="assetEventMetadataScrollContainer"]'


class Ui:
    """The UI in one tab.

    Args:
        page: The tab.
        url: The root of the UI.
        pictures: Where screenshots go.
    """

    def __init__(self, page: Page, url: str, pictures: Path) -> None:
        self.page = page
        self._url = url
        self._pictures = pictures

    def open(self, path: str) -> None:
        """Opens a page of the UI."""
        self.page.goto(f"{self._url}{path}", wait_until="load")

    def open_asset(self, name: str, view: str = "overview", **more: str) -> None:
        """Opens a tab of an asset."""
        chosen = "".join(f"&{key}={value}" for key, value in more.items())
        self.open(f"/assets/cleargrid/{name}?view={view}{chosen}")

    def take_picture(self, name: str) -> None:
        """Saves what the page shows."""
        self.page.screenshot(path=self._pictures / f"{name}.png")

    def materialize(self, *, latest: bool = False, first: date | None = None, last: date | None = None) -> str:
        """Launches what the page offers, for some days, and gives the message.

        Args:
            latest: Whether to choose the latest day.
            first: The first day.
            last: The last day; the first by default.
        """
        self.page.locator('button:has-text("Materialize")').first.click()
        dialog = self.page.get_by_role("dialog")
        if latest:
            dialog.get_by_role("button", name="Latest", exact=True).click()
        else:
            days = dialog.get_by_role("textbox").first
            days.fill(f"[{first}...{last}]" if last else str(first))
            days.press("Enter")
        dialog.locator('button:has-text("Launch")').click()
        self.page.get_by_text("View", exact=True).first.click()
        self.page.wait_for_url("**/runs/**")
        return self.page.url

    def expect_status(self, status: str) -> None:
        """Waits until the page of a run or a backfill shows how it has ended."""
        ended = self.page.get_by_text(re.compile("^(Success|Completed|Failure|Canceled)$")).first
        expect(ended).to_be_visible(timeout=RUN_TIMEOUT_MS)
        expect(ended).to_have_text(status)

    @property
    def metadata(self) -> Locator:
        """The table of metadata of the latest materialization."""
        return self.page.locator(SCROLLED).filter(has_text="stored_at")

    def value(self, key: str) -> Locator:
        """The row of the metadata with this key."""
        return self.metadata.get_by_role("row").filter(has=self.page.get_by_text(key, exact=True))
