"""The HTML page of a digest."""

from html.parser import HTMLParser

from cleargrid_assets.contracts import TABLES
from cleargrid_assets.contracts.views import OPERATIONAL_BASELINES
from cleargrid_assets.digest.content import Digest, Figure, FunnelRow, History, Section
from cleargrid_assets.digest.page import page
from cleargrid_assets.pictures.text import MISSING
from cleargrid_assets_tests.digest.examples import DAY, EXAMPLE, FRESH, example

_HOSTILE = '</td><script>alert("x")</script><img src=http://evil.example/x onerror=alert(1)>'
_REFERRING = {"src", "href", "srcset", "action", "data", "poster", "background", "cite", "ping", "style"}
_EMPTY = {"meta", "img", "br", "hr", "link"}


class _Parsed(HTMLParser):
    """The elements of a page, with its headings and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.references: list[str] = []
        self.handlers: list[str] = []
        self.headings: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.text += " " if tag in {"th", "td", "p", "li"} else ""
        self.references += [str(value) for name, value in attrs if name in _REFERRING]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        if tag not in _EMPTY:
            self.open.append(tag)
        if tag in {"h1", "h2", "summary"}:
            self.headings.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in {"h1", "h2", "summary"}:
            self.headings[-1] += data
        if "style" not in self.open:
            self.text += data


def words(digest: Digest) -> str:
    """The text of the page, with single spaces."""
    return " ".join(_Parsed(page(digest)).text.split())


def test_page_has_every_part_in_order_of_urgency() -> None:
    parsed = _Parsed(page(EXAMPLE))

    assert parsed.headings == [
        "Outreach on Tue 2026-05-19",
        "Headlines",
        "Checks that fail",
        "Funnel",
        "Pictures",
        "What the latest fetches changed",
        "Words without a meaning",
        "Definitions",
    ]
    assert parsed.open == []
    assert parsed.tags.count("dt") == sum(len(table.columns) for table in (*TABLES, OPERATIONAL_BASELINES))


def test_page_refers_to_nothing_outside_and_runs_nothing() -> None:
    html = page(EXAMPLE)
    parsed = _Parsed(html)

    assert [reference[:22] for reference in parsed.references] == ["data:image/png;base64,"]
    assert not {"script", "link", "iframe", "object", "form", "a"}.intersection(parsed.tags)
    assert not parsed.handlers
    assert "url(" not in html
    assert "@import" not in html
    assert "default-src 'none'" in html


def test_hostile_words_are_shown_as_text_everywhere() -> None:
    hostile = example(
        zone=_HOSTILE,
        figures=[Figure(_HOSTILE, _HOSTILE, _HOSTILE, _HOSTILE, _HOSTILE)],
        unmapped_note=_HOSTILE,
        funnel=[FunnelRow(_HOSTILE, [_HOSTILE] * 4, [_HOSTILE] * 4)],
        more_types=_HOSTILE,
        sections=[Section(_HOSTILE, f'" onload="{_HOSTILE}', b"")],
        unmapped=[(_HOSTILE, _HOSTILE)],
        missing=[_HOSTILE],
        history=History([type(FRESH)(_HOSTILE, _HOSTILE, True, _HOSTILE, _HOSTILE, FRESH.evaluated_at)], 1, []),
    )
    parsed = _Parsed(page(hostile))

    assert "script" not in parsed.tags
    assert parsed.tags.count("img") == 1
    assert not parsed.handlers
    assert parsed.open == []
    assert parsed.text.count('alert("x")') >= 18


def test_page_says_what_was_compared_and_what_is_unusual() -> None:
    text = words(EXAMPLE)

    assert "Tue 2026-05-19 Tue 2026-05-12 Change Usual Communications 1,998 1,930 +4% 1,720 to 2,280" in text
    assert f"Contacts reached 469 (34%) 430 (33%) +1.2 points {MISSING} Failed" in text
    assert "Failed 8.0% unusual 2.1% +5.9 points up to 4.0%" in text
    assert text.count("3 of 1,204 attempts have an unmapped status") == 2
    assert "Times are in UTC. Made Wed 2026-05-20 06:01." in text


def test_failing_checks_have_severity_days_and_remedy() -> None:
    text = words(EXAMPLE)

    assert "2 of 31 checks fail." in text
    assert "ERROR is_fresh of communication_logs (Wed 2026-05-20 06:01) 2026-05-19 was due. Materialize it." in text
    assert "WARN statuses_and_types_are_mapped of communication_logs, 2026-05-19 (Wed 2026-05-20 06:01)" in text


def test_day_that_is_not_stored_has_checks_but_no_figures() -> None:
    bare = Digest(DAY, "UTC", FRESH.evaluated_at, None, is_stored=False, history=History([FRESH], 1, []))

    assert _Parsed(page(bare)).headings == ["Outreach on Tue 2026-05-19", "Checks that fail", "Definitions"]
    assert "No day is stored yet." in words(bare)


def test_page_says_where_checks_are_not_known_or_all_pass() -> None:
    assert "Set DAGSTER_HOME" in words(example(history=None))
    assert "None of 31." in words(example(history=History([], 31, [])))
    assert "No check has been evaluated yet." in words(example(history=History([], 0, [])))
