"""Name the application protocol from the first bytes of both sides, never from ports; and tell who the client is.

From first bytes to a service name (tls, http, rdp, smb, ssh, json, …) or None.
"""

from __future__ import annotations

import re

from kanaria.core.late_regex import late_regex
from kanaria.core.proxies import is_socks

_REQUEST = late_regex(rb"(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|CONNECT|PATCH|TRACE|PROPFIND|M-SEARCH|NOTIFY) \S")
# RFC 3261, 7.1 and 7.2; line ends before it keep a connection open (RFC 5626, 3.5.1).
_SIP = late_regex(rb"(?:\r\n)*(?:SIP/2\.0 \d{3} |[A-Z]{3,16} (?:sips?|tel):\S{1,512} SIP/2\.0\r\n)")
# PostgreSQL's manual, "Message Formats": a client asks for TLS or GSSAPI first, or names version 3 and a user.
_POSTGRESQL = late_regex(rb"(?s)\0\0\0\x08\x04\xd2\x16[\x2f\x30]|\0\0..\0\x03\0[\0-\x02][a-z_]+\0")
_JSON = late_regex(rb'\s*[{\[]\s*["{\[\]}]')
# JSON-RPC method names only one side of a mining connection uses. A capture that starts in the middle has nothing
# else to tell client from server by when the pool listens on a high port.
_MINER_SAYS = late_regex(
    rb'"(?:login|submit|keepalived|getwork|getblocktemplate|mining\.(?:subscribe|authorize|submit|extranonce\.subscribe|'
    rb'configure|suggest_difficulty)|eth_(?:submitLogin|getWork|submitWork|submitHashrate))"'
)
_POOL_SAYS = late_regex(rb'"(?:job|mining\.(?:notify|set_difficulty|set_target|set_extranonce|set))"')


def service_of(client: bytes, server: bytes, transport: str) -> str | None:
    """The application protocol, or None when the bytes do not say."""
    if not client and not server:
        return None
    if transport == "tcp":
        return _tcp(client) or _tcp(server)
    return _udp(client or server) if transport == "udp" else None


def _tcp(data: bytes) -> str | None:
    if is_tls(data):
        return "tls"
    if is_rdp(data):
        return "rdp"
    if is_smb(data):
        return "smb"
    if data.startswith(b"SSH-"):
        return "ssh"
    if _SIP.match(data):
        return "sip"
    if data.startswith(b"HTTP/1.") or _REQUEST.match(data):
        return "websocket" if re.search(rb"(?i)\nupgrade: *websocket", data[:2048]) else "http"
    if _JSON.match(data):
        return "json"
    if is_socks(data):
        return "socks"
    return _banner(data) or ("dns" if _is_framed_dns(data) else None)


_FRAMES = 8  # messages looked at


def _is_framed_dns(data: bytes) -> bool:
    """DNS over TCP (RFC 7766): messages behind their lengths, one after another; the last may be cut short."""
    at = 0
    for _ in range(_FRAMES):
        size = int.from_bytes(data[at : at + 2], "big")
        if at and at + 2 + size > len(data):
            return True
        if at + 2 + size > len(data) or not is_dns(data[at + 2 : at + 2 + size]):
            return False
        at += 2 + size
        if at == len(data):
            return True
    return True


def _banner(data: bytes) -> str | None:
    if (data[:1] == b"\x10" and b"MQTT" in data[2:9]) or (data[:1] == b"\x10" and b"MQIsdp" in data[2:11]):
        return "mqtt"
    if data[:4] in (b"220 ", b"220-"):
        return "ftp" if b"FTP" in data[:200].upper() else "smtp"
    if data[:5] in (b"EHLO ", b"HELO "):
        return "smtp"
    if data.startswith(b"RFB 00"):
        return "vnc"
    if data.startswith(b"\x13BitTorrent protocol"):
        return "bittorrent"
    if data[:4] in (b"\xf9\xbe\xb4\xd9", b"\xfa\xbf\xb5\xda", b"\x0b\x11\x09\x07"):
        return "bitcoin"
    if _POSTGRESQL.match(data):
        return "postgresql"
    if data[:4] == b"AMQP" and data[4:5] < b"\4":
        return "amqp"
    if data[:4] in (b"HELF", b"ACKF"):
        return "opcua"
    return "redis" if re.match(rb"\*\d{1,3}\r\n\$\d", data) else None


