"""Where the API listens when nobody says where."""

import errno
import socket
from typing import Any

import pytest

from luxminer.api.sockets import EVERYWHERE, bind
from luxminer.config.schema import ApiConfig

MAKE = socket.socket


def test_all_addresses_are_the_default() -> None:
    assert ApiConfig().listen == EVERYWHERE


async def test_a_machine_without_ipv6_listens_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_ipv6(family: int, *rest: Any) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return MAKE(family, *rest)

    monkeypatch.setattr("luxminer.api.sockets.socket.socket", without_ipv6)
    with await bind(EVERYWHERE, 0, "api.port") as sock:
        assert sock.family == socket.AF_INET
        assert sock.getsockname()[0] == "0.0.0.0"
