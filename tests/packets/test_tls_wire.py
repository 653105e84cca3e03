"""TLS handshakes as RFC 8446, RFC 5246 and RFC 6066 lay them out: in how many records they come, and what each one says."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from build_protocols import (
    block,
    certificate,
    client_hello,
    der,
    server_hello,
    tls_extension,
    tls_handshake,
    tls_record,
)

from kanaria.formats.packets.protocols import tls
from kanaria.formats.packets.service import service_of

CHANGE = tls_record(20, b"\1")
FINISHED = tls_record(22, b"\x8a" * 40)
DATA = tls_record(23, b"\xd0" * 60)
FATAL = tls_record(21, b"\2\x30")  # unknown_ca
SEALED_ALERT = tls_record(21, b"\x77" * 26)


def hello(
    *extensions: bytes, version: int = 0x0303, suites: tuple[int, ...] = (0x1301, 0xC02F), session: bytes = b""
) -> bytes:
    """The body of a ClientHello."""
    listed = b"".join(struct.pack(">H", one) for one in suites)
    head = struct.pack(">H", version) + bytes(32) + block(session, 1) + block(listed, 2) + b"\1\0"
    return head + (block(b"".join(extensions), 2) if extensions else b"")


def names(*entries: tuple[int, bytes]) -> bytes:
    return tls_extension(0, block(b"".join(bytes([kind]) + block(name, 2) for kind, name in entries), 2))


def versions(*offered: int) -> bytes:
    return tls_extension(43, block(b"".join(struct.pack(">H", one) for one in offered), 1))


def said(client: bytes, server: bytes = b"") -> dict[str, Any]:
    found = tls.parse(client, server)
    assert found is not None
    return found


HELLO = hello(names((0, b"pool.example")), versions(0x0304, 0x0303))


# --- records --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [1, 2, 5, 40, 100])
def test_a_hello_in_many_records_is_one(piece: int) -> None:
    """RFC 8446, 5.1: a message may be cut into records of any size; some clients do it to get past filters."""
    message = b"\1" + block(HELLO, 3)
    pieces = [tls_record(22, message[at : at + piece]) for at in range(0, len(message), piece)]
    if len(pieces) <= 64:
        assert said(b"".join(pieces))["sni"] == "pool.example"


def test_several_messages_in_one_record() -> None:
    hello_message = server_hello()[5:]
    body = hello_message + certificate("pool.example", "Example CA")[5:] + b"\x0e\0\0\0"
    found = said(tls_handshake(1, HELLO), tls_record(22, body))
    assert (found["version"], found["subject"]) == ("TLSv1.2", "CN=pool.example,O=Example\\, Inc.")


@pytest.mark.parametrize("record", [0x0301, 0x0302, 0x0303, 0x0300])
def test_the_version_of_the_record_says_nothing(record: int) -> None:
    """RFC 8446, 5.1: the field is to be ignored; OpenSSL writes 3.1 around the first hello."""
    raw = bytearray(tls_handshake(1, HELLO))
    raw[1:3] = struct.pack(">H", record)
    assert said(bytes(raw))["version"] == "TLSv1.3"
    assert service_of(bytes(raw), b"", "tcp") == "tls"


def test_an_alert_before_the_hello_of_the_server_is_no_hello() -> None:
    found = said(tls_handshake(1, HELLO), FATAL)
    assert (found["established"], found["cipher"], found["version"]) == (False, None, "TLSv1.3")


# --- what was agreed -----------------------------------------------------------------------------------------------------------

CLIENT = tls_handshake(1, HELLO)
TWELVE = server_hello(0xC02F) + certificate("pool.example", "Example CA") + tls_handshake(14, b"")
THIRTEEN = server_hello(0x1301, tls13=True)

AGREED: dict[str, tuple[bytes, bytes, str, bool]] = {
    "1.2, to the end": (CLIENT + CHANGE + FINISHED + DATA, TWELVE + CHANGE + FINISHED + DATA, "TLSv1.2", True),
    "1.2, no data yet": (CLIENT + CHANGE + FINISHED, TWELVE + CHANGE + FINISHED, "TLSv1.2", True),
    "1.2, a session taken up again": (
        CLIENT + CHANGE + FINISHED,
        server_hello(0xC02F) + CHANGE + FINISHED,
        "TLSv1.2",
        True,
    ),
    "1.2, the client did not like the certificate": (CLIENT + FATAL, TWELVE, "TLSv1.2", False),
    "1.2, the server did not like what followed": (CLIENT + CHANGE + FINISHED, TWELVE + FATAL, "TLSv1.2", False),
    "1.2, only the hellos": (CLIENT, TWELVE, "TLSv1.2", False),
    "1.3": (CLIENT + CHANGE + DATA, THIRTEEN + CHANGE + DATA, "TLSv1.3", True),
    "1.3 without the change that means nothing": (CLIENT + DATA, THIRTEEN + DATA, "TLSv1.3", True),
    "1.3, the client left": (CLIENT, THIRTEEN + CHANGE + DATA, "TLSv1.3", False),
    "refused": (CLIENT, FATAL, "TLSv1.3", False),
    "nobody answered": (CLIENT, b"", "TLSv1.3", False),
    "only the server was captured": (b"", TWELVE + CHANGE + FINISHED, "TLSv1.2", False),
}


@pytest.mark.parametrize("name", AGREED)
def test_whether_a_handshake_was_completed(name: str) -> None:
    client, server, version, established = AGREED[name]
    found = said(client, server)
    assert (found["version"], found["established"]) == (version, established)


@pytest.mark.parametrize(
    ("number", "named"),
    [
        (0x1301, "TLS_AES_128_GCM_SHA256"), (0x1302, "TLS_AES_256_GCM_SHA384"), (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
        (0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), (0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        (0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"), (0x009C, "TLS_RSA_WITH_AES_128_GCM_SHA256"),
        (0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA"), (0x000A, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"), (0x0005, "TLS_RSA_WITH_RC4_128_SHA"),
        (0xFEFE, "0xfefe"),
    ],
)  # fmt: skip
def test_cipher_suites_by_their_registered_names(number: int, named: str) -> None:
    """IANA's register of TLS cipher suites."""
    assert said(CLIENT, server_hello(number))["cipher"] == named


