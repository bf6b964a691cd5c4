"""What the log of a run tells, and the summary of the communication logs."""

import logging
from datetime import timedelta

from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.contracts import COMMUNICATION_LOGS
from cleargrid_assets.pictures.text import INLINE_LIMIT
from cleargrid_assets_tests.assets.project import WEEK, Project

FIRST, LAST = WEEK


def _story(project: Project, run_id: str) -> list[str]:
    """The messages of the project in the log of a run, from the level that the UI shows at first."""
    entries = project.instance.all_logs(run_id)
    return [each.user_message for each in entries if not each.is_dagster_event and int(each.level) >= logging.INFO]


def test_the_log_of_a_run_tells_the_story_of_its_day(copied_week: Project) -> None:
    day = LAST + timedelta(days=1)
    run = copied_week.materialize(day)
    said = run.metadata(COMMUNICATION_LOGS, day)
    [fetched, stored, *told] = _story(copied_week, run.result.run_id)
    assert fetched.startswith(f"{day}: {said['rows']} rows in {said['pages']} page")
    assert f" of {said['window']} after " in fetched
    assert stored == f"communication_logs, {day}: {said['rows']} rows stored; {said['rows']} new, 0 changed, 0 removed"
    headlines = [
        f"{table.name}: {day:%a} {day} (UTC): " for table in (COMMUNICATION_LOGS, *(a.table for a in ANALYSES))
    ]
    assert all(any(line.startswith(headline) for line in told) for headline in headlines)
    failed = {line.split(" failed: ")[0].split(", ")[1] for line in told if " failed: " in line}
    assert failed == run.failing
    assert len(told) == len(headlines) + len(failed)


def test_the_log_of_the_last_day_of_a_run_has_summary_and_picture(project: Project) -> None:
    run = project.materialize(FIRST, LAST, only=[COMMUNICATION_LOGS], checked=False, drawn=True)
    day = run.metadata(COMMUNICATION_LOGS, LAST)
    assert day["summary"].startswith(f"**{LAST:%a} {LAST} (UTC): {day['rows']} rows; too few Wednesdays are stored")
    assert len(day["summary"]) <= INLINE_LIMIT
    # The UI shows metadata in their order.
    assert list(day)[:3] == ["version", "summary", "picture"]
    assert "data:image/png;base64," in day["picture"]
    assert not {"summary", "picture"} & run.metadata(COMMUNICATION_LOGS, FIRST).keys()


def test_the_summary_of_an_older_day_names_the_latest(copied_week: Project) -> None:
    run = copied_week.materialize(FIRST, only=[COMMUNICATION_LOGS], checked=False)
    summary = run.metadata(COMMUNICATION_LOGS, FIRST)["summary"]
    assert summary.startswith(f"**{FIRST:%a} {FIRST} (UTC): ")
    assert f" (an older day: the latest is {LAST:%a} {LAST})**" in summary
