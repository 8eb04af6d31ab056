"""The pty as any process meets it: opened, closed, opened again, pulled out."""

import asyncio
import errno
import os
import termios
from pathlib import Path

import pytest

from luxminer.errors import TransportClosed
from luxminer.transport.serial import open_serial
from luxminer_hil.chipsim import PtyPort, SimulatorError, VirtualStick
from tests.unit.chipsim.host import AT_100, AT_200, CHIP_ID, COUNT, PLL_100, READ_PLL


class Tty:
    """A host's descriptor of a tty."""

    def __init__(self, path: str, speed: int | None = termios.B115200) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        if speed is not None:
            self.set_speed(speed)

    def set_speed(self, speed: int) -> None:
        """Set nothing else: what came before stays readable, and the mode is the port's own."""
        settings = termios.tcgetattr(self.fd)
        settings[4] = settings[5] = speed
        termios.tcsetattr(self.fd, termios.TCSANOW, settings)

    def write(self, data: bytes) -> None:
        assert os.write(self.fd, data) == len(data)

    async def read(self, length: int) -> bytes:
        got = b""
        async with asyncio.timeout(10):
            while len(got) < length:
                try:
                    got += os.read(self.fd, length - len(got))
                except BlockingIOError:
                    await asyncio.sleep(0.002)
        return got

    async def ask(self, data: bytes, length: int) -> bytes:
        self.write(data)
        return await self.read(length)

    def is_silent(self) -> bool:
        try:
            os.read(self.fd, 1)
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        os.close(self.fd)


async def test_a_tty_answers_like_a_stick() -> None:
    async with VirtualStick("2pac", scale="0.001") as stick:
        assert stick.path.startswith("/dev/pts/")
        host = Tty(stick.path)
        assert await host.ask(COUNT, 10) == CHIP_ID * 2
        host.close()


async def test_a_host_that_sets_nothing_meets_no_echo_and_the_wrong_rate() -> None:
    async with VirtualStick() as stick:
        host = Tty(stick.path, speed=None)
        host.write(COUNT)
        await asyncio.sleep(0.1)
        assert host.is_silent()
        assert stick.counters().bytes_at_wrong_rate == 4
        host.set_speed(termios.B115200)
        assert await host.ask(COUNT, 5) == CHIP_ID
        assert stick.counters().bytes_in == 8
        host.set_speed(termios.B1500000)
        host.write(COUNT)
        await asyncio.sleep(0.05)
        host.set_speed(termios.B115200)
        assert stick.counters().frames == {"read_chip_id": 1}
        assert await host.ask(COUNT, 5) == CHIP_ID
        host.close()


async def test_a_stick_stays_powered_while_hosts_come_and_go() -> None:
    async with VirtualStick() as stick:
        for expected in (AT_200, AT_100, AT_100):
            host = Tty(stick.path)
            assert await host.ask(READ_PLL, 5) == expected
            assert await host.ask(PLL_100 + COUNT, 5) == CHIP_ID
            host.close()
            await asyncio.sleep(0.12)
        assert stick.counters().power_ups == 1


async def test_a_command_of_a_host_that_left_at_once_is_obeyed() -> None:
    async with VirtualStick() as stick:
        host = Tty(stick.path)
        host.write(PLL_100)
        host.close()
        await asyncio.sleep(0.2)
        assert stick.counters().chips[0].mhz == 100.0


async def test_the_next_host_does_not_get_what_the_last_one_left_unread() -> None:
    async with VirtualStick("terminus") as stick:
        host = Tty(stick.path)
        host.write(COUNT)
        await asyncio.sleep(0.2)
        host.close()
        await asyncio.sleep(0.2)
        host = Tty(stick.path)
        assert host.is_silent()
        assert await host.ask(READ_PLL, 20) == AT_200 * 4
        host.close()


async def test_answers_of_a_host_that_left_are_lost_and_counted() -> None:
    async with VirtualStick() as stick:
        host = Tty(stick.path)
        host.write(COUNT)
        host.close()
        await asyncio.sleep(0.2)
        counters = stick.counters()
        assert counters.replies == 1
        assert counters.bytes_out + counters.bytes_untaken == 5
        host = Tty(stick.path)
        assert host.is_silent()
        host.close()


