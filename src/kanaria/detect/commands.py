"""What ``kanaria rules list|test|convert|explain`` say of a rule set, as plain data or text.

The command line prints it; nothing here knows about options or colours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kanaria.core.errors import MissingExtra
from kanaria.core.facts import Knowledge
from kanaria.core.japanese import in_japanese
from kanaria.core.plural import counted
from kanaria.core.schema import TABLES
from kanaria.core.types import Language
from kanaria.core.values import dataclass
from kanaria.core.words import Text
from kanaria.detect.columns import bases, ident
from kanaria.detect.findings import show
from kanaria.detect.model import Failure, Matcher, Rule, RuleSet
from kanaria.detect.question import Question

if TYPE_CHECKING:
    from kanaria.detect.question import Engine


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """Why a rule did or did not match one row.

    ``selections`` say for each named detection whether it holds, ``values`` what the columns it looks at contain (None:
    null), ``missing`` which of them this table does not have at all.
    """

    rule: str
    matched: bool
    condition: str
    selections: Mapping[str, bool]
    values: Mapping[str, str | None]
    missing: tuple[str, ...]

    def text(self, language: Language) -> str:
        """The explanation for a person."""
        ja = language == "ja"
        answer = (
            ("一致します" if self.matched else "一致しません")
            if ja
            else "matches"
            if self.matched
            else "does not match"
        )
        lines = [f"{self.rule}: {answer}  [{self.condition}]"]
        lines += [f"  {'✓' if holds else '✗'} {name}" for name, holds in self.selections.items()]
        nothing = "(値なし)" if ja else "(no value)"
        absent = "(この表にない列)" if ja else "(no such column here)"
        for name, value in self.values.items():
            shown = absent if name in self.missing else nothing if value is None else value
            lines.append(f"    {name} = {shown}")
        return "\n".join(lines)


def list_rules(ruleset: RuleSet, language: Language = "en") -> list[dict[str, Any]]:
    """One mapping per rule: id, title, level, table, techniques, whether it is a correlation, file."""
    return [
        {
            "id": rule.id,
            "title": rule.title.to(language),
            "level": rule.severity,
            "table": rule.table,
            "kind": rule.correlation.type if rule.correlation else "event",
            "techniques": list(rule.techniques),
            "status": rule.status,
            "file": rule.file,
        }
        for rule in ruleset.rules
    ]


def check_rules(ruleset: RuleSet, facts: Knowledge | None = None) -> tuple[list[str], list[Failure]]:
    """Run the tests inside the rules: the ids that passed, and what failed."""
    from kanaria.detect.testing import run_rule_tests

    failures = run_rule_tests(ruleset, facts)
    broken = {failure.rule for failure in failures}
    return [rule.id for rule in ruleset.rules if rule.id not in broken], failures


def failure_text(failure: Failure) -> Text:
    """A test that did not hold, in words."""
    wanted, got = in_japanese(failure.expected), in_japanese(failure.got)
    return Text(
        en=f"{failure.rule}: {failure.test}: expected {failure.expected}; got {failure.got}",
        ja=f"{failure.rule}: {in_japanese(failure.test)}: 必要なもの: {wanted}。実際: {got}",
    )


def tested_text(passed: int, failed: int, refused: int) -> Text:
    """What the tests of a rule set came to."""
    return Text(
        en=f"{counted(passed, 'rule')} passed, {counted(failed, 'test')} failed, {counted(refused, 'rule')} not loaded",
        ja=f"合格したルール{passed}件、失敗したテスト{failed}件、読み込めないルール{refused}件",
    )


def convert(rule: Rule, dialect: str = "duckdb", ruleset: RuleSet | None = None) -> str:
    """The rule as a query of another engine (a sqlglot dialect name). A correlation, which no single query can say, is
    put into words, with the queries of the rules it counts, as far as ``ruleset`` has them.

    Columns that begin with ``@cidr`` or ``@re`` are computed by Kanaria, ``@stem``, ``@query`` and ``@text`` derived;
    comments in front of the query say so. Raises ValueError for an unknown dialect.
    """
    if rule.matcher is None:
        parts = [_correlation_in_words(rule)]
        for name in rule.correlation.rules if rule.correlation and ruleset else ():
            parts.append(f"\n-- {name}\n{convert(ruleset[name], dialect, ruleset)}")  # type: ignore[index]
        return "\n".join(parts)
    query = f"SELECT * FROM {ident(rule.table)} WHERE {rule.matcher.sql}"  # noqa: S608 (text for people)
    if dialect != "duckdb":
        try:
            import sqlglot  # 0.2 s
        except ImportError as error:
            raise MissingExtra(package="sqlglot", extra="spark", purpose=f"SQL for {dialect}") from error
        query = sqlglot.transpile(query, read="duckdb", write=dialect, pretty=True)[0]
    notes = [f"-- {item.name}: {item.kind} of {item.column} with {item.value}" for item in rule.matcher.computed]
    derived = [column for column in rule.matcher.columns if column.startswith("@")]
    notes += [f"-- {column}: derived from {', '.join(_bases(column, rule.table))}" for column in derived]
    return "\n".join([*notes, query])


def _bases(column: str, table: str) -> Sequence[str]:
    return bases(column, TABLES[table].arrow)


def _correlation_in_words(rule: Rule) -> str:
    correlation = rule.correlation
    if correlation is None:
        raise TypeError(rule.id)
    condition = f"{correlation.op} {correlation.threshold:g}"
    if correlation.clauses is not None:
        alternatives = (" and ".join([*p, *(f"not {name}" for name in a)]) for p, a in correlation.clauses)
        condition = " or ".join(alternatives)
    groups = ", ".join(correlation.group_by) or "everything"
    seconds = correlation.span // 1_000_000
    return f"-- {correlation.type} of {', '.join(correlation.rules)} per {groups} within {seconds} s: {condition}"


def explain(rule: Rule, table: pa.Table, row: int, engine: Engine) -> Explanation:
    """Why one row (numbered from 0) of a table does or does not match a rule over single records."""
    matcher = rule.matcher
    if matcher is None:
        raise ValueError(f"{rule.id} is a correlation: explain the rules it refers to")  # noqa: EM102
    expressions = {"": matcher.sql, **{f"={name}": sql for name, sql in matcher.selections.items()}}
    one = table.slice(row, 1)
    rows_of = Question(expressions, [matcher], one.schema).ask(one, None, engine)
    columns = _looked_at(matcher, one.schema)
    missing = tuple(name for name in columns if name not in one.column_names)
    record = one.select([name for name in columns if name not in missing]).to_pylist()[0]
    return Explanation(
        rule=rule.id,
        matched=bool(len(rows_of[""])),
        condition=matcher.condition,
        selections={name: bool(len(rows_of[f"={name}"])) for name in matcher.selections},
        values={name: None if record.get(name) is None else show(record[name]) for name in columns},
        missing=missing,
    )


def _looked_at(matcher: Matcher, schema: pa.Schema) -> list[str]:
    names = [base for column in matcher.columns for base in bases(column, schema)]
    return list(dict.fromkeys([*names, *(item.column for item in matcher.computed)]))
