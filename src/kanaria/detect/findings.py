"""From matching rows to ``Finding`` values: one per rule and key in a batch, words, evidence and bits filled in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.facts import Knowledge, Weight
from kanaria.core.glossary import VALUES
from kanaria.core.ids import content_id
from kanaria.core.late_regex import late_regex
from kanaria.core.text import cut, printable
from kanaria.core.types import SEVERITIES, Evidence, Finding, Language, Severity, Text
from kanaria.detect.model import Rule
from kanaria.detect.question import Rows

UNWEIGHED = "rule"
"""Kind of the evidence of a rule without a weight: what a rule is called never decides what its evidence means."""
KEPT_IDS = 50
"""Event ids a finding carries; ``values['count']`` has the true number."""
QUOTED_ROWS = 3
"""Rows quoted as evidence: enough for a person to see the pattern, few enough to read."""
QUOTE = 2000
"""Characters of a quote; what identifies a request is in front, and common servers accept at most 8 kB of it."""
COLUMNS = 200
"""Display columns of a value inside a sentence."""
OWN_WORDS = {"mining.grammar_because_en": 600, "mining.grammar_because_ja": 600}
"""The same of columns that hold a sentence of ours: what mining looked like takes 450."""

Seen = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.bool_]]
"""For event ids: whether an earlier run has had each of them."""

_PLACEHOLDER = late_regex(r"\{([A-Za-z_][\w.]*)\}")
_OPTIONAL = late_regex(r"\[\[(.*?)\]\]")
_APART = late_regex(r"(記録にない(?:送信元|相手|機器|応答コード)) (?=[ぁ-ん])")
RAW = ("raw", "request", "payload", "src_first", "command", "query")
_ALWAYS = ("event_id", "time", "device", "remote", "source", "line")


def placeholders(*texts: Text) -> tuple[str, ...]:
    """The column names that ``{column}`` in the texts ask for."""
    names = [name for text in texts for words in (text.en, text.ja) for name in _PLACEHOLDER.findall(words)]
    return tuple(dict.fromkeys(names))


def show(value: object, name: str = "") -> str:
    """The value of a column as it appears inside a sentence: printable, and cut."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if isinstance(value, list):
        return cut(", ".join(show(item) for item in value), COLUMNS)
    if isinstance(value, float):
        return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return cut(printable(" ".join(text.splitlines())), OWN_WORDS.get(name, COLUMNS))


def fill(text: Text, values: Mapping[str, str], spoken: Mapping[str, Text] | None = None) -> Text:
    """The text with its placeholders filled; ``spoken`` are values that have words of their own in each language.

    A part in double brackets, ``[[ Pool: {knowledge.pool}.]]``, is left out when one of its columns has no value;
    elsewhere who or what was not recorded is called that, and any other missing value unknown. A value that is a whole
    sentence brings its own full stop.
    """
    meanings = {name: meaning for name, value in values.items() if (meaning := VALUES.get(name, {}).get(value))}
    meanings |= spoken or {}
    english = {**values, **{name: meaning.en for name, meaning in meanings.items()}}
    japanese = {**values, **{name: meaning.ja for name, meaning in meanings.items()}}
    ja = _filled(text.ja, japanese, "ja").replace("。。", "。")
    return Text(en=_filled(text.en, english, "en"), ja=ja)


_UNKNOWN = Text(en="unknown", ja="不明")
# A sentence needs somebody who acts; a pasted line names nobody.
_UNRECORDED: Mapping[str, Text] = {
    "src_ip": Text(en="a sender that was not recorded", ja="記録にない送信元"),
    "process": Text(en="a program that was not recorded", ja="記録にないプログラム"),
    "remote": Text(en="an address that was not recorded", ja="記録にない相手"),
    "device": Text(en="a device that was not recorded", ja="記録にない機器"),
    "status": Text(en="a status that was not recorded", ja="記録にない応答コード"),
}