@pytest.mark.parametrize(
    ("version", "offered", "named"),
    [(0x0301, (), "TLSv1.0"), (0x0302, (), "TLSv1.1"), (0x0303, (), "TLSv1.2"), (0x0300, (), "SSLv3"),
     (0x0303, (0x0304,), "TLSv1.3"), (0x0303, (0x5A5A, 0x0303, 0x0302), "TLSv1.2"), (0x0303, (0x7F1C,), "0x7f1c")],
)  # fmt: skip
def test_versions_offered(version: int, offered: tuple[int, ...], named: str) -> None:
    body = hello(names((0, b"a.example")), *([versions(*offered)] if offered else []), version=version)
    assert said(tls_handshake(1, body))["version"] == named


# --- what the client says ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extension", "meant"),
    [
        (names((0, b"Pool.Example")), "pool.example"),
        (names((0, b"pool.example.")), "pool.example"),
        (names((0, b"xn--eckwd4c7c.example")), "xn--eckwd4c7c.example"),
        (names((0, b"")), None),
        (names((0, b"a.example"), (0, b"b.example")), "a.example"),
        (names((0, b"203.0.113.5")), "203.0.113.5"),  # not allowed, and sent
        (names((0, b"\xff\xfe")), "\\xff\\xfe"),
        (names((0, b"a" * 300)), "a" * 300),
        (tls_extension(0, b""), None),
        (tls_extension(0, b"\0"), None),
        (tls_extension(0xFE0D, b"\0" * 40), None),  # an encrypted hello shows none
    ],
)
def test_the_name_asked_for(extension: bytes, meant: str | None) -> None:
    assert said(tls_handshake(1, hello(tls_extension(10, b"\0\2\0\x1d"), extension)))["sni"] == meant


def test_a_hello_without_extensions() -> None:
    found = said(tls_handshake(1, hello(suites=(0x002F, 0x000A), version=0x0301)), server_hello(0x002F))
    assert (found["sni"], found["alpn"]) == (None, None)
    assert found["ja4"].startswith("t10i020000_")


@pytest.mark.parametrize(
    ("offered", "meant"),
    [
        ((b"h2", b"http/1.1"), ["h2", "http/1.1"]),
        ((b"\x0a\x0a", b"h2"), ["\n\n", "h2"]),
        ((b"acme-tls/1",), ["acme-tls/1"]),
    ],
)
def test_protocols_offered(offered: tuple[bytes, ...], meant: list[str]) -> None:
    assert said(client_hello(alpn=offered))["alpn"] == meant


def test_what_means_nothing_changes_no_fingerprint() -> None:
    """RFC 8701: values strewn in differ from hello to hello; JA4 leaves them out."""
    plain = hello(names((0, b"a.example")), versions(0x0304), suites=(0x1301, 0x1302))
    strewn = hello(
        tls_extension(0x3A3A, b""), names((0, b"a.example")), versions(0xDADA, 0x0304), tls_extension(0xFAFA, b"\0"),
        suites=(0xCACA, 0x1301, 0x1302),
    )  # fmt: skip
    assert said(tls_handshake(1, plain))["ja4"] == said(tls_handshake(1, strewn))["ja4"]


