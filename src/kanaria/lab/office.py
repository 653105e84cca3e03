"""A small company's network as it would be logged, invented: 200 devices over 14 days, with deviations put in.

From a seed to ``connection`` and ``dns`` tables in order of time, with the event ids of every deviation.
Nothing is sent anywhere. Addresses are from 10.0.0.0/8, RFC 5737 and RFC 2544, AS numbers from the private range
(RFC 6996), names below ``example``.

What the devices do, so that a reader can judge what a detector is tested on:

* 180 workstations work on weekdays, 8 to 10 hours from a start of their own around 08:00. In a working hour each opens
  about 12 web connections: 70 % to its own 30 favourites, the rest anywhere among 4,000 sites by popularity (Zipf,
  exponent 1.1), so each meets new sites every day. Sizes and durations are lognormal. It asks the resolver, opens files
  on the file server, logs on at the domain controller and sometimes prints. One in 40 does something odd once: an SSH
  or FTP session to a host of its own, a large upload at work, an evening of work.
* The resolver asks 60 name servers, a few of them most of the time, and fetches updates from one host every night.
* The web server is visited around the clock from everywhere; the mail server sends to and receives from 150 others.
* The remote desktop server is used from outside by 6 people at home, from three provider networks, in office hours.
* The file server sends a backup of 2 to 3 GB to one host every night at 02:00.
* Printers and cameras do the same small thing all day; the cameras report to one cloud every ten minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from kanaria.core import schema
from kanaria.core.direction import orient
from kanaria.core.ids import first_event_id
from kanaria.core.network import HomeNetworks
from kanaria.core.values import dataclass

RESOLVER, CONTROLLER, FILES, WEB, MAIL, DESKTOP = (f"10.0.0.{n}" for n in (53, 10, 20, 80, 25, 30))
START = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday, so that a week of warm-up holds one weekend."""
POOL = "198.51.100.77"

_SITES = 4_000
_HOUR_US = 3_600_000_000


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Something put in: what it is, who does it, and the rows it consists of."""

    name: str
    device: str
    event_ids: tuple[int, ...]


@dataclass
class Office:
    """The whole log: ``tables`` in order of time, and what was put in."""

    tables: dict[str, pa.Table]
    deviations: tuple[Deviation, ...] = ()

    def slices(self, width: int = 1) -> Iterator[dict[str, pa.Table]]:
        """The log in slices of so many hours, as a live sensor would hand it over."""
        edges: dict[str, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}
        for name, table in self.tables.items():
            edges[name] = table["time"].cast(pa.int64()).to_numpy() // _HOUR_US
        first = min(int(hours[0]) for hours in edges.values() if len(hours))
        last = max(int(hours[-1]) for hours in edges.values() if len(hours))
        for hour in range(first - first % width, last + 1, width):
            cut = {name: np.searchsorted(hours, (hour, hour + width)) for name, hours in edges.items()}
            part = {name: self.tables[name].slice(low, high - low) for name, (low, high) in cut.items() if high > low}
            if part:
                yield part


@dataclass
class _Log:
    """Rows under construction, column by column."""

    rows: dict[str, list[object]] = field(default_factory=lambda: {name: [] for name in _FIELDS})
    marks: list[str] = field(default_factory=list)

    def add(self, mark: str = "", /, **values: object) -> None:
        for name, default in _FIELDS.items():
            self.rows[name].append(values.get(name, default))
        self.marks.append(mark)


_FIELDS: Mapping[str, object] = {
    "table": "connection", "time": 0, "src_ip": "", "dst_ip": "", "src_port": 50_000, "dst_port": 443,
    "transport": "tcp", "service": None, "duration_us": 100_000, "src_bytes": 500, "dst_bytes": 2_000, "state": "SF",
    "sni": None, "query": None, "asn": None,
}  # fmt: skip


@dataclass
class _World:
    """The dice, the sites with their addresses, names and networks, and the log being written."""

    dice: np.random.Generator
    days: int
    log: _Log = field(default_factory=_Log)

    def __post_init__(self) -> None:
        weights = 1.0 / np.arange(1, _SITES + 1) ** 1.1
        self.popularity = np.cumsum(weights / weights.sum())
        self.site_as = 64_512 + self.dice.integers(0, 300, _SITES)

    def site(self) -> int:
        return int(np.searchsorted(self.popularity, self.dice.random()))

    def address(self, site: int) -> str:
        return f"198.{18 + site // 65_536}.{site // 256 % 256}.{site % 256}"

    def moment(self, day: int, hour: int) -> int:
        base = int(START.timestamp()) * 1_000_000 + (day * 24 + hour) * _HOUR_US
        return base + int(self.dice.integers(0, _HOUR_US))

    def size(self, median: float, spread: float = 1.0) -> int:
        return int(median * np.exp(spread * self.dice.standard_normal()))

    def weekday(self, day: int) -> bool:
        return (START + timedelta(days=day)).weekday() < 5


def generate(seed: int = 1, *, days: int = 14, workstations: int = 180, deviations: bool = True) -> Office:
    """The office's log of that many days; the same seed gives the same bytes."""
    world = _World(np.random.default_rng(seed), days)
    desks = [f"10.0.{1 + n // 200}.{n % 200 + 10}" for n in range(workstations)]
    for address in desks:
        _workstation(world, address)
    for build in (_resolver, _web_server, _mail_server, _desktop_server, _file_server, _small_things):
        build(world)
    if deviations:
        for name, put_in in DEVIATIONS.items():
            put_in(world, name, desks)
    return _finish(world.log)


