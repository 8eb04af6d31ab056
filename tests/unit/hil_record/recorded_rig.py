"""Recordings of virtual sticks under their drivers, in warped time."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from luxminer.transport.base import Transport
from luxminer_hil.memory_transport import BoardTransport
from luxminer_hil.record.recorder import DEFAULT_LIMIT_BYTES, Recorder, RecordingTransport
from tests.unit.drivers.virtual_rig import Host, Rig
from tests.unit.drivers.warp import WarpClock

BAUDRATE = 115200


async def drive(rig: Rig, transport: Transport, seconds: float) -> BaseException | None:
    """Let the driver of a product run on ``transport``; return what it ended with by itself."""
    rig.host = Host(rig.job, rig.scale)
    device = await rig.spec.open(transport, rig.options)
    task = asyncio.create_task(device.run(rig.host))
    await asyncio.wait({task}, timeout=seconds)
    ended = task.done()
    task.cancel()
    await asyncio.wait({task})
    await transport.close()
    return task.exception() if ended else None


async def record(
    name: str,
    path: Path,
    seconds: float,
    *,
    limit_bytes: int = DEFAULT_LIMIT_BYTES,
    wrap: Callable[[Transport], Transport] = lambda transport: transport,
) -> Rig:
    """Record a virtual stick of a product for so long; return its rig."""
    rig = Rig(name)
    async with rig.stick:
        inner = wrap(BoardTransport(rig.stick, BAUDRATE))
        with Recorder(
            path,
            model=name,
            serial="V1",
            port=inner.name,
            capabilities=inner.capabilities,
            clock=WarpClock(),
            limit_bytes=limit_bytes,
        ) as recorder:
            await drive(rig, RecordingTransport(inner, recorder, BAUDRATE), seconds)
    return rig
