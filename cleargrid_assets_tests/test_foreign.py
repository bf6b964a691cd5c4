"""Foreign words."""

import base64
import html
import json
import time
import unicodedata
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cleargrid_assets.foreign import MASK, presentable, presentable_id, presentable_words

_ADDRESS = "jane.doe@example.com"
_NUMBERS = ("+966512345678", "0512345678", "51234567", "9665")


@pytest.mark.parametrize(
    "word",
    [
        "NO_ANSWER",
        "no-answer",
        "Voicemail left",
        "v2.1",
        "STEP_123",
        "Rate limit exceeded. Try again in 30 seconds.",
        "the day 2026-05-19 is not closed",
        "2026-05-19 2026-05-20",
        "لم يتم الرد",
        "nicht zugestellt wegen Überlastung",
        "lenderPublicId",
    ],
)
def test_harmless_words_pass(word: str) -> None:
    assert presentable(word) == word


def test_date_of_a_timestamp_passes_again_and_again() -> None:
    shown = presentable("since 2026-05-19T10:00:00Z")
    assert shown == f"since 2026-05-19T{MASK}Z"
    assert presentable(shown) == shown


@pytest.mark.parametrize(
    "written",
    [
        _ADDRESS,
        f"SENT_TO_{_ADDRESS}_AT_NOON",
        f"mailto:{_ADDRESS}",
        f'{{"to":"{_ADDRESS}"}}',
        f"<{_ADDRESS}>",
        _ADDRESS.replace("@", " @ "),
        _ADDRESS.replace("@", " (@) "),
        _ADDRESS.replace("@", "\uff20"),
        _ADDRESS.replace("@", "\u200b@\u200b"),
        _ADDRESS.replace("@", "%40"),
        _ADDRESS.replace("@", "%2540"),
        *(_ADDRESS.replace("@", f" {at} ") for at in ("%40", "=40", "\\u0040", "&#64;", "&#x40;", "&commat;", "<@>")),
        " ".join(_ADDRESS),
        _ADDRESS.replace("@", "\\u0040"),
        _ADDRESS.replace("@", "&#64;"),
        _ADDRESS.replace("@", "&commat;"),
        _ADDRESS.replace("@", "=40"),
        _ADDRESS.replace("@", " at "),
        _ADDRESS.replace("@", "(at)"),
        _ADDRESS.replace("@", " [AT] ").replace(".", " [DOT] "),
        _ADDRESS.replace("@", "_at_").replace(".", "_dot_"),
        base64.b64encode(_ADDRESS.encode()).decode(),
        base64.b64encode(_ADDRESS.encode()).decode().rstrip("="),
        _ADDRESS.encode().hex(),
    ],
)
def test_an_address_is_masked_however_it_is_written(written: str) -> None:
    shown = presentable(f"unknown {written} here")

    assert MASK in shown
    assert "doe" not in shown.lower()
    assert "example" not in shown.lower()
    assert base64.b64encode(_ADDRESS.encode()).decode()[:8] not in shown


@pytest.mark.parametrize("separator", ["", " ", "-", ".", "_", "/", " - ", "\u2011", "\u00a0", "\u200b", "\u0332", ":"])
@pytest.mark.parametrize("number", _NUMBERS)
@pytest.mark.parametrize("around", ["{}", "call{}now", "tel:{}", "({})", "'{}'", "status {} is 12"])
def test_a_number_is_masked_however_it_is_written(number: str, separator: str, around: str) -> None:
    shown = presentable(around.format(separator.join(number)))

    assert MASK in shown
    assert sum(map(str.isdigit, shown)) <= 3


@pytest.mark.parametrize("zero", ["\u0660", "\uff10", "\u2080", "\u0966", "\U0001d7d8"])
def test_digits_of_any_script_are_digits(zero: str) -> None:
    number = "".join(chr(ord(zero) + int(digit)) for digit in "0512345678")

    assert presentable(f"call {number}") == f"call {MASK}"


@pytest.mark.parametrize(
    ("acting", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "31mred 0m"),
        ("\x1b]8;;http://host\x07link", "8 http host link"),
        ("half \ud83d emoji", "half emoji"),
        ("\u202etxt.exe", "txt.exe"),
        ("![](//host/x)", "host x"),
        ("[link](javascript:alert)", "link javascript alert"),
        ("<img src=x onerror=alert(1)>", "img [masked]"),
        ("<script>alert</script>", "script alert script"),
        ("*bold* `code` | cell", "bold [masked] cell"),
        ("see www.host.example now", "see [masked] now"),
        ("two\nlines\r\tand tabs", "two lines and tabs"),
        ("\0null", "null"),
        ("🙂", MASK),
        ("\u2780\u2781\u2782\u2783", MASK),
        ("a" + "\u0335" * 9, "a" + "\u0335" * 3),
        ("", ""),
    ],
)
def test_what_acts_is_removed(acting: str, shown: str) -> None:
    assert presentable(acting) == shown


