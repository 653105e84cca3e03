"""One record's way to one rule: read the file, add what the stages add, and say which parts of the rule hold."""

from __future__ import annotations

from kanaria.app.run.stages import Stages
from kanaria.core.errors import ConfigError, SourceError
from kanaria.core.types import Language
from kanaria.detect import Rule, commands
from kanaria.sources import open_inputs


def explain_rule(rule: Rule, path: str, row: int, language: Language) -> str:
    """The explanation for the record numbered ``row`` (from 1) among those of the rule's table.

    Raises SourceError when the file has no such record, ConfigError for a correlation.
    """
    if rule.matcher is None:
        raise ConfigError(path="rules explain", key=rule.id, expected="a rule over single records", got="a correlation")
    stages = Stages()
    before = 0
    for batch in stages.in_time_order(stages.normalise(open_inputs([path]))):
        table, _ = stages.read_mining(stages.enrich(batch))
        rows = table[rule.table].num_rows if rule.table in table else 0
        if before < row <= before + rows:
            return commands.explain(rule, table[rule.table], row - before - 1, stages.engine).text(language)
        before += rows
    raise SourceError(source=path, expected=f"a record {row} in the table {rule.table}", got=f"{before} such records")
