"""The asset `daily_digest`: pages of real days, and messages to a real webhook."""

import base64
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cleargrid_assets.assets.analyses import ANALYSES
from cleargrid_assets.assets.daily_digest import DIGEST_JOB, DIGEST_KEY
from cleargrid_assets.checks.history import FRESH
from cleargrid_assets.contracts import COMMUNICATION_LOGS, INTERACTIONS
from cleargrid_assets.digest import collecting, message
from cleargrid_assets.partitions import PARTITION, RANGE_END, RANGE_START
from cleargrid_assets_tests.alerts.receivers import Received, webhook
from cleargrid_assets_tests.assets.project import WEEK, Project, Run
from cleargrid_assets_tests.machine import mode_of

LAST = WEEK[1]
NOT_STORED = LAST + timedelta(days=1)
HOSTILE = "<img src=//evil.example/x onerror=alert(1)>"


def digest(project: Project, first: date, last: date | None = None) -> Run:
    """One run of the digest of a day, or of several days."""
    days = {RANGE_START: str(first), RANGE_END: str(last)} if last else {PARTITION: str(first)}
    return project.run_job(DIGEST_JOB, days)


def metadata(run: Run, day: date) -> dict[str, Any]:
    assert run.success, run.failure
    [found] = [
        event.materialization.metadata
        for event in run.result.get_asset_materialization_events()
        if event.asset_key == DIGEST_KEY and event.partition == str(day)
    ]
    return {name: value.value for name, value in found.items()}


def logged(run: Run, project: Project, level: int) -> list[str]:
    entries = project.instance.all_logs(run.result.run_id)
    return [entry.user_message for entry in entries if entry.level == level and not entry.is_dagster_event]


def page_of(project: Project, day: date) -> Path:
    return project.database.parent / "reports" / f"{day}.html"


