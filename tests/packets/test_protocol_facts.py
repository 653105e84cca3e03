"""What connections were for, from hand-made first bytes."""

from __future__ import annotations

import struct

import pytest
from build_packets import CLIENT, SERVER, Reader, conversation, ethernet, ip, pcap, udp
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
from golden_captures import RDP_ACCEPTED, RDP_FAILED, RDP_UNTRIED

from kanaria.formats.packets.protocols import dns, ssh, tls


def test_tls_names_versions_certificate_and_ja4(read: Reader) -> None:
    server = server_hello() + certificate("pool.example", "Example CA") + tls_handshake(14, b"")
    done = tls_record(20, b"\1") + tls_record(22, b"\xee" * 40)
    script = [("c", client_hello()), ("s", server), ("c", done), ("s", done)]
    rows, rejects = read(pcap(conversation(script, dport=4444)))
    assert not rejects
    (row,), (connection,) = rows["tls"], rows["connection"]
    assert (connection["service"], connection["sni"], row["event_id"]) == (
        "tls",
        "pool.example",
        connection["event_id"],
    )
    names = ("version", "sni", "alpn", "subject", "issuer", "self_signed", "established", "cipher", "dst_port")
    assert {name: row[name] for name in names} == {
        "version": "TLSv1.2", "sni": "pool.example", "alpn": ["h2", "http/1.1"],
        "subject": "CN=pool.example,O=Example\\, Inc.", "issuer": "CN=Example CA,O=Example\\, Inc.",
        "self_signed": False, "established": True, "cipher": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "dst_port": 4444,
    }  # fmt: skip
    assert row["ja4"].startswith("t13d0304h2_")


def test_ja4_of_the_published_example() -> None:
    ciphers = "1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"
    extensions = "001b 0000 0033 0010 4469 0017 002d 000d 0005 0023 0012 002b ff01 000b 000a 0015"
    signatures = "0403 0804 0401 0503 0805 0501 0806 0601"
    hello = tls.Hello(
        version=0x0303,
        ciphers=[0x0A0A, *(int(text, 16) for text in ciphers.split())],
        extensions=[0xFAFA, *(int(text, 16) for text in extensions.split())],
        alpn=[b"h2", b"http/1.1"],
        signatures=[int(text, 16) for text in signatures.split()],
        supported=[0x0304, 0x0303],
    )
    assert tls.ja4(hello) == "t13d1516h2_8daaf6152771_e5627efa2ab1"


@pytest.mark.parametrize(
    ("alpn", "ends"), [((), "00"), ((b"h2",), "h2"), ((b"http/1.1",), "h1"), ((b"\xab",), "ab"), ((b"a\xcd",), "6d")]
)
def test_ja4_shows_the_ends_of_the_first_protocol(alpn: tuple[bytes, ...], ends: str) -> None:
    hello = tls.client_hello(client_hello(alpn=alpn)[9:])
    assert hello is not None
    assert tls.ja4(hello)[8:10] == ends


def test_a_miner_without_server_name_and_tls13(read: Reader) -> None:
    sealed = tls_record(23, b"\0" * 60)
    hello = client_hello(b"", ())
    script = [("c", hello), ("s", server_hello(0x1301, tls13=True) + sealed), ("c", sealed), ("s", sealed)] + [
        ("c", sealed), ("s", sealed)] * 5  # fmt: skip
    rows, _ = read(pcap(conversation(script)))
    (row,), (connection,) = rows["tls"], rows["connection"]
    assert (row["version"], row["sni"], row["established"], row["self_signed"]) == ("TLSv1.3", None, True, None)
    assert row["ja4"].startswith("t13i030200_")
    assert len(connection["src_first"]) == len(hello) + len(sealed)  # ciphertext is not worth keeping
    assert connection["pairs"][0] == {"request": 65, "answer": 65, "count": 6, "delay_us": 1000}


