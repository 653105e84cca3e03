"""Tools of the MCP server that need no store: what is known, the rules, and what a log line means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from kanaria.app.mcp_shapes import (
    ITEMS,
    LINE,
    Explained,
    Fact,
    Facts,
    RuleBrief,
    Rules,
    RuleWhole,
    Spoken,
    Whole,
    Words,
)

if TYPE_CHECKING:
    from kanaria.app.run.setup import Setup
    from kanaria.detect import Rule

EXPLAINED = 3
"""Incidents that a line or a few lines can hold; more are not about that line."""
Line = Annotated[str, Field(min_length=1, max_length=LINE)]


def fact_tools(
    whole: Callable[[Mapping[str, Any], str, Spoken], Whole], setup: Callable[[], Setup]
) -> list[Callable[..., Any]]:
    """The tools; ``whole`` makes an incident's document what an assistant gets, ``setup`` has the facts and rules."""
    listed = cache(lambda language: _facts(setup(), language))

    def search_knowledge(words: Words, language: Spoken = "en") -> Facts:
        """Facts that hold all these words (pools, coins, programs, CVEs, techniques, samples); 40 at most."""
        wanted = words.casefold().split()
        matching = [fact for fact in listed(language) if all(word in _searched(fact) for word in wanted)]
        return Facts(facts=matching[:ITEMS], more=max(len(matching) - ITEMS, 0))

    def list_rules(words: Words = "", language: Spoken = "en") -> Rules:
        """Detection rules whose id, title or techniques hold all these words, at most 40."""
        wanted = words.casefold().split()
        briefs = [_rule(rule, language) for rule in setup().rules.rules]
        matching = [
            brief for brief in briefs
            if all(word in f"{brief.id} {brief.title} {brief.techniques}".casefold() for word in wanted)
        ]  # fmt: skip
        return Rules(rules=matching[:ITEMS], more=max(len(matching) - ITEMS, 0))

    def get_rule(id: Words, language: Spoken = "en") -> RuleWhole:
        """One detection rule in words, with its runbook."""
        from mcp.server.mcpserver.exceptions import ToolError

        try:
            rule = setup().rules[id]
        except KeyError as error:
            message = "there is no rule of that id; list_rules finds ids"
            raise ToolError(message) from error
        return RuleWhole(
            brief=_rule(rule, language), description=rule.description.to(language), why=rule.why.to(language),
            runbook=rule.runbook.to(language) if rule.runbook else None, references=list(rule.references[:ITEMS]),
        )  # fmt: skip

    def explain_line(line: Line, language: Spoken = "en") -> Explained:
        """What a log line, or a few, mean to Kanaria. Nothing is kept."""
        from kanaria.app.public import explained
        from kanaria.report.document import document

        made = document(explained(line, setup()), setup().facts)
        return Explained(incidents=[whole(item, "new", language) for item in made["incidents"][:EXPLAINED]])

    return [search_knowledge, list_rules, get_rule, explain_line]


def _facts(setup: Setup, language: Spoken) -> tuple[Fact, ...]:
    from kanaria.knowledge.listing import listing

    rows = listing(setup.facts, None, language)
    return tuple(Fact(kind=row.kind, id=row.id, text=row.text, source=row.source, date=str(row.date)) for row in rows)


def _searched(fact: Fact) -> str:
    """What is looked through: as people write it, and not as it is shown so that nobody clicks on it."""
    return f"{fact.kind} {fact.id} {fact.text}".replace("[.]", ".").casefold()


def _rule(rule: Rule, language: Spoken) -> RuleBrief:
    return RuleBrief(
        id=rule.id,
        level=rule.severity,
        table=rule.table,
        title=rule.title.to(language),
        techniques=list(rule.techniques),
    )
