"""Commands to the chips as values: read and write registers, give addresses.

``encode`` and `decode_command` take the `Family` whose wire it is; check sums are always computed.
"""

from dataclasses import dataclass

from luxminer.errors import FrameError
from luxminer_drivers.bm13xx import facts
from luxminer_drivers.bm13xx.facts import Family
from luxminer_drivers.common.crc import TableCrc
from luxminer_drivers.common.fields import get_number, put

__all__ = [
    "ChainInactive",
    "Command",
    "ReadRegister",
    "SetAddress",
    "WriteRegister",
    "crc5",
    "decode_command",
]

crc5 = TableCrc(*facts.CRC5)


def _command(opcode: int, length: int, address: int | None, register: int = 0) -> bytearray:
    frame = bytearray(length)
    put(frame, facts.COMMAND_OPCODE, opcode | (facts.ALL_CHIPS if address is None else 0))
    put(frame, facts.COMMAND_LENGTH, length)
    put(frame, facts.COMMAND_ADDRESS, address or 0)
    put(frame, facts.COMMAND_REGISTER, register)
    return frame


def _sealed(family: Family, frame: bytearray) -> bytes:
    frame[-1] = crc5(bytes(frame[:-1]))
    return family.request_preamble + frame


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRegister:
    """Ask one chip, or with ``address`` None all chips, for a register."""

    register: int
    address: int | None = None

    def encode(self, family: Family) -> bytes:
        opcode, length = family.opcodes.read, facts.SHORT_COMMAND_LENGTH
        return _sealed(family, _command(opcode, length, self.address, self.register))


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRegister:
    """Set a register of one chip, or with ``address`` None of all chips, to a 32-bit ``value``."""

    register: int
    value: int
    address: int | None = None

    def encode(self, family: Family) -> bytes:
        opcode, length = family.opcodes.write, facts.WRITE_LENGTH
        frame = _command(opcode, length, self.address, self.register)
        put(frame, facts.COMMAND_VALUE, self.value)
        return _sealed(family, frame)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAddress:
    """Give the next chip without an address this one."""

    address: int

    def encode(self, family: Family) -> bytes:
        opcode, length = family.opcodes.set_address, facts.SHORT_COMMAND_LENGTH
        return _sealed(family, _command(opcode, length, self.address))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainInactive:
    """All chips forget their addresses."""

    def encode(self, family: Family) -> bytes:
        opcode, length = family.opcodes.chain_inactive, facts.SHORT_COMMAND_LENGTH
        return _sealed(family, _command(opcode, length, None))


Command = ReadRegister | WriteRegister | SetAddress | ChainInactive


def decode_command(family: Family, raw: bytes) -> Command:
    """Read a command as a chip would. Raises FrameError for one that no chip would take."""
    frame = raw.removeprefix(family.request_preamble)
    if len(raw) - len(frame) != len(family.request_preamble):
        raise FrameError("command without its preamble", raw)
    if len(frame) not in (facts.SHORT_COMMAND_LENGTH, facts.WRITE_LENGTH):
        raise FrameError("command of impossible length", raw)
    if get_number(frame, facts.COMMAND_LENGTH) != len(frame):
        raise FrameError("command that tells another length", raw)
    if crc5(frame[:-1]) != frame[-1]:
        raise FrameError("command with a wrong check sum", raw)
    opcode = get_number(frame, facts.COMMAND_OPCODE)
    to_all = bool(opcode & facts.ALL_CHIPS)
    address = None if to_all else get_number(frame, facts.COMMAND_ADDRESS)
    register = get_number(frame, facts.COMMAND_REGISTER)
    command = _meaning(family, opcode & ~facts.ALL_CHIPS, address, register, frame)
    if command is None:
        raise FrameError("unknown command", raw)
    if command.encode(family) != raw:
        raise FrameError("command with bytes that should be zero", raw)
    return command


def _meaning(
    family: Family, opcode: int, address: int | None, register: int, frame: bytes
) -> Command | None:
    opcodes = family.opcodes
    if len(frame) == facts.WRITE_LENGTH:
        if opcode != opcodes.write:
            return None
        value = get_number(frame, facts.COMMAND_VALUE)
        return WriteRegister(register=register, value=value, address=address)
    if opcode == opcodes.read:
        return ReadRegister(register=register, address=address)
    if opcode == opcodes.chain_inactive and address is None:
        return ChainInactive()
    if opcode == opcodes.set_address and address is not None:
        return SetAddress(address=address)
    return None
