"""The run launcher of a cluster: dagster-celery's, with three differences.

It notices that a machine is gone. Celery's result backend says STARTED of a task for as long as nobody says
otherwise. If the machine of a worker lost its power, nobody does, and its runs would stay "Started" until
`max_runtime_seconds`. Here the worker itself is asked.

It watches runs that are starting. Dagster's daemon asks only about runs that have started, so the run of a machine that
is lost before would wait for `start_timeout_seconds`.

A run that somebody terminates is cancelled. dagster-celery does not record the request, so such a run would count as
failed, and be launched again.

This is the project's only module that imports from `dagster._core`: launchers have no public interface. It is loaded by
`dagster.yaml`, not by the package.
"""

import logging
import threading
import time
from collections import Counter
from typing import Any

from dagster import DagsterRun, DagsterRunStatus
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

MISSES = 3
"""How many times in a row a worker does not know a task until its run is lost. One answer may come too late."""

ANSWER_TIMEOUT_S = 2.0

WATCH_EVERY_S = 10.0
"""How often a run that is starting is looked at."""


class AskingRunLauncher(CeleryRunLauncher):
    """Launches runs as tasks of Celery, and asks their workers whether they are still at work."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._misses: Counter[str] = Counter()

    def launch_run(self, context: LaunchRunContext) -> None:
        """Launches a run, and watches it until it has started."""
        super().launch_run(context)
        run_id = context.dagster_run.run_id
        threading.Thread(target=self._watch, args=(run_id,), name=f"start of {run_id}", daemon=True).start()

    def _watch(self, run_id: str) -> None:
        """Fails a run that will not start, because its worker or its process is gone. Dagster then retries it."""
        starting = True
        while starting:
            time.sleep(WATCH_EVERY_S)
            try:
                starting = self._is_starting(run_id)
            except Exception:  # such as Postgres being away for a moment
                logging.getLogger(__name__).exception("The start of run %s cannot be watched now.", run_id)

    def _is_starting(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.status is not DagsterRunStatus.STARTING:
            return False
        health = self.check_run_worker_health(run)
        if health.status not in {WorkerStatus.NOT_FOUND, WorkerStatus.FAILED}:
            return True
        # Asked again, because the run may have started and ended meanwhile.
        run = self._instance.get_run_by_id(run_id)
        if run is not None and run.status is DagsterRunStatus.STARTING:
            self._instance.report_run_failed(run, f"The run did not start. {health.msg}")
        return False

    def terminate(self, run_id: str) -> bool:
        """Records that somebody terminates a run, then ends its process. Returns whether there was one to end."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        return super().terminate(run_id)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Says whether the process of a run is at work. Dagster's daemon calls it once in each poll."""
        health = super().check_run_worker_health(run)
        if health.status is not WorkerStatus.RUNNING:
            return health
        task = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        if self._is_at_work(task):
            self._misses.pop(task, None)
            return health
        self._misses[task] += 1
        if self._misses[task] < MISSES:
            return health
        del self._misses[task]
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, "The Celery worker of the run is gone, or does not know the run any more."
        )

    def _is_at_work(self, task: str) -> bool:
        # Of a task that has started, Celery's result is where it runs.
        started = self.celery.AsyncResult(task).info
        if not (isinstance(started, dict) and "hostname" in started):
            # The task has ended since the caller asked.
            return True
        # One worker and one answer, so that only a worker that is gone takes the whole timeout.
        worker = self.celery.control.inspect([started["hostname"]], timeout=ANSWER_TIMEOUT_S, limit=1)
        answers = worker.query_task(task) or {}
        return any(task in tasks for tasks in answers.values())
