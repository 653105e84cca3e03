"""The ATT&CK techniques of an analysis as a layer of the ATT&CK Navigator, format 4.5.

Takes an ``Analysis`` and the facts; returns one dictionary, ready for ``json``. The score of a technique is the number
of findings that name it; the comment says which. Format: LAYERFORMATv4_5.md of mitre-attack/attack-navigator.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kanaria.core.facts import Knowledge
from kanaria.core.text import cut
from kanaria.core.types import Analysis, Finding, Incident, Language, Text

Json = dict[str, Any]

LAYER_VERSION = "4.5"
NAVIGATOR_VERSION = "5.1.0"  # the first that reads ATT&CK 17 and later; 4.9.0 is the least the layer format allows
ATTACK_VERSION = "18"  # the version that knowledge/data/techniques.yaml was written from
# Yellow to red keeps the order in print and for colour-blind readers.
_COLOURS = ("#ffffcc", "#fd8d3c", "#bd0026")
COMMENT_COLUMNS = 800
_NAME = Text(en="Kanaria: techniques seen", ja="Kanaria: 観測されたテクニック")
_NOTHING = Text(en="No technique was seen.", ja="テクニックは観測されていません。")


def export(analysis: Analysis, facts: Knowledge, language: Language) -> Json:
    """One layer over all incidents; a layer without techniques when nothing was found."""
    named: dict[str, list[tuple[Incident, Finding]]] = {}
    for incident in analysis.incidents:
        for finding in incident.findings:
            for technique in finding.techniques:
                named.setdefault(technique, []).append((incident, finding))
    most = max((len(findings) for findings in named.values()), default=1)
    titles = "\n".join(f"{i.id}: {i.title.to(language)}" for i in analysis.incidents if i.techniques)
    return {
        "name": _NAME.to(language),
        "versions": {"attack": ATTACK_VERSION, "navigator": NAVIGATOR_VERSION, "layer": LAYER_VERSION},
        "domain": "enterprise-attack",
        "description": titles or _NOTHING.to(language),
        "sorting": 3,
        "layout": {"layout": "side", "showID": True, "showName": True, "expandedSubtechniques": "annotated"},
        "hideDisabled": False,
        "techniques": [_technique(id_, named[id_], facts, language) for id_ in sorted(named)],
        "gradient": {"colors": list(_COLOURS), "minValue": 0, "maxValue": most},
        "legendItems": [],
        "metadata": [{"name": "incident", "value": incident.id} for incident in analysis.incidents],
    }


def _technique(id_: str, seen: list[tuple[Incident, Finding]], facts: Knowledge, language: Language) -> Json:
    entry = facts.techniques.get(id_)
    url = f"https://attack.mitre.org/techniques/{id_.replace('.', '/')}/"
    return {
        "techniqueID": id_,
        "score": len(seen),
        "comment": cut("; ".join(_sentences(seen, language)), COMMENT_COLUMNS),
        "enabled": True,
        "metadata": [{"name": "rule", "value": rule} for rule in sorted({finding.rule for _, finding in seen})],
        "links": [{"label": entry.name.to(language) if entry else id_, "url": url}],
        "showSubtechniques": "." not in id_,
    }


def _sentences(seen: list[tuple[Incident, Finding]], language: Language) -> Iterator[str]:
    """Each distinct title once per incident."""
    yield from dict.fromkeys(f"{finding.title.to(language)} ({incident.id})" for incident, finding in seen)
