"""What the outcomes do not know, counted."""

from pathlib import Path

from cleargrid_assets.analysis import classify
from cleargrid_assets.analysis.outcomes import load_outcomes, toml_lines_for
from cleargrid_assets.analysis.unmapped import unmapped
from cleargrid_assets_tests.analysis.slices import at, relation, row
from cleargrid_assets_tests.rows import Row

READ = {"unmapped": ("communicated_date", "communication_type", "status")}


def _unmapped(slice_rows: list[Row]) -> list[tuple[object, ...]]:
    found = unmapped(relation(slice_rows, READ), load_outcomes(None))
    return [(each.communicated_date.day, each.kind, each.value, each.communications) for each in found]


def test_unknown_statuses_and_types_are_counted_by_day() -> None:
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


def test_the_suggested_line_for_a_word_of_unusual_letters_maps_it(tmp_path: Path) -> None:
    slice_rows = relation([row("1", status="gruß é", communication_type="ﬁt ŉ")], READ)
    found = unmapped(slice_rows, load_outcomes(None))
    words = {kind: [each.value for each in found if each.kind == kind] for kind in ("status", "communication_type")}
    assert [len(values) for values in words.values()] == [1, 1]
    file = tmp_path / "outcomes.toml"
    file.write_text(toml_lines_for(words["status"], words["communication_type"]), encoding="utf-8")
    known = load_outcomes(str(file))
    assert unmapped(slice_rows, known) == []
    assert classify.classified(slice_rows, known).project("outcome").fetchall() == [("delivered",)]


def test_nothing_is_unmapped_where_all_is_known() -> None:
    assert _unmapped([row("1"), row("2", status="opened", communication_type=" email")]) == []
