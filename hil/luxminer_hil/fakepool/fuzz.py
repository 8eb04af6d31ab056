"""Lines that are almost right: what a pool says, with something changed. Repeatable by the seed."""

import json
from collections.abc import Callable, Sequence
from random import Random

__all__ = ["bad_line"]

MAX_LINE_BYTES = 1 << 16

ODD_VALUES: tuple[str, ...] = (
    "null", "true", "false", "0", "-1", "1e400", "1e-400", "9" * 400, "0.1", '""', '"\\u0000"',
    '"\\ud800"', '"0x00"', '"' + "f" * 300 + '"', "[]", "{}", "[[[[]]]]", '{"a":{"b":[]}}',
    "NaN", "-Infinity", '"\\u001b[2J"', "2147483648", "4294967296", "[null,null]", "1.5",
)  # fmt: skip
"""As they stand in a line, since some of them are no JSON."""

MARK = '"?"'


def bad_line(random: Random, notify: Sequence[object]) -> bytes:
    """Return one line without its end; ``notify`` are the parameters of a good job.

    It may be a good line by chance, but never names a host that exists.
    """
    line = random.choice(CHANGES)(random, good_message(random, notify))
    return line.replace(b"\n", b" ")[:MAX_LINE_BYTES]


def good_message(random: Random, notify: Sequence[object]) -> dict[str, object]:
    """Return a message that a pool might send."""
    calls: list[tuple[str, Sequence[object]]] = [
        ("mining.notify", notify),
        ("mining.set_difficulty", [random.choice([1, 0.5, 1024])]),
        ("mining.set_extranonce", [f"{random.getrandbits(32):08x}", random.randint(2, 8)]),
        ("mining.set_version_mask", [f"{random.getrandbits(29):08x}"]),
        ("client.show_message", ["hello"]),
        ("client.reconnect", ["pool.invalid", 3333, 1]),
        ("mining.ping", []),
    ]
    method, params = random.choice(calls)
    message: dict[str, object] = {"id": None, "method": method, "params": list(params)}
    if random.random() < 0.25:
        message = {"id": random.randint(1, 20), "result": True, "error": None}
    return message


def odd_param(random: Random, message: dict[str, object]) -> bytes:
    """Make one parameter something else."""
    params = message.get("params")
    if isinstance(params, list) and params:
        params[random.randrange(len(params))] = "?"
        return spelled(message, random)
    return odd_member(random, message)


def odd_member(random: Random, message: dict[str, object]) -> bytes:
    """Make id, method, parameters, result or error something else."""
    message[random.choice(list(message))] = "?"
    return spelled(message, random)


def other_count(random: Random, message: dict[str, object]) -> bytes:
    """Leave parameters out, or add some."""
    params = message.get("params")
    if isinstance(params, list):
        if params and random.random() < 0.6:
            del params[random.randrange(len(params)) :]
        else:
            params.extend(["?"] * random.choice([1, 3, 300]))
    return spelled(message, random)


def missing_member(random: Random, message: dict[str, object]) -> bytes:
    del message[random.choice(list(message))]
    return spelled(message, random)


def cut_off(random: Random, message: dict[str, object]) -> bytes:
    line = spelled(message, random)
    return line[: random.randrange(1, len(line))]


def other_bytes(random: Random, message: dict[str, object]) -> bytes:
    """Change, lose and add a few bytes."""
    line = bytearray(spelled(message, random))
    for _ in range(random.choice([1, 1, 2, 8])):
        at = random.randrange(len(line))
        line[at : at + random.randint(0, 1)] = random.randbytes(random.randint(0, 2))
        line = line or bytearray(b"{")
    return bytes(line)


def deep(random: Random, message: dict[str, object]) -> bytes:
    """Put brackets inside brackets."""
    message[random.choice(list(message))] = "?"
    depth = random.choice([33, 500, 20_000])
    opening, closing = random.choice([("[", "]"), ('{"a":', "}")])
    inner = opening * depth + "1" + closing * depth
    return json.dumps(message).replace(MARK, inner, 1).encode()


def noise(random: Random, _message: dict[str, object]) -> bytes:
    return random.randbytes(random.choice([1, 16, 1000]))


def spelled(message: dict[str, object], random: Random) -> bytes:
    """Write it down, with an odd value for each mark."""
    line = json.dumps(message)
    while MARK in line:
        line = line.replace(MARK, random.choice(ODD_VALUES), 1)
    return line.encode()


CHANGES: tuple[Callable[[Random, dict[str, object]], bytes], ...] = (
    odd_param,
    odd_param,
    odd_member,
    other_count,
    missing_member,
    cut_off,
    other_bytes,
    deep,
    noise,
)
