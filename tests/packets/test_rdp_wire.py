"""Remote Desktop before encryption as [MS-RDPBCGR] 2.2.1 has it: what was asked for, what was agreed, who asked."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from build_packets import Reader, conversation, pcap

from kanaria.formats.packets.protocols import rdp
from kanaria.formats.packets.service import client_is_server_side, service_of

STANDARD, TLS, HYBRID, RDSTLS, HYBRID_EX, AAD = 0, 1, 2, 4, 8, 16


def tpkt(inner: bytes) -> bytes:
    """RFC 1006, 6: version 3, nothing, the whole length."""
    return b"\3\0" + struct.pack(">H", 4 + len(inner)) + inner


def x224(kind: int, variable: bytes = b"", *, source: int = 0) -> bytes:
    """ISO 8073: an indicator of how much follows it, kind and credit, two references, class, variable part."""
    return tpkt(struct.pack(">BBHHB", 6 + len(variable), kind, 0, source, 0) + variable)


def request(cookie: bytes = b"", protocols: int | None = None, *, flags: int = 0, correlation: bytes = b"") -> bytes:
    """2.2.1.1: a cookie or a routing token, what is asked for, and who asks within a farm."""
    asked = b"" if protocols is None else struct.pack("<BBHI", 1, flags, 8, protocols)
    return x224(0xE0, cookie + asked + correlation)


def correlation_info(name: bytes = b"\x51" * 16) -> bytes:
    """2.2.1.1.2: kind 6, no flags, 36 bytes: an id, and 16 bytes that are zero."""
    return struct.pack("<BBH", 6, 0, 36) + name + bytes(16)


def confirm(protocol: int | None = None, *, flags: int = 0x0F) -> bytes:
    """2.2.1.2.1."""
    return x224(0xD0, b"" if protocol is None else struct.pack("<BBHI", 2, flags, 8, protocol), source=0x1234)


def failure(code: int) -> bytes:
    """2.2.1.2.2."""
    return x224(0xD0, struct.pack("<BBHI", 3, 0, 8, code), source=0x1234)


def row(client: bytes, server: bytes = b"") -> dict[str, Any]:
    found = rdp.parse(client, server, len(server))
    assert found is not None
    return found


HASH = b"Cookie: mstshash=%s\r\n"


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (None, "standard"),
        (STANDARD, "standard"),
        (TLS, "tls"),
        (TLS | HYBRID, "tls,credssp"),
        (TLS | HYBRID | HYBRID_EX, "tls,credssp,credssp_ex"),
        (TLS | HYBRID | RDSTLS | HYBRID_EX, "tls,credssp,rdstls,credssp_ex"),
        (TLS | HYBRID | AAD, "tls,credssp,aad"),
    ],
    ids=str,
)
@pytest.mark.parametrize("cookie", [b"", HASH % b"admin"], ids=["no cookie", "cookie"])
@pytest.mark.parametrize("correlated", [False, True])
def test_what_is_asked_for(asked: int | None, named: str, cookie: bytes, correlated: bool) -> None:
    """Newer clients add a correlation id behind the request and say so in its flags (CORRELATION_INFO_PRESENT)."""
    correlated = correlated and asked is not None
    more = correlation_info() if correlated else b""
    found = row(request(cookie, asked, flags=8 if correlated else 0, correlation=more))
    assert found["requested_protocols"] == named
    assert found["cookie"] == ("admin" if cookie else None)


@pytest.mark.parametrize("flags", [0, 1, 2, 3])
def test_flags_of_the_request_change_no_protocol(flags: int) -> None:
    """RESTRICTED_ADMIN_MODE_REQUIRED and REDIRECTED_AUTHENTICATION_MODE_REQUIRED."""
    assert row(request(b"", TLS | HYBRID, flags=flags))["requested_protocols"] == "tls,credssp"


def test_a_correlation_id_that_looks_like_a_request_is_none() -> None:
    """Its id is random: whatever it holds, the request before it counts."""
    looks = struct.pack("<BBHI", 1, 0, 8, RDSTLS)
    more = struct.pack("<BBH", 6, 0, 36) + bytes(16) + bytes(8) + looks
    assert row(request(HASH % b"bob", TLS, flags=8, correlation=more))["requested_protocols"] == "tls"


@pytest.mark.parametrize(
    ("chosen", "named"),
    [(None, "standard"), (STANDARD, "standard"), (TLS, "tls"), (HYBRID, "credssp"), (RDSTLS, "rdstls"),
     (HYBRID_EX, "credssp_ex"), (AAD, "aad")],
    ids=str,
)  # fmt: skip
def test_what_the_server_agrees_to(chosen: int | None, named: str) -> None:
    found = row(request(HASH % b"admin", TLS | HYBRID), confirm(chosen))
    assert (found["security"], found["result"], found["answered"]) == (named, "handshake", True)


@pytest.mark.parametrize("code", range(1, 8))
def test_a_server_that_refuses(code: int) -> None:
    """SSL_REQUIRED_BY_SERVER to ENTRAAUTH_REQUIRED_BY_SERVER."""
    found = row(request(HASH % b"admin", STANDARD), failure(code))
    assert (found["security"], found["result"], found["answered"]) == (None, "refused", True)


def test_a_server_that_says_nothing() -> None:
    found = row(request(HASH % b"admin", TLS))
    assert (found["security"], found["result"], found["answered"]) == (None, None, False)


COOKIES: dict[str, tuple[bytes, str | None, str | None]] = {
    "a user": (HASH % b"hello", "hello", None),
    "no user": (HASH % b"", "", None),
    "a domain": (HASH % b"CORP\\bob", "CORP\\bob", None),
    "cut to nine characters, as mstsc does": (HASH % b"administr", "administr", None),
    "bytes that are no text": (HASH % b"adm\xff\xfe", "adm\\xff\\xfe", None),
    "UTF-8": (HASH % "管理者".encode(), "管理者", None),
    "an escape sequence": (HASH % b"\x1b[2Jroot", "\x1b[2Jroot", None),
    "a token of a load balancer": (b"Cookie: msts=3640205228.15629.0000\r\n", None, "3640205228.15629.0000"),
    "a token without text": (b"tsv://MS Terminal Services Plugin.1.Farm\r\n", None, None),
    "no line end": (b"Cookie: mstshash=hello", None, None),
    "another cookie": (b"Cookie: session=1\r\n", None, None),
}


@pytest.mark.parametrize("name", COOKIES)
def test_cookies_and_tokens(name: str) -> None:
    """2.2.1.1: text up to CR LF, the user's name or where the farm's balancer should send the client."""
    text, user, token = COOKIES[name]
    found = row(request(text, TLS | HYBRID))
    assert (found["cookie"], found["routing_token"]) == (user, token)
    assert found["requested_protocols"] == "tls,credssp"


def test_the_length_indicator_bounds_what_belongs_to_the_request() -> None:
    """What follows in the same stream is another message: a cookie there is none of this request."""
    asked = struct.pack("<BBHI", 1, 0, 8, TLS)
    beyond = tpkt(struct.pack(">BBHHB", 6 + len(asked), 0xE0, 0, 0, 0) + asked + HASH % b"evil")
    assert (row(beyond)["cookie"], row(beyond)["requested_protocols"]) == (None, "tls")
    first = request(b"", TLS)
    found = row(first + tpkt(b"\2\xf0\x80" + HASH % b"evil"))
    assert (found["cookie"], found["requested_protocols"]) == (None, "tls")


def core_data(name: str, *, size: int = 216) -> bytes:
    """TS_UD_CS_CORE (2.2.1.3.2): kind 0xC001, its length, version, the desktop, keyboard, build, then the name."""
    text = name.encode("utf-16-le")[:30].ljust(32, b"\0")
    fixed = struct.pack("<IHHHHII", 0x00080004, 1920, 1080, 0xCA01, 0xAA03, 0x411, 19041) + text
    return struct.pack("<HH", 0xC001, size) + fixed.ljust(size - 4, b"\0")


def connect_initial(name: str, before: bytes = b"") -> bytes:
    """MCS Connect Initial with the conference's data (T.125, T.124): the key "Duca", a length, the client's blocks."""
    blocks = core_data(name)
    data = b"Duca" + struct.pack(">H", 0x8000 | len(blocks)) + blocks
    return tpkt(b"\2\xf0\x80" + b"\x7f\x65\x82" + struct.pack(">H", len(before) + len(data)) + before + data)


@pytest.mark.parametrize("name", ["DESKTOP-1", "A", "ABCDEFGHIJKLMNO", "端末"])
def test_the_name_of_the_computer_is_told_where_nothing_is_encrypted(name: str) -> None:
    found = row(request(HASH % b"a", STANDARD) + connect_initial(name, bytes(60)), confirm(STANDARD))
    assert found["client_name"] == name


def test_without_client_data_no_computer_is_named() -> None:
    assert row(request(HASH % b"a", STANDARD) + connect_initial(""))["client_name"] is None
    assert row(request(HASH % b"Duca", TLS) + b"\x16\3\1\0\x04Duca")["client_name"] is None


WHOLE = request(HASH % b"administrator", TLS | HYBRID) + connect_initial("DESKTOP-1", bytes(20))


def test_cut_at_any_byte_no_word_is_told_that_was_not_sent() -> None:
    for size in range(len(WHOLE)):
        found = rdp.parse(WHOLE[:size], confirm(HYBRID), 19)
        if size < 11:
            assert found is None
            continue
        assert found is not None
        assert found["cookie"] in (None, "administrator")
        assert found["client_name"] is None or "DESKTOP-1".startswith(found["client_name"])


@pytest.mark.parametrize("size", range(len(confirm(HYBRID))))
def test_a_confirmation_cut_anywhere_is_no_agreement(size: int) -> None:
    found = row(request(HASH % b"a", TLS | HYBRID), confirm(HYBRID)[:size])
    assert found["security"] in (None, "standard")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\3", b"\3\0\0\x0b", x224(0xD0), x224(0xF0, b"\0"), tpkt(b"\2\xf0\x80" + bytes(20)),
        b"\5\0\0\x13" + bytes(20), tpkt(struct.pack(">BBHHB", 2, 0xE0, 0, 0, 0)), b"\3\0\0\0" + bytes(30),
    ],
    ids=["nothing", "a byte", "a head", "a confirmation", "data", "data of T.125", "DCE/RPC", "too short an indicator",
         "no length"],
)  # fmt: skip
def test_what_is_no_request_is_none(data: bytes) -> None:
    assert rdp.parse(data, confirm(TLS), 19) is None


@pytest.mark.parametrize("port", [3389, 3390, 443, 65000])
def test_remote_desktop_is_recognised_on_any_port(port: int, read: Reader) -> None:
    script = [("c", request(HASH % b"admin", TLS | HYBRID)), ("s", failure(5))]
    rows, rejects = read(pcap(conversation(script, dport=port)))
    assert not rejects
    assert (rows["connection"][0]["service"], rows["rdp"][0]["cookie"], rows["rdp"][0]["result"]) == (
        "rdp", "admin", "refused",
    )  # fmt: skip


def test_either_side_says_what_it_is_and_who_began() -> None:
    asked, agreed = request(HASH % b"a", TLS), confirm(TLS)
    for both in ((asked, b""), (b"", agreed), (asked, agreed)):
        assert service_of(*both, "tcp") == "rdp"
    assert not client_is_server_side(asked, agreed)
    assert client_is_server_side(agreed, asked)
