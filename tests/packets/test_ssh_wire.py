"""SSH as RFC 4253 and RFC 4252 have it: greetings, key exchange, and what lengths say of a logon."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from build_packets import Reader, conversation, pcap

from kanaria.formats.packets.protocols import ssh

KEXINIT, KEXDH_INIT, KEXDH_REPLY, NEWKEYS = 20, 30, 31, 21
HELLO = b"SSH-2.0-Example_1.0\r\n"


def packet(kind: int, body: bytes = b"") -> bytes:
    """RFC 4253, 6: length, padding length, payload, padding of four bytes at least up to eight."""
    payload = bytes((kind,)) + body
    padding = 4 + (-(5 + len(payload) + 4) % 8)
    return struct.pack(">IB", 1 + len(payload) + padding, padding) + payload + bytes(padding)


def names(*lists: str) -> bytes:
    return b"".join(struct.pack(">I", len(text)) + text.encode() for text in lists)


def kexinit(compression: str = "none") -> bytes:
    """7.1: a cookie, ten lists (keys, host keys, ciphers, checks, compressions, languages, both ways), two words."""
    cipher, check = "aes128-gcm@openssh.com,chacha20-poly1305@openssh.com", "hmac-sha2-256"
    lists = ("curve25519-sha256", "ssh-ed25519", cipher, cipher, check, check, compression, compression, "", "")
    return packet(KEXINIT, bytes(range(16)) + names(*lists) + b"\0" + bytes(4))


def side(*, hello: bytes = HELLO, compression: str = "none", more: Sequence[bytes] = ()) -> bytes:
    return hello + kexinit(compression) + b"".join(more) + packet(KEXDH_INIT, bytes(36)) + packet(NEWKEYS)


Lengths = list[tuple[bool, int]]


def talk(client: bytes, server: bytes, *sealed: tuple[str, int]) -> Lengths:
    """The plain beginning, then encrypted messages of these lengths."""
    return [(True, len(client)), (False, len(server)), *((who == "c", size) for who, size in sealed)]


SERVICE = [("c", 44), ("s", 44)]  # ssh-userauth is asked for and granted (RFC 4253, 10)
FAILED, GRANTED = [("c", 148), ("s", 60)], [("c", 148), ("s", 28)]  # RFC 4252: 51 with a list, 52 alone


@pytest.mark.parametrize(
    ("sealed", "success", "attempts"),
    [
        ([], None, 0),
        (SERVICE, None, 0),
        (SERVICE + GRANTED, True, 1),
        (SERVICE + FAILED + GRANTED, True, 2),
        (SERVICE + FAILED * 2, False, 2),
        (SERVICE + FAILED * 6, False, 6),
        (SERVICE + FAILED, None, 1),
        (SERVICE + [("c", 148), ("s", 44)] * 2, False, 2),
        ([*SERVICE, *FAILED, ("c", 100), ("s", 20_000)], True, 2),
        ([*SERVICE, *FAILED, ("c", 100)], None, 1),
        ([("s", 500), *SERVICE, *GRANTED], True, 1),
    ],
    ids=["nothing", "the service", "at once", "the second time", "twice", "six times", "one refusal", "refusals as long as the service", "much follows",
         "no answer", "extensions first (RFC 8308)"],
)  # fmt: skip
def test_what_lengths_say_of_a_logon(sealed: list[tuple[str, int]], success: bool | None, attempts: int) -> None:
    client, server = side(), side()
    outcome = ssh.infer(client, server, talk(client, server, *sealed))
    assert outcome == ssh.Outcome(success, attempts)


@pytest.mark.parametrize("compression", ["zlib", "zlib@openssh.com", "zlib@openssh.com,zlib,none"])
def test_compressed_lengths_say_nothing(compression: str) -> None:
    client, server = side(compression=compression), side(compression=compression)
    sealed = SERVICE + FAILED + GRANTED
    assert ssh.infer(client, server, talk(client, server, *sealed)) == ssh.Outcome(None, 0)


@pytest.mark.parametrize("compression", ["none", "none,zlib@openssh.com", "none,zlib"])
def test_compression_that_is_only_the_last_choice_is_not_used(compression: str) -> None:
    """7.1: the first of the client's that the server has, too."""
    client, server = side(compression=compression), side(compression="none,zlib@openssh.com")
    sealed = SERVICE + GRANTED
    assert ssh.infer(client, server, talk(client, server, *sealed)) == ssh.Outcome(True, 1)


