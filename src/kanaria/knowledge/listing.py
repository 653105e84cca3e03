"""Lists ``Knowledge`` for people, as rows of words in one language."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

from kanaria.core.facts import Knowledge, Pool, Provenance, Vulnerability
from kanaria.core.text import defang
from kanaria.core.types import Language, Text
from kanaria.core.values import dataclass
from kanaria.core.versions import in_words


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One fact: its kind and id, what it says, and where that is from."""

    kind: str
    id: str
    text: str
    source: str
    date: date


_ROLES = {
    "pool": Text(en="mining pool", ja="マイニングプール"),
    "proxy": Text(en="mining proxy", ja="マイニングプロキシ"),
    "marketplace": Text(en="hash power marketplace", ja="計算能力の取引所"),
    "browser": Text(en="mining script for web pages", ja="Webページ用の採掘スクリプト"),
    "donation": Text(en="donation pool of a mining program", ja="マイニングプログラムの寄付先プール"),
    "solo": Text(en="pool software people run themselves", ja="個人で運用するプールソフト"),
    "vendor": Text(en="maker of mining software or hardware", ja="マイニング用ソフト・機器のメーカー"),
}
_CLOSED = Text(en="closed", ja="終了")
_FIXED = Text(en="fixed in", ja="修正版")
_AFFECTED = Text(en="affected", ja="影響")
_BITS = Text(en="bits", ja="ビット")


def _pool(pool: Pool, language: Language) -> str:
    words = [_ROLES[pool.role].to(language), ", ".join((*pool.domains, *pool.addresses)), "/".join(pool.coins)]
    if pool.state == "closed":
        words.append(_CLOSED.to(language))
    if pool.note:
        words.append(pool.note)
    return "; ".join(word for word in words if word)


def _vulnerability(vulnerability: Vulnerability, language: Language) -> str:
    affected, fixed = in_words(vulnerability.affected, language), in_words(vulnerability.fixed or "", language)
    words = [
        in_words(vulnerability.product, language),
        vulnerability.summary.to(language),
        f"{_AFFECTED.to(language)}: {affected}",
    ]
    if fixed:
        words.append(f"{_FIXED.to(language)}: {fixed}")
    words += [f"{score.scorer} {score.score:.1f} (CVSS {score.version})" for score in vulnerability.scores]
    if vulnerability.kev_date:
        words.append(f"KEV {vulnerability.kev_date}")
    return "; ".join(words)


_Lister = Callable[[Knowledge, Language], Iterable[tuple[str, str, Provenance]]]

_LISTERS: Mapping[str, _Lister] = {
    "vulnerabilities": lambda k, lang: (
        (v.cve, _vulnerability(v, lang), v.provenance) for v in k.vulnerabilities.values()
    ),
    "pools": lambda k, lang: ((p.name, _pool(p, lang), p.provenance) for p in k.pools),
    "coins": lambda k, _: (
        (c.symbol, f"{c.name}; {c.family}; {', '.join(c.algorithms)}", c.provenance) for c in k.coins.values()
    ),
    "algorithms": lambda k, _: (
        (a.name, f"{a.family}; {', '.join(a.coins)}", a.provenance) for a in k.algorithms.values()
    ),
    "agents": lambda k, _: ((a.name, f"{a.pattern}; {', '.join(a.coins)}", a.provenance) for a in k.agents),
    "samples": lambda k, lang: ((f"{s.kind} {s.value}", s.meaning.to(lang), s.provenance) for s in k.samples),
    "techniques": lambda k, lang: (
        (t.id, f"{t.name.to(lang)}; {t.tactic}", t.provenance) for t in k.techniques.values()
    ),
    "figures": lambda k, lang: (
        (f.id, f"{f.value:g} {f.unit}; {f.text.to(lang)}", f.provenance) for f in k.figures.values()
    ),
    "networks": lambda k, lang: ((n.network, f"{n.name}; {n.meaning.to(lang)}", n.provenance) for n in k.networks),
    "shared_hosts": lambda k, lang: ((s.domain, s.reason.to(lang), s.provenance) for s in k.shared_hosts.values()),
    "indicators": lambda k, _: (
        (f"{i.type} {defang(i.value)}", i.comment or i.type, i.provenance) for i in k.indicators
    ),
    "weights": lambda k, lang: (
        (w.id, f"{w.bits:+.1f} {_BITS.to(lang)}; {w.about}; {w.family}; {w.because.to(lang)}", w.provenance)
        for w in k.weights.values()
    ),
}

KINDS = tuple(_LISTERS)
"""What ``listing`` can be asked for."""


def listing(knowledge: Knowledge, kind: str | None = None, language: Language = "en") -> list[Row]:
    """Rows of one kind (see ``KINDS``), or of all; sorted by kind and id. Raises KeyError for an unknown kind."""
    kinds = KINDS if kind is None else (kind,)
    rows = [
        Row(kind=name, id=id_, text=text, source=provenance.source, date=provenance.date)
        for name in kinds
        for id_, text, provenance in _LISTERS[name](knowledge, language)
    ]
    return sorted(rows, key=lambda row: (KINDS.index(row.kind), row.id))
