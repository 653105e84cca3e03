"""Every key of the settings × every wrong value: refused with file, line and key, in both languages; right ones are taken.

The keys come from the declarations, so that a new one is here without being entered.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
import yaml

from kanaria.app.config import Config, load
from kanaria.core.errors import ConfigError
from tests.app.running import Kanaria

REQUIRED: Mapping[str, str] = {
    "sources": 'kind = "stdin"', "notify": 'url = "json://127.0.0.1/"', "maintenance": 'hours = "02:00-04:00"',
}  # fmt: skip
"""What a table of each list cannot do without."""


@dataclass(frozen=True)
class Key:
    """One key: the table it stands in (``[x]``, ``[[x]]`` or none), its name and its type."""

    table: str
    listed: bool
    name: str
    kind: Any

    def __str__(self) -> str:
        return f"{self.table}.{self.name}" if self.table else self.name

    @property
    def shown(self) -> str:
        """As messages call it."""
        return f"{self.table}[1].{self.name}" if self.listed else str(self)

    def settings(self, value: str) -> tuple[str, int]:
        """A file with this key, and the line it is on."""
        if not self.table:
            return f"{self.name} = {value}\n", 1
        if not self.listed:
            return f"[{self.table}]\n{self.name} = {value}\n", 2
        required = REQUIRED[self.table]
        if required.startswith(f"{self.name} ="):
            return f"[[{self.table}]]\n{self.name} = {value}\n", 2
        return f"[[{self.table}]]\n{required}\n{self.name} = {value}\n", 3


def plain(kind: Any) -> Any:
    """Without ``None``."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(arm for arm in get_args(kind) if arm is not type(None))
    return kind


def keys() -> Iterator[Key]:
    for name, hint in get_type_hints(Config, include_extras=True).items():
        kind = plain(hint)
        inner = get_args(kind)[0] if get_origin(kind) is tuple and is_dataclass(get_args(kind)[0]) else kind
        if not is_dataclass(inner):
            yield Key("", False, name, kind)
            continue
        for below, its in get_type_hints(inner, include_extras=True).items():
            yield Key(name, inner is not kind, below, plain(its))


KEYS = tuple(keys())
TEXTS, NUMBERS = ('"text"', '"0"', '""'), ("7", "0", "-1", "2.5", "-0.5", "inf", "nan")
OTHERS = ("true", '["a"]', "[1]", "[[]]", "{ a = 1 }", "2026-06-21T07:01:00Z", "07:01:00")


def good(kind: Any, value: str) -> bool:
    """Whether a TOML value is one of a type, as far as types say it."""
    if kind is bool:
        return value == "true"
    if kind is int:
        return value == "7"
    if get_origin(kind) is Annotated:
        return value in {"7", "0", "2.5"}
    if kind is float:
        return value in {"7", "2.5"}
    if kind is str:
        return value in TEXTS
    if get_origin(kind) is tuple and get_args(kind)[0] is str:
        return value == '["a"]'
    if get_origin(kind) is Literal:
        return value.strip('"') in get_args(kind)
    return False  # tables and mappings: none of these values


WRONG = [(key, value) for key in KEYS for value in (*TEXTS, *NUMBERS, *OTHERS) if not good(key.kind, value)]


def refused(folder: Path, text: str) -> ConfigError:
    (folder / "k.toml").write_text(text)
    with pytest.raises(ConfigError) as error:
        load(folder / "k.toml")
    return error.value