def test_http_requests_meet_their_answers(read: Reader) -> None:
    first = b"POST /rpc?x=1 HTTP/1.1\r\nHost: web.example:8080\r\nUser-Agent: tool/1\r\nContent-Length: 4\r\n\r\n{  }"
    second = b"GET /next HTTP/1.1\r\nHost: web.example\r\nAuthorization: Basic dXNlcjpwYXNz\r\n\r\n"
    answers = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    script = [
        ("c", first),
        ("s", answers),
        ("c", second),
        ("s", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
    ]
    rows, _ = read(pcap(conversation(script, dport=8080)))
    names = ("method", "url", "host", "status", "bytes_out", "user", "user_agent", "request_body", "response_body")
    assert [tuple(row[name] for name in names) for row in rows["http"]] == [
        ("POST", "/rpc?x=1", "web.example:8080", 200, 5, None, "tool/1", b"{  }", b"abcde"),
        ("GET", "/next", "web.example", 404, 0, "user", None, None, None),
    ]
    assert len({row["event_id"] for row in rows["http"]}) == 2
    assert rows["http"][0]["time"] < rows["http"][1]["time"]
    assert rows["connection"][0]["sni"] == "web.example"


def test_dns_on_any_port_with_answers_and_without(read: Reader) -> None:
    record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 300, 4) + bytes((203, 0, 113, 9))
    alias = b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 60, 6) + b"\3www\xc0\x11"
    packets = [
        ip(udp(dns_message(7, "Pool.Example"), dport=5300), proto=17),
        ip(udp(dns_message(7, "pool.example", flags=0x8180, answers=alias + record, count=2), sport=5300, dport=40000),
           src=SERVER, dst=CLIENT, proto=17),
        ip(udp(dns_message(8, "gone.example", kind=28)), proto=17),
        ip(udp(dns_message(8, "gone.example", kind=28, flags=0x8183), sport=53, dport=40000), src=SERVER, dst=CLIENT, proto=17),
        ip(udp(dns_message(9, "silent.example", kind=16)), proto=17),
    ]  # fmt: skip
    rows, _ = read(pcap([ethernet(packet) for packet in packets]))
    names = ("src_ip", "dst_port", "query", "query_type", "rcode", "answers", "ttl", "line")
    assert [tuple(row[name] for name in names) for row in rows["dns"]] == [
        (CLIENT, 5300, "pool.example", "A", "NOERROR", ["www.example", "203.0.113.9"], 60, 1),
        (CLIENT, 53, "gone.example", "AAAA", "NXDOMAIN", None, None, 3),
        (CLIENT, 53, "silent.example", "TXT", None, None, None, 5),
    ]
    assert {row["service"] for row in rows["connection"]} == {"dns"}


def test_dns_names_that_loop_end() -> None:
    assert dns.parse(struct.pack(">HHHHHH", 1, 0, 1, 0, 0, 0) + b"\xc0\x0c\0\1\0\1") is None


def tpkt(unit: int, size: int) -> bytes:
    """A packet of the T.125 kind ``unit`` with so many bytes behind it."""
    return struct.pack(">BBHBBBB", 3, 0, size + 8, 2, 0xF0, 0x80, unit) + bytes(size)


RDP_PLAIN = [("c", x224(0xE0, b"Cookie: mstshash=hello\r\n\1\0\x08\0\3\0\0\0")), ("s", x224(0xD0, b"")),
             ("c", tpkt(0x7F, 404)), ("s", tpkt(0x7F, 325)), ("c", tpkt(0x04, 4) + tpkt(0x28, 0)), ("s", tpkt(0x2E, 3))]  # fmt: skip
REQUEST = x224(0xE0, b"Cookie: mstshash=hello\r\n\1\0\x08\0\3\0\0\0")