HELLOS: dict[str, bytes] = {
    "usual": b"SSH-2.0-OpenSSH_9.6\r\n",
    "with a comment": b"SSH-2.0-OpenSSH_9.6 Example-1\r\n",
    "old and new": b"SSH-1.99-Example\r\n",
    "without CR, as old clients write it (5.1)": b"SSH-2.0-Old\n",
    "the longest (4.2)": b"SSH-2.0-" + b"x" * 245 + b"\r\n",
}


@pytest.mark.parametrize("name", HELLOS)
def test_greetings(name: str) -> None:
    client, server = side(hello=HELLOS[name]), side()
    assert ssh.infer(client, server, talk(client, server, *SERVICE, *GRANTED)) == ssh.Outcome(True, 1)


BANNERS = {"one line": b"Welcome.\r\n", "many lines": b"* * *\r\nOnly for staff.\r\n\r\n* * *\r\n"}


@pytest.mark.parametrize("name", BANNERS)
def test_a_server_may_say_something_before_its_greeting(name: str, read: Reader) -> None:
    """RFC 4253, 4.2: other lines before the version, none of which begins with SSH-."""
    client, server = side(), side(hello=BANNERS[name] + HELLO)
    script = [("s", server), ("c", client)]
    for who, size in SERVICE + FAILED * 3:
        script.append((who, b"\xa5" * size))
    rows, _ = read(pcap(conversation(script, dport=2222)))
    assert rows["connection"][0]["service"] == "ssh"
    (logon,) = rows["logon"]
    assert (logon["service"], logon["success"]) == ("ssh", False)
    assert "3 authentication answers" in logon["reason"]


@pytest.mark.parametrize("count", [0, 1, 5, 11])
def test_messages_of_the_exchange_before_new_keys(count: int) -> None:
    """Groups asked for (RFC 4419), ignored and debug messages come between."""
    more = [packet(2, struct.pack(">I", 40) + bytes(40))] * count
    client, server = side(more=more), side(more=more)
    assert ssh.infer(client, server, talk(client, server, *SERVICE, *GRANTED)) == ssh.Outcome(True, 1)


def test_cut_at_any_byte_before_new_keys_nothing_is_inferred() -> None:
    client, server = side(), side()
    lengths = talk(client, server, *SERVICE, *FAILED, *FAILED)
    for size in range(len(client)):
        if size < len(client) - len(packet(NEWKEYS)) + 6:
            assert ssh.infer(client[:size], server, lengths) is None, size
            assert ssh.infer(server, client[:size], lengths) is None, size
    assert ssh.infer(client, server, lengths) == ssh.Outcome(False, 2)


@pytest.mark.parametrize("length", [0, 1, 4, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_cannot_be_infers_nothing(length: int) -> None:
    broken = HELLO + struct.pack(">IBB", length, 4, KEXINIT) + bytes(60)
    assert ssh.infer(broken, side(), talk(broken, side(), *SERVICE, *GRANTED)) is None


@pytest.mark.parametrize("data", [b"", b"SSH-", b"SSH-2.0-x", b"HTTP/1.1 200 OK\r\n", b"\n" * 400, b"ssh-2.0-x\r\n"])
def test_what_is_no_greeting_is_none(data: bytes) -> None:
    assert ssh.infer(data, side(), [(True, 10), (False, 10)]) is None
    assert ssh.infer(side(), data, [(True, 10), (False, 10)]) is None


def test_messages_of_the_beginning_that_came_together_with_sealed_ones() -> None:
    """TCP joins what one side writes: the last of the plain bytes and the first sealed ones in one message."""
    client, server = side(), side()
    lengths = [(True, len(client) + 44), (False, len(server)), (False, 44), (True, 148), (False, 28)]
    assert ssh.infer(client, server, lengths) == ssh.Outcome(True, 1)
    early = [(True, len(client) + 44), (False, len(server)), (True, 44), (False, 44), *[(True, 148), (False, 60)] * 2]
    assert ssh.infer(client, server, early) == ssh.Outcome(False, 2)


@pytest.mark.parametrize("attempts", [2, 3, 6])
def test_a_guesser_is_a_failed_logon_of_the_connection(attempts: int, read: Reader) -> None:
    client, server = side(hello=b"SSH-2.0-Go\r\n"), side()
    script = [("c", client), ("s", server)]
    for who, size in SERVICE + FAILED * attempts:
        script.append((who, b"\xa5" * size))
    rows, rejects = read(pcap(conversation(script, dport=22, src="198.51.100.7")))
    (logon,) = rows["logon"]
    assert not rejects
    assert (logon["src_ip"], logon["dst_port"], logon["success"], logon["user"]) == ("198.51.100.7", 22, False, None)
