"""Settings: what a user may say once instead of on every command line.

One TOML file for every command: the one named by ``--config``, or ``~/.config/kanaria/kanaria.toml`` or
``/etc/kanaria/kanaria.toml``; YAML, as version 0.1 had it, is read too. The working directory is not looked into: it
may hold evidence, and a file in it would authorise and re-weigh unasked. Unknown keys are refused with file, line and
the nearest known one. Every setting is documented where it is declared.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path

from kanaria.app.config_build import build, refuse
from kanaria.app.config_file import KeyPath, Parsed, chosen_file, closed, read
from kanaria.app.config_live import KAFKA_OURS, SOURCE_KEYS, SOURCE_NEEDS, Channel, Host, Maintenance, Service, Source
from kanaria.baseline.settings import LEAST_HALF_LIFE_DAYS
from kanaria.core.errors import ConfigError
from kanaria.core.limits import EventLimits, Limits
from kanaria.core.network import HomeNetworks, place
from kanaria.core.text import decimal
from kanaria.core.types import Language
from kanaria.core.values import dataclass
from kanaria.core.zone import local_time

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
    """Addresses of machines that must not be lost: what worked on them, or may have, is critical."""
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
    """After this long an observation counts half; 7 days at least, so that a weekly habit is known a week later."""
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
class Llm:
    """A language model that may put sentences of a story in better words. The key is in `KANARIA_LLM_KEY`."""

    base_url: str | None = None
    """OpenAI-compatible interface, such as `http://llm.example:11434/v1`. Without it no model is ever contacted."""
    model: str | None = None
    """Name of the model on that server."""
    timeout: float = 60.0
    """Seconds that one run may spend on the model; what is left then is written by Kanaria."""
    max_tokens: float = 800.0
    """Longest answer."""
    hide_internal: bool = False
    """Whether internal addresses and host names are replaced before sending. Secrets and mail addresses always are."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings."""

    store: str | None = None
    """Folder that `kanaria serve` keeps everything in, relative to the settings file; commands about what is kept look
    there too, and `analyze` where `--config` names the file."""
    language: Language | None = None
    """Language of what is shown and told, `ja` or `en`, unless `--lang` names it; default: the locale's."""
    timezone: str | None = None
    """Zone of times in logs that name none, and of times in reports: `Asia/Tokyo`, `+09:00`; default: the system's."""
    home: Strings = ()
    """Your networks, such as ``192.0.2.0/24``. Empty: private address space counts as yours."""
    allowed: Allowed = Allowed()
    devices: Devices = Devices()
    baseline: Baseline = Baseline()
    impact: Impact = Impact()
    llm: Llm = Llm()
    limits: Limits = field(default_factory=Limits)
    events: EventLimits = field(default_factory=EventLimits)
    rules: Strings = ()
    """Folders with detection rules of your own, relative to the settings file."""
    knowledge: str | None = None
    """Folder with facts of your own, relative to the settings file."""
    alerts_per_day: float = 1.0
    """How many unexplained anomaly alerts a day you want at most."""
    # A day: who is not on duty reads once a day. Alertmanager repeats after 4 h, Zeek's notices after 1 h by default,
    # for people on duty.
    realert_hours: float = 24.0
    """With a store: an incident that goes on is reported again after this long, unless it gets worse before."""

    sources: tuple[Source, ...] = ()
    """What `kanaria serve` watches."""
    notify: tuple[Channel, ...] = ()
    """Whom it notifies."""
    host: Host = field(default_factory=Host)
    """Whether it looks at its own machine."""
    maintenance: tuple[Maintenance, ...] = ()
    """When not to."""
    serve: Service = field(default_factory=Service)
    """How it runs."""

    @property
    def home_networks(self) -> HomeNetworks:
        return HomeNetworks.parse(self.home, where="configuration") if self.home else HomeNetworks()


def load(path: Path | None) -> Config:
    """The settings of that file, or of the first default place that exists, or the defaults.

    Raises ConfigError naming file, line, key, expectation and likely cause.
    """
    chosen = chosen_file(path)
    if chosen is None:
        return Config()
    parsed = read(chosen)
    settings: Config = build(Config, parsed, parsed.data)
    _check(settings, parsed)
    return _placed(settings, chosen.parent.absolute())


def load_for_inputs(path: Path | None) -> Config:
    """The same for who only wants something read: without the machine's settings where they are closed to him, which
    the report says (``in_force``)."""
    return Config() if path is None and closed(chosen_file(None)) else load(path)


def _placed(settings: Config, folder: Path) -> Config:
    """Whatever is a file or folder, as the settings file means it: relative to the folder that it lies in."""

    def place(name: str | None) -> str | None:
        return None if name is None else str(folder / Path(name).expanduser())

    def secret(text: str | None) -> str | None:
        return f"file:{place(text.removeprefix('file:'))}" if text and text.startswith("file:") else text

    sources = [
        replace(
            s, path=place(s.path), certificate=place(s.certificate), key=place(s.key), token=secret(s.token),
            url=secret(s.url), options={key: secret(value) or "" for key, value in s.options.items()},
        )
        for s in settings.sources
    ]  # fmt: skip
    notify = [replace(c, url=secret(c.url) or "", secret=secret(c.secret)) for c in settings.notify]
    serve = replace(settings.serve, ocsf=place(settings.serve.ocsf))
    return replace(
        settings, store=place(settings.store), rules=tuple(str(place(name)) for name in settings.rules),
        knowledge=place(settings.knowledge), sources=tuple(sources), notify=tuple(notify), serve=serve,
    )  # fmt: skip