@pytest.mark.parametrize(
    ("script", "result", "security"),
    [
        ([("c", REQUEST)], None, None),
        ([("c", REQUEST), ("s", x224(0xD0, b"\3\0\x08\0\5\0\0\0"))], "refused", None),
        ([("c", REQUEST), ("s", x224(0xD0, b"\2\0\x08\0\2\0\0\0"))], "handshake", "credssp"),
        ([("c", REQUEST), ("s", x224(0xD0, b"\2\0\x08\0\2\0\0\0")), ("c", client_hello()), ("s", server_hello() * 12)],
         "encrypted", "credssp"),
        ([("c", REQUEST), ("s", x224(0xD0, b"\2\0\x08\0\1\0\0\0")), ("c", client_hello()), ("s", server_hello() * 12)],
         "likely_failure", "tls"),
        (RDP_UNTRIED, "encrypted", "credssp"),
        (RDP_PLAIN, "handshake", "standard"),
        ([*RDP_PLAIN, ("c", tpkt(0x64, 86)), ("s", tpkt(0x68, 34)), ("c", tpkt(0x64, 350))], "likely_failure", "standard"),
        (RDP_FAILED, "likely_failure", "credssp"),
        (RDP_ACCEPTED, "likely_success", "credssp"),
        ([("c", REQUEST), ("s", x224(0xD0, b"\2\0\x08\0\1\0\0\0")), ("c", client_hello()), ("s", b"\x17\3\3\4\0" * 4000)],
         "likely_success", "tls"),
    ],
)  # fmt: skip
def test_rdp_cookie_and_outcome(script: list[tuple[str, bytes]], result: str, security: str, read: Reader) -> None:
    rows, _ = read(pcap(conversation(script, dport=3390)))
    (row,) = rows["rdp"]
    assert (row["cookie"], row["requested_protocols"]) == ("hello", "tls,credssp")
    assert (row["result"], row["security"], row["answered"]) == (result, security, len(script) > 1)
    assert rows["connection"][0]["service"] == "rdp"


def test_smb_dialect_account_share_and_pipe(read: Reader) -> None:
    share, pipe = "\\\\SRV\\IPC$".encode("utf-16-le"), "svcctl".encode("utf-16-le")
    tree = struct.pack("<HHHH", 9, 0, 72, len(share)) + share
    opened = bytes(44) + struct.pack("<HH", 64 + 48, len(pipe)) + pipe
    script = [
        ("c", smb2(0, 0, bytes(36))), ("s", smb2(0, 0, struct.pack("<HHH", 65, 0, 0x0311) + bytes(58))),
        ("c", smb2(1, 1, bytes(24) + ntlm_authenticate("admin", "CORP", "WS1"))), ("s", smb2(1, 1, bytes(8), 0xC000006D)),
        ("c", smb2(3, 2, tree)), ("s", smb2(3, 2, bytes(16))),
        ("c", smb2(5, 3, opened)), ("s", smb2(5, 3, bytes(88), 0xC0000022)),
    ]  # fmt: skip
    rows, _ = read(pcap(conversation(script, dport=445)))
    names = ("version", "action", "share", "path", "user", "domain", "client_name", "status", "answered")
    assert [tuple(row[name] for name in names) for row in rows["smb"]] == [
        ("SMB3.1.1", "negotiate", None, None, None, None, None, "SUCCESS", True),
        ("SMB3.1.1", "session_setup", None, None, "admin", "CORP", "WS1", "LOGON_FAILURE", True),
        ("SMB3.1.1", "tree_connect", "\\\\SRV\\IPC$", None, None, None, None, "SUCCESS", True),
        ("SMB3.1.1", "file_open", None, "svcctl", None, None, None, "ACCESS_DENIED", True),
    ]
    (logon,) = rows["logon"]
    assert (logon["service"], logon["user"], logon["success"], logon["reason"]) == (
        "smb",
        "admin",
        False,
        "LOGON_FAILURE",
    )


@pytest.mark.parametrize(
    ("sizes", "success", "attempts"),
    [([44], None, 0), ([44, 60, 28], True, 2), ([44, 60, 60, 60], False, 3), ([44, 60], None, 1)],
)
def test_ssh_outcome_from_sizes(sizes: list[int], success: bool | None, attempts: int) -> None:
    client, server = ssh_side(b"client"), ssh_side(b"server")
    messages = [(True, len(client)), (False, len(server))]
    for size in sizes:
        messages += [(True, 80), (False, size)]
    assert ssh.infer(client, server, messages) == ssh.Outcome(success, attempts)


def test_ftp_logons(read: Reader) -> None:
    script = [
        ("s", b"220 FTP ready\r\n"), ("c", b"USER admin\r\n"), ("s", b"331 need password\r\n"), ("c", b"PASS x\r\n"),
        ("s", b"530 no\r\n"), ("c", b"PASS y\r\n"), ("s", b"230 welcome\r\n"),
    ]  # fmt: skip
    rows, _ = read(pcap(conversation(script, dport=2121)))
    assert [(row["user"], row["success"]) for row in rows["logon"]] == [("admin", False), ("admin", True)]
