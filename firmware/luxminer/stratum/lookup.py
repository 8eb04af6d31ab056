"""Looks up the names of pools. A lookup that hangs keeps nothing from its turn but itself.

The threads of the event loop are few and shared with the ledger, and are waited for at the end; a
resolver may hang for a minute, at each attempt of each pool. So each name has a thread of its own,
one at most at a time, that the end does not wait for.
"""

import asyncio
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future

__all__ = ["Addresses", "look_up"]

Address = tuple[
    socket.AddressFamily,
    socket.SocketKind,
    int,
    str,
    tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes],
]
"""As `socket.getaddrinfo` returns it."""

Addresses = Sequence[Address]

_under_way: dict[tuple[str, int], Future[Addresses]] = {}
_lock = threading.Lock()


async def look_up(host: str, port: int) -> Addresses:
    """Return the addresses of a name, looked up anew; of an address, itself.

    Whoever asks while a lookup of the same name is under way gets its answer, too. Raises OSError,
    and ValueError for a name that no resolver takes.
    """
    try:
        return _ask(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await asyncio.wrap_future(_begin(host, port))


def _begin(host: str, port: int) -> Future[Addresses]:
    key = (host, port)
    with _lock:
        known = _under_way.get(key)
        if known is not None:
            return known
        answer: Future[Addresses] = Future()
        answer.set_running_or_notify_cancel()  # who gives up waiting leaves it to the others
        _under_way[key] = answer
    threading.Thread(target=_answer, args=(key, answer), name=f"name {host}", daemon=True).start()
    return answer


def _answer(key: tuple[str, int], answer: Future[Addresses]) -> None:
    try:
        found = _ask(*key)
    except (OSError, ValueError) as exc:
        error: Exception | None = exc
    else:
        error = None
    with _lock:
        del _under_way[key]
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(found)


def _ask(host: str, port: int, flags: int = 0) -> Addresses:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
