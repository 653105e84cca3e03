"""The JSON Schema (2020-12) of the JSON document, generated from the one declaration below.

Returns the schema as a dictionary; ``python -m kanaria.report.schema FILE`` writes it. The published schema allows
further properties, because adding is free; ``schema(closed=True)`` refuses them, so that a test notices a name that is
written but not declared here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from kanaria.core.alert import AlertKind
from kanaria.core.story import PARTS, WriterName
from kanaria.core.types import HYPOTHESES, SEVERITIES, OutcomeValue, SeriesKind, Stage
from kanaria.report.similar import KIND_WEIGHTS

Json = dict[str, Any]

ADDRESS = "urn:kanaria:schema:document:1"
STRING: Json = {"type": "string"}
MAYBE_STRING: Json = {"type": ["string", "null"]}
INTEGER: Json = {"type": "integer", "minimum": 0}
MAYBE_INTEGER: Json = {"type": ["integer", "null"], "minimum": 0}
NUMBER: Json = {"type": "number"}
BOOLEAN: Json = {"type": "boolean"}
TIME: Json = {"type": ["string", "null"], "format": "date-time"}
BITS: Json = {"type": "number", "description": "log2 likelihood ratio; negative speaks against"}
CVE: Json = {"type": "string", "pattern": r"^CVE-\d{4}-\d{4,}$"}
TECHNIQUE: Json = {"type": "string", "pattern": r"^T\d{4}(\.\d{3})?$"}


def _ref(name: str) -> Json:
    return {"$ref": f"#/$defs/{name}"}


def _list(item: Json) -> Json:
    return {"type": "array", "items": item}


def _maybe(item: Json) -> Json:
    return {"anyOf": [item, {"type": "null"}]}


EVIDENCE_IDS: Json = {**_list(STRING), "description": "ids of entries in evidence of the same incident"}

# Objects by name: (what it is, its properties). Every property is always there; null says that it is not known.
OBJECTS: Mapping[str, tuple[str, Mapping[str, Json]]] = {
    "document": ("What one run read and found", {
        "kanaria": _ref("kanaria"), "coverage": _ref("coverage"), "inputs": _list(_ref("input")), "incidents": _list(_ref("incident")),
        "not_looked_at": _list(_ref("text")), "notes": _list(_ref("text")),
    }),
    "kanaria": ("What wrote the document", {"version": STRING, "schema": {"const": 1}}),
    "text": ("Words for people", {"en": STRING, "ja": STRING}),
    "coverage": ("How much of what was given the answer speaks of; of unread records nothing is claimed", {
        "records": INTEGER, "unread": INTEGER, "share": {"type": "number", "minimum": 0, "maximum": 1},
        "text": {**_maybe(_ref("text")), "description": "the first sentence of every report, null when all was read"},
    }),
    "input": ("One input; format null: not recognised", {
        "path": STRING, "format": MAYBE_STRING, "rows": INTEGER, "rejected": INTEGER, "unread": {**INTEGER, "description": "records of which nothing is claimed, rejected ones included"}, "first": TIME, "last": TIME,
        "note": _maybe(_ref("text")),
    }),
    "incident": ("One campaign or compromise", {
        "id": STRING, "title": _ref("text"), "severity": _ref("severity"), "first_seen": TIME, "last_seen": TIME,
        "alert": {**_maybe(_ref("alert")), "description": "what this run adds to it; null when no store is kept"},
        "hypotheses": {**_list(_ref("hypothesis")), "minItems": 1, "description": "most probable first"},
        "outcome": _ref("outcome"), "entities": _ref("entities"), "findings": _list(_ref("finding")),
        "messages": _list(_ref("message")), "techniques": _list(TECHNIQUE), "indicators": _list(_ref("indicator")),
        "left_out": {
            "type": "object", "description": "how many are not listed: of very many the first and the last are",
            "properties": {name: INTEGER for name in ("findings", "messages", "indicators")},
            "required": ["findings", "messages", "indicators"],
        },
        "timeline": _list(_ref("moment")), "vulnerabilities": _list(_ref("vulnerability")),
        "recommendations": _list(_ref("recommendation")), "impact": _ref("impact"),
        "normal": {**_list(_ref("text")), "description": "what was normal for its devices before it"}, "evidence": _list(_ref("evidence")),
        "similar": {**_list(_ref("similar")), "description": "most similar first, earlier runs included; none for informational incidents"},
        "daily_counts": _list(_ref("day")), "series": _list(_ref("series")),
        "report": {"type": "object", "properties": {"en": _ref("report"), "ja": _ref("report")}, "required": ["en", "ja"]},
        "story_parts": {
            "type": "object", "description": "the paragraph of each sentence of the story",
            "properties": {"en": _list({"enum": list(PARTS)}), "ja": _list({"enum": list(PARTS)})}, "required": ["en", "ja"],
        },
        "story": {"type": "object", "properties": {"en": _list(_ref("sentence")), "ja": _list(_ref("sentence"))}, "required": ["en", "ja"]},
    }),
    "alert": ("Whether somebody has to be notified of it now", {
        "kind": {"enum": list(get_args(AlertKind)), "description": "repeated: more records of the same kind; known: the same records again"},
        "tell": {**BOOLEAN, "description": "true for new, escalated and reminder"},
        "because": {**_list(_ref("text")), "description": "what is worse, for escalated"},
        "runs": {**INTEGER, "description": "runs that added something to it"},
        "told": {**TIME, "description": "event time up to which an earlier run reported it"},
    }),
    "hypothesis": ("One explanation and how probable it is", {
        "name": {"enum": list(HYPOTHESES)}, "probability": {"type": "number", "minimum": 0, "maximum": 1}, "bits": BITS,
    }),
    "outcome": ("Whether it worked", {"value": {"enum": list(get_args(OutcomeValue))}, "bits": BITS, "because": EVIDENCE_IDS}),
    "entities": ("Who takes part: our side and the other", {"devices": _list(STRING), "remotes": _list(STRING)}),
    "finding": ("A model fired", {
        "id": STRING, "rule": STRING, "rule_version": STRING, "title": _ref("text"), "why": _ref("text"),
        "severity": _ref("severity"), "stage": _ref("stage"), "table": MAYBE_STRING, "time": TIME, "until": TIME,
        "since": {**TIME, "description": "of the first record, when the model's condition first held later"},
        "device": MAYBE_STRING, "remote": MAYBE_STRING, "techniques": _list(TECHNIQUE), "cves": _list(CVE), "tags": _list(STRING), "bits": BITS,
        "evidence": EVIDENCE_IDS, "values": {"type": "object", "additionalProperties": STRING},
    }),
    "message": ("A mining protocol message", {
        "dialect": STRING, "method": STRING, "direction": {"enum": ["client", "server", "unknown"]}, "coin": MAYBE_STRING,
        "wallet": MAYBE_STRING, "wallet_valid": {"type": ["boolean", "null"]}, "worker": MAYBE_STRING,
        "password": MAYBE_STRING, "agent": MAYBE_STRING, "agent_version": MAYBE_STRING, "algorithms": _list(STRING),
        "job_id": MAYBE_STRING, "nonce": MAYBE_STRING, "sample": MAYBE_STRING, "truncated": BOOLEAN,
        "time": {**TIME, "description": "when it was sent, where a sensor kept that; of several alike, the first"},
        "fields": {"type": "object", "additionalProperties": STRING}, "evidence": MAYBE_STRING,
    }),
    "indicator": ("Something others can look for", {
        "type": {"enum": ["ipv4", "ipv6", "domain", "url", "wallet", "user_agent", "cookie", "file", "account"]},
        "value": STRING, "comment": _ref("text"),
    }),
    "moment": ("One moment of the timeline", {
        "time": TIME, "stage": _ref("stage"), "what": _ref("text"), "evidence": EVIDENCE_IDS,
    }),
    "vulnerability": ("A vulnerability; matched: an attempt was seen, context: mentioned only", {
        "cve": CVE, "relation": {"enum": ["matched", "context"]}, "product": MAYBE_STRING, "summary": _maybe(_ref("text")),
        "affected": MAYBE_STRING, "fixed": MAYBE_STRING, "scores": _list(_ref("score")),
        "kev": {"type": ["string", "null"], "format": "date", "description": "day it entered CISA's catalogue"},
        "evidence": EVIDENCE_IDS,
    }),
    "score": ("One scorer's opinion", {
        "scorer": STRING, "version": STRING, "score": {"type": "number", "minimum": 0, "maximum": 10},
        "vector": MAYBE_STRING, "source": STRING, "date": {"type": "string", "format": "date"},
    }),
    "recommendation": ("Something to do; effort 0 is nothing at all", {
        "id": STRING, "effort": INTEGER, "text": _ref("text"), "evidence": EVIDENCE_IDS,
    }),
    "impact": ("What it cost, as far as anybody looked", {
        "checked": _list(STRING), "statements": _list(_ref("text")), "estimate": _maybe(_ref("estimate")),
    }),
    "estimate": ("What mining cost, estimated: hours * cores = core_hours; core_hours * watts_per_core / 1000 = kwh; kwh * price_per_kwh = cost", {
        "inputs": _list(_ref("estimate_input")), "core_hours": NUMBER, "kwh": NUMBER, "cost": NUMBER,
        "cost_per_month": {**NUMBER, "description": "if it went on all the time"}, "currency": STRING, "evidence": EVIDENCE_IDS,
    }),
    "estimate_input": ("A number the estimate rests on, and who says so", {
        "name": {"enum": ["hours", "cores", "watts_per_core", "price_per_kwh"]}, "value": NUMBER, "unit": STRING,
        "origin": {"enum": ["observed", "configured", "assumed"]}, "source": STRING,
    }),
    "evidence": ("One observation and what it is worth for what about names", {
        "id": STRING, "kind": STRING, "about": STRING, "family": STRING, "bits": BITS, "because": _ref("text"),
        "source": MAYBE_STRING, "line": MAYBE_INTEGER, "time": TIME, "quote": STRING,
    }),
    "similar": ("Another incident that resembles it; score 0: shares nothing, 1: everything", {
        "id": STRING, "title": _ref("text"), "first_seen": TIME,
        "score": {"type": "number", "minimum": 0, "maximum": 1}, "shared": _list(_ref("shared")),
    }),
    "shared": ("One thing both have", {"kind": {"enum": list(KIND_WEIGHTS)}, "value": STRING}),
    "day": ("Findings of one UTC day by severity, of all incidents", {
        "day": {"type": "string", "format": "date"}, "counts": {"type": "object", "additionalProperties": INTEGER},
    }),
    "series": ("Numbers over time about a device, as in the pictures; a point is [time, value]", {
        "kind": {"enum": list(get_args(SeriesKind))}, "device": STRING, "remote": MAYBE_STRING, "unit": STRING,
        "threshold": {"type": ["number", "null"]},
        "points": _list({"type": "array", "minItems": 2, "maxItems": 2}),
    }),
    "report": ("The incident in words of one language", {
        "verdict": _ref("claim"), "brief": {**_list(_ref("section")), "description": "the answer that fits one screen"},
        "sections": _list(_ref("section")),
    }),
    "sentence": ("One sentence of the story; refused first versions of it are named in checks", {
        "text": STRING, "evidence": EVIDENCE_IDS, "writer": {"enum": list(get_args(WriterName))},
        "checks": _ref("checks"),
    }),
    "checks": ("Whether what a model wrote was accepted, and why not", {"passed": BOOLEAN, "reasons": _list(STRING)}),
    "section": ("A headed part; id is never translated", {
        "id": STRING, "heading": STRING, "claims": _list(_ref("claim")),
    }),
    "claim": ("One sentence and the evidence it stands on", {"text": STRING, "evidence": EVIDENCE_IDS}),
}  # fmt: skip

VALUES: Mapping[str, Json] = {
    "severity": {"enum": list(SEVERITIES)},
    "stage": {"enum": [*get_args(Stage), None]},
}


def schema(*, closed: bool = False) -> Json:
    """The schema. ``closed`` refuses properties that are not declared."""
    definitions = {name: _object(*declared, closed=closed) for name, declared in OBJECTS.items() if name != "document"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ADDRESS,
        "title": "Kanaria document",
        **_object(*OBJECTS["document"], closed=closed),
        "$defs": {**definitions, **VALUES},
    }


def _object(description: str, properties: Mapping[str, Json], *, closed: bool) -> Json:
    made: Json = {
        "description": description,
        "type": "object",
        "required": list(properties),
        "properties": dict(properties),
    }
    return {**made, "additionalProperties": False} if closed else made


def text() -> str:
    """The schema as it stands in the reference."""
    return json.dumps(schema(), ensure_ascii=False, indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write the schema to the file named."""
    Path(arguments[0]).write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