# ---- what belongs there ---------------------------------------------------------------------------------------------


def _workstation(world: _World, address: str) -> None:
    dice = world.dice
    start, length = int(np.clip(dice.normal(8, 0.8), 6, 10)), int(dice.integers(8, 11))
    favourites = [world.site() for _ in range(30)]
    odd_day = int(dice.integers(0, world.days)) if dice.random() < 1 / 40 else -1
    for day in range(world.days):
        if not world.weekday(day) or dice.random() < 0.05:
            continue
        for hour in range(start, start + length):
            for _ in range(dice.poisson(12)):
                site = favourites[int(dice.integers(30))] if dice.random() < 0.7 else world.site()
                _visit(world, address, site, world.moment(day, hour))
            _office_services(world, address, day, hour)
        if day == odd_day:
            _oddity(world, address, day, start + length)


def _visit(world: _World, address: str, site: int, time: int) -> None:
    name = f"www.site-{site}.example"
    if world.dice.random() < 0.25:
        _ask(world, address, name, time - 50_000)
    world.log.add(
        time=time, src_ip=address, dst_ip=world.address(site), service="tls", sni=name, asn=int(world.site_as[site]),
        src_bytes=world.size(3_000), dst_bytes=world.size(40_000, 1.5), duration_us=world.size(8_000_000, 1.5),
    )  # fmt: skip


def _ask(world: _World, address: str, name: str, time: int) -> None:
    common: dict[str, object] = {
        "time": time,
        "src_ip": address,
        "dst_ip": RESOLVER,
        "dst_port": 53,
        "transport": "udp",
    }
    world.log.add(**common, service="dns", src_bytes=70, dst_bytes=150, duration_us=world.size(5_000))
    world.log.add(**common, table="dns", query=name)


def _office_services(world: _World, address: str, day: int, hour: int) -> None:
    for server, port, chance, service in (
        (FILES, 445, 0.6, "smb"), (CONTROLLER, 88, 0.3, "kerberos"), (CONTROLLER, 389, 0.3, "ldap"),
        (f"10.0.3.{10 + int(world.dice.integers(5))}", 9100, 0.05, None),
    ):  # fmt: skip
        if world.dice.random() < chance:
            world.log.add(
                time=world.moment(day, hour), src_ip=address, dst_ip=server, dst_port=port, service=service,
                src_bytes=world.size(20_000), dst_bytes=world.size(60_000), duration_us=world.size(20_000_000),
            )  # fmt: skip


def _oddity(world: _World, address: str, day: int, hour: int) -> None:
    """Odd once, and nobody's business: what a detector must not spend its budget on."""
    time = world.moment(day, min(hour, 23))
    for _ in range(6):
        _visit(world, address, world.site(), world.moment(day, min(hour, 23)))
    site = world.site()
    port = int(world.dice.choice([22, 21, 8443]))
    world.log.add(
        time=time, src_ip=address, dst_ip=world.address(site), dst_port=port, asn=int(world.site_as[site]),
        src_bytes=world.size(20_000), dst_bytes=world.size(30_000), duration_us=world.size(60_000_000),
    )  # fmt: skip


