"""Errors: every deliberate error with its meaning, and what an exit status says."""

from __future__ import annotations

import inspect

from kanaria.app.reference import markup
from kanaria.app.reference.words import ERRORS
from kanaria.core import errors
from kanaria.core.types import Language, Text

_HEADING = Text(en="Errors", ja="エラー")
_INTRO = Text(
    en="A message says where, what was expected, what came, and the likely cause. Broken records are never an error:"
    " they are counted, shown with `--rejects FILE`, and reading goes on.",
    ja="メッセージは、場所、期待したもの、実際の値、考えられる原因の順に示します。壊れたレコードはエラーになりません。"
    "件数を数え、`--rejects ファイル` で取り出せます。読み取りは続きます。",
)
_STATUS = Text(en="Exit statuses", ja="終了ステータス")
_CLASSES = Text(en="Error classes", ja="エラーの種類")
_STATUSES: tuple[tuple[str, Text], ...] = (
    ("0", Text(en="everything was read, nothing found", ja="すべて読み取り、検知なし")),
    ("1", Text(en="something found (for kanaria rules test: a test failed)", ja="検知あり(rules testではテスト失敗)")),
    (
        "2",
        Text(
            en="wrong usage, wrong setting, or nothing readable", ja="使い方・設定の誤り、または入力をまったく読めない"
        ),
    ),
    (
        "3",
        Text(
            en="nothing found in what could be read, but not everything could be read",
            ja="読めた範囲では検知なし。ただし読めない部分があった",
        ),
    ),
    ("70", Text(en="an error in Kanaria itself, with a traceback", ja="Kanaria自体のエラー(トレースバックを出力)")),
    ("130", Text(en="interrupted", ja="中断")),
)
_HEAD = {"en": ("error", "meaning"), "ja": ("エラー", "意味")}
_STATUS_HEAD = {"en": ("status", "meaning"), "ja": ("ステータス", "意味")}


def classes() -> list[type[errors.KanariaError]]:
    """The base error and everything below it that ``core.errors`` defines."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]
    return sorted((k for k in kinds if issubclass(k, errors.KanariaError)), key=lambda kind: kind.__name__)


def page(language: Language) -> str:
    """Exit statuses, then error classes."""
    lines = markup.title(_HEADING, _INTRO, language)
    lines += [f"## {_STATUS.to(language)}", ""]
    lines += markup.table(_STATUS_HEAD[language], ((code, text.to(language)) for code, text in _STATUSES))
    lines += [f"## {_CLASSES.to(language)}", ""]
    lines += markup.table(_HEAD[language], ((kind.__name__, _meaning(kind, language)) for kind in classes()))
    return markup.page(lines)


def _meaning(kind: type[errors.KanariaError], language: Language) -> str:
    english = inspect.cleandoc(kind.__doc__ or "").replace("``", "")
    return ERRORS.get(kind.__name__, english) if language == "ja" else english
