"""Settings as commented TOML, and YAML settings of version 0.1 as TOML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from kanaria.app.config_live import Source
from kanaria.app.init.machine import Candidate
from kanaria.core.types import Language, Text

HEAD = Text(
    en="Settings of Kanaria. Every key: kanaria's reference, settings. Check: kanaria check-config",
    ja="Kanariaの設定です。すべてのキーはリファレンスの「設定」に、確認は kanaria check-config で行えます。",
)
STORE = Text(en="Everything that is kept.", ja="すべてを保存するフォルダです。")
HOME = Text(
    en='Your networks, for example ["192.0.2.0/24"]. Without it, private address space counts as yours.',
    ja='自分のネットワークです(例: ["192.0.2.0/24"])。省略すると、プライベートアドレスを自分のものとみなします。',
)
MORE = Text(
    en="What else can be watched: syslog, http, netflow, kafka (topics), redis (streams). Each is a [[sources]] table.",
    ja="ほかに syslog、http、netflow、kafka(トピック)、redis(ストリーム)も [[sources]] として監視できます。",
)
NOTIFY = Text(
    en="Whom to notify: an Apprise URL (ntfy://, mailto://, discord://, …). Try it: kanaria notify test",
    ja="通知先です。AppriseのURL(ntfy://、mailto://、discord:// など)を書きます。確認: kanaria notify test",
)
DIGEST = Text(
    en="What is less severe comes in one message a day.",
    ja="これより重大度の低いものは、1日1通にまとめて届きます。",
)
NOTHING = Text(
    en="Nothing was found to watch; add it here:", ja="監視対象が見つかりませんでした。ここに追加してください:"
)


def settings_text(candidates: Sequence[Candidate], *, store: str, url: str | None, language: Language) -> str:
    """A settings file for what was found."""
    lines = [f"# {HEAD.to(language)}", "", f"# {STORE.to(language)}", f"store = {text(store)}"]
    lines += [f"language = {text(language)}", "", f"# {HOME.to(language)}", "# home = []", ""]
    if not candidates:
        lines += [f"# {NOTHING.to(language)}", "# [[sources]]", '# kind = "file"', '# path = "/var/log/access.log"', ""]
    for item in candidates:
        lines += [*_source(item, language), ""]
    lines += [f"# {MORE.to(language)}", "", f"# {NOTIFY.to(language)}"]
    mark = "" if url else "# "
    lines += [f"{mark}[[notify]]", f"{mark}url = {text(url or 'ntfy://ntfy.sh/my-secret-topic')}"]
    lines += [f'{mark}severity = "medium"', f"# {DIGEST.to(language)}", f'{mark}digest = "daily"']
    return "\n".join(lines) + "\n"


def _source(item: Candidate, language: Language) -> Iterator[str]:
    yield f"# {item.what.to(language)}"
    if item.problem is not None:
        yield f"# {item.problem.to(language)}"
    mark = "# " if item.asleep else ""
    yield f"{mark}[[sources]]"
    for field in fields(Source):
        value = getattr(item.source, field.name)
        if value not in (None, (), {}) and (field.name == "kind" or value != field.default):
            yield f"{mark}{field.name} = {value_text(value)}"


def toml(data: Mapping[str, Any]) -> str:
    """Plain values as TOML: single values first, then tables."""
    lines = [f"{key_text(key)} = {value_text(value)}" for key, value in data.items() if not isinstance(value, Mapping)]
    for key, value in data.items():
        if isinstance(value, Mapping):
            lines += ["", f"[{key_text(key)}]", *(f"{key_text(k)} = {value_text(v)}" for k, v in value.items())]
    return "\n".join(lines) + "\n"


def value_text(value: Any) -> str:
    """A value as TOML writes it; mappings in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key_text(k)} = {value_text(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(value_text(item) for item in value) + "]"
    return text(str(value))


def key_text(key: str) -> str:
    return key if key.isascii() and key.replace("_", "").replace("-", "").isalnum() else text(key)


def text(value: str) -> str:
    """A basic string: JSON's escapes are TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
