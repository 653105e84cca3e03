"""Kanaria finds cryptojacking in logs and network behaviour and explains it."""

__version__ = "0.1.0"
