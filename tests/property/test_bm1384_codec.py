"""Frames of the BM1384: what is encoded is read back, and nothing else is taken for a frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luxminer.errors import FrameError
from luxminer_drivers.bm1384 import facts
from luxminer_drivers.bm1384.codec import (
    ChainInactive,
    ChipIdReply,
    Command,
    PllReply,
    ReadRegister,
    SetAddress,
    TaskFrame,
    WritePll,
    busy_task,
    decode_command,
    decode_register,
    open_core_tasks,
)
from luxminer_drivers.bm1384.pll import Pll
from tests.oracles.crc import crc

BYTE = st.integers(0, 255)
PLLS = st.builds(Pll.decode, st.integers(0, 0xFFFF))
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        ReadRegister, register=st.sampled_from(facts.Register), address=st.one_of(st.none(), BYTE)
    ),
    st.builds(ChainInactive),
    st.builds(SetAddress, address=BYTE),
    st.builds(WritePll, pll=PLLS),
)
TASKS = st.builds(
    TaskFrame,
    midstate=st.binary(min_size=32, max_size=32),
    tail=st.binary(min_size=12, max_size=12),
    ticket_difficulty=st.integers(1, 256),
    nonce_range=st.integers(0, 0xFFFFFFFF),
    job_id=st.integers(0, 31),
)


def crc5(data: bytes, bits: int) -> int:
    return crc(data, bits, width=5, polynomial=0x05, initial=0x1F)


@given(command=COMMANDS)
def test_commands_round_trip(command: Command) -> None:
    raw = command.encode()
    assert decode_command(raw) == command
    assert raw[3] == crc5(raw[:3] + b"\0", 27)


SEALED = st.binary(min_size=3, max_size=3).map(lambda raw: raw + bytes([crc5(raw + b"\0", 27)]))


@given(raw=st.one_of(st.binary(max_size=8), SEALED))
def test_what_decodes_is_what_we_would_send(raw: bytes) -> None:
    try:
        command = decode_command(raw)
    except FrameError:
        return
    # Bytes that a command leaves unused are not compared: chips were never seen to.
    assert decode_command(command.encode()) == command
    assert len(raw) == 4


@given(command=COMMANDS, bit=st.integers(0, 31))
def test_a_flipped_bit_never_passes(command: Command, bit: int) -> None:
    raw = bytearray(command.encode())
    raw[bit // 8] ^= 0x80 >> bit % 8
    with pytest.raises(FrameError):
        decode_command(bytes(raw))


@given(task=TASKS)
def test_tasks_round_trip(task: TaskFrame) -> None:
    raw = task.encode()
    assert len(raw) == 64
    assert TaskFrame.decode(raw) == task
    assert raw[32:39] == bytes(7)
    assert raw[44:51] == bytes(7)
    assert raw[39] == task.ticket_difficulty - 1


@given(midstate=st.binary(min_size=32, max_size=32), tail=st.binary(min_size=12, max_size=12))
def test_words_stand_last_first(midstate: bytes, tail: bytes) -> None:
    task = TaskFrame(midstate=midstate, tail=tail, ticket_difficulty=1, nonce_range=1, job_id=0)
    raw = task.encode()
    for word in range(8):
        assert raw[4 * word : 4 * word + 4] == midstate[28 - 4 * word : 32 - 4 * word]
    assert raw[52:64] == tail[8:12] + tail[4:8] + tail[0:4]


@given(raw=st.binary(max_size=80).filter(lambda raw: len(raw) != 64))
def test_a_task_of_wrong_length_is_refused(raw: bytes) -> None:
    with pytest.raises(FrameError):
        TaskFrame.decode(raw)


def test_open_core_frames_are_zero_but_for_the_id() -> None:
    frames = [task.encode() for task in open_core_tasks()]
    assert [frame[51] for frame in frames] == [*range(32), *range(25)]
    assert all(not any(frame[:51] + frame[52:]) for frame in frames)


@given(ticket=st.integers(1, 256), nonce_range=st.integers(0, 0xFFFFFFFF), job_id=BYTE)
def test_busy_tasks_carry_ticket_range_and_id_only(
    ticket: int, nonce_range: int, job_id: int
) -> None:
    raw = busy_task(ticket_difficulty=ticket, nonce_range=nonce_range, job_id=job_id).encode()
    assert raw == b"".join(
        (bytes(39), bytes([ticket - 1]), nonce_range.to_bytes(4, "big"), bytes(7), bytes([job_id]))
    ) + bytes(12)


@given(data=st.binary(min_size=3, max_size=3))
def test_any_id_that_starts_right_and_is_sealed_counts(data: bytes) -> None:
    body = b"\x13" + data
    reply = decode_register(body + bytes([crc5(body + b"\0", 35)]))
    assert reply == ChipIdReply(data=body)


@given(m=BYTE, n=st.integers(0, 31), od=st.integers(0, 3))
def test_pll_replies(m: int, n: int, od: int) -> None:
    body = bytes([0x80, m, n, od])
    reply = decode_register(body + bytes([crc5(body + b"\0", 35)]))
    assert reply == PllReply(pll=Pll(m=m, n=n, od=od))


@pytest.mark.parametrize("body", ["800f2003", "800f0004", "000f0003", "12840000"])
def test_sealed_but_impossible_replies_are_refused(body: str) -> None:
    data = bytes.fromhex(body)
    with pytest.raises(FrameError) as caught:
        decode_register(data + bytes([crc5(data + b"\0", 35)]))
    assert caught.value.raw[:4] == data


@given(raw=st.binary(min_size=4, max_size=4), low=st.integers(0, 31))
def test_replies_with_a_wrong_check_sum_are_refused(raw: bytes, low: int) -> None:
    if crc5(raw + b"\0", 35) == low:
        return
    with pytest.raises(FrameError, match="check sum"):
        decode_register(raw + bytes([low]))
