"""Which rules of a collection run here: one line a log source.

A rule that loaded runs on every input whose format gives its table. One that did not says why: no format reads its log,
or it asks for something that cannot be had.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import field
from pathlib import Path

from kanaria.core.errors import RuleError
from kanaria.core.types import Text
from kanaria.core.values import dataclass
from kanaria.detect.model import NO_TABLE, RuleSet
from kanaria.detect.sql import NO_FIELD, UNFILLED

_PARTS = ("product", "category", "service")
_UNREAD = Text(en="no format here reads this log", ja="このログを読む形式がない")
_PLACEHOLDER = Text(en="needs values of your network (placeholder)", ja="環境ごとの値(プレースホルダ)が必要")
_ABSENCE = Text(en="asks for a field that is not kept", ja="保持しない項目を条件にしている")
_OTHER = Text(en="refused (see kanaria rules list)", ja="読み込めない(kanaria rules listを参照)")
_WHOLE = Text(en="total", ja="合計")
_CORRELATION = "correlation"


@dataclass(slots=True)
class Covered:
    """One log source: rules that run, the tables they look at, and how many do not run for which reason."""

    source: str
    loaded: int = 0
    tables: set[str] = field(default_factory=set)
    missing: Counter[Text] = field(default_factory=Counter)

    @property
    def rules(self) -> int:
        """All rules for it."""
        return self.loaded + self.missing.total()


def coverage(ruleset: RuleSet) -> list[Covered]:
    """By log source, those with most rules first; correlations, which look at rules, are a source of their own."""
    sources: dict[str, Covered] = {}
    for rule in ruleset.rules:
        one = _of(sources, _name(rule.logsource) if rule.logsource else _CORRELATION)
        one.loaded += 1
        one.tables |= {rule.table} if rule.table else set()
    for error in ruleset.errors:
        logsource = error.got if error.expected == NO_TABLE else _logsource_of(error.file)
        _of(sources, _name(dict(part.split(": ", 1) for part in logsource.split(", ") if ": " in part))).missing[
            _reason(error)
        ] += 1
    return sorted(sources.values(), key=lambda one: (-one.rules, one.source))


def _of(sources: dict[str, Covered], name: str) -> Covered:
    return sources.setdefault(name, Covered(name))


def _name(logsource: object) -> str:
    values = dict(logsource) if isinstance(logsource, dict) else {}
    return " / ".join(str(values[part]) for part in _PARTS if values.get(part)) or "?"


def _reason(error: RuleError) -> Text:
    if error.expected == NO_TABLE:
        return _UNREAD
    if error.expected == UNFILLED:
        return _PLACEHOLDER
    begin, _, end = NO_FIELD.partition("{}")
    return _ABSENCE if error.expected.startswith(begin) and error.expected.endswith(end) else _OTHER


def _logsource_of(file: str) -> str:
    """The log source that a refused file names, as ``key: value`` pairs; empty where it cannot be read."""
    from kanaria.detect import documents

    for document in documents.read(Path(file), file, []):
        source = document.value.get("logsource")
        if isinstance(source, dict):
            return ", ".join(f"{part}: {source[part]}" for part in _PARTS if source.get(part))
    return ""


def _why(one: Covered, ja: bool) -> str:
    reasons = (f"{count:,} × {reason.ja if ja else reason.en}" for reason, count in one.missing.most_common())
    return "; ".join(reasons) or "-"


def lines(covered: Sequence[Covered], language: str) -> list[tuple[str, str, str, str, str]]:
    """Cells of a table: log source, rules, those that run, tables, why others do not run. The last line is the sum."""
    ja = language == "ja"
    cells = [
        (one.source, f"{one.rules:,}", f"{one.loaded:,}", ", ".join(sorted(one.tables)) or "-", _why(one, ja))
        for one in covered
    ]  # fmt: skip
    rules, loaded = sum(one.rules for one in covered), sum(one.loaded for one in covered)
    return [*cells, (_WHOLE.ja if ja else _WHOLE.en, f"{rules:,}", f"{loaded:,}", "", "")]
