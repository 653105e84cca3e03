"""The inventory: every address of ours in some tables, what it is, what it offers, and what of that the Internet sees.

Normalised tables come in, in any number of batches; plain ``Device`` values go out. Evidence for an offered service is
an answer: an established connection, bytes from the server, a protocol spoken back. A port that was only knocked at is not
offered.
"""  # noqa: E501

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from kanaria.baseline.encode import UNANSWERED
from kanaria.baseline.roles import CRITICAL, Evidence, infer
from kanaria.core.network import HomeNetworks, is_global
from kanaria.core.text import printable
from kanaria.core.types import Text
from kanaria.core.values import dataclass

_EXAMPLES = 5
_NAMES = 10
_DAY_US = 86_400_000_000
_PEERS = 10_000
"""Distinct others counted per service; beyond, the count says "at least"."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """Something a device offered: ``clients`` distinct users, of them ``outside`` from the Internet; some of each by
    address. ``name`` is the protocol that was spoken, or with a question mark what the port is registered for."""

    name: str
    transport: str
    port: int
    clients: int
    client_examples: tuple[str, ...]
    outside: int
    outside_examples: tuple[str, ...]
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, kw_only=True)
class Device:
    """One address of ours."""

    address: str
    names: tuple[str, ...]
    role: str
    critical: bool
    services: tuple[Service, ...]
    places: int
    first: datetime | None
    last: datetime | None
    problems: tuple[Text, ...]

    @property
    def exposed(self) -> tuple[Service, ...]:
        """What answered to the Internet."""
        return tuple(service for service in self.services if service.outside)


# What should not answer the whole Internet: ports of the IANA registry, what is offered there, why it matters.
_RISKY: Mapping[int, tuple[str, Text]] = {
    3389: ("RDP", Text(en="accounts are guessed around the clock", ja="総当たり攻撃を受けやすい状態です")),
    445: ("SMB", Text(en="file shares and their flaws are open to all", ja="ファイル共有とその欠陥が誰にでも開いています")),  # noqa: E501
    139: ("NetBIOS", Text(en="file shares are open to all", ja="ファイル共有が誰にでも開いています")),
    22: ("SSH", Text(en="passwords are guessed; use keys", ja="総当たり攻撃を受けやすい状態です。鍵認証にしてください")),  # noqa: E501
    23: ("Telnet", Text(en="passwords travel in the clear", ja="パスワードが平文で流れます")),
    21: ("FTP", Text(en="passwords travel in the clear", ja="パスワードが平文で流れます")),
    5900: ("VNC", Text(en="whoever gets in owns the screen", ja="入られると画面を操作されます")),
    2375: ("Docker API", Text(en="anybody can start a container, a miner too", ja="誰でもコンテナを、つまりマイナーも起動できます")),  # noqa: E501
    2376: ("Docker API", Text(en="anybody with a certificate can start containers", ja="証明書があれば誰でもコンテナを起動できます")),  # noqa: E501
    6443: ("Kubernetes API", Text(en="a leaked token gives the cluster away", ja="トークンが漏れるとクラスタを奪われます")),  # noqa: E501
    10250: ("kubelet", Text(en="commands run in containers", ja="コンテナ内でコマンドを実行されます")),
    6379: ("Redis", Text(en="miners are planted through it", ja="マイナーを仕込まれる定番の入口です")),
    9200: ("Elasticsearch", Text(en="data is read and erased", ja="データを読まれ、消されます")),
    27017: ("MongoDB", Text(en="data is read and erased", ja="データを読まれ、消されます")),
    3306: ("MySQL", Text(en="a database has no business on the Internet", ja="データベースを公開する必要はありません")),
    5432: ("PostgreSQL", Text(en="miners are planted through it", ja="マイナーを仕込まれる定番の入口です")),
    1433: ("SQL Server", Text(en="miners are planted through it", ja="マイナーを仕込まれる定番の入口です")),
    1521: ("Oracle", Text(en="a database has no business on the Internet", ja="データベースを公開する必要はありません")),  # noqa: E501
    11211: ("memcached", Text(en="it is abused for attacks on others", ja="他者への攻撃に悪用されます")),
    8088: ("Hadoop YARN", Text(en="anybody can submit a job, a miner too", ja="誰でもジョブを、つまりマイナーも投入できます")),  # noqa: E501
    8265: ("Ray", Text(en="anybody can submit a job, a miner too", ja="誰でもジョブを、つまりマイナーも投入できます")),
    5985: ("WinRM", Text(en="it is remote administration", ja="遠隔管理の入口です")),
    5986: ("WinRM", Text(en="it is remote administration", ja="遠隔管理の入口です")),
    8291: ("router administration", Text(en="routers are taken over through it", ja="ルータを乗っ取られる入口です")),
    53: ("DNS", Text(en="an open resolver is abused for attacks", ja="オープンリゾルバは攻撃に悪用されます")),
    161: ("SNMP", Text(en="it tells everybody how the network is built", ja="ネットワークの構成を誰にでも教えます")),
}  # fmt: skip
# Ports of the IANA registry that nothing is wrong with, for services whose protocol was not seen.
_REGISTERED = {
    25: "SMTP", 80: "HTTP", 88: "Kerberos", 110: "POP3", 123: "NTP", 135: "RPC", 143: "IMAP", 389: "LDAP", 443: "HTTPS",
    465: "SMTP", 587: "SMTP", 631: "IPP", 636: "LDAP", 993: "IMAP", 995: "POP3", 1883: "MQTT", 3128: "proxy",
    3268: "LDAP", 5060: "SIP", 8080: "HTTP", 8443: "HTTPS", 8883: "MQTT", 9100: "printing",
}  # fmt: skip
_BY_NAME = {"rdp": 3389, "smb": 445, "ssh": 22, "telnet": 23, "ftp": 21, "vnc": 5900, "redis": 6379, "mysql": 3306}


@dataclass
class _Offer:
    clients: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    name: str = ""
    first: int | None = None
    last: int | None = None


@dataclass
class _DeviceFacts:
    names: Counter[str] = field(default_factory=Counter)
    offers: dict[tuple[str, int], _Offer] = field(default_factory=dict)
    places: set[str] = field(default_factory=set)
    first: int | None = None
    last: int | None = None


class Inventory:
    """Collects devices batch by batch. Memory is bounded per device; a device is never forgotten."""

    def __init__(
        self,
        home: HomeNetworks | None = None,
        *,
        roles: Mapping[str, str] | None = None,
        critical: Iterable[str] = (),
    ) -> None:
        self.home = home or HomeNetworks()
        """Our networks; what is inferred from the input may replace it before the first row comes."""
        self._roles, self._critical = dict(roles or {}), frozenset(critical)
        self._known: dict[str, _DeviceFacts] = {}

    def add(self, tables: Mapping[str, pa.Table]) -> None:
        """Take in one batch of normalised tables."""
        for name in ("connection", "rdp", "smb"):
            if name in tables and len(tables[name]):
                self._flows(name, tables[name])
        if "dns" in tables and len(tables["dns"]):
            self._answers(tables["dns"])
        for name in ("tls", "http"):
            if name in tables and len(tables[name]):
                self._server_names(tables[name], "sni" if name == "tls" else "host")
        for name in ("smb", "rdp", "logon"):
            if name in tables and len(tables[name]):
                self._client_names(tables[name])

    def devices(self) -> list[Device]:
        """All devices: critical and exposed ones first, then by address."""
        devices = [self._device(address, facts) for address, facts in self._known.items()]
        return sorted(devices, key=lambda d: (not d.critical, not d.exposed, _address_key(d.address)))

    # ---- collecting ---------------------------------------------------------------------------------------------

    def _flows(self, name: str, table: pa.Table) -> None:
        """Who offered what to whom, grouped before any row becomes a Python object."""
        for row in _grouped(name, table).to_pylist():
            src, dst = row["src_ip"], row["dst_ip"]
            span = row["first"], row["last"]
            if src and self.home.has(src):
                facts = self._touch(src, *span)
                if dst and len(facts.places) < _PEERS:
                    facts.places.add(dst)
            if dst and self.home.has(dst) and row["answered"] and row["port"] is not None:
                self._offered(self._touch(dst, *span), row)

    def _offered(self, facts: _DeviceFacts, row: Mapping[str, Any]) -> None:
        offer = facts.offers.setdefault((row["transport"] or "tcp", row["port"]), _Offer())
        offer.name = offer.name or row["service"] or ""
        offer.first, offer.last = _span(offer.first, offer.last, row["first"], row["last"])
        src = row["src_ip"]
        if not src:
            return
        if len(offer.clients) < _PEERS:
            offer.clients.add(src)
        if is_global(src) and not self.home.has(src) and len(offer.outside) < _PEERS:
            offer.outside.add(src)

    def _answers(self, table: pa.Table) -> None:
        """Names that resolved to addresses of ours."""
        for query, answers in zip(table["query"].to_pylist(), table["answers"].to_pylist(), strict=True):
            for answer in answers or ():
                if query and self.home.has(answer):
                    self._touch(answer, None, None).names[query] += 1

    def _server_names(self, table: pa.Table, column: str) -> None:
        counted = table.select(["dst_ip", column]).group_by(["dst_ip", column]).aggregate([([], "count_all")])
        for row in counted.to_pylist():
            if row["dst_ip"] and row[column] and self.home.has(row["dst_ip"]):
                self._touch(row["dst_ip"], None, None).names[row[column]] += row["count_all"]

    def _client_names(self, table: pa.Table) -> None:
        columns = ["src_ip", "client_name"]
        counted = table.select(columns).group_by(columns).aggregate([([], "count_all")])
        for row in counted.to_pylist():
            if row["src_ip"] and row["client_name"] and self.home.has(row["src_ip"]):
                self._touch(row["src_ip"], None, None).names[row["client_name"]] += row["count_all"]

    def _touch(self, address: str, first: int | None, last: int | None) -> _DeviceFacts:
        facts = self._known.setdefault(address, _DeviceFacts())
        facts.first, facts.last = _span(facts.first, facts.last, first, last)
        return facts

    # ---- telling ------------------------------------------------------------------------------------------------

    def _device(self, address: str, facts: _DeviceFacts) -> Device:
        services = tuple(_service(place, offer) for place, offer in sorted(facts.offers.items()))
        clients = {f"{service.transport}/{service.port}": service.clients for service in services}
        role = self._roles.get(address) or _role(clients, facts)
        return Device(
            address=address,
            names=tuple(printable(name) for name, _ in facts.names.most_common(_NAMES)),
            role=role,
            critical=role in CRITICAL or address in self._critical,
            services=services,
            places=len(facts.places),
            first=_moment(facts.first),
            last=_moment(facts.last),
            problems=tuple(problem for service in services for problem in _problems(service)),
        )


def _role(clients: Mapping[str, int], facts: _DeviceFacts) -> str:
    """The inferred role. That a device goes to few places is telling after a day, not after a minute."""
    role = infer(Evidence(clients=clients, places=len(facts.places)))
    short = facts.first is None or facts.last is None or facts.last - facts.first < _DAY_US
    return "unknown" if role == "iot" and short else role


def devices(
    batches: Iterable[Mapping[str, pa.Table]],
    *,
    home: HomeNetworks | None = None,
    roles: Mapping[str, str] | None = None,
    critical: Iterable[str] = (),
) -> list[Device]:
    """The inventory of all batches at once."""
    inventory = Inventory(home, roles=roles, critical=critical)
    for tables in batches:
        inventory.add(tables)
    return inventory.devices()


def _grouped(name: str, table: pa.Table) -> pa.Table:
    """(src_ip, dst_ip, transport, port, service, answered) with first and last time in microseconds."""
    import pyarrow.compute as pc

    if name == "connection":
        talked = pc.greater(pc.coalesce(table["dst_bytes"], table["dst_packets"], pa.scalar(0, pa.int64())), 0)
        refused = pc.fill_null(pc.is_in(table["state"], pa.array(UNANSWERED)), False)
        answered = pc.and_(pc.and_not(pc.fill_null(talked, False), refused), _both_sides(table))
        transport, service = table["transport"], table["service"]
    else:
        answered = pc.fill_null(table["answered"], False)
        transport, service = (pa.array([text] * len(table)) for text in ("tcp", name))
    flat = pa.table(
        {
            "src_ip": table["src_ip"], "dst_ip": table["dst_ip"], "transport": transport, "service": service,
            "port": table["dst_port"], "answered": answered, "time": table["time"].cast(pa.int64()),
        }
    )  # fmt: skip
    keys = ["src_ip", "dst_ip", "transport", "port", "service", "answered"]
    grouped = flat.group_by(keys).aggregate([("time", "min"), ("time", "max")])
    return grouped.rename_columns([*keys, "first", "last"])


def _both_sides(table: pa.Table) -> pa.Array:
    """A flow whose opening was not seen may be the wrong way round: its high port is nobody's service."""
    import pyarrow.compute as pc

    midstream = pc.fill_null(pc.equal(table["state"], "OTH"), False)
    return pc.invert(pc.and_(midstream, pc.fill_null(pc.greater_equal(table["dst_port"], 49_152), False)))


