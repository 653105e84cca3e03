"""Facts, and the columns they add to tables.

Light to import: YAML, Arrow compute and NumPy are imported by the functions that need them.
"""

from kanaria.knowledge import listing
from kanaria.knowledge.indicators import ImportReport, import_indicators, read_indicators
from kanaria.knowledge.indicators_match import match_wallets
from kanaria.knowledge.loader import load
from kanaria.knowledge.match import AgentIndex, PoolIndex, enrich
from kanaria.knowledge.networks import NetworkTable
from kanaria.knowledge.updater import UpdateReport, update

__all__ = [
    "AgentIndex",
    "ImportReport",
    "NetworkTable",
    "PoolIndex",
    "UpdateReport",
    "enrich",
    "import_indicators",
    "listing",
    "load",
    "match_wallets",
    "read_indicators",
    "update",
]