def test_long_text_is_cut_at_a_word() -> None:
    shown = presentable("word " * 100)

    assert shown == f"{'word ' * 11}".strip() + "..."
    assert presentable("word " * 100, 20) == "word word word..."


def test_word_of_a_megabyte_is_masked() -> None:
    assert presentable("X" * 1_000_000) == MASK


def test_half_an_address_at_the_end_of_the_search_is_not_shown() -> None:
    assert "jane" not in presentable(f"{'@ ' * 497}jane@example.com")


@pytest.mark.parametrize(
    "unit", ["x", " ", "@ ", ".", "_", "at ", "a at b ", "a_dot_", "a dot ", "1 ", "\u0301", "\ufdfa", "\ud83d", "-at-"]
)
def test_a_megabyte_is_presented_in_a_tenth_of_a_second(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))

    started = time.process_time()
    shown = presentable(text)

    assert time.process_time() - started < 0.1
    assert len(shown) <= 60


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("6650f1e2a3b4c5d6e7f80912", "6650f1e2a3b4c5d6e7f80912"),
        ("0b7c2f34-52d9-4f0e-9a55-2f1f8f0a3c11", "0b7c2f34-52d9-4f0e-9a55-2f1f8f0a3c11"),
        ("req_9fK2mZ", "req_9fK2mZ"),
        (f"req_{'a' * 41}", "req_..."),
        ("6650f1e2a3b4c5d6e7f80912\n", f"{MASK}..."),
        (_ADDRESS, "jane..."),
        ("+966512345678", f"{MASK}..."),
        ("c-1", "c-1"),
        ("", ""),
    ],
)
def test_an_id_is_shown_whole_only_in_the_form_of_an_id(written: str, shown: str) -> None:
    assert presentable_id(written) == shown
    assert presentable_id(shown) == shown


def test_fifty_words_are_shown_and_the_others_counted() -> None:
    shown = presentable_words((f"{_ADDRESS} TYPE" for _ in range(120)), "type")

    assert shown == ", ".join(["[masked] TYPE"] * 50) + " and 70 more types"


_TEXTS = st.text(st.characters(codec=None) | st.sampled_from("@%\\&=#.-_ 0123456789aT\u200b\u0301[]\0"), max_size=120)


@given(_TEXTS)
@example("e\u200b\u0301")
@example("[masked")
def test_only_allowed_characters_are_shown(text: str) -> None:
    shown = presentable(text)

    assert len(shown) <= 60
    rest = shown.replace(MASK, "")
    assert all(unicodedata.category(character)[0] in "LM" or character in " _-.0123456789" for character in rest)
    assert shown == presentable(shown)


_LOCAL = st.from_regex(r"[a-z]{5,10}[._+-][a-z]{4,8}", fullmatch=True)
_ENCODINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    quote,
    json.dumps,
    html.escape,
    lambda text: base64.b64encode(text.encode()).decode(),
    lambda text: text.replace("@", "%40"),
    lambda text: text.replace("@", "\\u0040"),
    lambda text: text.replace("@", "&#x40;"),
    lambda text: text.replace("@", " @ "),
    lambda text: text.replace("@", " at "),
    lambda text: text.replace("@", " at ").replace(".", " dot "),
    "\u200b".join,
)


@given(_LOCAL, st.sampled_from(_ENCODINGS), st.sampled_from(["", " ", "to:", "x_", '"', "(", "\x1b[0m"]))
def test_no_address_is_shown(local: str, encoding: Callable[[str], str], glue: str) -> None:
    shown = presentable(f"sent {glue}{encoding(f'{local}@example.com')}{glue} today").lower()

    assert local[:5] not in shown
    assert "example" not in shown


@given(
    st.text("0123456789", min_size=4, max_size=15),
    st.sampled_from(["", " ", "-", ".", "/", "_", " - ", "\u2011", "\u200b", "\u0332", "--"]),
    st.sampled_from(["", "x", "+", "tel:", "(0)", "ID_"]),
)
def test_no_number_is_shown(digits: str, separator: str, glue: str) -> None:
    assert sum(map(str.isdigit, presentable(f"to {glue}{separator.join(digits)}{glue} now"))) <= 3
