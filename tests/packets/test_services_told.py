"""What a connection is for, from its first bytes on any port: each protocol as its own standard begins it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from build_packets import Reader, conversation, ethernet, ip, pcap, udp

from kanaria.formats.packets.kept import column_of
from kanaria.formats.packets.service import client_is_server_side, service_of
from kanaria.formats.packets.services import services, wrong_way


def tls_record(kind: int, body: bytes, version: bytes = b"\3\1") -> bytes:
    return bytes((kind,)) + version + len(body).to_bytes(2, "big") + body


def dns(
    questions: int = 1,
    *,
    flags: int = 0x0100,
    name: bytes = b"\1a\7example\0",
    counts: tuple[int, int, int] = (0, 0, 0),
) -> bytes:
    return struct.pack(">HHHHHH", 7, flags, questions, *counts) + name + b"\0\1\0\1"


def framed(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


SOCKS4A = b"\4\1\x0d\x05\0\0\0\1user\0pool.example\0"
STREAMS: dict[str, tuple[bytes, bytes, str | None]] = {
    "tls": (tls_record(22, b"\1\0\0\x2a" + bytes(42)), b"", "tls"),
    "tls, only the server was captured": (b"", tls_record(22, b"\2\0\0\x2a" + bytes(42), b"\3\3"), "tls"),
    "tls of a record version of the future": (tls_record(22, b"\1\0\0\x2a" + bytes(42), b"\3\4"), b"", "tls"),
    "tls that begins with data": (tls_record(23, bytes(60), b"\3\3"), tls_record(23, bytes(60), b"\3\3"), None),
    "a certificate first": (tls_record(22, b"\x0b\0\0\x2a" + bytes(42)), b"", None),
    "ssh": (b"SSH-2.0-x\r\n", b"", "ssh"),
    "ssh, only the server was captured": (b"", b"SSH-1.99-x\n", "ssh"),
    "http": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"", "http"),
    "http without a version": (b"GET /\r\n", b"", "http"),
    "http, only the server was captured": (b"", b"HTTP/1.1 200 OK\r\n\r\n", "http"),
    "a proxy is asked": (b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", b"", "http"),
    "webdav": (b"PROPFIND / HTTP/1.1\r\n\r\n", b"", "http"),
    "websocket": (b"GET /s HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"", "websocket"),
    "websocket in other letters": (b"GET /s HTTP/1.1\r\nupgrade:WebSocket\r\n\r\n", b"", "websocket"),
    "a word of http and nothing more": (b"GET", b"", None),
    "a telephone that registers": (b"REGISTER sip:lab.example SIP/2.0\r\nVia: SIP/2.0/TCP x\r\n", b"", "sip"),
    "a call, behind line ends that kept the connection open": (
        b"\r\n\r\nINVITE tel:+81312345678 SIP/2.0\r\n",
        b"",
        "sip",
    ),
    "a telephone's options are no http": (b"OPTIONS sips:phone@lab.example SIP/2.0\r\n", b"", "sip"),
    "a call, begun before the capture": (b"", b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP x\r\n", "sip"),
    "BYE and ACK": (b"BYE sip:a@lab.example SIP/2.0\r\n", b"ACK sip:a@lab.example SIP/2.0\r\n", "sip"),
    "a call of another version": (b"INVITE sip:a@lab.example SIP/3.0\r\n", b"", None),
    "json": (b'{"id":1}', b"", "json"),
    "json behind blanks": (b' \r\n\t{"id":1}', b"", "json"),
    "a list of json": (b'[{"id":1}]', b"", "json"),
    "an empty object": (b"{}", b"", "json"),
    "a brace that is no json": (b"{hello", b"", None),
    "socks 5": (b"\5\1\0\5\1\0\3\x0cpool.example\x0d\x05", b"", "socks"),
    "socks 4": (b"\4\1\x0d\x05\xcb\x00\x71\x05user\0", b"", "socks"),
    "socks 4a": (SOCKS4A, b"", "socks"),
    "mqtt 3.1.1": (b"\x10\x0c\0\4MQTT\4\2\0\x3c\0\0", b"", "mqtt"),
    "mqtt 3.1": (b"\x10\x0e\0\6MQIsdp\3\2\0\x3c\0\0", b"", "mqtt"),
    "mqtt 5 with a long head": (b"\x10\x90\1\0\4MQTT\5\2\0\x3c" + bytes(140), b"", "mqtt"),
    "smtp": (b"EHLO me.example\r\n", b"220 mail.example ESMTP\r\n", "smtp"),
    "smtp of old": (b"HELO me\r\n", b"", "smtp"),
    "smtp, only the server was captured": (b"", b"220-mail.example ESMTP\r\n220 hello\r\n", "smtp"),
    "ftp": (b"USER a\r\n", b"220 (Example FTP 1.0)\r\n", "ftp"),
    "ftp in small letters": (b"", b"220 ftp.example ready\r\n", "ftp"),
    "vnc": (b"RFB 003.008\n", b"RFB 003.008\n", "vnc"),
    "bittorrent": (b"\x13BitTorrent protocol" + bytes(48), b"", "bittorrent"),
    "bitcoin": (b"\xf9\xbe\xb4\xd9version\0\0\0\0\0", b"", "bitcoin"),
    "bitcoin's test network": (b"\x0b\x11\x09\x07version\0\0\0\0\0", b"", "bitcoin"),
    "redis": (b"*2\r\n$4\r\nPING\r\n$1\r\nx\r\n", b"", "redis"),
    "redis, a long command": (b"*128\r\n$3\r\nSET\r\n", b"", "redis"),
    "postgresql": (b"\0\0\0\x21\0\3\0\0user\0lab\0database\0lab\0\0", b"R\0\0\0\x08\0\0\0\0", "postgresql"),
    "postgresql of version 3.2": (b"\0\0\0\x16\0\3\0\2user\0lab\0\0", b"", "postgresql"),
    "postgresql that asks for tls": (b"\0\0\0\x08\x04\xd2\x16\x2f\x16\3\1", b"S", "postgresql"),
    "lengths that are no postgresql": (b"\0\0\0\x08\x04\xd2\x16\x2e", b"", None),
    "amqp 0-9-1": (b"AMQP\0\0\x09\1", b"\1\0\0", "amqp"),
    "amqp 1.0": (b"AMQP\3\1\0\0", b"", "amqp"),
    "a word that begins like it": (b"AMQPLIB 1", b"", None),
    "opc ua": (b"HELF\x38\0\0\0\0\0\0\0", b"ACKF\x1c\0\0\0", "opcua"),
    "opc ua, only the server was captured": (b"", b"ACKF\x1c\0\0\0", "opcua"),
    "a star that is no redis": (b"*hello\r\n", b"", None),
    "dns": (framed(dns()), b"", "dns"),
    "dns, two questions": (framed(dns()) * 2, b"", "dns"),
    "dns, the second cut": (framed(dns()) + framed(dns())[:9], b"", "dns"),
    "dns of two questions in one": (framed(dns(2)), b"", None),
    "smb": (b"\0\0\0\x44\xfeSMB" + bytes(64), b"", "smb"),
    "smb, encrypted": (b"\0\0\0\x44\xfdSMB" + bytes(64), b"", "smb"),
    "a session of netbios": (b"\x81\0\0\x44 " + b"C" * 32 + b"\0 " + b"E" * 32 + b"\0", b"\x82\0\0\0", "smb"),
    "something that begins like one": (b"\x81\0\0\x44" + bytes(68), b"", None),
    "remote desktop": (b"\3\0\0\x0b\6\xe0\0\0\0\0\0", b"", "rdp"),
    "a telephone's T.125": (b"\3\0\0\x0b\6\xf0\0\0\0\0\0", b"", None),
    "nothing known": (b"\xde\xad\xbe\xef" * 20, b"\xba\xad" * 20, None),
    "one byte": (b"G", b"", None),
    "nothing": (b"", b"", None),
}


@pytest.mark.parametrize("name", STREAMS)
def test_services_of_streams(name: str) -> None:
    client, server, meant = STREAMS[name]
    assert service_of(client, server, "tcp") == meant


def initial(version: int, *, first: int = 0xC3, size: int = 1200) -> bytes:
    """QUIC's long header (RFC 9000, 17.2): form, version, lengths and ids; datagrams with one are filled (14.1)."""
    head = bytes((first,)) + struct.pack(">I", version) + b"\x08" + b"\x11" * 8 + b"\0" + b"\0" + b"\x44\x9e"
    return head.ljust(size, b"\xa5")


