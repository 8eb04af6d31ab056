"""Saved settings are those that were changed, and the rest of the file is as its owner wrote it."""

import dataclasses
import random
import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from luxminer.config.changes import apply, diff
from luxminer.config.edit import edit
from luxminer.config.load import parse, render, toml_value
from luxminer.config.schema import Config, DeviceConfig, GroupConfig, PoolConfig

SEEDS = st.integers(0, 2**32)
TEXTS = ("x", "a # b", "[[pools]]", 'q"q', "back\\slash", "line\nfeed", "ünï", "")


def some_row(rng: random.Random, cls: type[Any]) -> Any:
    if cls is PoolConfig:
        row: Any = PoolConfig(url=f"stratum+tcp://p{rng.randrange(4)}:1", user=rng.choice("ab"))
    elif cls is DeviceConfig:
        row = DeviceConfig(serial=f"s{rng.randrange(9)}")
    else:
        row = GroupConfig(name=f"g{rng.randrange(6)}")
    return changed_row(rng, changed_row(rng, row))


def changed_row(rng: random.Random, row: Any) -> Any:
    known = {
        PoolConfig: ("enabled", "password", "quota", "backup_urls"),
        DeviceConfig: ("enabled", "frequency_mhz", "chip_frequency_mhz"),
        GroupConfig: ("quota", "rotate_s"),
    }
    key = rng.choice(known[type(row)])
    return dataclasses.replace(row, **{key: some_value(rng, getattr(row, key), key)})


def some_value(rng: random.Random, old: Any, key: str) -> Any:
    if isinstance(old, bool):
        return rng.random() < 0.5
    if isinstance(old, str):
        return rng.choice(TEXTS)
    if isinstance(old, tuple):
        length = rng.randrange(4)
        return tuple("[#]" if key == "backup_urls" else rng.random() for _ in range(length))
    return rng.choice((60.0, 61.1, 333.25, 700.0)) if key == "rotate_s" else rng.random() * 100


def changed(rng: random.Random, config: Config) -> Config:
    for _ in range(rng.randrange(1, 6)):
        section = rng.choice(("pools", "devices", "groups", "log", "stratum", "mining"))
        if section == "log":
            log = dataclasses.replace(config.log, level=rng.choice(("trace", "debug", "error")))
            config = dataclasses.replace(config, log=log)
        elif section == "stratum":
            stratum = dataclasses.replace(config.stratum, patience_s=1.0 + rng.randrange(99))
            config = dataclasses.replace(config, stratum=stratum)
        elif section == "mining":
            mining = dataclasses.replace(config.mining, profile=f"+{rng.randrange(9)}")
            config = dataclasses.replace(config, mining=mining)
        else:
            rows = changed_rows(rng, section, list(getattr(config, section)))
            lists: dict[str, Any] = {section: tuple(rows)}
            config = dataclasses.replace(config, **lists)
    return config


CLASSES = {"pools": PoolConfig, "devices": DeviceConfig, "groups": GroupConfig}


def changed_rows(rng: random.Random, section: str, rows: list[Any]) -> list[Any]:
    what = rng.randrange(4)
    if what == 0 or not rows:
        rows.append(some_row(rng, CLASSES[section]))
    elif what == 1:
        del rows[rng.randrange(len(rows))]
    elif what == 2:
        rng.shuffle(rows)
    else:
        place = rng.randrange(len(rows))
        rows[place] = changed_row(rng, rows[place])
    return rows


