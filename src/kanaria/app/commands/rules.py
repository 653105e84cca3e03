"""``kanaria rules``: list, test, convert and explain detection rules."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanaria.app.commands.options import FOUND, Listing, language_option

if TYPE_CHECKING:
    from kanaria.core.words import Language
    from kanaria.detect import Rule, RuleSet

own_rules = click.option(
    "--rules",
    "folders",
    multiple=True,
    type=click.Path(exists=True, path_type=Path),
    help="A rule file or folder of yours, besides the bundled rules; may be repeated.",
)


@click.group(cls=Listing)
def rules() -> None:
    """List, test, convert and explain detection rules.

    Example: kanaria rules test --rules ./my-rules
    """


@rules.command("list")
@own_rules
@language_option
def rules_list(folders: tuple[Path, ...], language: Language) -> None:
    """List all rules: id, level, table, techniques, title.

    Example: kanaria rules list --lang ja
    """
    from kanaria.detect import commands

    ruleset = _load(folders, language)
    for rule in commands.list_rules(ruleset, language):
        techniques = ",".join(rule["techniques"])
        click.echo(f"{rule['id']}  {rule['level']}  {rule['table']}  {rule['kind']}  {techniques}  {rule['title']}")


@rules.command("coverage")
@own_rules
@click.option("--markdown", is_flag=True, help="As a table for a document.")
@language_option
def rules_coverage(folders: tuple[Path, ...], markdown: bool, language: Language) -> None:
    """Say, by the log they are for, how many rules run here and why others do not.

    Example: kanaria rules coverage --rules ./sigma/rules
    """
    from kanaria import detect, knowledge
    from kanaria.core.text import width
    from kanaria.detect import coverage

    weights = knowledge.load().weights
    bundled = detect.load(weights=weights)
    ruleset = detect.load(folders, weights=weights, other_rules=bundled) if folders else bundled
    heads = {"en": ("log source", "rules", "run", "tables", "not run"),
             "ja": ("ログ", "ルール", "実行", "テーブル", "実行されない理由")}[language]  # fmt: skip
    rows = [heads, *coverage.lines(coverage.coverage(ruleset), language)]
    if markdown:
        marked = [f"| {' | '.join(row)} |" for row in rows]
        click.echo("\n".join([marked[0], "|---|---:|---:|---|---|", *marked[1:]]))
        return
    widths = [max(width(row[place]) for row in rows) for place in range(4)]
    for row in rows:
        padded = (cell + " " * (widths[place] - width(cell)) for place, cell in enumerate(row[:4]))
        click.echo("  ".join([*padded, row[4]]).rstrip())


@rules.command("test")
@own_rules
@language_option
def rules_test(folders: tuple[Path, ...], language: Language) -> None:
    """Run the tests inside the rules. Exit status 1 when one fails.

    Example: kanaria rules test --rules ./my-rules
    """
    from kanaria import knowledge
    from kanaria.detect import commands

    ruleset = _load(folders, language)
    passed, failures = commands.check_rules(ruleset, knowledge.load())
    for failure in failures:
        click.echo(commands.failure_text(failure).to(language))
    click.echo(commands.tested_text(len(passed), len(failures), len(ruleset.errors)).to(language))
    click.get_current_context().exit(FOUND if failures or ruleset.errors else 0)


@rules.command("convert")
@click.argument("rule")
@click.option("--to", "dialect", default="duckdb", show_default=True, help="SQL dialect: duckdb, spark, clickhouse, …")
@own_rules
@language_option
def rules_convert(rule: str, dialect: str, folders: tuple[Path, ...], language: Language) -> None:
    """Show a rule as a query of another engine.

    Example: kanaria rules convert web_log4shell --to spark
    """
    from kanaria.core.errors import ConfigError
    from kanaria.detect import commands

    try:
        ruleset = _load(folders, language)
        click.echo(commands.convert(_named(ruleset, rule), dialect, ruleset))
    except ValueError as error:
        raise ConfigError(path="--to", key="", expected="a SQL dialect", got=dialect, cause=str(error)) from error


@rules.command("explain")
@click.argument("rule")
@click.argument("path", metavar="FILE")
@click.option("--row", default=1, show_default=True, help="Which record of the rule's table, from 1.")
@own_rules
@language_option
def rules_explain(rule: str, path: str, row: int, folders: tuple[Path, ...], language: Language) -> None:
    """Say which parts of a rule hold for one record of a file, and what the columns contain.

    Example: kanaria rules explain web_log4shell access.log --row 17
    """
    from kanaria.app.commands.explain_rule import explain_rule

    click.echo(explain_rule(_named(_load(folders, language), rule), path, row, language))


def _load(folders: tuple[Path, ...], language: Language) -> RuleSet:
    """Bundled rules and the user's own; what did not load is said on standard error."""
    from kanaria import detect, knowledge
    from kanaria.core.text import printable

    weights = knowledge.load().weights
    ruleset = detect.load(weights=weights)
    if folders:
        ruleset = detect.merged(ruleset, detect.load(folders, weights=weights, other_rules=ruleset))
    for error in ruleset.errors:
        not_loaded = {"en": "not loaded: ", "ja": "読み込めません: "}[language]
        click.echo(printable(not_loaded + error.to(language)), err=True)
    return ruleset


def _named(ruleset: RuleSet, name: str) -> Rule:
    import difflib

    from kanaria.core.errors import ConfigError

    try:
        return ruleset[name]
    except KeyError as error:
        near = difflib.get_close_matches(name, [rule.id for rule in ruleset.rules], n=3)
        cause = f"did you mean {' or '.join(near)}?" if near else "kanaria rules list shows all"
        raise ConfigError(path="rules", key="", expected="the id of a rule", got=name, cause=cause) from error
