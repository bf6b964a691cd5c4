"""Ports, and waiting for the Dagster UI."""

import socket
import time
from typing import NoReturn

import click
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


def test_port_for_root_alone_is_not_said_to_be_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(socket.socket):
        def bind(self, _address: object) -> NoReturn:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "socket", Refusing)
    with pytest.raises(click.ClickException, match="This user may not listen at port 80"):
        ports.require_free_port(80)
