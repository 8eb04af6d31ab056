"""The secret that lets a page or program change things from anywhere, kept in one file.

Ref: docs/api.md, "Rights".
"""

import contextlib
import hmac
import logging
import os
import re
import secrets
from pathlib import Path

from luxminer.errors import ConfigError

__all__ = ["FILE_NAME", "load_or_create", "matches", "renew", "service_token"]

log = logging.getLogger(__name__)

FILE_NAME = "token"
"""In the state directory."""
TOKEN_BYTES = 32
MAX_FILE_BYTES = 4096
TOKEN = re.compile(r"[A-Za-z0-9_.~-]{16,256}")
"""What may be in the file: enough to be no guess, and fit for a header."""
CURE = 'delete the file, or run "luxminer token --new"'


def service_token(state_dir: Path | None) -> str:
    """Return the token of a running service; what is wrong with its file never ends mining.

    Without a directory, or when the file is of no use, it is one that is kept nowhere.
    """
    if state_dir is not None:
        try:
            return load_or_create(state_dir / FILE_NAME)
        except ConfigError as exc:
            log.warning("%s; until then nobody has the right to change things by token", exc)
    return secrets.token_urlsafe(TOKEN_BYTES)


def load_or_create(path: Path) -> str:
    """Return the token in ``path``; write a random one there, mode 0600, if there is no file.

    Raises ConfigError when the file cannot be read or written, or holds no token.
    """
    try:
        with path.open("rb") as file:
            _keep_private(file.fileno(), path)
            token = file.read(MAX_FILE_BYTES).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return renew(path)
    except OSError as exc:
        raise _unusable(path, f"cannot read it: {exc.strerror}", "correct its owner") from exc
    if not TOKEN.fullmatch(token):
        raise _unusable(path, "it holds no token", CURE)
    return token


def renew(path: Path) -> str:
    """Write a new random token, in one step, and return it. Raises ConfigError."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    draft = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()  # left over from a crash
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(draft, flags, 0o600), "w") as file:
            file.write(f"{token}\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as exc:
        raise _unusable(
            path, f"cannot write it: {exc.strerror}", "look at space and rights of its directory"
        ) from exc
    return token


def matches(token: str, given: str) -> bool:
    """Compare in a time that tells nothing about the token."""
    return hmac.compare_digest(token.encode(), given.encode("utf-8", "replace"))


def _keep_private(descriptor: int, path: Path) -> None:
    if os.fstat(descriptor).st_mode & 0o077:
        log.warning("others could read %s; now only its owner can", path)
        os.fchmod(descriptor, 0o600)


def _unusable(path: Path, reason: str, cure: str) -> ConfigError:
    return ConfigError(f"token file {path}: {reason}", value=str(path), cure=cure)
