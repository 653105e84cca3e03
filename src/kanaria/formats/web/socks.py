"""Forward proxies that speak no HTTP: SOCKS and tunnels. Their lines say who asked for which host and port.

In: a line of Dante, 3proxy, microsocks, Shadowsocks, Xray or V2Ray, Clash, sing-box, Tinyproxy or OpenSSH's dynamic
forwarding. Out: a row like that of ``CONNECT host:port`` through a web proxy, ``protocol`` saying that it was none; or an empty one for a
line of such a program that asks for nothing.
Sources: sockd.conf(5) and Dante's log documentation, 3proxy.cfg(5) (logformat), microsocks' and shadowsocks' sources.
"""

from __future__ import annotations

import re
from functools import cache

from kanaria.core.late_regex import late_regex
from kanaria.formats.web import values
from kanaria.formats.web.escapes import to_text
from kanaria.formats.web.values import Row

PROTOCOL = "SOCKS"
REFUSED = 403
"""What a web proxy would have answered."""

_TIME = (
    rb"(?:(?P<iso>\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)"
    rb"|(?P<day>\d\d-\d\d-\d{4}) (?P<clock>\d\d:\d\d:\d\d) (?P<zone>[+-]\d{4})|(?P<epoch>\d{10}\.\d{3,6})"
    rb"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,6})?(?: \((?P<unix>\d{10}\.\d{1,6})\))?)"
)
_CLIENT = rb"(?P<client>\[?[0-9A-Fa-f.:]{3,45}\]?)"
_HOST = rb"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]{1,253})"
_PORT = rb"(?P<port>\d{1,5})"
_WITH = rb"(?:[:.](?P<src_port>\d{1,5}))?"
_TARGET = _HOST + rb"[:.]" + _PORT

_LINES = (
    # danted: info: pass(1): tcp/connect [: client.port proxy.port -> proxy.port host.port
    rb"(?:" + _TIME + rb" (?:\S+ )?)?(?:danted|sockd)(?:\[\d+\])?: info: (?P<verdict>pass|block)\(\d+\): (?:tcp|udp)/(?:connect|udpassociate) (?:\[: "
    rb"(?:\S+@)?(?P<client>[0-9.]{7,15}|\S*:\S*?)" + _WITH + rb" \S+ (?:-> \S+ )?" + _TARGET + rb"\b.*|[\]\-]: .*)",
    # 3proxy: time SOCK5.port error user client:port remote:port in out hops CONNECT host:port
    rb"(?:" + _TIME + rb" )?(?:SOCK[45]|PROXY|TCPPM)\.\d{1,5} (?P<error>\d{5}) \S+ " + _CLIENT + rb":(?P<src_port>\d{1,5}) \S+ \d+ (?P<size>\d+) \d+ "
    rb"CONNECT[ _]" + _TARGET + rb".*",
    # microsocks: client[7] address: connected to host:port
    rb"client\[\d+\] " + _CLIENT + rb": (?:connected to|failed to connect to) " + _TARGET,
    # shadowsocks-python: time INFO connecting host:port from client:port
    _TIME + rb"\s+INFO:?\s+connecting (?:TCP )?" + _TARGET + rb" from " + _CLIENT + rb":(?P<src_port>\d{1,5})",
    # shadowsocks-libev: time INFO: connect to host:port; shadowsocks-rust: established tcp tunnel client <-> host:port
    _TIME + rb"\s+INFO:?\s+(?:connect to|\[\d+\] connect to) " + _TARGET,
    rb".*established tcp tunnel " + _CLIENT + rb":(?P<src_port>\d{1,5}) <-> " + _TARGET + rb"\b.*",
    # Xray, V2Ray: time [from] client:port accepted tcp:host:port [inbound -> outbound]
    _TIME + rb" (?:from )?(?:tcp:)?" + _CLIENT + rb":(?P<src_port>\d{1,5}) (?P<verdict>accepted|rejected) (?:(?:tcp|udp):|//)?" + _TARGET + rb"(?: .*)?",
    # ssh -D -vv: channel 2: dynamic request: socks5 host example.org port 443 command 1
    rb"debug\d: channel \d+: dynamic request: socks\w+ host " + _HOST + rb" port " + _PORT + rb"\b.*",
    # Tinyproxy: CONNECT time [pid]: Request (file descriptor 6): CONNECT host:port HTTP/1.1
    rb"CONNECT\s+" + _TIME + rb" \[\d+\]: Request \(file descriptor \d+\): CONNECT " + _TARGET + rb" HTTP/1\.[01]",
    rb"CONNECT\s+" + _TIME + rb" \[\d+\]: (?:Connect|Established) .*",
    # Clash, mihomo: [TCP] client:port(program) --> host:port match rule using way; a way that failed: dial way … error: …
    rb"(?:time=\"" + _TIME + rb"\" level=\w+ msg=\"|\w+\[\d+\] )?\[(?:TCP|UDP)\] (?P<failed>dial .{1,100}? )?" + _CLIENT
    + rb":(?P<src_port>\d{1,5})(?:\([^)]{1,60}\))? --> " + _TARGET + rb" (?P<rest>.*)",
    # sing-box: zone date time INFO [id took] inbound/mixed[name]: [user] inbound connection to host:port
    rb"(?:[+-]\d{4} )?(?:" + _TIME + rb" )?\w+ \[\d+ \S+\] inbound/\S+: (?:\[\S+\] )?inbound (?:packet )?connection to " + _TARGET,
    rb"(?:[+-]\d{4} )?(?:" + _TIME + rb" )?\w+ \[\d+ \S+\] (?:inbound/\S+: (?:\[\S+\] )?inbound (?:packet )?connection from"
    rb"|outbound/\S+: outbound (?:packet )?connection to) .*",
    # mitmproxy: [time][client:port] server connect host:port (address:port)
    rb"\[[\d:.]+\]\[" + _CLIENT + rb":(?P<src_port>\d{1,5})\] server connect " + _TARGET + rb"(?: .*)?",
)  # fmt: skip
_MARKS = late_regex(
    rb"tcp/connect |SOCK[45]\.\d|PROXY\.\d|\bconnected to \S+:\d|connect to \S+:\d|\bconnecting \S+:\d| accepted (?:tcp|udp|//)"
    rb"| rejected |established tcp tunnel|dynamic request: socks|^CONNECT\s|server connect "
    rb"|\[(?:TCP|UDP)\] \S.{0,160} --> |(?:in|out)bound (?:packet )?connection "
)  # fmt: skip


