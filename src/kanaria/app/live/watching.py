"""From settings to sources: what the service reads lines from."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kanaria.app.config import Config, called
from kanaria.app.config_live import Source
from kanaria.app.secret_values import secret
from kanaria.core.errors import ConfigError
from kanaria.core.limits import Limits
from kanaria.core.network import HomeNetworks, place
from kanaria.core.values import dataclass
from kanaria.sources.chunks import LineSource
from kanaria.sources.docker import FOLDER, container_logs
from kanaria.sources.follow import Follower, Names, below, matching

if TYPE_CHECKING:
    from kanaria.app.live.flows import Flows
    from kanaria.app.live.host_samples import HostSamples
    from kanaria.sources.live import LiveStream
    from kanaria.sources.netflow_collector import NetflowCollector

FLOWS = frozenset({"interface", "netflow"})
"""Kinds that bring flows instead of lines."""
NETFLOW_WAITS = 2.0
"""Seconds datagrams are put together before flows are handed on."""
LISTEN = {"syslog": "127.0.0.1:5514", "http": "127.0.0.1:8088", "netflow": "127.0.0.1:2055"}
"""Where kinds listen unless told otherwise; syslog's own port 514 needs root."""
FORMATS = {"journal": "journald-json"}
"""Formats that follow from the kind."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A source with what the settings say of its lines."""

    source: LineSource
    format: str | None
    log_format: str | None
    on_the_wire: bool
    """Whether a sensor writes there what it saw on the wire."""
    at_end: bool = False
    """Whether what was there before the first start does not count."""


def must_watch(config: Config, file: object) -> None:
    """Raises ConfigError when these settings, of that file, name nothing to watch."""
    if not (config.sources or config.host.check):
        raise ConfigError(
            path=str(file or "kanaria.toml"), key="sources", expected="something to watch", got="nothing",
            cause="kanaria init writes a settings file with what this machine has",
        )  # fmt: skip


def watched(config: Config) -> list[Watched]:
    """The sources of lines that settings describe."""
    return [
        Watched(
            source=_made(settings, number, config.limits),
            format=settings.format or FORMATS.get(settings.kind), log_format=settings.log_format,
            on_the_wire=settings.kind in {"zeek", "suricata"},
            at_end=settings.start == "end",
        )
        for number, settings in enumerate(config.sources, 1)
        if settings.kind not in FLOWS
    ]  # fmt: skip


def watched_flows(config: Config) -> list[Flows | HostSamples]:
    """The interfaces and NetFlow ports that settings describe, and this machine if it is to be looked at."""
    sources: list[Flows | HostSamples] = []
    if config.host.check:
        from kanaria.app.live.host_samples import HostSamples

        sources.append(HostSamples(config.host.every_seconds, config.home_networks))
    for number, settings in enumerate(config.sources, 1):
        if settings.kind in FLOWS:
            from kanaria.app.live.flows import Flows
            from kanaria.formats.packets.warm_up import warm_up

            if settings.kind == "interface":
                warm_up()  # before anything is captured: compiling takes seconds in which packets would queue up
            home = _home(config, settings)
            sources.append(Flows(name_of(settings, number), _opener(settings), home))
    return sources


def _opener(settings: Source) -> Callable[[], LiveStream | NetflowCollector]:
    def interface() -> LiveStream:
        from kanaria.sources.live import open_interface

        return open_interface(settings.interface or "any", filter_expression=settings.filter or "")

    def netflow() -> NetflowCollector:
        from kanaria.sources.netflow_collector import NetflowCollector

        host, port = place(settings.listen or LISTEN["netflow"])
        return NetflowCollector(host, port, exporters=settings.senders, every=NETFLOW_WAITS)

    return interface if settings.kind == "interface" else netflow


def _home(config: Config, settings: Source) -> HomeNetworks:
    """Networks that are ours: as set, or private address space and this machine's own addresses on the interface."""
    if config.home or settings.kind != "interface":
        return config.home_networks
    from kanaria.core.network import PRIVATE, is_global
    from kanaria.sources.live import addresses

    own = [found for found in addresses(settings.interface or "any") if is_global(found)]
    return HomeNetworks.parse((*map(str, PRIVATE), *own), where="interface") if own else config.home_networks


def name_of(settings: Source, number: int) -> str:
    """What it is called everywhere; its positions are kept under it."""
    return settings.name or called(settings) or settings.listen or f"{settings.kind} {number}"


def _made(settings: Source, number: int, limits: Limits) -> LineSource:
    name = name_of(settings, number)
    places = min(limits.places, limits.positions)  # a place whose position is not kept would be counted anew
    if settings.kind in {"file", "zeek", "suricata", "docker"}:
        return Follower(
            name, _names(settings), at_end=settings.start == "end", everything=settings.kind == "zeek",
            most=limits.positions,
        )  # fmt: skip
    if settings.kind == "journal":
        from kanaria.sources.journal import Journal

        return Journal(name, folder=settings.path, units=settings.units, at_end=settings.start == "end")
    if settings.kind == "stdin":
        from kanaria.sources import standard_input
        from kanaria.sources.piped import Piped

        return Piped(name, standard_input())
    if settings.kind in {"kafka", "redis"}:
        return _streamed(settings, number, name, limits)
    host, port = place(settings.listen or LISTEN[settings.kind])
    if settings.kind == "syslog":
        from kanaria.sources.syslog import Syslog

        return Syslog(
            name, host, port, udp=settings.protocol != "tcp", tcp=settings.protocol != "udp",
            senders=settings.senders, certificate=settings.certificate, key=settings.key, places=places,
        )  # fmt: skip
    from kanaria.sources.http_intake import HttpIntake

    return HttpIntake(name, host, port, secret(settings.token or "", f"sources[{number}].token"), places)


def _streamed(settings: Source, number: int, name: str, limits: Limits) -> LineSource:
    key, at_end = f"sources[{number}]", settings.start == "end"
    if settings.kind == "kafka":
        from kanaria.sources.kafka import Kafka

        options = {
            name: secret(value, f"{key}.options.{name}") if value else "" for name, value in settings.options.items()
        }
        # Files that records name have positions of their own, beside that of their partition.
        partitions = min(limits.partitions, max(1, limits.positions // 2))
        return Kafka(
            name, settings.brokers or "", settings.topics, options=options, at_end=at_end, partitions=partitions,
            places=min(limits.places, max(1, limits.positions - partitions)),
        )  # fmt: skip
    from kanaria.sources.redis_streams import RedisStreams

    url = secret(settings.url or "", f"{key}.url")
    places = min(limits.places, limits.positions)
    return RedisStreams(name, url, settings.streams, record=settings.record, at_end=at_end, places=places)


def _names(settings: Source) -> Names:
    path = settings.path or FOLDER
    if settings.kind == "docker":
        return container_logs(path, settings.containers)
    if settings.kind == "file":
        return matching(path)
    return below(path, ("*.log",) if settings.kind == "zeek" else ("eve*.json",))