def _filled(words: str, values: Mapping[str, str], language: Language) -> str:
    def value(match: re.Match[str]) -> str:
        known = values.get(match.group(1))
        if known is not None:
            return known
        absent = _UNRECORDED.get(match.group(1), _UNKNOWN).to(language)
        return absent[:1].upper() + absent[1:] if match.start() == 0 and absent != _UNKNOWN.en else absent

    def part(match: re.Match[str]) -> str:
        known = all(name in values for name in _PLACEHOLDER.findall(match.group(1)))
        return match.group(1) if known else ""

    filled = _PLACEHOLDER.sub(value, _OPTIONAL.sub(part, words))
    return _APART.sub(r"\1", filled) if language == "ja" else filled


def wanted(rule: Rule, facts: Knowledge | None) -> tuple[str, ...]:
    """The columns a finding of this rule needs from its rows."""
    because = [facts.weights[name].because for name in rule.weights] if facts else []
    read = rule.matcher.columns if rule.matcher else ()
    needed = columns_of_weights(rule, facts)
    names = [*_ALWAYS, *needed, *rule.key, *placeholders(rule.title, rule.why, *because), *RAW]
    return tuple(dict.fromkeys([*names, *(column for column in read if not column.startswith("@"))]))


def columns_of_weights(rule: Rule, facts: Knowledge | None) -> list[str]:
    """The columns that decide what evidence a record of this rule gives, and what that is worth."""
    weights = [facts.weights[name] for name in rule.weights] if facts else []
    return [column for weight in weights for column in (weight.needs, weight.measured_in) if column]


def findings(
    rule: Rule, table: pa.Table, rows: Rows, facts: Knowledge | None, seen: Seen | None = None
) -> list[Finding]:
    """One finding per distinct value of the rule's key fields among the matching rows."""
    groups = list(_groups(table, rows, rule.key))
    columns = [name for name in wanted(rule, facts) if name in table.column_names]
    shown = [group[:QUOTED_ROWS] for group in groups]
    details = iter(table.select(columns).take(np.concatenate(shown)).to_pylist())
    ids = table["event_id"].to_numpy()
    made = []
    for group, part in zip(groups, shown, strict=True):
        records = [next(details) for _ in part]
        spans = table["time"].take(group)
        known = int(seen(ids[group]).sum()) if seen else 0
        made.append(replace(_finding(rule, records, ids[group], _ends(spans), facts), known=known))
    return made


def _ends(times: pa.ChunkedArray) -> tuple[datetime | None, datetime | None]:
    import pyarrow.compute as pc

    ends = pc.min_max(times)
    return ends["min"].as_py(), ends["max"].as_py()


def _groups(table: pa.Table, rows: Rows, key: Sequence[str]) -> Iterator[Rows]:
    """The rows of every distinct key, in the order of their first rows; null is a value of its own."""
    codes = np.zeros(len(rows), np.int64)
    for column in key:
        if column in table.column_names:
            codes = _refined(codes, table[column].take(rows))
    order = np.argsort(codes, kind="stable")
    edges = np.flatnonzero(np.diff(codes[order])) + 1
    groups = [rows[part] for part in np.split(order, edges)]
    return iter(sorted(groups, key=lambda group: int(group[0])))


def _refined(codes: Rows, column: pa.ChunkedArray) -> Rows:
    encoded = column.combine_chunks().dictionary_encode().indices
    values = encoded.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    return np.unique(codes * (int(values.max(initial=0)) + 1) + values, return_inverse=True)[1].astype(np.int64)


def _finding(
    rule: Rule,
    records: Sequence[Mapping[str, Any]],
    ids: Rows,
    span: tuple[datetime | None, datetime | None],
    facts: Knowledge | None,
) -> Finding:
    first = records[0]
    values = {
        name: show(value, name) for name, value in first.items() if value is not None and name not in ("event_id", *RAW)
    }
    values |= {name: show(first[name]) for name in ("query", "command") if first.get(name) is not None}
    values["count"] = str(len(ids))
    named = [(name, "" if first.get(name) is None else str(first[name])) for name in rule.key]
    evidence = evidence_of(rule, records, values, facts)
    kept = tuple(sorted(ids.tolist())[:KEPT_IDS])
    return make(
        rule, named, kept, values, evidence, facts, device=first.get("device"), remote=first.get("remote"), span=span
    )