def test_digest_of_a_stored_day_is_a_page_with_pictures_and_failing_checks(
    copied_week: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Drawing all takes long.
    monkeypatch.setattr(collecting, "ANALYSES", ANALYSES[:2])
    copied_week.run_checks([FRESH])
    before = copied_week.ask("SELECT * FROM log.cleargrid.days ORDER BY ALL")

    shown = metadata(digest(copied_week, LAST), LAST)

    page = page_of(copied_week, LAST)
    html = page.read_text()
    pictures = [base64.b64decode(data) for data in re.findall(r'src="data:image/png;base64,([^"]+)"', html)]
    assert [picture[:4] for picture in pictures] == [b"\x89PNG"] * 3
    assert "1 of 1 checks fails." in html
    assert f"<code>{FRESH}</code>" in html
    [[rows]] = copied_week.ask(
        "SELECT count(*) FROM log.cleargrid.communication_logs WHERE communicated_date = '2026-01-07'"
    )
    assert f'<td>Communications</td>\n<td class="value">{rows}</td>' in html
    assert re.findall(r"<tr><td>(\w+ 2026-01-\d\d)</td>", html) == [
        "Mon 2026-01-05",
        "Tue 2026-01-06",
        "Wed 2026-01-07",
    ]
    assert (mode_of(page), mode_of(page.parent)) == (0o640, 0o750)
    assert (shown["file"], shown["failing_checks"]) == ("2026-01-07.html", 1)
    assert shown["summary"].startswith("**Wed 2026-01-07 (UTC): 1 check fails**")
    assert str(copied_week.database.parent) not in str(shown)
    assert copied_week.ask("SELECT * FROM log.cleargrid.days ORDER BY ALL") == before


def test_failed_runs_of_many_days_do_not_hide_what_checks_found_before(copied_week: Project) -> None:
    assert not copied_week.check(FRESH).passed
    for _ in range(2):
        assert not copied_week.given(CLEARGRID_PASSWORD="").materialize(*WEEK).success

    assert metadata(digest(copied_week, NOT_STORED), NOT_STORED)["failing_checks"] == 1


def test_hostile_status_of_a_row_is_a_masked_word_on_the_page(
    copied_week: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "ANALYSES", ANALYSES[:1])
    of_day = "communicated_date = '2026-01-07' AND lower(direction) = 'outbound'"
    for table, more in ((COMMUNICATION_LOGS, ""), (INTERACTIONS, ", outcome = 'unmapped'")):
        copied_week.ask(f"UPDATE log.cleargrid.{table.name} SET status = '{HOSTILE}'{more} WHERE {of_day}")
    [[attempts]] = copied_week.ask(f"SELECT count(*) FROM log.cleargrid.interactions WHERE {of_day}")

    metadata(digest(copied_week, LAST), LAST)

    html = page_of(copied_week, LAST).read_text()
    assert html.count("<img") == 2
    assert "evil" not in html.lower().replace("status [masked]", "")
    assert f"<td>{attempts}</td>" in html
    assert f"{attempts} of {attempts} attempts have an unmapped status" in html


def test_table_that_lacks_the_day_is_named_and_not_shown_as_empty(
    copied_week: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "ANALYSES", ANALYSES[:1])
    for table in ("days", "attempt_funnel"):
        named = "AND table_name = 'attempt_funnel'" * (table == "days")
        copied_week.ask(f"DELETE FROM log.cleargrid.{table} WHERE communicated_date = '2026-01-07' {named}")

    shown = metadata(digest(copied_week, LAST), LAST)

    html = page_of(copied_week, LAST).read_text()
    assert "The day is not stored in attempt_funnel." in html
    assert re.findall(r"<h3><code>(\w+)</code></h3>\n<img", html) == ["communication_logs"]
    assert "not stored in attempt\\_funnel" in shown["summary"]


def test_run_of_several_days_makes_no_page_and_says_how_to(project: Project) -> None:
    shown = metadata(digest(project, *WEEK), LAST)

    assert f"`cleargrid report --day 2026-01-07`, with CLEARGRID_DUCKDB set to `{project.database}`" in shown["summary"]
    assert not page_of(project, LAST).parent.exists()


def test_page_that_cannot_be_written_fails_the_run_with_the_remedy(project: Project) -> None:
    project.database.with_name("reports").write_text("a file")

    [failure] = digest(project, LAST).failures

    assert failure.startswith("The page of 2026-01-07 could not be written to the folder 'reports'")
    assert str(project.database.parent) not in failure


@pytest.fixture
def told(project: Project) -> Any:
    """A project that sends digests to a webhook."""
    with webhook() as received:
        yield project.given(CLEARGRID_DIGEST="on", CLEARGRID_ALERTS=received.url), received


def test_digest_is_sent_once_with_its_page_and_again_only_if_it_changed(
    told: tuple[Project, Received], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, received = told
    project = project.given(CLEARGRID_UI_URL="https://ui.example")

    metadata(digest(project, NOT_STORED), NOT_STORED)
    again = digest(project, NOT_STORED)

    assert received.titles == ["Outreach on Thu 2026-01-08: not stored, no check has run"]
    assert "https://ui.example/assets/cleargrid/daily_digest?view=partitions&partition=2026-01-08" in received.texts[0]
    assert [each["filename"] for each in received.bodies[0]["attachments"]] == ["2026-01-08.html"]
    assert any("was not sent again" in line for line in logged(again, project, 20))
    monkeypatch.setattr(message, "title", lambda _: "changed")
    digest(project, NOT_STORED)
    assert received.titles[1:] == ["changed"]


def test_digest_that_cannot_be_sent_is_a_warning_and_is_sent_by_the_next_run(told: tuple[Project, Received]) -> None:
    project, received = told
    received.status = 500
    run = digest(project, NOT_STORED)

    assert "sent" not in metadata(run, NOT_STORED)
    [warning] = logged(run, project, 30)
    assert warning.startswith("The digest of 2026-01-08 was not sent to every address.")
    assert "hush-token" not in warning
    received.status = 200
    digest(project, NOT_STORED)
    assert len(received.titles) == 1


def test_digest_is_not_sent_unless_it_is_on_and_an_address_is_set(told: tuple[Project, Received]) -> None:
    project, received = told

    digest(project.given(CLEARGRID_DIGEST="off"), NOT_STORED)
    run = digest(project.given(CLEARGRID_ALERTS=""), NOT_STORED)

    assert not received.titles
    assert ["CLEARGRID_ALERTS is not set" in line for line in logged(run, project, 30)] == [True]
