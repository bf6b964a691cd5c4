"""The HTTP answers: statuses, envelopes, tokens and parameters."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from cleargrid_assets.contracts import COMMUNICATION_LOG_FIELDS
from cleargrid_assets_tests.sandbox.conftest import MIDNIGHT, NEXT_MIDNIGHT, Clock, Visitor

DAY_QUERY = {"since": MIDNIGHT.isoformat(), "until": NEXT_MIDNIGHT.isoformat()}
Visit = Callable[..., Visitor]


def assert_refused(answer: requests.Response, status: int) -> None:
    assert answer.status_code == status
    envelope = answer.json()
    assert set(envelope) == {"success", "message", "requestId"}
    assert envelope["success"] is False
    assert envelope["message"]
    assert envelope["requestId"].startswith("req_")


def test_login_answers_without_envelope(settled: Visitor) -> None:
    answer = settled.login()
    assert answer.status_code == 200
    assert set(answer.json()) == {"lenderPublicId", "token", "refreshToken"}


def test_unknown_lender_is_refused_with_401(settled: Visitor) -> None:
    assert_refused(settled.login(lender="nobody"), 401)


@pytest.mark.parametrize("wrong", [{"password": "guess"}, {"email": "other@acme.example"}])
def test_wrong_credentials_answer_500_as_documented(settled: Visitor, wrong: dict[str, str]) -> None:
    assert_refused(settled.login(**wrong), 500)


def test_refresh_answers_only_a_new_token(settled: Visitor) -> None:
    answer = settled.refresh({"refreshToken": settled.refresh_token})
    assert answer.status_code == 200
    assert set(answer.json()) == {"token"}
    assert f"Bearer {answer.json()['token']}" != settled.session.headers["Authorization"]


@pytest.mark.parametrize("body", [{}, {"refreshToken": ""}, {"refreshToken": 1}, []])
def test_refresh_without_a_token_answers_400(settled: Visitor, body: Any) -> None:
    assert_refused(settled.refresh(body), 400)


def test_refresh_accepts_refresh_tokens_only(settled: Visitor) -> None:
    access_token = str(settled.session.headers["Authorization"]).removeprefix("Bearer ")
    assert_refused(settled.refresh({"refreshToken": "unknown"}), 401)
    assert_refused(settled.refresh({"refreshToken": access_token}), 401)


@pytest.mark.parametrize("header", [None, "Basic abc", "Bearer", "Bearer ", "Bearer a.b.c", "Bearer nonsense"])
def test_request_without_a_valid_bearer_token_answers_401(settled: Visitor, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    url = f"{settled.url}/admin/v3/lenders/{settled.lender_id}/exports/S4/D21"
    assert_refused(requests.get(url, headers=headers, timeout=60), 401)


def test_refresh_token_gives_no_access_to_a_dataset(settled: Visitor) -> None:
    url = f"{settled.url}/admin/v3/lenders/{settled.lender_id}/exports/S4/D21"
    headers = {"Authorization": f"Bearer {settled.refresh_token}"}
    assert_refused(requests.get(url, headers=headers, timeout=60), 401)


def test_access_token_expires_and_refresh_token_does_not(visit: Visit, clock: Clock) -> None:
    visitor = visit(token_lifetime_s=60).enter()
    clock.now += timedelta(seconds=59.9)
    assert visitor.get(**DAY_QUERY).status_code == 200
    clock.now += timedelta(seconds=0.1)
    assert_refused(visitor.get(**DAY_QUERY), 401)
    token = visitor.refresh({"refreshToken": visitor.refresh_token}).json()["token"]
    visitor.session.headers["Authorization"] = f"Bearer {token}"
    assert visitor.get(**DAY_QUERY).status_code == 200


def test_tokens_of_another_sandbox_are_refused(visit: Visit) -> None:
    first, second = visit().enter(), visit().enter()
    second.session.headers["Authorization"] = first.session.headers["Authorization"]
    assert_refused(second.get(**DAY_QUERY), 401)
    assert_refused(second.refresh({"refreshToken": first.refresh_token}), 401)


def test_lender_id_other_than_the_tokens_answers_403(settled: Visitor) -> None:
    assert_refused(settled.get(lender_id="00000000-0000-0000-0000-000000000000"), 403)


@pytest.mark.parametrize("dataset", ["S4/D99", "S9/D21", "S1/D01", "S1/D04", "S4/d21", "S4/D21/more"])
def test_unknown_or_reserved_dataset_answers_404(settled: Visitor, dataset: str) -> None:
    assert_refused(settled.get(dataset), 404)


def test_page_has_rows_pagination_and_meta_in_an_envelope(settled: Visitor) -> None:
    answer = settled.get(**DAY_QUERY, limit=5).json()
    assert set(answer) == {"code", "message", "errors", "body"}
    assert (answer["code"], answer["errors"]) == (200, [])
    assert set(answer["body"]) == {"rows", "pagination", "meta"}
    meta = answer["body"]["meta"]
    assert meta["since"] == "2026-05-19T00:00:00.000Z"
    assert meta["until"] == "2026-05-20T00:00:00.000Z"
    assert meta["tenantPathKind"] == "via"
    assert isinstance(answer["body"]["pagination"]["nextCursor"], str)
    assert "total" not in answer["body"]["pagination"]


def test_rows_have_the_documented_fields_in_their_order(settled: Visitor) -> None:
    names = [field.name for field in COMMUNICATION_LOG_FIELDS]
    assert all(list(row) == names for row in settled.walk(MIDNIGHT, NEXT_MIDNIGHT))


def test_bounds_are_read_with_any_offset_to_the_millisecond(settled: Visitor) -> None:
    meta = settled.body(since="2026-05-19T04:00:00.123987+04:00", until="2026-05-19")["meta"]
    assert meta["since"] == "2026-05-19T00:00:00.123Z"
    assert meta["until"] == "2026-05-19T00:00:00.000Z"


def test_window_without_an_end_ends_now(settled: Visitor) -> None:
    clock = settled.settings.clock
    meta = settled.body(since=MIDNIGHT.isoformat())["meta"]
    assert meta["until"] == clock().strftime("%Y-%m-%dT%H:%M:%S.000Z")


@pytest.mark.parametrize(("asked", "given"), [(0, 1), (-5, 1), (1001, 1000), ("", 500), ("many", 500), (7, 7)])
def test_limit_out_of_range_is_clamped(settled: Visitor, asked: int | str, given: int) -> None:
    page = settled.body(**DAY_QUERY, limit=asked)
    assert page["pagination"]["limit"] == given
    assert len(page["rows"]) <= given


def test_empty_cursor_counts_as_absent(settled: Visitor) -> None:
    assert settled.body(**DAY_QUERY, cursor="") == settled.body(**DAY_QUERY)


def test_corrupt_cursor_answers_500(settled: Visitor) -> None:
    cursor = settled.body(**DAY_QUERY, limit=10)["pagination"]["nextCursor"]
    flipped = cursor[:9] + ("A" if cursor[9] != "A" else "B") + cursor[10:]
    for corrupt in ("nonsense", "é", cursor[:-1], cursor + "=", cursor + "A", flipped):
        assert_refused(settled.get(**DAY_QUERY, cursor=corrupt), 500)


def test_internal_error_answers_500_in_the_error_envelope(visit: Visit) -> None:
    def broken() -> datetime:
        raise RuntimeError

    assert_refused(visit(clock=broken).login(), 500)


@pytest.mark.parametrize("since", ["yesterday", "2026-05-19T00:00:00 04:00", "0001-01-01T00:00:00+14:00"])
def test_malformed_bound_counts_as_absent(settled: Visitor, since: str) -> None:
    assert settled.body(since=since, until=NEXT_MIDNIGHT.isoformat(), limit=1)["meta"]["since"] is None


def test_total_counts_the_whole_window_on_every_page(settled: Visitor) -> None:
    pages = list(settled.pages(MIDNIGHT, NEXT_MIDNIGHT, includeTotal="true", limit=100))
    rows = sum(len(page["rows"]) for page in pages)
    assert {(page["pagination"]["total"], page["pagination"]["totalExact"]) for page in pages} == {(rows, True)}


def test_total_without_a_window_is_null(settled: Visitor) -> None:
    pagination = settled.body(includeTotal="true")["pagination"]
    assert (pagination["total"], pagination["totalNote"]) == (None, "window_required")


def test_total_over_part_of_a_day_counts_that_part(settled: Visitor) -> None:
    since, until = MIDNIGHT + timedelta(hours=9), MIDNIGHT + timedelta(hours=11)
    page = settled.body(since=since.isoformat(), until=until.isoformat(), includeTotal="true")
    assert page["pagination"]["total"] == len(settled.walk(since, until)) > 0


def test_total_above_the_cap_is_capped(visit: Visit) -> None:
    visitor = visit(total_cap=100).enter()
    pagination = visitor.body(**DAY_QUERY, includeTotal="true")["pagination"]
    assert (pagination["total"], pagination["totalExact"], pagination["totalNote"]) == (100, False, "capped")


def test_window_with_too_many_rows_answers_504_until_narrowed(visit: Visit) -> None:
    visitor = visit(max_window_rows=300).enter()
    noon = MIDNIGHT + timedelta(hours=12)
    assert_refused(visitor.get(**DAY_QUERY), 504)
    halves = visitor.walk(MIDNIGHT, noon) + visitor.walk(noon, NEXT_MIDNIGHT)
    assert len(halves) > 300


def test_large_page_is_compressed_if_the_client_accepts_gzip(settled: Visitor) -> None:
    asked: dict[str, Any] = {**DAY_QUERY, "limit": 1000}
    assert settled.get(**asked).headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in settled.get(**{**asked, "limit": 1}).headers
    settled.session.headers["Accept-Encoding"] = "identity"
    plain = settled.get(**asked)
    settled.session.headers["Accept-Encoding"] = "gzip"
    assert "Content-Encoding" not in plain.headers
    assert settled.get(**asked).json() == plain.json()
