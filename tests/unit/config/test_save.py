"""The saver: orders in, a file out that is right, or the one that was there."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from luxminer.check import check
from luxminer.clock import SystemClock
from luxminer.config import save as module
from luxminer.config.load import load, parse, render
from luxminer.config.save import NOT_SAVED, Saver, save_changes, section, write_keeping_mode
from luxminer.config.schema import ApiConfig, Config
from luxminer.control import Command, CommandBus
from luxminer.errors import CommandError, ConfigError
from luxminer.telemetry.events import EventLog

TEXT = "# mine\n[log]\nlevel = 'info' # loud\n\n[mining]\nprofile = '+1'\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLevel(Command):
    level: str


class Rig:
    def __init__(self, config: Config, path: Path | None) -> None:
        self.bus = CommandBus()
        self.events = EventLog(SystemClock())
        self.saver = Saver(config, path, bus=self.bus, events=self.events, check=check)
        self.saver.keep(SetLevel, section("log", lambda order: {"level": order.level}))

        async def owner(order: SetLevel) -> None:
            if order.level == "loud":
                raise CommandError("unknown-level", "no such level")

        self.bus.register(SetLevel, owner)

    async def order(self, level: str) -> None:
        await self.bus.send(SetLevel(level=level))

    @property
    def complaint(self) -> str:
        return next((e.text for e in self.events.snapshot() if e.code == NOT_SAVED.code), "")


@asynccontextmanager
async def saving(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setattr(module, "BATCH_S", 0.01)
    rig = Rig(load(path), path)
    task = asyncio.create_task(rig.saver.run())
    try:
        yield rig
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await rig.saver.end()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "luxminer.toml"
    path.write_text(TEXT)
    path.chmod(0o640)
    return path


def text_of(file: Path) -> str:
    return file.read_text()


def write(file: Path, text: str) -> None:
    file.write_text(text)


def mode_of(file: Path) -> int:
    return file.stat().st_mode & 0o7777


def beside(file: Path) -> list[Path]:
    return list(file.parent.iterdir())


async def test_a_burst_is_written_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writes = []
    whole = module.write_keeping_mode

    def counted(path: Path, data: bytes) -> None:
        writes.append(data)
        whole(path, data)

    monkeypatch.setattr(module, "write_keeping_mode", counted)
    async with saving(file, monkeypatch) as rig:
        for level in ("debug", "error", "warning", "debug"):
            await rig.order(level)
        with pytest.raises(CommandError):
            await rig.order("loud")
        await asyncio.sleep(0.15)
    assert len(writes) == 1
    assert text_of(file) == TEXT.replace("'info'", '"debug"')
    assert mode_of(file) == 0o640
    assert beside(file) == [file]


async def test_the_end_writes_what_is_left(file: Path) -> None:
    rig = Rig(load(file), file)
    await rig.order("error")
    await rig.saver.end()
    assert load(file).log.level == "error"


async def test_autosave_false_keeps_it_in_memory(file: Path) -> None:
    config = replace(load(file), api=ApiConfig(autosave=False))
    rig = Rig(config, file)
    await rig.order("error")
    await rig.saver.end()
    assert text_of(file) == TEXT
    assert rig.saver.config.log.level == "error"
    assert not rig.complaint


async def test_what_the_owner_wrote_meanwhile_is_kept(file: Path) -> None:
    rig = Rig(load(file), file)
    write(file, TEXT.replace("+1", "+2") + "# and that\n[stratum]\npatience_s = 9\n")
    await rig.order("error")
    await rig.saver.end()
    text = text_of(file)
    assert "profile = '+2'" in text
    assert "# and that\n[stratum]\npatience_s = 9\n" in text
    assert 'level = "error" # loud' in text


@pytest.mark.parametrize("broken", ["[log\n", "[log]\nlevel = 7\n", "[api]\nport = 8080\n"])
async def test_a_broken_file_is_left_alone_until_it_is_right(file: Path, broken: str) -> None:
    rig = Rig(load(file), file)
    write(file, broken)
    await rig.order("error")
    await rig.saver.save()
    await rig.saver.save()
    assert text_of(file) == broken
    assert "is left as it is" in rig.complaint
    assert rig.saver.config.log.level == "error"
    write(file, TEXT)
    await rig.saver.save()
    assert text_of(file) == TEXT.replace("'info'", '"error"')
    assert not rig.complaint


async def test_no_file_and_no_place_for_one_are_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path, words in ((None, "there is no file"), (tmp_path / "no" / "x.toml", "cannot be")):
        rig = Rig(Config(), path)
        with caplog.at_level("WARNING"):
            await rig.order("error")
            await rig.saver.save()
            await rig.order("debug")
            await rig.saver.save()
        assert words in rig.complaint
        assert rig.saver.config.log.level == "debug"
        assert len([r for r in caplog.records if "settings are not saved" in r.message]) == 1
        caplog.clear()


async def test_a_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "luxminer.toml"
    rig = Rig(Config(), path)
    await rig.order("error")
    await rig.saver.save()
    assert load(path) == rig.saver.config
    assert mode_of(path) == 0o600


def test_a_link_stays_one_and_its_target_is_replaced(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    write_keeping_mode(link, b"# x\n")
    assert link.is_symlink()
    assert file.read_bytes() == b"# x\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_stays(file: Path) -> None:
    os.chown(file, 1234, 4321)
    write_keeping_mode(file, b"# x\n")
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 4321)


def test_a_protected_file_is_not_replaced(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError):
        write_keeping_mode(file, b"# x\n")
    assert text_of(file) == TEXT
    assert beside(file) == [file]


def test_what_could_not_be_started_with_is_not_written(file: Path) -> None:
    before = load(file)
    after = replace(before, mining=replace(before.mining, profile="fast"))
    with pytest.raises(ConfigError):
        save_changes(file, before, after, check)
    assert text_of(file) == TEXT


WRITER = """\
import itertools, sys
from dataclasses import replace
from pathlib import Path
from luxminer.config.load import load
from luxminer.config.save import save_changes
file = Path(sys.argv[1])
print("ready", flush=True)
for number in itertools.count(1):
    before = load(file)
    after = replace(before, stratum=replace(before.stratum, patience_s=1.0 + number % 900))
    save_changes(file, before, after, lambda config: None)
"""


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "luxminer.toml"
    template = render()
    write(file, template)
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    seen = set()
    for _ in range(20):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(rng.random() * 0.2)
            writer.send_signal(signal.SIGKILL)
        text = text_of(file)
        patience_s = parse(text).stratum.patience_s
        seen.add(patience_s)
        expected = template.replace("patience_s = 60.0", f"patience_s = {patience_s}")
        assert text == expected, f"seed {seed}"
    assert len(seen) > 5, f"seed {seed}"
