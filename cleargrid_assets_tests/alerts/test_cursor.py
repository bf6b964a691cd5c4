"""What the sensor keeps from tick to tick: what it has read, and what it has not sent."""

from dataclasses import replace

import dagster as dg
import pytest

from cleargrid_assets.alerts import sensor
from cleargrid_assets.alerts.cursor import Cursor
from cleargrid_assets.alerts.messages import Message
from cleargrid_assets_tests.alerts.world import FIRST, SECOND, World


def test_unsent_alert_is_a_warning_and_is_sent_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLEARGRID_ALERTS", f"{world.hook.url} json://127.0.0.1:9/hush-token")
    world.run(mapped="WARN")
    assert len(world.tick()) == 1
    refused = "URL 2 (json://) did not take the message (Connection refused)."
    assert world.said[-1].startswith(f"0 of 1 message sent everywhere. {refused}")
    world.hook.status = 500
    world.run(agrees="ERROR")
    assert world.tick() == []
    world.run(agrees="WARN")
    before = len(world.hook.requests)
    assert world.tick() == []
    assert len(world.hook.requests) == before + 1
    assert "URL 1 (json://) did not take the message (HTTP status 500)." in world.said[-1]
    world.hook.status = 200
    monkeypatch.setenv("CLEARGRID_ALERTS", world.hook.url)
    # The first message has arrived at the first URL before, and the second URL is gone.
    assert world.tick() == [
        f"ClearGrid ERROR: communication_logs.agrees fails ({FIRST})",
        f"ClearGrid WARN: communication_logs.agrees is WARN now ({FIRST})",
    ]
    assert world.tick() == []
    assert "hush" not in "".join(world.said) + str(world.cursor)


def test_slow_service_takes_the_messages_of_one_tick_in_several(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 16))
    monkeypatch.setattr(sensor, "monotonic", lambda: next(clock))
    world.run(mapped="WARN", agrees="ERROR", error=None)
    world.run(SECOND, mapped="ok", error=dg.Failure("No rows."))
    world.run(FIRST, mapped="ok")
    assert [len(world.tick()) for _ in range(4)] == [1, 1, 1, 0]


def test_unsent_messages_are_bounded() -> None:
    cursor = Cursor(after=1)
    for number in range(1000):
        cursor.add([Message(f"title {number}", 1000 * "x")])
    assert len(cursor.unsent) == 31
    assert cursor.unsent[0].title == "ClearGrid ERROR: earlier messages are lost"
    assert cursor.unsent[0].message_type == "failure"
    assert cursor.unsent[-1].title == "title 999"


def test_loss_of_messages_is_told_only_where_they_have_not_arrived() -> None:
    cursor = Cursor(after=1)
    for number in range(50):
        cursor.add([Message(f"title {number}", 1000 * "x")])
        cursor.unsent = [replace(message, to=(2,)) for message in cursor.unsent]
        cursor.add([])
    cursor.add([Message("title 50", 1000 * "x")])
    assert [message.to for message in cursor.unsent] == [*(30 * [(2,)]), None]


@pytest.mark.parametrize(
    "cursor", [None, "nonsense", '{"schema":2}', '{"schema":1,"after":0,"failing":[],"backfills":{},"unsent":[]}']
)
def test_new_or_unreadable_cursor_tells_no_old_news(world: World, cursor: str | None) -> None:
    world.run(mapped="WARN", error=None)
    world.run(error=dg.Failure("No rows."))
    world.cursor = cursor
    assert world.tick() == []
    world.run(mapped="WARN")
    assert world.tick() == []
    world.run(mapped="ok")
    assert len(world.tick()) == 1


def test_many_runs_are_read_over_several_ticks_in_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor, "_RUNS_PER_TICK", 2)
    for outcome in ("WARN", "ok", "WARN"):
        world.run(mapped=outcome)
    assert [title.split(":")[0] for title in world.tick()] == ["ClearGrid WARN", "ClearGrid Recovered"]
    assert [title.split(":")[0] for title in world.tick()] == ["ClearGrid WARN"]
    monkeypatch.setattr(sensor, "_RUNS_PER_TICK", 3)
    world.run(SECOND, mapped="WARN")
    for outcome in ("ok", "WARN"):
        world.run(mapped=outcome)
    assert [title.split(":")[0] for title in world.tick()] == ["ClearGrid Recovered", "ClearGrid WARN"]
    assert world.tick() == []
