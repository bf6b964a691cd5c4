"""Random rows, pages, faults and kills: exactly the server's rows arrive."""

import random
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from cleargrid_assets.exports.errors import ExportsError
from cleargrid_assets_tests.exports.api import Answer, Api, Request, envelope, rows_at, serving
from cleargrid_assets_tests.exports.driving import DAY, EVENLY, counted, fetch, ids
from cleargrid_assets_tests.exports.faults import failing


def test_random_faults_of_every_kind_lose_no_rows(api: Api, tmp_path: Path) -> None:
    luck = random.Random(7)  # noqa: S311 - not for secrets
    kinds: list[Callable[[Answer], Answer]] = [
        lambda answer: envelope(500),
        lambda answer: envelope(429, Retry_After="1"),
        lambda answer: envelope(504),
        lambda answer: envelope(401),
        lambda answer: Answer(body=b"<html>"),
        lambda answer: Answer(body=answer.body, sent=luck.randrange(len(answer.body))),
    ]

    def fault(request: Request, answer: Answer) -> Answer:
        # Each kind at most once for the same page, so that neither retries nor a token's second chance are used up.
        tries = sum(request.params == earlier.params for earlier in api.data_requests)
        if request.kind != "data" or tries > len(kinds) or luck.random() > 0.4:
            return answer
        return kinds[(tries + zlib.crc32(repr(request.params).encode())) % len(kinds)](answer)

    api.rows, api.fault = rows_at(EVENLY), fault
    fetched = fetch(api, tmp_path, concurrency=4, page_size=7)
    assert fetched.ids == ids(api)
    assert fetched.report.stats.retries > 0
    assert fetched.report.stats.refreshes > 0
    assert fetched.report.stats.requests == len(api.data_requests)


seconds_of_rows = st.lists(
    st.one_of(
        st.integers(0, 86_399_999).map(lambda milliseconds: milliseconds / 1000),
        st.sampled_from([0.0, 43200.0, 43200.001, 43200.999, 43201.0, 86399.999]),
        st.integers(36_000_000, 36_002_000).map(lambda milliseconds: milliseconds / 1000),
    ),
    max_size=120,
)
page_sizes = st.lists(st.integers(0, 12), min_size=1, max_size=6).filter(any)
few_examples = settings(max_examples=25, database=None)


def short_pages(sizes: list[int]) -> Callable[[str, str, int], int]:
    return lambda since, until, page: sizes[(page + len(until) + int(since[-6:-1].replace(".", ""))) % len(sizes)]


@given(st.data())
@few_examples
def test_any_rows_and_pages_arrive_exactly(data: st.DataObject) -> None:
    seconds = data.draw(seconds_of_rows)
    api = Api(
        rows_at(sorted(seconds)),
        page_size_of=short_pages(data.draw(page_sizes)),
        ends_with_an_empty_page=data.draw(st.booleans()),
    )
    if data.draw(st.booleans()):
        # A window of less than two seconds is not cut, so one with too many rows would rightly fail.
        most_in_a_second = max(Counter(int(second) for second in seconds).values(), default=0)
        api.most_rows = 2 * most_in_a_second + data.draw(st.integers(1, 60))
    concurrency, page_size = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 40))
    with serving(api), TemporaryDirectory() as folder:
        fetched = fetch(api, Path(folder), concurrency=concurrency, page_size=page_size)
        count = counted(api)
    assert fetched.ids == ids(api)
    assert api.most_in_flight <= concurrency
    # The count gives up where windows must be very narrow. It is never wrong.
    assert count.rows == len(api.rows) or (api.most_rows and count.note == "timeout")


@given(st.lists(st.integers(0, 86399), max_size=120), st.integers(1, 8), st.integers(1, 40), st.integers())
@few_examples
def test_rows_in_any_order_arrive_exactly(seconds: list[int], concurrency: int, page_size: int, seed: int) -> None:
    luck = random.Random(seed)  # noqa: S311 - not for secrets
    api = Api(rows_at(sorted(seconds)))
    # Ten times as many rows in the wrong place as with a source that is mostly in order.
    late = {row["public_id"]: luck.randrange(86400) for row in api.rows if luck.random() < 0.5}
    api.order = lambda row: (late.get(row["public_id"], seconds_of(row["communicated_at"])), row["public_id"])
    api.fault = failing(504, when=lambda request: luck.random() < 0.05)
    with serving(api), TemporaryDirectory() as folder:
        fetched = fetch(api, Path(folder), concurrency=concurrency, page_size=page_size)
    assert fetched.ids == ids(api)


def seconds_of(text: str) -> int:
    hours, minutes, seconds = text[11:19].split(":")
    return 3600 * int(hours) + 60 * int(minutes) + int(seconds)


@given(st.integers(1, 60), st.integers(1, 8), st.data())
@few_examples
def test_fetch_that_dies_anywhere_is_continued(requests: int, concurrency: int, data: st.DataObject) -> None:
    seconds = sorted(data.draw(st.lists(st.integers(0, 86399), min_size=30, max_size=150)))
    api = Api(rows_at(seconds))
    api.fault = failing(403, after=requests)
    with serving(api), TemporaryDirectory() as folder:
        try:
            fetch(api, Path(folder), concurrency=concurrency, page_size=5)
        except ExportsError:
            for name in ("rows.ndjson", "journal.ndjson"):
                path = Path(folder) / DAY / name
                size = path.stat().st_size
                path.write_bytes(path.read_bytes()[: size - data.draw(st.integers(0, min(size, 1000)))])
        api.fault = lambda request, answer: answer
        fetched = fetch(api, Path(folder), concurrency=concurrency, page_size=5)
    assert fetched.ids == ids(api)
