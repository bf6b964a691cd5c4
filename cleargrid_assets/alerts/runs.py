"""What Dagster's event log says of runs that have ended: why they failed, and what their checks said."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import dagster as dg

from cleargrid_assets.alerts.day_ranges import parse_range
from cleargrid_assets.alerts.messages import shortened
from cleargrid_assets.alerts.news import ERROR, Evaluation, Kind, News
from cleargrid_assets.catch_up.runs import IN_PROGRESS
from cleargrid_assets.checks.scope import DAYS, FAILED_CHECKS
from cleargrid_assets.partitions import BACKFILL, PARTITION, RANGE_END, RANGE_START
from cleargrid_assets.schema import SCHEMA

_NO_STEP = (
    "The run did not fail by itself. Its process was ended, took too long or could not be started. Look at the run, "
    "then materialize its days again."
)
_UNEXPECTED = (
    "which this project does not expect. Its text is not shown here, because it may hold rows. Look at the run, then "
    "materialize its days again."
)
_ENDS: Final = (
    dg.DagsterEventType.RUN_SUCCESS,
    dg.DagsterEventType.RUN_FAILURE,
    dg.DagsterEventType.RUN_CANCELED,
)
_WILL_RETRY = "dagster/will_retry"
_ASSET_JOB, _MATERIALIZATION = "__ASSET_JOB", "a materialization"
_BLOCKED = "DagsterAssetCheckFailedError"
"""Dagster's error of a step in which a blocking check failed."""

_INTERRUPTED = "DagsterExecutionInterruptedError"
"""Dagster's error of a step whose process was told to end, for example because the run took too long."""

_OWN_ERRORS = "cleargrid_assets."
"""What the text of an error of this project begins with. It holds no personal data."""

