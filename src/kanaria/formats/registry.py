"""Which formats exist, and which one an input is in.

In: a stream's first bytes, or a name from ``--input-format``. Out: the format that reads it. Formats are listed as
``module:Class`` and imported when first asked for; a format module must not import a heavy library at its top.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache
from importlib import import_module

from kanaria.core.errors import ConfigError
from kanaria.core.stream import Format, Stream
from kanaria.formats import mapped

# One line per format, sorted by group. Order decides only between equal scores.
FORMATS: tuple[str, ...] = (
    # what carries other formats and is looked into first
    "kanaria.formats.mailed:Mailed",
    "kanaria.formats.carriers.wrapped:Wrapped",
    # web
    "kanaria.formats.web.kinds:Combined",
    "kanaria.formats.web.kinds:LogFormat",
    "kanaria.formats.web.kinds:NginxJson",
    "kanaria.formats.web.kinds:CaddyJson",
    "kanaria.formats.web.kinds:TraefikJson",
    "kanaria.formats.web.kinds:WebJson",
    "kanaria.formats.web.kinds:W3c",
    "kanaria.formats.web.kinds:AwsAlb",
    "kanaria.formats.web.kinds:ErrorLog",
    "kanaria.formats.web.kinds:HaProxy",
    "kanaria.formats.web.kinds:KnownLayout",
    "kanaria.formats.web.kinds:WebCsv",
    "kanaria.formats.web.kinds:LearnedLayout",
    "kanaria.formats.tcpdump_text:TcpdumpText",  # packets hold fragments; an access log never comes this far
    "kanaria.formats.web.kinds:Fragment",
    "kanaria.formats.web.kinds:JsonRpc",
    # network sensors
    "kanaria.formats.zeek:ZeekTsv",
    "kanaria.formats.zeek:ZeekJson",
    "kanaria.formats.suricata:SuricataEve",
    "kanaria.formats.netflow_nfcapd:Nfcapd",
    "kanaria.formats.netflow_datagrams:NetflowDatagrams",
    "kanaria.formats.netflow_csv:FlowCsv",
    "kanaria.formats.netflow_text:NfdumpText",
    # logons, hosts
    "kanaria.formats.logons.evtx_file:Evtx",
    "kanaria.formats.logons.windows_xml:WindowsXml",
    "kanaria.formats.logons.windows_json:WindowsJson",
    "kanaria.formats.logons.windows_csv:WindowsCsv",
    "kanaria.formats.logons.windows_text:WindowsText",
    "kanaria.formats.auth_log:AuthLog",
    "kanaria.formats.journald:JournaldJson",
    "kanaria.formats.logons.samba:SambaLog",
    "kanaria.formats.host.sadf:SadfJson",
    "kanaria.formats.host.auditd:AuditLog",
    "kanaria.formats.host.listings:Listing",
    "kanaria.formats.miners.log:MinerLog",
    # DNS servers, firewalls
    "kanaria.formats.dns_servers:BindQueryLog",
    "kanaria.formats.dns_servers:UnboundLog",
    "kanaria.formats.dns_servers:DnsmasqLog",
    "kanaria.formats.dns_servers:WindowsDnsLog",
    "kanaria.formats.firewall:NetfilterLog",
    "kanaria.formats.firewall:PfFilterLog",
    "kanaria.formats.firewall:Conntrack",
    "kanaria.formats.cisco_asa:CiscoAsa",
    # layouts that are data
    *mapped.places(),
    # packets
    "kanaria.formats.packets.capture:PcapFormat",
)


_BINARY = ("kanaria.formats.packets.capture:PcapFormat", "kanaria.formats.netflow_nfcapd:Nfcapd")
"""Files that say by their first bytes what they are. Whoever sends packets chooses what stands in a capture of few:
lines of a log or of a miner do not make a text of it."""
_MAGIC = 8

# Nothing else writes a quoted request followed by a status, or bare JSON-RPC calls: whoever is sure of these need not
# import thirty others.
DECISIVE = frozenset({"combined", "fragment", "jsonrpc"})
SURE = 0.6


@cache
def all_formats() -> tuple[Format, ...]:
    """Every format, one object each, in the order of ``FORMATS``."""
    return tuple(_load(place) for place in FORMATS)


def get(name: str) -> Format:
    """The format of that name. Raises ConfigError with the closest names when there is none."""
    by_name = {known.name: known for known in all_formats()}
    if name in by_name:
        return by_name[name]
    close = difflib.get_close_matches(name, by_name, n=3)
    raise ConfigError(
        path="--input-format",
        key="",
        expected=f"one of {', '.join(by_name)}",
        got=name,
        cause=f"did you mean {' or '.join(close)}?" if close else "",
    )


def detect(stream: Stream) -> Format | None:
    """The format whose ``sniff`` is surest about the stream's first bytes, or None when all say no."""
    found = surest(stream.head(), stream.name)
    return found[0] if found else None


def surest(head: bytes, name: str, *, without: Sequence[str] = ()) -> tuple[Format, float] | None:
    """The format whose ``sniff`` is surest about these bytes, and how sure; those of the names in ``without`` are not
    asked."""
    best, highest = None, 0.0
    for place in (*_BINARY, *FORMATS) if b"\0" in head[:_MAGIC] else FORMATS:
        known = _load(place)
        if known.name in without:
            continue
        score = known.sniff(head, name)
        if score >= 1 or (known.name in DECISIVE and score >= max(SURE, highest)):
            return known, score  # no later one can be surer
        if score > highest:
            best, highest = known, score
    return (best, highest) if best else None


@cache
def _load(place: str) -> Format:
    module, _, name = place.partition(":")
    loaded: Format = getattr(import_module(module), name)()
    return loaded
