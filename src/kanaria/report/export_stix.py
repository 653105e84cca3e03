"""The incidents of an analysis as one STIX 2.1 bundle, for threat intelligence platforms.

Takes an ``Analysis`` and the facts; returns JSON text. Per incident: a report (with the verdict), the incident,
indicators with patterns, what was observed of them with a sighting each, attack patterns and vulnerabilities with their
references, and a note with every reason and its bits. Ids are derived from ours (UUIDv5), so the same incident has the
same ids wherever and whenever it is exported. Needs the package ``stix2``.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from kanaria.core.errors import MissingExtra
from kanaria.core.facts import Knowledge
from kanaria.core.network import parse_address
from kanaria.core.text import printable
from kanaria.core.types import Analysis, Evidence, Incident, Indicator, Language
from kanaria.report.write import write

# UUIDv5 of the DNS name kanaria.invalid: fixed for ever, or ids would change between versions.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "kanaria.invalid")
HARMFUL = frozenset({"compromised_device", "exploitation_attempt"})
# Where each type of indicator stands in STIX observables.
_OBJECT_PATHS = {
    "ipv4": "ipv4-addr:value",
    "ipv6": "ipv6-addr:value",
    "domain": "domain-name:value",
    "url": "url:value",
    "user_agent": "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'",
    "cookie": "user-account:account_login",
    "account": "user-account:account_login",
    "file": "file:name",
}


def export(analysis: Analysis, facts: Knowledge, language: Language, now: datetime | None = None) -> str:
    """The bundle as JSON text. ``now`` stands in for times the records lack. Raises MissingExtra without ``stix2``."""
    stix2 = _library()
    moment = now or datetime.now(UTC)
    writer = _Writer(stix2, analysis, facts, language, moment)
    objects: dict[str, Any] = {}
    for item in writer.objects():
        objects.setdefault(item["id"], item)
    made = {
        "type": "bundle",
        "id": _id("bundle", *sorted(objects)),
        # Each by itself: the library's pretty printing looks every property of every object up in the whole bundle.
        "objects": [json.loads(stix_object.serialize()) for stix_object in objects.values()],
    }
    text = json.dumps(made, ensure_ascii=False, indent=4)
    return text + "\n"


def _library() -> ModuleType:
    try:
        import stix2  # 0.5 s, and an extra
    except ImportError as error:
        raise MissingExtra(package="stix2", extra="exchange", purpose="writing STIX") from error
    module: ModuleType = stix2
    return module


def _id(kind: str, *parts: str) -> str:
    return f"{kind}--{uuid.uuid5(NAMESPACE, chr(31).join((kind, *parts)))}"


# The shortest payout addresses, of Bitcoin, have 26 characters.
SHORTEST_ADDRESS = 26


def pattern(indicator: Indicator) -> str | None:
    """A STIX pattern that matches the indicator, or None where STIX has no field for its type.

    Quotes and backslashes stay part of the value.

    A payout address is looked for in command lines, where miners are told whom to pay; a short login would be found in
    everybody's.
    """
    from stix2 import patterns

    if indicator.type == "wallet":
        if len(indicator.value) < SHORTEST_ADDRESS:
            return None
        value = patterns.StringConstant(re.escape(indicator.value))
        return f"[{patterns.MatchesComparisonExpression('process:command_line', value)}]"
    path = _OBJECT_PATHS.get(indicator.type)
    if path is None:
        return None
    return f"[{patterns.EqualityComparisonExpression(path, patterns.StringConstant(indicator.value))}]"


class _Writer:
    """Makes the objects of one bundle; each method gives the objects of one kind."""

    def __init__(
        self, stix2: ModuleType, analysis: Analysis, facts: Knowledge, language: Language, moment: datetime
    ) -> None:
        self.kinds = stix2.v21
        self.analysis, self.facts, self.language, self.moment = analysis, facts, language, moment
        self.identity = self.kinds.Identity(
            id=_id("identity", "kanaria"), name="Kanaria", identity_class="system", **self._stamp(None)
        )

    def objects(self) -> Iterator[Any]:
        yield self.identity
        for incident in self.analysis.incidents:
            yield from self._incident(incident)

    def _stamp(self, incident: Incident | None) -> dict[str, Any]:
        """Creation times from the records, so that a replay writes the same; ``now`` only where there are none."""
        if incident is None:
            epoch = datetime(2026, 1, 1, tzinfo=UTC)  # the identity is older than whatever it reports
            return {"created": epoch, "modified": epoch}
        created = incident.last_seen or incident.first_seen or self.moment
        return {"created": created, "modified": created, "created_by_ref": self.identity["id"], "lang": self.language}

    def _incident(self, incident: Incident) -> Iterator[Any]:
        stamp = self._stamp(incident)
        verdict = write(incident, self.analysis, self.facts, self.language).verdict.text
        case = self.kinds.Incident(
            id=_id("incident", incident.id), name=incident.title.to(self.language), description=verdict, **stamp
        )
        attacks = [self._attack_pattern(technique) for technique in incident.techniques]
        holes = [self._vulnerability(v.cve) for v in incident.vulnerabilities if v.relation == "matched"]
        shown = [replace(indicator, value=printable(indicator.value)) for indicator in incident.indicators]
        seen = [part for indicator in shown for part in self._seen(incident, indicator, attacks)]
        content = [case, *attacks, *holes, *seen]
        yield from content
        yield self.kinds.Note(
            id=_id("note", incident.id), abstract=verdict, content=self._reasons(incident), object_refs=[case["id"]], **stamp
        )  # fmt: skip
        yield self.kinds.Report(
            id=_id("report", incident.id), name=incident.title.to(self.language), description=verdict,
            report_types=["observed-data" if incident.hypotheses[0].name not in HARMFUL else "threat-report"],
            published=stamp["created"], confidence=round(100 * incident.hypotheses[0].probability),
            object_refs=list(dict.fromkeys(part["id"] for part in content)), **stamp,
        )  # fmt: skip

    def _reasons(self, incident: Incident) -> str:
        """Every piece of evidence with its worth and place, one line each."""
        return "\n".join(_reason(item, self.language) for item in incident.evidence) or incident.outcome.value

    def _attack_pattern(self, technique: str) -> Any:
        entry = self.facts.techniques.get(technique)
        url = f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}/"
        return self.kinds.AttackPattern(
            id=_id("attack-pattern", technique),
            name=entry.name.en if entry else technique,
            external_references=[{"source_name": "mitre-attack", "external_id": technique, "url": url}],
            created_by_ref=self.identity["id"],
            **self._stamp(None),
        )

    def _vulnerability(self, cve: str) -> Any:
        return self.kinds.Vulnerability(
            id=_id("vulnerability", cve),
            name=cve,
            external_references=[{"source_name": "cve", "external_id": cve}],
            created_by_ref=self.identity["id"],
            **self._stamp(None),
        )

    def _seen(self, incident: Incident, indicator: Indicator, attacks: list[Any]) -> Iterator[Any]:
        """The indicator, what was observed, the sighting that joins them, and the techniques it points to."""
        matching = pattern(indicator)
        if matching is None:
            return
        stamp = self._stamp(incident)
        first, last = _span(incident, indicator, self.moment)
        harmful = incident.hypotheses[0].name in HARMFUL
        key = (incident.id, indicator.type, indicator.value)
        sign = self.kinds.Indicator(
            id=_id("indicator", *key), name=f"{indicator.type}: {printable(indicator.value)}"[:250],
            description=indicator.comment.to(self.language), pattern=matching, pattern_type="stix", valid_from=first,
            indicator_types=["malicious-activity" if harmful else "anomalous-activity"], **stamp,
        )  # fmt: skip
        yield sign
        observed = self._observable(indicator)
        refs = {}
        if observed is not None:
            yield observed
            data = self.kinds.ObservedData(
                id=_id("observed-data", *key), first_observed=first, last_observed=last,
                number_observed=max(1, sum(f.remote == indicator.value for f in incident.findings)),
                object_refs=[observed["id"]], **stamp,
            )  # fmt: skip
            yield data
            refs = {"observed_data_refs": [data["id"]]}
        yield self.kinds.Sighting(
            id=_id("sighting", *key), sighting_of_ref=sign["id"], first_seen=first, last_seen=last,
            where_sighted_refs=[self.identity["id"]], **refs, **stamp,
        )  # fmt: skip
        named = {t for f in incident.findings if f.remote == indicator.value for t in f.techniques}
        for attack in attacks:
            if attack["external_references"][0]["external_id"] in named:
                yield self.kinds.Relationship(
                    id=_id("relationship", *key, attack["id"]), relationship_type="indicates",
                    source_ref=sign["id"], target_ref=attack["id"], **stamp,
                )  # fmt: skip

    def _observable(self, indicator: Indicator) -> Any | None:
        """The observed thing itself, where STIX has an object for it."""
        address = parse_address(indicator.value)
        if indicator.type in {"ipv4", "ipv6"}:
            if address is None:
                return None
            kind = self.kinds.IPv4Address if address.version == 4 else self.kinds.IPv6Address
            return kind(value=str(address))
        if indicator.type == "domain":
            return self.kinds.DomainName(value=indicator.value)
        if indicator.type == "url":
            return self.kinds.URL(value=indicator.value)
        if indicator.type in {"cookie", "account"}:
            return self.kinds.UserAccount(account_login=indicator.value)
        if indicator.type == "file":
            return self.kinds.File(name=indicator.value)
        if indicator.type == "user_agent":
            return self.kinds.Software(name=indicator.value)
        return None


def _span(incident: Incident, indicator: Indicator, moment: datetime) -> tuple[datetime, datetime]:
    """First and last time of the findings about the indicator, else of the incident."""
    about = [f for f in incident.findings if f.remote == indicator.value]
    times = [time for f in about for time in (f.time, f.until) if time]
    first = min(times, default=incident.first_seen or moment)
    return first, max(times, default=incident.last_seen or first)


def _reason(item: Evidence, language: Language) -> str:
    place = f" {printable(item.source)}:{item.line}" if item.source else ""
    return f"[{item.id}]{place} {item.about} {item.bits:+.1f} bits: {item.because.to(language)}"
