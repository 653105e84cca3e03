"""Sigma correlations in YAML become ``Correlation`` values.

Correlations join the single rules that were parsed before. Names are resolved, aliases and field mappings applied,
cycles refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sigma.correlations import (
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from kanaria.core.errors import RuleError
from kanaria.detect import mapping
from kanaria.detect.building import CONTENT_ERRORS, Parsed, add, build
from kanaria.detect.documents import Document
from kanaria.detect.model import Correlation, Rule
from kanaria.detect.places import at, child, place
from kanaria.detect.sql import Unsupported


def resolve(parsed: Parsed, other_rules: Sequence[Rule] = ()) -> None:
    """Compile the correlations whose rules are all there, again and again until nothing more can be resolved.

    ``other_rules`` are there from the beginning, unless one of the files has a rule of that name itself.
    """
    own = {*parsed.rules, *(str(document.value.get("name")) for document in parsed.correlations)}
    lent = {rule.id: rule for rule in other_rules if rule.id not in own}
    parsed.rules |= lent
    parsed.fields |= {name: _fields(rule) for name, rule in lent.items()}
    _resolve(parsed)
    for name in lent:
        del parsed.rules[name], parsed.fields[name]


def _fields(rule: Rule) -> Mapping[str, str]:
    source = mapping.find(dict(rule.logsource)) if rule.matcher else None
    return source.fields if source else {}


def _resolve(parsed: Parsed) -> None:
    waiting: list[tuple[Document, Any]] = []
    for document in parsed.correlations:
        try:
            waiting.append((document, SigmaCorrelationRule.from_dict(document.value)))
        except CONTENT_ERRORS as error:
            parsed.errors.append(place(document.file, document.node, error))
    while waiting:
        names = _names(parsed)
        ready = [item for item in waiting if all(name in names for name in _referenced(item[1]))]
        if not ready:
            parsed.errors += [_unresolved(*item, names) for item in waiting]
            return
        waiting = [item for item in waiting if item not in ready]
        for document, sigma in ready:
            _add(parsed, document, sigma, names)


def _add(parsed: Parsed, document: Document, sigma: Any, names: Mapping[str, str]) -> None:
    try:
        correlation = _compile(sigma, names, parsed, separate=bool(document.value.get("kanaria", {}).get("separate")))
        table = parsed.rules[correlation.rules[0]].table
        add(parsed, build(document, table=table, logsource={}, correlation=correlation), {}, document)
    except RuleError as error:
        parsed.errors.append(error)
    except CONTENT_ERRORS as error:
        parsed.errors.append(place(document.file, document.node, error))


def _names(parsed: Parsed) -> dict[str, str]:
    by_uuid = {rule.uuid: rule.id for rule in parsed.rules.values() if rule.uuid}
    return by_uuid | {name: name for name in parsed.rules}


def _referenced(sigma: Any) -> list[str]:
    if sigma.rules is not None:
        return [reference.reference for reference in sigma.rules]
    return list(sigma.condition.get_referenced_rules())


def _unresolved(document: Document, sigma: Any, names: Mapping[str, str]) -> RuleError:
    missing = [name for name in _referenced(sigma) if name not in names]
    return at(
        document.file,
        child(document.node, "correlation", "rules"),
        expected="names or ids of rules that are loaded too",
        got=", ".join(missing),
        cause="that rule is not there, did not load, or refers back to this one",
    )


def _compile(sigma: Any, names: Mapping[str, str], parsed: Parsed, *, separate: bool) -> Correlation:
    references = _referenced(sigma)
    if not references:
        raise Unsupported(expected="at least one rule to correlate", got="none")
    condition = sigma.condition
    plain = condition if isinstance(condition, SigmaCorrelationCondition) else None
    measured = [] if plain is None or plain.fieldref is None else plain.fieldref
    group_by = tuple(sigma.group_by or ())
    extended = isinstance(condition, SigmaExtendedCorrelationCondition)
    return Correlation(
        type=sigma.type.name.lower(),
        rules=tuple(dict.fromkeys(names[name] for name in references)),
        span=sigma.timespan.seconds * 1_000_000,
        group_by=group_by,
        groups={names[name]: _columns(sigma, name, group_by, names, parsed) for name in references},
        fields={names[name]: _columns(sigma, name, _listed(measured), names, parsed) for name in references},
        op=plain.op.name.lower() if plain else "gte",
        threshold=plain.count if plain else len(references),
        percentile=_percentile(sigma.type.name, plain),
        clauses=_clauses(condition, names) if extended else None,
        generate=sigma.generate,
        separate={names[name]: parsed.rules[names[name]].table for name in references} if separate else None,
    )


def _percentile(type_: str, plain: Any) -> int | None:
    if type_ != "VALUE_PERCENTILE":
        return None
    if plain.percentile is None or not 0 <= plain.percentile <= 100:
        raise Unsupported(expected="a percentile from 0 to 100", got=str(plain.percentile))
    return int(plain.percentile)


def _listed(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _columns(
    sigma: Any, reference: str, wanted: Sequence[str], names: Mapping[str, str], parsed: Parsed
) -> tuple[str, ...]:
    """The columns of one referenced rule that carry the wanted names: alias first, then that rule's field mapping."""
    rule_id = names[reference]
    columns = []
    for name in wanted:
        alias = sigma.aliases.aliases.get(name)
        given = {} if alias is None else {names.get(r.reference, r.reference): f for r, f in alias.mapping.items()}
        column = given.get(rule_id, name)
        columns.append(parsed.fields.get(rule_id, {}).get(column, column))
    return tuple(columns)


MOST_CLAUSES = 64
"""Alternatives of an extended condition; written by hand, no rule comes near it, and nested ones grow exponentially."""


def _clauses(condition: Any, names: Mapping[str, str]) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """The extended condition as alternatives, each with rules that must happen (in the rules' order) and must not."""
    order = list(dict.fromkeys(names[name] for name in condition.get_referenced_rules()))
    clauses = _alternatives(condition.parsed, names, False)
    for present, _ in clauses:
        if not present:
            expected = "a rule that must happen beside those that must not"
            raise Unsupported(expected=expected, got=condition.expression)
    return tuple((tuple(sorted(p, key=order.index)), tuple(sorted(a, key=order.index))) for p, a in clauses)


Clause = tuple[frozenset[str], frozenset[str]]


def _alternatives(node: Any, names: Mapping[str, str], negative: bool) -> list[Clause]:
    """Disjunctive normal form; alternatives that contradict themselves are left out."""
    if isinstance(node, SigmaRuleReference):
        one = frozenset([names[node.reference]])
        return [(frozenset(), one) if negative else (one, frozenset())]
    if isinstance(node, CorrelationConditionNOT):
        return _alternatives(node.args[0], names, not negative)
    children = [_alternatives(argument, names, negative) for argument in node.args]
    if isinstance(node, CorrelationConditionOR) != negative:
        return list(dict.fromkeys(clause for alternatives in children for clause in alternatives))
    clauses: list[Clause] = [(frozenset(), frozenset())]
    for alternatives in children:
        pairs = [(p | q, a | b) for p, a in clauses for q, b in alternatives]
        clauses = list(dict.fromkeys(pair for pair in pairs if not pair[0] & pair[1]))
        if len(clauses) > MOST_CLAUSES:
            raise Unsupported(expected=f"a condition with at most {MOST_CLAUSES} alternatives", got=f"{len(clauses)}")
    return clauses
