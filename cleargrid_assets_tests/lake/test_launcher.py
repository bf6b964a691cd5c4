"""The run launcher of a cluster, with a Redis and without a worker. `test_cluster` has the workers."""

import importlib
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from cleargrid_assets_tests.lake import servers
from cleargrid_assets_tests.lake.cluster import DEPLOYED

pytestmark = [
    pytest.mark.lake,
    # Celery's own code causes it.
    pytest.mark.filterwarnings("ignore:Call to deprecated setex:DeprecationWarning"),
]


@pytest.fixture
def launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    servers.require_servers()
    monkeypatch.syspath_prepend(DEPLOYED)
    module = importlib.import_module("cleargrid_launcher")
    monkeypatch.setattr(module, "ANSWER_TIMEOUT_S", 0.2)
    with servers.redis(tmp_path) as url:
        yield module.AskingRunLauncher(default_queue="dagster", broker=url, backend=url)


def launcher_module(launcher: Any) -> Any:
    return importlib.import_module(type(launcher).__module__)


def started_run(launcher: Any) -> dg.DagsterRun:
    """A run whose task was started by a worker that is gone."""
    task = str(uuid.uuid4())
    launcher.celery.backend.store_result(task, {"pid": 4242, "hostname": "w1@gone"}, "STARTED")
    return dg.DagsterRun(job_name="daily_outreach", tags={"dagster-celery/task_id": task})


def statuses(launcher: Any, *runs: dg.DagsterRun) -> list[str]:
    return [launcher.check_run_worker_health(run).status.name for run in runs]


def test_run_of_a_worker_that_is_gone_is_lost_at_the_third_check(launcher: Any) -> None:
    first, second = started_run(launcher), started_run(launcher)
    assert statuses(launcher, first, second, first) == ["RUNNING", "RUNNING", "RUNNING"]
    assert statuses(launcher, first, second) == ["NOT_FOUND", "RUNNING"]


def test_run_of_a_worker_that_answered_again_is_not_lost(launcher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, True, False, False, False])
    monkeypatch.setattr(launcher, "_is_at_work", lambda _task: next(answers))
    run = started_run(launcher)
    assert statuses(launcher, *[run] * 6) == ["RUNNING"] * 5 + ["NOT_FOUND"]


@pytest.mark.parametrize("lost", ["worker", "process"])
def test_run_that_is_lost_before_it_starts_fails(launcher: Any, monkeypatch: pytest.MonkeyPatch, lost: str) -> None:
    run = started_run(launcher)
    waiting = dg.DagsterRun(job_name="daily_outreach", tags={"dagster-celery/task_id": str(uuid.uuid4())})
    if lost == "process":
        launcher.celery.backend.mark_as_failure(run.tags["dagster-celery/task_id"], ValueError("killed"))
    monkeypatch.setattr("dagster_celery.launcher.CeleryRunLauncher.launch_run", lambda _self, _context: None)
    monkeypatch.setattr(launcher_module(launcher), "WATCH_EVERY_S", 0.05)
    with dg.instance_for_test() as instance:
        launcher.register_instance(instance)
        for each in (run, waiting):
            instance.add_run(each.with_status(dg.DagsterRunStatus.STARTING))
            launcher.launch_run(SimpleNamespace(dagster_run=each))
        until = time.monotonic() + 20
        while not instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])):
            assert time.monotonic() < until
            time.sleep(0.05)
        [still] = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING]))
        assert still.run_id == waiting.run_id
        instance.delete_run(waiting.run_id)
        for thread in threading.enumerate():
            if thread.name.startswith("start of "):
                thread.join(20)
                assert not thread.is_alive()


def test_run_that_somebody_terminates_is_not_taken_for_failed(launcher: Any) -> None:
    """Otherwise it would be launched again."""
    run = started_run(launcher)
    with dg.DagsterInstance.ephemeral() as instance:
        launcher.register_instance(instance)
        instance.add_run(run.with_status(dg.DagsterRunStatus.STARTED))
        assert launcher.terminate(run.run_id)
        cancelling = instance.get_run_by_id(run.run_id)
        assert cancelling
        assert cancelling.status == dg.DagsterRunStatus.CANCELING
        instance.report_run_canceled(cancelling)
        assert not launcher.terminate(run.run_id)
        assert not launcher.terminate("unknown")


def test_run_that_has_ended_is_what_celery_says(launcher: Any) -> None:
    succeeded, failed = started_run(launcher), started_run(launcher)
    launcher.celery.backend.mark_as_done(succeeded.tags["dagster-celery/task_id"], 0)
    launcher.celery.backend.mark_as_failure(failed.tags["dagster-celery/task_id"], ValueError("killed"))
    assert statuses(launcher, succeeded, failed) == ["SUCCESS", "FAILED"]
