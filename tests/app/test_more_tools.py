"""Outputs of further tools that say aloud that something mines, and their neighbours that do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_records_of_others import POOL, WALLET, hear

CLIENT = "192.168.1.20"
PACKET = {
    "frame": {"frame.time_epoch": "1767949200.0"}, "ip": {"ip.src": CLIENT, "ip.dst": "192.168.1.53"},
    "dns": {"Queries": {f"{POOL}: type A, class IN": {"dns.qry.name": POOL}}},
}  # fmt: skip
# As Windows 8.1 and Server 2012 R2 say it: without target, label and name of the parent.
STARTED = """ログの名前:         Security
ソース:           Microsoft-Windows-Security-Auditing
日付:            2026/01/10 18:00:00
イベント ID:       4688
タスクのカテゴリ:      Process Creation
レベル:           情報
キーワード:         成功の監査
ユーザー:          N/A
コンピューター:       pc20.example
説明:
新しいプロセスが作成されました。

サブジェクト:
\tセキュリティ ID:\t\tEXAMPLE\\yamada
\tアカウント名:\t\tyamada
\tアカウント ドメイン:\t\tEXAMPLE
\tログオン ID:\t\t0x3E7

プロセス情報:
\t新しいプロセス ID:\t\t0x1a2b
\t新しいプロセス名:\tC:\\ProgramData\\PROGRAM.exe
\tトークン昇格の種類:\t%%1936
\t作成元プロセス ID:\t0x9c4
\tプロセスのコマンド ライン:\tC:\\ProgramData\\PROGRAM.exe ARGUMENTS
"""
UNITS = """  UNIT                     LOAD   ACTIVE SUB     DESCRIPTION
  cron.service             loaded active running Regular background program processing daemon
  NAME.service             loaded active running Some daemon

LOAD   = Reflects whether the unit definition was properly loaded.
"""
STATS = """CONTAINER ID   NAME             CPU %     MEM USAGE / LIMIT     MEM %     NET I/O          BLOCK I/O   PIDS
6a5b4c3d2e1f   NAME            799.10%   2.4GiB / 7.7GiB       31.2%     1.2MB / 900kB    0B / 0B     12
"""
PROCESSES = """
Handles  NPM(K)    PM(K)      WS(K)     CPU(s)     Id  SI ProcessName
-------  ------    -----      -----     ------     --  -- -----------
    412      25    18532      30120      12.34   3000   1 explorer
    210      15   300532    312000   98765.43   4242   1 NAME
"""
KEYS = """Windows Registry Editor Version 5.00

