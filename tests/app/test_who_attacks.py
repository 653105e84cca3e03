"""What other sensors say of attacks and mining, and whom it names: the device that did it, whoever stands beside it.

Each template is one sensor's record of what ``SRC`` did to ``DST``. Between two machines inside and from inside to
outside ``SRC`` is named and ``DST`` is not; what strangers do to machines inside names nobody.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.app.test_records_of_others import hear

INSIDE, NEIGHBOUR, OUTSIDE = "192.168.1.20", "192.168.1.53", "203.0.113.50"
AWAY = {"inside": (INSIDE, NEIGHBOUR), "outside": (INSIDE, OUTSIDE)}


def _notice(note: str, **members: object) -> str:
    return json.dumps({"ts": 1767949200.5, "note": note, "msg": "m", "actions": ["Notice::ACTION_LOG"], **members})


def _eve(signature: str, **members: object) -> str:
    return json.dumps({
        "timestamp": "2026-01-10T09:00:00.123456+0000", "flow_id": 1, "event_type": "alert", "src_ip": "SRC",
        "src_port": 50000, "dest_ip": "DST", "dest_port": 445, "proto": "TCP",
        "alert": {"action": "allowed", "signature_id": 2001, "signature": signature, "category": "x", "severity": 2},
        **members,
    })  # fmt: skip


def _fast(signature: str) -> str:
    return (
        f"01/10/2026-09:00:00.123456  [**] [1:2001219:20] {signature} [**] [Classification: Misc] [Priority: 2] "
        "{TCP} SRC:50000 -> DST:22"
    )


def _fortigate(**members: str) -> str:
    pairs = {"type": "utm", "subtype": "ips", "srcip": "SRC", "srcport": "50000", "dstip": "DST", "dstport": "22"}
    said = " ".join(f'{name}="{value}"' for name, value in (pairs | members).items())
    return f'date=2026-01-10 time=09:00:00 devid="FG100" logid="0419016384" eventtime=1768035600000000000 {said}'


def _guardduty(direction: str) -> str:
    here, there = ("SRC", "DST") if direction == "OUTBOUND" else ("DST", "SRC")
    connection = {
        "connectionDirection": direction, "remoteIpDetails": {"ipAddressV4": there},
        "remotePortDetails": {"port": 22}, "localPortDetails": {"port": 50000},
    }  # fmt: skip
    instance = {"instanceId": "i-0abc", "networkInterfaces": [{"privateIpAddress": here}]}
    return json.dumps({
        "schemaVersion": "2.0", "id": "g1", "type": "UnauthorizedAccess:EC2/SSHBruteForce", "severity": 8,
        "resource": {"instanceDetails": instance}, "createdAt": "2026-01-10T09:00:00Z",
        "service": {"action": {"networkConnectionAction": connection}},
    })  # fmt: skip


_WAZUH = {
    "timestamp": "2026-01-10T09:00:00.000+0000", "rule": {"level": 3, "description": "Suricata", "id": "86601"},
    "agent": {"id": "000", "name": "sensor"}, "manager": {"name": "w"}, "location": "eve.json",
    "decoder": {"name": "json"}, "data": json.loads(_eve("ET SCAN Potential SSH Scan OUTBOUND")),
}  # fmt: skip
_PALO = ",".join(
    ["1", "2026/01/10 09:00:00", "0128", "THREAT", "vulnerability", "2049", "2026/01/10 09:00:00", "SRC", "DST", "", "",
     "rule", "", "", "ssh", "vsys1", "trust", "untrust", "e1", "e2", "log", "", "1234", "1", "50000", "22", "0", "0",
     "0x0", "tcp", "alert", "", "SSH User Authentication Brute Force Attempt(40015)", "any", "high", "c2s", "1"]
)  # fmt: skip

ATTACKS = {
    "Zeek, ports": _notice("Scan::Port_Scan", src="SRC", dst="DST"),
    "Zeek, lateral": _notice("ATTACK::Lateral_Movement", **{"id.orig_h": "SRC", "id.resp_h": "DST", "id.resp_p": 445}),
    "Suricata, a scan": _eve("ET SCAN Behavioral Unusual Port 445 traffic Potential Scan or Infection"),
    "Suricata, an exploit": _eve("ET EXPLOIT Possible ETERNALBLUE MS17-010 Heap Spray"),
    "Suricata, the flow's ends": _eve(
        "ET SCAN LibSSH Based Frequent SSH Connections Likely BruteForce Attack",
        flow={"src_ip": "SRC", "src_port": 50000, "dest_ip": "DST", "dest_port": 22},
    ),
    "Suricata in Wazuh": json.dumps(_WAZUH),
    "fast.log": _fast("ET SCAN Potential SSH Scan OUTBOUND"),
    "Snort": _fast("INDICATOR-SCAN SSH brute force login attempt"),
    "ECS": json.dumps({
        "@timestamp": "2026-01-10T09:00:00.000Z", "event": {"kind": "alert"}, "rule": {"name": "ET SCAN SSH"},
        "source": {"ip": "SRC", "port": 50000}, "destination": {"ip": "DST", "port": 22},
    }),
    "Maltrail": '"2026-01-10 09:00:00.123456" s SRC 50000 DST - TCP IP - "potential port scanning" (heuristic)',
    "GuardDuty, of who does it": _guardduty("OUTBOUND"),
    "GuardDuty, of whom it is done to": _guardduty("INBOUND"),
    "FortiGate": _fortigate(attack="SSH.Connection.Brute.Force"),
    "FortiGate, anomaly": _fortigate(attack="tcp_port_scan", subtype="anomaly"),
    "Palo Alto": _PALO,
    "CEF": "Jan 10 09:00:00 gw CEF:0|Example|Sensor|1|9|Port Scan|5|src=SRC dst=DST spt=50000 dpt=445 act=Detect",
}  # fmt: skip

ALONE = {
    "Zeek, addresses": _notice("Scan::Address_Scan", src="SRC", p=445),
    "Zeek, passwords": _notice("SSH::Password_Guessing", src="SRC"),
    "Zeek, FTP": _notice("FTP::Bruteforcing", src="SRC"),
    "Zeek, SQL": _notice("HTTP::SQL_Injection_Attacker", src="SRC"),
    "Slips": "2026-01-10T09:00:00.000000+0000 (TW 1): Src IP SRC . Detected SSH password guessing. by Slips",
    "Hayabusa": json.dumps({
        "Timestamp": "2026-01-10 09:00:00.000 +09:00", "RuleTitle": "PW Guessing", "Level": "med", "Computer": "PC53",
        "Channel": "Sec", "EventID": 4625, "Details": {"Count": "120", "SrcIP": "SRC"}, "RuleID": "x",
    }),
    "Hayabusa, CSV": '"Timestamp","RuleTitle","Level","Computer","Channel","EventID","RecordID","Details"\n'
    '"2026-01-10 09:00:00.000 +09:00","PW Guessing","med","PC53","Sec",4625,1,"Count: 120 ¦ SrcIP: SRC"',
}  # fmt: skip

MINING = {
    "Suricata": _eve("ET COINMINER XMR CoinMiner Usage"),
    "Suricata, the pool's answer": _eve("ET COINMINER Stratum Work Server Response", src_ip="DST", src_port=3333,
                                        dest_ip="SRC", dest_port=50000, direction="to_client"),
    "fast.log": _fast("ET COINMINER XMR CoinMiner Usage"),
    "FortiGate": _fortigate(attack="Stratum.Mining.Protocol"),
}  # fmt: skip


def _between(template: str, source: str, target: str) -> str:
    return template.replace("SRC", source).replace("DST", target) + "\n"


@pytest.mark.parametrize("where", AWAY)
@pytest.mark.parametrize("name", ATTACKS)
def test_who_attacks_is_named(kanaria: Kanaria, tmp_path: Path, name: str, where: str) -> None:
    said = hear(kanaria, tmp_path, _between(ATTACKS[name], *AWAY[where]))
    assert said.rules in ({"sensor_scan_alert"}, {"sensor_attack_alert"})
    assert (said.devices, said.severity, said.status) == ({INSIDE}, "medium", 1)


# GuardDuty tells of instances, which are the account's own whatever their address.
@pytest.mark.parametrize("name", [name for name in ATTACKS | ALONE if name != "GuardDuty, of who does it"])
def test_what_a_stranger_does_names_nobody(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    said = hear(kanaria, tmp_path, _between((ATTACKS | ALONE)[name], OUTSIDE, NEIGHBOUR))
    assert said.severity == "silent"


@pytest.mark.parametrize("name", ALONE)
def test_who_attacks_is_named_without_a_target(kanaria: Kanaria, tmp_path: Path, name: str) -> None:
    said = hear(kanaria, tmp_path, _between(ALONE[name], INSIDE, NEIGHBOUR))
    assert said.rules in ({"sensor_scan_alert"}, {"sensor_attack_alert"})
    assert INSIDE in said.devices
    assert said.severity == "medium"


@pytest.mark.parametrize("where", AWAY)
@pytest.mark.parametrize("name", MINING)
def test_who_mines_is_named_and_not_what_it_asks(kanaria: Kanaria, tmp_path: Path, name: str, where: str) -> None:
    said = hear(kanaria, tmp_path, _between(MINING[name], *AWAY[where]))
    assert (said.rules, said.devices) == ({"sensor_mining_alert"}, {INSIDE})


def test_a_pools_answer_without_its_flow_is_heard(kanaria: Kanaria, tmp_path: Path) -> None:
    answer = _fast("ET COINMINER Stratum Work Server Response").replace(":50000", ":3333").replace(":22", ":50000")
    said = hear(kanaria, tmp_path, _between(answer, OUTSIDE, INSIDE))
    assert (said.rules, said.devices) == ({"sensor_mining_alert"}, {INSIDE})
    probe = hear(kanaria, tmp_path, _between(_fast("ET COINMINER Stratum probe"), OUTSIDE, INSIDE))
    assert probe.severity == "silent"


def test_who_was_attacked_is_not_to_blame(kanaria: Kanaria, tmp_path: Path) -> None:
    said = hear(kanaria, tmp_path, _notice("HTTP::SQL_Injection_Victim", src=NEIGHBOUR) + "\n")
    assert said.severity == "silent"


def test_a_rented_servers_alerts_name_the_server(kanaria: Kanaria, tmp_path: Path) -> None:
    """Whose its public address is follows from its flows; before they are read a pool looks like any other end."""
    own = "198.51.100.10"
    flow = {"pkts_toserver": 9, "pkts_toclient": 9, "bytes_toserver": 2000, "bytes_toclient": 9000, "state": "closed"}
    visits = [
        json.dumps({
            "timestamp": f"2026-01-10T08:{i:02d}:09.0+0000", "flow_id": 50 + i, "event_type": "flow", "proto": "TCP",
            "src_ip": f"192.0.2.{i + 1}", "src_port": 40000 + i, "dest_ip": own, "dest_port": 443,
            "flow": {**flow, "start": f"2026-01-10T08:{i:02d}:00.0+0000", "end": f"2026-01-10T08:{i:02d}:05.0+0000"},
        })
        for i in range(40)
    ]  # fmt: skip
    alerts = [
        _between(_eve("ET COINMINER XMR CoinMiner Usage"), own, OUTSIDE),
        _between(_eve("ET SCAN Potential SSH Scan OUTBOUND"), own, OUTSIDE),
        _between(_eve("ET SCAN Potential SSH Scan"), "192.0.2.7", own),
    ]
    said = hear(kanaria, tmp_path, "\n".join(visits) + "\n" + "".join(alerts))
    assert (said.rules, said.devices) == ({"sensor_mining_alert", "sensor_scan_alert"}, {own})
