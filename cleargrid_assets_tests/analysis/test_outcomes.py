"""The outcomes file: what it says, how it is extended, and how a broken one complains."""

from datetime import date, time
from pathlib import Path

import pytest

from cleargrid_assets.analysis.outcome_entries import DaysOff, Limits
from cleargrid_assets.analysis.outcomes import OutcomesError, load_outcomes, toml_lines_for


def _file(folder: Path, content: str | bytes) -> str:
    path = folder / "own.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def test_the_packaged_outcomes_are_those_of_the_definition() -> None:
    outcomes = load_outcomes(None)
    expected = {
        "failed": "FAILED INVALID_NUMBER BOUNCED REJECTED UNDELIVERED",
        "delivered": "NO_ANSWER BUSY VOICEMAIL MACHINE ANSWERED_BY_MACHINE CANCELLED CANCELED SENT DELIVERED",
        "reached": "ANSWERED COMPLETED OPENED READ",
        "engaged": "CLICKED REPLIED",
    }
    assert outcomes.statuses == {status: word for word, line in expected.items() for status in line.split()}
    assert outcomes.channels == {
        "CALL": "phone",
        "VOICE": "phone",
        "EMAIL": "email",
        "SMS": "messaging",
        "WHATSAPP": "messaging",
    }
    assert outcomes.engaged_seconds == 30.0
    assert {"", "ANONYMOUS", "PRIVATE", "UNKNOWN", "RESTRICTED"} <= set(outcomes.withheld)
    assert outcomes.days_off == DaysOff()
    assert outcomes.limits == Limits()


def test_a_file_overrides_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        'engaged_seconds = 45.5\n[statuses]\n"ringing out" = "delivered"\nvoicemail = "reached"\n'
        '[channels]\n"robo-call" = "phone"\nPIGEON = "other"\n',
    )
    outcomes = load_outcomes(path)
    assert outcomes.engaged_seconds == 45.5
    assert outcomes.statuses["RINGING_OUT"] == "delivered"
    assert outcomes.statuses["VOICEMAIL"] == "reached"
    assert outcomes.statuses["BUSY"] == "delivered"
    assert outcomes.channels["ROBO_CALL"] == "phone"
    assert outcomes.channels["PIGEON"] == "other"
    assert outcomes.channels["EMAIL"] == "email"


def test_what_a_lender_decides_is_read(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "[contacts]\nwithheld = ['no caller-id']\n"
        "[calendar]\ndays_off = [2026-03-20, '2026-01-01', 'Friday', 'saturday', 'friday']\n"
        "[limits]\nattempts_per_week = 7\nearliest = '09:00'\nlatest = '20:30'\n",
    )
    outcomes = load_outcomes(path)
    assert set(outcomes.withheld) - set(load_outcomes(None).withheld) == {"NO_CALLER_ID"}
    assert outcomes.days_off == DaysOff((date(2026, 1, 1), date(2026, 3, 20)), (5, 6))
    off = [date(2026, 1, 1), date(2026, 3, 20), date(2026, 5, 1), date(2026, 5, 2)]
    assert all(map(outcomes.days_off.includes, off))
    assert not outcomes.days_off.includes(date(2026, 5, 3))
    assert outcomes.limits == Limits(7, time(9), time(20, 30))


def test_each_limit_is_optional(tmp_path: Path) -> None:
    assert load_outcomes(_file(tmp_path, "[limits]\nlatest = '20:30'\n")).limits == Limits(latest=time(20, 30))
    assert load_outcomes(_file(tmp_path, "limits.attempts_per_week = 1\n")).limits == Limits(1)


def test_limit_can_be_a_time_of_toml_without_quotes(tmp_path: Path) -> None:
    assert load_outcomes(_file(tmp_path, "limits.earliest = 09:00:00\n")).limits == Limits(earliest=time(9))
    assert load_outcomes(_file(tmp_path, "limits.earliest = 00:00:00.0\n")).limits == Limits(earliest=time(0))