[HKEY_CURRENT_USER\\Software\\Microsoft\\Windows\\CurrentVersion\\Run]
"Updater"="C:\\\\ProgramData\\\\NAME.exe --config=C:\\\\ProgramData\\\\config.json"
"""
SOFTWARE = (
    "#separator \\x09\n#path\tsoftware\n#fields\tts\thost\thost_p\tsoftware_type\tname\tversion.major\tunparsed_version\n"
    f"1767949200.0\t{CLIENT}\t-\tHTTP::BROWSER\tNAME\t6\tNAME/6.21.0 (Linux x86_64)\n"
)
WMIC = (
    "\nNode,CommandLine,ExecutablePath,Name,ParentProcessId,ProcessId\n"
    "PC7,C:\\a\\NAME.exe --config=C:\\a\\config.json,C:\\a\\NAME.exe,NAME.exe,880,4242\n"
)
RULED = json.dumps({
    "timestamp": "2026-01-10T09:00:00.000+0000", "id": "1.1", "manager": {"name": "wazuh"}, "location": "rootcheck",
    "rule": {"level": 12, "id": "100200", "description": "SAID", "groups": ["GROUP"]}, "full_log": "something",
    "agent": {"id": "004", "name": "srv1", "ip": CLIENT},
}) + "\n"  # fmt: skip

HEARD: dict[str, tuple[str, str]] = {
    "Event Viewer of 2012": (STARTED.replace("PROGRAM", "svc").replace("ARGUMENTS", f"-o {POOL}:3333 -u {WALLET}"),
                             "pc20.example"),
    "systemctl": (UNITS.replace("NAME", "xmrig"), ""),
    "docker stats": (STATS.replace("NAME", "xmrig"), ""),
    "Get-Process": (PROCESSES.replace("NAME", "xmrig"), ""),
    "keys that start programs": (KEYS.replace("NAME", "xmrig"), ""),
    "nvidia-smi, CSV": ("pid, process_name, used_gpu_memory [MiB]\n4242, /opt/lolMiner/lolMiner, 6096 MiB\n", ""),
    "tshark": (f"    1 0.000000000 {CLIENT} → 192.168.1.53 DNS 79 Standard query 0x1a2b A {POOL}\n", CLIENT),
    "tshark, a handshake": (f"    1 0.000000000 {CLIENT} → 203.0.113.50 TLSv1 583 Client Hello (SNI={POOL})\n", CLIENT),
    "tshark, fields": (f"frame.time_epoch\tip.src\tip.dst\tdns.qry.name\n1767949200.0\t{CLIENT}\t192.168.1.53\t{POOL}\n",
                       CLIENT),
    "tshark, JSON": (json.dumps([{"_source": {"layers": PACKET}}], indent=2) + "\n", CLIENT),
    "BIND, a policy zone": (f"10-Jan-2026 09:00:00.123 rpz: info: client @0x7f1 {CLIENT}#50000 ({POOL}): rpz QNAME "
                            f"NXDOMAIN rewrite {POOL}/A/IN via {POOL}.rpz.local\n", CLIENT),
    "dnscrypt-proxy": (f"[2026-01-10 09:00:00]\t{CLIENT}\t{POOL}\tA\tPASS\t12ms\texample\n", CLIENT),
    "PowerDNS": (f"Jan 10 09:00:00 ns1 pdns_recursor[900]: 3 [1/1] question for '{POOL}|A' from {CLIENT}:50000\n",
                 CLIENT),
    "Umbrella": (f'"2026-01-10 09:00:00","pc","pc","{CLIENT}","198.51.100.1","Blocked","1 (A)","NOERROR",'
                 f'"{POOL}.","Cryptomining","AD Users","AD Users","Cryptomining"\n', CLIENT),
    "Sophos": ('device="SFW" date=2026-01-10 time=09:00:00 log_type="IDP" log_component="Signatures" '
               f'log_subtype="Detect" signature_msg="Coinminer stratum protocol" src_ip={CLIENT} '
               'dst_ip=203.0.113.50 protocol="TCP" src_port=50000 dst_port=3333\n', CLIENT),
    "SonicWall": ('<129>id=firewall sn=0017C5000000 time="2026-01-10 09:00:00" fw=198.51.100.1 pri=1 c=32 m=609 '
                  f'msg="IPS Prevention Alert: Stratum Mining Protocol" sid=1 src={CLIENT}:50000:X0 '
                  "dst=203.0.113.50:3333:X1 proto=tcp/3333\n", CLIENT),
    "Defender, hunting": ("Timestamp,DeviceName,ActionType,FileName,FolderPath,ProcessCommandLine,AccountName\n"
                          "2026-01-10T09:00:00Z,pc20,ProcessCreated,svc.exe,C:\\ProgramData\\svc.exe,"
                          f"svc.exe -o stratum+tcp://{POOL}:3333 -u {WALLET},yamada\n", "pc20"),
    "Sentinel": ("TimeGenerated [UTC],AlertName,AlertSeverity,Description,ProviderName,CompromisedEntity,Entities\n"
                 "2026-01-10T09:00:00Z,Digital currency mining related behavior detected,High,x,Center,vm1,[]\n", "vm1"),
    "Zeek, software": (SOFTWARE.replace("NAME", "XMRig"), CLIENT),
    "wmic": (WMIC.replace("NAME", "xmrig"), "PC7"),
    "Wazuh, a rule's words": (RULED.replace("SAID", "Cryptocurrency miner started"), "srv1"),
    "Wazuh, a rule's group": (RULED.replace("GROUP", "cryptomining"), "srv1"),
    "Defender for Cloud": (json.dumps({"properties": {
        "alertDisplayName": "Digital currency mining container detected", "severity": "High",
        "compromisedEntity": "cluster1", "startTimeUtc": "2026-01-10T09:00:00Z",
    }}) + "\n", "cluster1"),
}  # fmt: skip

SILENT: dict[str, str] = {
    "Event Viewer of 2012": STARTED.replace("PROGRAM", "rapidminer").replace("ARGUMENTS", "-o C:\\out -u yamada"),
    "systemctl": UNITS.replace("NAME", "minio"),
    "docker stats": STATS.replace("NAME", "minecraft"),
    "Get-Process": PROCESSES.replace("NAME", "chrome"),
    "keys that start programs": KEYS.replace("NAME", "OneDrive"),
    "Zeek, software": SOFTWARE.replace("NAME", "Firefox"),
    "wmic": WMIC.replace("NAME", "chrome"),
    "nvidia-smi, CSV": "pid, process_name, used_gpu_memory [MiB]\n4242, /usr/bin/python3, 6096 MiB\n",
    **{name: HEARD[name][0].replace(POOL, "pool.ntp.org").replace(CLIENT, "192.168.1.21") for name in (
        "tshark", "tshark, a handshake", "tshark, fields", "tshark, JSON", "BIND, a policy zone", "dnscrypt-proxy",
        "PowerDNS",
    )},
    "Umbrella": HEARD["Umbrella"][0].replace(POOL, "www.example.org").replace("Cryptomining", "News"),
    "Sophos": HEARD["Sophos"][0].replace("Coinminer stratum protocol", "SIP options"),
    "SonicWall": HEARD["SonicWall"][0].replace("Stratum Mining Protocol", "SIP options"),
    "Sentinel": HEARD["Sentinel"][0].replace("Digital currency mining related behavior detected", "Sign-in"),
}  # fmt: skip


@pytest.mark.parametrize("name", HEARD)
def test_what_mines_is_heard_and_named(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    text, device = HEARD[name]
    said = hear(kanaria, tmp_path, text)
    assert said.severity in ("medium", "high", "critical")
    assert said.document["inputs"][0]["format"] is not None
    assert said.devices == ({device} if device else set())


@pytest.mark.parametrize("name", SILENT)
def test_its_neighbour_is_silent_and_read(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    said = hear(kanaria, tmp_path, SILENT[name])
    assert said.severity == "silent"
    assert said.document["inputs"][0]["format"] is not None


def test_a_rule_of_wazuh_is_heard_among_carried_lines(kanaria: Kanaria, tmp_path: Path) -> None:
    inside = json.loads(RULED)
    logons = [
        json.dumps({**inside, "rule": {"level": 5, "id": "5716", "description": "sshd: failed"},
                    "full_log": f"Jan 10 09:00:{n:02} srv1 sshd[1]: Failed password for root from 203.0.113.7 port 4000{n} ssh2"})
        for n in range(9)
    ]  # fmt: skip
    told = {**inside, "full_log": "Jan 10 09:01:00 srv1 sshd[1]: Connection closed by 203.0.113.7 port 40000"}
    for line in (RULED, json.dumps(told) + "\n"):
        text = "".join(f"{one}\n" for one in logons) + line.replace("SAID", "Cryptocurrency miner started")
        said = hear(kanaria, tmp_path, text)
        assert said.document["inputs"][0]["format"] == "wrapped"
        assert "sensor_mining_alert" in said.rules
        assert "srv1" in said.devices
