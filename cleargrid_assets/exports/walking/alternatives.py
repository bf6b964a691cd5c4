"""What is requested instead of a page that the server keeps failing to send, or whose cursor it refuses."""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

from cleargrid_assets.exports.errors import AuthenticationError, ContractError, ExportsError, TransientError
from cleargrid_assets.exports.walking.part import Part

MAX_ALTERNATIVES = 20
"""For each day. Each costs the retries of a failed page, and the fetch of a day must end."""

_NOT_ABOUT_THE_CURSOR = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND}


def alternative(part: Part, error: ExportsError, requested_before: int) -> Sequence[Part]:
    """What to request after the retries of a page are used up.

    With a cursor, it is the same position without the cursor: sessions end, and cursors expire. Without one, it is the
    window in halves. If the first request of an alternative fails, too, there is no other one: a server that fails
    every request must not cost many times the retries.

    Args:
        part: The part whose page failed.
        error: Why. Its day and window are set.
        requested_before: How many alternatives of the day were requested before.

    Raises:
        ExportsError: There is no alternative, or it has failed, too. This is the error of the first failure.
    """
    if part.alternative_to is not None and not isinstance(error, AuthenticationError | ContractError):
        raise _both_failed(part.alternative_to, error)
    if not _is_worth_it(part, error):
        raise error
    parts = [part.restarted(part.remaining)] if part.cursor is not None else part.halved()
    if not parts:
        raise error
    if requested_before >= MAX_ALTERNATIVES:
        error.advice = _joined(f"This day has used up its {MAX_ALTERNATIVES} different requests.", error.advice)
        raise error
    return [replace(parts[0], alternative_to=error), *parts[1:]]


def _is_worth_it(part: Part, error: ExportsError) -> bool:
    # Without a status, the connection failed, or a row breaks the contract.
    if isinstance(error, AuthenticationError) or error.status is None:
        return False
    if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status == HTTPStatus.REQUEST_TIMEOUT:
        return True
    if part.cursor is None:
        return False
    if isinstance(error, TransientError):
        # An HTTP 200 that reports an error. HTTP 429 is about the number of requests.
        return error.status == HTTPStatus.OK
    return error.status >= HTTPStatus.BAD_REQUEST and error.status not in _NOT_ABOUT_THE_CURSOR


def _both_failed(first: ExportsError, second: ExportsError) -> ExportsError:
    """The first error, with what else was requested."""
    how = f"HTTP {second.status}" if second.status else second.what
    first.advice = _joined(
        f"A different request, for {second.window} without a cursor, failed too ({how}).", first.advice
    )
    return first


def _joined(sentence: str, advice: str | None) -> str:
    return f"{sentence} {advice}" if advice else sentence
