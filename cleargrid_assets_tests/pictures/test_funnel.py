import pytest

from cleargrid_assets.contracts import ATTEMPT_FUNNEL
from cleargrid_assets.pictures import funnel, text
from cleargrid_assets_tests.pictures import rows

WEEKDAY = rows.funnel({"ALL": (1204, 1011, 412, 143), "CALL": (700, 600, 287, 90), "EMAIL": (812, 700, 187, 60)})


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ((1204, 1011, 412, 143), "34% of 1,204 contacts reached, 12% engaged"),
        ((3, 0, 0, 0), "0% of 3 contacts reached, 0% engaged"),
        ((2_000_000, 2_000_000, 1_999_999, 1), ">99% of 2M contacts reached, <0.1% engaged"),
        ((0, 0, 0, 0), "No outbound communications on 2026-05-19"),
    ],
)
def test_the_headline_tells_the_share_reached_of_all_types(counts: tuple[int, int, int, int], sentence: str) -> None:
    frame = rows.funnel({"ALL": counts, "CALL": (1, 1, 1, 1)})

    assert funnel.headline(frame, rows.DAY) == sentence


def test_an_empty_day_is_a_sentence() -> None:
    nothing = rows.empty(ATTEMPT_FUNNEL)

    assert funnel.summary(nothing, rows.DAY) == "No outbound communications on 2026-05-19."


def test_the_summary_is_the_funnel_of_all_types_and_the_reach_of_each() -> None:
    summary = funnel.summary(WEEKDAY, rows.DAY)

    assert "|reached|412|34%|███▍|" in summary
    assert "Reached by type: EMAIL 23%, CALL 41%." in summary


def test_the_summary_says_how_many_have_a_status_that_is_not_mapped() -> None:
    assert "Unmapped status: 62, counted as attempted and no further." in funnel.summary(WEEKDAY, rows.DAY, unmapped=62)
    assert "nmapped" not in funnel.summary(WEEKDAY, rows.DAY)


def test_types_that_do_not_fit_are_counted() -> None:
    names = {f"TYPE_{number:02d}_WITH_A_LONG_NAME": (100 - number, 50, 10, 5) for number in range(40)}

    summary = funnel.summary(rows.funnel({"ALL": (4000, 2000, 400, 200), **names}), rows.DAY)

    shown = summary.count("TYPE")
    assert 0 < shown < 40
    assert f"and {40 - shown} more types." in summary
    assert len(summary) <= text.INLINE_LIMIT
