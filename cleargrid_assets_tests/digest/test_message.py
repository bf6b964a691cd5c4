"""The digest as plain text and as Markdown."""

from dataclasses import replace

import pytest

from cleargrid_assets.digest.content import Digest, FunnelRow, History
from cleargrid_assets.digest.message import body, fingerprint, summary, title
from cleargrid_assets.pictures import text
from cleargrid_assets_tests.digest.examples import DAY, EXAMPLE, FRESH, MAPPED, NOW, example


@pytest.mark.parametrize(
    ("digest", "subject"),
    [
        (EXAMPLE, "Outreach on Tue 2026-05-19: 2 checks fail"),
        (example(history=History([FRESH], 31, [])), "Outreach on Tue 2026-05-19: 1 check fails"),
        (example(history=History([], 31, [])), "Outreach on Tue 2026-05-19: all checks pass"),
        (example(history=History([], 0, [])), "Outreach on Tue 2026-05-19: no check has run"),
        (example(history=None), "Outreach on Tue 2026-05-19: checks are not known"),
        (example(is_stored=False), "Outreach on Tue 2026-05-19: not stored, 2 checks fail"),
    ],
)
def test_title_says_the_day_and_how_many_checks_fail(digest: Digest, subject: str) -> None:
    assert title(digest) == subject


def test_body_has_headlines_a_plain_funnel_and_failing_checks() -> None:
    assert (
        body(EXAMPLE, None)
        == """\
Headlines, against Tue 2026-05-12 (zone: UTC)
Communications: 1,998 (before: 1,930, change: +4%, usual: 1,720 to 2,280)
Contacts reached: 469 (34%) (before: 430 (33%), change: +1.2 points)
Failed: 8.0%, unusual (before: 2.1%, change: +5.9 points, usual: up to 4.0%)

3 of 1,204 attempts have an unmapped status, so more contacts may have been reached.

Contacts  attempted  delivered  reached  engaged
ALL           1,363      1,318      469      269
CALL            812        790      301      120
and 2 more types

Checks that fail
ERROR is_fresh of communication_logs: 2026-05-19 was due. Materialize it.
WARN statuses_and_types_are_mapped of communication_logs, 2026-05-19: `RINGING` has no mapping.

The page is attached where the service takes files."""
    )


def test_long_descriptions_of_checks_are_cut_before_their_remedy() -> None:
    long = replace(FRESH, description="late " * 1000 + "Materialize it.")

    text = body(example(history=History([long] * 40, 40, [])), None)

    assert len(text) < 8000
    assert text.count("late Materialize it.") == 10


def test_body_links_to_the_ui_where_its_address_is_known() -> None:
    assert body(EXAMPLE, "https://ui.example/x").endswith("\n\nThe whole digest: https://ui.example/x")


def test_body_of_a_day_that_is_not_stored_is_about_checks() -> None:
    bare = Digest(DAY, "UTC", NOW, None, is_stored=False, history=History([FRESH], 1, []))

    assert body(bare, None).startswith("No day is stored yet.\n\nChecks that fail\nERROR is_fresh")


def test_fingerprint_differs_if_the_message_differs_but_not_by_its_time() -> None:
    assert fingerprint(example(made_at=NOW.replace(hour=9))) == fingerprint(EXAMPLE)
    assert fingerprint(example(unmapped_note="")) != fingerprint(EXAMPLE)


def test_summary_fits_and_begins_with_the_day() -> None:
    many = [replace(MAPPED, name=f"a_check_with_a_rather_long_name_{number}") for number in range(40)]
    wide = example(
        history=History(many, 40, []),
        missing=["operational_health"],
        funnel=[FunnelRow("x" * 20, ["9"] * 4, ["9%"] * 4)] * 11,
    )

    markdown = summary(wide)

    assert len(markdown) <= text.INLINE_LIMIT
    assert markdown.startswith("**Tue 2026-05-19 (UTC): 40 checks fail**")
    assert "|Failed|8.0% ⚠|" in markdown
    assert "and 37 more checks" in markdown
    assert "operational\\_health" in markdown
    # The metadata `file` name the page.
    assert ".html" not in markdown