def test_another_order_changes_no_fingerprint_and_another_suite_does() -> None:
    first = hello(names((0, b"a.example")), versions(0x0304), tls_extension(23, b""), suites=(0x1301, 0x1302))
    turned = hello(tls_extension(23, b""), versions(0x0304), names((0, b"b.example")), suites=(0x1302, 0x1301))
    other = hello(names((0, b"a.example")), versions(0x0304), tls_extension(23, b""), suites=(0x1301, 0x1303))
    one, two, three = (said(tls_handshake(1, body))["ja4"] for body in (first, turned, other))
    assert one == two != three


# --- certificates --------------------------------------------------------------------------------------------------------------------


def attribute(oid: bytes, tag: int, text: bytes) -> bytes:
    return der(0x31, der(0x30, der(6, oid), der(tag, text)))


CN, O, EMAIL = b"\x55\x04\x03", b"\x55\x04\x0a", b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"  # noqa: E741


def issued(subject: bytes, issuer: bytes) -> bytes:
    body = der(
        0x30, der(0xA0, der(2, b"\2")), der(2, b"\7"), der(0x30), der(0x30, issuer), der(0x30), der(0x30, subject)
    )
    return tls_handshake(11, block(block(der(0x30, body), 3), 3))


@pytest.mark.parametrize(
    ("subject", "meant"),
    [
        (attribute(CN, 12, "例.example".encode()), "CN=例.example"),  # UTF8String
        (attribute(CN, 0x13, b"a.example"), "CN=a.example"),  # PrintableString
        (attribute(CN, 0x1E, "例".encode("utf-16-be")), "CN=例"),  # BMPString
        (attribute(CN, 0x14, b"caf\xe9"), "CN=caf\\\\xe9"),  # TeletexString, as it stands, escaped as RFC 4514 has it
        (attribute(O, 12, b"A") + attribute(CN, 12, b"b"), "CN=b,O=A"),  # the last is the first (RFC 4514, 2.1)
        (attribute(O, 12, b'a,b+c"d;e\\f'), 'O=a\\,b\\+c\\"d\\;e\\\\f'),  # RFC 4514, 2.4
        (attribute(EMAIL, 0x16, b"a@a.example"), "emailAddress=a@a.example"),
        (b"", ""),
    ],
)
def test_names_in_certificates(subject: bytes, meant: str) -> None:
    issuer = attribute(CN, 12, b"Example CA")
    found = said(CLIENT, server_hello() + issued(subject, issuer))
    assert (found["subject"], found["issuer"], found["self_signed"]) == (meant, "CN=Example CA", False)


def test_who_vouches_for_itself_is_told() -> None:
    name = attribute(CN, 12, b"pool")
    assert said(CLIENT, server_hello() + issued(name, name))["self_signed"] is True


@pytest.mark.parametrize("body", [b"", b"\0\0\0", block(block(b"\x30\x80", 3), 3), block(block(b"\xff" * 40, 3), 3)])
def test_a_certificate_that_is_none_costs_its_names_alone(body: bytes) -> None:
    found = said(CLIENT, server_hello() + tls_handshake(11, body))
    assert (found["sni"], found["version"]) == ("pool.example", "TLSv1.2")
    assert (found["subject"], found["issuer"]) == (None, None) or b"\x30" not in body


# --- cuts ------------------------------------------------------------------------------------------------------------------------------


def test_cut_at_any_byte_no_name_is_told_that_was_not_asked_for() -> None:
    whole = tls_handshake(1, HELLO)
    full = said(whole)
    for size in range(len(whole)):
        found = tls.parse(whole[:size], b"")
        if found is not None:
            assert found["sni"] in (None, "pool.example"), size
            assert found["established"] is False
    assert full["sni"] == "pool.example"


def test_cut_at_any_byte_a_servers_names_are_whole_or_missing() -> None:
    server = server_hello() + certificate("pool.example", "Example CA")
    for size in range(len(server)):
        found = said(CLIENT, server[:size])
        assert found["issuer"] in (None, "CN=Example CA,O=Example\\, Inc."), size
        assert found["subject"] in (None, "CN=pool.example,O=Example\\, Inc."), size
        assert found["cipher"] in (None, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"), size


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x16",
        b"\x16\3\1",
        b"\x16\3\1\0\0\1",
        b"\x80\x2e\1\3\1\0\x15",
        b"\x15\3\1\0\2\2\x28",
        b"\x17\3\3\0\5hello",
        b"\x16\3\1\xff\xff\3" + bytes(60),
    ],
)
def test_what_is_no_hello_is_none(data: bytes) -> None:
    assert tls.parse(data, b"") is None
