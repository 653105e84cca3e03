"""Formats: name, tables and an example of each, from the registry."""

from __future__ import annotations

from kanaria.app.format_titles import title_of
from kanaria.app.reference import markup
from kanaria.core.text import printable
from kanaria.core.types import Language, Text
from kanaria.formats import registry

_HEADING = Text(en="Formats", ja="形式")
_INTRO = Text(
    en="The format is found by looking at the content; `--input-format NAME` overrides that. Inputs may be compressed"
    " with gzip, bzip2, xz or zstd, and syslog or journald prefixes may stand in front of text lines.",
    ja="形式は内容から判定します。`--input-format 名前` で指定もできます。入力はgzip、bzip2、xz、zstdで圧縮されていて"
    "構いません。テキスト行の前にsyslogやjournaldの接頭辞が付いていても読めます。",
)
_TABLES = Text(en="Tables", ja="テーブル")
_TRIED = Text(en="Tried on", ja="確認に使ったもの")


def page(language: Language) -> str:
    """One heading, title, table list and example per format."""
    lines = markup.title(_HEADING, _INTRO, language)
    for item in registry.all_formats():
        tables = ", ".join(markup.code(name) for name in item.tables)
        tried: Text | None = getattr(item, "tried", None)
        tried_with = f". {_TRIED.to(language)}: {tried.to(language)}" if tried else ""
        lines += [
            f"## {item.name}",
            "",
            f"{title_of(item.name, item.title, language)}. {_TABLES.to(language)}: {tables}{tried_with}",
            "",
        ]
        lines += markup.fenced("\n".join(printable(line) for line in item.example.splitlines()))
    return markup.page(lines)