def _service(place: tuple[str, int], offer: _Offer) -> Service:
    transport, port = place
    registered = _REGISTERED.get(port) or (_RISKY[port][0] if port in _RISKY else "")
    return Service(
        name=offer.name or (f"{registered}?" if registered else ""),
        transport=transport,
        port=port,
        clients=len(offer.clients),
        client_examples=tuple(sorted(offer.clients, key=_address_key)[:_EXAMPLES]),
        outside=len(offer.outside),
        outside_examples=tuple(sorted(offer.outside)[:_EXAMPLES]),
        first=_moment(offer.first),
        last=_moment(offer.last),
    )


def _problems(service: Service) -> list[Text]:
    """What is wrong with a service that answered to the Internet."""
    risk = _RISKY.get(_BY_NAME.get(service.name, service.port))
    if not service.outside or risk is None:
        return []
    title, why = risk
    port = f"{service.transport}/{service.port}"
    some = ", ".join(service.outside_examples[:3])
    return [
        Text(
            en=f"{title} ({port}) answered {service.outside} addresses on the Internet, e.g. {some}: {why.en}.",
            ja=f"{title}({port})がインターネット上の{service.outside}個のアドレスに応答しました"
            f"(例: {some})。{why.ja}。",
        )
    ]


def _span(first: int | None, last: int | None, low: int | None, high: int | None) -> tuple[int | None, int | None]:
    lows, highs = [t for t in (first, low) if t is not None], [t for t in (last, high) if t is not None]
    return min(lows, default=None), max(highs, default=None)


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else datetime.fromtimestamp(micros / 1e6, UTC)


def _address_key(address: str) -> tuple[int, bytes, str]:
    from kanaria.core.network import ip16

    packed = ip16(address)
    return (0, packed, "") if packed else (1, b"", address)
