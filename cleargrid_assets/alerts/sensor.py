"""The sensor that tells of failed runs and checks."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from time import monotonic

import dagster as dg
from pydantic import SecretStr

from cleargrid_assets.alerts.cursor import Backfill, Cursor, CursorError
from cleargrid_assets.alerts.messages import Message, end_of_backfill, messages
from cleargrid_assets.alerts.news import News
from cleargrid_assets.alerts.runs import EndedRun, ended_runs, is_of_project, is_over, read_run
from cleargrid_assets.alerts.sending import AlertError, send
from cleargrid_assets.alerts.urls import split_urls
from cleargrid_assets.settings import Settings
from cleargrid_assets.wording import counted

_RUNS_PER_TICK = 20
_RUNS_BEFORE_THE_FIRST_TICK = 50
"""Runs of which the first tick takes note without telling, so that it does not tell old failures."""

_MESSAGES_PER_TICK = 10
_SENDING_S = 30.0
"""No message is begun later in a tick. Dagster ends a tick after 60 s and forgets it, so all would be sent again."""

_MAX_BACKFILLS = 5
"""Backfills that are followed at the same time. If there are more, the oldest one is told before its end."""

_OLDEST_NEWS = timedelta(days=7)
"""Runs that ended earlier are not told, for example after the sensor was stopped for a while."""

_INTERVAL_S = 60


class Watch:
    """One look at the runs that have ended.

    Args:
        instance: The Dagster instance.
        settings: The variables. `CLEARGRID_ALERTS` is set.
        jobs: The names of this project's jobs.
        now: The current time.
    """

    def __init__(self, instance: dg.DagsterInstance, settings: Settings, jobs: Collection[str], now: datetime) -> None:
        self._instance = instance
        self._settings = settings
        self._jobs = jobs
        self._now = now

    def begin(self) -> Cursor:
        """A new cursor. What failed before is known to it and is not told."""
        ends = ended_runs(self._instance, None, _RUNS_BEFORE_THE_FIRST_TICK)
        cursor = Cursor(after=ends.last or 0)
        for ended in ends.runs:
            self._read(cursor, ended)
        return cursor

    def look(self, cursor: Cursor) -> None:
        """Reads the runs that have ended since, and adds messages to the cursor."""
        ends = ended_runs(self._instance, cursor.after, _RUNS_PER_TICK)
        news: list[News] = []
        for ended in ends.runs:
            found = self._read(cursor, ended)
            if self._now.timestamp() - ended.ended_at < _OLDEST_NEWS.total_seconds():
                news += _told_now(cursor, ended.backfill_id, found)
        cursor.add(messages(news, self._settings.ui_url))
        if ends.last is not None:
            cursor.after = ends.last
        for backfill_id in list(cursor.backfills):
            is_one_too_many = len(cursor.backfills) > _MAX_BACKFILLS
            if is_one_too_many or (ends.are_all and is_over(self._instance, backfill_id)):
                self._end_backfill(cursor, backfill_id)

    def _read(self, cursor: Cursor, ended: EndedRun) -> list[News]:
        if not is_of_project(ended.run, self._jobs):
            return []
        evaluations, failure = read_run(self._instance, ended.run)
        changes = [cursor.failing.update(evaluation) for evaluation in evaluations]
        return [*([failure] if failure else []), *filter(None, changes)]

    def _end_backfill(self, cursor: Cursor, backfill_id: str) -> None:
        held_back = cursor.backfills.pop(backfill_id).held_back
        if held_back:
            cursor.add([end_of_backfill(held_back, self._settings.ui_url)])


def _told_now(cursor: Cursor, backfill_id: str | None, news: list[News]) -> list[News]:
    """What is told at once. Of a backfill, that is its first run with errors, and its first with warnings."""
    if backfill_id is None or not news:
        return news
    backfill = cursor.backfills.setdefault(backfill_id, Backfill())
    now = [each for each in news if each.is_failure and each.severity not in backfill.told]
    backfill.told.update(each.severity for each in now)
    for each in news:
        if each not in now:
            backfill.hold_back(each)
    return now


def deliver(cursor: Cursor, alerts: SecretStr) -> list[str]:
    """Sends the messages of a cursor. What is not sent to every URL stays in it.

    Args:
        cursor: The state of the sensor.
        alerts: The value of `CLEARGRID_ALERTS`.

    Returns:
        What went wrong.
    """
    everywhere = tuple(range(1, 1 + len(split_urls(alerts.get_secret_value()))))
    problems: dict[int, str] = {}
    left: list[Message] = []
    attempts = 0
    begun = monotonic()
    for message in cursor.unsent:
        wanted = everywhere if message.to is None else message.to
        # A URL that did not take a message is not tried again in this tick, because it may take long to fail.
        chosen = [position for position in wanted if position not in problems]
        if chosen and attempts < _MESSAGES_PER_TICK and monotonic() - begun < _SENDING_S:
            attempts += 1
            try:
                send(alerts, message.title, message.body, message_type=message.message_type, only=chosen)
            except AlertError as error:
                problems |= dict.fromkeys(error.unsent, str(error))
            wanted = tuple(position for position in wanted if position in problems)
        if wanted:
            left.append(replace(message, to=wanted))
    cursor.unsent = left
    return list(dict.fromkeys(problems.values()))


@dg.sensor(
    name="alerts",
    minimum_interval_seconds=_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING
    if Settings.from_environment().alerts
    else dg.DefaultSensorStatus.STOPPED,
    description="Tells `CLEARGRID_ALERTS` of runs that failed, and of checks that begin to fail, change their severity "
    "or recover.",
)
def alerts_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Looks at the runs that have ended since the last tick, and sends what is new."""
    settings = Settings.from_environment()
    if settings.alerts is None:
        # Without a cursor, the sensor does not tell old failures once it has URLs.
        context.update_cursor(None)
        return dg.SkipReason("CLEARGRID_ALERTS is not set.")
    jobs = set(context.repository_def.job_names) if context.repository_def else set()
    watch = Watch(context.instance, settings, jobs, datetime.now(timezone.utc))
    cursor = _read_cursor(context)
    if cursor is None:
        cursor = watch.begin()
    else:
        watch.look(cursor)
    waiting = len(cursor.unsent)
    problems = deliver(cursor, settings.alerts)
    context.update_cursor(cursor.dump())
    for problem in problems:
        context.log.warning(f"A message was not sent, and will be sent again. {problem}")
    sent = f"{waiting - len(cursor.unsent)} of {counted(waiting, 'message')} sent everywhere."
    return dg.SkipReason(" ".join([sent if waiting else "Nothing to tell.", *problems]))


def _read_cursor(context: dg.SensorEvaluationContext) -> Cursor | None:
    """The state of the last tick; None if there is none."""
    try:
        return Cursor.load(context.cursor) if context.cursor else None
    except CursorError as error:
        context.log.warning(f"{error} Failures from before now are not told.")
        return None