def _udp(data: bytes) -> str | None:
    if is_dns(data):
        return "dns"
    if len(data) >= 1200 and data[0] & 0xC0 == 0xC0 and data[1:5] in (b"\0\0\0\1", b"\x6b\x33\x43\xcf"):
        return "quic"  # asked before NTP: 1,200 bytes are 25 times the 48 of that
    if len(data) >= 48 and data[0] & 7 in (1, 2, 3, 4) and 1 <= data[0] >> 3 & 7 <= 4 and len(data) % 48 == 0:
        return "ntp"
    if _SIP.match(data):
        return "sip"
    if _REQUEST.match(data) or data.startswith(b"HTTP/1.1 "):
        return "ssdp" if b"ssdp:" in data or b"SSDP" in data or data.startswith(b"M-SEARCH") else "http"
    if len(data) >= 20 and data[4:8] == b"\x21\x12\xa4\x42" and data[0] < 2:
        return "stun"
    if len(data) > 240 and data[236:240] == b"\x63\x82\x53\x63":
        return "dhcp"
    if len(data) > 13 and data[0] == 22 and data[1] == 0xFE and data[13] in (1, 2):
        return "dtls"
    if len(data) >= 50 and data[12] == 32 and data[45] == 0:
        return "netbios"
    return "json" if _JSON.match(data) else _closed(data)


def _closed(data: bytes) -> str | None:
    """Encrypted tunnels by how they begin: WireGuard's four messages (its protocol page, 5.4), OpenVPN's first ones
    (three of its operation codes, a random session, and nothing acknowledged), IKE (RFC 7296, 3.1)."""
    if data[1:4] == bytes(3) and len(data) >= {1: 148, 2: 92, 3: 64, 4: 32}.get(data[0], len(data) + 1):
        return "wireguard" if data[0] != 4 or data[12:16] == bytes(4) else None  # few have sent 2**32 packets
    if len(data) >= 14 and data[0] in (0x38, 0x40, 0x50) and data[9:14] == bytes(5) and len(set(data[1:9])) > 4:
        return "openvpn"
    start = 4 if data[:4] == bytes(4) else 0
    if len(data) >= start + 28 and data[start + 17] == 0x20 and data[start + 18] in (34, 35, 36, 37):
        return "ipsec"
    return None


def is_tls(data: bytes) -> bool:
    """A TLS record with a handshake message in it."""
    return len(data) >= 6 and data[0] == 22 and data[1] == 3 and data[2] <= 4 and data[5] in (1, 2)


def is_rdp(data: bytes) -> bool:
    """A TPKT with an X.224 connection request or confirm ([MS-RDPBCGR] 2.2.1.1, 2.2.1.2)."""
    return (
        len(data) >= 7
        and data[:2] == b"\3\0"
        and data[5] & 0xF0 in (0xE0, 0xD0)
        and data[4] + 5 <= 0xFFFF
        and data[4] >= 6
    )


def is_smb(data: bytes) -> bool:
    """A session message with SMB in it, or NetBIOS' request for a session with its two names (RFC 1002, 4.3.2)."""
    if data[:1] == b"\x81":
        return data[1:4] == b"\0\0\x44" and data[4:5] == data[38:39] == b" " and data[37:38] == data[71:72] == b"\0"
    return data[4:8] in (b"\xffSMB", b"\xfeSMB", b"\xfdSMB") and data[:1] == b"\0"


def is_dns(data: bytes) -> bool:
    """A DNS header that can be: a standard query or its answer with one question and few records."""
    if len(data) < 17:
        return False
    query, answers, authorities, more = (int.from_bytes(data[at : at + 2], "big") for at in (4, 6, 8, 10))
    if data[12] == 32 and all(65 <= byte <= 80 for byte in data[13:45]):  # a NetBIOS name (RFC 1002), not DNS
        return False
    good_flags = data[2] & 0x78 == 0 and data[3] & 0x40 == 0
    return good_flags and query == 1 and answers <= 128 and authorities <= 64 and more <= 64 and data[12] <= 63


def client_is_server_side(client: bytes, server: bytes) -> bool:
    """Whether the bytes say that what was taken for the server is really the client."""
    return (_client_like(server) and not _client_like(client)) or (_server_like(client) and not _server_like(server))


def _client_like(data: bytes) -> bool:
    if len(data) >= 6 and is_tls(data):
        return data[5] == 1
    if is_rdp(data):
        return data[5] & 0xF0 == 0xE0
    return bool(_REQUEST.match(data) or (_JSON.match(data) and _MINER_SAYS.search(data[:4096])))


def _server_like(data: bytes) -> bool:
    if len(data) >= 6 and is_tls(data):
        return data[5] == 2
    if is_rdp(data):
        return data[5] & 0xF0 == 0xD0
    if data.startswith(b"HTTP/1."):
        return True
    return bool(_JSON.match(data) and _POOL_SAYS.search(data[:4096]))
