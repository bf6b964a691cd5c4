"""A process killed in the middle of a day, and the next one."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets_tests.exports.api import Answer, Api, Request, envelope, rows_at
from cleargrid_assets_tests.exports.driving import fetch

ANOTHER_PROCESS = """
import sys
from pathlib import Path
from cleargrid_assets_tests.exports.api import Api
from cleargrid_assets_tests.exports.driving import fetch
fetch(Api(url=sys.argv[1]), Path(sys.argv[2]), concurrency=4, page_size=20)
"""


@pytest.mark.parametrize("requests", [1, 30, 75])
def test_a_killed_process_is_gone_on_with_at_the_cost_of_few_requests(api: Api, tmp_path: Path, requests: int) -> None:
    api.rows = rows_at([86400 * number / 2000 for number in range(2000)])
    killed: list[int] = []

    def kill(request: Request, answer: Answer) -> Answer:
        if request.kind == "data" and request.number >= requests and not killed:
            killed.append(request.number)
            process.send_signal(signal.SIGKILL)
        return answer

    api.fault = kill
    process = subprocess.Popen(
        [sys.executable, "-c", ANOTHER_PROCESS, api.url, str(tmp_path)], cwd=Path(__file__).parents[2]
    )
    assert process.wait(30) == -signal.SIGKILL
    before = len(api.data_requests)
    fetched = fetch(api, tmp_path, concurrency=4, page_size=20)
    assert fetched.ids == {row["public_id"] for row in api.rows}
    assert fetched.report.source_rows == 2000
    assert fetched.report.resumed_pages >= requests - 8
    assert len(api.data_requests) - before <= 100 - requests + 20


def test_a_day_that_failed_is_gone_on_with_and_its_count_is_kept(api: Api, tmp_path: Path) -> None:
    api.rows = rows_at([86400 * number / 400 for number in range(400)])
    api.fault = lambda request, answer: envelope(403) if request.number > 3 and request.kind == "data" else answer
    with pytest.raises(ExportsError, match="HTTP 403"):
        fetch(api, tmp_path, page_size=100)
    api.fault = lambda request, answer: answer
    api.requests.clear()
    report = fetch(api, tmp_path, page_size=100).report
    # The last row seen comes again, and with it one more page.
    assert len(api.data_requests) == 2
    assert (report.source_rows, report.resumed_pages, report.pages, report.rows) == (400, 3, 5, 401)
