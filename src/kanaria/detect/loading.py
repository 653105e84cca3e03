"""Rules loaded into a ``RuleSet``: the bundled ones, or those of files and folders.

Bundled rules come from ``rules/compiled.json``, which ``python -m kanaria.detect.compile`` makes, so that a start needs
neither pySigma nor yaml (0.3 s).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from kanaria.core.conversion import made_of_text
from kanaria.core.errors import RuleError
from kanaria.core.types import LANGUAGES, Text
from kanaria.detect import kept
from kanaria.detect.model import NO_TABLE, Rule, RuleSet

TOLD_ONE_BY_ONE = 3
"""Rules of one's own that did not load are told each; a collection's are counted."""
FOREIGN_NAMED = 3


def load(
    paths: Sequence[Path] | None = None,
    *,
    placeholders: Mapping[str, Sequence[str]] | None = None,
    weights: Mapping[str, object] | None = None,
    other_rules: RuleSet | None = None,
) -> RuleSet:
    """The bundled rules, or those of files and folders instead, whose correlations may refer to ``other_rules``, too.

    ``placeholders`` fill ``%name%`` of the ``expand`` modifier in rules from files. With ``weights`` (the facts'
    weights by id), a rule that names an unknown one is refused. Broken rules are collected in ``errors``.
    """
    if paths is None:
        rules, errors = bundled(), list[RuleError]()
    else:
        given = other_rules.rules if other_rules else ()

        def make() -> kept.Compiled:
            from kanaria.detect.parse import parse

            parsed = parse(paths, placeholders=placeholders, other_rules=given)
            return tuple(parsed.rules.values()), parsed.errors

        rules, errors = kept.compiled(paths, make, placeholders=placeholders, other_rules=given)
    if weights is not None:
        errors = errors + unknown_weights(rules, weights)
        rules = tuple(rule for rule in rules if not any(name not in weights for name in rule.weights))
    return RuleSet(rules=rules, errors=tuple(errors))


def not_loaded(ruleset: RuleSet) -> Text | None:
    """One sentence about the rules that did not load: all of few, the reasons of many with their numbers."""
    errors = ruleset.errors
    if not errors:
        return None
    if len(errors) <= TOLD_ONE_BY_ONE:
        english, japanese = ("; ".join(error.to(language) for error in errors) for language in LANGUAGES)
        return Text(en=f"rules not loaded: {english}", ja=f"読み込めないルール: {japanese}")
    foreign = [error for error in errors if error.expected == NO_TABLE]
    sources = Counter(error.got for error in foreign).most_common(FOREIGN_NAMED)
    named = ", ".join(f"{source} ({count})" for source, count in sources)
    where = Text(en=f"; most of these: {named}", ja=f"。多いもの: {named}") if named else Text(en="", ja="")
    return Text(
        en=f"{len(errors):,} rules not loaded: {len(foreign):,} for log sources that are not read here, "
        f"{len(errors) - len(foreign):,} for other reasons{where.en}. `kanaria rules list --rules …` lists all.",
        ja=f"読み込めないルールが{len(errors):,}件あります。うち{len(foreign):,}件はここで読まないログのためのもの、"
        f"{len(errors) - len(foreign):,}件はほかの理由です{where.ja}。"
        "すべては`kanaria rules list --rules …`で確認できます。",
    )


def merged(*sets: RuleSet) -> RuleSet:
    """Several rule sets as one; of two rules with one id the later wins (a user's rule replaces a bundled one)."""
    rules = {rule.id: rule for one in sets for rule in one.rules}
    return RuleSet(rules=tuple(rules.values()), errors=tuple(error for one in sets for error in one.errors))


def bundled() -> tuple[Rule, ...]:
    """The rules that come with Kanaria."""
    return made_of_text(tuple[Rule, ...], files("kanaria").joinpath("rules", "compiled.json").read_bytes())


def unknown_weights(rules: Sequence[Rule], weights: Mapping[str, object]) -> list[RuleError]:
    """One error per weight that a rule names and the facts do not have."""
    return [
        RuleError(file=rule.file, expected="weights that knowledge/weights defines", got=name, cause=f"rule {rule.id}")
        for rule in rules
        for name in rule.weights
        if name not in weights
    ]
