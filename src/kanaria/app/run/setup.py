"""What a run works with and never changes: settings, facts, rules, networks, clock, and where its store is.

``prepare`` makes it once; the same ``Setup`` may serve any number of engines. What there is to say about it (a rule
that could not be loaded) stands in ``notes``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kanaria.app.config import Config
from kanaria.app.folders import facts_folder
from kanaria.core.clock import Clock, SystemClock
from kanaria.core.facts import Knowledge
from kanaria.core.remembered import remember
from kanaria.core.types import Finding, RejectedRecord, Text
from kanaria.core.values import dataclass
from kanaria.core.zone import LocalTime, local_time

if TYPE_CHECKING:
    from kanaria.baseline.settings import BaselineSettings
    from kanaria.detect import RuleSet
    from kanaria.knowledge import NetworkTable


@dataclass(frozen=True, kw_only=True)
class Setup:
    """Immutable. ``on_reject`` gets records that could not be read, ``on_alert`` mining on connections still open."""

    config: Config
    facts: Knowledge
    rules: RuleSet
    networks: NetworkTable | None
    """ASN and country per address, when the user installed that data."""
    clock: Clock
    store: Path | None = None
    input_format: str | None = None
    layout: str | None = None
    check_host: bool = False
    """Whether to look at this machine too, when everything was read and it is known which time matters."""
    on_reject: Callable[[RejectedRecord], None] | None = None
    on_alert: Callable[[Finding, datetime], None] | None = None
    """Told at once of mining on connections that are still open, and when; the analysis tells of them at the end."""
    notes: tuple[Text, ...] = ()
    zone: LocalTime = field(default_factory=LocalTime)
    """Of times without a zone, and of the reader."""

    def with_store(self, store: Path | None) -> Setup:
        """The same with another store, and nobody who is told anything."""
        return replace(self, store=store, on_reject=None, on_alert=None)


def prepare(
    config: Config | None = None,
    *,
    store: Path | None = None,
    clock: Clock | None = None,
    input_format: str | None = None,
    layout: str | None = None,
    check_host: bool = False,
    on_reject: Callable[[RejectedRecord], None] | None = None,
    on_alert: Callable[[Finding, datetime], None] | None = None,
    notes: tuple[Text, ...] = (),
    timezone: str | None = None,
) -> Setup:
    """Load facts and rules for these settings. Raises ConfigError and RuleError for what makes a run impossible."""
    from kanaria import knowledge
    from kanaria.detect.loading import not_loaded
    from kanaria.knowledge import NetworkTable

    config = config or Config()
    facts = knowledge.load(facts_folder(config.knowledge))
    remember(config.limits.addresses)
    rules = _rules(config, facts)
    failed = tuple(filter(None, [not_loaded(rules)]))
    return Setup(
        config=config,
        facts=facts,
        rules=rules,
        networks=NetworkTable.open(),
        clock=clock or SystemClock(),
        store=store,
        input_format=input_format,
        layout=layout,
        check_host=check_host,
        on_reject=on_reject,
        on_alert=on_alert,
        notes=(*notes, *failed),
        zone=local_time(timezone or config.timezone),
    )


def baseline_settings(config: Config) -> BaselineSettings:
    """What the pattern of life is learned by."""
    from kanaria.baseline.settings import BaselineSettings

    wanted = config.baseline
    return BaselineSettings(
        warm_up_days=wanted.warm_up_days,
        device_warm_up_hours=wanted.device_warm_up_hours,
        half_life_days=wanted.half_life_days,
        learn_incidents=wanted.learn_incidents,
        alerts_per_day=config.alerts_per_day,
        critical=frozenset(config.devices.critical),
        roles=config.devices.roles or {},
    )


def _rules(config: Config, facts: Knowledge) -> RuleSet:
    """Kanaria's models and the user's."""
    from kanaria import detect

    own = [Path(folder) for folder in config.rules]
    rules = detect.load(weights=facts.weights)
    return detect.merged(rules, detect.load(own, weights=facts.weights, other_rules=rules)) if own else rules
