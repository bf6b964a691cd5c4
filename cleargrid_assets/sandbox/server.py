"""The Exports API over HTTP: routes, authentication, parameters and envelopes, as documented.

Where the documentation is silent, this server does something plausible: a malformed `since` or `until` counts as
absent, bounds are cut to milliseconds (`meta` has them), and responses have keys that are not documented.
"""

import gzip
import json
import secrets
import uuid
from typing import Any
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cleargrid_assets.sandbox.communications import Communications
from cleargrid_assets.sandbox.datasets import GivenRows
from cleargrid_assets.sandbox.days import Rows
from cleargrid_assets.sandbox.instants import from_ms, parse_ms, to_ms
from cleargrid_assets.sandbox.paging import (
    CorruptCursor,
    Query,
    Window,
    count_rows,
    decode_cursor,
    encode_cursor,
    read_page,
)
from cleargrid_assets.sandbox.settings import SandboxSettings
from cleargrid_assets.sandbox.tokens import Tokens

COMMUNICATION_LOGS = ("S4", "D21")
RESERVED_DATASETS = frozenset({"D04", "D06", "D10", "D11", "D13", "D24"})
DEFAULT_LIMIT, MAX_LIMIT = 500, 1000
COMPRESSED_FROM_BYTES = 4_096


def create_app(settings: SandboxSettings) -> Starlette:
    """The sandbox as an ASGI application."""
    api = _Api(settings)
    return Starlette(
        routes=[
            Route("/admin/auth/{lender}/login", api.login, methods=["POST"]),
            Route("/admin/auth/{lender}/refresh-token", api.refresh, methods=["POST"]),
            Route("/admin/v3/lenders/{lender_id}/exports/{section}/{dataset}", api.export),
        ],
        exception_handlers={HTTPException: _refusal, Exception: _internal_error},
    )


