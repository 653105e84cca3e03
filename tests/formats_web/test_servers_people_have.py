"""Access logs as the servers that people run write them: whoever wrote the line, client, time, method, path and status
come out, in a file of six lines that nobody named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kanaria.core.stream import ReadContext
from kanaria.formats import registry
from tests.reading_formats import BytesStream, read_all

Y2026 = ReadContext(year=2026)
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass(frozen=True)
class Hit:
    """One request, as every server saw it."""

    ip: str
    time: datetime
    method: str
    path: str
    status: int
    size: int

    @property
    def clf(self) -> str:
        return f"{self.time:%d/%b/%Y:%H:%M:%S +0000}"

    @property
    def iso(self) -> str:
        return f"{self.time:%Y-%m-%dT%H:%M:%SZ}"

    @property
    def request(self) -> str:
        return f"{self.method} {self.path} HTTP/1.1"

    @property
    def seconds(self) -> float:
        return self.time.timestamp()


START = datetime(2026, 1, 10, 9, 0, 0, tzinfo=UTC)
HITS = [
    Hit("203.0.113.7", START, "GET", "/", 200, 612),
    Hit("203.0.113.8", START + timedelta(seconds=2), "GET", "/assets/app.js", 200, 48213),
    Hit("198.51.100.4", START + timedelta(seconds=5), "POST", "/login", 302, 0),
    Hit("203.0.113.7", START + timedelta(seconds=9), "GET", "/api/items?page=2&q=a%20b", 200, 1893),
    Hit("2001:db8::7", START + timedelta(minutes=1), "HEAD", "/health", 204, 0),
    Hit("198.51.100.9", START + timedelta(hours=1), "GET", "/wp-login.php", 404, 153),
]
Line = Callable[[Hit], str]


def js(**values: object) -> str:
    return json.dumps(values, separators=(",", ":"))


def caddy(hit: Hit) -> str:
    return js(
        level="info", ts=hit.seconds, logger="http.log.access.log0", msg="handled request",
        request={"remote_ip": hit.ip, "remote_port": "41234", "client_ip": hit.ip, "proto": "HTTP/1.1",
                 "method": hit.method, "host": "www.example.com", "uri": hit.path, "headers": {"User-Agent": [AGENT]}},
        bytes_read=0, user_id="", duration=0.002, size=hit.size, status=hit.status, resp_headers={},
    )  # fmt: skip


def traefik(hit: Hit) -> str:
    return js(
        ClientAddr=f"[{hit.ip}]:41234" if ":" in hit.ip else f"{hit.ip}:41234", ClientHost=hit.ip, ClientPort="41234",
        DownstreamContentSize=hit.size, DownstreamStatus=hit.status, Duration=1_234_567, RequestMethod=hit.method,
        RequestHost="www.example.com", RequestPath=hit.path, RequestProtocol="HTTP/1.1", StartUTC=f"{hit.time:%Y-%m-%dT%H:%M:%S.000000000Z}",
        level="info", msg="", time=hit.iso,
    )  # fmt: skip


def logpush(hit: Hit) -> str:
    return js(
        ClientIP=hit.ip, ClientRequestHost="www.example.com", ClientRequestMethod=hit.method,
        ClientRequestURI=hit.path, EdgeEndTimestamp=hit.iso, EdgeResponseBytes=hit.size,
        EdgeResponseStatus=hit.status, EdgeStartTimestamp=hit.iso, RayID="7d1f00000000", ClientRequestUserAgent=AGENT,
    )  # fmt: skip


def nginx_json(hit: Hit) -> str:
    return js(
        time_iso8601=f"{hit.time:%Y-%m-%dT%H:%M:%S+00:00}", remote_addr=hit.ip, request=hit.request,
        status=str(hit.status), body_bytes_sent=str(hit.size), request_time="0.003", http_referer="", http_user_agent=AGENT,
    )  # fmt: skip


def haproxy(hit: Hit) -> str:
    return (
        f"{hit.time:%b %d %H:%M:%S} lb haproxy[71]: {hit.ip}:41234 [{hit.time:%d/%b/%Y:%H:%M:%S.123}] front~ back/web1 "
        f'0/0/1/2/3 {hit.status} {hit.size} - - ---- 1/1/0/0/0 0/0 "{hit.request}"'
    )


def envoy(hit: Hit) -> str:
    return (
        f'[{hit.time:%Y-%m-%dT%H:%M:%S.123Z}] "{hit.request}" {hit.status} - 0 {hit.size} 3 2 "{hit.ip}" "{AGENT}" '
        '"6f1f0c52-7a1f-4a53" "www.example.com" "10.0.0.5:8080"'
    )


def combined(hit: Hit) -> str:
    return f'{hit.ip} - - [{hit.clf}] "{hit.request}" {hit.status} {hit.size} "-" "{AGENT}"'


LINES: dict[str, Line] = {
    "Apache and nginx, combined": combined,
    "Apache and nginx, common": lambda h: f'{h.ip} - - [{h.clf}] "{h.request}" {h.status} {h.size or "-"}',
    "Apache, vhost_combined": lambda h: f"www.example.com:443 {combined(h)}",
    "Apache, combined with the time it took": lambda h: f"{combined(h)} {h.size + 812}",
    "nginx, combined with $request_time": lambda h: f"{combined(h)} 0.003 0.002",
    "nginx, combined with $http_x_forwarded_for": lambda h: f'{combined(h)} "-"',
    "nginx, rt= and uct=": lambda h: f'{combined(h)} rt=0.003 uct="0.001" uht="0.002" urt="0.002"',
    "nginx, JSON": nginx_json,
    "lighttpd": lambda h: f'{h.ip} www.example.com - [{h.clf}] "{h.request}" {h.status} {h.size} "-" "{AGENT}"',
    "Caddy": caddy,
    "Traefik, JSON": traefik,
    "Traefik, CLF": lambda h: (
        f'{h.ip} - - [{h.clf}] "{h.request}" {h.status} {h.size} "-" "{AGENT}" 71 "web@docker" "http://10.0.0.5:80" 3ms'
    ),
    "HAProxy": haproxy,
    "HAProxy, httpslog": lambda h: f"{haproxy(h)} 0/0000000000000000/0/0/0 www.example.com/TLSv1.3/TLS_AES_128_GCM_SHA256",
    "HAProxy, httpslog without a name": lambda h: f"{haproxy(h)} 0/0000000000000000/0/0/0 -/TLSv1.2/-",
    "Apache, X-Forwarded-For first": lambda h: f"{h.ip}, 10.0.0.7, 10.0.0.8{combined(h).removeprefix(h.ip)}",
    "Apache, X-Forwarded-For first, common": lambda h: f'{h.ip}, 10.0.0.7 - ann [{h.clf}] "{h.request}" {h.status} {h.size}',
    "nginx, $http_x_forwarded_for first with what a client wrote": lambda h: (
        f"unknown, {h.ip}, 192.168.7.7{combined(h).removeprefix(h.ip)}"
    ),
    "Envoy": envoy,
    "Tomcat, common": lambda h: f'{h.ip} - - [{h.clf}] "{h.request}" {h.status} {h.size or "-"}',
    "Tomcat, with times": lambda h: f'{h.ip} - - [{h.clf}] "{h.request}" {h.status} {h.size} 12 0.012',
    "Jetty": lambda h: f'{h.ip} - - [{h.clf}] "{h.request}" {h.status} {h.size} "-" "{AGENT}" 3',
    "gunicorn": lambda h: f'{h.ip} - - [{h.clf}] "{h.request}" {h.status} {h.size} "-" "{AGENT}"',
    "uvicorn": lambda h: f'INFO:     {h.ip}:41234 - "{h.request}" {h.status} OK',
    "Flask's own server": lambda h: f'{h.ip} - - [{h.time:%d/%b/%Y %H:%M:%S}] "{h.request}" {h.status} -',
    "GIN": lambda h: (
        f'[GIN] {h.time:%Y/%m/%d - %H:%M:%S} | {h.status} |     1.234ms | {h.ip:>15} | {h.method:<7} "{h.path}"'
    ),
    "Cloudflare Logpush": logpush,
    "Docker's file": lambda h: js(log=combined(h) + "\n", stream="stdout", time=h.iso),
    "Docker's log": lambda h: f"{h.time:%Y-%m-%dT%H:%M:%S.123456789Z} {combined(h)}",
    "Kubernetes": lambda h: f"{h.time:%Y-%m-%dT%H:%M:%S.123456789Z} stdout F {combined(h)}",
    "Compose": lambda h: f"web-1  | {combined(h)}",
    "syslog": lambda h: f"<190>{h.time:%b %d %H:%M:%S} web01 nginx: {combined(h)}",
    "journald": lambda h: f"{h.time:%b %d %H:%M:%S} web01 nginx[71]: {combined(h)}",
    "ingress-nginx": lambda h: f'{combined(h)} 512 0.003 [default-web-80] [] 10.0.0.5:80 {h.size} 0.003 {h.status} 6f1f0c52',
    "Amazon S3": lambda h: (
        f"79a5 bucket [{h.clf}] {h.ip} - 3E57427F REST.{h.method}.OBJECT key "
        f'"{h.request}" {h.status} - {h.size or "-"} 612 7 6 "-" "{AGENT}" - Id= - ECDHE TLSv1.3 s3.example.com -'
    ),
    "Apache through rsyslog": lambda h: f"{h.time:%Y-%m-%dT%H:%M:%S+00:00} web01 apache2: {combined(h)}",
    "GoAccess' example, vhost first": lambda h: f"www.example.com {combined(h)}",
}  # fmt: skip
UNTIMED = {"uvicorn"}
"""They write no time."""
ZONELESS = {"Flask's own server", "GIN"}
"""They write a clock without its zone; the test's zone is UTC."""
IPV4_ALONE: set[str] = set()