def _check(settings: Config, parsed: Parsed) -> None:
    """What one value alone cannot show to be wrong."""
    for index, text in enumerate(settings.home):
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError as error:
            refuse(parsed, ("home", index), "a network such as 192.0.2.0/24", text, str(error))
    try:
        local_time(settings.timezone)
    except ConfigError as error:
        refuse(parsed, ("timezone",), error.expected, settings.timezone, error.parts[3] if error.parts else "")
    _check_ports(settings, parsed)
    if settings.baseline.half_life_days < LEAST_HALF_LIFE_DAYS:
        least = f"at least {LEAST_HALF_LIFE_DAYS:g} days"
        refuse(parsed, ("baseline", "half_life_days"), least, settings.baseline.half_life_days)
    for index, source in enumerate(settings.sources):
        given = set(parsed.data["sources"][index]) - {"kind", "name"}  # type: ignore[index]
        for key in sorted(given - SOURCE_KEYS[source.kind]):
            allowed = ", ".join(sorted(SOURCE_KEYS[source.kind])) or "no more"
            refuse(parsed, ("sources", index, key), f"a setting of {source.kind}", key, f"it has {allowed}")
        for key in sorted(SOURCE_NEEDS.get(source.kind, frozenset()) - given):
            refuse(parsed, ("sources", index), f"{key} for a source of kind {source.kind}", "nothing")
        for key in sorted(KAFKA_OURS & set(source.options)):
            refuse(parsed, ("sources", index, "options", key), "an option that is not Kanaria's own to set", key)
    for key, names in (("sources", _names(settings.sources)), ("notify", _names(settings.notify))):
        for index, name in enumerate(names):
            if name is not None and name in names[:index]:
                refuse(parsed, (key, index), "a name that no other has", name, "give it a name of its own")
    for index, channel in enumerate(settings.notify):
        if hours(channel.digest_at) is None:
            refuse(parsed, ("notify", index, "digest_at"), "a time such as 08:00", channel.digest_at)
        if channel.quiet is not None and quiet_hours(channel.quiet) is None:
            refuse(parsed, ("notify", index, "quiet"), "hours such as 22:00-07:00", channel.quiet)
    for index, window in enumerate(settings.maintenance):
        once = window.begin is not None and window.end is not None
        if once == (window.hours is not None):
            refuse(parsed, ("maintenance", index), "begin and end, or hours", "both" if once else "neither")
        for key, when in (("begin", window.begin), ("end", window.end)):
            if when is not None and moment(when) is None:
                refuse(parsed, ("maintenance", index, key), "a time such as 2026-12-05T22:00+09:00", when)
        if window.hours is not None and quiet_hours(window.hours) is None:
            refuse(parsed, ("maintenance", index, "hours"), "hours such as 02:00-04:00", window.hours)


def _check_ports(settings: Config, parsed: Parsed) -> None:
    """Where is listened, and to whom."""
    serve = settings.serve
    listens: list[tuple[KeyPath, str | None]] = [
        (("serve", "listen"), None if serve.listen == "off" else serve.listen),
        (("serve", "acknowledge_listen"), serve.acknowledge_listen),
        *((("sources", index, "listen"), source.listen) for index, source in enumerate(settings.sources)),
    ]
    for key, listen in listens:
        if listen is not None and not _is_place(listen):
            refuse(parsed, key, "address:port", listen)
    for index, source in enumerate(settings.sources):
        for number, text in enumerate(source.senders):
            try:
                ipaddress.ip_network(text, strict=False)
            except ValueError as error:
                refuse(
                    parsed, ("sources", index, "senders", number), "a network such as 192.0.2.0/24", text, str(error)
                )
        if source.path == "":
            refuse(parsed, ("sources", index, "path"), "a path", "an empty one")


def _is_place(listen: str) -> bool:
    try:
        place(listen)
    except ConfigError:
        return False
    return True


def moment(text: str) -> datetime | None:
    """A date and time with its zone; None when it is none."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None


def _names(given: Sequence[Source] | Sequence[Channel]) -> list[str | None]:
    """What things are kept under: two with one name would mix up their positions or messages."""
    return [item.name or (called(item) if isinstance(item, Source) else None) for item in given]


def called(source: Source) -> str | None:
    """What a source is called that has no name: after what it reads; None where nothing says it."""
    if source.topics or source.streams:
        return f"{source.kind} {','.join((*source.topics, *source.streams))}"
    return source.path or source.interface


def hours(text: str) -> int | None:
    """A time of day in minutes; None when it is none."""
    hour, colon, minute = text.partition(":")
    whole, part = decimal(hour, 2), decimal(minute, 2)
    if not colon or whole is None or part is None or len(minute) != 2:
        return None
    value = whole * 60 + part
    return value if part < 60 and value < 24 * 60 else None


def quiet_hours(text: str) -> tuple[int, int] | None:
    """From and to in minutes of the day; None when the text says no such thing."""
    begin, dash, end = text.partition("-")
    low, high = hours(begin.strip()), hours(end.strip())
    return (low, high) if dash and low is not None and high is not None else None