class _Api:
    def __init__(self, settings: SandboxSettings) -> None:
        self._settings = settings
        self._lender_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{settings.lender}.example"))
        self._tokens = Tokens(settings.token_lifetime_s, settings.clock)
        self._datasets: dict[tuple[str, str], Rows] = {COMMUNICATION_LOGS: Communications(settings)}
        for dataset in settings.datasets:
            self._datasets[dataset.section, dataset.code] = GivenRows(dataset, ZoneInfo(settings.timezone))

    async def login(self, request: Request) -> Response:
        self._require_lender(request)
        given = await _json_object(request)
        if (given.get("email"), given.get("password")) != (self._settings.email, self._settings.password):
            raise HTTPException(500, "Internal server error")
        return JSONResponse(
            {
                "lenderPublicId": self._lender_id,
                "token": self._tokens.new_access_token(),
                "refreshToken": self._tokens.new_refresh_token(),
            }
        )

    async def refresh(self, request: Request) -> Response:
        self._require_lender(request)
        token = (await _json_object(request)).get("refreshToken")
        if not isinstance(token, str) or not token:
            raise HTTPException(400, "refreshToken is required")
        if not self._tokens.is_refresh_token(token):
            raise HTTPException(401, "Invalid refresh token")
        return JSONResponse({"token": self._tokens.new_access_token()})

    async def export(self, request: Request) -> Response:
        self._authorize(request)
        rows = self._requested_dataset(request)
        asked = request.query_params
        now = to_ms(self._settings.clock())
        since, until = _instant(asked.get("since")), _instant(asked.get("until"))
        window = Window(since, now if until is None else until)
        cursor = asked.get("cursor")
        if not cursor:
            self._require_answerable(rows, window, now)
        limit = _limit(asked.get("limit"))
        try:
            start = decode_cursor(cursor) if cursor else None
        except CorruptCursor as error:
            raise HTTPException(500, "Internal server error") from error
        page = read_page(rows, self._settings, Query(window, start, limit, asked.get("sort") == "desc"), now)

        pagination: dict[str, Any] = {
            "nextCursor": None if page.end is None else encode_cursor(page.end),
            "hasMore": page.end is not None,
            "limit": limit,
            "count": len(page.rows),
        }
        if asked.get("includeTotal") == "true":
            bounded = since is not None or until is not None
            pagination |= self._total(rows, window, now) if bounded else {"total": None, "totalNote": "window_required"}
        meta = {
            "section": request.path_params["section"],
            "dataset": request.path_params["dataset"],
            "cursorField": rows.cursor_field,
            "since": None if since is None else _iso(since),
            "until": _iso(window.until),
            "tenantPathKind": "via",
        }
        return _compressed(request, _success(page.rows, pagination, meta))

    def _require_lender(self, request: Request) -> None:
        if request.path_params["lender"] != self._settings.lender:
            raise HTTPException(401, "Lender not found or inactive")

    def _authorize(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise HTTPException(401, "Missing or malformed Authorization header")
        if not self._tokens.is_valid(token):
            raise HTTPException(401, "Invalid or expired token")
        if request.path_params["lender_id"] != self._lender_id:
            raise HTTPException(403, "Lender does not match the token")

    def _requested_dataset(self, request: Request) -> Rows:
        section, dataset = request.path_params["section"], request.path_params["dataset"]
        rows = self._datasets.get((section, dataset))
        if rows is not None:
            return rows
        if dataset in RESERVED_DATASETS:
            raise HTTPException(404, f"Dataset {dataset} is reserved (available: false)")
        raise HTTPException(404, "Unknown section or dataset")

    def _require_answerable(self, rows: Rows, window: Window, now: int) -> None:
        max_rows = self._settings.max_window_rows
        if max_rows is not None and count_rows(rows, window, now) > max_rows:
            raise HTTPException(504, "Gateway timeout")

    def _total(self, rows: Rows, window: Window, now: int) -> dict[str, Any]:
        total, cap = count_rows(rows, window, now), self._settings.total_cap
        if cap is not None and total > cap:
            return {"total": cap, "totalExact": False, "totalNote": "capped"}
        return {"total": total, "totalExact": True}


def _success(rows: list[bytes], pagination: dict[str, Any], meta: dict[str, Any]) -> bytes:
    """The success envelope around encoded rows."""
    return b'{"code":200,"message":"Success","errors":[],"body":{"rows":[%s],"pagination":%s,"meta":%s}}' % (
        b",".join(rows),
        json.dumps(pagination).encode(),
        json.dumps(meta).encode(),
    )


def _compressed(request: Request, body: bytes) -> Response:
    """Compresses a large body if the client accepts that. Starlette's middleware takes a third longer."""
    headers = {"Vary": "Accept-Encoding"}
    if len(body) >= COMPRESSED_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        body = gzip.compress(body, compresslevel=1, mtime=0)
    return Response(body, media_type="application/json", headers=headers)


def _refused(status: int, message: str) -> Response:
    envelope = {"success": False, "message": message, "requestId": f"req_{secrets.token_hex(8)}"}
    return JSONResponse(envelope, status_code=status)


def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    return _refused(error.status_code, error.detail)


def _internal_error(_: Request, __: Exception) -> Response:
    return _refused(500, "Internal server error")


async def _json_object(request: Request) -> dict[str, Any]:
    """The request's JSON object; an empty one if there is none."""
    try:
        given = await request.json()
    except ValueError:
        return {}
    return given if isinstance(given, dict) else {}


def _limit(text: str | None) -> int:
    try:
        return min(max(int(text or DEFAULT_LIMIT), 1), MAX_LIMIT)
    except ValueError:
        return DEFAULT_LIMIT


def _instant(text: str | None) -> int | None:
    """An ISO-8601 instant in milliseconds since 1970; None if absent or malformed."""
    try:
        return parse_ms(text or "")
    except (ValueError, OverflowError):
        return None


def _iso(instant: int) -> str:
    return from_ms(instant).isoformat(timespec="milliseconds").replace("+00:00", "Z")
