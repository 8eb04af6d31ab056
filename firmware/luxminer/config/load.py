"""Reads a configuration file into a `Config`, and renders one with a comment for each setting.

Nothing is guessed: an unknown key, a wrong type or a value out of range is a `ConfigError` that
names the key, the nearest valid name, and where in the file it stands.
"""

import contextlib
import dataclasses
import itertools
import json
import os
import re
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from luxminer.config.schema import Config
from luxminer.errors import ConfigError

__all__ = [
    "CONFIG_ENV",
    "MARK",
    "SYSTEM_CONFIG",
    "find_config",
    "load",
    "locate",
    "parse",
    "read",
    "render",
    "toml_value",
]

CONFIG_ENV = "LUXMINER_CONFIG"
SYSTEM_CONFIG = Path("/etc/luxminer/luxminer.toml")
MAX_FILE_BYTES = 1_000_000
MAX_TEXT = 512
"""Characters of a value; no path, name or address needs more."""
MAX_WHOLE = 1 << 63
MARK = "\ufeff"
"""Some editors begin a file with it."""
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")

TYPE_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
}


def find_config(option: str | None) -> Path | None:
    """Return the file to read: ``option``, else $LUXMINER_CONFIG, else the system's, else None."""
    if option is not None:
        return Path(option)
    if os.environ.get(CONFIG_ENV):
        return Path(os.environ[CONFIG_ENV])
    return SYSTEM_CONFIG if SYSTEM_CONFIG.exists() else None


def load(path: Path) -> Config:
    """Read and check a file. Raises ConfigError with line and column where they are known."""
    return parse(read(path))


