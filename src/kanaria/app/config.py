"""Settings: what a user may say once instead of on every command line.

One YAML file, ``kanaria.yaml`` in the working directory or ``~/.config/kanaria/kanaria.yaml``, or the one named by
``--config``. Unknown keys are refused with the nearest known one. Every setting has a default and is documented here.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_type_hints

from kanaria.core.errors import ConfigError
from kanaria.core.network import HomeNetworks

Strings = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """Mining that is yours: reported as authorised, never as an alarm."""

    pools: Strings = ()
    """Pool host names; a name covers everything below it."""
    wallets: Strings = ()
    """Payout addresses."""
    devices: Strings = ()
    """Addresses of machines that may mine."""


@dataclass(frozen=True, kw_only=True)
class Devices:
    """What you know better about your machines than can be seen from outside."""

    critical: Strings = ()
    """Addresses of machines that must not be lost: findings on them are critical at once."""
    roles: Mapping[str, str] | None = None
    """Address to role (dns_server, domain_controller, gateway, web_server, workstation, printer, …)."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """How the pattern of life is learned. Days are days of the records, not of the clock on the wall."""

    warm_up_days: float = 7.0
    """Until this much history is known, nothing is called unusual."""
    device_warm_up_hours: float = 24.0
    """The same for one device that joined later."""
    half_life_days: float = 14.0
    """After this long an observation counts half."""
    learn_incidents: bool = False
    """Whether to learn what belongs to findings, too."""


@dataclass(frozen=True, kw_only=True)
class Impact:
    """What it costs to run your machines, for estimates of what a miner cost. Without it, reports assume and say so."""

    cores: float | None = None
    """Processor cores a miner can use on one of your machines."""
    watts_per_core: float | None = None
    """Watts one busy core adds."""
    price_per_kwh: float | None = None
    """Price of a kilowatt hour."""
    currency: str = "JPY"
    """Currency of that price."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings."""

    home: Strings = ()
    """Your networks, such as ``192.0.2.0/24``. Empty: private address space counts as yours."""
    allowed: Allowed = Allowed()
    devices: Devices = Devices()
    baseline: Baseline = Baseline()
    impact: Impact = Impact()
    rules: Strings = ()
    """Folders with detection rules of your own."""
    knowledge: str | None = None
    """Folder with facts of your own."""
    alerts_per_day: float = 1.0
    """How many unexplained anomaly alerts a day you want at most."""
    # A day: who is not on duty reads once a day. Alertmanager repeats after 4 h, Zeek's notices after 1 h by default,
    # for people on duty.
    realert_hours: float = 24.0
    """With a store: an incident that goes on is told of again after this long, unless it gets worse before."""

    @property
    def home_networks(self) -> HomeNetworks:
        return HomeNetworks.parse(self.home, where="configuration") if self.home else HomeNetworks()


def load(path: Path | None) -> Config:
    """The settings of that file, or of the first default place that exists, or the defaults.

    Raises ConfigError naming file, key, expectation and likely cause.
    """
    chosen = path or next((candidate for candidate in default_places() if candidate.is_file()), None)
    if chosen is None:
        return Config()
    import yaml  # only users with a settings file pay for it

    try:
        data = yaml.safe_load(chosen.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(
            path=str(chosen), key="", expected="a readable YAML file", got=type(error).__name__, cause=str(error)
        ) from error
    settings: Config = _build(Config, {} if data is None else data, str(chosen), "")
    return settings


def default_places() -> tuple[Path, ...]:
    """Where settings are looked for when none are named, first one wins."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path("kanaria.yaml"), home / "kanaria" / "kanaria.yaml"


def _build(kind: type[Any], data: object, path: str, prefix: str) -> Any:
    if not isinstance(data, dict):
        raise ConfigError(path=path, key=prefix, expected="settings as key: value", got=data)
    known = {field.name for field in fields(kind)}
    for key in data:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known settings: {', '.join(sorted(known))}"
            raise ConfigError(path=path, key=f"{prefix}{key}", expected="a known setting", got=key, cause=hint)
    hints = get_type_hints(kind)
    return kind(**{key: _value(hints[key], value, path, f"{prefix}{key}") for key, value in data.items()})


def _value(kind: Any, value: object, path: str, key: str) -> object:
    if kind in (Allowed, Baseline, Devices, Impact):
        return _build(kind, value, path, f"{key}.")
    if kind == Strings:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ConfigError(path=path, key=key, expected="a list of texts", got=value)
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise ConfigError(path=path, key=key, expected="true or false", got=value)
    if kind in (float, float | None):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf"):
            return float(value)
        raise ConfigError(path=path, key=key, expected="a number above 0", got=value)
    if kind in (str, str | None):
        if isinstance(value, str):
            return value
        raise ConfigError(path=path, key=key, expected="a text", got=value)
    if isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        return value
    raise ConfigError(path=path, key=key, expected="a mapping of texts to texts", got=value)
