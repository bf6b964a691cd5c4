"""Reads answers: the body of a success, and the failure that any other status stands for."""

import zlib
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from urllib.parse import urlsplit

import requests
import urllib3

from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError, TransientError, UnavailableError
from cleargrid_assets.exports.pages.bodies import BodyError, json_document
from cleargrid_assets.foreign import presentable
from cleargrid_assets.setting_types import AFTER_EDITING

MAX_BODY = 128 << 20
"""Max bytes of the body of a success, decompressed. A page of 1000 rows usually has less than one million."""

_MAX_ERROR_BODY = 1 << 20
_MAX_PIECE = 1 << 20
_MAX_COMPRESSED_PIECE = 1 << 16
"""Less, because the time for a piece grows with the square of its members, which may be empty."""

_ANY_HEADER = 32 + zlib.MAX_WBITS
"""For zlib: data in the format of gzip or of zlib."""

SUCCESSES = {HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.NON_AUTHORITATIVE_INFORMATION}
"""Statuses of whole answers. Others below 300 say that it is a part, or not there yet, or empty."""

_GATEWAY_TIMEOUTS = {HTTPStatus.GATEWAY_TIMEOUT, 522, 524}
"""Statuses for a query that took too long: 504, and what Cloudflare's proxies answer instead."""

_ACCEPTING_NO_REQUESTS = {HTTPStatus.TOO_MANY_REQUESTS, 521, 523}
"""Statuses of a server that accepts no requests now: 429, and those of Cloudflare's proxies that cannot reach it."""

_RETRYABLE = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}

_FROM_PROXIES = {HTTPStatus.PROXY_AUTHENTICATION_REQUIRED, HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED}
"""Statuses that only proxies answer. Their messages may repeat the credentials of the proxy."""

_ADVICE: dict[int, str] = {
    HTTPStatus.FORBIDDEN: f"The token is not valid for this lender. Check CLEARGRID_LENDER. {AFTER_EDITING}",
    HTTPStatus.NOT_FOUND: "The lender, section or dataset is unknown or reserved. Check CLEARGRID_BASE_URL, and ask "
    "ClearGrid whether the dataset is enabled for you.",
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: "Check the user and password in HTTPS_PROXY.",
}

_REDIRECTS = {301, 302, 303, 307, 308}


def read_body(raw: urllib3.BaseHTTPResponse, max_bytes: int) -> bytes:
    """The decompressed body. `response.content` reads 10 kB at a time, which is slower, and knows no limit.

    Raises:
        TransientError: The body cannot be decompressed.
        ExportsError: The body has more bytes.
    """
    pieces: list[bytes] = []
    size = 0
    for piece in _pieces(raw):
        size += len(piece)
        if size > max_bytes:
            raise ExportsError(
                f"the response has more than {max_bytes >> 20} MiB",
                advice="Lower CLEARGRID_PAGE_SIZE. If it persists, report it to ClearGrid.",
            )
        pieces.append(piece)
    return b"".join(pieces)


def _pieces(raw: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    encoding = raw.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        return iter(partial(raw.read1, _MAX_PIECE, decode_content=False), b"")
    if encoding in {"gzip", "x-gzip", "deflate"}:
        return _decompressed(iter(partial(raw.read1, _MAX_COMPRESSED_PIECE, decode_content=False), b""))
    raise TransientError(f"the response has the encoding {presentable(encoding)}, which was not requested")


def _decompressed(compressed: Iterator[bytes]) -> Iterator[bytes]:
    """The content of compressed members, in pieces of bounded size.

    urllib3 2.8 has no such bound for several members: it repeats what follows a member whose content ends with a piece.
    """
    decoder, is_first = zlib.decompressobj(_ANY_HEADER), True
    for piece in compressed:
        rest = piece
        while rest:
            if decoder.eof:
                decoder, is_first = zlib.decompressobj(_ANY_HEADER), False
            try:
                yield decoder.decompress(rest, _MAX_PIECE)
            except zlib.error:
                if is_first:
                    raise TransientError("the response is not encoded as its Content-Encoding says") from None
                # What follows the last member is ignored, as gzip does.
                return
            rest = decoder.unconsumed_tail or decoder.unused_data
    if not decoder.eof:
        raise TransientError("the response is truncated")


def failed_answer(response: requests.Response, *, quotes_server: bool) -> ExportsError:
    """The failure that an answer with a status other than success stands for.

    Args:
        response: The answer. Its body is read unless it redirects.
        quotes_server: Whether the error has the server's words.
    """
    status, headers = response.status_code, response.headers
    if status in _REDIRECTS:
        target = _target(headers.get("Location")) if quotes_server else ""
        return ExportsError(
            f"the server redirects{target}",
            status=status,
            advice="Redirects are not followed, because they would send the token elsewhere. Check CLEARGRID_BASE_URL.",
        )
    message, request_id = _message_and_request_id(response.raw)
    if status in _FROM_PROXIES or not quotes_server:
        message = None
    return _failure(status, message, request_id, _seconds(headers.get("Retry-After")))


def is_transient(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in _RETRYABLE or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _failure(status: int, message: str | None, request_id: str | None, retry_after: float | None) -> ExportsError:
    if status in _GATEWAY_TIMEOUTS:
        return QueryTimeoutError("the query timed out", status=status, message=message, request_id=request_id)
    if status < HTTPStatus.MULTIPLE_CHOICES:
        return TransientError("the answer is not whole", status=status, message=message, request_id=request_id)
    if is_transient(status):
        is_down = status in _ACCEPTING_NO_REQUESTS and retry_after is None
        kind = UnavailableError if is_down else TransientError
        error = kind("the server failed", status=status, message=message, request_id=request_id)
        error.retry_after = retry_after
        return error
    return ExportsError(
        "the server refused the request",
        status=status,
        message=message,
        request_id=request_id,
        advice=_ADVICE.get(status, "A retry would be refused again. Send the server's message to ClearGrid."),
    )


def _message_and_request_id(raw: urllib3.BaseHTTPResponse) -> tuple[str | None, str | None]:
    """`message` and `requestId` of an error. The answer of a proxy may not be JSON, and either may break off."""
    try:
        document = json_document(read_body(raw, _MAX_ERROR_BODY))
    except (urllib3.exceptions.HTTPError, ExportsError, BodyError):
        return None, None
    if not isinstance(document, dict):
        return None, None
    message, request_id = document.get("message"), document.get("requestId")
    return (str(message) if message else None, str(request_id) if request_id else None)


def _target(location: str | None) -> str:
    try:
        host = urlsplit(location or "").hostname
    except ValueError:
        host = None
    return f" to {presentable(host)}" if host else ""


def _seconds(retry_after: str | None) -> float | None:
    """The seconds of a Retry-After header, which has seconds or a date; None if it asks for no wait."""
    if retry_after is None:
        return None
    try:
        # Zero and less too: a date may be in the past by our clock.
        return float(urllib3.Retry().parse_retry_after(retry_after)) or None
    except (urllib3.exceptions.InvalidHeader, ValueError, OverflowError):
        return None
