"""The analysis as OCSF 1.8 events: a Detection Finding (2004) per finding, an Incident Finding (2005) per incident.

Takes an ``Analysis``; returns one dictionary per event, one JSON line each when written. As OCSF defines for findings,
``time`` is when the finding was made, which is the time of the run; when things happened is in ``start_time`` and
``end_time``, which records without a time do not have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from kanaria import __version__
from kanaria.core.facts import Knowledge
from kanaria.core.network import parse_address
from kanaria.core.text import printable
from kanaria.core.types import Analysis, Evidence, Finding, Incident, Language, Severity
from kanaria.report.verdict_words import aim_of_names
from kanaria.report.write import write

Json = dict[str, Any]

OCSF_VERSION = "1.8.0"
ATTACK_VERSION = "18.1"  # the version that knowledge/data/techniques.yaml was written from
CATEGORY_FINDINGS = 2
DETECTION_FINDING, INCIDENT_FINDING = 2004, 2005
CLASS_NAMES = {DETECTION_FINDING: "Detection Finding", INCIDENT_FINDING: "Incident Finding"}
CREATE, UPDATE = 1, 2
STATUS_NEW = 1
UNKNOWN_DEVICE = 0
_SEVERITY_ID: Mapping[Severity, int] = {"informational": 1, "low": 2, "medium": 3, "high": 4, "critical": 5}
# OCSF counts impact and priority from 1 low to 4 critical, and knows nothing below low.
_IMPACT_ID: Mapping[Severity, int] = {"informational": 1, "low": 1, "medium": 2, "high": 3, "critical": 4}
_IMPACT = {1: "Low", 2: "Medium", 3: "High", 4: "Critical"}
# OCSF verdict ids of an incident.
_VERDICTS = {2: "True Positive", 4: "Suspicious", 5: "Benign"}
_SUSPICIOUS, _TRUE_POSITIVE, _BENIGN = 4, 2, 5
_HARMLESS = frozenset({"authorised_mining", "benign", "internet_wide_scanner", "misdirected_miner"})
# OCSF observable types: 1 host name, 2 IP address, 4 user name, 6 URL, 7 file name, 16 user agent, 99 other.
_OBSERVABLES = {"ipv4": 2, "ipv6": 2, "domain": 1, "url": 6, "file": 7, "account": 4, "cookie": 4, "user_agent": 16}
_OTHER_OBSERVABLE = 99
# Thirds of the scale for "low, medium, high", as OCSF asks for besides the score.
_CONFIDENCE = ((67, 3, "High"), (34, 2, "Medium"), (0, 1, "Low"))
_OTHER_CONFIDENCE = (0, "Unknown")
RULE_ANALYTIC = 1


def export(analysis: Analysis, facts: Knowledge, language: Language, now: datetime | None = None) -> Iterator[Json]:
    """Events in the order of the incidents; ``now`` is when the findings were made."""
    moment = now or datetime.now(UTC)
    for incident in analysis.incidents:
        for finding in incident.findings:
            yield _detection(finding, incident, facts, language, moment)
        yield _incident(incident, analysis, facts, language, moment)


def _base(class_uid: int, uid: str, severity: Severity, incident: Incident, moment: datetime) -> Json:
    reported = incident.alert is not None and incident.alert.kind != "new"
    activity, name = (UPDATE, "Update") if reported else (CREATE, "Create")
    return {
        "activity_id": activity,
        "activity_name": name,
        "category_uid": CATEGORY_FINDINGS,
        "category_name": "Findings",
        "class_uid": class_uid,
        "class_name": CLASS_NAMES[class_uid],
        "type_uid": class_uid * 100 + activity,
        "type_name": f"{CLASS_NAMES[class_uid]}: {name}",
        "severity_id": _SEVERITY_ID[severity],
        "severity": severity.capitalize(),
        "status_id": STATUS_NEW,
        "status": "New",
        "time": _ms(moment),
        "timezone_offset": 0,
        "metadata": {
            "uid": uid,
            "version": OCSF_VERSION,
            "product": {"name": "Kanaria", "vendor_name": "Kanaria", "version": __version__},
        },
    }


def _detection(finding: Finding, incident: Incident, facts: Knowledge, language: Language, moment: datetime) -> Json:
    event = {
        **_base(DETECTION_FINDING, finding.id, finding.severity, incident, moment),
        **_span(finding.time, finding.until or finding.time),
        **_confidence(incident),
        "is_alert": finding.severity in {"high", "critical"} and (incident.alert is None or incident.alert.tell),
        "finding_info": _finding_info(finding, facts, language),
        "evidences": [_evidence(item, language) for item in finding.evidence],
        "message": finding.why.to(language),
        "observables": _observables(incident),
        "vulnerabilities": [_vulnerability(cve, facts) for cve in finding.cves],
        "unmapped": {
            "bits": finding.bits,
            "incident": incident.id,
            "remote": finding.remote and printable(finding.remote),
        },
    }
    if finding.device:
        event |= {
            "device": _device(finding.device),
            "resources": [{"name": printable(finding.device), "type": "Device"}],
        }
    if incident.recommendations:
        advice = " ".join(item.text.to(language) for item in incident.recommendations)
        event["remediation"] = {"desc": advice}
    return event


def _suspected(incident: Incident) -> bool:
    """Whether the incident says that a device was taken over: a name of mining alone is no break-in."""
    top = incident.hypotheses[0].name
    if top == "compromised_device":
        return aim_of_names(incident) is None
    return incident.outcome.value == "confirmed" and top not in _HARMLESS


def _incident(incident: Incident, analysis: Analysis, facts: Knowledge, language: Language, moment: datetime) -> Json:
    top = incident.hypotheses[0]
    confirmed = incident.outcome.value == "confirmed"
    verdict = _BENIGN if top.name in _HARMLESS else _TRUE_POSITIVE if confirmed else _SUSPICIOUS
    impact = _IMPACT_ID[incident.severity]
    base = _base(INCIDENT_FINDING, incident.id, incident.severity, incident, moment)
    # The class carries the incident profile and wants to be told so, and wants somebody it is assigned to.
    base["metadata"]["profiles"] = ["incident"]
    return {
        **base,
        **_span(incident.first_seen, incident.last_seen),
        **_confidence(incident),
        "assignee_group": {"name": "unassigned"},
        "attacks": [_attack(technique, facts, language) for technique in incident.techniques],
        "desc": write(incident, analysis, facts, language).verdict.text,
        "finding_info_list": [_finding_info(finding, facts, language) for finding in incident.findings],
        "impact_id": impact,
        "impact": _IMPACT[impact],
        "priority_id": impact,
        "priority": _IMPACT[impact],
        "verdict_id": verdict,
        "verdict": _VERDICTS[verdict],
        "is_suspected_breach": _suspected(incident),
        "message": incident.title.to(language),
        "observables": _observables(incident),
        "unmapped": {"outcome": incident.outcome.value, "hypothesis": top.name, "incident": incident.id},
    }


def _span(first: datetime | None, last: datetime | None) -> Json:
    return {"start_time": _ms(first), "end_time": _ms(last)} if first and last else {}


def _confidence(incident: Incident) -> Json:
    score = round(100 * incident.hypotheses[0].probability)
    id_, name = next(((id_, name) for least, id_, name in _CONFIDENCE if score >= least), _OTHER_CONFIDENCE)
    return {"confidence_score": score, "confidence_id": id_, "confidence": name}


def _device(name: str) -> Json:
    address = parse_address(name)
    return {"type_id": UNKNOWN_DEVICE, **({"ip": str(address)} if address else {"hostname": printable(name)})}


def _finding_info(finding: Finding, facts: Knowledge, language: Language) -> Json:
    info: Json = {
        "uid": finding.id,
        "title": finding.title.to(language),
        "desc": finding.why.to(language),
        "analytic": {
            "uid": finding.rule,
            "name": finding.rule,
            "type_id": RULE_ANALYTIC,
            "type": "Rule",
            "version": finding.rule_version,
        },
        "attacks": [_attack(technique, facts, language) for technique in finding.techniques],
        "related_events_count": len(finding.event_ids),
    }
    if finding.time:
        info["first_seen_time"] = _ms(finding.time)
        info["last_seen_time"] = _ms(finding.until or finding.time)
    return info


def _attack(technique: str, facts: Knowledge, language: Language) -> Json:
    entry = facts.techniques.get(technique)
    parent, _, sub = technique.partition(".")
    attack: Json = {"version": ATTACK_VERSION, "technique": _part(parent, facts, language)}
    if sub:
        attack["sub_technique"] = _part(technique, facts, language)
    if entry:
        attack["tactics"] = [{"name": entry.tactic}]
    return attack


def _part(technique: str, facts: Knowledge, language: Language) -> Json:
    entry = facts.techniques.get(technique)
    url = f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}/"
    return {"uid": technique, "src_url": url, **({"name": entry.name.to(language)} if entry else {})}


def _vulnerability(cve: str, facts: Knowledge) -> Json:
    entry = facts.vulnerabilities.get(cve)
    scores = entry.scores if entry else ()
    listed = [
        {
            "base_score": score.score,
            "version": score.version,
            "vendor_name": score.scorer,
            **({"vector_string": score.vector} if score.vector else {}),
        }
        for score in scores
    ]
    return {"cve": {"uid": cve, **({"cvss": listed} if listed else {})}}


def _evidence(item: Evidence, language: Language) -> Json:
    place = {"source": printable(item.source), "line": item.line} if item.source else {}
    data = {
        "bits": item.bits, "about": item.about, "because": item.because.to(language), "quote": printable(item.quote), **place,
    }  # fmt: skip
    return {"uid": item.id, "name": item.kind, "data": data}


def _observables(incident: Incident) -> list[Json]:
    return [
        {
            "name": f"indicators.{i.type}",
            "type_id": _OBSERVABLES.get(i.type, _OTHER_OBSERVABLE),
            "value": printable(i.value),
        }
        for i in incident.indicators
    ]


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
