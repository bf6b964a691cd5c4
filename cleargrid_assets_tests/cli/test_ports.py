"""Waiting for the Dagster UI."""

import time

import pytest

from cleargrid_assets.cli import ports


def test_ui_of_a_process_that_has_ended_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    lives = iter([True, True, False])
    assert not ports.ui_answers(ports.free_port(), lambda: next(lives))
    assert len(waits) == 2


def test_ui_that_does_not_answer_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "UI_TIMEOUT_S", 0)
    assert not ports.ui_answers(ports.free_port(), lambda: True)
