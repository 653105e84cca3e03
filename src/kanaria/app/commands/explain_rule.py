"""One record's way to one rule: read the file, add what the stages add, and say which parts of the rule hold."""

from __future__ import annotations

from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from kanaria.app.run.understand import understand
from kanaria.core.errors import ConfigError, SourceError
from kanaria.core.words import Language
from kanaria.detect import Rule, commands
from kanaria.sources import open_inputs


def explain_rule(rule: Rule, path: str, row: int, language: Language) -> str:
    """The explanation for the record numbered ``row`` (from 1) among those of the rule's table.

    Raises SourceError when the file has no such record, ConfigError for a correlation.
    """
    if rule.matcher is None:
        raise ConfigError(path="rules explain", key=rule.id, expected="a rule over single records", got="a correlation")
    setup = prepare()
    before = 0
    with Engine(setup) as engine:
        for piece in engine.slices(engine.read(open_inputs([path]))):
            tables, _ = understand(piece.tables, setup)
            rows = tables[rule.table].num_rows if rule.table in tables else 0
            if before < row <= before + rows:
                return commands.explain(rule, tables[rule.table], row - before - 1, engine.engine).text(language)
            before += rows
    raise SourceError(source=path, expected=f"a record {row} in the table {rule.table}", got=f"{before} such records")