def log(name: str, hits: list[Hit] = HITS) -> bytes:
    return "".join(f"{LINES[name](hit)}\n" for hit in hits).encode()


def rows_of(data: bytes) -> list[dict[str, Any]]:
    known = registry.detect(BytesStream(data))
    assert known is not None
    found = read_all(known, data, context=Y2026)
    assert not found.rejects
    table: list[dict[str, Any]] = found.tables["http"].to_pylist()
    return table


@pytest.mark.parametrize("name", LINES)
def test_client_path_and_status_come_out_of_every_line(name: str) -> None:
    rows = rows_of(log(name))
    assert [(row["src_ip"], row["method"], row["url"], row["status"]) for row in rows] == [
        (hit.ip, hit.method, hit.path, hit.status) for hit in HITS
    ]


@pytest.mark.parametrize("name", sorted(set(LINES) - UNTIMED))
def test_times_are_those_of_the_requests(name: str) -> None:
    seen = [row["time"] for row in rows_of(log(name))]
    assert [moment and moment.replace(microsecond=0) for moment in seen] == [hit.time for hit in HITS]


@pytest.mark.parametrize("name", LINES)
def test_line_numbers_are_those_of_the_file(name: str) -> None:
    assert [row["line"] for row in rows_of(log(name))] == list(range(1, len(HITS) + 1))


