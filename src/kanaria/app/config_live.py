"""Settings of the service: what it watches, whom it notifies, and how it looks after itself.

Declared here, filled by ``app.config``. Texts marked as secrets may name where the secret lies instead: ``env:NAME``,
``file:PATH`` or ``credential:NAME`` (systemd's ``LoadCredential``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from kanaria.core.types import Language, Severity
from kanaria.core.values import dataclass

Strings = tuple[str, ...]
SourceKind = Literal[
    "file", "zeek", "suricata", "stdin", "journal", "syslog", "http", "docker", "kafka", "redis", "interface", "netflow"
]  # fmt: skip
Digest = Literal["daily", "weekly", "none"]
Protocol = Literal["udp", "tcp", "both"]
LogStyle = Literal["text", "json"]
Start = Literal["start", "end"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

SOURCE_KEYS: Mapping[str, frozenset[str]] = {
    "file": frozenset({"path", "format", "log_format", "start"}),
    "zeek": frozenset({"path", "start"}),
    "suricata": frozenset({"path", "start"}),
    "stdin": frozenset({"format", "log_format"}),
    "journal": frozenset({"path", "units", "start"}),
    "syslog": frozenset({"listen", "protocol", "certificate", "key", "senders", "format", "log_format"}),
    "http": frozenset({"listen", "token", "format", "log_format"}),
    "docker": frozenset({"path", "containers", "format", "log_format", "start"}),
    "kafka": frozenset({"brokers", "topics", "options", "format", "log_format", "start"}),
    "redis": frozenset({"url", "streams", "record", "format", "log_format", "start"}),
    "interface": frozenset({"interface", "filter"}),
    "netflow": frozenset({"listen", "senders"}),
}
"""Which keys besides ``kind`` and ``name`` each kind of source has."""
SOURCE_NEEDS: Mapping[str, frozenset[str]] = {
    "file": frozenset({"path"}),
    "zeek": frozenset({"path"}),
    "suricata": frozenset({"path"}),
    "http": frozenset({"token"}),
    "kafka": frozenset({"brokers", "topics"}),
    "redis": frozenset({"url", "streams"}),
    "interface": frozenset({"interface"}),
}
"""Which of them it cannot do without."""
KAFKA_OURS = frozenset({
    "bootstrap.servers", "metadata.broker.list", "enable.auto.commit", "enable.auto.offset.store",
    "auto.offset.reset", "enable.partition.eof", "allow.auto.create.topics", "plugin.library.paths",
})  # fmt: skip
"""Options of the Kafka library that reading exactly once rests on, that are settings of their own, or load programs."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Something to watch. ``kind`` decides which of the other keys it has."""

    kind: SourceKind
    """What it is: a log file, a folder of Zeek or Suricata logs, standard input, the system's journal, a port for
    syslog, for JSON over HTTP or for NetFlow, the logs of Docker containers, topics of a Kafka cluster, streams of a
    Redis server, or a network interface."""
    name: str | None = None
    """What reports and `kanaria status` call it; default: its path or address."""
    path: str | None = None
    """File, folder or pattern (file, zeek, suricata, docker, journal), relative to the settings file."""
    format: str | None = None
    """Format of its lines (see `kanaria formats`), instead of looking."""
    log_format: str | None = None
    """Apache LogFormat or nginx log_format of its lines."""
    start: Start = "start"
    """Where to begin what was never read before: at its start, or only with what is written from now on."""
    units: Strings = ()
    """Units whose entries to read (journal); empty: all."""
    listen: str | None = None
    """`address:port` to listen on (syslog, http, netflow)."""
    protocol: Protocol = "both"
    """Whether syslog comes by UDP, TCP or both."""
    certificate: str | None = None
    """PEM file with the certificate; with it, syslog over TCP is TLS."""
    key: str | None = None
    """PEM file with the key of that certificate."""
    senders: Strings = ()
    """Addresses or networks that may send (syslog, netflow); empty: everybody who reaches the port."""
    token: str | None = None
    """Secret that senders must show as `Authorization: Bearer …` (http)."""
    containers: Strings = ()
    """Names of containers (docker); empty: all."""
    brokers: str | None = None
    """`host:port` of Kafka's brokers, one or several with commas between them."""
    topics: Strings = ()
    """Topics (kafka), by name or with `*` and `?`."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Settings of the Kafka library (librdkafka) for TLS, SASL and limits, such as `"sasl.password" = "env:NAME"`; any
    of them may be a secret."""
    url: str | None = None
    """Where the Redis server is (secret): `redis://host:port/number`, or `rediss://…` for TLS."""
    streams: Strings = ()
    """Streams (redis), by name."""
    record: str | None = None
    """Field of an entry that has the record (redis); without it the only one, `message` or `log`, or all together."""
    interface: str | None = None
    """Interface to capture packets on, such as `eth0`."""
    filter: str | None = None
    """Capture filter in the syntax of tcpdump."""


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Somebody to notify, through one channel."""

    url: str
    """Where messages go (secret): an Apprise URL such as `ntfy://…`, `mailto://…`, `discord://…`, `json://…`, or
    `webhook+https://…` for a signed webhook with the incident as JSON."""
    name: str | None = None
    """What `kanaria status` calls it; default: the kind of URL and a number."""
    severity: Severity = "medium"
    """Least severity that is told at once; what is less severe waits for the digest."""
    digest: Digest = "daily"
    """How often to send what happened below that severity, in one message; `none`: never."""
    digest_at: str = "08:00"
    """Time of day of the digest."""
    language: Language | None = None
    """Language of the messages; default: that of the settings file."""
    quiet: str | None = None
    """Hours in which only `quiet_severity` rings, such as `22:00-07:00`; the rest comes when they are over."""
    quiet_severity: Severity = "critical"
    """Least severity that is told in quiet hours too."""
    secret: str | None = None
    """Secret that signs webhooks (Standard Webhooks, `whsec_…`)."""
    ocsf: bool = False
    """Whether the body of a signed webhook about an incident has its OCSF events, too, under `ocsf`."""
    escalate_minutes: float | None = None
    """Tell this channel only of incidents that nobody has acknowledged so many minutes after they became news."""


@dataclass(frozen=True, kw_only=True)
class Maintenance:
    """A time in which somebody works on machines: news of what is found on them waits until it is over.

    Either `begin` and `end`, or `hours` that come again.
    """

    begin: str | None = None
    """Date and time with zone, such as `2026-12-05T22:00+09:00`."""
    end: str | None = None
    """The same."""
    hours: str | None = None
    """Hours of the local day, such as `02:00-04:00`."""
    days: tuple[Weekday, ...] = ()
    """Days on which the hours begin (`mon` to `sun`); empty: every day."""
    devices: Strings = ()
    """Addresses of the machines; empty: all."""
    severity: Severity = "critical"
    """Least severity that is told all the same."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """Whether `kanaria serve` looks at the machine it runs on, too (extra `host`)."""

    check: bool = False
    """Look at running programs for miners, and at the connections they have opened for pools."""
    # A look costs a second of a hundredth of a core; a miner runs for hours.
    every_seconds: float = 30.0
    """Seconds between two looks."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """How the service itself runs."""

    listen: str = "127.0.0.1:9477"
    """Where `/healthz`, `/readyz`, `/metrics` and `/status` answer; keep it on loopback. `off`: nowhere."""
    link: str | None = None
    """Beginning of the link in messages; the incident's id is appended. Without it a message names the command."""
    acknowledge: str | None = None
    """Where a browser reaches `acknowledge_listen`, such as `http://192.0.2.10:9478`: messages then carry a link that
    acknowledges the incident, signed and good for one use."""
    acknowledge_listen: str = "127.0.0.1:9478"
    """Where these links are answered, if `acknowledge` is set."""
    acknowledge_hours: float = 24.0
    """How long a link is good."""
    ocsf: str | None = None
    """File for a SIEM: every time an incident is news, its OCSF events are appended, one JSON object a line."""
    ocsf_mb: float = 100.0
    """Size at which that file is renamed to `….1` and a new one begun; five are kept."""
    log: LogStyle = "text"
    """Whether the service's own log is text or one JSON object a line."""
    # A person notices a delay of seconds; below 50 ms fixed costs of a batch outweigh what it brings.
    batch_seconds: float = 5.0
    """Longest time that lines wait under load, so that many are worked on together."""
    # More than Kanaria writes in a day of an ordinary server, so that there is time to act.
    disk_warn_mb: float = 1024.0
    """Below this much free space on the store's disk a warning is sent."""
    # Who is asked about last year's incident still finds it; PCI DSS 10.5.1 wants twelve months of history.
    keep_days: float = 365.0
    """Days after which an incident that was closed or dismissed leaves the store, counted from its last change.
    Open ones stay."""
    # Some hundred thousand incidents of a few KB.
    keep_mb: float = 1024.0
    """Size of the store's incidents from which on the oldest closed and dismissed ones leave earlier; when that is not
    enough, open informational ones to which nothing was added for a week."""
    messages_per_hour: float = 12.0
    """Most messages a channel gets in an hour; more are joined into one."""
    join_minutes: float = 10.0
    """News of the same kind that is not severe is joined into one message when it comes within this time."""
