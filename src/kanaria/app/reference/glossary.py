"""Glossary: the words reports and pages use, in both languages side by side. Ids are never translated."""

from __future__ import annotations

from collections.abc import Mapping

from kanaria.app.reference import markup
from kanaria.core.glossary import DIALECTS, HYPOTHESES, OUTCOMES, SEVERITIES, STAGES, WITHOUT_MINING
from kanaria.core.types import Language, Text

_HEADING = Text(en="Glossary", ja="用語集")
_INTRO = Text(
    en="The words that reports, rules and these pages use. Ids stay as they are in every language.",
    ja="レポート、ルール、このドキュメントで使う言葉です。idはどの言語でもそのまま使います。",
)
_SECTIONS: tuple[tuple[Text, Mapping[str, Text]], ...] = (
    (Text(en="Explanations (hypotheses)", ja="説明(仮説)"), HYPOTHESES),
    (Text(en="The same where nothing of mining was seen", ja="マイニングが見当たらない場合の呼び方"), WITHOUT_MINING),
    (Text(en="Outcomes", ja="成否"), OUTCOMES),
    (Text(en="Severities", ja="重大度"), SEVERITIES),
    (Text(en="Stages of an incident", ja="インシデントの段階"), STAGES),
    (Text(en="Mining dialects", ja="マイニングの方言"), DIALECTS),
)
_TERMS = Text(en="Terms", ja="用語")
_HEAD = {"en": ("id", "English", "Japanese"), "ja": ("id", "英語", "日本語")}
_TERM_HEAD = {"en": ("English", "Japanese", "meaning"), "ja": ("英語", "日本語", "意味")}

TERMS: tuple[tuple[Text, Text], ...] = (
    (
        Text(en="bit", ja="ビット"),
        Text(
            en="log2 likelihood ratio: one bit doubles the odds",
            ja="尤度比の2を底とする対数。1ビットでオッズが2倍になる",
        ),
    ),
    (
        Text(en="cradle", ja="ダウンロードクレードル"),
        Text(en="a command that fetches a program and runs it at once", ja="プログラムを取得してすぐ実行するコマンド"),
    ),
    (
        Text(en="cryptojacking", ja="クリプトジャッキング"),
        Text(en="mining coins on machines of others without leave", ja="他人の機器で無断で暗号資産を採掘すること"),
    ),
    (
        Text(en="device, remote", ja="機器、相手"),
        Text(en="the internal and the external side of a record", ja="レコードの内側の側と外側の側"),
    ),
    (
        Text(en="evidence", ja="証拠"),
        Text(en="one observation with its place, quote and bits", ja="場所、引用、ビット数を持つ1つの観測"),
    ),
    (
        Text(en="finding", ja="検知"),
        Text(en="a rule fired on a record or on several", ja="1つまたは複数のレコードにルールが一致したこと"),
    ),
    (
        Text(en="flow, connection", ja="フロー、接続"),
        Text(en="packets of one 5-tuple, as one row", ja="同じ5つ組のパケットを1行にまとめたもの"),
    ),
    (
        Text(en="incident", ja="インシデント"),
        Text(en="findings that belong together, judged as one", ja="まとめて判断する一連の検知"),
    ),
    (
        Text(en="job, share", ja="ジョブ、シェア"),
        Text(en="work a pool hands out, and a result that is handed back", ja="プールが配る仕事と、返される結果"),
    ),
    (
        Text(en="miner, worker", ja="マイナー、ワーカー"),
        Text(en="a program that mines, and its name at the pool", ja="採掘するプログラムと、プールでのその名前"),
    ),
    (
        Text(en="pool, proxy", ja="プール、プロキシ"),
        Text(
            en="a server that hands out work, and one that passes it on", ja="仕事を配るサーバと、それを中継するサーバ"
        ),
    ),
    (
        Text(en="Stratum", ja="Stratum"),
        Text(en="the family of protocols between miners and pools", ja="マイナーとプールの間のプロトコル群"),
    ),
    (
        Text(en="wallet", ja="ウォレット(送金先)"),
        Text(en="the address a pool pays to", ja="プールが支払う先のアドレス"),
    ),
)
"""(term, meaning) beyond the words of ``core.glossary``, sorted by the English term."""


def page(language: Language) -> str:
    """Ids with their words, then further terms."""
    lines = markup.title(_HEADING, _INTRO, language)
    for heading, words in _SECTIONS:
        lines += [f"## {heading.to(language)}", ""]
        lines += markup.table(_HEAD[language], ((id_, text.en, text.ja) for id_, text in words.items()))
    lines += [f"## {_TERMS.to(language)}", ""]
    lines += markup.table(_TERM_HEAD[language], ((term.en, term.ja, meaning.to(language)) for term, meaning in TERMS))
    return markup.page(lines)
