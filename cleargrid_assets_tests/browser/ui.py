"""What a person does and sees in the UI, by the words on the page."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import requests
from playwright.sync_api import Locator, Page, expect

RUN_TIMEOUT_MS = 240_000
"""How long a run may take on a busy machine."""

_ENDED = ("SUCCESS", "FAILURE", "CANCELED")
_RUNS = "{ runsOrError { ... on Runs { results { runId status } } } }"
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
        self._asked: list[str] = []
        page.context.on("request", lambda request: self._asked.append(request.url))
        page.on("websocket", lambda socket: self._asked.append(socket.url))

    def take_foreign_addresses(self) -> list[str]:
        """What the tab has asked of other hosts since the last call."""
        own = {urlsplit(self._url).netloc, ""}  # `data:` and `blob:` have no host
        foreign = [address for address in self._asked if urlsplit(address).netloc not in own]
        self._asked.clear()
        return foreign

    def resize(self, width: int, height: int) -> None:
        """Gives the tab another size."""
        self.page.set_viewport_size({"width": width, "height": height})

    def open(self, path: str) -> None:
        """Opens a page of the UI."""
        self.page.goto(f"{self._url}{path}", wait_until="load")

    def open_asset(self, name: str, view: str = "overview", **more: str) -> None:
        """Opens a tab of an asset."""
        chosen = "".join(f"&{key}={value}" for key, value in more.items())
        self.open(f"/assets/cleargrid/{name}?view={view}{chosen}")

    def take_picture(self, name: str) -> None:
        """Saves what the page shows when its transitions have ended."""
        self.page.screenshot(path=self._pictures / f"{name}.png", animations="disabled")

    def materialize(self, days: str) -> None:
        """Launches what the page offers, and opens the page of the run or the backfill.

        Args:
            days: The name of a button, such as `Latest`, or days in Dagster's notation.
        """
        self.page.locator('button:has-text("Materialize")').first.click()
        dialog = self.page.get_by_role("dialog")
        if days in {"Latest", "All", "Missing"}:
            dialog.get_by_role("button", name=days, exact=True).click()
        else:
            dialog.get_by_role("textbox").first.fill(days)
            dialog.get_by_role("textbox").first.press("Enter")
        dialog.locator('button:has-text("Launch")').click()
        # The dialog has the same word while a backfill is in progress.
        self.page.get_by_role("region", name="Notifications").get_by_text("View", exact=True).click()
        self.page.wait_for_url("**/runs/**")

    def expect_success(self) -> None:
        """Waits until the page of a run shows that it has succeeded."""
        self._expect_end("Success")

    def expect_success_of_backfill(self) -> None:
        """Waits until the page of a backfill shows that it has succeeded."""
        expect(self.page.locator("body")).to_contain_text("StatusSucceeded", timeout=RUN_TIMEOUT_MS)

    def expect_failure(self) -> None:
        """Waits until the page of a run shows that it has failed."""
        self._expect_end("Failure")

    def open_run(self, number: int) -> None:
        """Waits until so many runs were launched, and opens the page of the last of them."""
        runs = self._runs_when(lambda runs: len(runs) >= number)
        self.open(f"/runs/{runs[number - 1]['runId']}")

    def _expect_end(self, status: str) -> None:
        address = self.page.url
        run_id = urlsplit(address).path.rpartition("/")[2]
        self._runs_when(lambda runs: any(run["runId"] == run_id and run["status"] in _ENDED for run in runs))
        self.page.goto(address)
        ended = self.page.get_by_text(re.compile("^(Success|Failure|Canceled)$")).first
        expect(ended).to_be_visible()
        expect(ended).to_have_text(status)

    def _runs_when(self, is_so: Callable[[list[dict[str, str]]], bool]) -> list[dict[str, str]]:
        """All runs, the oldest first, as soon as they meet a condition.

        The tab is empty meanwhile, because the page of a run in progress takes as much of the processor as the run.
        """
        self.page.goto("about:blank")
        deadline = time.monotonic() + RUN_TIMEOUT_MS / 1000
        while time.monotonic() < deadline:
            answer = requests.get(f"{self._url}/graphql", params={"query": _RUNS}, timeout=60).json()
            runs = list(reversed(answer["data"]["runsOrError"]["results"]))
            if is_so(runs):
                return runs
            time.sleep(0.3)
        raise TimeoutError(f"The runs are: {runs}")

    @property
    def metadata(self) -> Locator:
        """The table of metadata of the latest materialization."""
        return self.page.locator(SCROLLED).filter(has_text="stored_at")

    @property
    def check_results(self) -> Locator:
        """What the page of an asset says of its checks: an icon and a number for each kind of result."""
        return self.page.get_by_text("Latest check results").locator("xpath=..")

    def value(self, key: str) -> Locator:
        """The row of the metadata with this key."""
        return self.metadata.get_by_role("row").filter(has=self.page.get_by_text(key, exact=True))

    def colour(self, shown: Locator, of: str = "color") -> tuple[int, ...]:
        """Red, green and blue of what is shown, each from 0 to 255.

        Args:
            shown: The element.
            of: A colour of its style, such as `backgroundColor`.
        """
        style = shown.evaluate("(element, of) => getComputedStyle(element)[of]", of)
        return tuple(int(part) for part in re.findall(r"\d+", style)[:3])
