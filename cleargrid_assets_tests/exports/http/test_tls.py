"""Certificates, bundles of them, and proxies: what is told when the connection to the API is not secure."""

import base64
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cleargrid_assets.exports.errors import ExportsError, QueryTimeoutError, TransientError
from cleargrid_assets.exports.http.retry import MAX_ATTEMPTS
from cleargrid_assets.exports.http.transport import Timeouts, Transport
from cleargrid_assets_tests.exports.certificates import Certificate, authority, self_signed, signed_by
from cleargrid_assets_tests.exports.raw_server import Dripping, Speech, saying, speaking
from cleargrid_assets_tests.machine import free_port

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made with openssl")

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"
ANSWERING = saying(ANSWER)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return authority(tmp_path_factory.mktemp("certificates"))


@contextmanager
def asked(place: str, waits: list[float]) -> Iterator[bytes]:
    transport = Transport(f"https://{place}", connections=1, wait=waits.append)
    try:
        yield transport.send("GET", "/path", params={"since": "then"}, token="the-token")
    finally:
        transport.close()


def refusal(place: str, waits: list[float]) -> ExportsError:
    with pytest.raises(ExportsError) as caught, asked(place, waits):
        pass
    assert not any(text in str(caught.value) for text in ("/path", "since", "the-token"))
    return caught.value


@contextmanager
def secure(certificate: Certificate, speech: Speech = ANSWERING) -> Iterator[str]:
    with speaking(speech, certificate.context()) as place:
        yield place


def test_certificate_of_an_authority_in_the_bundle_is_trusted(
    issuer: Certificate, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(issuer.file))
    with secure(signed_by(issuer)) as place, asked(place, waits) as body:
        assert body == b"whole"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"last_year": 2021}, "has expired"),
        ({"first_year": 2039}, "is not valid yet"),
        ({"name": "DNS:other.example"}, "is for another host"),
        ({"name": "IP:127.0.0.2"}, "is for another host"),
    ],
)
def test_wrong_certificate_of_a_trusted_authority_is_not_retried_and_told(
    issuer: Certificate,
    options: dict[str, Any],
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    waits: list[float],
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(issuer.file))
    with secure(signed_by(issuer, **options)) as place:
        error = refusal(place, waits)
    assert f"the certificate of {place} {fault}." in str(error)
    assert "REQUESTS_CA_BUNDLE" in str(error)
    assert waits == []


def test_certificate_of_an_unknown_authority_is_not_retried_and_told(issuer: Certificate, waits: list[float]) -> None:
    with secure(signed_by(issuer)) as place:
        error = refusal(place, waits)
    assert f"the certificate of {place} is signed by an authority that this machine does not trust." in str(error)
    assert "REQUESTS_CA_BUNDLE" in str(error)
    assert waits == []


def test_certificate_signed_by_itself_is_not_retried_and_told(tmp_path: Path, waits: list[float]) -> None:
    with secure(self_signed(tmp_path)) as place:
        error = refusal(place, waits)
    assert f"the certificate of {place} is signed by itself. Check" in str(error)
    assert "REQUESTS_CA_BUNDLE" in str(error)
    assert waits == []


def test_answer_that_trickles_within_tls_is_cut_off(issuer: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(issuer.file))
    trickle = saying(b"HTTP/1.1 200 OK\r\n\r\n{}", then=Dripping(b" "))
    with secure(signed_by(issuer), trickle) as place:
        transport = Transport(f"https://{place}", connections=1, timeouts=Timeouts(answer_s=0.2))
        with pytest.raises(QueryTimeoutError, match="not complete"):
            transport.send("GET", "/x")
        transport.close()


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, b"", b"\xff no certificates"])
def test_bundle_that_cannot_be_used_is_not_retried_and_named(
    variable: str, content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_bytes(content)
    monkeypatch.setenv(variable, str(bundle))
    with speaking(saying()) as place:
        error = refusal(place, waits)
    assert str(error).startswith(f"{variable} names {bundle}, which is not there or has no certificates.")
    assert waits == []


def test_plain_http_where_tls_is_expected_is_retried_a_few_times(waits: list[float]) -> None:
    with speaking(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as place:
        error = refusal(place, waits)
    assert f"the connection to {place} failed" in str(error)
    assert len(waits) == MAX_ATTEMPTS - 1


USER, PASSWORD = "proxy-user", "proxy-p%40ssword"


@pytest.mark.parametrize(("status", "attempts"), [(407, 1), (403, 1), (502, MAX_ATTEMPTS), (503, MAX_ATTEMPTS)])
def test_refusal_of_a_proxy_shows_its_status_and_place_alone(
    status: int, attempts: int, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    heads: list[bytes] = []

    def speech(connection: socket.socket) -> Iterator[bytes]:
        heads.append(connection.recv(65536))
        credentials = base64.b64encode(b"proxy-user:proxy-p@ssword").decode()
        yield f"HTTP/1.1 {status} Not {credentials} of proxy-p@ssword\r\nX: {credentials}\r\n\r\n".encode()

    with speaking(speech) as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{USER}:{PASSWORD}@{place}/")
        error = refusal("api.example", waits)
    assert f"the proxy {place} refused the connection (HTTP {status})" in str(error)
    assert error.status is None
    assert not any(text in str(error) for text in ("p@ss", "p%40ss", "proxy-user", "cHJveH"))
    assert heads[0].startswith(b"CONNECT api.example:443 ")
    assert len(heads) == attempts == len(waits) + 1


def test_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    place = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("HTTPS_PROXY", f"http://{USER}:{PASSWORD}@{place}")
    error = refusal("api.example", waits)
    assert f"the connection to the proxy {place} failed (Connection refused)" in str(error)


def test_proxy_of_an_unknown_kind_is_not_retried(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://127.0.0.1:1")
    error = refusal("api.example", waits)
    assert "HTTPS_PROXY" in str(error)
    assert not isinstance(error, TransientError)
    assert waits == []


def test_requests_through_a_proxy_and_tls_arrive(
    issuer: Certificate, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    context = signed_by(issuer, "DNS:api.example").context()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(issuer.file))

    def speech(connection: socket.socket) -> Iterator[bytes]:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with context.wrap_socket(connection, server_side=True) as inner:
            inner.recv(65536)
            inner.sendall(ANSWER)
        yield b""

    with speaking(speech) as place:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{place}")
        with asked("api.example", waits) as body:
            assert body == b"whole"
