"""Bodies: what is forgiven, and what is not JSON."""

import codecs
import math
import traceback

import pytest

from cleargrid_assets.exports.pages.bodies import BodyError, json_document, without_bom


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": [1, null, "x"]}', {"a": [1, None, "x"]}),
        (codecs.BOM_UTF8 + b'{"a": 1}', {"a": 1}),
        (codecs.BOM_UTF8 + b' "\xef\xbb\xbf"', "\ufeff"),
        (b'"a\x00b\tc\x1fd"', "a\x00b\tc\x1fd"),
        ('"\u0645\U0001f600"'.encode(), "\u0645\U0001f600"),
        (b'{"a": "x\xffy"}', {"a": "x\udcffy"}),
        (b"[Infinity, -Infinity]", [math.inf, -math.inf]),
    ],
)
def test_body_is_read_and_forgiven_its_flaws(body: bytes, document: object) -> None:
    assert json_document(body) == document


def test_nan_is_left_to_the_caller() -> None:
    assert math.isnan(json_document(b"NaN"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"secret",
        b'{"a": "secr',
        b'{"a": 1} secret',
        b"\xef\xbb",
        codecs.BOM_UTF8,
        b"[" * 100_000,
        b"9" * 5000 + b"x",
    ],
)
def test_body_that_is_not_json_is_refused_without_being_shown(body: bytes) -> None:
    with pytest.raises(BodyError, match=f"response of {len(body):,} bytes") as caught:
        json_document(body)
    assert "secr" not in "".join(traceback.format_exception(caught.value))


def test_only_a_byte_order_mark_at_the_beginning_is_dropped() -> None:
    assert without_bom(codecs.BOM_UTF8 + b"a" + codecs.BOM_UTF8) == b"a" + codecs.BOM_UTF8