def make(
    rule: Rule,
    key: Sequence[tuple[str, str]],
    event_ids: tuple[int, ...],
    values: Mapping[str, str],
    evidence: tuple[Evidence, ...],
    facts: Knowledge | None,
    *,
    device: str | None,
    remote: str | None,
    span: tuple[datetime | None, datetime | None],
    since: datetime | None = None,
    anchor: Sequence[object] | None = None,
    spoken: Mapping[str, Text] | None = None,
) -> Finding:
    """The finding; its id rests on rule, key and ``anchor`` (by default the first event), so a replay repeats it."""
    shown = printable(";".join(f"{name}={value}" for name, value in key))
    return Finding(
        id=content_id("f", [rule.id, shown, *(event_ids[:1] if anchor is None else anchor)]),
        rule=rule.id,
        rule_version=rule.version,
        title=fill(rule.title, values, spoken),
        why=fill(rule.why, values, spoken),
        severity=severity_of(rule, evidence, facts),
        table=rule.table,
        time=span[0],
        device=device,
        remote=remote,
        key=f"{rule.id};{shown}",
        bits=bits_of(rule, evidence, facts),
        stage=rule.stage,
        techniques=rule.techniques,
        tags=rule.tags,
        cves=rule.cves,
        event_ids=event_ids,
        evidence=evidence,
        values=dict(values),
        until=span[1] if span[1] != span[0] else None,
        since=since if since and span[0] and since < span[0] else None,
    )


def bits_of(rule: Rule, evidence: Iterable[Evidence], facts: Knowledge | None) -> float:
    """What the rule's weights add up to: the strongest of each family, at most the family's cap.

    Weights that need something of their record count when some evidence shows it.
    """
    strongest: dict[str, float] = {}
    seen: dict[str, float] = {}
    for item in evidence:
        seen[item.kind] = max(seen.get(item.kind, item.bits), item.bits, key=abs)
    for weight in (facts.weights[name] for name in rule.weights) if facts else ():
        if not weight.conditional or weight.id in seen:
            before = strongest.get(weight.family, 0.0)
            strongest[weight.family] = max(before, seen.get(weight.id, weight.bits), key=abs)
    caps = facts.caps if facts else {}
    return sum(min(bits, caps.get(family, bits)) for family, bits in strongest.items())


def severity_of(rule: Rule, evidence: Iterable[Evidence], facts: Knowledge | None) -> Severity:
    """The rule's, or less where all that speaks is evidence that must not be told louder (``Weight.most``)."""
    kinds = {item.kind for item in evidence}
    limits = [facts.weights[name].most if name in facts.weights else None for name in kinds] if facts else []
    limits_given = [limit for limit in limits if limit is not None]
    if not limits_given or len(limits_given) < len(limits):
        return rule.severity
    return min(rule.severity, max(limits_given, key=SEVERITIES.index), key=SEVERITIES.index)


def evidence_of(
    rule: Rule, records: Sequence[Mapping[str, Any]], values: Mapping[str, str], facts: Knowledge | None
) -> tuple[Evidence, ...]:
    """One piece of evidence per record and weight of the rule that applies to it; worth 0 bits when none does."""
    weights = [facts.weights[name] for name in rule.weights] if facts else []
    made = []
    for record in records:
        shown: list[Weight | None] = [weight for weight in weights if weight.shows(record)]
        for weight in shown or [None]:
            name = weight.id if weight else rule.id
            made.append(
                Evidence(
                    id=content_id("e", [rule.id, name, record.get("event_id")]),
                    kind=weight.id if weight else UNWEIGHED,
                    about=weight.about if weight else "outcome",
                    family=weight.family if weight else "context",
                    bits=weight.worth(record) if weight else 0.0,
                    because=fill(weight.because if weight else rule.title, values),
                    source=record.get("source"),
                    line=record.get("line"),
                    time=record.get("time"),
                    quote=quote(record),
                    event_id=record.get("event_id"),
                )
            )
    return tuple(made)


def quote(record: Mapping[str, Any]) -> str:
    """The record's raw text, printable and cut; empty when its table keeps none."""
    raw = next((record[name] for name in RAW if record.get(name)), b"")
    return printable(raw[: 4 * QUOTE])[:QUOTE]
