"""A webhook, and a Dagster instance whose sensor tells it."""

from collections.abc import Iterator

import dagster as dg
import pytest

from cleargrid_assets_tests.alerts.receivers import Received, webhook
from cleargrid_assets_tests.alerts.world import World


@pytest.fixture(scope="module")
def hook() -> Iterator[Received]:
    with webhook() as received:
        yield received


@pytest.fixture
def world(hook: Received, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    hook.status = 200
    monkeypatch.setenv("CLEARGRID_ALERTS", hook.url)
    monkeypatch.setenv("CLEARGRID_UI_URL", "https://dagster.example/ui/")
    with dg.DagsterInstance.ephemeral() as instance:
        world = World(hook, instance)
        assert world.tick() == []
        yield world
