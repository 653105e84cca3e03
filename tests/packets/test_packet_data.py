"""Real captures: every clear-text mining stream, every cookie, and tshark's counts and names as the reference."""

from __future__ import annotations

import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from build_packets import read_capture

from kanaria.sources import open_inputs
from tests.programs import program

pytestmark = pytest.mark.data
CAPTURES = [
    "mining/zeek-cryptomining/bitcoin-mining.pcap", "mining/zeek-cryptomining/coinhive.pcap",
    "mining/nfstream/monero.pcap", "mining/ndpi/mining.pcapng", "rdp/benign-nfstream/rdp.pcap", "ssh/ssh.pcap",
    "smb/suricata-verify/smb2-07__20171220_smb_psexec_add_user.pcap",
    "mining-hard-negatives/ndpi/cfgs__default__pcap__discord.pcap",
    "mining-hard-negatives/ndpi/cfgs__default__pcap__whatsapp.pcap",
]  # fmt: skip


def _data(name: str) -> Path:
    root = os.environ.get("KANARIA_DATA")
    if not root:
        pytest.skip("KANARIA_DATA is not set")
    path = Path(root, name)
    if not path.exists():
        pytest.skip(f"{name} is not in KANARIA_DATA")
    return path


def _rows(path: Path) -> dict[str, list[dict[str, Any]]]:
    (stream,) = open_inputs([str(path)])
    return read_capture(stream)[0]


def _tshark(path: Path, fields: str, condition: str = "") -> list[str]:
    command = [
        program("tshark", "tshark"),
        "-r",
        str(path),
        "-T",
        "fields",
        *(part for name in fields.split() for part in ("-e", name)),
    ]
    done = subprocess.run(
        [*command, *(["-Y", condition] if condition else [])], capture_output=True, text=True, check=False
    )
    return [line for line in done.stdout.splitlines() if line.strip()]


@pytest.mark.parametrize("name", CAPTURES)
def test_packets_and_bytes_are_those_of_tshark(name: str) -> None:
    path = _data(name)
    seen = sum(row["src_packets"] + row["dst_packets"] for row in _rows(path)["connection"])
    assert seen == len(_tshark(path, "frame.number", "(ip or ipv6) and not (ip.frag_offset > 0)"))


@pytest.mark.parametrize("name", CAPTURES)
def test_server_names_are_those_of_tshark(name: str) -> None:
    path = _data(name)
    rows = _rows(path)
    plain = {row["event_id"] for row in rows["connection"] if row["service"] == "tls"}
    named = [row for row in rows.get("tls", []) if row["sni"]]
    ours = Counter(row["sni"] for row in named)
    without_rdp = Counter(row["sni"] for row in named if row["event_id"] in plain)
    field, condition = "tls.handshake.extensions_server_name", "tls.handshake.type == 1 and tcp"
    theirs = Counter(
        line.split("\t")[1].lower() for line in set(_tshark(path, f"tcp.stream {field}", condition)) if "\t" in line
    )
    theirs.pop("", None)
    assert theirs in (ours, without_rdp)  # tshark 4.0 misses TLS inside RDP, 4.4 does not


@pytest.mark.parametrize("name", CAPTURES)
def test_dns_questions_are_those_of_tshark(name: str) -> None:
    path = _data(name)
    ours = {row["query"] for row in _rows(path).get("dns", [])}
    theirs = {
        line.lower() for line in _tshark(path, "dns.qry.name", "(dns or llmnr) and udp and dns.count.queries == 1")
    }
    assert theirs <= ours


def test_every_rdp_cookie() -> None:
    path = _data("rdp/RDP-sHost_sAccount_mPasswords.pcap")
    cookies = Counter(row["cookie"] for row in _rows(path)["rdp"])
    assert set(cookies) == {"hello"}
    assert cookies["hello"] >= 315


@pytest.mark.parametrize("folder", ["mining/zeek-cryptomining", "mining/nfstream", "mining/ndpi", "mining/nicehash"])
def test_clear_text_mining_is_in_the_first_bytes(folder: str) -> None:
    words = (b"mining.", b"eth_", b'"login"', b'"submit"', b'"job"', b"getwork", b"getblocktemplate")
    for path in sorted(_data(folder).glob("*.pcap*")):
        connections = _rows(path)["connection"]
        firsts = b"".join((row["src_first"] or b"") + (row["dst_first"] or b"") for row in connections)
        raw = path.read_bytes()
        assert [word for word in words if word in raw] == [word for word in words if word in raw and word in firsts]


def test_xmrig_messages_show_their_lengths() -> None:
    found = 0
    for path in sorted(_data("mining/cj-sniffer-a").glob("*.pcap")):
        for row in _rows(path)["connection"]:
            pairs = row["pairs"]
            found += any(184 <= pair["request"] <= 187 and pair["answer"] in (64, 65) for pair in pairs)
    assert found >= 15


def test_rdp_password_guesses_are_failures_and_sessions_are_not() -> None:
    guesses = Counter(row["result"] for row in _rows(_data("rdp/RDP-sHost_sAccount_mPasswords.pcap"))["rdp"])
    assert guesses["likely_success"] == 0
    assert guesses["likely_failure"] >= 0.95 * guesses.total()
    for name in ("benign-OISF/RDP-003", "benign-nfstream/rdp", "benign-zeek/rdp-proprietary-encryption"):
        assert "likely_success" in {row["result"] for row in _rows(_data(f"rdp/{name}.pcap"))["rdp"]}, name


@pytest.mark.parametrize(
    ("name", "results"),
    [
        ("benign-zeek/rdp-to-ssl", ["likely_success", "likely_success"]),  # the first ends when the password was right
        ("benign-zeek/rdp-no-cookie-mstshash", ["encrypted"]),  # leaves after the handshake
        ("benign-ntop/rdp", ["likely_success"]),  # the capture ends there
        ("benign-ntop/rdp_over_tls", ["likely_failure"]),  # an alert in answer to the proof
    ],
)
def test_short_remote_desktop_visits(name: str, results: list[str]) -> None:
    assert sorted(row["result"] for row in _rows(_data(f"rdp/{name}.pcap"))["rdp"]) == results
