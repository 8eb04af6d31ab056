"""The serial transport against real ttys: unplugs, full buffers, silence, locks, errors."""

import asyncio
import contextlib
import grp
import os
import pwd
import random
import re
import socket
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from luxminer.errors import PortProblem, PortUnusable, TransportClosed, TransportTimeout
from luxminer.transport import serial as serial_module
from luxminer.transport.ports import probe_port, unusable
from luxminer.transport.serial import INPUT_LIMIT, SerialTransport, open_serial
from tests.unit.transport.pty_peer import PtyPeer

BAUD = 115200


@contextlib.asynccontextmanager
async def opened(peer: PtyPeer) -> AsyncIterator[SerialTransport]:
    transport = await open_serial(peer.path, BAUD)
    try:
        yield transport
    finally:
        await transport.close()


async def test_bytes_go_both_ways_unchanged() -> None:
    every_byte = bytes(range(256))
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            await transport.write(every_byte)
            assert await peer.receive(256) == every_byte
            await peer.send(every_byte)
            received = b""
            while len(received) < 256:
                received += await transport.read()
            assert received == every_byte


async def test_the_line_is_8n1_raw_without_flow_control() -> None:
    with PtyPeer() as peer:
        async with opened(peer):
            iflag, oflag, cflag, lflag, ispeed, ospeed, _ = termios.tcgetattr(peer.master)
    assert ispeed == ospeed == termios.B115200
    assert cflag & termios.CSIZE == termios.CS8
    assert not cflag & (termios.PARENB | termios.CSTOPB | termios.CRTSCTS)
    assert not iflag & (termios.IXON | termios.IXOFF | termios.ICRNL)
    assert not oflag & termios.OPOST
    assert not lflag & (termios.ICANON | termios.ECHO | termios.ISIG)


async def test_a_read_returns_at_most_its_limit() -> None:
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            await peer.send(b"abcdef")
            assert await transport.read(1) == b"a"
            await asyncio.sleep(0.02)
            assert await transport.read(3) == b"bcd"
            assert await transport.read(3) == b"ef"


async def test_an_unplug_in_mid_frame_gives_the_first_half_and_then_closed() -> None:
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            await peer.send(b"\x12\x34")
            assert await transport.read() == b"\x12\x34"
            pending = asyncio.create_task(transport.read())
            await asyncio.sleep(0.01)
            started_s = time.monotonic()
            peer.unplug()
            with pytest.raises(TransportClosed, match=peer.path):
                await pending
            assert time.monotonic() - started_s < 0.5
            with pytest.raises(TransportClosed):
                await transport.read()
            with pytest.raises(TransportClosed):
                await transport.write(b"x")
            assert transport.discard_input() == 0


async def test_after_an_unplug_nothing_is_called_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            peer.unplug()
            with pytest.raises(TransportClosed):
                await transport.read()
            before_s = time.process_time()
            await asyncio.sleep(0.3)
            assert time.process_time() - before_s < 0.15, "the loop spins on a dead descriptor"


async def test_a_write_that_meets_a_dead_port_closes_the_read_too() -> None:
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            pending = asyncio.create_task(transport.read())
            await asyncio.sleep(0)
            peer.unplug()
            with pytest.raises(TransportClosed):
                await transport.write(b"frame")
            with pytest.raises(TransportClosed):
                await pending


async def test_a_mebibyte_arrives_whole_at_a_slow_peer() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    data = random.Random(seed).randbytes(1 << 20)
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            writing = asyncio.create_task(transport.write(data))
            assert await peer.receive(len(data), chunk=3001, pause_s=0) == data
            await writing


async def test_a_peer_that_takes_nothing_times_out() -> None:
    with PtyPeer() as peer:
        port = serial_module._open_port(peer.path, BAUD)
        transport = SerialTransport(port, peer.path, write_limit_s=0.1)
        with pytest.raises(TransportTimeout, match=r"took no byte for 0\.1 s"):
            await transport.write(bytes(1 << 20))
        await transport.close()


async def test_a_slow_peer_does_not_time_out_while_it_takes_something() -> None:
    with PtyPeer() as peer:
        port = serial_module._open_port(peer.path, BAUD)
        transport = SerialTransport(port, peer.path, write_limit_s=0.3)
        started_s = time.monotonic()
        writing = asyncio.create_task(transport.write(bytes(60_000)))
        await peer.receive(60_000, chunk=2048, pause_s=0.02)
        await writing
        assert time.monotonic() - started_s > 0.3
        await transport.close()


async def test_a_reader_that_is_away_loses_nothing_and_stops_the_peer() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    data = random.Random(seed).randbytes(4 * INPUT_LIMIT)
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            sending = asyncio.create_task(peer.send(data))
            await asyncio.sleep(0.3)
            assert not sending.done(), "more was taken than the buffer may hold"
            assert len(transport._input) == INPUT_LIMIT
            received = bytearray()
            while len(received) < len(data):
                received += await transport.read()
            assert bytes(received) == data
            await sending


