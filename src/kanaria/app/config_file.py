"""A settings file as plain values, and the line each key stands on.

In: paths of TOML or YAML files. Out: ``Parsed``, what ``tomllib`` or ``yaml`` read, and lines by key path for
messages. Python's TOML reader keeps no positions, so lines are found by looking for headers and keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, get_args

from kanaria.core.errors import ConfigError
from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass
from kanaria.core.words import Language

MOST_BYTES = 1 << 20
"""A settings file with ten thousand names has a quarter of this."""
_NO_FILE, _TOO_LARGE = "not an ordinary file", f"more than {MOST_BYTES:,} bytes"
_CLOSED = "run with sudo, or name settings of your own with --config; kanaria init writes some"
KeyPath = tuple[str | int, ...]
_HEADER = late_regex(r"^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = late_regex(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = late_regex(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
_TOML_PLACE = late_regex(r"\(at line (\d+)")


@dataclass(frozen=True)
class Parsed:
    """The content of a settings file."""

    path: str
    data: object
    lines: Mapping[KeyPath, int] = field(default_factory=dict)

    def line(self, key: KeyPath) -> int | None:
        """The line of a key, or of the nearest thing above it that has one."""
        for length in range(len(key), 0, -1):
            if (number := self.lines.get(key[:length])) is not None:
                return number
        return None


MACHINE = Path("/etc/kanaria/kanaria.toml")
"""The settings of the machine, for everybody on it."""


def language_of(path: Path | None) -> Language | None:
    """The language those settings name, before anybody checked the rest of them: what is wrong with them is said in it,
    too. None where they name none, cannot be read or can be read once only, as what a program writes into a pipe."""
    chosen = chosen_file(path)
    try:
        data = read(chosen).data if chosen and chosen.is_file() else None
    except ConfigError:
        return None
    named = data.get("language") if isinstance(data, Mapping) else None
    return next((language for language in get_args(Language) if language == named), None)


def chosen_file(named: Path | None) -> Path | None:
    """The file that is read: the named one, or the first default place that has one."""
    return named or next((candidate for candidate in default_places() if candidate.is_file()), None)


def closed(chosen: Path | None) -> bool:
    """Whether these are the machine's settings, which hold secrets, and whoever asks may not read them."""
    return chosen == MACHINE and not os.access(chosen, os.R_OK)


def default_places() -> tuple[Path, ...]:
    """Where settings are looked for when none are named, first one wins."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "kanaria"
    return home / "kanaria.toml", home / "kanaria.yaml", MACHINE


def read(path: Path) -> Parsed:
    """Read a file: TOML by its ending, else YAML. Raises ConfigError with file and line when it is neither."""
    kind = "TOML" if path.suffix == ".toml" else "YAML"
    try:
        text = _bounded(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            path=str(path),
            key="",
            expected=f"a readable {kind} file",
            got=(error.strerror or str(error)) if isinstance(error, OSError) else "bytes that are no UTF-8",
            cause=_CLOSED if isinstance(error, PermissionError) else "",
        ) from error
    return _toml(path, text) if kind == "TOML" else _yaml(path, text)


def _bounded(path: Path) -> str:
    """The text of a file; a device or a pipe in its place may never end. Raises OSError."""
    handed = path.parent in {Path("/dev/fd"), Path("/proc/self/fd")}  # as a shell hands on what a program writes
    if path.exists() and not path.is_file() and not path.is_dir() and not handed:
        raise OSError(_NO_FILE)
    with path.open("rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise OSError(_TOO_LARGE)
    return data.decode("utf-8")


def _toml(path: Path, text: str) -> Parsed:
    import tomllib

    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        line = int(place[1]) if place else text.count("\n") + 1
        raise ConfigError(
            path=str(path), line=line, key="", expected="a readable TOML file", got="a mistake in it", cause=str(error)
        ) from error
    except (RecursionError, ValueError) as error:
        raise _unreadable(path, "TOML", error) from error
    return Parsed(str(path), data, dict(_toml_lines(text)))


def _toml_lines(text: str) -> Iterator[tuple[KeyPath, int]]:
    """Key paths with their lines. A line inside a text of several lines may look like a key that nobody asks for."""
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = tuple(_parts(header[2]))
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            elif table[:1] in counts:  # a table inside the last of an array
                table = (table[0], counts[table[:1]], *table[1:])
            yield table, number
        elif key := _KEY.match(line):
            yield (*table, *_parts(key[1])), number


def _parts(dotted: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(dotted)]


def _yaml(path: Path, text: str) -> Parsed:
    import yaml  # only users with such a file pay for it

    try:
        data = yaml.safe_load(text)
        root = yaml.compose(text, yaml.SafeLoader)
        _refuse_doubles(path, root, set())
    except (RecursionError, ValueError) as error:
        raise _unreadable(path, "YAML", error) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(
            path=str(path), line=mark.line + 1 if mark else None, key="", expected="a readable YAML file",
            got="a mistake in it", cause=str(getattr(error, "problem", None) or error),
        ) from error  # fmt: skip
    return Parsed(str(path), {} if data is None else data, dict(_yaml_lines(root, (), set())))


def _yaml_lines(node: Any, prefix: KeyPath, walked: set[int]) -> Iterator[tuple[KeyPath, int]]:
    """Key paths with their lines. What an alias stands for is walked where it is written, and not once per alias: seven
    lines of aliases of aliases stand for millions of values."""
    if id(node) in walked:
        return
    walked.add(id(node))
    kind = getattr(node, "id", None)
    if kind == "mapping":
        for key, value in node.value:
            here = (*prefix, str(key.value))
            yield here, key.start_mark.line + 1
            yield from _yaml_lines(value, here, walked)
    elif kind == "sequence":
        for index, value in enumerate(node.value):
            yield (*prefix, index), value.start_mark.line + 1
            yield from _yaml_lines(value, (*prefix, index), walked)


def _unreadable(path: Path, kind: str, error: Exception) -> ConfigError:
    """Nested too deeply, or a number with too many digits."""
    words = "brackets nested too deeply" if isinstance(error, RecursionError) else str(error).partition(";")[0][:200]
    return ConfigError(path=str(path), key="", expected=f"a readable {kind} file", got=words)


def _refuse_doubles(path: Path, node: Any, walked: set[int]) -> None:
    """YAML lets the last of two equal keys win without a word: half of what somebody wrote would not count."""
    if id(node) in walked:
        return
    walked.add(id(node))
    if getattr(node, "id", None) == "sequence":
        for item in node.value:
            _refuse_doubles(path, item, walked)
    elif getattr(node, "id", None) == "mapping":
        seen: set[str] = set()
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in seen:
                raise ConfigError(path=str(path), line=line, key=name, expected="each key once", got="it again")
            seen.add(name)
            _refuse_doubles(path, value, walked)
