"""A Block Erupter's frames, its resynchronising decoder, and the driver against a scripted one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.device.contract import DeviceOptions
from luxminer.errors import ConfigError, FrameError, ProbeMismatch
from luxminer.hashing import header_hash
from luxminer_drivers.common.resync import TAIL_S, BadFrame
from luxminer_drivers.common.stick import ChainStick
from luxminer_drivers.icarus import facts
from luxminer_drivers.icarus.codec import Decoder, Frame, NonceReply, TaskFrame
from luxminer_drivers.icarus.device import open_stick
from luxminer_drivers.icarus.spec import SPEC
from tests.unit.drivers.fake_erupter import ANSWERS, DETECT, DETECT_ANSWER, FakeErupter
from tests.unit.drivers.fake_host import FakeHost
from tests.unit.drivers.warp import warped

FULL_SCAN_S = (1 << 32) * 2.9761e-9


def options(scale: float = 1.0) -> DeviceOptions:
    return DeviceOptions(model=SPEC.models[0], frequency_mhz=336.0, scale=scale)


@contextlib.asynccontextmanager
async def running(
    erupter: FakeErupter, host: FakeHost
) -> AsyncIterator[tuple[ChainStick, "asyncio.Task[None]"]]:
    stick = await open_stick(erupter, options())
    task = asyncio.create_task(stick.run(host))
    try:
        yield stick, task
    finally:
        task.cancel()
        await asyncio.wait({task})


# --- Frames --------------------------------------------------------------------------------------


def test_the_detection_task_is_block_171874() -> None:
    task = TaskFrame.decode(DETECT)
    nonce = int.from_bytes(DETECT_ANSWER, "little")
    assert header_hash(task.midstate, task.tail, nonce)[::-1].hex().startswith("00000000000004b6")
    assert task.encode() == DETECT == facts.DETECT_TASK


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=12, max_size=12))
def test_a_task_keeps_its_parts(state: bytes, tail: bytes) -> None:
    task = TaskFrame(midstate=state, tail=tail)
    frame = task.encode()
    assert TaskFrame.decode(frame) == task
    assert frame[32:52] == bytes(20)
    assert frame[52:] == tail[8:] + tail[4:8] + tail[:4]


@pytest.mark.parametrize(
    "raw", [DETECT[:-1], DETECT + b"\0", b"", DETECT[:40] + b"\1" + DETECT[41:]]
)
def test_no_other_frame_is_a_task(raw: bytes) -> None:
    with pytest.raises(FrameError):
        TaskFrame.decode(raw)


@given(
    st.lists(st.tuples(st.binary(max_size=9), st.integers(0, 1)), max_size=6),
    st.binary(max_size=3),
    st.lists(st.integers(0, 60)),
)
def test_right_nonces_are_found_whatever_surrounds_them(
    parts: list[tuple[bytes, int]], rest: bytes, cuts: list[int]
) -> None:
    right = {bytes([0xA0 + n, 1, 2, 3]): n for n in (0, 1)}
    raw, wanted = b"", []
    for junk, age in parts:
        clean = bytes(byte & 0x7F for byte in junk)  # no start of a right nonce
        raw += clean + bytes([0xA0 + age, 1, 2, 3])
        wanted.append(age)
    raw += bytes(byte & 0x7F for byte in rest)

    def decoded(pieces: list[bytes]) -> list[Frame]:
        decoder = Decoder(lambda nonce: right.get(nonce.to_bytes(4, "little")))
        frames = [frame for piece in pieces for frame in decoder.feed(piece, 0.0)]
        return frames + decoder.expire(TAIL_S)

    edges = sorted({0, len(raw), *(cut % (len(raw) + 1) for cut in cuts)})
    frames = decoded([raw[a:b] for a, b in pairwise(edges)])
    assert frames == decoded([raw])
    ages = [f.age for f in frames if isinstance(f, NonceReply) and f.age is not None]
    assert ages == wanted
    lengths = [len(f.raw) if isinstance(f, BadFrame) else 4 for f in frames]
    assert sum(lengths) == len(raw)


# --- Driver --------------------------------------------------------------------------------------


@warped
async def test_bring_up_detects_first_and_then_replaces_the_task() -> None:
    erupter, host = FakeErupter(), FakeHost()
    async with running(erupter, host):
        await asyncio.sleep(2)
    assert erupter.written[0][1] == DETECT
    assert erupter.written[1][1] == bytes(64)
    assert len(host.reports[0].chips) == 1
    assert host.reports[-1].nominal_hs == pytest.approx(336.01e6, rel=1e-4)


@warped
async def test_after_each_right_nonce_comes_the_next_task_at_once() -> None:
    erupter, host = FakeErupter(delay_s=3.0), FakeHost()
    async with running(erupter, host):
        await asyncio.sleep(1)
        assert len(erupter.tasks) == 1
        await asyncio.sleep(30)
    times = [at for at, _ in erupter.tasks]
    gaps = [later - at for at, later in pairwise(times)]
    assert len(gaps) >= 9
    assert gaps == pytest.approx([3.0] * len(gaps), abs=0.01)
    assert host.right == len(host.claims) == len(gaps)
    for nonce, _ in host.claims:
        assert nonce.work is not None
        assert nonce.version == nonce.work.versions[0]


@warped
async def test_without_a_nonce_the_next_task_comes_before_the_range_is_done() -> None:
    erupter, host = FakeErupter(), FakeHost()
    erupter.answers = lambda _: b""
    async with running(erupter, host):
        await asyncio.sleep(60)
    times = [at for at, _ in erupter.tasks]
    gaps = [later - at for at, later in pairwise(times)]
    assert len(gaps) >= 4
    assert max(gaps) < FULL_SCAN_S
    assert min(gaps) > 0.9 * FULL_SCAN_S


@warped
async def test_a_late_answer_belongs_to_the_task_before_and_ends_nothing() -> None:
    erupter, host = FakeErupter(delay_s=100.0), FakeHost()
    async with running(erupter, host):
        await asyncio.sleep(2)
        first = erupter.tasks[0][1]
        host.change_work()
        await asyncio.sleep(0.1)
        assert len(erupter.tasks) == 2
        erupter.say(ANSWERS[first])
        await asyncio.sleep(1)
        assert len(erupter.tasks) == 2
    ((nonce, is_right),) = host.claims
    assert is_right
    assert nonce.work is host.handed_out[0][1]


@warped
async def test_a_wrong_nonce_is_an_error_and_the_task_goes_on() -> None:
    erupter, host = FakeErupter(delay_s=100.0), FakeHost()
    async with running(erupter, host):
        await asyncio.sleep(2)
        erupter.say(b"\1\2\3\4")
        await asyncio.sleep(1)
        assert len(erupter.tasks) == 1
        erupter.say(b"\7" + ANSWERS[erupter.tasks[0][1]])
        await asyncio.sleep(1)
    assert [is_right for _, is_right in host.claims] == [False, True]
    assert host.reports[-1].bytes_discarded == 1


@warped
async def test_without_work_it_is_kept_from_dead_work() -> None:
    erupter, host = FakeErupter(delay_s=100.0), FakeHost()
    async with running(erupter, host):
        await asyncio.sleep(2)
        host.change_work(has_work=False)
        await asyncio.sleep(0.1)
        assert erupter.written[-1][1] == bytes(64)
        await asyncio.sleep(2)  # until the next report
        assert host.reports[-1].busy_tasks_sent == 1


@warped
async def test_silence_is_no_block_erupter() -> None:
    erupter, host = FakeErupter(), FakeHost()
    erupter.is_dead = True
    async with running(erupter, host) as (_, task):
        await asyncio.wait({task}, timeout=40)
        assert isinstance(task.exception(), ProbeMismatch)
        assert "nothing on fake: has answered" in str(task.exception())


@warped
async def test_an_antminer_is_named() -> None:
    erupter, host = FakeErupter(suffix=b"\x80"), FakeHost()
    async with running(erupter, host) as (_, task):
        await asyncio.wait({task}, timeout=10)
        assert isinstance(task.exception(), ProbeMismatch)
        assert "an Antminer U1 or U2 is on fake:" in str(task.exception())
        assert "5 bytes" in str(task.exception())


@warped
async def test_what_was_on_the_line_before_disturbs_no_detection() -> None:
    erupter, host = FakeErupter(), FakeHost()
    erupter.say(b"\x11\x22\x33")
    async with running(erupter, host) as (_, task):
        await asyncio.sleep(0.0601)
        erupter.say(b"\x44")
        await asyncio.sleep(2)
        assert not task.done()
        assert host.reports


@warped
async def test_the_clock_is_fixed() -> None:
    stick = await open_stick(FakeErupter(), options())
    with pytest.raises(ConfigError, match="give 336 to 336"):
        await stick.set_frequency(400)
