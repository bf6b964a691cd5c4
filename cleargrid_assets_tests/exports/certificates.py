"""Certificates for servers on loopback, made with the command `openssl`."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, in files."""

    file: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """What a server that has the certificate needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


def authority(folder: Path) -> Certificate:
    """A new authority, which no machine trusts yet."""
    return _made(folder, "authority", "/CN=authority", "-addext", "keyUsage=critical,keyCertSign")


def self_signed(folder: Path) -> Certificate:
    """A certificate that a server gave itself."""
    return _made(folder, "self-signed", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1")


def signed_by(
    issuer: Certificate, name: str = "IP:127.0.0.1", *, first_year: int = 2020, last_year: int = 2040
) -> Certificate:
    """A certificate for a server.

    Args:
        issuer: The authority that signs it.
        name: The server's name, such as `DNS:example.org`.
        first_year: From the beginning of which it is valid.
        last_year: Until the beginning of which it is valid.
    """
    folder = issuer.file.parent
    made = Certificate(folder / "signed.pem", folder / "signed.key")
    request = folder / "signed.csr"
    _run("req", *_new_key(made), "-out", request, "-subj", "/CN=server", "-addext", f"subjectAltName={name}")
    (folder / "ca.cnf").write_text(_CONFIG.format(folder=folder))
    (folder / "index.txt").touch()
    signing = ("-batch", "-notext", "-config", folder / "ca.cnf", "-cert", issuer.file, "-keyfile", issuer.key)
    validity = ("-startdate", f"{first_year}0101000000Z", "-enddate", f"{last_year}0101000000Z")
    _run("ca", *signing, "-in", request, "-out", made.file, *validity)
    return made


_CONFIG = """
[ca]
default_ca = authority
[authority]
database = {folder}/index.txt
new_certs_dir = {folder}
default_md = sha256
rand_serial = yes
unique_subject = no
copy_extensions = copy
policy = any
[any]
commonName = supplied
"""


def _made(folder: Path, name: str, subject: str, *options: str) -> Certificate:
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    _run("req", "-x509", *_new_key(made), "-out", made.file, "-subj", subject, *options)
    return made


def _new_key(made: Certificate) -> tuple[object, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", made.key)


def _run(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)  # noqa: S607
