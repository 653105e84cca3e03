"""What a client asks a proxy for: RFC 1928 and RFC 1929 (SOCKS 5), SOCKS 4 and 4a, CONNECT of RFC 9110, byte by byte."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from build_packets import Reader, conversation, pcap
from build_protocols import client_hello, server_hello

from kanaria.core.proxies import Proxied, is_socks, proxied

NONE, GSSAPI, PASSWORD, NO_METHOD = 0, 1, 2, 255
CONNECT, BIND, ASSOCIATE = 1, 2, 3
PORT = 3333


def methods(*offered: int) -> bytes:
    """RFC 1928, 3: version, how many, which."""
    return bytes((5, len(offered), *offered))


def password(user: bytes = b"user", secret: bytes = b"secret") -> bytes:
    """RFC 1929, 2."""
    return bytes((1, len(user))) + user + bytes((len(secret),)) + secret


def place(host: str, port: int = PORT) -> bytes:
    """RFC 1928, 5: what kind of address, the address, the port."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode()
        return b"\3" + bytes((len(name),)) + name + struct.pack(">H", port)
    return (b"\1" if address.version == 4 else b"\4") + address.packed + struct.pack(">H", port)


def request(host: str, port: int = PORT, *, command: int = CONNECT) -> bytes:
    return bytes((5, command, 0)) + place(host, port)


def reply(code: int = 0, host: str = "0.0.0.0", port: int = 0) -> bytes:  # noqa: S104 - what proxies bind to
    return bytes((5, code, 0)) + place(host, port)