def row(line: bytes) -> Row | None:
    """The row of a line, an empty one when it asks for nothing, None when it is of none of these programs."""
    if len(line) > 4096 or not _MARKS.search(line):
        return None
    for pattern in _compiled():
        match = pattern.fullmatch(line)
        if match:
            return _row(match.groupdict())
    return None


@cache
def _compiled() -> tuple[re.Pattern[bytes], ...]:
    """The expressions of ``_LINES``: compiled when a line has a mark, other logs begin 5 ms earlier."""
    return tuple(re.compile(pattern) for pattern in _LINES)


def _row(parts: dict[str, bytes | None]) -> Row:
    host, port = parts.get("host"), parts.get("port")
    if host is None or port is None:
        return {}
    target = to_text(host) + ":" + to_text(port)
    refused = parts.get("verdict") in (b"block", b"rejected") or (parts.get("error") or b"00000") != b"00000"
    refused = refused or parts.get("failed") is not None or b" using REJECT" in (parts.get("rest") or b"")
    row: Row = {
        "time": _time(parts),
        "method": "CONNECT",
        "url": target,
        "protocol": PROTOCOL,
        "request": b"CONNECT " + target.encode(),
        "status": REFUSED if refused else 200,
        "bytes_out": values.integer(parts.get("size") or b""),
        "src_ip": values.client(to_text(parts.get("client") or b""))[0],
        "src_port": values.small_integer(parts.get("src_port") or b""),
    }
    return row


def _time(parts: dict[str, bytes | None]) -> int | None:
    iso, day = parts.get("iso"), parts.get("day")
    if iso:
        return values.odd_time(iso)
    if day:
        date, clock, zone = to_text(day), to_text(parts.get("clock") or b""), to_text(parts.get("zone") or b"")
        return values.iso_time(f"{date[6:]}-{date[3:5]}-{date[:2]}T{clock}{zone}")
    return values.epoch_time(to_text(parts.get("epoch") or parts.get("unix") or b"") or "-")


__all__ = ["PROTOCOL", "row"]