def read(path: Path) -> str:
    """Return the text of a file. Raises ConfigError when there is none."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as exc:
        raise ConfigError(
            f"cannot read {path}: {exc.strerror}", cure="correct the path or its permissions"
        ) from exc
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(
            f"{path} is larger than {MAX_FILE_BYTES} bytes", cure="this is not a configuration"
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise ConfigError(
            f"{path} is not UTF-8 text: byte {exc.start} is {raw[exc.start]:#04x}",
            cure="save it as UTF-8",
        ) from exc


def parse(text: str) -> Config:
    """Check TOML text. Raises ConfigError."""
    text = text.removeprefix(MARK)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        words, line, column = _parser_words(text, str(exc))
        raise ConfigError(
            f"not TOML: {words}", cure="correct this line", line=line, column=column
        ) from exc
    except RecursionError as exc:
        raise ConfigError("not TOML: nested too deeply", cure="settings have two levels") from exc
    except ValueError as exc:
        raise ConfigError("a number has too many digits", cure="shorten it") from exc
    try:
        return typing.cast("Config", _build(Config, tree, ""))
    except ConfigError as exc:
        _locate(text, exc)
        raise


def locate(path: Path, exc: ConfigError) -> None:
    """Add line and column to an error that came up after ``path`` was loaded, where it has any."""
    if exc.line is None and exc.key:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            _locate(path.read_text(encoding="utf-8-sig"), exc)


def _locate(text: str, exc: ConfigError) -> None:
    # A value that the file leaves to its default has no place, nor has one with an odd name.
    with contextlib.suppress(ValueError, LookupError, TypeError):
        exc.line, exc.column = _position(text, exc.key)


def _parser_words(text: str, message: str) -> tuple[str, int, int]:
    """Take apart what the parser says, which ends with ``(at line 3, column 5)``."""
    words, _, place = message.rpartition(" (at ")
    numbers = [int(number) for number in re.findall(r"\d+", place)]
    line, column = numbers if len(numbers) == 2 else _line_column(text, len(text.rstrip()))
    return words or message, line, column


def _build(cls: type[Any], tree: Mapping[str, Any], path: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    values = {}
    for name, value in tree.items():
        shown = name if BARE_KEY.fullmatch(name) else json.dumps(name)
        key = f"{path}.{shown}" if path else shown
        if name not in fields:
            raise _unknown(key, name, fields)
        values[name] = _convert(hints[name], fields[name], value, key)
    for name, field in fields.items():
        required = field.default is dataclasses.MISSING
        if required and field.default_factory is dataclasses.MISSING and name not in values:
            raise ConfigError(
                "missing",
                key=f"{path}.{name}",
                cure=f'add {name} = "{field.metadata["example"]}" ({field.metadata["words"]})',
            )
    return cls(**values)


def _unknown(key: str, name: str, fields: Mapping[str, Any]) -> ConfigError:
    from difflib import get_close_matches  # only when something is wrong

    near = get_close_matches(name, fields, n=1)
    known = f"known here: {', '.join(sorted(fields))}"
    places = [
        title for title, cls in _sections() if name in {f.name for f in dataclasses.fields(cls)}
    ]
    cure = f"did you mean {near[0]}?" if near else known
    if places and not near:
        cure = f"it stands under {' or '.join(places)}"
    return ConfigError("unknown setting", key=key, value=name, cure=cure)


def _sections() -> Iterator[tuple[str, type[Any]]]:
    """Yield every section with the class of its settings."""
    hints = typing.get_type_hints(Config)
    for field in dataclasses.fields(Config):
        hint = hints[field.name]
        if typing.get_origin(hint) is tuple:
            yield f"[[{field.name}]]", typing.get_args(hint)[0]
        else:
            yield f"[{field.name}]", hint


def _convert(hint: Any, field: "dataclasses.Field[Any]", value: Any, key: str) -> Any:
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, dict):
            raise ConfigError(
                f"is {_show(value)}, not a section", key=key, value=value, cure=f"write [{key}]"
            )
        return _build(typing.cast("type[Any]", hint), value, key)
    if typing.get_origin(hint) is tuple:
        item = typing.get_args(hint)[0]
        if not isinstance(value, list):
            table = dataclasses.is_dataclass(item)
            cure = f"write [[{key}]]" if table else f'write {field.name} = ["..."]'
            raise ConfigError(f"is {_show(value)}, not a list", key=key, value=value, cure=cure)
        return tuple(_convert(item, field, entry, f"{key}[{n}]") for n, entry in enumerate(value))
    if hint is float and type(value) is int and abs(value) < MAX_WHOLE:
        value = float(value)
    if type(value) is not hint:
        secret = field.metadata["secret"]
        raise ConfigError(
            "is something else" if secret else f"is {_show(value)}",
            key=key,
            value=None if secret else value,
            cure=f"it must be {TYPE_WORDS[hint]}",
        )
    if isinstance(value, str) and len(value) > MAX_TEXT:
        reason = f"has {len(value)} characters"
        raise ConfigError(reason, key=key, cure=f"at most {MAX_TEXT} are possible")
    _check_range(field, value, key)
    return value


def _check_range(field: "dataclasses.Field[Any]", value: Any, key: str) -> None:
    low, high, choices = (field.metadata[word] for word in ("low", "high", "choices"))
    if choices and value not in choices:
        raise ConfigError(
            f"is {_show(value)}", key=key, value=value, cure=f"choose one of {', '.join(choices)}"
        )
    if isinstance(value, int | float):
        too_low = low is not None and not value >= low
        too_high = high is not None and not value <= high
        if too_low or too_high:
            raise ConfigError(
                f"is {_show(value)}",
                key=key,
                value=value,
                cure=f"it must be from {low:g} to {high:g}",
            )


def _show(value: object) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    if isinstance(value, bool):
        text = text.lower()
    return text if len(text) <= 60 else f"{text[:57]}..."


def _position(text: str, key: str) -> tuple[int | None, int | None]:
    """Find line and column of the value at a dotted key such as ``pools[1].url``.

    The value is replaced by a marker in the parsed document, which keeps everything else as it
    was written; where the marker comes out is where the value stood.
    """
    import tomlkit
    from tomlkit.items import AbstractTable

    document = tomlkit.parse(text)
    parent: Any = document
    *path, name = re.findall(r"[^.\[\]]+", key)
    for step in path:
        parent = parent[int(step) if step.isdecimal() else step]
    target = int(name) if name.isdecimal() else name
    if isinstance(target, str) and target not in parent:
        target = next(iter(parent), None)
    if target is None or isinstance(parent[target], AbstractTable | tomlkit.items.AoT):
        section = re.escape(name if not path else ".".join(path))
        found = re.finditer(rf"^[ \t]*\[+\s*{section}\s*\]", text, re.MULTILINE)
        header = next(itertools.islice(found, target if isinstance(target, int) else 0, None), None)
        return _line_column(text, header.end()) if header else (None, None)
    marker = "position-of-the-value"
    parent[target] = marker
    offset = tomlkit.dumps(document).find(f'"{marker}"')
    return _line_column(text, offset) if offset >= 0 else (None, None)


def _line_column(text: str, offset: int) -> tuple[int, int]:
    line_start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - line_start + 1


def render(config: Config | None = None) -> str:
    """Return TOML text with every setting, its explanation and its value.

    Without ``config`` it is the shipped template: defaults, and examples for pools and devices.
    """
    return "\n".join(_lines(config)) + "\n"


def _lines(config: Config | None) -> Iterator[str]:
    yield "# Settings of luxminer. Every line shows its default; a line that is left out keeps it."
    yield "# Check a file with: luxminer check-config -c FILE"
    hints = typing.get_type_hints(Config)
    for field in dataclasses.fields(Config):
        hint = hints[field.name]
        value = getattr(config, field.name) if config else None
        if typing.get_origin(hint) is tuple:
            item = typing.get_args(hint)[0]
            for entry in value or ():
                yield from _section(f"[[{field.name}]]", item, entry, comment="")
            if not value:
                yield from _section(f"[[{field.name}]]", item, None, comment="#")
        else:
            yield from _section(f"[{field.name}]", hint, value or hint(), comment="")


def _section(title: str, cls: type[Any], values: Any, *, comment: str) -> Iterator[str]:
    yield ""
    doc = (cls.__doc__ or "").strip().splitlines()[0]
    yield f"# {doc}"
    yield f"{comment}{title}"
    for field in dataclasses.fields(cls):
        meta = field.metadata
        notes = [meta["words"]]
        if meta["choices"]:
            notes.append("one of: " + ", ".join(meta["choices"]))
        elif meta["low"] is not None:
            notes.append(f"{meta['low']:g} to {meta['high']:g}")
        yield f"# {'; '.join(notes)}"
        if values is not None:
            value = getattr(values, field.name)
        else:
            value = field.default if meta["example"] is None else meta["example"]
        yield f"{comment}{field.name} = {toml_value(value)}"


def toml_value(value: object) -> str:
    """Write a value of a setting as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\u{ord(m[0]):04x}", escaped) + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(entry) for entry in value) + "]"
    if isinstance(value, float):
        return repr(value)
    assert isinstance(value, int), value
    return str(value)