def ntp(mode: int, version: int = 4, *, more: bytes = b"") -> bytes:
    return bytes((version << 3 | mode,)) + bytes(47) + more


def dhcp() -> bytes:
    return b"\1\1\6\0" + b"\x12" * 4 + bytes(228) + b"\x63\x82\x53\x63" + b"\x35\1\1\xff"


def stun(kind: int = 1, *, cookie: bytes = b"\x21\x12\xa4\x42") -> bytes:
    return struct.pack(">HH", kind, 8) + cookie + b"\x77" * 12 + b"\x80\x22\0\4test"


def ike(exchange: int, *, marked: bool = False) -> bytes:
    """RFC 7296, 3.1: both SPIs, next payload, version 2.0, exchange; behind four zeros on port 4500 (3.1, RFC 3948)."""
    head = b"\x01" * 8 + bytes(8) + b"\x21\x20" + bytes((exchange,)) + b"\x08" + bytes(4) + struct.pack(">I", 28)
    return (bytes(4) if marked else b"") + head


DATAGRAMS: dict[str, tuple[bytes, str | None]] = {
    "sip": (b"UPDATE sip:a@lab.example SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n", "sip"),
    "sip, an answer": (b"SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP x\r\n", "sip"),
    "dns": (dns(), "dns"),
    "dns, an answer": (dns(flags=0x8180, counts=(1, 0, 0)) + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\xcb\0\x71\x05", "dns"),
    "dns with extensions": (dns(counts=(0, 0, 1)) + b"\0\0\x29\x10\0\0\0\0\0\0\0", "dns"),
    "dns, an update": (dns(flags=0x2800), None),
    "dns, a reserved bit": (dns(flags=0x0140), None),
    "dns without a question": (dns(0), None),
    "netbios names": (
        struct.pack(">HHHHHH", 7, 0x0110, 1, 0, 0, 0) + b"\x20" + b"CA" * 16 + b"\0" + b"\0\x20\0\1",
        "netbios",
    ),
    "quic": (initial(1), "quic"),
    "quic 2": (initial(0x6B3343CF, first=0xD3), "quic"),
    "quic too short to be filled": (initial(1, size=1199), None),
    "quic of no version": (initial(0x12345678), None),
    "quic's short head": (b"\x43" + b"\x11" * 1250, None),
    "ntp, a client": (ntp(3), "ntp"),
    "ntp, a server": (ntp(4, 3), "ntp"),
    "ntp, several": (ntp(3) * 5, "ntp"),
    "ntp, no mode": (ntp(0), None),
    "ntp, a version that is none": (ntp(3, 7), None),
    "ssdp": (b'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\n\r\n', "ssdp"),
    "ssdp, an answer": (b"HTTP/1.1 200 OK\r\nST: ssdp:all\r\n\r\n", "ssdp"),
    "ssdp, an announcement": (b"NOTIFY * HTTP/1.1\r\nNTS: ssdp:alive\r\n\r\n", "ssdp"),
    "stun": (stun(), "stun"),
    "stun, an answer": (stun(0x0101), "stun"),
    "stun of old, without the cookie": (stun(cookie=b"\x99" * 4), None),
    "dhcp": (dhcp(), "dhcp"),
    "dtls 1.2": (b"\x16\xfe\xfd\0\0" + bytes(6) + b"\0\x40\1" + bytes(60), "dtls"),
    "dtls 1.0": (b"\x16\xfe\xff\0\0" + bytes(6) + b"\0\x40\1" + bytes(60), "dtls"),
    "json": (b'{"method":"ping"}', "json"),
    "wireguard, a beginning": (b"\1\0\0\0" + b"\x5a" * 144, "wireguard"),
    "wireguard, an answer": (b"\2\0\0\0" + b"\x5a" * 88, "wireguard"),
    "wireguard, a cookie": (b"\3\0\0\0" + b"\x5a" * 60, "wireguard"),
    "wireguard, data": (b"\4\0\0\0" + b"\x5a" * 4 + struct.pack("<Q", 9) + b"\x5a" * 32, "wireguard"),
    "wireguard, too short": (b"\1\0\0\0" + b"\x5a" * 143, None),
    "wireguard, no kind": (b"\5\0\0\0" + b"\x5a" * 144, None),
    "openvpn": (b"\x38" + bytes(range(1, 9)) + b"\0\0\0\0\0", "openvpn"),
    "openvpn, an answer": (b"\x40" + bytes(range(9, 17)) + b"\0\0\0\0\0", "openvpn"),
    "openvpn, a session that is no random number": (b"\x38" + bytes(8) + b"\0\0\0\0\0", None),
    "ike": (ike(34), "ipsec"),
    "ike behind a translator": (ike(35, marked=True), "ipsec"),
    "ike, no exchange": (ike(99), None),
    "noise": (b"\xde\xad\xbe\xef" * 20, None),
}


@pytest.mark.parametrize("name", DATAGRAMS)
def test_services_of_datagrams(name: str) -> None:
    data, meant = DATAGRAMS[name]
    assert service_of(data, b"", "udp") == meant
    assert service_of(b"", data, "udp") == meant


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("port", [9, 443, 3333, 40001])
def test_no_port_makes_a_service(version: int, port: int, read: Reader) -> None:
    ends = {} if version == 4 else {"src": "2001:db8::10", "dst": "2001:db8::5"}
    frames = [ethernet(ip(udp(b"\xde\xad\xbe\xef" * 20, dport=port), proto=17, **ends))]
    frames += [ethernet(ip(udp(dns(), sport=40100, dport=port), proto=17, **ends))]
    rows, _ = read(pcap(frames))
    assert {row["src_port"]: row["service"] for row in rows["connection"]} == {40000: None, 40100: "dns"}


def test_many_connections_get_what_each_of_them_gets() -> None:
    """The quick look at all of them and the look at one agree, whatever stands beside it."""
    for proto, transport, known in (
        (6, "tcp", [(client, server) for client, server, _ in STREAMS.values()]),
        (17, "udp", [(data, b"") for data, _ in DATAGRAMS.values()]),
    ):
        client, server = column_of([one for one, _ in known]), column_of([one for _, one in known])
        ports = np.full((len(known), 2), 40_000, np.int32)
        told = services(client, server, np.full(len(known), proto, np.uint8), ports).to_pylist()
        assert told == [service_of(*ends, transport) for ends in known]
        guessed = np.arange(len(known))
        assert wrong_way(client, server, guessed).tolist() == [client_is_server_side(*ends) for ends in known]


SIDES: dict[str, tuple[bytes, bytes]] = {
    "tls": (tls_record(22, b"\1\0\0\x2a" + bytes(42)), tls_record(22, b"\2\0\0\x2a" + bytes(42))),
    "http": (b"GET / HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
    "remote desktop": (b"\3\0\0\x0b\6\xe0\0\0\0\0\0", b"\3\0\0\x0b\6\xd0\0\0\0\0\0"),
    "a miner of monero": (b'{"id":1,"method":"login","params":{}}\n', b'{"method":"job","params":{}}\n'),
    "a miner of bitcoin": (b'{"id":1,"method":"mining.submit"}\n', b'{"id":null,"method":"mining.notify"}\n'),
    "a miner of ethereum": (b'{"id":1,"method":"eth_submitWork"}\n', b'{"id":0,"method":"mining.set_target"}\n'),
}


@pytest.mark.parametrize("name", SIDES)
@pytest.mark.parametrize("seen", ["both", "the first", "the second"])
def test_who_began_is_seen_from_what_was_said(name: str, seen: str) -> None:
    client, server = SIDES[name]
    client, server = {"both": (client, server), "the first": (client, b""), "the second": (b"", server)}[seen]
    assert not client_is_server_side(client, server)
    assert client_is_server_side(server, client)


@pytest.mark.parametrize("name", SIDES)
def test_a_capture_that_begins_in_the_middle_shows_the_client_first(name: str, read: Reader) -> None:
    """Both ports are high and the handshake is missing: only the bytes tell."""
    client, server = SIDES[name]
    frames = conversation([("c", client), ("s", server)], sport=50_001, dport=50_000, src="10.0.0.7", close=False)[3:]
    for some in (frames, frames[::-1]):
        (row,) = read(pcap(some))[0]["connection"]
        assert (row["src_ip"], row["dst_port"], row["src_first"]) == ("10.0.0.7", 50_000, client)
        turned = conversation([("c", client), ("s", server)], sport=50_000, dport=50_001, src="10.0.0.7", close=False)[
            3:
        ]
        (row,) = read(pcap(turned))[0]["connection"]
        assert (row["src_ip"], row["dst_port"], row["dst_first"]) == ("10.0.0.7", 50_001, server)
