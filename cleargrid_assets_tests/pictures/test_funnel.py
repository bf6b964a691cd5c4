import pytest

from cleargrid_assets.analysis.unmapped import Unmapped, UnmappedAttempts
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
        ((1, 1, 1, 0), "100% of 1 contact reached, 0% engaged"),
        ((0, 0, 0, 0), "no outbound communications"),
    ],
)
def test_the_headline_tells_the_share_reached_of_all_types(counts: tuple[int, int, int, int], sentence: str) -> None:
    frame = rows.funnel({"ALL": counts, "CALL": (1, 1, 1, 1)})

    assert funnel.present(frame, rows.about()).headline == rows.TITLE + sentence


def test_an_empty_day_is_a_sentence() -> None:
    shown = funnel.present(rows.empty(ATTEMPT_FUNNEL), rows.about())

    assert shown.summary == f"**{rows.TITLE}no outbound communications**"
    assert shown.numbers == {"attempts": 0, "contacts": 0}


def test_day_with_withheld_addresses_alone_says_so() -> None:
    withheld = rows.funnel({"ALL": (0, 0, 0, 0)}).assign(attempts=29)

    shown = funnel.present(withheld, rows.about())

    assert shown.headline == f"{rows.TITLE}no contact attempted, because all addresses are withheld"
    assert shown.numbers == {"attempts": 29, "contacts": 0}


def test_the_summary_is_the_funnel_of_all_types_and_the_reach_of_each() -> None:
    summary = funnel.present(WEEKDAY, rows.about()).summary

    assert "|reached|412 34% █▍|" in summary
    assert "Reached by type: EMAIL 23%, CALL 41%." in summary


def test_types_with_few_contacts_show_counts_in_place_of_rates() -> None:
    few = rows.funnel({"ALL": (20, 9, 4, 0), "CALL": (10, 8, 4, 0), "FAX": (9, 1, 0, 0)})

    assert "Reached by type: CALL 40%, FAX 0 of 9." in funnel.present(few, rows.about()).summary


def test_the_numbers_are_those_of_all_types() -> None:
    assert funnel.present(WEEKDAY, rows.about()).numbers == {
        "attempts": 2408,
        "contacts": 1204,
        "reach_rate": 412 / 1204,
        "engagement_rate": 143 / 1204,
    }


def test_unmapped_attempts_are_beside_the_reach_and_words_in_details() -> None:
    found = [
        Unmapped(rows.DAY, "communication_type", "FAX", 9),
        Unmapped(rows.DAY, "status", "ON_HOLD", 50),
        Unmapped(rows.DAY, "status", "RINGING", 12),
    ]

    attempts = [UnmappedAttempts(rows.DAY, "phone", 2408, 62)]
    shown = funnel.present(WEEKDAY, rows.about(unmapped=found, unmapped_attempts=attempts))

    note = "12% engaged; 62 of 2,408 attempts have an unmapped status"
    assert shown.headline.endswith(note)
    assert note in shown.summary
    assert shown.details == {
        "unmapped": [["status ON_HOLD", 50], ["status RINGING", 12], ["communication_type FAX", 9]]
    }
    assert "nmapped" not in funnel.present(WEEKDAY, rows.about()).summary


def test_a_day_whose_only_type_is_called_all_is_drawn_and_summed_up() -> None:
    shown = funnel.present(rows.funnel({"ALL": (10, 8, 4, 2)}), rows.about())

    assert shown.headline == rows.TITLE + "40% of 10 contacts reached, 20% engaged"
    assert "by type" not in shown.summary
    assert shown.draw().startswith(b"\x89PNG")


def test_types_that_do_not_fit_are_counted() -> None:
    names = {f"TYPE_{number:02d}_WITH_A_LONG_NAME": (100 - number, 50, 10, 5) for number in range(40)}

    summary = funnel.present(rows.funnel({"ALL": (4000, 2000, 400, 200), **names}), rows.about()).summary

    shown = summary.count("TYPE")
    assert 0 < shown < 40
    assert f"and {40 - shown} more types." in summary
    assert len(summary) <= text.INLINE_LIMIT
