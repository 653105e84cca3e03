"""Lines of name servers and firewalls as their versions and set-ups write them: who asked for which name, who knocked
where and what became of it; whatever stands around."""

from __future__ import annotations

from typing import Any

import pytest

from kanaria.core.stream import ReadContext
from kanaria.formats import registry
from tests.reading_formats import BytesStream, Everything, read_all

Y2026 = ReadContext(year=2026)
NAME = "pool.example.org"
V4, V6 = "192.0.2.10", "2001:db8::10"


def read(line: str, times: int = 3) -> tuple[str, Everything]:
    data = f"{line}\n".encode() * times
    known = registry.detect(BytesStream(data))
    assert known is not None, line
    return known.name, read_all(known, data, context=Y2026)


# what it is: (format, line with {client} and {name}, type asked for)
QUESTIONS: dict[str, tuple[str, str, str]] = {
    "BIND 9.18, file": (
        "bind", "10-Jan-2026 09:00:00.123 client @0x7f0a1c {client}#41234 ({name}): query: {name} IN A +E(0)K (192.0.2.53)", "A",
    ),
    "BIND 9.9, without a pointer": (
        "bind", "10-Jan-2026 09:00:00.123 client {client}#41234 ({name}): query: {name} IN AAAA + (192.0.2.53)", "AAAA",
    ),
    "BIND, with category and severity": (
        "bind",
        "10-Jan-2026 09:00:00.123 queries: info: client @0x7f0a1c {client}#41234 ({name}): query: {name} IN TXT +E(0) (192.0.2.53)",
        "TXT",
    ),
    "BIND, with a view": (
        "bind",
        "10-Jan-2026 09:00:00.123 client @0x7f0a1c {client}#41234 ({name}): view internal: query: {name} IN A + (192.0.2.53)",
        "A",
    ),
    "BIND, through syslog": (
        "bind", "Jan 10 09:00:00 ns1 named[71]: client @0x7f0a1c {client}#41234 ({name}): query: {name} IN A + (192.0.2.53)", "A",
    ),
    "BIND, ISO times": (
        "bind", "2026-01-10T09:00:00.123Z client @0x7f0a1c {client}#41234 ({name}): query: {name} IN HTTPS + (192.0.2.53)", "HTTPS",
    ),
    "unbound, query": ("unbound", "[1768035600] unbound[71:0] info: {client} {name}. A IN", "A"),
    "unbound, log-destaddr": ("unbound", "[1768035600] unbound[71:0] reply: {client} {name}. AAAA IN NOERROR 0.012345 0 61 192.0.2.1 udp 53", "AAAA"),
    "unbound, reply": ("unbound", "[1768035600] unbound[71:0] info: {client} {name}. AAAA IN NOERROR 0.012345 0 61", "AAAA"),
    "unbound, through syslog": ("unbound", "Jan 10 09:00:00 ns1 unbound[71]: [71:0] info: {client} {name}. A IN", "A"),
    "unbound, ISO times": ("unbound", "2026-01-10T09:00:00.123+00:00 ns1 unbound[71]: [71:0] info: {client} {name}. A IN", "A"),
    "dnsmasq": ("dnsmasq", "Jan 10 09:00:00 dnsmasq[71]: query[A] {name} from {client}", "A"),
    "dnsmasq, numbered": ("dnsmasq", "Jan 10 09:00:00 dnsmasq[71]: 12 {client}/41234 query[AAAA] {name} from {client}", "AAAA"),
    "dnsmasq, through syslog": ("dnsmasq", "Jan 10 09:00:00 gw dnsmasq[71]: query[A] {name} from {client}", "A"),
    "dnsmasq, of a router": ("dnsmasq", "Jan 10 09:00:00 gw daemon.info dnsmasq[71]: query[A] {name} from {client}", "A"),
    "dnsmasq, HTTPS": ("dnsmasq", "Jan 10 09:00:00 dnsmasq[71]: query[HTTPS] {name} from {client}", "HTTPS"),
    "dnsmasq, type by number": ("dnsmasq", "Jan 10 09:00:00 dnsmasq[71]: query[type=65] {name} from {client}", "HTTPS"),
}  # fmt: skip
CLIENTS = {"v4": V4, "v6": V6}


def asked(what: str, client: str, name: str = NAME) -> dict[str, Any]:
    wanted, line, _kind = QUESTIONS[what]
    known, found = read(line.format(client=client, name=name))
    assert known == wanted
    assert not found.rejects
    rows = found.tables["dns"].to_pylist()
    assert len(rows) == 3
    return dict(rows[0])