def _resolver(world: _World) -> None:
    dice = world.dice
    for day in range(world.days):
        for hour in range(24):
            for _ in range(dice.poisson(12 if world.weekday(day) and 7 <= hour < 19 else 4)):
                server = int(min(dice.zipf(1.5), 60))
                world.log.add(
                    time=world.moment(day, hour), src_ip=RESOLVER, dst_ip=f"192.0.2.{server}", dst_port=53,
                    transport="udp", service="dns", src_bytes=80, dst_bytes=world.size(250), asn=64_900 + server // 4,
                    duration_us=world.size(30_000),
                )  # fmt: skip
        _fixed(world, RESOLVER, "203.0.113.10", day, 3, sni="updates.os.example", down=2_000_000)


def _fixed(
    world: _World, src: str, dst: str, day: int, hour: int, *, sni: str, up: float = 5_000, down: float = 5_000
) -> None:
    """One connection to a host of its own: updates, backups, clouds."""
    world.log.add(
        time=world.moment(day, hour), src_ip=src, dst_ip=dst, service="tls", sni=sni, asn=65_001,
        src_bytes=world.size(up, 0.2), dst_bytes=world.size(down, 0.2), duration_us=world.size(30_000_000, 0.3),
    )  # fmt: skip


def _web_server(world: _World) -> None:
    for day in range(world.days):
        for hour in range(24):
            for _ in range(world.dice.poisson(20)):
                visitor = int(world.dice.integers(65_536, 131_072))
                world.log.add(
                    time=world.moment(day, hour), src_ip=world.address(visitor), dst_ip=WEB, service="tls",
                    asn=64_512 + visitor % 700, src_bytes=world.size(2_000), dst_bytes=world.size(30_000, 1.2),
                    duration_us=world.size(3_000_000),
                )  # fmt: skip


def _mail_server(world: _World) -> None:
    for day in range(world.days):
        for hour in range(24):
            for _ in range(world.dice.poisson(6 if world.weekday(day) else 2)):
                other = int(world.dice.integers(1, 150))
                ends = (MAIL, f"203.0.113.{other + 20}")
                src, dst = ends if world.dice.random() < 0.5 else ends[::-1]
                world.log.add(
                    time=world.moment(day, hour), src_ip=src, dst_ip=dst, dst_port=25, service="smtp",
                    asn=64_800 + other, src_bytes=world.size(15_000), dst_bytes=world.size(2_000),
                    duration_us=world.size(2_000_000),
                )  # fmt: skip


def _desktop_server(world: _World) -> None:
    for day in filter(world.weekday, range(world.days)):
        for person in range(6):
            if world.dice.random() < 0.7:
                world.log.add(
                    time=world.moment(day, int(world.dice.integers(7, 18))), src_ip=f"192.0.2.{200 + person}",
                    dst_ip=DESKTOP, dst_port=3389, service="rdp", asn=65_010 + person % 3,
                    src_bytes=world.size(2_000_000), dst_bytes=world.size(20_000_000),
                    duration_us=world.size(3_600_000_000, 0.5),
                )  # fmt: skip


def _file_server(world: _World) -> None:
    for day in range(world.days):
        _fixed(world, FILES, "203.0.113.200", day, 2, sni="backup.example", up=2_500_000_000, down=3_000_000)


def _small_things(world: _World) -> None:
    for number in range(13):
        printer = number < 5
        device = f"10.0.3.{10 + number}" if printer else f"10.0.4.{10 + number}"
        for day in range(world.days):
            for hour in range(24):
                for _ in range(1 if printer else 6):
                    world.log.add(
                        time=world.moment(day, hour), src_ip=device,
                        dst_ip="203.0.113.5" if printer else "203.0.113.7", asn=65_002,
                        dst_port=123 if printer else 443, transport="udp" if printer else "tcp",
                        src_bytes=90 if printer else world.size(40_000, 0.3), dst_bytes=90,
                        duration_us=world.size(40_000, 0.3), sni=None if printer else "cloud.camera.example",
                    )  # fmt: skip


