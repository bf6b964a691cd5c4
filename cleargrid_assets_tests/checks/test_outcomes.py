"""The check that names what the outcomes file does not know."""

import re
from datetime import timedelta
from pathlib import Path

import dagster as dg

from cleargrid_assets.contracts import ATTEMPT_FUNNEL, INTERACTIONS
from cleargrid_assets_tests.assets.project import WEEK, Project

DAY = WEEK[0] + timedelta(days=4)
LOGS = "log.cleargrid.communication_logs"
NAME = "statuses_and_types_are_mapped"


def test_the_lines_that_the_check_gives_make_it_pass(copied_week: Project, tmp_path: Path) -> None:
    assert copied_week.check(NAME, day=DAY).passed
    copied_week.ask(
        f"UPDATE {LOGS} SET status = 'on hold' WHERE status = 'NO_ANSWER'; "
        f"UPDATE {LOGS} SET communication_type = 'Carrier pigeon' WHERE communication_type = 'SMS'"
    )
    found = copied_week.check(NAME, day=DAY)
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert f"1 status and 1 type on {DAY} have no mapping: `ON_HOLD`, `CARRIER_PIGEON`. " in str(found.description)
    assert "Copy the check's entry `lines_to_add` to your outcomes file" in str(found.description)
    unmapped = found.metadata["unmapped"].value
    assert isinstance(unmapped, list)
    counts = dict(unmapped)
    assert set(counts) == {"status ON_HOLD", "communication_type CARRIER_PIGEON"}
    [(count,)] = copied_week.ask(
        f"SELECT count(*) FROM {LOGS} WHERE communicated_date = '{DAY}' AND status = 'on hold'"
    )
    assert counts["status ON_HOLD"] == count > 0

    [lines] = re.findall("```toml\n(.*)\n```", str(found.metadata["lines_to_add"].value), re.DOTALL)
    file = tmp_path / "outcomes.toml"
    file.write_text(lines)
    assert copied_week.given(CLEARGRID_OUTCOMES=str(file)).check(NAME, day=DAY).passed


def test_words_that_are_not_shown_whole_can_be_seen_in_the_table(copied_week: Project) -> None:
    acting = "![](//host/x) jane.doe@mail.example"
    copied_week.ask(f"UPDATE {LOGS} SET status = '{acting}' WHERE status = 'NO_ANSWER'")

    found = copied_week.check(NAME, day=DAY)

    [query] = re.findall('cleargrid sql "(.*)"`', str(found.description))
    assert "lines_to_add" not in found.metadata
    shown = f"{found.description} {found.metadata}"
    assert not [part for part in ("](", "//", "jane", "mail.example") if part in shown.lower()]
    assert acting in [status for (status,) in copied_week.ask(query.replace("cleargrid.", "log.cleargrid."))]


def test_three_hundred_words_are_counted_and_fifty_shown(copied_week: Project) -> None:
    copied_week.ask(f"UPDATE {LOGS} SET status = 'NEW_' || substr(md5(public_id), 1, 2)")

    found = copied_week.check(NAME, day=DAY)

    [lines] = re.findall("```toml\n(.*)\n```", str(found.metadata["lines_to_add"].value), re.DOTALL)
    pairs = found.metadata["unmapped"].value
    assert isinstance(pairs, list)
    assert len(pairs) == 51
    assert re.fullmatch(r"and \d+ more words", pairs[-1][0])
    assert str(found.description).count("`NEW_") == lines.count("NEW_") == 50


def test_a_file_of_ones_own_changes_what_the_funnel_counts(copied_week: Project, tmp_path: Path) -> None:
    file = tmp_path / "outcomes.toml"
    file.write_text('[statuses]\nNO_ANSWER = "reached"\n')
    tables = [INTERACTIONS, ATTEMPT_FUNNEL]
    before = copied_week.materialize(DAY, only=tables, checked=False).metadata(ATTEMPT_FUNNEL, DAY)
    changed = copied_week.given(CLEARGRID_OUTCOMES=str(file))
    after = changed.materialize(DAY, only=tables, checked=False).metadata(ATTEMPT_FUNNEL, DAY)
    assert after["attempts"] == before["attempts"]
    assert after["reach_rate"] > before["reach_rate"]
