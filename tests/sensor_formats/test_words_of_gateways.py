"""What packet filters, connection tracking and DNS servers write, as their sources and manuals have it: one row as it was.

netfilter: nf_log_syslog.c. filterlog: the raw filter log format of pfSense. conntrack-tools: conntrack(8). Cisco: the
syslog messages of the Secure Firewall ASA series. BIND: the ARM, query logging. unbound.conf(5). dnsmasq(8), Pi-hole.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kanaria.core.stream import Format, ReadContext
from kanaria.core.zone import LocalTime
from kanaria.formats.cisco_asa import CiscoAsa
from kanaria.formats.dns_servers import BindQueryLog, DnsmasqLog, UnboundLog, WindowsDnsLog
from kanaria.formats.firewall import Conntrack, NetfilterLog, PfFilterLog
from tests.reading_formats import Everything, read_all

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NINE = datetime(2026, 1, 10, 9, 0, 0, tzinfo=UTC)
OUT, IN = "198.51.100.7", "192.0.2.10"


def read(known: Format, *lines: str, **context: Any) -> Everything:
    return read_all(
        known, "".join(f"{line}\n" for line in lines).encode(), "x.log", ReadContext(**{"now": NOW, **context})
    )


def row_of(known: Format, *lines: str, table: str = "connection", **context: Any) -> dict[str, Any]:
    found = read(known, *lines, **context)
    assert found.rejects == []
    (row,) = found.tables[table].to_pylist()
    return row


# --- netfilter --------------------------------------------------------------------------------------------------------

TCP = f"IN=eth0 OUT= MAC=00:00:5e:00:53:01:00:00:5e:00:53:02:08:00 SRC={OUT} DST={IN} LEN=60 TOS=0x00 PREC=0x00 TTL=52 " \
      "ID=4711 DF PROTO=TCP SPT=50000 DPT=3389 WINDOW=64240 RES=0x00 SYN URGP=0"  # fmt: skip
ENDS = {
    "src_ip": OUT,
    "dst_ip": IN,
    "src_port": 50000,
    "dst_port": 3389,
    "transport": "tcp",
    "src_packets": 1,
    "src_bytes": 60,
}

NETFILTER: dict[str, tuple[str, dict[str, Any]]] = {
    "ufw, blocked": (f"[UFW BLOCK] {TCP}", {**ENDS, "state": "S0"}),
    "ufw, with the kernel's clock": (f"[12345.678901] [UFW BLOCK] {TCP}", {**ENDS, "state": "S0"}),
    "ufw, audited": (f"[UFW AUDIT] {TCP}", {**ENDS, "state": None}),
    "firewalld": (f"filter_IN_public_REJECT: {TCP}", {**ENDS, "state": "REJ"}),
    "firewall4 of OpenWrt": (f"reject wan in: {TCP}", {**ENDS, "state": "REJ"}),
    "firewalld, dropped at last": (f"FINAL_DROP: {TCP}", {**ENDS, "state": "S0"}),
    "shorewall": (f"Shorewall:net-fw:DROP:{TCP}", {**ENDS, "state": "S0"}),
    "nftables, a prefix of one's own": (f"mine-out: {TCP}", {**ENDS, "state": None}),
    "no prefix": (TCP, {**ENDS, "state": None}),
    "through the machine, marked": (
        f"IN=br0 OUT=eth1 PHYSIN=a SRC={OUT} DST={IN} LEN=52 PROTO=TCP SPT=50000 DPT=3389 ACK FIN URGP=0 MARK=0x1",
        {**ENDS, "src_bytes": 52},
    ),
    "udp": (f"IN=eth0 OUT= SRC={OUT} DST={IN} LEN=76 PROTO=UDP SPT=123 DPT=53 LEN=56", {"transport": "udp", "dst_port": 53, "src_bytes": 76}),
    "ping": (
        f"IN=eth0 OUT= SRC={OUT} DST={IN} LEN=84 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1",
        {"transport": "icmp", "src_port": 8, "dst_port": 0},
    ),
    "an error about another packet": (
        f"IN=eth0 OUT= SRC={OUT} DST={IN} LEN=88 PROTO=ICMP TYPE=3 CODE=1 [SRC={IN} DST=203.0.113.9 LEN=60 PROTO=TCP SPT=1 DPT=2 ]",
        {"transport": "icmp", "src_ip": OUT, "dst_ip": IN, "src_port": 3, "dst_port": 1, "src_bytes": 88},
    ),
    "ipv6": (
        "IN=eth0 OUT= SRC=2001:0db8:0000:0000:0000:0000:0000:0007 DST=2001:0db8:0000:0000:0000:0000:0000:0001 LEN=80 TC=0 "
        "HOPLIMIT=52 FLOWLBL=0 PROTO=TCP SPT=50000 DPT=22 SYN URGP=0",
        {"src_ip": "2001:db8::7", "dst_ip": "2001:db8::1", "dst_port": 22},
    ),
    "icmpv6": (
        "IN=eth0 OUT= SRC=2001:db8::7 DST=2001:db8::1 LEN=72 PROTO=ICMPv6 TYPE=128 CODE=0 ID=1 SEQ=1",
        {"transport": "icmp6", "src_port": 128, "dst_port": 0},
    ),
    "a protocol by its number": (f"IN=eth0 OUT= SRC={OUT} DST={IN} LEN=60 PROTO=47", {"transport": "gre", "src_port": None}),
}  # fmt: skip


@pytest.mark.parametrize("name", NETFILTER)
@pytest.mark.parametrize(
    "frame",
    [
        "Jan 10 09:00:00 gw kernel: ",
        "<4>Jan 10 09:00:00 gw kernel: ",
        "2026-01-10T18:00:00+09:00 gw kernel: ",
        "Sat Jan 10 09:00:00 2026 kern.warn kernel: ",
    ],
)
def test_netfilter(name: str, frame: str) -> None:
    message, meant = NETFILTER[name]
    row = row_of(NetfilterLog(), frame + message)
    assert {column: row[column] for column in meant} == meant
    assert (row["time"], row["open"]) == (NINE, True)


def test_netfilter_cut_at_any_byte_tells_no_port_or_address_that_was_not_there() -> None:
    line = f"Jan 10 09:00:00 gw kernel: [UFW BLOCK] {TCP}"
    for size in range(30, len(line)):
        found = read(NetfilterLog(), line[:size])
        assert found.rows == 1
        for row in found.tables["connection"].to_pylist() if "connection" in found.tables else []:
            assert row["src_ip"] == OUT
            assert IN.startswith(row["dst_ip"])
            assert "3389".startswith(str(row["dst_port"] or ""))


# --- filterlog --------------------------------------------------------------------------------------------------------

FILTERLOG: dict[str, tuple[str, dict[str, Any]]] = {
    "tcp, blocked": (
        f"4,,,1000000103,igb0,match,block,in,4,0x0,,52,4711,0,DF,6,tcp,60,{OUT},{IN},50000,3389,0,S,1234,,64240,,mss;sackOK",
        {**ENDS, "state": "S0"},
    ),
    "tcp, let through": (
        f"4,,,0,igb0,match,pass,out,4,0x0,,52,4711,0,DF,6,tcp,60,{OUT},{IN},50000,3389,0,S,1234,,64240,,", {**ENDS, "state": None},
    ),
    "tcp, rejected": (
        f"4,,,0,igb0,match,reject,in,4,0x0,,52,4711,0,DF,6,tcp,60,{OUT},{IN},50000,3389,0,S,1234,,64240,,", {**ENDS, "state": "REJ"},
    ),
    "udp": (
        f"5,,,0,igb0,match,block,in,4,0x0,,52,1,0,none,17,udp,76,{OUT},{IN},5000,53,56", {"transport": "udp", "dst_port": 53, "src_bytes": 76},
    ),
    "icmp": (
        f"5,,,0,igb0,match,block,in,4,0x0,,52,1,0,none,1,icmp,84,{OUT},{IN},request,1,1", {"transport": "icmp", "src_port": None},
    ),
    "ipv6": (
        "5,,,0,igb0,match,block,in,6,0x00,0x00000,255,TCP,6,40,2001:db8::7,2001:db8::1,50000,22,0,S,1,,64240,,mss",
        {"src_ip": "2001:db8::7", "dst_ip": "2001:db8::1", "dst_port": 22, "transport": "tcp", "src_bytes": 40},
    ),
    "icmpv6": (
        "5,,,0,igb0,match,block,in,6,0x00,0x00000,255,ICMPv6,58,32,fe80::1,ff02::1,", {"transport": "icmp6", "src_ip": "fe80::1"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FILTERLOG)
@pytest.mark.parametrize(
    "frame", ["Jan 10 09:00:00 gw filterlog[7]: ", "<134>1 2026-01-10T18:00:00+09:00 gw filterlog 7 - - "]
)
def test_filterlog(name: str, frame: str) -> None:
    message, meant = FILTERLOG[name]
    row = row_of(PfFilterLog(), frame + message)
    assert {column: row[column] for column in meant} == meant
    assert row["time"] == NINE


# --- connection tracking ----------------------------------------------------------------------------------------------

BOTH = f"src={IN} dst={OUT} sport=50000 dport=443 packets=10 bytes=1340 src={OUT} dst=192.0.2.1 sport=443 dport=50000 packets=8 bytes=4112"
BARE = f"src={IN} dst={OUT} sport=50000 dport=443 src={OUT} dst=192.0.2.1 sport=443 dport=50000"
CONNTRACK: dict[str, tuple[list[str], dict[str, Any]]] = {
    "the end of one": (
        [f"[1768035600.250000]\t[DESTROY] tcp      6 {BOTH} [ASSURED]"],
        {"src_ip": IN, "dst_ip": OUT, "src_port": 50000, "dst_port": 443, "src_bytes": 1340, "dst_bytes": 4112, "src_packets": 10,
         "dst_packets": 8, "transport": "tcp", "open": False, "time": NINE + timedelta(microseconds=250_000)},
    ),
    "its begin and its end": (
        [f"[1768035600.250000] [NEW] tcp 6 120 SYN_SENT src={IN} dst={OUT} sport=50000 dport=443 [UNREPLIED] src={OUT} dst=192.0.2.1 sport=443 dport=50000",
         f"[1768035601.000000] [UPDATE] tcp 6 432000 ESTABLISHED {BARE} [ASSURED]",
         f"[1768035660.250000] [DESTROY] tcp 6 {BOTH} [ASSURED]"],
        {"time": NINE + timedelta(microseconds=250_000), "duration_us": 60_000_000, "open": False, "dst_bytes": 4112, "state": "SF"},
    ),
    "an end that tells how long it lasted": (
        [f"[1768035660.000000] [DESTROY] tcp 6 {BOTH} [ASSURED] delta-time=60"], {"time": NINE, "duration_us": 60_000_000},
    ),
    "a listing": (
        [f"ipv4     2 tcp      6 431999 ESTABLISHED {BOTH} [ASSURED] mark=0 zone=0 use=2"],
        {"time": None, "open": True, "state": "S1", "src_bytes": 1340, "duration_us": None},
    ),
    "a listing without counters": ([f"tcp      6 431999 ESTABLISHED {BARE} [ASSURED] use=1"], {"src_bytes": None, "open": True}),
    "nobody answered": (
        [f"udp      17 29 src={IN} dst={OUT} sport=5 dport=53 [UNREPLIED] src={OUT} dst={IN} sport=53 dport=5 use=1"],
        {"transport": "udp", "state": "S0"},
    ),
    "ping": (
        [f"icmp     1 29 src={IN} dst={OUT} type=8 code=0 id=7 src={OUT} dst={IN} type=0 code=0 id=7 use=1"],
        {"transport": "icmp", "src_port": 8, "dst_port": 0},
    ),
    "ipv6": (
        ["ipv6     10 tcp      6 431999 ESTABLISHED src=2001:0db8::0010 dst=2001:db8::5 sport=1 dport=443 src=2001:db8::5 dst=2001:db8::10 sport=443 dport=1"],
        {"src_ip": "2001:db8::10", "dst_ip": "2001:db8::5"},
    ),
    "a protocol without a name": (
        [f"unknown  47 599 src={IN} dst={OUT} src={OUT} dst={IN} use=1"], {"transport": "gre", "src_port": None},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONNTRACK)
def test_conntrack(name: str) -> None:
    lines, meant = CONNTRACK[name]
    row = row_of(Conntrack(), *lines)
    assert {column: row[column] for column in meant} == meant


def test_a_connection_that_came_twice_is_two() -> None:
    rows = read(Conntrack(), *[f"[{1768035600 + 10 * at}.0] [DESTROY] tcp 6 {BOTH}" for at in range(2)]).tables[
        "connection"
    ]
    assert rows["time"].to_pylist() == [NINE, NINE + timedelta(seconds=10)]


# --- Cisco ASA --------------------------------------------------------------------------------------------------------

ASA: dict[str, tuple[list[str], str, dict[str, Any]]] = {
    "inbound, built and torn down": (
        [f"%ASA-6-302013: Built inbound TCP connection 7 for outside:{OUT}/50000 ({OUT}/50000) to inside:{IN}/3389 (203.0.113.5/3389)",
         f"%ASA-6-302014: Teardown TCP connection 7 for outside:{OUT}/50000 to inside:{IN}/3389 duration 1:02:03 bytes 4711 TCP FINs"],
        "connection",
        {"src_ip": OUT, "dst_ip": IN, "src_port": 50000, "dst_port": 3389, "transport": "tcp", "duration_us": 3_723_000_000,
         "dst_bytes": 4711, "state": "SF"},
    ),
    "outbound: the second end began it": (
        [f"%ASA-6-302013: Built outbound TCP connection 8 for outside:{OUT}/3333 ({OUT}/3333) to inside:{IN}/50000 (203.0.113.5/50000)",
         f"%ASA-6-302014: Teardown TCP connection 8 for outside:{OUT}/3333 to inside:{IN}/50000 duration 0:00:30 bytes 0 SYN Timeout"],
        "connection", {"src_ip": IN, "dst_ip": OUT, "dst_port": 3333, "duration_us": 30_000_000, "state": "S0"},
    ),
    "still there when the log ends": (
        [f"%ASA-6-302013: Built outbound TCP connection 9 for outside:{OUT}/3333 ({OUT}/3333) to inside:{IN}/50000 (203.0.113.5/50000)"],
        "connection", {"src_ip": IN, "dst_ip": OUT, "open": True},
    ),
    "udp": (
        [f"%ASA-6-302015: Built outbound UDP connection 10 for outside:{OUT}/53 ({OUT}/53) to inside:{IN}/40000 (203.0.113.5/40000)",
         f"%ASA-6-302016: Teardown UDP connection 10 for outside:{OUT}/53 to inside:{IN}/40000 duration 0:00:00 bytes 128"],
        "connection", {"src_ip": IN, "dst_ip": OUT, "dst_port": 53, "transport": "udp", "dst_bytes": 128},
    ),
    "denied by a list": (
        [f'%ASA-4-106023: Deny tcp src outside:{OUT}/50000 dst inside:{IN}/3389 by access-group "outside_in" [0x0, 0x0]'],
        "connection", {"src_ip": OUT, "dst_ip": IN, "dst_port": 3389, "state": "S0"},
    ),
    "denied, inbound": (
        [f"%ASA-2-106001: Inbound TCP connection denied from {OUT}/50000 to {IN}/3389 flags SYN on interface outside"],
        "connection", {"src_ip": OUT, "dst_ip": IN, "src_port": 50000, "dst_port": 3389, "state": "S0"},
    ),
    "permitted by a list that is logged": (
        [f"%ASA-6-106100: access-list outside_in permitted tcp outside/{OUT}(50000) -> inside/{IN}(443) hit-cnt 1 first hit [0x1, 0x0]"],
        "connection", {"src_ip": OUT, "dst_ip": IN, "dst_port": 443, "state": None},
    ),
    "a firewall of the later name": (
        [f'%FTD-4-106023: Deny udp src outside:{OUT}/5000 dst inside:{IN}/161 by access-group "x" [0x0, 0x0]'],
        "connection", {"transport": "udp", "dst_port": 161},
    ),
    "scans": ([f"%ASA-4-733101: Host {OUT} is attacking. Current burst rate is 200 per second"], "alert", {"src_ip": OUT, "signature_id": "733101"}),
}  # fmt: skip


@pytest.mark.parametrize("name", ASA)
@pytest.mark.parametrize(
    "frame",
    [
        "Jan 10 2026 09:00:00 fw : ",
        "Jan 10 09:00:00 fw ",
        "<166>Jan 10 2026 09:00:00: ",
        "<166>1 2026-01-10T09:00:00Z fw : ",
    ],
)
def test_cisco_asa(name: str, frame: str) -> None:
    lines, table, meant = ASA[name]
    row = row_of(CiscoAsa(), *[frame + line for line in lines], table=table)
    assert {column: row[column] for column in meant} == meant
    assert row["time"] == NINE


# --- DNS servers ------------------------------------------------------------------------------------------------------

QUERY = "query: pool.example IN A +E(0)K (192.0.2.53)"
DNS: dict[str, tuple[Format, list[str], dict[str, Any]]] = {
    "bind 9.18": (
        BindQueryLog(), [f"10-Jan-2026 09:00:00.250 client @0x7f0102030405 {IN}#40000 (pool.example): {QUERY}"],
        {"src_ip": IN, "src_port": 40000, "dst_ip": "192.0.2.53", "dst_port": 53, "query": "pool.example", "query_type": "A",
         "transport": "udp", "time": NINE + timedelta(microseconds=250_000)},
    ),
    "bind with categories and a view": (
        BindQueryLog(), [f"10-Jan-2026 09:00:00.000 queries: info: client @0x7f01 {IN}#40000 (pool.example): view inside: {QUERY}"],
        {"src_ip": IN, "query": "pool.example", "time": NINE},
    ),
    "bind with a key": (
        BindQueryLog(), [f"10-Jan-2026 09:00:00.000 client @0x7f01 {IN}#40000/key rndc (pool.example): {QUERY}"], {"src_ip": IN},
    ),
    "bind, old": (BindQueryLog(), [f"10-Jan-2026 09:00:00.000 client {IN}#40000: query: Pool.Example IN AAAA +"], {"query": "pool.example", "query_type": "AAAA", "dst_ip": None}),
    "bind over TCP from IPv6": (
        BindQueryLog(), ["10-Jan-2026 09:00:00.000 client @0x7f01 2001:db8::10#40000 (a.example): query: a.example IN MX +ET (2001:db8::53)"],
        {"src_ip": "2001:db8::10", "transport": "tcp", "query_type": "MX", "dst_ip": "2001:db8::53"},
    ),
    "bind with print-time iso8601": (
        BindQueryLog(), [f"2026-01-10T18:00:00.250+09:00 client @0x7f01 {IN}#40000 (pool.example): {QUERY}"],
        {"time": NINE + timedelta(microseconds=250_000)},
    ),
    "bind through syslog": (
        BindQueryLog(), [f"Jan 10 09:00:00 ns named[7]: client @0x7f01 {IN}#40000 (pool.example): {QUERY}"], {"time": NINE, "query": "pool.example"},
    ),
    "unbound, a question": (
        UnboundLog(), [f"[1768035600] unbound[7:0] info: {IN} pool.example. A IN"], {"src_ip": IN, "query": "pool.example", "rcode": None, "time": NINE},
    ),
    "unbound, its answer": (
        UnboundLog(), [f"[1768035600] unbound[7:0] info: {IN} pool.example. A IN", f"[1768035600] unbound[7:0] info: {IN} pool.example. A IN NXDOMAIN 0.020 0 89"],
        {"query_type": "A", "rcode": "NXDOMAIN"},
    ),
    "unbound with tags": (
        UnboundLog(), [f"[1768035600] unbound[7:0] reply: {IN} pool.example. AAAA IN NOERROR 0.020 0 89"], {"query_type": "AAAA", "rcode": "NOERROR"},
    ),
    "unbound through syslog, IPv6": (
        UnboundLog(), ["Jan 10 09:00:00 gw unbound[7]: [7:0] info: 2001:db8::10 pool.example. HTTPS IN"], {"src_ip": "2001:db8::10", "query_type": "HTTPS", "time": NINE},
    ),
    "dnsmasq": (
        DnsmasqLog(), [f"Jan 10 09:00:00 dnsmasq[7]: query[A] Pool.example from {IN}", "Jan 10 09:00:00 dnsmasq[7]: forwarded pool.example to 192.0.2.53",
                       "Jan 10 09:00:00 dnsmasq[7]: reply pool.example is 203.0.113.9"],
        {"src_ip": IN, "query": "pool.example", "query_type": "A", "answers": ["203.0.113.9"], "rcode": "NOERROR", "time": NINE},
    ),
    "dnsmasq, an alias": (
        DnsmasqLog(), [f"Jan 10 09:00:00 dnsmasq[7]: query[A] www.example from {IN}", "Jan 10 09:00:00 dnsmasq[7]: reply www.example is <CNAME>",
                       "Jan 10 09:00:00 dnsmasq[7]: reply edge.example is 203.0.113.9"],
        {"query": "www.example", "answers": ["203.0.113.9"]},
    ),
    "dnsmasq, no such name": (
        DnsmasqLog(), [f"Jan 10 09:00:00 dnsmasq[7]: query[AAAA] gone.example from {IN}", "Jan 10 09:00:00 dnsmasq[7]: reply gone.example is NXDOMAIN"],
        {"rcode": "NXDOMAIN", "answers": None},
    ),
    "dnsmasq, extra": (
        DnsmasqLog(), [f"Jan 10 09:00:00 dnsmasq[7]: 42 {IN}/40000 query[A] pool.example from {IN}",
                       f"Jan 10 09:00:00 dnsmasq[7]: 42 {IN}/40000 cached pool.example is 203.0.113.9"],
        {"src_port": 40000, "answers": ["203.0.113.9"]},
    ),
    "pi-hole, blocked": (
        DnsmasqLog(), [f"Jan 10 09:00:00 dnsmasq[7]: query[A] pool.example from {IN}", "Jan 10 09:00:00 dnsmasq[7]: gravity blocked pool.example is 0.0.0.0"],
        {"query": "pool.example", "answers": ["0.0.0.0"]},  # noqa: S104
    ),
    "dnsmasq of a router": (DnsmasqLog(), [f"Sat Jan 10 09:00:00 2026 daemon.info dnsmasq[7]: query[A] pool.example from {IN}"], {"query": "pool.example", "time": NINE}),
    "windows": (
        WindowsDnsLog(), [f"1/10/2026 9:00:00 AM 0E44 PACKET  000001D3 UDP Rcv {IN}    0002   Q [0001   D   NOERROR] A      (4)pool(7)example(0)",
                          f"1/10/2026 9:00:00 AM 0E44 PACKET  000001D3 UDP Snd {IN}    0002 R Q [8385 A DR NXDOMAIN] A      (4)pool(7)example(0)"],
        {"src_ip": IN, "query": "pool.example", "query_type": "A", "rcode": "NXDOMAIN", "time": NINE, "transport": "udp"},
    ),
    "windows, in Japan": (
        WindowsDnsLog(), [f"2026/01/10 9:00:00 0E44 PACKET  000001D3 TCP Rcv {IN}    0002   Q [0001   D   NOERROR] AAAA   (3)www(7)Example(0)"],
        {"query": "www.example", "query_type": "AAAA", "transport": "tcp", "time": NINE},
    ),
    "windows, in Germany": (
        WindowsDnsLog(), ["10.01.2026 09:00:00 0E44 PACKET  000001D3 UDP Rcv 2001:db8::10    0002   Q [0001   D   NOERROR] A   (0)"],
        {"src_ip": "2001:db8::10", "query": ".", "time": NINE},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", DNS)
def test_dns_servers(name: str) -> None:
    known, lines, meant = DNS[name]
    row = row_of(known, *lines, table="dns")
    assert {column: row[column] for column in meant} == meant


@pytest.mark.parametrize("name", [one for one in DNS if not any(word in one for word in ("unbound", "iso8601"))])
def test_their_local_times_are_of_the_zone_that_is_told(name: str) -> None:
    known, lines, _ = DNS[name]
    here = row_of(known, *lines, table="dns")
    tokyo = row_of(known, *lines, table="dns", zone=LocalTime(ZoneInfo("Asia/Tokyo")))
    assert here["time"] - tokyo["time"] == timedelta(hours=9)


@pytest.mark.parametrize("name", DNS)
def test_windows_line_ends_and_marks_of_editors(name: str) -> None:
    known, lines, meant = DNS[name]
    data = b"\xef\xbb\xbf" + "".join(f"{line}\r\n" for line in lines).encode()
    (row,) = read_all(known, data, "x.log", ReadContext(now=NOW)).tables["dns"].to_pylist()
    assert {column: row[column] for column in meant} == meant


@pytest.mark.parametrize("name", DNS)
def test_cut_at_any_byte_a_line_is_a_row_or_counted_and_no_longer_name_appears(name: str) -> None:
    known, lines, _ = DNS[name]
    for size in range(1, len(lines[0])):
        found = read(known, lines[0][:size])
        rows = found.tables["dns"].to_pylist() if "dns" in found.tables else []
        assert (found.rows, len(rows) + len(found.rejects) <= 1) == (1, True)
        for row in rows:
            assert len(row["query"]) <= len("pool.example")