async def test_a_cancelled_read_loses_no_bytes() -> None:
    data = bytes(range(256)) * 20
    received = bytearray()
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            sending = asyncio.create_task(peer.send(data))
            seed = random.randrange(2**32)
            print(f"seed {seed}")
            rng = random.Random(seed)
            while len(received) < len(data):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(rng.choice((0, 0.0001, 0.001))):
                        received += await transport.read(7)
            await sending
    assert bytes(received) == data


async def test_a_silent_peer_keeps_nobody_from_cancelling() -> None:
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await transport.read()
            await peer.send(b"late")
            assert await transport.read() == b"late"


async def test_discarding_counts_what_it_drops() -> None:
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            await peer.send(b"stale bytes")
            await asyncio.sleep(0.02)
            assert transport.discard_input() == 11
            assert transport.discard_input() == 0
            await peer.send(b"fresh")
            assert await transport.read() == b"fresh"


async def test_discarding_a_full_buffer_lets_the_peer_go_on() -> None:
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            sending = asyncio.create_task(peer.send(bytes(2 * INPUT_LIMIT)))
            await asyncio.sleep(0.2)
            dropped = transport.discard_input()
            assert INPUT_LIMIT <= dropped <= 2 * INPUT_LIMIT
            while dropped < 2 * INPUT_LIMIT:
                dropped += len(await transport.read())
            await sending


@pytest.mark.parametrize("rate", [9600, 115200, 1_500_000])
async def test_the_rate_changes_on_the_line(rate: int) -> None:
    with PtyPeer() as peer:
        async with opened(peer) as transport:
            await transport.set_baudrate(rate)
            speed = termios.tcgetattr(peer.master)[4]
            assert speed == getattr(termios, f"B{rate}")


async def test_the_rate_of_a_closed_port_does_not_change() -> None:
    with PtyPeer() as peer:
        transport = await open_serial(peer.path, BAUD)
        await transport.close()
        with pytest.raises(TransportClosed):
            await transport.set_baudrate(9600)


async def test_closing_wakes_both_sides_and_may_be_repeated() -> None:
    with PtyPeer() as peer:
        transport = await open_serial(peer.path, BAUD)
        reading = asyncio.create_task(transport.read())
        writing = asyncio.create_task(transport.write(bytes(1 << 20)))
        await asyncio.sleep(0.02)
        await asyncio.gather(transport.close(), transport.close())
        await transport.close()
        for pending in (reading, writing):
            with pytest.raises(TransportClosed):
                await pending


def descriptors_in_use() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_closing_gives_the_port_and_its_descriptor_back() -> None:
    with PtyPeer() as peer:
        before = descriptors_in_use()
        for _ in range(5):
            transport = await open_serial(peer.path, BAUD)
            await transport.close()
        assert descriptors_in_use() == before


async def test_what_was_written_last_still_arrives_after_a_close() -> None:
    with PtyPeer() as peer:
        transport = await open_serial(peer.path, BAUD)
        await transport.write(b"be quiet")
        await transport.close()
        assert await peer.receive(8) == b"be quiet"


async def test_a_second_open_is_refused_while_the_first_lasts() -> None:
    with PtyPeer() as peer:
        async with opened(peer):
            with pytest.raises(PortUnusable, match="in use by this program itself") as caught:
                await open_serial(peer.path, BAUD)
            assert caught.value.problem is PortProblem.BUSY
        async with opened(peer):
            pass


def test_the_program_that_holds_a_port_is_named() -> None:
    holder = (
        "import fcntl, os, sys, time; f = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY);"
        "fcntl.flock(f, fcntl.LOCK_EX); print('locked', flush=True); time.sleep(60)"
    )
    with (
        PtyPeer() as peer,
        subprocess.Popen(
            [sys.executable, "-c", holder, peer.path], stdout=subprocess.PIPE
        ) as process,
    ):
        try:
            assert process.stdout is not None
            process.stdout.readline()
            problem = probe_port(peer.path)
            assert problem is not None
            assert problem.problem is PortProblem.BUSY
            assert f"(process {process.pid})" in problem.reason
            with pytest.raises(PortUnusable, match=str(process.pid)):
                asyncio.run(open_serial(peer.path, BAUD))
        finally:
            process.kill()


def test_probing_leaves_a_port_as_it_was() -> None:
    with PtyPeer() as peer:
        before = termios.tcgetattr(peer.master)
        assert probe_port(peer.path) is None
        assert termios.tcgetattr(peer.master) == before


async def test_a_port_that_opens_too_late_is_closed_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serial_module, "OPEN_LIMIT_S", 0.0)
    with PtyPeer() as peer:
        with pytest.raises(PortUnusable, match="within 0 s"):
            await open_serial(peer.path, BAUD)
        monkeypatch.setattr(serial_module, "OPEN_LIMIT_S", 10.0)
        for _ in range(100):
            with contextlib.suppress(PortUnusable):
                transport = await open_serial(peer.path, BAUD)
                break
            await asyncio.sleep(0.02)
        else:
            pytest.fail("the late port stayed locked")
        await transport.close()


