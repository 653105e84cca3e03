"""What a YAML document says of a rule beside its logic becomes a ``Rule``, kept with those that were read before."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, cast, get_args

from sigma.exceptions import SigmaError

from kanaria.core.errors import RuleError
from kanaria.core.ids import content_id
from kanaria.core.late_regex import late_regex
from kanaria.core.rule_tags import MEANINGS, NAMESPACE
from kanaria.core.types import SEVERITIES, Severity, Stage, Text
from kanaria.core.values import dataclass
from kanaria.detect import documents
from kanaria.detect.model import FALLBACK_KEY, Rule
from kanaria.detect.places import at, child

# What pySigma raises on content it did not foresee, besides its own errors.
CONTENT_ERRORS = (SigmaError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError)
_BLOCK = {"version", "title", "description", "why", "stage", "weights", "key", "runbook", "tests", "separate"}
_DECISIVE = ("logsource", "detection", "correlation", "level", "tags")
_DECISIVE_BLOCK = ("stage", "weights", "key", "separate")
_TECHNIQUE = late_regex(r"t\d{4}(\.\d{3})?$")


@dataclass
class Parsed:
    """What came out of all files: rules by id, the field mapping of each, correlations to resolve."""

    rules: dict[str, Rule] = field(default_factory=dict)
    fields: dict[str, Mapping[str, str]] = field(default_factory=dict)
    correlations: list[documents.Document] = field(default_factory=list)
    errors: list[RuleError] = field(default_factory=list)


def add(parsed: Parsed, rule: Rule, fields: Mapping[str, str], document: documents.Document) -> None:
    """Keep a rule unless its id is taken."""
    if rule.id in parsed.rules:
        where = child(document.node, "name") or document.node
        cause = f"also in {parsed.rules[rule.id].file}"
        parsed.errors.append(at(document.file, where, expected="a name no other rule has", got=rule.id, cause=cause))
        return
    parsed.rules[rule.id], parsed.fields[rule.id] = rule, fields


def build(document: documents.Document, **parts: Any) -> Rule:
    """The rule with everything the document says about it; ``parts`` are table, log source and the compiled logic."""
    value = document.value
    block = _block(document)
    title = str(value.get("title", document.stem))
    description = str(value.get("description", "") or title)
    why = block.get("why") or {"en": description, "ja": (block.get("description") or {}).get("ja", description)}
    tags = _tags(document)
    return Rule(
        id=str(value.get("name") or (document.stem if document.alone else value.get("id") or title)),
        uuid=str(value.get("id") or ""),
        version=str(block.get("version", value.get("modified") or value.get("date") or 1)),
        title=Text(en=title, ja=str((block.get("title") or {}).get("ja", title))),
        description=Text(en=description, ja=str((block.get("description") or {}).get("ja", description))),
        why=Text(en=str(why["en"]), ja=str(why["ja"])),
        severity=_severity(document),
        status=str(value.get("status", "")),
        stage=_stage(block, tags),
        tags=tags,
        techniques=tuple(n.upper() for n in _tagged(tags, "attack") if _TECHNIQUE.match(n)),
        cves=tuple("CVE-" + n.upper().replace(".", "-").removeprefix("CVE-") for n in _tagged(tags, "cve")),
        weights=tuple(block.get("weights") or ()),
        key=tuple(block.get("key") or FALLBACK_KEY),
        references=tuple(str(item) for item in value.get("references") or ()),
        falsepositives=tuple(str(item) for item in value.get("falsepositives") or ()),
        runbook=Text(**block["runbook"]) if block.get("runbook") else None,
        author=str(value.get("author") or ""),
        date=str(value.get("date") or ""),
        file=document.file,
        tests=tuple(block.get("tests") or ()),
        body=_body(value, block),
        **parts,
    )


def _body(value: Mapping[str, Any], block: Mapping[str, Any]) -> str:
    decisive = [{name: value.get(name) for name in _DECISIVE}, {name: block.get(name) for name in _DECISIVE_BLOCK}]
    return content_id("b", [json.dumps(decisive, sort_keys=True, default=str)])


def _block(document: documents.Document) -> dict[str, Any]:
    block = document.value.get("kanaria") or {}
    if not isinstance(block, dict):
        raise at(document.file, child(document.node, "kanaria"), expected="a mapping", got=type(block).__name__)
    for key, value in block.items():
        where = child(document.node, "kanaria", str(key))
        if key not in _BLOCK:
            raise at(document.file, where, expected="one of " + ", ".join(sorted(_BLOCK)), got=str(key))
        if key in ("why", "runbook") and not (isinstance(value, dict) and {"en", "ja"} == set(value)):
            raise at(document.file, where, expected=f"{key} in en and ja", got=str(value)[:60])
        if key in ("weights", "key", "tests") and not isinstance(value, list):
            raise at(document.file, where, expected="a list", got=str(value)[:60])
        if key == "separate" and not isinstance(value, bool):
            raise at(document.file, where, expected="true or false", got=str(value)[:60])
    return block


def _severity(document: documents.Document) -> Severity:
    level = str(document.value.get("level") or "medium").lower()
    if level not in SEVERITIES:
        raise at(document.file, child(document.node, "level"), expected="one of " + ", ".join(SEVERITIES), got=level)
    return level


def _stage(block: Mapping[str, Any], tags: Sequence[str]) -> Stage | None:
    stages = get_args(Stage)
    named = [block.get("stage"), *(tag.removeprefix("attack.").replace("-", "_") for tag in tags)]
    return next((cast(Stage, name) for name in named if name in stages), None)


def _tags(document: documents.Document) -> tuple[str, ...]:
    """Tags in small letters; one of ours that means nothing is refused, for it would be silently without effect."""
    tags = tuple(str(tag).lower() for tag in document.value.get("tags") or ())
    for tag in tags:
        if tag.startswith(NAMESPACE) and tag not in MEANINGS:
            near = difflib.get_close_matches(tag, MEANINGS, n=1)
            cause = f"did you mean {near[0]}?" if near else ""
            where = child(document.node, "tags")
            raise at(document.file, where, expected="one of " + ", ".join(MEANINGS), got=tag, cause=cause)
    return tags


def _tagged(tags: Sequence[str], namespace: str) -> list[str]:
    return [tag.split(".", 1)[1] for tag in tags if tag.startswith(namespace + ".")]
