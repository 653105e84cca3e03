"""Ports that anybody may reach, and settings of them: whatever comes, others are served, and what is wrong is said."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kanaria.app.live.endpoints import answering
from kanaria.core.errors import sentence_in_japanese
from kanaria.sources import ports
from kanaria.sources.chunks import LineSource
from kanaria.sources.http_intake import HttpIntake
from kanaria.sources.syslog import Syslog
from tests.app.running import Kanaria
from tests.running import free_port, until

TOKEN = b"Authorization: Bearer secret\r\n"


@contextmanager
def started(source: LineSource) -> Iterator[LineSource]:
    source.start({}, lambda: None)
    try:
        yield source
    finally:
        source.close()


def said(port: int, request: bytes, host: str = "127.0.0.1") -> bytes:
    """The first line of what is answered; empty when the connection is ended without an answer."""
    with socket.create_connection((host, port), 20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        try:
            return connection.recv(4096).split(b"\r\n")[0]
        except ConnectionResetError:
            return b""


@pytest.mark.parametrize(("head", "body", "status"), [
    (b"Content-Length: \xb2", b"", b"411"), (b"Content-Length: " + b"9" * 5000, b"", b"413"),
    (b"Content-Length: -1", b"", b"411"), (b"Transfer-Encoding: chunked", b"0\r\n\r\n", b"411"),
    (b"Content-Length: 60", b'{"message": "whole"}\n{"message": "half', b"400"),
    (b"Content-Encoding: gzip\r\nContent-Length: 2", b"{}", b"400"), (b"Content-Length: 50000", b"[" * 50_000, b"400"),
])  # fmt: skip
def test_no_request_breaks_the_intake_or_leaves_half_of_it(
    head: bytes, body: bytes, status: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    with started(source := HttpIntake("http", "127.0.0.1", 0, "secret")):
        answer = said(source.port, b"POST / HTTP/1.1\r\n" + TOKEN + head + b"\r\n\r\n" + body)
        assert answer.split()[1:2] == [status]
        assert source.take(1 << 20) == []
        assert source.health.refused == 1
    assert capfd.readouterr().err == ""


def test_strangers_that_keep_connections_open_are_ended_and_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "STAYS", 1.0)
    monkeypatch.setattr(ports, "MOST_CONNECTIONS", 20)
    with started(source := HttpIntake("http", "127.0.0.1", 0, "secret")):
        idle = [socket.create_connection(("127.0.0.1", source.port), 20) for _ in range(60)]
        begun = time.monotonic()
        for connection in idle[:20]:
            connection.sendall(b"POST / HTTP/1.1\r\n")
        for connection in idle:
            try:
                assert connection.recv(1) == b""
            except ConnectionResetError:
                pass
            connection.close()
        assert time.monotonic() - begun < 15.0
        until(lambda: said(source.port, b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}").split()[1:2] == [b"401"])


@pytest.mark.parametrize("host", ["::1", "127.0.0.1", "localhost"])
def test_ports_of_both_kinds_of_addresses_and_names(host: str, tmp_path: Path) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with started(source := HttpIntake("http", host, 0, "secret")):
        assert said(source.port, b"POST / HTTP/1.1\r\n\r\n", host).split()[1] == b"401"
    with started(syslog := Syslog("syslog", host, 0, udp=False)):
        said(syslog.port, b"<13>app: hello\n", host)
        until(lambda: syslog.health.records or syslog.take(1 << 20))
    port = free_port()
    with answering(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", tmp_path, dict, lambda *_a, **_k: None):
        assert said(port, b"GET /no HTTP/1.0\r\n\r\n", host).split()[1] == b"404"


def test_a_place_that_is_not_ours_is_no_reason_not_to_answer(tmp_path: Path) -> None:
    told: list[str] = []
    with answering("no-such-host.invalid:9477", tmp_path, dict, lambda said, **_more: told.append(said)):
        assert told == ["port taken"]
        assert '"127.0.0.1"' in (tmp_path / "serve.json").read_text()


@pytest.mark.parametrize(("settings", "en", "ja"), [
    ('[serve]\nlisten = "127.0.0.1:²"', "serve.listen: expected address:port", "「アドレス:ポート」"),
    ('[serve]\nacknowledge_listen = "::1:80"', "serve.acknowledge_listen: expected address:port", "「アドレス:ポート」"),
    ('[[sources]]\nkind = "http"\nlisten = "8088"\ntoken = "x"', "sources[1].listen: expected", "「アドレス:ポート」"),
    ('[[sources]]\nkind = "syslog"\nsenders = ["all"]', "sources[1].senders[1]: expected a network", "のようなネットワーク"),
    ('[[sources]]\nkind = "file"\npath = ""', "sources[1].path: expected a path; got 'an empty one'", "パス"),
])  # fmt: skip
def test_settings_that_cannot_work_are_refused_with_their_line(
    kanaria: Kanaria, tmp_path: Path, settings: str, en: str, ja: str
) -> None:
    (tmp_path / "kanaria.toml").write_text(f'store = "s"\n{settings}\n', "utf-8")
    done = kanaria("check-config", "--config", "kanaria.toml")
    assert done.status == 2 and "kanaria.toml:" in done.err and en in done.err
    assert ja in kanaria("check-config", "--config", "kanaria.toml", "--lang", "ja").err


def test_what_is_there_but_cannot_be_watched_is_said_before_the_service_runs(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    (tmp_path / "nowhere").symlink_to("nowhere")
    (tmp_path / "kanaria.toml").write_text(
        'store = "s"\n[[sources]]\nkind = "http"\ntoken = "file:empty"\n'
        '[[sources]]\nkind = "syslog"\ncertificate = "empty"\n[[sources]]\nkind = "zeek"\npath = "empty"\n'
        '[[sources]]\nkind = "file"\npath = "/dev/null"\n[[sources]]\nkind = "file"\npath = "nowhere"\n'
    )
    done = kanaria("check-config", "--config", "kanaria.toml")
    lines = done.out.splitlines()
    assert done.status == 1 and [line[:2] for line in lines] == ["--"] * 6
    for words, line in zip(
        ("an empty one", "certificate and its key", "is no folder", "a device", "nothing there yet"),
        lines,
        strict=False,
    ):
        assert words in line


@pytest.mark.parametrize(("kept", "ja"), [
    ("phone: expected that the message is accepted; got not accepted (network, address or key?)",
     "phone: 必要なもの: メッセージの受け付け。実際: 受け付けられませんでした(ネットワーク、アドレス、または鍵の誤りの可能性があります)"),
    ("webhook at 192.0.2.1: expected a 2xx answer; got [Errno 111] Connection refused",
     "webhook at 192.0.2.1: 必要なもの: 2xxの応答。実際: 接続を拒否されました"),
    ("webhook at 192.0.2.1: expected a 2xx answer; got status 301", "webhook at 192.0.2.1: 必要なもの: 2xxの応答。実際: ステータス301"),
    ("webhook at h: expected a 2xx answer; got something that nobody foresaw",
     "webhook at h: 必要なもの: 2xxの応答。実際: 「something that nobody foresaw」"),
    ("kernel said: go away", "「kernel said: go away」"),
    ("tls: expected a certificate and its key in PEM; got c.pem ([X509: KEY_VALUES_MISMATCH] key values mismatch (_ssl.c:3926))",
     "tls: 必要なもの: PEM形式の証明書と鍵。実際: c.pem(証明書と鍵が一致しません)"),
    ("[Nobody] has thought of this", "「[Nobody] has thought of this」"),
])  # fmt: skip
def test_a_reason_that_was_kept_in_english_is_japanese_or_a_quotation(kept: str, ja: str) -> None:
    assert sentence_in_japanese(kept) == ja
