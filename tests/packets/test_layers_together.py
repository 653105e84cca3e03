"""Layers in any combination: tags, labels and tunnels around IPv4 and IPv6, whole and in fragments, cut and padded."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from typing import Any

import pytest
from build_packets import ACK, PSH, SYN, Reader, ip, pcap, tcp, udp

MACS = bytes.fromhex("020000000001020000000002")
Wrap = Callable[[bytes], bytes]


def kind_of(packet: bytes) -> bytes:
    return b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0"


def untagged(packet: bytes) -> bytes:
    return MACS + kind_of(packet) + packet


def vlan(number: int, protocol: int = 0x8100) -> Wrap:
    """IEEE 802.1Q: the tag's protocol, priority and number, then what it is the tag of."""
    return lambda packet: MACS + struct.pack(">HH", protocol, 0x6000 | number) + kind_of(packet) + packet


def qinq(outer: int, inner: int, protocol: int = 0x88A8) -> Wrap:
    """IEEE 802.1ad: the provider's tag outside."""
    return lambda packet: MACS + struct.pack(">HHHH", protocol, outer, 0x8100, inner) + kind_of(packet) + packet


def mpls(*labels: int) -> Wrap:
    """RFC 3032: twenty bits of label, three of class, one that says which is the last, eight of life."""

    def wrap(packet: bytes) -> bytes:
        stack = b"".join(
            struct.pack(">I", label << 12 | (number == len(labels)) << 8 | 64) for number, label in enumerate(labels, 1)
        )
        return MACS + b"\x88\x47" + stack + packet

    return wrap


def tagged_mpls(packet: bytes) -> bytes:
    return MACS + b"\x81\0\0\x07" + mpls(16)(packet)[12:]


def pppoe(packet: bytes) -> bytes:
    """RFC 2516: version and type, session data, the session, a length, then PPP's protocol."""
    ppp = (b"\0\x57" if packet[0] >> 4 == 6 else b"\0\x21") + packet
    return MACS + b"\x88\x64" + struct.pack(">BBHH", 0x11, 0, 7, len(ppp)) + ppp


OUTER: dict[str, Wrap] = {
    "untagged": untagged,
    "a tag": vlan(7),
    "the highest tag": vlan(4094),
    "a tag of priority alone": vlan(0),
    "a tag of old switches": vlan(7, 0x9100),
    "a tag in a provider's": qinq(100, 7),
    "a tag in a tag": qinq(100, 7, 0x8100),
    "a label": mpls(16),
    "three labels": mpls(100, 200, 300),
    "a label in a tag": tagged_mpls,
    "a session of pppoe": pppoe,
}
"""What stands before the outermost IP header on Ethernet."""

END, FAR_END = "198.51.100.1", "198.51.100.2"
END6, FAR_END6 = "2001:db8:ff::1", "2001:db8:ff::2"


def over(proto: int, head: bytes = b"", inside: Wrap = lambda packet: packet, *, six: bool = False) -> Wrap:
    ends = {"src": END6, "dst": FAR_END6} if six else {"src": END, "dst": FAR_END}
    return lambda packet: ip(head + inside(packet), proto=proto, **ends)


def gre(packet: bytes) -> bytes:
    return b"\0\0" + kind_of(packet) + packet


def vxlan(inside: Wrap = untagged) -> Wrap:
    """RFC 7348: eight bytes with the network's number, then a frame."""
    return lambda packet: udp(b"\x08\0\0\0\0\0\x2a\0" + inside(packet), sport=55_000, dport=4789)


TUNNELS: dict[str, Wrap] = {
    "none": lambda packet: packet,
    "gre": over(47, inside=gre),
    "gre over ipv6": over(47, inside=gre, six=True),
    "vxlan": over(17, inside=vxlan()),
    "vxlan over ipv6": over(17, inside=vxlan(), six=True),
    "vxlan with a tag inside": over(17, inside=vxlan(vlan(9))),
    "vxlan with two tags inside": over(17, inside=vxlan(qinq(1, 2))),
    "ip in ip": lambda packet: ip(packet, proto=41 if packet[0] >> 4 == 6 else 4, src=END, dst=FAR_END),
    "ip in ipv6": lambda packet: ip(packet, proto=41 if packet[0] >> 4 == 6 else 4, src=END6, dst=FAR_END6),
    "gre in vxlan": over(17, inside=vxlan(lambda packet: untagged(over(47, inside=gre)(packet)))),
}

PEERS = {4: ("10.0.0.7", "203.0.113.5"), 6: ("2001:db8::7", "2001:db8:1::5")}


def packets(version: int, port: int = 40_000) -> list[bytes]:
    """A handshake, a question of forty bytes, an answer of ten, as bare IP packets."""
    client, server = PEERS[version]
    up = {"sport": port, "dport": 3333}
    down = {"sport": 3333, "dport": port}
    return [
        ip(tcp(seq=1, flags=SYN, **up), src=client, dst=server),
        ip(tcp(seq=9, flags=SYN | ACK, **down), src=server, dst=client),
        ip(tcp(b"q" * 40, seq=2, flags=PSH | ACK, **up), src=client, dst=server),
        ip(tcp(b"a" * 10, seq=10, flags=PSH | ACK, **down), src=server, dst=client),
    ]