@pytest.mark.parametrize("content", ["", "# nothing\n", "[statuses]\n", "\ufeff[channels]\r\nCALL = 'phone'\r\n"])
def test_a_file_that_changes_nothing_is_the_packaged_file(tmp_path: Path, content: str) -> None:
    assert load_outcomes(_file(tmp_path, content)) == load_outcomes(None)


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("[statuses]\nA = \n", 2, "not valid TOML: Invalid value"),
        ('[statuses]\nA = """', 2, "not valid TOML: Unterminated string"),
        ("[statuses]\nA = 'failed'\nA = 'reached'\n", 3, "not valid TOML: Cannot overwrite a value"),
        (
            "[statuses]\r\nB = 'failed'\r\nA = 'fail'\r\n",
            3,
            "statuses.A must be failed, delivered, reached or engaged, not 'fail'",
        ),
        ("[statuses]\nA = 'failed'\n\n'a' = 'reached'\n", 4, "statuses.a is given twice (compared as A)"),
        ("\n\n[statuses]\nA = 'failed'\nB = 'Reached'\n", 5, "statuses.B must be failed"),
        ("[statuses]\nA = 3\n", 2, "statuses.A must be failed, delivered, reached or engaged, not 3"),
        ("[statuses]\nA = ['failed']\n", 2, "statuses.A must be"),
        ("[statuses.A]\nB = 'failed'\n", 1, "statuses.A must be"),
        (
            "[channels]\nCALL = 'phone'\nFAX = 'paper' # CALL\n",
            3,
            "channels.FAX must be phone, email, messaging or other, not 'paper'",
        ),
        ("channels = { CALL = 'phone', FAX = 'fax' }\n", 1, "channels.FAX must be"),
        ("statuses.A = 'failed'\nstatuses.\"b c\" = 'x'", 2, 'statuses."b c" must be'),
        ("statuses = 'failed'\n", 1, "statuses must be a table: [statuses]"),
        ("[[statuses]]\nA = 'failed'\n", 1, "statuses must be a table: [statuses]"),
        (
            "# a comment\nengaged_seconds = '30'\n",
            2,
            "engaged_seconds must be a number of seconds, 0 or more, not '30'",
        ),
        ("engaged_seconds = true\n", 1, "engaged_seconds must be"),
        ("engaged_seconds = -1\n", 1, "engaged_seconds must be"),
        ("engaged_seconds = nan\n", 1, "engaged_seconds must be"),
        ("engaged_seconds = inf\n", 1, "engaged_seconds must be"),
        (f"engaged_seconds = {10**400}\n", 1, "engaged_seconds must be"),
        ("[statuses]\n[channels]\n[status]\nA = 'failed'\n", 3, "unknown table or key 'status'"),
        (
            "engaged_second = 4\n",
            1,
            "unknown table or key 'engaged_second': it must be statuses, channels, contacts, calendar, "
            "limits or engaged_seconds",
        ),
        ("[contacts]\nwithheld = 'anonymous'\n", 2, "contacts.withheld must be a list of texts, not 'anonymous'"),
        ("[contacts]\nwithheld = ['a', 3]\n", 2, "contacts.withheld must be a list of texts, but has 3"),
        ("[contacts]\nhidden = []\n", 2, "unknown key contacts.hidden: it must be withheld"),
        ("contacts = []\n", 1, "contacts must be a table: [contacts]"),
        (
            "[calendar]\ndays_off = ['fri']\n",
            2,
            "calendar.days_off must be a list of dates such as 2026-01-01 and weekdays such as friday, but has 'fri'",
        ),
        ("[calendar]\ndays_off = [\n  2026-01-01,\n  2026-01-01T00:00:00,\n]\n", 5, "calendar.days_off must be"),
        ("[calendar]\ndays_off = ['2026-02-30']\n", 2, "calendar.days_off must be"),
        ("[calendar]\ndays_off = [5]\n", 2, "calendar.days_off must be"),
        ("[limits]\nattempts_per_week = 0\n", 2, "limits.attempts_per_week must be a whole number, 1 or more, not 0"),
        ("[limits]\nattempts_per_week = true\n", 2, "limits.attempts_per_week must be"),
        ("[limits]\nattempts_per_week = 7.0\n", 2, "limits.attempts_per_week must be"),
        ("[limits]\nearliest = '9'\n", 2, "limits.earliest must be a time in whole minutes such as '09:00', not '9'"),
        ("[limits]\nlatest = '24:00'\n", 2, "limits.latest must be a time"),
        ("[limits]\nlatest = '0\N{ARABIC-INDIC DIGIT NINE}:00'\n", 2, "limits.latest must be a time"),
        (
            "[limits]\nlatest = 20:00:01\n",
            2,
            "limits.latest must be a time in whole minutes such as '09:00', not 20:00:01",
        ),
        (
            "[limits]\nlatest = '09:00'\nearliest = '09:00'\n",
            2,
            "limits.earliest (09:00) must be before limits.latest (09:00)",
        ),
        (
            "[limits]\nper_day = 3\n",
            2,
            "unknown key limits.per_day: it must be attempts_per_week, earliest or latest",
        ),
        (b"[statuses]\nA = '\xff'\n", 2, "not UTF-8 text"),
    ],
)
def test_broken_file_names_itself_the_line_and_the_reason(
    tmp_path: Path, content: str | bytes, line: int, reason: str
) -> None:
    path = _file(tmp_path, content)
    with pytest.raises(OutcomesError) as caught:
        load_outcomes(path)
    assert str(caught.value).startswith(f"{path}, line {line}: {reason}")


