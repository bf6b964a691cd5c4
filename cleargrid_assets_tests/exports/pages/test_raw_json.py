"""JSON text in pieces."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleargrid_assets.exports.pages.raw_json import BrokenTextError, elements, members, value_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=20,
)
# A busy machine generates slowly, which says nothing about the code.
few = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@given(st.lists(VALUES), st.booleans(), st.sampled_from([None, 1]))
def test_elements_are_those_of_the_array(values: list[Any], ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(values, ensure_ascii=ascii_only, indent=indent).encode(errors="surrogatepass")
    assert [value_of(piece) for piece in elements(text)] == values


@few
@given(st.dictionaries(st.text(), VALUES), st.sampled_from([None, 1]))
def test_members_are_those_of_the_object(values: dict[str, Any], indent: int | None) -> None:
    text = json.dumps(values, indent=indent).encode()
    assert {name: value_of(piece) for name, piece in members(text).items()} == values


@few
@given(st.lists(VALUES), st.data())
def test_no_beginning_of_a_text_is_whole(values: list[Any], data: st.DataObject) -> None:
    text = json.dumps(values).encode()
    with pytest.raises(BrokenTextError):
        elements(text[: data.draw(st.integers(0, len(text) - 1))])


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"7", b"[}", b"[]]", b"[] []", b'["a]', b'["a\\"]', b"[[]", b"[{]"], ids=repr
)
def test_text_that_is_no_array_is_refused(text: bytes) -> None:
    with pytest.raises(BrokenTextError):
        elements(text)


@pytest.mark.parametrize("text", [b"", b"[]", b"{1:2}", b'{"a"}', b'{"a":1,}', b'{"a":{}', b'{"a":1}}'])
def test_text_that_is_no_object_is_refused(text: bytes) -> None:
    with pytest.raises(BrokenTextError):
        members(text)


def test_pieces_may_hold_anything_in_balance() -> None:
    assert elements(rb'[NaN, {"a": 01}, "\x", [1 2]]') == [b"NaN", b'{"a": 01}', rb'"\x"', b"[1 2]"]


@pytest.mark.parametrize(
    "text",
    [b"[" * 10**6, b'{"a":' * 10**5, b'["' + b"\\" * 10**6, b"[" + b'{"a",' * 10**5],
    ids=["arrays", "objects", "a string", "members"],
)
def test_hostile_text_takes_time_in_proportion_to_its_length(text: bytes) -> None:
    """With a search that grows with the square of the length, this would take hours."""
    for split in (elements, members):
        with pytest.raises(BrokenTextError):
            split(text)
