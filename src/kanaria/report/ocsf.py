"""The analysis as OCSF 1.8 events: a Detection Finding (2004) per finding, an Incident Finding (2005) per incident.

Comes in: an ``Analysis``. Goes out: one dictionary per event, one JSON line each when written. OCSF wants a time for
every event; a finding from a fragment without one carries the run's time and says so in ``metadata.labels``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kanaria import __version__
from kanaria.core.facts import Knowledge
from kanaria.core.text import printable
from kanaria.core.types import Analysis, Evidence, Finding, Incident, Language, Severity
from kanaria.report.write import write

Json = dict[str, Any]

OCSF_VERSION = "1.8.0"
CATEGORY_FINDINGS = 2
DETECTION_FINDING, INCIDENT_FINDING = 2004, 2005
CREATE = 1
STATUS_NEW = 1
_SEVERITY_ID: Mapping[Severity, int] = {"informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
# OCSF verdict ids of an incident: 1 false positive, 2 true positive, 4 suspicious, 5 benign.
_VERDICT_ID = {"authorised_mining": 5, "benign": 5, "internet_wide_scanner": 5, "misdirected_miner": 5}
_SUSPICIOUS, _TRUE_POSITIVE = 4, 2


def export(analysis: Analysis, facts: Knowledge, language: Language, now: datetime | None = None) -> Iterator[Json]:
    """Events in the order of the incidents; ``now`` stands in for times the records lack."""
    moment = now or datetime.now(UTC)
    for incident in analysis.incidents:
        for finding in incident.findings:
            yield _detection(finding, incident, facts, language, moment)
        yield _incident(incident, analysis, facts, language, moment)


def _base(class_uid: int, severity: Severity, time: datetime | None, moment: datetime) -> Json:
    return {
        "activity_id": CREATE,
        "category_uid": CATEGORY_FINDINGS,
        "class_uid": class_uid,
        "type_uid": class_uid * 100 + CREATE,
        "severity_id": _SEVERITY_ID[severity],
        "severity": severity.capitalize(),
        "status_id": STATUS_NEW,
        "time": _ms(time or moment),
        "metadata": {
            "version": OCSF_VERSION,
            "product": {"name": "Kanaria", "vendor_name": "Kanaria", "version": __version__},
            **({} if time else {"labels": ["time_of_report"]}),
        },
    }


def _detection(finding: Finding, incident: Incident, facts: Knowledge, language: Language, moment: datetime) -> Json:
    return {
        **_base(DETECTION_FINDING, finding.severity, finding.time, moment),
        "is_alert": finding.severity in {"high", "critical"},
        "finding_info": _finding_info(finding, facts, language),
        "evidences": [_evidence(item, language) for item in finding.evidence],
        "message": finding.why.to(language),
        "observables": _observables(incident),
        "vulnerabilities": [{"cve": {"uid": cve}} for cve in finding.cves],
    }


def _incident(incident: Incident, analysis: Analysis, facts: Knowledge, language: Language, moment: datetime) -> Json:
    top = incident.hypotheses[0]
    confirmed = incident.outcome.value == "confirmed"
    event = {
        **_base(INCIDENT_FINDING, incident.severity, incident.first_seen, moment),
        "desc": write(incident, analysis, facts, language).verdict.text,
        "finding_info_list": [_finding_info(finding, facts, language) for finding in incident.findings],
        "verdict_id": _VERDICT_ID.get(top.name, _TRUE_POSITIVE if confirmed else _SUSPICIOUS),
        "confidence_score": round(100 * top.probability),
        "is_suspected_breach": top.name == "compromised_device" or confirmed,
        "message": incident.title.to(language),
        "observables": _observables(incident),
        "unmapped": {"outcome": incident.outcome.value, "hypothesis": top.name, "incident": incident.id},
    }
    if incident.first_seen and incident.last_seen:
        event |= {"start_time": _ms(incident.first_seen), "end_time": _ms(incident.last_seen)}
    return event


def _finding_info(finding: Finding, facts: Knowledge, language: Language) -> Json:
    info: Json = {
        "uid": finding.id,
        "title": finding.title.to(language),
        "desc": finding.why.to(language),
        "analytic": {"uid": finding.rule, "name": finding.rule, "type_id": 1, "version": finding.rule_version},
        "attacks": [_attack(technique, facts, language) for technique in finding.techniques],
    }
    if finding.time:
        info["first_seen_time"] = _ms(finding.time)
        info["last_seen_time"] = _ms(finding.until or finding.time)
    return info


def _attack(technique: str, facts: Knowledge, language: Language) -> Json:
    known = facts.techniques.get(technique)
    part = {"uid": technique, **({"name": known.name.to(language)} if known else {})}
    return {"sub_technique" if "." in technique else "technique": part}


def _evidence(item: Evidence, language: Language) -> Json:
    place = {"source": printable(item.source), "line": item.line} if item.source else {}
    return {"data": {"bits": item.bits, "because": item.because.to(language), "quote": printable(item.quote), **place}}


def _observables(incident: Incident) -> list[Json]:
    """OCSF observable types: 2 IP address, 1 host name, 6 URL, 99 other."""
    types = {"ipv4": 2, "ipv6": 2, "domain": 1, "url": 6}
    return [
        {"name": f"indicators.{i.type}", "type_id": types.get(i.type, 99), "value": printable(i.value)}
        for i in incident.indicators
    ]


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
