"""A process killed in the middle of a day, and the next one."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets_tests.exports.api import Answer, Api, Request, rows_at
from cleargrid_assets_tests.exports.driving import DAY, EVENLY, WINDOW, InTurn, fetch, ids
from cleargrid_assets_tests.exports.faults import failing, is_first_page, width

ANOTHER_PROCESS = """
import sys
from pathlib import Path
from cleargrid_assets_tests.exports.api import Api
from cleargrid_assets_tests.exports.driving import fetch
fetch(Api(url=sys.argv[1]), Path(sys.argv[2]), concurrency=4, page_size=20)
"""


@pytest.mark.parametrize("requests", [1, 30, 75])
def test_killed_process_is_continued_at_the_cost_of_few_requests(api: Api, tmp_path: Path, requests: int) -> None:
    api.rows = rows_at([86400 * number / 2000 for number in range(2000)])
    killed: list[int] = []

    def kill(request: Request, answer: Answer) -> Answer:
        if request.kind == "data" and request.number >= requests and not killed:
            killed.append(request.number)
            process.send_signal(signal.SIGKILL)
        return answer

    api.fault = kill
    process = subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROCESS, api.url, str(tmp_path)], cwd=Path(__file__).parents[3]
    )
    assert process.wait(120) == -signal.SIGKILL
    before = len(api.data_requests)
    fetched = fetch(api, tmp_path, concurrency=4, page_size=20, executor=InTurn())
    assert fetched.ids == ids(api)
    # Lost are the pages in flight and those that waited for the disk, at most one for each connection.
    assert fetched.report.resumed_pages >= requests - 2 * 4
    # Each part that was open starts again, and is cut once more for the others.
    assert len(api.data_requests) - before <= 100 - requests + 5 * 4


def test_failed_day_is_continued_from_its_pages(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    api.fault = failing(403, after=3)
    with pytest.raises(ExportsError, match="HTTP 403"):
        fetch(api, tmp_path, page_size=100)
    api.fault = lambda request, answer: answer
    api.requests.clear()
    report = fetch(api, tmp_path, page_size=100).report
    # The last row seen comes again, and with it one more page.
    assert len(api.data_requests) == 2
    assert (report.resumed_pages, report.pages, report.rows) == (3, 5, 401)


def test_finished_day_is_not_requested_again(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at(EVENLY)
    fetch(api, tmp_path, concurrency=4, page_size=50)
    api.requests.clear()
    reported: list[str] = []
    again = fetch(api, tmp_path, concurrency=4, page_size=50, on_progress=lambda day, report: reported.append(day))
    assert api.requests == []
    assert reported == [DAY]
    assert again.ids == ids(api)
    assert again.report.resumed_pages == again.report.pages


def test_unordered_day_killed_after_its_restart_is_fetched_whole(api: Api, tmp_path: Path) -> None:
    """The journal of the first process must not say that rows before a position are there."""
    api.rows = rows_at(EVENLY)
    late = {"id-000005": "id-000055", "id-000060": "id-000110"}
    api.order = lambda row: (late.get(row["public_id"], row["public_id"]), row["public_id"])
    restarted = 0
    # A whole fetch has at least 20 requests, so each of these dies before its end.
    for requests in range(4, 20, 3):
        api.requests.clear()
        api.fault = failing(403, after=requests)
        folder = tmp_path / str(requests)
        with pytest.raises(ExportsError, match="HTTP 403"):
            fetch(api, folder, concurrency=2, page_size=20)
        starts = [request for request in api.data_requests[:requests] if is_first_page(request)]
        if [width(request) for request in starts].count(WINDOW.seconds) < 2:
            continue
        restarted += 1
        api.fault = lambda request, answer: answer
        assert fetch(api, folder, concurrency=2, page_size=20).ids == ids(api)
    assert restarted