_BACKFILL_GOES_ON = {"REQUESTED", "CANCELING", "FAILING"}


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended.

    Attributes:
        storage_id: The id of the event of its end.
        ended_at: When it ended, in seconds since 1970.
        run: The run.
    """

    storage_id: int
    ended_at: float
    run: dg.DagsterRun

    @property
    def backfill_id(self) -> str | None:
        """The backfill that the run is a part of."""
        return self.run.tags.get(BACKFILL)


@dataclass(frozen=True)
class EndedRuns:
    """Runs that have ended, in the order of their ends.

    Attributes:
        runs: The runs that have not been deleted since.
        last: The storage id of the last end; None if there is none.
        are_all: Whether there are no later ones.
    """

    runs: Sequence[EndedRun]
    last: int | None
    are_all: bool


def ended_runs(instance: dg.DagsterInstance, after: int | None, limit: int) -> EndedRuns:
    """Reads which runs have ended.

    Args:
        instance: The Dagster instance.
        after: The storage id of an event: the first runs that ended after it. None: the latest runs.
        limit: How many at most.
    """
    # One more than the limit, to see whether there are more.
    records = [
        record
        for event_type in _ENDS
        for record in instance.fetch_run_status_changes(
            dg.RunStatusChangeRecordsFilter(event_type, after_storage_id=after), limit + 1, ascending=after is not None
        ).records
    ]
    ordered = sorted(records, key=lambda record: record.storage_id)
    ends = ordered[-limit:] if after is None else ordered[:limit]
    # Without run ids, the filter would match every run.
    found = instance.get_run_records(dg.RunsFilter(run_ids=[end.run_id for end in ends])) if ends else []
    runs = {record.dagster_run.run_id: record.dagster_run for record in found}
    return EndedRuns(
        [EndedRun(end.storage_id, end.timestamp, runs[end.run_id]) for end in ends if end.run_id in runs],
        ends[-1].storage_id if ends else None,
        after is None or len(ordered) <= limit,
    )


def is_of_project(run: dg.DagsterRun, jobs: Collection[str]) -> bool:
    """Whether a run is one of this project. The instance may have other code locations.

    Args:
        run: The run.
        jobs: The names of the project's jobs.
    """
    selected = [*(run.asset_selection or ()), *(key.asset_key for key in run.asset_check_selection or ())]
    return any(key.path[0] == SCHEMA for key in selected) if selected else run.job_name in jobs


def read_run(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[list[Evaluation], News | None]:
    """What the checks of a run said, and its failure if it has failed for good.

    A run that fails only because of its checks has no failure of its own.

    Args:
        instance: The Dagster instance.
        run: The run.
    """
    types = {dg.DagsterEventType.ASSET_CHECK_EVALUATION, dg.DagsterEventType.STEP_FAILURE}
    events = [entry.dagster_event for entry in instance.all_logs(run.run_id, of_type=types)]
    evaluations = [
        _evaluation(event.event_specific_data)
        for event in events
        if event and isinstance(event.event_specific_data, dg.AssetCheckEvaluation)
    ]
    failures = [event for event in events if event and event.is_step_failure]
    is_final = run.status is dg.DagsterRunStatus.FAILURE and run.tags.get(_WILL_RETRY) != "true"
    told = [failure for failure in failures if not _repeats_checks(failure)]
    if not is_final or (failures and not told):
        return evaluations, None
    return evaluations, _failed_run(run, _sentence(told[0]) if told else _NO_STEP)


def is_over(instance: dg.DagsterInstance, backfill_id: str) -> bool:
    """Whether a backfill starts no more runs, and all its runs have ended.

    Args:
        instance: The Dagster instance.
        backfill_id: The id. A backfill that is not there any more is over.
    """
    backfill = instance.get_backfill(backfill_id)
    if backfill is not None and backfill.status.value in _BACKFILL_GOES_ON:
        return False
    unfinished = dg.RunsFilter(tags={BACKFILL: backfill_id}, statuses=IN_PROGRESS)
    return not instance.get_run_records(unfinished, limit=1)


def _evaluation(said: dg.AssetCheckEvaluation) -> Evaluation:
    days = said.metadata.get(DAYS)
    return Evaluation(
        said.asset_key.to_user_string(),
        said.check_name,
        said.passed,
        said.severity.value,
        parse_range(days.value) if days else None,
        shortened(said.description or ""),
    )


def _repeats_checks(event: dg.DagsterEvent) -> bool:
    """Whether a step failed only because of its checks, which are told by themselves."""
    failure = event.step_failure_data.user_failure_data
    if failure:
        return FAILED_CHECKS in failure.metadata
    return any(name == _BLOCKED for name, _ in _causes(event))


def _sentence(event: dg.DagsterEvent) -> str:
    """Why a step failed. Errors of other libraries are not quoted, because they may quote rows."""
    failure = event.step_failure_data.user_failure_data
    if failure:
        return shortened(failure.description or _NO_STEP)
    causes = _causes(event)
    if any(name == _INTERRUPTED for name, _ in causes):
        return _NO_STEP
    own = [text.partition(": ")[2] for _, text in causes if text.startswith(_OWN_ERRORS)]
    return shortened(own[0]) if own else f"The error is {causes[-1][0]}, {_UNEXPECTED}"


def _causes(event: dg.DagsterEvent) -> list[tuple[str, str]]:
    """The classes and texts of the error of a step, and of those that caused it."""
    causes, error = [], event.step_failure_data.error
    while error:
        causes.append((error.cls_name or "unknown", error.message.strip()))
        error = error.cause
    return causes or [("unknown", "")]


def _failed_run(run: dg.DagsterRun, sentence: str) -> News:
    first, last = run.tags.get(RANGE_START, run.tags.get(PARTITION)), run.tags.get(RANGE_END, run.tags.get(PARTITION))
    days = parse_range(f"{first} to {last}")
    subject = _MATERIALIZATION if run.job_name == _ASSET_JOB else run.job_name
    return News(Kind.RUN_FAILED, ERROR, subject, (days,) if days else (), sentence, f"/runs/{run.run_id}")