def test_every_key_is_here() -> None:
    assert len(KEYS) > 85
    assert {str(key) for key in KEYS} >= {
        "store",
        "serve.listen",
        "notify.url",
        "sources.kind",
        "limits.findings",
        "events.days",
    }


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_wrong_value_is_refused_with_its_place(tmp_path: Path, key: Key) -> None:
    """Each of up to seventeen, and what it was is said; never a traceback, never a value that is taken for another."""
    wrong = [value for other, value in WRONG if other == key]
    assert len(wrong) >= 8
    for value in wrong:
        text, line = key.settings(value)
        error = refused(tmp_path, text)
        said, japanese = str(error), error.to("ja")
        assert said.startswith(f"{tmp_path}/k.toml:{line}: {key.shown}"), (value, said)
        assert ": expected " in said and "; got " in said
        assert "expected" not in japanese and "必要なもの: " in japanese and "実際: " in japanese, japanese


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_a_key_that_is_almost_right_is_refused_with_the_right_one(tmp_path: Path, key: Key) -> None:
    text, line = Key(key.table, key.listed, f"{key.name}z", key.kind).settings("1")
    if key.listed and f"{key.name} =" in REQUIRED[key.table]:
        text, line = f"[[{key.table}]]\n{REQUIRED[key.table]}\n{key.name}z = 1\n", 3
    said = str(refused(tmp_path, text))
    assert f"k.toml:{line}: {key.shown}z: expected a known setting; got '{key.name}z'" in said
    assert "did you mean" in said


@pytest.mark.parametrize("table", sorted({key.table for key in KEYS if key.table}))
@pytest.mark.parametrize("value", ["1", '"text"', "true", "[1]"])
def test_a_table_that_is_none_is_refused(tmp_path: Path, table: str, value: str) -> None:
    error = refused(tmp_path, f'language = "en"\n{table} = {value}\n')
    assert str(error).startswith(f"{tmp_path}/k.toml:2: {table}")


@pytest.mark.parametrize("table", sorted(REQUIRED))
def test_one_table_where_a_list_is_meant_says_how_it_is_written(tmp_path: Path, table: str) -> None:
    assert f"expected [[{table}]] tables" in str(refused(tmp_path, f"[{table}]\n{REQUIRED[table]}\n"))


def test_which_keys_are_a_choice() -> None:
    """Not read from the declarations: one that became any text would be checked no more."""
    assert {str(key) for key in KEYS if get_origin(key.kind) is Literal} == {
        "language", "sources.kind", "sources.start", "sources.protocol", "notify.severity", "notify.digest",
        "notify.language", "notify.quiet_severity", "maintenance.severity", "serve.log",
    }  # fmt: skip


@pytest.mark.parametrize("key", [key for key in KEYS if get_origin(key.kind) is Literal], ids=str)
def test_every_choice_is_taken_and_a_typing_error_names_the_nearest(tmp_path: Path, key: Key) -> None:
    for choice in get_args(key.kind):
        if str(key) == "sources.kind":
            continue  # each needs keys of its own
        text, _line = key.settings(f'"{choice}"')
        if str(key) == "sources.protocol":
            text = text.replace('"stdin"', '"syslog"')
        if str(key) == "sources.start":
            text = text.replace('"stdin"', '"journal"')
        (tmp_path / "k.toml").write_text(text)
        load(tmp_path / "k.toml")
    longest = max(get_args(key.kind), key=len)
    text, _line = key.settings(f'"{longest[:-1]}"')
    said = str(refused(tmp_path, text))
    assert f"expected one of {', '.join(get_args(key.kind))}" in said and "did you mean" in said


@pytest.mark.parametrize("key", [key for key in KEYS if key.kind in (float, int)], ids=str)
@pytest.mark.parametrize("number", [1, 3, 10_000])
def test_a_number_is_taken_as_it_is(tmp_path: Path, key: Key, number: int) -> None:
    if str(key) == "baseline.half_life_days" and number < 7:
        assert "at least 7 days" in str(refused(tmp_path, key.settings(str(number))[0]))
        return
    (tmp_path / "k.toml").write_text(key.settings(str(number))[0])
    settings: Any = load(tmp_path / "k.toml")
    table = getattr(settings, key.table) if key.table else settings
    assert getattr(table[0] if key.listed else table, key.name) == number


