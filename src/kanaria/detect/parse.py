"""Sigma YAML becomes rules. Files in; compiled ``Rule`` values and collected errors out.

pySigma parses, ``sql`` compiles. Imports pySigma (slow): only user rules and the precompiler come here; bundled rules
come from JSON (``loading``).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.policy.profiles import TrustedPolicy
from sigma.rule import SigmaRule

from kanaria.core.errors import RuleError
from kanaria.core.schema import TABLES
from kanaria.core.types import SEVERITIES, Severity, Stage, Text
from kanaria.detect import documents, mapping
from kanaria.detect.loading import NO_TABLE
from kanaria.detect.model import FALLBACK_KEY, Matcher, Rule
from kanaria.detect.places import at, child, place
from kanaria.detect.sql import Compiler, Part, Unsupported, two_valued

# What pySigma raises on content it did not foresee, besides its own errors.
CONTENT_ERRORS = (SigmaError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError)
_BLOCK = {"version", "title", "description", "why", "stage", "weights", "key", "runbook", "tests", "separate"}
_TECHNIQUE = re.compile(r"t\d{4}(\.\d{3})?$")


@dataclass
class Parsed:
    """What came out of all files: rules by id, the field mapping of each, correlations to resolve."""

    rules: dict[str, Rule] = field(default_factory=dict)
    fields: dict[str, Mapping[str, str]] = field(default_factory=dict)
    correlations: list[documents.Document] = field(default_factory=list)
    errors: list[RuleError] = field(default_factory=list)


def parse(
    paths: Sequence[Path],
    *,
    placeholders: Mapping[str, Sequence[str]] | None = None,
    base: Path | None = None,
    known: Sequence[Rule] = (),
) -> Parsed:
    """All rules in the paths; ``base`` is cut off the file names that messages and rules show.

    Correlations may refer to ``known`` rules, too, which are loaded already.
    """
    from kanaria.detect.correlations import resolve

    parsed = Parsed()
    found: list[documents.Document] = []
    for path in documents.rule_files(paths):
        shown = path.relative_to(base).as_posix() if base else str(path)
        found += documents.read(path, shown, parsed.errors)
    parse_documents(found, parsed, placeholders or {})
    resolve(parsed, known)
    return parsed


def parse_documents(
    found: Sequence[documents.Document], parsed: Parsed, placeholders: Mapping[str, Sequence[str]]
) -> None:
    """Compile the single-record rules; put correlations aside until every rule they may name is there."""
    filters = _filters(found, parsed)
    for document in found:
        if "filter" in document.value:
            continue
        if "correlation" in document.value:
            parsed.correlations.append(document)
            continue
        try:
            rule, fields = _single(document, filters, placeholders)
        except RuleError as error:
            parsed.errors.append(error)
        except CONTENT_ERRORS as error:
            parsed.errors.append(place(document.file, document.node, error))
        else:
            add(parsed, rule, fields, document)


def add(parsed: Parsed, rule: Rule, fields: Mapping[str, str], document: documents.Document) -> None:
    """Keep a rule unless its id is taken."""
    if rule.id in parsed.rules:
        where = child(document.node, "name") or document.node
        cause = f"also in {parsed.rules[rule.id].file}"
        parsed.errors.append(at(document.file, where, expected="a name no other rule has", got=rule.id, cause=cause))
        return
    parsed.rules[rule.id], parsed.fields[rule.id] = rule, fields


def _filters(found: Sequence[documents.Document], parsed: Parsed) -> list[Any]:
    filters = []
    for document in found:
        if "filter" in document.value:
            try:
                filters.append(SigmaFilter.from_dict(document.value))
            except CONTENT_ERRORS as error:
                parsed.errors.append(place(document.file, document.node, error))
    return filters


def _single(
    document: documents.Document, filters: Sequence[Any], placeholders: Mapping[str, Sequence[str]]
) -> tuple[Rule, Mapping[str, str]]:
    sigma = SigmaRule.from_dict(document.value, policy=TrustedPolicy)
    for one in filters:
        sigma = one.apply_on_rule(sigma)
    names = ("product", "category", "service")
    logsource = {name: value for name in names if (value := getattr(sigma.logsource, name)) is not None}
    source = mapping.find(logsource)
    if source is None:
        expected = NO_TABLE
        got = ", ".join(f"{key}: {value}" for key, value in logsource.items())
        raise at(document.file, child(document.node, "logsource"), expected=expected, got=got)
    matcher = _matcher(sigma, source, placeholders)
    return build(document, table=source.table, logsource=logsource, matcher=matcher), source.fields


def _matcher(sigma: Any, source: mapping.FieldMapping, placeholders: Mapping[str, Sequence[str]]) -> Matcher:
    compiler = Compiler(source.table, source.fields, placeholders, own=source.own, rename=source.column)
    parts = [compiler.node(condition.parsed) for condition in sigma.detection.parsed_condition]
    if len(parts) != 1:
        raise Unsupported(expected="one condition", got=f"{len(parts)} conditions")
    part: Part = compiler.within(parts[0], source.where)
    if source.own:
        _require_columns(source.table, compiler.columns)
    detections = sigma.detection.detections
    selections = {
        name: two_valued(compiler.node(detection.postprocess(detections)).sql) for name, detection in detections.items()
    }
    return Matcher(
        sql=two_valued(part.sql),
        condition=" or ".join(sigma.detection.condition),
        selections=selections,
        columns=tuple(compiler.columns),
        computed=tuple(compiler.computed.values()),
        literals=None if part.need.literals is None else tuple(sorted(part.need.literals)),
        present=None if part.need.present is None else tuple(sorted(part.need.present)),
    )


def _require_columns(table: str, columns: Iterable[str]) -> None:
    """A rule over our own table that names a column it does not have would never match, and nobody would notice.

    Names with a dot are enrichment, which an installation may lack; ``@`` marks what is derived from others.
    """
    known = [column.name for column in TABLES[table].columns]
    for name in columns:
        if "." not in name and not name.startswith("@") and name not in known:
            near = difflib.get_close_matches(name, known, n=2)
            cause = f"did you mean {' or '.join(near)}?" if near else f"its columns are {', '.join(known)}"
            raise Unsupported(expected=f"a column of the table {table}", got=name, cause=cause)


def build(document: documents.Document, **parts: Any) -> Rule:
    """The rule with everything the document says about it; ``parts`` are table, log source and the compiled logic."""
    value = document.value
    block = _block(document)
    title = str(value.get("title", document.stem))
    description = str(value.get("description", "") or title)
    why = block.get("why") or {"en": description, "ja": (block.get("description") or {}).get("ja", description)}
    tags = tuple(str(tag).lower() for tag in value.get("tags") or ())
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
        **parts,
    )


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
    known = get_args(Stage)
    named = [block.get("stage"), *(tag.removeprefix("attack.").replace("-", "_") for tag in tags)]
    return next((cast(Stage, name) for name in named if name in known), None)


def _tagged(tags: Sequence[str], namespace: str) -> list[str]:
    return [tag.split(".", 1)[1] for tag in tags if tag.startswith(namespace + ".")]
