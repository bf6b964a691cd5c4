"""Waiting for requests."""

import concurrent.futures
from concurrent.futures import Future
from typing import Any

import pytest

from cleargrid_assets.exports.walking import futures
from cleargrid_assets.exports.walking.futures import first_done


def test_wait_is_left_every_second_so_that_signals_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    late: Future[int] = Future()
    never: Future[int] = Future()
    timeouts: list[float] = []
    wait = concurrent.futures.wait

    def noted(waited: Any, timeout: float, return_when: str) -> Any:
        timeouts.append(timeout)
        if len(timeouts) == 3:
            late.set_result(7)
        return wait(waited, timeout=0, return_when=return_when)

    monkeypatch.setattr(futures, "wait", noted)
    assert first_done([late, never]) == {late}
    assert timeouts == [1.0, 1.0, 1.0]
