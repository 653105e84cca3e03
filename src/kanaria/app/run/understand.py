"""The stages that need no memory: facts about addresses and names, and what of mining is in the rows."""

from __future__ import annotations

from kanaria.app.run.setup import Setup
from kanaria.core.schema import Tables
from kanaria.core.types import StratumMessage


def understand(tables: Tables, setup: Setup) -> tuple[Tables, tuple[StratumMessage, ...]]:
    """The tables with knowledge.*, mining.* and payload.* columns, and the mining messages in them."""
    from kanaria import mining

    return read_mining(enrich(mining.reached(tables), setup), setup)


def enrich(tables: Tables, setup: Setup) -> Tables:
    """knowledge.* columns, and what recorded programs are; overwrites nothing."""
    from kanaria import knowledge

    enriched = knowledge.enrich(tables, setup.facts, setup.networks)
    owned = "connection" in tables and tables["connection"]["process"].null_count < len(tables["connection"])
    if "process" not in tables and not owned:
        return enriched
    from kanaria.host import programs

    return programs.enrich(enriched, setup.facts)


def read_mining(tables: Tables, setup: Setup) -> tuple[Tables, tuple[StratumMessage, ...]]:
    """mining.*, payload.*, stratum messages, flow grammar."""
    from kanaria import knowledge, mining

    reading = mining.read(tables, setup.facts)
    tables = knowledge.match_wallets(reading.tables, setup.facts.indicators)
    if "connection" in tables:
        from kanaria.mining import grammar, grammar_coin

        tables = {**tables, "connection": grammar_coin.read(grammar.read(tables["connection"], setup.facts))}
    return tables, reading.messages
