"""Orders about the service and its machine, which is a fake one here."""

import asyncio
import logging
from pathlib import Path

import pytest

from luxminer.check import check
from luxminer.clock import SystemClock
from luxminer.config.load import load, render
from luxminer.config.save import Saver
from luxminer.config.schema import ApiConfig, Config
from luxminer.control import CommandBus
from luxminer.control.service import (
    RebootMachine,
    ResetConfig,
    RestartMining,
    RestartService,
    SaveConfig,
    SetLogLevel,
    StopService,
)
from luxminer.errors import CommandError
from luxminer.life import Ending, Life
from luxminer.telemetry.events import EventLog


class Rig:
    def __init__(self, config: Config, path: Path | None, programs: Path) -> None:
        self.bus = CommandBus()
        self.events = EventLog(SystemClock())
        self.saver = Saver(config, path, bus=self.bus, events=self.events, check=check)
        self.life = Life(self.saver, bus=self.bus, defaults=render, programs=str(programs))


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("order", "ending"),
    [
        (StopService(), Ending.STOP),
        (RestartService(), Ending.RESTART),
        (RestartMining(), Ending.RELOAD),
    ],
)
async def test_the_end_comes_after_the_reply(
    order: StopService | RestartService | RestartMining, ending: Ending, tmp_path: Path
) -> None:
    rig = Rig(Config(), None, tmp_path)
    await rig.bus.send(order)
    assert not rig.life.asked.is_set()
    async with asyncio.timeout(2):
        await rig.life.asked.wait()
    assert rig.life.ending is ending


async def test_reset_keeps_the_api_and_the_former_file(tmp_path: Path) -> None:
    path = tmp_path / "luxminer.toml"
    text = "# mine\n[api]\nport = 5555\n[log]\nlevel = 'debug'\n"
    path.write_text(text)
    path.chmod(0o644)
    rig = Rig(load(path), path, tmp_path)
    kept = tmp_path / "luxminer.toml.bak"
    assert await rig.bus.send(ResetConfig()) == str(kept)
    assert kept.read_text() == text
    assert kept.stat().st_mode & 0o7777 == 0o644
    assert load(path) == Config(api=ApiConfig(port=5555)) == rig.saver.config
    assert await rig.bus.send(ResetConfig()) == ""
    assert kept.read_text() == text


async def test_save_writes_beside_the_file_in_use_and_over_settings_only(tmp_path: Path) -> None:
    path = tmp_path / "luxminer.toml"
    path.write_text("# mine\n")
    (tmp_path / "other.toml").write_text("[tool.ruff]\nline-length = 100\n")
    rig = Rig(load(path), path, tmp_path)
    assert await rig.bus.send(SaveConfig(name="copy.toml")) == str(tmp_path / "copy.toml")
    assert (tmp_path / "copy.toml").read_text() == "# mine\n"
    for name in ("other.toml", "../up.toml", "a/b.toml", "ledger.db", ".toml", "\0.toml"):
        with pytest.raises(CommandError) as caught:
            await rig.bus.send(SaveConfig(name=name))
        assert caught.value.reason == "unwritable"
    assert "ruff" in (tmp_path / "other.toml").read_text()
    assert rig.events.snapshot() == ()
    with pytest.raises(CommandError):
        await Rig(Config(), None, tmp_path).bus.send(SaveConfig())


async def test_the_level_of_the_log_is_set_at_once(tmp_path: Path) -> None:
    rig = Rig(Config(), None, tmp_path)
    ours = [logging.getLogger(n) for n in ("", "luxminer", "luxminer_drivers", "luxminer_hil")]
    before = [logger.level for logger in ours]
    try:
        await rig.bus.send(SetLogLevel(level="trace"))
        assert [logger.level for logger in ours] == [logging.INFO, 5, 5, 5]
        with pytest.raises(CommandError):
            await rig.bus.send(SetLogLevel(level="loud"))
    finally:
        for logger, level in zip(ours, before, strict=True):
            logger.setLevel(level)


ALLOWED = Config(api=ApiConfig(allow_reboot=True))


async def test_a_reboot_has_to_be_allowed_and_possible(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        await Rig(Config(), None, tmp_path).bus.send(RebootMachine())
    assert caught.value.reason == "not-allowed"
    assert "allow_reboot" in str(caught.value)
    with pytest.raises(CommandError) as caught:
        await Rig(ALLOWED, None, tmp_path).bus.send(RebootMachine())
    assert caught.value.reason == "not-possible"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 's \"yes\"'", ""),
        ("echo 's \"challenge\"'", "challenge"),
        ("exit 1", "does not answer"),
        (None, "does not answer"),
    ],
)
async def test_logind_is_asked_first_by_those_who_are_not_root(
    script: str | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    done = tmp_path / "done"
    program(tmp_path, "systemctl", f'echo "$@" > {done}')
    if script is not None:
        program(tmp_path, "busctl", script)
    rig = Rig(ALLOWED, None, tmp_path)
    if reason:
        with pytest.raises(CommandError, match=reason):
            await rig.bus.send(RebootMachine())
        return
    await rig.bus.send(RebootMachine())
    await rig.life.end()
    assert done.read_text() == "--no-ask-password reboot\n"


async def test_a_reboot_that_fails_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    program(tmp_path, "systemctl", "exit 1")
    rig = Rig(ALLOWED, None, tmp_path)
    await rig.bus.send(RebootMachine())
    await rig.life.end()
    assert "does not restart" in caplog.text
