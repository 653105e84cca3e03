"""Sigma rules and correlations over events and enrichment columns, giving findings.

Tables in, ``Finding`` values out. ``load`` brings the rules, ``Detector`` applies them, ``run_rule_tests`` runs
the tests inside them. Nothing slow is imported until it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanaria.detect.evaluate import Detector
    from kanaria.detect.loading import load, merged
    from kanaria.detect.model import Failure, Rule, RuleSet
    from kanaria.detect.testing import run_rule_tests

__all__ = ["Detector", "Failure", "Rule", "RuleSet", "load", "merged", "run_rule_tests"]

_HOME = {
    "Detector": "evaluate",
    "Failure": "model",
    "Rule": "model",
    "RuleSet": "model",
    "load": "loading",
    "merged": "loading",
    "run_rule_tests": "testing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"kanaria.detect.{_HOME[name]}"), name)
