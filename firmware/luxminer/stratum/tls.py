"""TLS on one connection without a socket: bytes of the wire in, bytes of the pool out.

Imported when a pool asks for TLS, never before: OpenSSL costs memory and time at the start. That is
also why the event loop's own TLS, which needs it from its first moment, is not used.
"""

import hashlib
import ssl
from pathlib import Path

from luxminer.errors import TransportError
from luxminer.stratum.route import TlsPolicy

__all__ = ["MAX_RECORD_BYTES", "TlsLayer", "open_tls"]

MAX_RECORD_BYTES = 16384
"""Plain bytes in one record; read at a time."""


class TlsLayer:
    """The client's end. Bytes for the wire gather until `data_to_send` takes them."""

    def __init__(self, context: ssl.SSLContext, host: str, policy: TlsPolicy) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._policy = policy
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=host.rstrip(".")
        )
        self.ready = False
        """The handshake is done and the certificate accepted; only then anything may be sent."""
        self.version = ""
        """As ``TLSv1.3``, once it is ready."""

    def start(self) -> None:
        """Begin the handshake."""
        self._shake_hands()

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the wire; returns what they mean. Raises TransportError with the reason.

        What is to be sent after an error is the alert that tells the pool.
        """
        self._incoming.write(data)
        if not self.ready and not self._shake_hands():
            return b""
        plain = bytearray()
        try:
            while piece := self._tls.read(MAX_RECORD_BYTES):
                plain += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as exc:
            if not isinstance(exc, ssl.SSLZeroReturnError):  # the pool's orderly farewell
                raise TransportError(f"TLS failed: {_words(exc)}") from exc
        return bytes(plain)

    def send(self, data: bytes) -> None:
        """Encrypt ``data``. Asserts that the handshake is done."""
        assert self.ready, "nothing may be said before the certificate is accepted"
        self._tls.write(data)

    def data_to_send(self) -> bytes:
        return self._outgoing.read()

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as exc:
            cure = "correct the host, or set tls_ca_file or tls_fingerprint"
            words = exc.verify_message.rstrip(".")
            raise TransportError(f"certificate is not accepted: {words}; {cure}") from exc
        except ssl.SSLError as exc:
            cure = "is this the pool's port for TLS?"
            raise TransportError(f"no TLS: {_words(exc)}; {cure}") from exc
        self._check_fingerprint()
        self.ready = True
        self.version = self._tls.version() or ""
        return True

    def _check_fingerprint(self) -> None:
        wanted = self._policy.fingerprint
        if wanted is None:
            return
        found = hashlib.sha256(self._tls.getpeercert(binary_form=True) or b"").digest()
        if found != wanted:
            raise TransportError(
                f"certificate is not the one of tls_fingerprint: it has {found.hex()}"
            )


def open_tls(policy: TlsPolicy, host: str) -> TlsLayer:
    """Prepare a connection to ``host``; certificates are read from files. Raises TransportError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if policy.fingerprint is not None or not policy.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif policy.ca_file:
        try:
            context.load_verify_locations(cafile=policy.ca_file)
        except (OSError, ssl.SSLError) as exc:
            name = Path(policy.ca_file).name
            raise TransportError(f"cannot use tls_ca_file {name}: {_words(exc)}") from exc
    else:
        context.set_default_verify_paths()
    try:
        return TlsLayer(context, host, policy)
    except ValueError as exc:
        raise TransportError(f"no certificate can be for {host}: {exc}") from exc


def _words(exc: OSError) -> str:
    """Say what went wrong without places in OpenSSL's source."""
    reason = getattr(exc, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else (exc.strerror or str(exc))
