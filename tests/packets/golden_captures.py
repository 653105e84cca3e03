"""Small captures of our own, by name: every protocol and every way a capture may be written, for the golden pairs."""

from __future__ import annotations

import struct
from collections.abc import Callable

from build_packets import CLIENT, SERVER, conversation, ethernet, ip, pcap, pcapng, tcp, udp
from build_protocols import (
    certificate,
    client_hello,
    dns_message,
    ntlm_authenticate,
    server_hello,
    smb2,
    ssh_side,
    tls_handshake,
    tls_record,
    x224,
)

Script = list[tuple[str, bytes]]

JOB = b'{"jsonrpc":"2.0","method":"job","params":{"blob":"0e0e","job_id":"1","target":"b88d0600","algo":"rx/0"}}\n'
STRATUM: Script = [
    ("c", b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"4Example","pass":"x","agent":"XMRig/6.21.0"}}\n'),
    ("s", b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"a1","status":"OK"}}\n'),
    ("s", JOB),
    ("c", b'{"id":2,"jsonrpc":"2.0","method":"submit","params":{"id":"a1","job_id":"1","nonce":"00000001","result":"00"}}\n'),
    ("s", b'{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}\n'),
]  # fmt: skip
SEALED = tls_record(23, b"\xee" * 60)
DONE = tls_record(20, b"\1") + tls_record(22, b"\xee" * 40)
SERVER_FLIGHT = server_hello() + certificate("pool.example", "pool.example") + tls_handshake(14, b"")
TLS: Script = [("c", client_hello()), ("s", SERVER_FLIGHT), ("c", DONE), ("s", DONE), ("c", SEALED), ("s", SEALED)]
HTTP: Script = [
    ("c", b"POST /rpc HTTP/1.1\r\nHost: web.example:8080\r\nUser-Agent: tool/1\r\nContent-Length: 4\r\n\r\n{  }"),
    ("s", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    ("c", b"GET /next HTTP/1.1\r\nHost: web.example\r\n\r\n"),
    ("s", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
]
RDP_ASK = x224(0xE0, b"Cookie: mstshash=hello\r\n\1\0\x08\0\3\0\0\0")
RDP_ANSWER = x224(0xD0, b"\2\0\x08\0\2\0\0\0")
RDP_UNTRIED: Script = [("c", RDP_ASK), ("s", RDP_ANSWER), ("c", client_hello(b"host.example")), ("s", SERVER_FLIGHT),
                       ("c", DONE), ("s", DONE)]  # fmt: skip
RDP_TOKENS: Script = [("c", tls_record(23, b"\xee" * 81)), ("s", tls_record(23, b"\xee" * 290)),
                      ("c", tls_record(23, b"\xee" * 630))]  # fmt: skip
RDP_FAILED: Script = [*RDP_UNTRIED, *RDP_TOKENS, ("s", tls_record(21, b"\xee" * 26))]
RDP_ACCEPTED: Script = [
    *RDP_UNTRIED,
    *RDP_TOKENS,
    ("s", tls_record(23, b"\xee" * 83)),
    ("c", tls_record(23, b"\xee" * 134)),
]
RDP_SESSION: Script = [*RDP_ACCEPTED, *[("c", SEALED), ("s", tls_record(23, b"\xee" * 1100))] * 16]
SMB: Script = [
    ("c", smb2(0, 0, bytes(36))), ("s", smb2(0, 0, struct.pack("<HHH", 65, 0, 0x0311) + bytes(58))),
    ("c", smb2(1, 1, bytes(24) + ntlm_authenticate("admin", "CORP", "WS1"))), ("s", smb2(1, 1, bytes(8), 0xC000006D)),
]  # fmt: skip
SSH_FAILED: Script = [("s", ssh_side(b"server")), ("c", ssh_side(b"client"))] + [
    part for size in (44, 60, 60, 60) for part in (("c", b"\xcc" * 80), ("s", b"\xdd" * size))
]
FTP: Script = [("s", b"220 FTP ready\r\n"), ("c", b"USER admin\r\n"), ("s", b"331 need password\r\n"),
               ("c", b"PASS x\r\n"), ("s", b"530 no\r\n")]  # fmt: skip


def _dns() -> list[bytes]:
    address = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + bytes((203, 0, 113, 9))
    answer = dns_message(7, "pool.example", flags=0x8180, answers=address, count=1)
    packets = [
        ip(udp(dns_message(7, "pool.example")), proto=17),
        ip(udp(answer, sport=53, dport=40000), src=SERVER, dst=CLIENT, proto=17),
        ip(udp(dns_message(9, "silent.example", kind=16)), proto=17),
    ]
    return [ethernet(packet) for packet in packets]


def _icmp() -> list[bytes]:
    ping = bytes((8, 0)) + bytes(6) + b"data"
    return [ethernet(ip(ping, proto=1)), ethernet(ip(b"\0" + ping[1:], proto=1, src=SERVER, dst=CLIENT))]


def _damaged() -> bytes:
    whole = pcap([*conversation(STRATUM), ethernet(ip(tcp(b"late"), fragment=100)), bytes(12) + b"\x08\0\x45\0"])
    return whole[:900] + b"\xff" * 40 + whole[940:-3]


def _outer(body: bytes, proto: int) -> bytes:
    return ethernet(ip(body, proto=proto, src="198.51.100.1", dst="198.51.100.2"))


BARE = [frame[14:] for frame in conversation(STRATUM, dport=3333)]
TUNNELS: dict[str, Callable[[bytes], bytes]] = {
    "gre": lambda packet: _outer(b"\0\0\x08\0" + packet, 47),
    "gre-key-sequence": lambda packet: _outer(b"\x30\0\x08\0" + bytes(8) + packet, 47),
    "gre-ethernet": lambda packet: _outer(b"\0\0\x65\x58" + ethernet(packet), 47),
    "erspan": lambda packet: _outer(b"\x10\0\x88\xbe" + bytes(4) + b"\x10\1" + bytes(6) + ethernet(packet), 47),
    "vxlan": lambda packet: _outer(udp(b"\x08\0\0\0\0\0\7\0" + ethernet(packet), dport=4789), 17),
    "ip-in-ip": lambda packet: _outer(packet, 4),
}
LINKS: dict[str, tuple[int, Callable[[bytes], bytes]]] = {
    "ethernet": (1, ethernet),
    "vlan": (1, lambda packet: ethernet(packet, tags=[7, 9])),
    "pppoe": (1, lambda packet: bytes(12) + b"\x88\x64\x11\0\0\1" + struct.pack(">HH", len(packet) + 2, 0x21) + packet),
    "mpls": (1, lambda packet: bytes(12) + b"\x88\x47\0\0\x10\x40\0\0\x21\x40" + packet),
    "raw": (101, bytes),
    "loopback": (0, lambda packet: b"\2\0\0\0" + packet),
    "cooked": (113, lambda packet: bytes(14) + b"\x08\0" + packet),
    "cooked2": (276, lambda packet: b"\x08\0" + bytes(18) + packet),
    "ppp": (9, lambda packet: b"\xff\3\0\x21" + packet),
}

CAPTURES: dict[str, bytes] = {
    "stratum": pcap(conversation(STRATUM, dport=3333)),
    "stratum-mid-stream": pcap(conversation(STRATUM, sport=40000, dport=44444, close=False)[5:]),
    "tls-self-signed": pcap(conversation(TLS, dport=4444)),
    "http": pcap(conversation(HTTP, dport=8080)),
    "rdp-failed": pcap(conversation(RDP_FAILED, dport=3389)),
    "rdp-session": pcap(conversation(RDP_SESSION, dport=3390)),
    "smb": pcap(conversation(SMB, dport=445)),
    "ssh-failed": pcap(conversation(SSH_FAILED, dport=22)),
    "ftp": pcap(conversation(FTP, dport=2121)),
    "dns": pcap(_dns()),
    "icmp": pcap(_icmp()),
    "ipv6-pcapng": pcapng(conversation(STRATUM, dport=3333, src="2001:db8::10", dst="2001:db8::5"), resolution=9),
    "pcapng-big-endian": pcapng(conversation(STRATUM, dport=3333), order=">"),
    "snap-length": pcap(conversation(TLS), snap=90),
    "damaged": _damaged(),
    **{f"tunnel-{name}": pcap(map(wrap, BARE)) for name, wrap in TUNNELS.items()},
    "gre-other": pcap([_outer(b"\0\0\x88\x0b" + b"ppp", 47), _outer(b"\0", 47)]),
    **{f"link-{name}": pcap(map(wrap, BARE), link=link) for name, (link, wrap) in LINKS.items()},
}  # fmt: skip
