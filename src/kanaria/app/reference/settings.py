"""Settings: every key of the settings file with its type, default and the words beside its declaration."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from kanaria.app import config
from kanaria.app.reference import markup
from kanaria.app.reference.words import SETTINGS
from kanaria.core.types import Language, Text
from kanaria.core.values import dataclass

_HEADING = Text(en="Settings", ja="設定")
_INTRO = Text(
    en="One TOML file for all commands: the one that `--config` names, else `~/.config/kanaria/kanaria.toml`,"
    " else `/etc/kanaria/kanaria.toml`. The working directory is not looked into. `kanaria init` writes one."
    " Every key has a default unless said otherwise; unknown keys are refused with the nearest known one."
    " YAML files of version 0.1 are"
    " still read; `kanaria init --from OLD` converts them. Secrets may stand elsewhere: `env:NAME`, `file:PATH`,"
    " `credential:NAME` (systemd).",
    ja="すべてのコマンドに共通のTOMLファイル1つです。`--config` で指定したファイル、なければ "
    "`~/.config/kanaria/kanaria.toml`、なければ `/etc/kanaria/kanaria.toml` を読みます"
    "(作業フォルダは見ません)。`kanaria init` が作成します。特記のないキーには既定値があり、"
    "知らないキーは近い候補を示して拒否します。"
    "0.1のYAMLファイルも読めます(`kanaria init --from 旧ファイル` で変換できます)。秘密の値は `env:名前`、"
    "`file:パス`、`credential:名前`(systemd)で別の場所に置けます。",
)
_HEAD = {
    "en": ("key", "value", "default", "meaning"),
    "ja": ("キー", "値", "既定値", "意味"),
}
_EXAMPLE = Text(en="Example", ja="例")
EXAMPLE = """\
store = "store"
language = "ja"
home = ["192.0.2.0/24", "2001:db8::/32"]
alerts_per_day = 2
realert_hours = 12
rules = ["./my-rules"]

[allowed]
pools = ["pool.example.org"]
devices = ["192.0.2.40"]

[devices]
critical = ["192.0.2.53"]
roles = { "192.0.2.53" = "dns_server" }

[impact]
cores = 8
watts_per_core = 10
price_per_kwh = 0.30
currency = "EUR"

[[sources]]
kind = "file"
path = "/var/log/nginx/access.log"

[[notify]]
url = "env:KANARIA_NTFY"
severity = "medium"
digest = "daily"
quiet = "22:00-07:00"
"""
"""A settings file that ``app.config`` accepts; a test loads it."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One key, dotted; ``doc`` is the text below its declaration."""

    key: str
    kind: str
    default: str
    doc: str


def page(language: Language) -> str:
    """A table of all keys and an example file."""
    lines = markup.title(_HEADING, _INTRO, language)
    rows = [(markup.code(s.key), s.kind, markup.code(s.default), _meaning(s, language)) for s in settings()]
    # Keys and defaults are already in code style, which a table cell must not escape again.
    lines += ["| " + " | ".join(_HEAD[language]) + " |", "|---|---|---|---|"]
    lines += [f"| {key} | {kind} | {default} | {markup.cell(doc)} |" for key, kind, default, doc in rows]
    lines += ["", f"## {_EXAMPLE.to(language)}", "", *markup.fenced(EXAMPLE, "toml")]
    return markup.page(lines)


def settings() -> list[Setting]:
    """Every key of the settings file, in the order of declaration."""
    return list(_of(config.Config, ""))


def _of(kind: type[Any], prefix: str) -> Iterator[Setting]:
    docs, hints = _docs(kind), get_type_hints(kind)
    for field in fields(kind):
        hint = hints[field.name]
        if is_dataclass(hint) and isinstance(hint, type):
            yield from _of(hint, f"{prefix}{field.name}.")
            continue
        if (item := _table(hint)) is not None:
            yield from _of(item, f"{prefix}{field.name}[].")
            continue
        default = None if field.default is MISSING else field.default
        yield Setting(key=prefix + field.name, kind=_kind(hint), default=_shown(default), doc=docs.get(field.name, ""))


def _table(hint: Any) -> type[Any] | None:
    """What an array of tables holds; None for anything else."""
    item = get_args(hint)[0] if get_origin(hint) is tuple else None
    return item if isinstance(item, type) and is_dataclass(item) else None


def _kind(hint: Any) -> str:
    if choices := _choices(hint):
        return " / ".join(choices)
    numbers = dict.fromkeys((float, int, float | None), "number")
    kinds: Mapping[Any, str] = {config.Strings: "list of texts", **numbers, bool: "true or false"}
    return kinds.get(hint, "text" if "str" in str(hint) and "Mapping" not in str(hint) else "mapping of texts to texts")


def _choices(hint: Any) -> tuple[str, ...]:
    arms = (hint, *get_args(hint))
    return next((get_args(arm) for arm in arms if get_origin(arm) is Literal), ())


def _shown(default: object) -> str:
    return "[]" if default == () else "" if default is None else str(default)


def _docs(kind: type[Any]) -> dict[str, str]:
    """Attribute to the string literal that follows its declaration."""
    body = ast.parse(inspect.getsource(kind)).body[0]
    docs: dict[str, str] = {}
    previous = ""
    for node in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            previous = node.target.id
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and previous:
            docs[previous] = inspect.cleandoc(str(node.value.value)).replace("``", "`")
            previous = ""
    return docs


def _meaning(setting: Setting, language: Language) -> str:
    return SETTINGS.get(setting.key, setting.doc) if language == "ja" else setting.doc