# ---- what does not --------------------------------------------------------------------------------------------------


def _dns_server_mines(world: _World, mark: str, desks: list[str]) -> None:
    """The resolver opens one quiet, very long TLS connection to an address nobody ever used."""
    world.log.add(
        mark, time=world.moment(9, 14), src_ip=RESOLVER, dst_ip=POOL, service="tls", asn=65_300,
        src_bytes=380_000, dst_bytes=520_000, duration_us=6 * _HOUR_US,
    )  # fmt: skip


def _smb_fan_out(world: _World, mark: str, desks: list[str]) -> None:
    """One workstation opens file shares on 60 others within an hour; most do not answer."""
    for other in desks[60:120]:
        answered = world.dice.random() < 0.3
        world.log.add(
            mark, time=world.moment(10, 11), src_ip=desks[20], dst_ip=other, dst_port=445,
            service="smb" if answered else None, state="SF" if answered else "S0",
            src_bytes=1_200 if answered else 60, dst_bytes=900 if answered else 0, duration_us=50_000,
        )  # fmt: skip


def _rdp_from_new_networks(world: _World, mark: str, desks: list[str]) -> None:
    """Forty strangers try the remote desktop server within an hour of the evening."""
    for number in range(40):
        world.log.add(
            mark, time=world.moment(11, 21), src_ip=f"198.51.100.{100 + number}", dst_ip=DESKTOP, dst_port=3389,
            service="rdp", asn=65_400 + number, src_bytes=world.size(1_500, 0.2), dst_bytes=world.size(1_700, 0.2),
            duration_us=900_000,
        )  # fmt: skip


def _night_upload(world: _World, mark: str, desks: list[str]) -> None:
    """A workstation sends 3 GB to a new host at three in the morning."""
    world.log.add(
        mark, time=world.moment(12, 3), src_ip=desks[90], dst_ip="198.51.100.9", service="tls", asn=65_301,
        src_bytes=3_000_000_000, dst_bytes=2_000_000, duration_us=1_500_000_000,
    )  # fmt: skip


DEVIATIONS: Mapping[str, Callable[[_World, str, list[str]], None]] = {
    "dns_server_mines": _dns_server_mines,
    "smb_fan_out": _smb_fan_out,
    "rdp_from_new_networks": _rdp_from_new_networks,
    "night_upload": _night_upload,
}


def _finish(log: _Log) -> Office:
    """Sorted, oriented tables with stable event ids."""
    order = np.argsort(np.array(log.rows["time"], dtype=np.int64), kind="stable")
    first = first_event_id("office")
    kinds = np.array(log.rows["table"])[order]
    marks = np.array(log.marks)[order]
    tables = {}
    for name, extra in (("connection", ("service", "duration_us", "src_bytes", "dst_bytes", "state", "sni")),
                        ("dns", ("query",))):  # fmt: skip
        rows = order[kinds == name]
        places = np.flatnonzero(kinds == name) + 1
        common = ("time", "src_ip", "src_port", "dst_ip", "dst_port", "transport", *extra)
        columns = {column: [log.rows[column][row] for row in rows] for column in common}
        constant = {"source": ["office"] * len(rows), "sensor": ["lab"] * len(rows)}
        ids = {"event_id": places + first, "line": places}
        typed = {column: pa.array(values, schema.TABLES[name].column(column).type)
                 for column, values in {**columns, **constant, **ids}.items()}  # fmt: skip
        table = orient(schema.conform(name, typed), HomeNetworks())
        if name == "connection":
            asn = pa.array([log.rows["asn"][row] for row in rows], pa.int64())
            table = table.append_column("knowledge.asn", asn)
        tables[name] = table
    labels = []
    for mark in dict.fromkeys(marks[marks != ""].tolist()):
        places = np.flatnonzero(marks == mark)
        actor = log.rows["dst_ip" if mark == "rdp_from_new_networks" else "src_ip"][order[places[0]]]
        labels.append(
            Deviation(name=mark, device=str(actor), event_ids=tuple(int(place) + 1 + first for place in places))
        )
    return Office(tables, tuple(labels))