def test_an_empty_file_is_the_defaults_and_every_default_can_be_written_down(tmp_path: Path) -> None:
    (tmp_path / "k.toml").write_text("")
    assert load(tmp_path / "k.toml") == Config()
    lines: dict[str, list[str]] = {"": []}
    for key in KEYS:
        if key.listed:
            continue
        owner: Any = Config() if not key.table else getattr(Config(), key.table)
        value = getattr(owner, key.name)
        if value is None or value == () or isinstance(value, Mapping):
            continue
        shown = f'"{value}"' if isinstance(value, str) else str(value).lower()
        lines.setdefault(key.table, []).append(f"{key.name} = {shown}")
    text = "\n".join([*lines.pop(""), *(f"[{table}]\n" + "\n".join(rows) for table, rows in lines.items())])
    (tmp_path / "k.toml").write_text(text + "\n")
    assert load(tmp_path / "k.toml") == Config()


@pytest.mark.parametrize("key", [key for key in KEYS if not key.listed and key.kind in (float, int, bool)], ids=str)
def test_yaml_of_the_first_version_means_the_same(tmp_path: Path, key: Key) -> None:
    value = True if key.kind is bool else 30
    (tmp_path / "k.yaml").write_text(yaml.safe_dump({key.table: {key.name: value}} if key.table else {key.name: value}))
    (tmp_path / "k.toml").write_text(key.settings(str(value).lower())[0])
    assert load(tmp_path / "k.yaml") == load(tmp_path / "k.toml")