@pytest.mark.parametrize("which", CLIENTS)
@pytest.mark.parametrize("what", QUESTIONS)
def test_who_asked_for_what(what: str, which: str) -> None:
    row = asked(what, CLIENTS[which])
    assert (row["src_ip"], row["query"].rstrip("."), row["query_type"]) == (CLIENTS[which], NAME, QUESTIONS[what][2])


@pytest.mark.parametrize("what", QUESTIONS)
def test_when_it_was(what: str) -> None:
    moment = asked(what, V4)["time"]
    assert moment is not None
    assert f"{moment:%m-%d %H:%M:%S}" == "01-10 09:00:00"


@pytest.mark.parametrize(
    "name",
    [
        "POOL.Example.ORG",
        "_x._tcp.example.org",
        "xn--eckwd4c7c.example",
        "a" * 63 + ".example",
        "1.2.0.192.in-addr.arpa",
    ],
)
@pytest.mark.parametrize("what", ["BIND 9.18, file", "unbound, query", "dnsmasq"])
def test_names_of_every_kind_are_read(what: str, name: str) -> None:
    assert asked(what, V4, name)["query"].rstrip(".").lower() == name.lower()


# what it is: (format, line, what must come out)
KNOCKS: dict[str, tuple[str, str, dict[str, object]]] = {
    "ufw": (
        "netfilter",
        "Jan 10 09:00:00 gw kernel: [ 71.5] [UFW BLOCK] IN=eth0 OUT= MAC=02:00 SRC=198.51.100.7 DST=192.0.2.10 LEN=60 TOS=0x00 PREC=0x00 TTL=51 ID=1 DF PROTO=TCP SPT=41234 DPT=22 WINDOW=64240 RES=0x00 SYN URGP=0",
        {"src_ip": "198.51.100.7", "dst_ip": "192.0.2.10", "dst_port": 22, "transport": "tcp"},
    ),
    "ufw, IPv6": (
        "netfilter",
        "Jan 10 09:00:00 gw kernel: [UFW BLOCK] IN=eth0 OUT= MAC=02:00 SRC=2001:0db8:0000:0000:0000:0000:0000:0007 DST=2001:0db8:0000:0000:0000:0000:0000:0010 LEN=60 TC=0 HOPLIMIT=51 FLOWLBL=0 PROTO=UDP SPT=41234 DPT=53 LEN=40",
        {"src_ip": "2001:db8::7", "dst_ip": "2001:db8::10", "dst_port": 53, "transport": "udp"},
    ),
    "iptables with a word of one's own": (
        "netfilter",
        "Jan 10 09:00:00 gw kernel: DROP-IN: IN=ppp0 OUT= MAC= SRC=198.51.100.7 DST=192.0.2.10 LEN=40 TTL=240 PROTO=TCP SPT=41234 DPT=3389 SYN",
        {"src_ip": "198.51.100.7", "dst_port": 3389, "transport": "tcp"},
    ),
    "ping": (
        "netfilter",
        "Jan 10 09:00:00 gw kernel: [UFW BLOCK] IN=eth0 OUT= SRC=198.51.100.7 DST=192.0.2.10 LEN=84 TTL=51 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1",
        {"src_ip": "198.51.100.7", "dst_ip": "192.0.2.10", "transport": "icmp"},
    ),
    "outward, allowed": (
        "netfilter",
        "Jan 10 09:00:00 gw kernel: [UFW ALLOW] IN= OUT=eth0 SRC=192.0.2.10 DST=198.51.100.38 LEN=60 TTL=64 PROTO=TCP SPT=41234 DPT=3333 SYN",
        {"src_ip": "192.0.2.10", "dst_ip": "198.51.100.38", "dst_port": 3333, "transport": "tcp"},
    ),
    "pf, TCP": (
        "filterlog",
        "Jan 10 09:00:00 fw filterlog[71]: 5,,,1000000103,igb0,match,block,in,4,0x0,,51,1,0,DF,6,tcp,60,198.51.100.7,192.0.2.10,41234,22,0,S,123,,64240,,mss",
        {"src_ip": "198.51.100.7", "dst_ip": "192.0.2.10", "dst_port": 22, "transport": "tcp"},
    ),
    "pf, UDP": (
        "filterlog",
        "Jan 10 09:00:00 fw filterlog[71]: 5,,,1000000103,igb0,match,pass,out,4,0x0,,64,1,0,none,17,udp,70,192.0.2.10,198.51.100.53,41234,53,50",
        {"src_ip": "192.0.2.10", "dst_ip": "198.51.100.53", "dst_port": 53, "transport": "udp"},
    ),
    "pf, IPv6": (
        "filterlog",
        "Jan 10 09:00:00 fw filterlog[71]: 5,,,1000000103,igb0,match,block,in,6,0x00,0x00000,64,TCP,6,40,2001:db8::7,2001:db8::10,41234,443,0,S,1,,64800,,mss",
        {"src_ip": "2001:db8::7", "dst_ip": "2001:db8::10", "dst_port": 443, "transport": "tcp"},
    ),
    "pf, RFC 5424": (
        "filterlog",
        "<134>1 2026-01-10T09:00:00+00:00 fw.example.org filterlog 71 - - 5,,,1000000103,igb0,match,block,in,4,0x0,,51,1,0,DF,6,tcp,60,198.51.100.7,192.0.2.10,41234,22,0,S,123,,64240,,mss",
        {"src_ip": "198.51.100.7", "dst_port": 22},
    ),
    "conntrack, ended": (
        "conntrack",
        "[1768035600.123456]\t[DESTROY] tcp      6 src=192.0.2.10 dst=198.51.100.38 sport=41234 dport=3333 packets=9 bytes=900 src=198.51.100.38 dst=192.0.2.10 sport=3333 dport=41234 packets=8 bytes=4000 [ASSURED]",
        {"src_ip": "192.0.2.10", "dst_ip": "198.51.100.38", "dst_port": 3333, "transport": "tcp"},
    ),
    "conntrack, listed": (
        "conntrack",
        "tcp      6 431999 ESTABLISHED src=192.0.2.10 dst=198.51.100.38 sport=41234 dport=3333 packets=9 bytes=900 src=198.51.100.38 dst=192.0.2.10 sport=3333 dport=41234 packets=8 bytes=4000 [ASSURED] mark=0 use=1",
        {"src_ip": "192.0.2.10", "dst_ip": "198.51.100.38", "dst_port": 3333},
    ),
    "conntrack, the kernel's table": (
        "conntrack",
        "ipv4     2 tcp      6 431999 ESTABLISHED src=192.0.2.10 dst=198.51.100.38 sport=41234 dport=3333 src=198.51.100.38 dst=192.0.2.10 sport=3333 dport=41234 [ASSURED] mark=0 zone=0 use=2",
        {"src_ip": "192.0.2.10", "dst_ip": "198.51.100.38", "dst_port": 3333},
    ),
    "Cisco ASA, ended": (
        "cisco-asa",
        "Jan 10 2026 09:00:02 fw01 : %ASA-6-302014: Teardown TCP connection 9000 for outside:198.51.100.38/3333 to inside:192.0.2.10/41234 duration 0:12:02 bytes 11000 TCP FINs",
        {"src_ip": "192.0.2.10", "dst_ip": "198.51.100.38", "dst_port": 3333, "transport": "tcp"},
    ),
    "AWS VPC": (
        "aws-vpc",
        "2 123456789010 eni-1235b8ca123456789 192.0.2.10 198.51.100.38 41234 3333 6 40 6600 1768035600 1768035660 ACCEPT OK",
        {"src_ip": "192.0.2.10", "dst_ip": "198.51.100.38", "dst_port": 3333, "transport": "tcp"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", KNOCKS)
def test_who_knocked_where(what: str) -> None:
    wanted, line, expected = KNOCKS[what]
    known, found = read(line)
    assert known == wanted
    assert not found.rejects
    row = found.tables["connection"].to_pylist()[0]
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("what", KNOCKS)
def test_a_line_cut_anywhere_breaks_nothing_else(what: str) -> None:
    """Every other line is read, whatever is left of one. Two lines of a flow may become one connection."""
    wanted, line, expected = KNOCKS[what]
    for end in range(len(line) // 3, len(line), max(1, len(line) // 7)):
        data = f"{line}\n{line[:end]}\n{line}\n".encode()
        found = read_all(registry.get(wanted), data, context=Y2026)
        rows = found.tables["connection"].to_pylist()
        assert sum(all(row[name] == value for name, value in expected.items()) for row in rows) >= (
            1 if wanted in ("conntrack", "aws-vpc") else 2
        )


@pytest.mark.parametrize(
    "what", ["ufw", "iptables with a word of one's own", "pf, TCP", "Cisco ASA, ended", "conntrack, ended"]
)
@pytest.mark.parametrize(
    "noise", ["", "\x00\xff", "Jan 10 09:00:01 gw sshd[7]: Server listening on 0.0.0.0 port 22.", "-" * 500]
)
def test_lines_of_others_between_change_nothing(what: str, noise: str) -> None:
    wanted, line, expected = KNOCKS[what]
    data = f"{line}\n{noise}\n{line}\n".encode("utf-8", "replace")
    rows = read_all(registry.get(wanted), data, context=Y2026).tables["connection"].to_pylist()
    assert {name: rows[0][name] for name in expected} == expected