@pytest.mark.parametrize("name", LINES)
def test_windows_line_ends_change_nothing(name: str) -> None:
    kept = ("src_ip", "method", "url", "status", "bytes_out", "user_agent")
    unix, windows = rows_of(log(name)), rows_of(log(name).replace(b"\n", b"\r\n"))
    assert [[row[column] for column in kept] for row in unix] == [[row[column] for column in kept] for row in windows]


@pytest.mark.parametrize("name", LINES)
def test_a_file_without_a_last_line_end_is_read_whole(name: str) -> None:
    assert len(rows_of(log(name).rstrip(b"\n"))) == len(HITS)


@pytest.mark.parametrize("name", LINES)
def test_a_damaged_line_takes_no_other_with_it(name: str) -> None:
    lines = log(name).splitlines()
    lines[2] = b"\x00\xff\xfe not a record at all"
    data = b"\n".join(lines) + b"\n"
    known = registry.detect(BytesStream(data))
    assert known is not None
    found = read_all(known, data, context=Y2026)
    seen = {row["url"] for row in found.tables["http"].to_pylist()}
    assert {hit.path for number, hit in enumerate(HITS) if number != 2} <= seen


SIZED = sorted(set(LINES) - {"uvicorn", "Flask's own server", "GIN"})


@pytest.mark.parametrize("name", SIZED)
def test_bytes_are_those_that_were_sent(name: str) -> None:
    assert [row["bytes_out"] or 0 for row in rows_of(log(name))] == [hit.size for hit in HITS]


NAMES_BROWSERS = sorted(
    name for name in LINES if AGENT.encode() in log(name) or json.dumps(AGENT)[1:-1].encode() in log(name)
)


@pytest.mark.parametrize("name", NAMES_BROWSERS)
def test_browsers_are_named(name: str) -> None:
    assert {row["user_agent"] for row in rows_of(log(name))} == {AGENT}


SUBSCRIBE = '{"id":1,"method":"mining.subscribe","params":[]}'
QUOTED = {
    "Apache": lambda text: text.replace('"', '\\"'),
    "nginx": lambda text: text.replace('"', "\\x22"),
}


@pytest.mark.parametrize("server", QUOTED)
@pytest.mark.parametrize(
    "name",
    [
        "Apache and nginx, combined", "Apache, vhost_combined", "nginx, combined with $request_time", "lighttpd", "syslog",
        "Docker's log", "Kubernetes", "Compose", "journald", "ingress-nginx", "Traefik, CLF", "Tomcat, with times",
        "GoAccess' example, vhost first",
    ],
)  # fmt: skip
def test_a_miners_request_is_kept_as_it_was_sent(name: str, server: str) -> None:
    lines = log(name).decode().splitlines()
    strange = LINES[name](HITS[0]).replace(HITS[0].request, QUOTED[server](SUBSCRIBE)).replace(" 200 ", " 400 ")
    rows = rows_of("\n".join([*lines, strange, ""]).encode())
    assert (rows[-1]["request"], rows[-1]["status"], rows[-1]["src_ip"]) == (SUBSCRIBE.encode(), 400, HITS[0].ip)
