"""Addresses and the output scripts that they stand for, on the main and the test networks.

Ref: Bitcoin Core chainparams.cpp (prefixes); BIP13 (P2SH), BIP141, BIP173, BIP350, BIP341.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from luxminer.work import base58, bech32

__all__ = ["Address", "Network", "address_of", "parse_address"]


class Network(StrEnum):
    """Whose coins an address is for. Testnet 3, testnet 4 and signet spell theirs alike."""

    MAIN = "main"
    TEST = "test"
    REGTEST = "regtest"


BECH32_PREFIX = {Network.MAIN: "bc", Network.TEST: "tb", Network.REGTEST: "bcrt"}
KEY_VERSION = {Network.MAIN: 0x00, Network.TEST: 0x6F, Network.REGTEST: 0x6F}
SCRIPT_VERSION = {Network.MAIN: 0x05, Network.TEST: 0xC4, Network.REGTEST: 0xC4}

HASH_SIZE = 20
_KEY_START, _KEY_END = b"\x76\xa9\x14", b"\x88\xac"
_SCRIPT_START, _SCRIPT_END = b"\xa9\x14", b"\x87"
_OP_1, _OP_16 = 0x51, 0x60


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """``networks`` are all that spell it so: the test networks share their legacy addresses."""

    text: str
    script: bytes = field(repr=False)
    networks: frozenset[Network]

    @property
    def is_spendable(self) -> bool:
        """Whether only an owner can take what is paid to it.

        Witness versions without a meaning yet, and programs of version 1 that are no key, can be
        emptied by anybody.
        """
        if self.script[0] == 0 or not _OP_1 <= self.script[0] <= _OP_16:
            return True
        return self.script[0] == _OP_1 and len(self.script) == 34


def parse_address(text: str) -> Address:
    """Read an address of any kind and network. Raises ValueError that says what is wrong."""
    if not text:
        raise ValueError("is empty")
    start = text.lower()
    networks = frozenset(n for n, own in BECH32_PREFIX.items() if start.startswith(f"{own}1"))
    if networks:
        prefix, version, program = bech32.decode_program(text)
        if prefix not in BECH32_PREFIX.values():
            raise ValueError(f'has the prefix "{prefix}", which no network uses')
        opcode = 0x50 + version if version else 0
        script = bytes([opcode, len(program)]) + program
        return Address(text=text, script=script, networks=networks)
    payload = base58.decode(text)
    if len(payload) != 1 + HASH_SIZE:
        raise ValueError(f"holds {len(payload)} bytes instead of {1 + HASH_SIZE}")
    kinds = ((KEY_VERSION, _KEY_START, _KEY_END), (SCRIPT_VERSION, _SCRIPT_START, _SCRIPT_END))
    for versions, before, behind in kinds:
        networks = frozenset(n for n, version in versions.items() if version == payload[0])
        if networks:
            return Address(text=text, script=before + payload[1:] + behind, networks=networks)
    raise ValueError(f"begins with the byte {payload[0]:#04x}: an address of another currency")


def address_of(script: bytes, network: Network) -> str | None:
    """Return the address that pays to ``script``, None for a script that has none."""
    if len(script) == 25 and script.startswith(_KEY_START) and script.endswith(_KEY_END):
        return base58.encode(bytes([KEY_VERSION[network]]) + script[3:23])
    if len(script) == 23 and script.startswith(_SCRIPT_START) and script.endswith(_SCRIPT_END):
        return base58.encode(bytes([SCRIPT_VERSION[network]]) + script[2:22])
    if not 4 <= len(script) <= 42 or script[1] != len(script) - 2:
        return None
    opcode, program = script[0], script[2:]
    if opcode == 0:
        if len(program) not in bech32.VERSION_0_SIZES:
            return None
        return bech32.encode_program(BECH32_PREFIX[network], 0, program)
    if _OP_1 <= opcode <= _OP_16:
        return bech32.encode_program(BECH32_PREFIX[network], opcode - 0x50, program)
    return None
