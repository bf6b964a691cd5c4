"""What the outcomes do not know, counted."""

from cleargrid_assets.analysis.outcomes import load_outcomes
from cleargrid_assets.analysis.unmapped import COLUMNS, unmapped
from cleargrid_assets_tests.analysis.slices import Row, at, relation, row


def _unmapped(slice_rows: list[Row]) -> list[tuple[object, ...]]:
    found = unmapped(relation(slice_rows, COLUMNS), load_outcomes(None))
    return [(each.communicated_date.day, each.kind, each.value, each.communications) for each in found]


def test_unknown_statuses_and_types_are_named_with_their_counts_by_day() -> None:
    days = [
        row("1", status="ringing out"),
        row("2", status="Ringing-Out", communication_type="SMS", direction="inbound"),
        row("3", communication_type="fax"),
        row("4", communication_type="fax", status="ringing_out", communicated_at=at("2026-05-20T09:00:00+00:00")),
    ]
    assert _unmapped(days) == [
        (19, "communication_type", "FAX", 1),
        (19, "status", "RINGING_OUT", 2),
        (20, "communication_type", "FAX", 1),
        (20, "status", "RINGING_OUT", 1),
    ]


def test_nothing_is_unmapped_where_all_is_known() -> None:
    assert _unmapped([row("1"), row("2", status="opened", communication_type=" email")]) == []