HOSTS = ["203.0.113.5", "2001:db8::5", "pool.example", "a.example", "x" * 63 + "." + "y" * 63 + ".example"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("port", [1, 443, 3333, 65535])
def test_socks_5_without_a_password(host: str, port: int) -> None:
    client, server = methods(NONE) + request(host, port), b"\5\0" + reply()
    assert proxied(client, server) == Proxied("socks5", host, port, len(client), len(server))


@pytest.mark.parametrize(
    "offered", [(NONE, PASSWORD), (PASSWORD,), (NONE, GSSAPI, PASSWORD), tuple(range(16))], ids=str
)
@pytest.mark.parametrize("user", [b"", b"miner", b"\xff" * 255])
@pytest.mark.parametrize("secret", [b"", b"x", b"\5\1\0\1\1\1\1\1\0\1"])
def test_socks_5_with_a_password(offered: tuple[int, ...], user: bytes, secret: bytes) -> None:
    """RFC 1929 has one byte at least for each; clients send none all the same. A secret may look like a request."""
    client = methods(*offered) + password(user, secret) + request("pool.example")
    server = b"\5\2" + b"\1\0" + reply(0, "192.0.2.1", 40_000)
    assert proxied(client, server) == Proxied("socks5", "pool.example", PORT, len(client), len(server))


@pytest.mark.parametrize("bound", ["192.0.2.1", "203.0.113.77", "2001:db8::1", "proxy.example"])
def test_what_both_say_begins_behind_the_reply(bound: str) -> None:
    """6: the reply names what the proxy uses for it, in any of the three forms, and so has three lengths."""
    client, server = methods(NONE) + request("pool.example"), b"\5\0" + reply(0, bound, 40_000)
    found = proxied(client + b"hello", server + b"welcome")
    assert found is not None
    assert ((client + b"hello")[found.client :], (server + b"welcome")[found.server :]) == (b"hello", b"welcome")


@pytest.mark.parametrize("code", range(1, 10))
def test_a_refusal_reaches_nobody(code: int) -> None:
    """6: from "general SOCKS server failure" to "address type not supported", and unassigned ones."""
    assert proxied(methods(NONE) + request("pool.example"), b"\5\0" + reply(code)) is None


REFUSALS: dict[str, bytes] = {
    "no method is acceptable": b"\5\xff",
    "the password is wrong": b"\5\2\1\1",
    "the reply is cut": b"\5\0" + reply()[:-1],
    "only a method so far": b"\5\0",
    "another version": b"\4\0" + reply(),
    "something else": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_server_that_does_not_agree(name: str) -> None:
    client = methods(NONE, PASSWORD) + (password() if "password" in name else b"") + request("pool.example")
    assert proxied(client, REFUSALS[name]) is None


@pytest.mark.parametrize("command", [0, BIND, ASSOCIATE, 0xF0])
def test_only_a_connection_is_a_destination(command: int) -> None:
    """4: BIND waits for others, UDP ASSOCIATE is another flow, Tor's RESOLVE (0xF0) only asks."""
    client = methods(NONE) + request("pool.example", command=command)
    assert proxied(client, b"\5\0" + reply()) is None
    assert not is_socks(client)


@pytest.mark.parametrize("host", ["", "a b", "a\nb", "pool.example/x", "<b>", "\x1b[2J", "pool.example\0"])
def test_a_name_that_is_none_is_no_destination(host: str) -> None:
    raw = host.encode()
    client = methods(NONE) + b"\5\1\0\3" + bytes((len(raw),)) + raw + struct.pack(">H", PORT)
    assert proxied(client, b"\5\0" + reply()) is None


@pytest.mark.parametrize(("sent", "kept"), [("Pool.EXAMPLE", "pool.example"), ("pool.example.", "pool.example")])
def test_names_are_told_in_one_spelling(sent: str, kept: str) -> None:
    found = proxied(methods(NONE) + request(sent), b"\5\0" + reply())
    assert found is not None and found.host == kept


WHOLE = methods(NONE, PASSWORD) + password() + request("pool.example")
AGREED = b"\5\2\1\0" + reply(0, "192.0.2.1", 40_000)


def test_cut_at_any_byte_of_either_side_nothing_is_told() -> None:
    for size in range(len(WHOLE)):
        assert proxied(WHOLE[:size], AGREED) is None, size
        assert not is_socks(WHOLE[:size])
    for size in range(1, len(AGREED)):
        assert proxied(WHOLE, AGREED[:size]) is None, size
    assert proxied(WHOLE, b"") == Proxied("socks5", "pool.example", PORT, len(WHOLE), 0)  # one direction was captured


# --- SOCKS 4 ------------------------------------------------------------------------------------------------------------


def old(address: str = "203.0.113.5", user: bytes = b"", name: bytes | None = None, *, command: int = 1) -> bytes:
    """Version, command, port, address, user and a zero; 4a has an address 0.0.0.x and the name behind the user."""
    head = bytes((4, command)) + struct.pack(">H", PORT) + ipaddress.ip_address(address).packed + user + b"\0"
    return head if name is None else head + name + b"\0"


GRANTED = b"\0\x5a" + bytes(6)


@pytest.mark.parametrize("user", [b"", b"user", b"x" * 200])
@pytest.mark.parametrize(
    ("address", "name", "host"),
    [
        ("203.0.113.5", None, "203.0.113.5"),
        ("0.0.0.1", b"pool.example", "pool.example"),
        ("0.0.0.255", b"Pool.Example.", "pool.example"),
        ("0.0.1.0", None, "0.0.1.0"),
        ("0.0.1.7", None, "0.0.1.7"),
    ],
)
def test_socks_4_and_4a(user: bytes, address: str, name: bytes | None, host: str) -> None:
    client = old(address, user, name)
    assert proxied(client + b"hi", GRANTED + b"ho") == Proxied("socks4", host, PORT, len(client), 8)


@pytest.mark.parametrize("code", [0x5B, 0x5C, 0x5D, 0, 1, 0xFF])
def test_socks_4_refuses(code: int) -> None:
    assert proxied(old(), bytes((0, code)) + bytes(6)) is None


@pytest.mark.parametrize("client", [old(command=2), old("0.0.0.1"), old(user=b"x" * 300), old("0.0.0.1", b"", b"a b")])
def test_socks_4_that_asks_for_no_connection(client: bytes) -> None:
    assert proxied(client, GRANTED) is None


@pytest.mark.parametrize("client", [old(user=b"me"), old("0.0.0.1", b"me", b"pool.example")])
def test_socks_4_cut_at_any_byte_tells_nothing(client: bytes) -> None:
    for size in range(len(client)):
        assert proxied(client[:size], GRANTED) is None, size
    for size in range(1, 8):
        assert proxied(client, GRANTED[:size]) is None, size


# --- CONNECT ------------------------------------------------------------------------------------------------------------

OK = b"HTTP/1.1 200 Connection established\r\n\r\n"
TARGETS: dict[str, tuple[bytes, str, int]] = {
    "a name": (b"pool.example:3333", "pool.example", 3333),
    "a name in other letters": (b"Pool.EXAMPLE:443", "pool.example", 443),
    "the root's dot": (b"pool.example.:443", "pool.example", 443),
    "an address": (b"203.0.113.5:443", "203.0.113.5", 443),
    "an address of version 6 (RFC 3986, 3.2.2)": (b"[2001:db8::5]:443", "2001:db8::5", 443),
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
@pytest.mark.parametrize("headers", [b"", b"Host: other.example\r\nProxy-Connection: keep-alive\r\n"])
def test_connect(name: str, version: bytes, headers: bytes) -> None:
    """RFC 9110, 9.3.6: the target is in the request's line; what Host says beside it is nobody's destination."""
    target, host, port = TARGETS[name]
    client = b"CONNECT %s HTTP/%s\r\n%s\r\n" % (target, version, headers)
    assert proxied(client + b"hi", OK + b"ho") == Proxied("http", host, port, len(client), len(OK))


@pytest.mark.parametrize("status", [b"200 OK", b"201 Fine", b"299 x", b"200"])
def test_any_2xx_agrees(status: bytes) -> None:
    assert proxied(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 %s\r\n\r\n" % status) is not None


@pytest.mark.parametrize(
    "status", [b"403 Forbidden", b"407 Proxy Authentication Required", b"502 x", b"301 x", b"2000 x"]
)
def test_anything_else_refuses(status: bytes) -> None:
    assert proxied(b"CONNECT a.example:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 %s\r\n\r\n" % status) is None


@pytest.mark.parametrize(
    "line",
    [
        b"CONNECT a.example HTTP/1.1", b"CONNECT http://a.example:80/ HTTP/1.1", b"CONNECT a.example:99999 HTTP/1.1",
        b"CONNECT :443 HTTP/1.1", b"CONNECT a b:443 HTTP/1.1", b"connect a.example:443 HTTP/1.1",
        b"CONNECT a.example:443 HTTP/2", b"GET a.example:443 HTTP/1.1", b"CONNECT <x>:443 HTTP/1.1",
    ],
    ids=bytes.decode,
)  # fmt: skip
def test_what_is_no_authority_is_no_destination(line: bytes) -> None:
    assert proxied(line + b"\r\n\r\n", OK) is None


def test_connect_cut_at_any_byte_tells_nothing() -> None:
    client = b"CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example:3333\r\n\r\n"
    for size in range(len(client)):
        assert proxied(client[:size], OK) is None, size
    for size in range(1, len(OK)):
        assert proxied(client, OK[:size]) is None, size


# --- in a capture -------------------------------------------------------------------------------------------------------

WAYS: dict[str, tuple[list[tuple[str, bytes]], str]] = {
    "socks 5": ([("c", methods(NONE)), ("s", b"\5\0"), ("c", request("pool.example")), ("s", reply())], "socks"),
    "socks 5 with a password": (
        [("c", methods(PASSWORD)), ("s", b"\5\2"), ("c", password()), ("s", b"\1\0"), ("c", request("pool.example")),
         ("s", reply(0, "2001:db8::1"))],
        "socks",
    ),
    "socks 5, all at once": ([("c", methods(NONE) + request("pool.example")), ("s", b"\5\0" + reply())], "socks"),
    "socks 4a": ([("c", old("0.0.0.1", b"me", b"pool.example")), ("s", GRANTED)], "socks"),
    "connect": ([("c", b"CONNECT pool.example:3333 HTTP/1.1\r\n\r\n"), ("s", OK)], "http"),
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("port", [1080, 3128, 9050, 443])
def test_the_connection_is_called_by_whom_was_asked_for(name: str, port: int, read: Reader) -> None:
    way, service = WAYS[name]
    script = [*way, ("c", client_hello(b"inside.example")), ("s", server_hello())]
    rows, rejects = read(pcap(conversation(script, dport=port)))
    assert not rejects
    (connection,) = rows["connection"]
    assert (connection["service"], connection["sni"]) == (service, "pool.example")
    (tls,) = rows["tls"]
    assert (tls["sni"], tls["version"]) == ("inside.example", "TLSv1.2")