def test_a_file_that_cannot_be_read_names_itself(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(OutcomesError, match="cannot be read") as caught:
            load_outcomes(str(path))
        assert str(caught.value).startswith(f"{path}: ")


def test_the_lines_for_what_is_unmapped_make_it_known(tmp_path: Path) -> None:
    statuses = ["RINGING", 'SAID_"NO"', "BACK\\SLASH", "É", "A.B", "", "DEL\x7f", "TAB\tBED"]
    lines = toml_lines_for(statuses, ["FAX"])
    outcomes = load_outcomes(_file(tmp_path, lines))
    assert {outcomes.statuses[status] for status in statuses} == {"delivered"}
    assert outcomes.channels["FAX"] == "other"


def test_the_lines_are_one_entry_each_under_the_header_of_their_table() -> None:
    assert toml_lines_for(["RINGING", "ODD ONE"], ["FAX"]).split("\n") == [
        "[statuses]",
        '"ODD ONE" = "delivered"  # or: failed, reached, engaged',
        'RINGING = "delivered"  # or: failed, reached, engaged',
        "",
        "[channels]",
        'FAX = "other"  # or: phone, email, messaging',
    ]


def test_nothing_unmapped_needs_no_lines() -> None:
    assert toml_lines_for([], []) == ""


def test_fingerprint_depends_on_the_entries_alone(tmp_path: Path) -> None:
    def fingerprints(content: str) -> tuple[str, str]:
        outcomes = load_outcomes(_file(tmp_path, content))
        return outcomes.meaning_fingerprint, outcomes.rules_fingerprint

    meaning, rules = fingerprints("# nothing\n")
    assert (meaning, rules) == (load_outcomes(None).meaning_fingerprint, load_outcomes(None).rules_fingerprint)
    a, b = 'HOLD = "failed"', 'WAIT = "failed"'
    assert fingerprints(f"[statuses]\n{a}\n{b}\n") == fingerprints(f"[statuses]\n# order\n{b}\n{a}\n")
    meanings = [
        *("engaged_seconds = 31\n", f"[statuses]\n{a}\n", f"[statuses]\n{b}\n", '[channels]\nFAX = "other"\n'),
        "contacts.withheld = ['a']",
    ]
    decisions = [
        *("calendar.days_off = ['friday']", "calendar.days_off = [2026-01-02]"),
        *("limits.attempts_per_week = 7", "limits.earliest = '09:00'", "limits.latest = '09:00'"),
    ]
    found = [*map(fingerprints, meanings)]
    assert [other for _, other in found] == [rules] * len(meanings)
    assert len({meaning, *(own for own, _ in found)}) == len(meanings) + 1
    found = [*map(fingerprints, decisions)]
    assert [other for other, _ in found] == [meaning] * len(decisions)
    assert len({rules, *(own for _, own in found)}) == len(decisions) + 1
