"""Rules: what each bundled rule means, why it fires, and what to do then."""

from __future__ import annotations

from kanaria.app.reference import markup
from kanaria.core.rule_tags import MEANINGS
from kanaria.core.types import Language, Text
from kanaria.detect.loading import bundled
from kanaria.detect.model import Rule

_HEADING = Text(en="Rules", ja="ルール")
_INTRO = Text(
    en="Every bundled rule. `{column}` in the reason is filled from the record. `kanaria rules convert RULE` shows a"
    " rule as a query, `kanaria rules explain RULE FILE` says why it does or does not match a record.",
    ja="同梱しているすべてのルールです。理由にある `{列名}` にはレコードの値が入ります。`kanaria rules convert ルール` "
    "はルールを問い合わせ文として表示し、`kanaria rules explain ルール ファイル` は一致・不一致の理由を示します。",
)
_LABELS = {
    "level": Text(en="level", ja="重大度"),
    "table": Text(en="table", ja="テーブル"),
    "techniques": Text(en="ATT&CK", ja="ATT&CK"),
    "cves": Text(en="CVE", ja="CVE"),
    "tags": Text(en="Tags that carry meaning", ja="意味を表すタグ"),
    "tags_why": Text(
        en="What a rule is called decides nothing. These `tags` do, in a rule of your own as in a bundled one; another"
        " tag that begins with `kanaria.` is refused.",
        ja="ルールの名前は判定に影響しません。影響するのは次の `tags` で、自作のルールでも"
        "同梱のルールでも同じです。`kanaria.` で始まるほかのタグは受け付けません。",
    ),
    "tag": Text(en="tag", ja="タグ"),
    "means": Text(en="meaning", ja="意味"),
    "why": Text(en="Reason given", ja="示される理由"),
    "false": Text(en="False positives", ja="誤検知の例"),
    "runbook": Text(en="What to do", ja="対応手順"),
    "references": Text(en="References", ja="参考"),
}


def page(language: Language) -> str:
    """One section per rule, sorted by id."""
    lines = markup.title(_HEADING, _INTRO, language)
    for rule in sorted(bundled(), key=lambda item: item.id):
        lines += _rule(rule, language)
    return markup.page([*lines, *_meanings(language)])


def _meanings(language: Language) -> list[str]:
    """The tags by which a rule says what it means: its name decides nothing."""
    head = [_label("tag", language), _label("means", language)]
    rows = [[markup.code(tag), meaning.to(language)] for tag, meaning in MEANINGS.items()]
    return [f"## {_label('tags', language)}", "", _label("tags_why", language), "", *markup.table(head, rows), ""]


def _rule(rule: Rule, language: Language) -> list[str]:
    lines = [f"## {rule.id}", "", f"**{markup.plain(rule.title.to(language))}**", ""]
    lines += [_facts(rule, language), "", markup.plain(rule.description.to(language)), ""]
    lines.append(f"* {_label('why', language)}: {markup.plain(rule.why.to(language))}")
    if rule.runbook:
        lines.append(f"* {_label('runbook', language)}: {markup.plain(rule.runbook.to(language))}")
    if rule.falsepositives:
        lines.append(f"* {_label('false', language)}: {markup.plain('; '.join(rule.falsepositives))}")
    if rule.references:
        lines.append(f"* {_label('references', language)}: {', '.join(f'<{link}>' for link in rule.references)}")
    return [*lines, ""]


def _facts(rule: Rule, language: Language) -> str:
    kind = f"{rule.table} ({rule.correlation.type})" if rule.correlation else rule.table
    parts = [f"{_label('level', language)}: {rule.severity}", f"{_label('table', language)}: {markup.code(kind)}"]
    for name, values in (("techniques", rule.techniques), ("cves", rule.cves)):
        if values:
            parts.append(f"{_label(name, language)}: {', '.join(values)}")
    return " · ".join(parts)


def _label(name: str, language: Language) -> str:
    return _LABELS[name].to(language)
