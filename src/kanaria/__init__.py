"""Kanaria finds cryptojacking in logs and network behaviour and explains it.

From Python: ``kanaria.analyse(*paths)`` and ``kanaria.explain(line)`` give an ``Analysis``, ``kanaria.render`` writes
it, ``kanaria.watch(*paths)`` goes on day and night. What stands in ``__all__`` is the public interface; it is loaded
when it is first used.
"""

from importlib import import_module

__version__ = "0.1.0"

_PLACES = {
    "kanaria.app.public": ("analyse", "explain", "render", "watch"),
    "kanaria.core.types": ("Analysis", "Evidence", "Finding", "Incident", "InputSummary", "StratumMessage", "Text"),
    "kanaria.core.errors": ("ConfigError", "KanariaError", "RuleError", "SourceError"),
}
__all__ = ["__version__", *(name for names in _PLACES.values() for name in names)]


def __getattr__(name: str) -> object:
    for place, names in _PLACES.items():
        if name in names:
            return getattr(import_module(place), name)
    raise AttributeError(name)
