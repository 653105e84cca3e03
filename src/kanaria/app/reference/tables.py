"""Tables: the columns of every normalised table with their types, meanings and names in OCSF and ECS."""

from __future__ import annotations

import pyarrow as pa

from kanaria.app.reference import markup
from kanaria.app.reference.words import TABLES as JAPANESE
from kanaria.core.schema import COMMON, TABLES, TIME, Column, TableSchema
from kanaria.core.types import Language, Text

_HEADING = Text(en="Tables", ja="テーブル")
_INTRO = Text(
    en="What rules look at. Columns with a dot (`mining.dialect`, `payload.decoded`, `knowledge.pool`, `baseline.…`)"
    " are added by later stages; the columns here are what a format fills. What a sensor cannot know is null, not 0.",
    ja="ルールが見る列です。点を含む列(`mining.dialect`、`payload.decoded`、`knowledge.pool`、`baseline.…`)は後の段階が"
    "加えます。ここにあるのは形式が埋める列です。センサーが知り得ない列は0ではなくnullになります(列の説明は英語です)。",
)
_EVERY = Text(en="Columns of every table", ja="すべてのテーブルにある列")
_HEAD = {
    "en": ("column", "type", "meaning", "OCSF", "ECS"),
    "ja": ("列", "型", "意味", "OCSF", "ECS"),
}


def page(language: Language) -> str:
    """The common columns once, then the own columns of every table."""
    lines = markup.title(_HEADING, _INTRO, language)
    lines += [f"## {_EVERY.to(language)}", "", *_columns(COMMON, language)]
    for schema in TABLES.values():
        own = tuple(column for column in schema.columns if column not in COMMON)
        lines += [f"## {schema.name}", "", _about(schema, language), "", *_columns(own, language)]
    return markup.page(lines)


def _about(schema: TableSchema, language: Language) -> str:
    doc = JAPANESE.get(schema.name, schema.doc) if language == "ja" else schema.doc
    return f"{doc} OCSF class {schema.ocsf_class}." if schema.ocsf_class else doc


def _columns(columns: tuple[Column, ...], language: Language) -> list[str]:
    lines = ["| " + " | ".join(_HEAD[language]) + " |", "|---|---|---|---|---|"]
    for column in columns:
        names = (markup.code(column.ocsf), markup.code(column.ecs))
        doc = markup.cell(column.doc)
        lines.append(f"| {markup.code(column.name)} | {_type(column.type)} | {doc} | {names[0]} | {names[1]} |")
    return [*lines, ""]


def _type(kind: pa.DataType) -> str:
    if kind.equals(TIME):
        return "time (UTC, µs)"
    if pa.types.is_list(kind):
        inner = kind.value_type
        return "list of records" if pa.types.is_struct(inner) else f"list of {inner}"
    return str(kind)
