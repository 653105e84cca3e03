"""Sigma YAML becomes compiled ``Rule`` values; errors are collected.

pySigma parses, ``sql`` compiles. Imports pySigma (slow): only user rules and the precompiler come here; bundled rules
come from JSON (``loading``).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sigma.filters import SigmaFilter
from sigma.policy.profiles import TrustedPolicy
from sigma.rule import SigmaRule

from kanaria.core.errors import RuleError
from kanaria.core.schema import TABLES
from kanaria.detect import documents, mapping
from kanaria.detect.building import CONTENT_ERRORS, Parsed, add, build
from kanaria.detect.correlations import resolve
from kanaria.detect.model import NO_TABLE, Matcher, Rule
from kanaria.detect.places import at, child, place
from kanaria.detect.sql import Compiler, Part, Unsupported, two_valued


def parse(
    paths: Sequence[Path],
    *,
    placeholders: Mapping[str, Sequence[str]] | None = None,
    base: Path | None = None,
    other_rules: Sequence[Rule] = (),
) -> Parsed:
    """All rules in the paths; ``base`` is cut off the file names that messages and rules show.

    Correlations may refer to ``other_rules``, too, which are loaded already.
    """
    parsed = Parsed()
    parsed_documents: list[documents.Document] = []
    for path in documents.rule_files(paths):
        shown = path.relative_to(base).as_posix() if base else str(path)
        parsed_documents += documents.read(path, shown, parsed.errors)
    parse_documents(parsed_documents, parsed, placeholders or {})
    resolve(parsed, other_rules)
    return parsed


def parse_documents(
    rule_documents: Sequence[documents.Document], parsed: Parsed, placeholders: Mapping[str, Sequence[str]]
) -> None:
    """Compile the single-record rules; put correlations aside until every rule they may name is there."""
    filters = _filters(rule_documents, parsed)
    for document in rule_documents:
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


def _filters(rule_documents: Sequence[documents.Document], parsed: Parsed) -> list[Any]:
    filters = []
    for document in rule_documents:
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
    names = [column.name for column in TABLES[table].columns]
    for name in columns:
        if "." not in name and not name.startswith("@") and name not in names:
            near = difflib.get_close_matches(name, names, n=2)
            cause = f"did you mean {' or '.join(near)}?" if near else f"its columns are {', '.join(names)}"
            raise Unsupported(expected=f"a column of the table {table}", got=name, cause=cause)