async def test_a_link_follows_the_stick_to_its_new_tty(tmp_path: Path) -> None:
    with PtyPeer() as first, PtyPeer() as second:
        link = first.link(tmp_path / "stick")
        transport = await open_serial(str(link), BAUD)
        assert transport.name == str(link)
        first.unplug()
        with pytest.raises(TransportClosed):
            await transport.read()
        await transport.close()
        second.link(link)
        transport = await open_serial(str(link), BAUD)
        await second.send(b"hello")
        assert await transport.read() == b"hello"
        await transport.close()


@pytest.mark.parametrize(
    ("url", "problem", "words"),
    [
        ("/dev/ttyNO9", PortProblem.MISSING, "/dev/ttyNO9: no such port; plug the stick in"),
        ("/dev/null/tty", PortProblem.MISSING, "no such port"),
        ("/dev/null", PortProblem.NOT_SERIAL, "not a serial port; name the stick's tty"),
        ("/dev", PortProblem.NOT_SERIAL, "not a serial port"),
        (__file__, PortProblem.NOT_SERIAL, "not a serial port"),
        ("/dev/tty\0", PortProblem.FAILED, "null"),
        ("loop://", PortProblem.BAD_ADDRESS, "path of a tty, or socket:// or hwgrep://"),
        ("rfc2217://localhost:1", PortProblem.BAD_ADDRESS, "rfc2217:// cannot be waited on"),
        ("socket://nowhere", PortProblem.BAD_ADDRESS, "write socket://HOST:PORT"),
        ("socket://host:99999", PortProblem.BAD_ADDRESS, "write socket://HOST:PORT"),
        ("socket://127.0.0.1:1", PortProblem.UNREACHABLE, "connection refused; start the"),
        ("hwgrep://no such stick", PortProblem.UNREACHABLE, "no ports found"),
    ],
)
async def test_a_port_that_cannot_be_opened_says_why_and_what_to_do(
    url: str, problem: PortProblem, words: str
) -> None:
    with pytest.raises(PortUnusable) as caught:
        await open_serial(url, BAUD)
    assert caught.value.problem is problem
    assert words in str(caught.value)
    assert caught.value.cure
    assert caught.value.port == url


async def test_a_regular_file_is_neither_opened_nor_changed(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    file.write_bytes(b"mine")
    with pytest.raises(PortUnusable):
        await open_serial(str(file), BAUD)
    assert file.read_bytes() == b"mine"


def as_user(user_id: int, ask: Callable[[], str]) -> str:
    """Return what ``ask`` says in a copy of this process that belongs to somebody else."""
    answer, child_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(user_id)
        os.setuid(user_id)
        os.write(child_end, ask().encode())
        os._exit(0)
    os.close(child_end)
    os.waitpid(child, 0)
    with os.fdopen(answer) as pipe:
        return pipe.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_permission_denied_names_user_and_group() -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    with PtyPeer() as peer:
        os.chown(peer.path, 0, grp.getgrnam("dialout").gr_gid)
        Path(peer.path).chmod(0o660)
        answer = as_user(nobody, lambda: str(probe_port(peer.path)))
    assert answer == (
        f"{peer.path}: permission denied; add the user to group dialout: "
        "sudo usermod -a -G dialout nobody, then log in again"
    )


def test_a_tty_that_no_group_may_open_needs_a_right_of_its_own() -> None:
    with PtyPeer() as peer:
        Path(peer.path).chmod(0o600)
        cure = unusable(peer.path, PermissionError(13, "Permission denied")).cure
        assert re.fullmatch(r"let user \S+ read and write it", cure)


class SocketStick:
    """A stick behind a TCP port, as a serial server or a virtual stick offers it."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.setblocking(False)
        self.url = f"socket://127.0.0.1:{self.listener.getsockname()[1]}"

    async def accept(self) -> socket.socket:
        connection, _ = await asyncio.get_running_loop().sock_accept(self.listener)
        connection.setblocking(False)
        return connection


async def test_a_stick_behind_a_socket() -> None:
    loop = asyncio.get_running_loop()
    stick = SocketStick()
    with stick.listener:
        transport, connection = await asyncio.gather(open_serial(stick.url, BAUD), stick.accept())
        with connection:
            assert transport.name == stick.url
            await transport.write(b"task")
            assert await loop.sock_recv(connection, 100) == b"task"
            await loop.sock_sendall(connection, b"nonce")
            assert await transport.read() == b"nonce"
            await transport.set_baudrate(9600)
            writing = asyncio.create_task(transport.write(bytes(8 << 20)))
            received = 0
            while received < 8 << 20:
                received += len(await loop.sock_recv(connection, 1 << 16))
            await writing
            own = transport._port
            sending = socket.socket(fileno=os.dup(own.fileno()))
            with sending:
                assert sending.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            await loop.sock_sendall(connection, b"last")
        assert await transport.read() == b"last"
        with pytest.raises(TransportClosed):
            await transport.read()
        await transport.close()
