"""The settings of the pattern of life, each with its unit and where its default comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from kanaria.core.errors import ConfigError
from kanaria.core.values import dataclass

LEAST_HALF_LIFE_DAYS = 7.0
"""A float64 holds 960 half-lives from 2020 on (``shape.LANDMARK``): with 7 days until 2038. With less than 2.6 days
nothing counted less any more by 2026."""


@dataclass(frozen=True, kw_only=True)
class BaselineSettings:
    """What an operator may choose. Days and hours are of event time, never of the clock on the wall."""

    warm_up_days: float = 7.0
    """Until this much history exists nothing is called anomalous: one week holds every hour of the week once."""
    device_warm_up_hours: float = 24.0
    """The same for one device that joined later: one day holds every hour of the day once."""
    half_life_days: float = 14.0
    """After this long an observation counts half; two weeks keep a weekly habit alive and forget a past project."""
    alerts_per_day: float = 1.0
    """How many unexplained anomaly alerts a day the operator wants at most."""
    learn_incidents: bool = False
    """Learn rows that belong to findings too. Off, so that an attacker cannot teach Kanaria that he is normal."""
    critical: frozenset[str] = frozenset()
    """Addresses that must not be lost, whatever their role."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """Address to role, where the operator knows better than what can be seen."""
    max_ties: int = 12_000_000
    """Upper bound of remembered ties; the oldest and rarest go first. A fifth above the 10 million ties of the design's
    measurements; the size on disk at the bound has not been measured."""

    def __post_init__(self) -> None:
        for name in ("warm_up_days", "device_warm_up_hours", "half_life_days", "alerts_per_day", "max_ties"):
            value = getattr(self, name)
            if value < 0 or (value == 0 and name not in ("warm_up_days", "device_warm_up_hours")):
                raise ConfigError(path="baseline settings", key=name, expected="a positive number", got=value)
        if self.half_life_days < LEAST_HALF_LIFE_DAYS:
            raise ConfigError(
                path="settings",
                key="baseline.half_life_days",
                expected=f"at least {LEAST_HALF_LIFE_DAYS:g} days",
                got=self.half_life_days,
            )
