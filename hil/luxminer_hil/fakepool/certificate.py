"""Certificates of a pool with TLS, made when it starts by the program ``openssl``.

An authority of its own signs each; who trusts it trusts the pool and nothing else. The kinds are
in `CERTIFICATES` of the settings: all but "good" must be refused by a client that looks.
"""

import hashlib
import ipaddress
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Certificate", "CertificateError", "make_certificate", "server_context"]

DAYS = 30
TIMEOUT_S = 30.0
LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
WRONG_NAME = "another-pool.invalid"
ISSUER = "luxminer-hil pool authority"
SUBJECT = "luxminer-hil pool"
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

CONFIG = """
[req]
distinguished_name = subject
prompt = no
[subject]
CN = {subject}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = {names}
"""


class CertificateError(Exception):
    """The program is missing or failed; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the server shows, and what a client may trust."""

    kind: str
    pem: str = field(repr=False)
    key_pem: str = field(repr=False)
    authority_pem: str = field(repr=False)
    """Of the authority; of the certificate itself where it is self-signed."""

    @property
    def sha256(self) -> str:
        """Fingerprint: SHA-256 over the DER form, in hex without colons."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.pem)).hexdigest()


def make_certificate(kind: str, names: Iterable[str] = ()) -> Certificate:
    """Make one for loopback and ``names``. Blocks for some 30 ms. Raises CertificateError."""
    wanted = [WRONG_NAME] if kind == "wrong-name" else [*LOCAL_NAMES, *names]
    config = CONFIG.format(subject=SUBJECT, names=alternative_names(wanted))
    with tempfile.TemporaryDirectory(prefix="luxminer-hil-tls-") as folder:
        place = Path(folder)
        (place / "openssl.cnf").write_text(config)
        settings = ("-config", "openssl.cnf")
        lasting = ("-days", str(DAYS))
        if kind == "self-signed":
            openssl(place, "req", "-x509", *settings, "-extensions", "server", *KEY, *lasting,
                    "-keyout", "key.pem", "-out", "cert.pem")  # fmt: skip
            (place / "ca.pem").write_text((place / "cert.pem").read_text())
        else:
            openssl(place, "req", "-x509", *settings, "-extensions", "authority", *KEY, *lasting,
                    "-subj", f"/CN={ISSUER}", "-keyout", "ca.key", "-out", "ca.pem")  # fmt: skip
            openssl(place, "req", "-new", *settings, *KEY,
                    "-keyout", "key.pem", "-out", "request.pem")  # fmt: skip
            if kind == "expired":
                lasting = ("-days", "-1")
            openssl(place, "x509", "-req", "-in", "request.pem", "-CA", "ca.pem",
                    "-CAkey", "ca.key", "-set_serial", "2", *lasting, "-extfile", "openssl.cnf",
                    "-extensions", "server", "-out", "cert.pem")  # fmt: skip
        return Certificate(
            kind=kind,
            pem=(place / "cert.pem").read_text(),
            key_pem=(place / "key.pem").read_text(),
            authority_pem=(place / "ca.pem").read_text(),
        )


def server_context(certificate: Certificate) -> ssl.SSLContext:
    """Return a context that shows it; the library reads keys from files only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="luxminer-hil-tls-") as folder:
        cert, key = Path(folder, "cert.pem"), Path(folder, "key.pem")
        cert.write_text(certificate.pem)
        key.write_text(certificate.key_pem)
        context.load_cert_chain(cert, key)
    return context


def alternative_names(names: Iterable[str]) -> str:
    found = []
    for name in dict.fromkeys(names):
        try:
            found.append(f"IP:{ipaddress.ip_address(name)}")
        except ValueError:
            found.append(f"DNS:{name}")
    return ",".join(found)


def openssl(folder: Path, *words: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        raise CertificateError(
            "TLS needs the program openssl; type: sudo apt-get install -y openssl"
        )
    try:
        subprocess.run(
            (program, *words),
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as exc:
        said = (exc.stderr or b"").decode(errors="replace").strip()
        raise CertificateError(f"openssl made no certificate: {said or exc}") from exc