def check(row: dict[str, Any], version: int, port: int = 40_000) -> None:
    assert (row["src_ip"], row["dst_ip"], row["src_port"], row["dst_port"]) == (*PEERS[version], port, 3333)
    assert (row["src_first"], row["dst_first"], row["src_payload"], row["dst_payload"]) == (
        b"q" * 40,
        b"a" * 10,
        40,
        10,
    )
    assert (row["src_packets"], row["dst_packets"], row["state"]) == (2, 2, "S1")
    assert row["src_bytes"] == 40 + 2 * (60 if version == 6 else 40)


@pytest.mark.parametrize("outer", OUTER)
def test_any_tunnel_behind_any_tag(outer: str, read: Reader) -> None:
    """One connection through each tunnel, told apart by its port."""
    ways = dict(enumerate(itertools.product(TUNNELS, (4, 6)), 41_000))
    frames = [
        OUTER[outer](TUNNELS[tunnel](packet))
        for port, (tunnel, version) in ways.items()
        for packet in packets(version, port)
    ]
    rows, rejects = read(pcap(frames))
    assert not rejects
    found = {row["src_port"]: row for row in rows["connection"]}
    assert [ways[port] for port in ways if port not in found] == []
    for port, (_, version) in ways.items():
        check(found[port], version, port)


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("padding", [1, 6, 18, 46])
def test_padding_behind_a_packet_is_none_of_it(outer: str, padding: int, read: Reader) -> None:
    """Ethernet fills short frames; the IP header says where the packet ends."""
    rows, _ = read(pcap([OUTER[outer](packet) + b"\x55" * padding for packet in packets(4)]))
    check(rows["connection"][0], 4)


def pieces(packet: bytes, size: int, ident: int) -> list[bytes]:
    """Fragments of an IP packet (RFC 791, 3.2; RFC 8200, 4.5) with ``size`` bytes of what it carries in each."""
    if packet[0] >> 4 == 6:
        head, body = packet[:40], packet[40:]
    else:
        head, body = packet[:20], packet[20:]
    made = []
    for at in range(0, len(body), size):
        part, more = body[at : at + size], at + size < len(body)
        if packet[0] >> 4 == 6:
            extension = struct.pack(">BBHI", head[6], 0, at | more, ident)
            made.append(head[:4] + struct.pack(">HB", 8 + len(part), 44) + head[7:] + extension + part)
        else:
            field = at // 8 | more << 13
            made.append(head[:2] + struct.pack(">HHH", 20 + len(part), ident, field) + head[8:] + part)
    return made


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("outer", ["untagged", "a tag", "a tag in a provider's", "a label", "a session of pppoe"])
@pytest.mark.parametrize("size", [8, 24, 32])
def test_fragments_behind_any_tag(outer: str, size: int, version: int, read: Reader) -> None:
    frames = [
        OUTER[outer](piece)
        for number, packet in enumerate(packets(version), 1)
        for piece in pieces(packet, size, number)
    ]
    rows, rejects = read(pcap(frames))
    assert not rejects
    (row,) = rows["connection"]
    assert (row["src_ip"], row["dst_port"], row["src_first"], row["dst_first"]) == (
        PEERS[version][0], 3333, b"q" * 40, b"a" * 10,
    )  # fmt: skip


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
def test_fragments_in_any_order_and_twice(order: tuple[int, ...], version: int, read: Reader) -> None:
    shake, question = packets(version)[:2], packets(version)[2]
    parts = pieces(question, 24, 5)
    frames = [*shake, *(parts[at] for at in order), parts[order[-1]]]
    rows, _ = read(pcap(map(untagged, frames)))
    (row,) = rows["connection"]
    assert (row["src_first"], row["src_payload"]) == (b"q" * 40, 40)


@pytest.mark.parametrize("tunnel", ["gre", "vxlan", "ip in ip", "gre over ipv6", "vxlan over ipv6"])
@pytest.mark.parametrize("version", [4, 6])
def test_a_tunnel_whose_packets_were_cut_in_two(tunnel: str, version: int, read: Reader) -> None:
    """What does not fit once the tunnel's headers are added is sent in fragments of the outer packet."""
    frames = []
    for number, packet in enumerate(packets(version), 1):
        frames += pieces(TUNNELS[tunnel](packet), 64, number)
    rows, rejects = read(pcap(map(untagged, frames)))
    assert not rejects
    check(rows["connection"][0], version)


@pytest.mark.parametrize("outer", OUTER)
@pytest.mark.parametrize("version", [4, 6])
def test_cut_at_any_byte_a_packet_is_counted_and_nothing_is_made_up(outer: str, version: int, read: Reader) -> None:
    frame = OUTER[outer](packets(version)[2])
    rows, rejects = read(pcap([frame[:size] for size in range(len(frame))]))
    said = sum(int(reject.reason.split()[0]) for reject in rejects)
    flows = rows.get("connection", [])
    assert said + sum(row["src_packets"] + row["dst_packets"] for row in flows) == len(frame)
    for row in flows:
        assert (row["src_ip"], row["dst_ip"], row["dst_port"]) == (*PEERS[version], 3333)
        assert b"q" * 40 == (row["src_first"] or b"q" * 40)[:40].ljust(40, b"q")