async def test_an_unplugged_tty_breaks_and_comes_back_under_its_link(tmp_path: Path) -> None:
    link = tmp_path / "stick"
    async with VirtualStick(port=PtyPort(link)) as stick:
        assert stick.path == str(link)
        host = Tty(stick.path)
        assert await host.ask(PLL_100 + READ_PLL, 5) == AT_100
        stick.unplug()
        stick.unplug()
        assert not link.is_symlink()
        with pytest.raises(OSError, match="Input/output error"):
            host.write(COUNT)
        assert os.read(host.fd, 1) == b""
        host.close()
        stick.replug()
        stick.replug()
        host = Tty(stick.path)
        assert await host.ask(READ_PLL, 5) == AT_200
        host.close()
    assert not link.is_symlink()


async def test_a_link_left_by_a_killed_stick_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "stick"
    link.symlink_to("/dev/pts/999999")
    async with VirtualStick(port=PtyPort(link)):
        assert str(link.readlink()).startswith("/dev/pts/")
        host = Tty(str(link))
        host.close()
    assert not link.is_symlink()


async def test_nothing_else_is_replaced_or_removed(tmp_path: Path) -> None:
    link = tmp_path / "stick"
    for make in (
        lambda: link.write_text("mine"),
        lambda: link.symlink_to(tmp_path),
        lambda: link.symlink_to("/nowhere"),
    ):
        make()
        with pytest.raises(SimulatorError, match=r"link: .*stick exists; choose another path"):
            await VirtualStick(port=PtyPort(link)).start()
        link.unlink()
    async with VirtualStick(port=PtyPort(link)):
        link.unlink()
        link.write_text("mine")
    assert link.read_text() == "mine"


async def test_a_link_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="No such file or directory; choose a path in a fold"):
        await VirtualStick(port=PtyPort(tmp_path / "none" / "stick")).start()


async def test_a_host_that_writes_without_end_is_held_back() -> None:
    async with VirtualStick() as stick:
        host = Tty(stick.path)
        sent = 0
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        while loop.time() < before_s + 0.3:
            try:
                sent += os.write(host.fd, bytes(4096))
            except BlockingIOError:
                await asyncio.sleep(0.005)
        taken = stick.counters().bytes_in
        assert taken <= 640 + 1024 + 64 + (loop.time() - before_s) * 11520
        assert sent > taken
        host.close()


async def test_the_transport_of_the_service_can_raise_the_rate() -> None:
    async with VirtualStick("newpac", scale="1e-9") as stick:
        transport = await open_serial(stick.path, 115200)
        count = bytes.fromhex("5405000019")
        for change in (b"", bytes.fromhex("5809001c002001001b")):
            if change:
                await transport.write(change)
                await asyncio.sleep(0.02)
                await transport.set_baudrate(1_500_000)
            await transport.write(count)
            got = b""
            async with asyncio.timeout(10):
                while len(got) < 14:
                    got += await transport.read()
            assert got.hex() == "13879000000007" * 2
        assert stick.counters().bytes_at_wrong_rate == 0
        await transport.close()


async def test_the_transport_of_the_service_works_on_it() -> None:
    async with VirtualStick("2pac") as stick:
        transport = await open_serial(stick.path, 115200)
        await transport.write(COUNT)
        got = b""
        async with asyncio.timeout(10):
            while len(got) < 10:
                got += await transport.read()
        assert got == CHIP_ID * 2
        stick.unplug()
        with pytest.raises(TransportClosed):
            await transport.read()
        await transport.close()


async def test_fifty_sticks_have_fifty_ttys() -> None:
    sticks = [VirtualStick(scale="0.000001") for _ in range(50)]
    for stick in sticks:
        await stick.start()
    hosts = [Tty(stick.path) for stick in sticks]
    for host in hosts:
        host.write(COUNT)
    assert [await host.read(5) for host in hosts] == [CHIP_ID] * 50
    for host in hosts:
        host.close()
    for stick in sticks:
        await stick.stop()
        await stick.stop()


def test_errors_are_those_of_a_broken_tty() -> None:
    """What the comments rely on: EIO is how Linux says that nobody has the other side open."""
    master, slave = os.openpty()
    os.close(slave)
    with pytest.raises(OSError, match="Input/output") as caught:
        os.read(master, 1)
    assert caught.value.errno == errno.EIO
    os.close(master)
