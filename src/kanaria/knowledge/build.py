"""Turns entries into ``Knowledge``: one function per section, each saying which keys it reads.

Takes entries of every file, in layers (the built-in facts, then a user's folder); returns ``Knowledge``. Raises
``RuleError`` at the place of the first entry that is wrong. Inside a layer a fact may be stated once; a later layer
replaces it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping

from kanaria.core.facts import (
    Algorithm,
    Coin,
    CvssScore,
    Figure,
    Knowledge,
    KnownIndicator,
    MinerAgent,
    NotableNetwork,
    Pool,
    SampleValue,
    SharedHost,
    Technique,
    Vulnerability,
    Weight,
)
from kanaria.core.late_regex import late_regex
from kanaria.core.types import HYPOTHESES, SEVERITIES, Severity
from kanaria.knowledge.entry import Entry

FAMILIES = (
    "prior", "payload", "name", "timing", "sizes", "port", "novelty", "host", "response", "context",
)  # fmt: skip
"""Evidence families: inside one the strongest counts, because its members are not independent."""

ABOUT = (*HYPOTHESES, "outcome")
ROLES = ("pool", "proxy", "marketplace", "browser", "donation", "solo", "vendor")
STATES = ("active", "closed")
SAMPLE_KINDS = ("wallet", "worker", "password", "job_id", "ntime", "nonce", "agent")
INDICATOR_TYPES = ("ipv4", "ipv6", "domain", "url", "wallet", "user_agent", "cookie", "file", "hash", "account")

_CVE = late_regex(r"CVE-\d{4}-\d{4,7}")
_TECHNIQUE = late_regex(r"T\d{4}(\.\d{3})?")
_DOMAIN = late_regex(r"(?!-)[a-z0-9_-]{1,63}(\.(?!-)[a-z0-9_-]{1,63})+")


def _vulnerability(entry: Entry) -> Vulnerability:
    entry.only("cve", "product", "summary", "affected", "fixed", "scores", "kev", "source", "date")
    cve = _matching(entry, "cve", _CVE)
    scores = entry.data.get("scores", [])
    if not isinstance(scores, list):
        raise entry.error(expected="scores as a list", got=repr(scores))
    return Vulnerability(
        cve=cve,
        product=entry.text("product"),
        summary=entry.words("summary"),
        affected=entry.text("affected"),
        fixed=entry.optional("fixed"),
        scores=tuple(_score(entry.within(score, "a score")) for score in scores),
        kev_date=entry.day("kev") if entry.data.get("kev") is not None else None,
        provenance=entry.provenance(),
    )


def _score(entry: Entry) -> CvssScore:
    entry.only("scorer", "version", "score", "vector", "source", "date")
    score, vector, version = entry.number("score"), entry.optional("vector"), entry.text("version")
    if not 0 <= score <= 10:
        raise entry.error(expected="a CVSS score from 0 to 10", got=score)
    if vector is not None and version != "2.0" and not vector.startswith(f"CVSS:{version}/"):
        raise entry.error(
            expected=f"a vector that starts with CVSS:{version}/", got=vector, cause="version and vector disagree"
        )
    return CvssScore(
        scorer=entry.text("scorer"), version=version, score=score, vector=vector, provenance=entry.provenance()
    )


def _pool(entry: Entry) -> Pool:
    entry.only("name", "domains", "addresses", "coins", "role", "state", "note", "source", "date")
    domains, addresses = entry.texts("domains"), entry.texts("addresses")
    for domain in domains:
        if not _DOMAIN.fullmatch(domain):
            raise entry.error(expected="a domain name in lower case with at least two labels", got=domain)
    for address in addresses:
        _network(entry, address)
    if not domains and not addresses:
        raise entry.error(expected="domains or addresses", got="neither")
    return Pool(
        name=entry.text("name"),
        domains=domains,
        addresses=addresses,
        coins=entry.texts("coins"),
        role=entry.choice("role", ROLES, "pool"),
        state=entry.choice("state", STATES, "active"),
        note=entry.optional("note"),
        provenance=entry.provenance(),
    )


def _coin(entry: Entry) -> Coin:
    entry.only("symbol", "name", "family", "algorithms", "source", "date")
    return Coin(
        symbol=entry.text("symbol"),
        name=entry.text("name"),
        family=entry.text("family"),
        algorithms=entry.texts("algorithms"),
        provenance=entry.provenance(),
    )


def _algorithm(entry: Entry) -> Algorithm:
    entry.only("name", "family", "coins", "source", "date")
    return Algorithm(
        name=entry.text("name"), family=entry.text("family"), coins=entry.texts("coins"), provenance=entry.provenance()
    )


def _agent(entry: Entry) -> MinerAgent:
    entry.only("name", "pattern", "coins", "source", "date")
    pattern = entry.text("pattern")
    try:
        re.compile(pattern)
    except re.error as error:
        raise entry.error(expected="pattern as a regular expression", got=pattern, cause=str(error)) from error
    return MinerAgent(
        name=entry.text("name"), pattern=pattern, coins=entry.texts("coins"), provenance=entry.provenance()
    )


def _sample(entry: Entry) -> SampleValue:
    entry.only("kind", "value", "name", "meaning", "source", "date")
    return SampleValue(
        kind=entry.choice("kind", SAMPLE_KINDS),
        value=entry.text("value"),
        name=entry.text("name"),
        meaning=entry.words("meaning"),
        provenance=entry.provenance(),
    )


def _technique(entry: Entry) -> Technique:
    entry.only("id", "name", "tactic", "was", "source", "date")
    return Technique(
        id=_matching(entry, "id", _TECHNIQUE),
        name=entry.words("name"),
        tactic=entry.text("tactic"),
        was=entry.optional("was"),
        provenance=entry.provenance(),
    )


def _figure(entry: Entry) -> Figure:
    entry.only("id", "value", "unit", "text", "source", "date")
    return Figure(
        id=entry.text("id"),
        value=entry.number("value"),
        unit=entry.text("unit"),
        text=entry.words("text"),
        provenance=entry.provenance(),
    )


def _notable_network(entry: Entry) -> NotableNetwork:
    entry.only("network", "name", "meaning", "source", "date")
    return NotableNetwork(
        network=_network(entry, entry.text("network")),
        name=entry.text("name"),
        meaning=entry.words("meaning"),
        provenance=entry.provenance(),
    )


def _shared_host(entry: Entry) -> SharedHost:
    entry.only("domain", "reason", "source", "date")
    return SharedHost(domain=entry.text("domain"), reason=entry.words("reason"), provenance=entry.provenance())


def _indicator(entry: Entry) -> KnownIndicator:
    entry.only("type", "value", "comment", "source", "date")
    return KnownIndicator(
        type=entry.choice("type", INDICATOR_TYPES),
        value=entry.text("value"),
        comment=entry.optional("comment"),
        provenance=entry.provenance(),
    )


def _severity(entry: Entry) -> Severity | None:
    names = {name: name for name in SEVERITIES}
    return names[entry.choice("most", tuple(names))] if "most" in entry.data else None  # type: ignore[index]


def _weight(entry: Entry) -> Weight:
    entry.only("id", "about", "family", "bits", "because", "measured", "needs", "measured_in", "least", "most",
               "source", "date")  # fmt: skip
    return Weight(
        id=entry.text("id"),
        about=entry.choice("about", ABOUT),
        family=entry.choice("family", FAMILIES),
        bits=entry.number("bits"),
        because=entry.words("because"),
        measured=entry.text("measured"),
        needs=entry.optional("needs"),
        measured_in=entry.optional("measured_in"),
        least=entry.number("least") if "least" in entry.data else 0.0,
        most=_severity(entry),
        provenance=entry.provenance(),
    )


def _cap(entry: Entry) -> float:
    entry.only("family", "bits", "because", "source", "date")
    entry.choice("family", FAMILIES)
    entry.text("because"), entry.provenance()
    return entry.number("bits")


class _Blanks(dict[str, object]):
    """What is missing is empty; reading the fact says so properly."""

    def __missing__(self, key: str) -> str:
        return ""


_SECTIONS: Mapping[str, tuple[Callable[[Entry], object], Callable[[Entry], str]]] = {
    "vulnerabilities": (_vulnerability, lambda entry: entry.text("cve")),
    "pools": (_pool, lambda entry: entry.text("name")),
    "coins": (_coin, lambda entry: entry.text("symbol")),
    "algorithms": (_algorithm, lambda entry: entry.text("name")),
    "agents": (_agent, lambda entry: entry.text("name")),
    "samples": (_sample, lambda entry: f"{entry.text('kind')} {entry.text('value')}"),
    "techniques": (_technique, lambda entry: entry.text("id")),
    "figures": (_figure, lambda entry: entry.text("id")),
    "networks": (_notable_network, lambda entry: entry.text("network")),
    "shared_hosts": (_shared_host, lambda entry: entry.text("domain")),
    # Several lists may name the same thing.
    "indicators": (_indicator, lambda entry: "{type} {value} {source}".format_map(_Blanks(entry.data))),
    "weights": (_weight, lambda entry: entry.text("id")),
    "caps": (_cap, lambda entry: entry.text("family")),
}
"""How each section is read, and what identifies a fact in it."""

SECTIONS = tuple(_SECTIONS)


def build(layers: Iterable[Iterable[Entry]]) -> Knowledge:
    """All facts of all layers; a later layer replaces facts of the same id."""
    facts: dict[str, dict[str, object]] = {section: {} for section in SECTIONS}
    places: dict[str, Entry] = {}
    for layer in layers:
        seen: dict[tuple[str, str], Entry] = {}
        for entry in layer:
            make, identify = _section(entry)
            identity = identify(entry)
            earlier = seen.setdefault((entry.section, identity), entry)
            if earlier is not entry:
                raise entry.error(
                    expected=f"each of {entry.section} once",
                    got=f"{identity} again",
                    cause=f"first at {earlier.file}:{earlier.line}",
                )
            facts[entry.section][identity] = make(entry)
            if entry.section == "pools":
                places[identity] = entry
    made = _knowledge(facts)
    for pool in made.pools:
        _refuse_shared(pool, made, places)
    return made


def _refuse_shared(pool: Pool, facts: Knowledge, places: Mapping[str, Entry]) -> None:
    """What serves many is no pool, whoever's list says so: everybody who uses it would be accused."""
    for name in (*pool.domains, *pool.addresses):
        if shared := facts.shared_hosts.get(name):
            entry = next((e for e in places.values() if name in {*e.texts("domains"), *e.texts("addresses")}), None)
            if entry is not None:
                raise entry.error(expected="a host of the pool alone", got=name, cause=shared.reason.en)


def _section(entry: Entry) -> tuple[Callable[[Entry], object], Callable[[Entry], str]]:
    if entry.section not in _SECTIONS:
        raise entry.error(expected=f"a section out of {', '.join(SECTIONS)}", got=entry.section)
    return _SECTIONS[entry.section]


def _knowledge(facts: Mapping[str, Mapping[str, object]]) -> Knowledge:
    lists = {"pools", "agents", "samples", "networks", "indicators"}
    values = {name: tuple(section.values()) if name in lists else section for name, section in facts.items()}
    return Knowledge(**values)  # type: ignore[arg-type]


def _matching(entry: Entry, key: str, pattern: re.Pattern[str]) -> str:
    value = entry.text(key)
    if not pattern.fullmatch(value):
        raise entry.error(expected=f"{key} like {pattern.pattern}", got=value)
    return value


def _network(entry: Entry, text: str) -> str:
    try:
        return str(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))
    except ValueError as error:
        raise entry.error(expected="an address or network such as 192.0.2.0/24", got=text, cause=str(error)) from error
