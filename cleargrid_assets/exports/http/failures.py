"""What went wrong with a request that got no whole answer: an `ExportsError` for each error of the HTTP library.

Only texts of this machine are shown, such as those of the operating system. Other texts may quote the response.
"""

import os
import re
import socket
import ssl
from collections.abc import Iterator
from errno import ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH
from urllib.parse import urlsplit

import requests
import urllib3

from cleargrid_assets.exports.errors import ExportsError, TransientError, UnavailableError
from cleargrid_assets.exports.http.answers import is_transient
from cleargrid_assets.exports.open_files import limit_reached

_NOT_THERE = {ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH}
"""Errors of a connection attempt to a server that is being restarted."""

_CERTIFICATE_FAULTS: dict[int, str] = {
    9: "is not valid yet",
    10: "has expired",
    18: "is signed by itself",
    19: "is signed by an authority that this machine does not trust",
    20: "is signed by an authority that this machine does not trust",
    21: "is signed by an authority that this machine does not trust",
    62: "is for another host",
    64: "is for another host",
}
"""What OpenSSL's codes mean."""

_CERTIFICATE_ADVICE = (
    "Check CLEARGRID_BASE_URL and the clock of this machine. If a proxy of your network inspects TLS, set "
    "REQUESTS_CA_BUNDLE to the file with its certificates."
)
_BUNDLE_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: ([1-5]\d\d)\b")


def library_failure(error: Exception, root: str) -> ExportsError:
    """The failure of a request without a whole answer.

    Args:
        error: An error of the HTTP library, other than a timeout of the answer.
        root: Root of the API.
    """
    causes = list(_causes(error))
    place = urlsplit(root).netloc
    if any(isinstance(cause, (requests.exceptions.ProxyError, urllib3.exceptions.ProxyError)) for cause in causes):
        place = _proxy(root)
    is_connected = not any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in causes)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            fault = _CERTIFICATE_FAULTS.get(cause.verify_code, f"was refused ({cause.verify_message})")
            return ExportsError(f"the certificate of {place} {fault}", advice=_CERTIFICATE_ADVICE)
        if is_connected and _is_about_the_bundle(cause):
            return _bundle_failure()
        if isinstance(cause, OSError) and (limited := limit_reached(f"no connection to {place} was opened", cause)):
            return limited
        if refused := _TUNNEL_REFUSED.search(str(cause)):
            return _refused_by_proxy(_proxy(root), int(refused[1]))
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return ExportsError(
            f"no request can be sent to {place} ({type(error).__name__})",
            advice="Check CLEARGRID_BASE_URL, and HTTPS_PROXY if it is set.",
        )
    kind: type[TransientError] = UnavailableError if any(map(_is_passing, causes)) else TransientError
    return kind(f"the connection to {place} failed ({_root_cause(causes)})")


def mention_retries(error: ExportsError, attempts: int) -> None:
    """Adds to an error that retries did not help, and what to do then."""
    error.what += f"; gave up after {attempts} attempts"
    if error.status is None and error.request_id is None:
        error.advice = "Try again later. If it persists, check CLEARGRID_BASE_URL and the network."
        return
    what = "send the requestId to ClearGrid" if error.request_id else "report it to ClearGrid"
    error.advice = f"Try again later. If it persists, {what}."


def _causes(error: BaseException | None, seen: set[int] | None = None) -> Iterator[BaseException]:
    """The error and all errors that it comes from. The library keeps some of them in attributes only."""
    seen = set() if seen is None else seen
    # An earlier failure of ours, which was being handled, is not a cause.
    if error is None or id(error) in seen or isinstance(error, ExportsError):
        return
    seen.add(id(error))
    yield error
    for cause in (error.__cause__, *error.args, getattr(error, "reason", None), error.__context__):
        if isinstance(cause, BaseException):
            yield from _causes(cause, seen)


def _root_cause(causes: list[BaseException]) -> str:
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        if isinstance(cause, requests.ConnectTimeout):
            return "the connection attempt timed out"
        if isinstance(cause, TimeoutError):
            return "the handshake timed out"
    return type(causes[-1]).__name__


def _is_passing(cause: BaseException) -> bool:
    """Whether no connection could be made, as happens while a server is restarted or a network comes up."""
    if isinstance(cause, urllib3.exceptions.NewConnectionError):
        inner = cause.__cause__
        if isinstance(inner, socket.gaierror):
            return inner.errno == socket.EAI_AGAIN
        return isinstance(inner, OSError) and inner.errno in _NOT_THERE
    return False


def _is_about_the_bundle(cause: BaseException) -> bool:
    """Whether the file of trusted certificates is missing or unreadable."""
    if isinstance(cause, ssl.SSLError):
        return cause.library in {"PEM", "X509", "ASN1"}
    return isinstance(cause, (FileNotFoundError, PermissionError)) or (
        type(cause) is OSError and "TLS CA certificate bundle" in str(cause)
    )


def _bundle_failure() -> ExportsError:
    for variable in _BUNDLE_VARIABLES:
        if path := os.environ.get(variable):
            return ExportsError(
                f"{variable} names {path}, which is not there or has no certificates",
                advice=f"Correct {variable}, or remove it to trust the usual authorities.",
            )
    return ExportsError(
        "the trusted certificates of this installation are not there",
        advice="Set REQUESTS_CA_BUNDLE to a file of them.",
    )


def _refused_by_proxy(proxy: str, status: int) -> ExportsError:
    """The failure to get through a proxy. Its status is no status of the API, so the error has none."""
    what = f"{proxy} refused the connection (HTTP {status})"
    if is_transient(status):
        return TransientError(what)
    return ExportsError(what, advice="Check HTTPS_PROXY and its user and password, and what the proxy allows.")


def _proxy(root: str) -> str:
    """The proxy that requests go through, without its credentials."""
    proxy = requests.utils.select_proxy(root, requests.utils.get_environ_proxies(root)) or ""
    # Without a scheme too, as libraries accept it.
    host = proxy.rpartition("//")[2].rpartition("@")[2].split("/")[0]
    return f"the proxy {host}"