class Written:
    """A file as an owner might write it, and whose comments are whose."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._lines: list[str] = []
        self.free: list[str] = []
        """Comments that are no row's own."""
        self._count = 0
        config = changed(rng, changed(rng, changed(rng, Config())))
        parts: list[tuple[str, Any]] = [
            (f"[[{name}]]", row) for name in CLASSES for row in getattr(config, name)
        ]
        parts += [("[log]", config.log), ("[stratum]", config.stratum), ("[mining]", config.mining)]
        rng.shuffle(parts)
        for header, values in parts:
            self._part(header, values)
        self.text = rng.choice(("", "\n")).join(("\n".join(self._lines), ""))

    def _comment(self) -> str:
        self._count += 1
        odd = self._rng.choice(("", " [[pools]]", ' = "', " '''", " \\"))
        return f"# comment {self._count}{odd}"

    def _part(self, header: str, values: Any) -> None:
        rng, own = self._rng, header.startswith("[[")
        if rng.random() < 0.5:
            self._lines += ["", self._freely(), ""]
        if rng.random() < 0.5:
            self._lines.append(self._comment() if own else self._freely())
        self._lines.append(header.replace("[", "[ ") if rng.random() < 0.2 and not own else header)
        for field in dataclasses.fields(values):
            value = getattr(values, field.name)
            if value == field.default and rng.random() < 0.9:
                continue
            if rng.random() < 0.3:
                self._lines.append("  " + (self._comment() if own else self._freely()))
            text = toml_value(value)
            if isinstance(value, tuple) and value and rng.random() < 0.5:
                inner = ",\n".join(f"  {toml_value(v)}" for v in value)
                text = f"[\n  # [log]\n{inner},\n]"
            if isinstance(value, str) and value == "x" and rng.random() < 0.5:
                text = '"""\\\n    x"""'
            behind = ""
            if rng.random() < 0.3:
                behind = f"  {self._comment() if own else self._freely()}"
            self._lines.append(f"{field.name} = {text}{behind}")

    def _freely(self) -> str:
        self.free.append(self._comment())
        return self.free[-1]


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_what_is_saved_is_what_was_changed(seed: int) -> None:
    rng = random.Random(seed)
    written = Written(rng)
    before = parse(written.text)
    after = changed(rng, before)
    changes = diff(before, after)
    text = edit(written.text, changes)
    assert parse(text) == after, f"seed {seed}\n{written.text}\n---\n{text}"
    assert edit(text, []) == text
    for comment in written.free:
        assert comment in text, f"seed {seed}: {comment} of\n{written.text}\n---\n{text}"


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_what_the_owner_changed_meanwhile_is_kept(seed: int) -> None:
    """Changes made in one copy of the file fit on another one; settings are merged by their key."""
    rng = random.Random(seed)
    written = Written(rng)
    before = parse(written.text)
    changes = diff(before, changed(rng, before))
    owners = edit(written.text, diff(before, changed(rng, before)))
    merged = edit(owners, changes)
    assert parse(merged) == apply(parse(owners), changes), f"seed {seed}\n{owners}\n---\n{merged}"


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_the_shipped_file_takes_every_change(seed: int) -> None:
    rng = random.Random(seed)
    template = render()
    after = changed(rng, changed(rng, Config()))
    text = edit(template, diff(Config(), after))
    assert parse(text) == after, f"seed {seed}\n{text}"
    assert [line for line in template.splitlines() if line.startswith("#")] == [
        line for line in text.splitlines() if line.startswith("#")
    ]


def test_only_what_changed_changes() -> None:
    text = (
        "# mine\nlog.level = 'info'   # loud\n\n# first\n[[pools]]\nurl = \"a:1\" # one\nuser='b'\n"
        '# its own\n#quota = 2\n\n# nobody\'s\n\n# second\n[[pools]]\n  url = "c:1"\r\n'
    )
    before = parse(text)
    second, first = before.pools[1], dataclasses.replace(before.pools[0], enabled=False)
    after = dataclasses.replace(
        before,
        log=dataclasses.replace(before.log, level="debug"),
        pools=(second, first),
    )
    assert edit(text, diff(before, after)) == (
        '# mine\nlog.level = "debug"   # loud\n\n# second\n[[pools]]\n  url = "c:1"\r\n'
        "\n# nobody's\n\n# first\n[[pools]]\nurl = \"a:1\" # one\nuser='b'\n# its own\n#quota = 2\n"
        "enabled = false\n"
    )
    assert edit(text, diff(before, dataclasses.replace(before, pools=(second,)))) == (
        "# mine\nlog.level = 'info'   # loud\n\n\n# nobody's\n\n# second\n[[pools]]\n"
        '  url = "c:1"\r\n'
    )


def test_lists_and_sections_in_one_line() -> None:
    text = 'pools = [{url = "a:1"}, {url = "b:1", quota = 2}] # mine\nlog = {level = "info"}\n'
    before = parse(text)
    after = dataclasses.replace(
        before,
        log=dataclasses.replace(before.log, level="debug", hashrate_interval_s=7),
        pools=(before.pools[1], PoolConfig(url="c:1")),
    )
    text = edit(text, diff(before, after))
    assert parse(text) == after
    assert "# mine" in text
    assert tomllib.loads(text)["pools"][0] == {"url": "b:1", "quota": 2.0}
