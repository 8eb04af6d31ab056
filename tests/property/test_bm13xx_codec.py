"""Commands and tasks of BM1387 and later: what is written can be read, and little else."""

import struct
from binascii import crc_hqx
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.errors import FrameError
from luxminer_drivers.bm13xx.commands import (
    ChainInactive,
    Command,
    ReadRegister,
    SetAddress,
    WriteRegister,
    decode_command,
)
from luxminer_drivers.bm13xx.facts import OPEN_CORE_NONCES, Family
from luxminer_drivers.bm13xx.tasks import (
    HeaderTask,
    MidstateTask,
    busy_task,
    decode_task,
    open_core_task,
    open_core_tasks,
)
from luxminer_drivers.bm1362.facts import BM1362, BM1366
from luxminer_drivers.bm1370.facts import BM1368, BM1370
from luxminer_drivers.bm1387.facts import BM1387
from luxminer_drivers.bm1397.facts import BM1397
from luxminer_drivers.common.crc import CRC16, crc16
from luxminer_hil.vectors.chips_shared import BM1391
from tests.oracles.crc import crc

MIDSTATE_FAMILIES = [BM1387, BM1391, BM1397]
HEADER_FAMILIES = [BM1362, BM1366, BM1368, BM1370]
FAMILIES = MIDSTATE_FAMILIES + HEADER_FAMILIES

BYTES = st.integers(0, 255)
TARGETS = st.one_of(st.none(), BYTES)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(ReadRegister, register=BYTES, address=TARGETS),
    st.builds(WriteRegister, register=BYTES, value=st.integers(0, 2**32 - 1), address=TARGETS),
    st.builds(SetAddress, address=BYTES),
    st.just(ChainInactive()),
)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@given(command=COMMANDS)
def test_commands_come_back(family: Family, command: Command) -> None:
    raw = command.encode(family)
    assert decode_command(family, raw) == command
    body = raw[len(family.request_preamble) :]
    bits = 8 * (len(body) - 1)
    assert body[-1] == crc(body[:-1], bits, width=5, polynomial=0x05, initial=0x1F)
    assert body[1] == len(body)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@given(command=COMMANDS, place=st.integers(0, 10), bit=st.integers(0, 7))
def test_a_damaged_command_is_refused(
    family: Family, command: Command, place: int, bit: int
) -> None:
    raw = bytearray(command.encode(family))
    raw[place % len(raw)] ^= 1 << bit
    with pytest.raises(FrameError):
        decode_command(family, bytes(raw))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@given(raw=st.binary(max_size=160))
def test_any_bytes_are_read_or_refused(family: Family, raw: bytes) -> None:
    for decode in (decode_command, decode_task):
        with suppress(FrameError):
            decoded = decode(family, raw)
            assert decoded.encode(family)[: len(raw)] == raw or decode is decode_task


@given(data=st.binary(max_size=160))
def test_the_fast_check_sum_is_the_same(data: bytes) -> None:
    assert crc16(data) == CRC16(data) == crc_hqx(data, 0xFFFF)


@st.composite
def midstate_tasks(draw: st.DrawFn, family: Family) -> MidstateTask:
    count = draw(st.sampled_from(family.midstate_counts))
    states = st.binary(min_size=32, max_size=32)
    return MidstateTask(
        job_id=draw(st.integers(0, 127)),
        tail=draw(st.binary(min_size=12, max_size=12)),
        midstates=tuple(draw(st.lists(states, min_size=count, max_size=count))),
    )


def words_backwards(data: bytes) -> bytes:
    words = struct.unpack(f">{len(data) // 4}I", data)
    return struct.pack(f">{len(words)}I", *reversed(words))


@pytest.mark.parametrize("family", MIDSTATE_FAMILIES, ids=lambda family: family.name)
@given(data=st.data())
def test_midstate_tasks_come_back(family: Family, data: st.DataObject) -> None:
    task = data.draw(midstate_tasks(family))
    raw = task.encode(family)
    assert decode_task(family, raw) == task
    count = len(task.midstates)
    body = bytes([0x21, 22 + 32 * count, task.job_id, count, 0, 0, 0, 0])
    body += words_backwards(task.tail)
    body += b"".join(words_backwards(state) for state in task.midstates)
    check = crc(body, 8 * len(body), width=16, polynomial=0x1021, initial=0xFFFF)
    assert raw == family.request_preamble + body + check.to_bytes(2, "big")


@pytest.mark.parametrize("family", HEADER_FAMILIES, ids=lambda family: family.name)
@given(header=st.binary(min_size=76, max_size=76), job_id=st.integers(0, 255))
def test_header_tasks_come_back(family: Family, header: bytes, job_id: int) -> None:
    task = HeaderTask(
        job_id=job_id,
        header=header,
        length_byte=family.header_length_byte,
        count_byte=family.header_count_byte,
    )
    raw = task.encode(family)
    assert decode_task(family, raw) == task
    assert len(raw) == 88
    assert raw[10:14] == header[72:76]
    assert raw[14:18] == header[68:72]
    assert raw[18:50] == words_backwards(header[36:68])
    assert raw[50:82] == words_backwards(header[4:36])
    assert raw[82:86] == header[:4]
    assert raw[86:] == crc16(raw[2:86]).to_bytes(2, "big")


@given(data=st.data(), place=st.integers(0, 151), bit=st.integers(0, 7))
def test_a_damaged_task_is_refused(data: st.DataObject, place: int, bit: int) -> None:
    family = data.draw(st.sampled_from(MIDSTATE_FAMILIES))
    raw = bytearray(data.draw(midstate_tasks(family)).encode(family))
    raw[place % len(raw)] ^= 1 << bit
    with pytest.raises(FrameError):
        decode_task(family, bytes(raw))


def test_a_task_with_room_for_more_midstates_than_it_counts() -> None:
    whole = MidstateTask(job_id=4, tail=bytes(12), midstates=(b"\x01" * 32, *[b"\x02" * 32] * 3))
    body = bytearray(whole.encode(BM1397)[2:-2])
    body[3] = 1
    raw = b"\x55\xaa" + bytes(body) + crc16(bytes(body)).to_bytes(2, "big")
    assert decode_task(BM1397, raw) == MidstateTask(
        job_id=4, tail=bytes(12), midstates=(b"\x01" * 32,)
    )


def test_frames_without_work() -> None:
    assert busy_task(BM1387, 30) == open_core_task(30)
    busy = busy_task(BM1370, 123)
    assert isinstance(busy, HeaderTask)
    assert (busy.job_id, busy.header) == (0x70, bytes(76))
    tasks = open_core_tasks(130, 128)
    assert [task.job_id for task in tasks[-3:]] == [127, 0, 1]
    assert tasks[0].encode(BM1387).endswith(b"\x5f\xd3")
    assert len(set(OPEN_CORE_NONCES)) == 2
