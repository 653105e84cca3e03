"""The reference's first page: which pages there are and what each is generated from."""

from __future__ import annotations

from kanaria.app.reference import markup
from kanaria.core.types import Language, Text

_HEADING = Text(en="Reference", ja="リファレンス")
_INTRO = Text(
    en="Everything here is generated from the program, so that it says what the program does.",
    ja="ここにあるものはすべてプログラムから生成しています。内容はプログラムの動作と一致します。",
)
_ENTRIES: tuple[tuple[str, Text], ...] = (
    ("commands", Text(en="Commands and their options", ja="コマンドとオプション")),
    ("settings", Text(en="Settings file", ja="設定ファイル")),
    ("formats", Text(en="Formats that can be read", ja="読み取れる形式")),
    ("rules", Text(en="Detection rules, with runbooks", ja="検知ルールと対応手順")),
    ("tables", Text(en="Normalised tables, with OCSF and ECS names", ja="正規化テーブルとOCSF・ECSでの名前")),
    ("errors", Text(en="Errors and exit statuses", ja="エラーと終了ステータス")),
    ("glossary", Text(en="Glossary, English and Japanese", ja="用語集(英語・日本語)")),
)
_SCHEMA = Text(en="JSON Schema of the JSON report", ja="JSONレポートのJSON Schema")


def page(language: Language) -> str:
    """Links to the pages of the same language and to the JSON Schema."""
    lines = markup.title(_HEADING, _INTRO, language)
    suffix = "md" if language == "en" else f"{language}.md"
    lines += [f"* [{text.to(language)}]({name}.{suffix})" for name, text in _ENTRIES]
    lines.append(f"* [{_SCHEMA.to(language)}](kanaria.schema.json)")
    return markup.page(lines)
