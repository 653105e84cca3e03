"""Rules into memory. Nothing, files or folders in; a ``RuleSet`` out.

Bundled rules come from ``rules/compiled.json``, which ``python -m kanaria.detect.compile`` makes, so that a start needs
neither pySigma nor yaml (0.3 s).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from kanaria.core.errors import RuleError
from kanaria.detect.model import Rule, RuleSet


def load(
    paths: Sequence[Path] | None = None,
    *,
    placeholders: Mapping[str, Sequence[str]] | None = None,
    weights: Mapping[str, object] | None = None,
    known: RuleSet | None = None,
) -> RuleSet:
    """The bundled rules, or those of files and folders instead, whose correlations may refer to ``known`` rules too.

    ``placeholders`` fill ``%name%`` of the ``expand`` modifier in rules from files. With ``weights`` (the facts'
    weights by id), a rule that names an unknown one is refused. Broken rules are collected in ``errors``.
    """
    if paths is None:
        rules, errors = bundled(), []
    else:
        from kanaria.detect.parse import parse

        parsed = parse(paths, placeholders=placeholders, known=known.rules if known else ())
        rules, errors = tuple(parsed.rules.values()), parsed.errors
    if weights is not None:
        errors = errors + unknown_weights(rules, weights)
        rules = tuple(rule for rule in rules if not any(name not in weights for name in rule.weights))
    return RuleSet(rules=rules, errors=tuple(errors))


def merged(*sets: RuleSet) -> RuleSet:
    """Several rule sets as one; of two rules with one id the later wins (a user's rule replaces a bundled one)."""
    rules = {rule.id: rule for one in sets for rule in one.rules}
    return RuleSet(rules=tuple(rules.values()), errors=tuple(error for one in sets for error in one.errors))


def bundled() -> tuple[Rule, ...]:
    """The rules that come with Kanaria."""
    text = files("kanaria").joinpath("rules", "compiled.json").read_text("utf-8")
    return tuple(Rule.from_json(value) for value in json.loads(text))


def unknown_weights(rules: Sequence[Rule], weights: Mapping[str, object]) -> list[RuleError]:
    """One error per weight that a rule names and the facts do not have."""
    return [
        RuleError(file=rule.file, expected="weights that knowledge/weights defines", got=name, cause=f"rule {rule.id}")
        for rule in rules
        for name in rule.weights
        if name not in weights
    ]
