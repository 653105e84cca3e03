"""Sigma correlations in YAML become ``Correlation`` values.

Parsed single rules and the documents left over in; the same rules with the correlations among them out.
Names are resolved, aliases and field mappings applied, cycles refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sigma.correlations import (
    CorrelationConditionItem,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from kanaria.core.errors import RuleError
from kanaria.detect.documents import Document
from kanaria.detect.model import Correlation
from kanaria.detect.places import at, child, place

if TYPE_CHECKING:
    from kanaria.detect.parse import Parsed


def resolve(parsed: Parsed) -> None:
    """Compile the correlations whose rules are all there, again and again until nothing more can be resolved."""
    from kanaria.detect.parse import CONTENT_ERRORS

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
    from kanaria.detect.parse import CONTENT_ERRORS, add, build

    try:
        correlation = _compile(sigma, names, parsed)
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


def _compile(sigma: Any, names: Mapping[str, str], parsed: Parsed) -> Correlation:
    references = _referenced(sigma)
    if not references:
        raise ValueError("a correlation without rules")  # noqa: EM101
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
        expression=_expression(condition.parsed, names) if extended else None,
        generate=sigma.generate,
    )


def _percentile(type_: str, plain: Any) -> int | None:
    if type_ != "VALUE_PERCENTILE":
        return None
    # The specification gives no default; 50 would be value_median, 95 is what its example uses.
    percentile = 95 if plain.percentile is None else int(plain.percentile)
    if not 0 <= percentile <= 100:
        raise ValueError(f"'{percentile}' is no percentile from 0 to 100")  # noqa: EM102
    return percentile


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


def _expression(node: CorrelationConditionItem | SigmaRuleReference, names: Mapping[str, str]) -> Any:
    if isinstance(node, SigmaRuleReference):
        return names[node.reference]
    word = {CorrelationConditionNOT: "not", CorrelationConditionOR: "or"}.get(type(node), "and")
    return [word, *(_expression(argument, names) for argument in node.args)]
