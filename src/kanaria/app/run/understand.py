"""The stages that need no memory: facts about addresses and names, and what of mining is in the rows."""

from __future__ import annotations

from kanaria.app.run.setup import Setup
from kanaria.core.schema import Tables
from kanaria.core.types import StratumMessage


def understand(tables: Tables, setup: Setup) -> tuple[Tables, tuple[StratumMessage, ...]]:
    """The tables with knowledge.*, mining.* and payload.* columns, and the mining messages in them."""
    return read_mining(enrich(tables, setup), setup)


def enrich(tables: Tables, setup: Setup) -> Tables:
    """knowledge.* columns; overwrites nothing."""
    from kanaria import knowledge

    return knowledge.enrich(tables, setup.facts, setup.networks)


def read_mining(tables: Tables, setup: Setup) -> tuple[Tables, tuple[StratumMessage, ...]]:
    """mining.*, payload.*, stratum messages, flow grammar."""
    from kanaria import knowledge, mining

    reading = mining.read(tables, setup.facts)
    tables = knowledge.match_wallets(reading.tables, setup.facts.indicators)
    if "connection" in tables:
        from kanaria.mining import grammar, grammar_coin

        tables = {**tables, "connection": grammar_coin.read(grammar.read(tables["connection"], setup.facts))}
    return tables, reading.messages