# Values that a type lets pass and that mean nothing.
SENSELESS = [
    ('home = ["192.0.2.0/33"]', 1, "home[1]", "a network such as 192.0.2.0/24"),
    ('home = ["192.0.2.1", "x"]', 1, "home[2]", "a network such as 192.0.2.0/24"),
    ("[baseline]\nhalf_life_days = 6.9", 2, "baseline.half_life_days", "at least 7 days"),
    ('[serve]\nlisten = "9477"', 2, "serve.listen", "address:port"),
    ('[serve]\nlisten = "localhost:"', 2, "serve.listen", "address:port"),
    ('[serve]\nlisten = "127.0.0.1:65536"', 2, "serve.listen", "address:port"),
    ('[serve]\nlisten = "::1:9477"', 2, "serve.listen", "address:port"),
    ('[serve]\nacknowledge_listen = "off"', 2, "serve.acknowledge_listen", "address:port"),
    ('[[sources]]\nkind = "syslog"\nlisten = "x"', 3, "sources[1].listen", "address:port"),
    ('[[sources]]\nkind = "syslog"\nsenders = ["192.0.2.1", "host"]', 3, "sources[1].senders[2]", "a network such as"),
    ('[[sources]]\nkind = "file"\npath = ""', 3, "sources[1].path", "a path"),
    ('[[sources]]\nkind = "file"', 1, "sources[1]", "path for a source of kind file"),
    ('[[sources]]\nkind = "redis"\nurl = "x"', 1, "sources[1]", "streams for a source of kind redis"),
    ('[[sources]]\nkind = "stdin"\nunits = ["x"]', 3, "sources[1].units", "a setting of stdin"),
    ('[[sources]]\nkind = "kafka"\nbrokers = "b"\ntopics = ["t"]\noptions = { "enable.auto.commit" = "true" }', 5,
     "sources[1].options.enable.auto.commit", "an option that is not Kanaria's own to set"),
    ('[[sources]]\nkind = "stdin"\nname = "a"\n[[sources]]\nkind = "journal"\nname = "a"', 4, "sources[2]", "a name that no other has"),
    ('[[sources]]\nkind = "file"\npath = "a"\n[[sources]]\nkind = "file"\npath = "a"', 4, "sources[2]", "a name that no other has"),
    ('[[notify]]\nurl = "x"\nname = "a"\n[[notify]]\nurl = "y"\nname = "a"', 4, "notify[2]", "a name that no other has"),
    ('[[notify]]\nurl = "x"\ndigest_at = "8:0"', 3, "notify[1].digest_at", "a time such as 08:00"),
    ('[[notify]]\nurl = "x"\ndigest_at = "24:00"', 3, "notify[1].digest_at", "a time such as 08:00"),
    ('[[notify]]\nurl = "x"\ndigest_at = "٠٨:٠٠"', 3, "notify[1].digest_at", "a time such as 08:00"),
    ('[[notify]]\nurl = "x"\nquiet = "22:00"', 3, "notify[1].quiet", "hours such as 22:00-07:00"),
    ('[[notify]]\nurl = "x"\nquiet = "22:00-25:00"', 3, "notify[1].quiet", "hours such as 22:00-07:00"),
    ('[[notify]]\nurl = "x"\nquiet = ""', 3, "notify[1].quiet", "hours such as 22:00-07:00"),
    ('[[maintenance]]\nbegin = "2026-12-05T22:00+09:00"', 1, "maintenance[1]", "begin and end, or hours"),
    ('[[maintenance]]\ndays = ["sun"]', 1, "maintenance[1]", "begin and end, or hours"),
    ('[[maintenance]]\nhours = "1:00-2:00"\nbegin = "2026-12-05T22:00Z"\nend = "2026-12-06T22:00Z"', 1, "maintenance[1]", "begin and end, or hours"),
    ('[[maintenance]]\nbegin = "2026-12-05 22:00"\nend = "2026-12-06T22:00Z"', 2, "maintenance[1].begin", "a time such as"),
    ('[[maintenance]]\nbegin = "2026-12-05T22:00Z"\nend = "tomorrow"', 3, "maintenance[1].end", "a time such as"),
    ('[[maintenance]]\nhours = "02:00-04:00"\ndays = ["sun", "mo"]', 3, "maintenance[1].days[2]", "one of mon, tue"),
    ('timezone = "Mars"', 1, "timezone", "a zone such as Asia/Tokyo"),
    ('[devices]\nroles = { "192.0.2.1" = 1 }', 2, "devices.roles", "a mapping of texts to texts"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key", "expected"), SENSELESS)
def test_what_has_its_type_and_no_sense_is_refused_as_well(
    tmp_path: Path, text: str, line: int, key: str, expected: str
) -> None:
    error = refused(tmp_path, f"{text}\n")
    assert str(error).startswith(f"{tmp_path}/k.toml:{line}: {key}: expected {expected}"), str(error)
    assert "expected" not in error.to("ja")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"store = x\n", "expected a readable TOML file"), (b'a = "1\n', "expected a readable TOML file"),
        (b"\xff\xfe\x00", "expected"), (b'store = "a"\nstore = "b"\n', "expected a readable TOML file"), (b"[a\n", "expected a readable TOML file"),
        (b'[serve]\nlisten = "off"\n[serve]\nlog = "json"\n', "expected a readable TOML file"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_told_in_a_line(
    kanaria: Kanaria, tmp_path: Path, text: bytes, words: str
) -> None:
    (tmp_path / "k.toml").write_bytes(text)
    for command in ("check-config", "status", "serve"):
        done = kanaria(command, "--config", "k.toml")
        assert (done.status, done.out, len(done.err.splitlines())) == (2, "", 1)
        assert done.err.startswith("kanaria: k.toml") and words in done.err


def test_a_hostile_value_is_shown_harmlessly(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "k.toml").write_text('language = "\\u001b[2J\\u202e"\n')
    done = kanaria("check-config", "--config", "k.toml")
    assert done.status == 2 and not {"\x1b", "\u202e"} & set(done.err)


def test_declarations_have_a_default_or_are_needed() -> None:
    """A key without a default is one that its table cannot do without."""
    from kanaria.app.config_live import Channel, Maintenance, Source

    for kind, name in ((Source, "sources"), (Channel, "notify"), (Maintenance, "maintenance")):
        needed = [one.name for one in fields(kind) if one.default is MISSING and one.default_factory is MISSING]
        assert needed == ([REQUIRED[name].split(" ")[0]] if name != "maintenance" else [])
