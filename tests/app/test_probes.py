"""A mining message that a stranger sends to a port of ours: a probe that failed, whatever listens there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.running import Kanaria
from tests.packets.build_packets import conversation, pcap

STRANGER, OURS, RENTED = "203.0.113.77", "192.168.10.5", "198.51.100.5"
LOGIN = b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"blue1","pass":"x","agent":"Windows NT 6.1; Win64; x64"}}\n'
SUBSCRIBE = b'{"id":1,"method":"mining.subscribe","params":[]}\n'
ACCEPTED = (
    b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"a1","job":{"blob":"0e0e","job_id":"1","target":"b88d0600",'
    b'"algo":"rx/0"},"status":"OK"}}\n'
)
TALKS = {
    "ssh": (22, [("s", b"SSH-2.0-OpenSSH_9.6\r\n"), ("c", LOGIN), ("s", b"Invalid SSH identification string.\r\n")]),
    "http": (80, [("c", LOGIN), ("s", b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")]),
    "smtp": (25, [("s", b"220 mail.example ESMTP\r\n"), ("c", SUBSCRIBE), ("s", b"500 5.5.2 Error: bad syntax\r\n")]),
    "tls": (443, [("c", SUBSCRIBE), ("s", b"\x15\x03\x01\x00\x02\x02\x46")]),
    "silence": (3333, [("c", LOGIN)]),
}
PROBE = "Internet-wide probe for mining pools and proxies: failed"


def capture(folder: Path, talk: str, server: str = OURS) -> str:
    port, script = TALKS[talk]
    (folder / "probe.pcap").write_bytes(pcap(conversation(script, sport=41000, dport=port, src=STRANGER, dst=server)))
    return "probe.pcap"


@pytest.mark.parametrize("talk", sorted(TALKS))
def test_a_strangers_message_to_our_server_is_a_failed_probe(kanaria: Kanaria, tmp_path: Path, talk: str) -> None:
    done = kanaria("analyze", "--format", "json", capture(tmp_path, talk))
    found = done.incident
    assert (found["title"]["en"], found["severity"]) == (PROBE, "informational")
    assert [finding["rule"] for finding in found["findings"]] == ["stratum_message_from_outside"]
    assert found["entities"] == {"devices": [OURS], "remotes": [STRANGER]}
    assert found["outcome"]["value"] == "failed"
    (said,) = [e for e in found["evidence"] if e["kind"] == "stratum_not_answered"]
    assert ("it sent nothing" in said["because"]["en"]) == (talk == "silence")
    assert ("何も送っていません" in said["because"]["ja"]) == (talk == "silence")
    assert found["techniques"] == ["T1595.002"]


@pytest.mark.parametrize("talk", sorted(TALKS))
def test_on_a_rented_server_who_does_not_know_whom_it_reached_is_the_stranger(
    kanaria: Kanaria, tmp_path: Path, talk: str
) -> None:
    done = kanaria("analyze", "--format", "json", capture(tmp_path, talk, RENTED))
    assert (done.incident["title"]["en"], done.incident["entities"]["devices"]) == (PROBE, [RENTED])


REFUSED = b'{"id":1,"jsonrpc":"2.0","error":{"code":-1,"message":"Unauthenticated"},"result":null}\n'
SHARE = (
    b'{"id":2,"method":"submit","params":{"id":"a1","job_id":"1","nonce":"0000002a","result":"' + b"0f" * 32 + b'"}}\n'
)
SHARED = b'{"id":2,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}\n'
MORE = ["198.51.100.6", "198.51.100.7", "198.51.100.8"]


def strangers(folder: Path, script: list[tuple[str, bytes]], servers: list[str]) -> str:
    """A capture in which no address is known to be ours; a client of its own for every server."""
    frames = [
        frame
        for number, server in enumerate(servers)
        for frame in conversation(script, sport=41000 + number, dport=3333, src=f"203.0.113.{77 + number}", dst=server)
    ]
    (folder / "strangers.pcap").write_bytes(pcap(frames))
    return "strangers.pcap"


@pytest.mark.parametrize("servers", [[RENTED], MORE])
@pytest.mark.parametrize("script", [[("c", LOGIN)], [("c", LOGIN), ("s", REFUSED)]], ids=["silence", "refusal"])
def test_between_strangers_who_is_not_answered_does_not_mine(
    kanaria: Kanaria, tmp_path: Path, script: list[tuple[str, bytes]], servers: list[str]
) -> None:
    done = kanaria("analyze", "--format", "json", strangers(tmp_path, script, servers))
    for found in done.document["incidents"]:
        assert found["hypotheses"][0]["name"] == "internet_wide_scanner"
        assert found["severity"] == "informational"
        assert found["outcome"]["value"] == "failed"
        assert not {"pool_sent_work", "outbound_mining_flow"} & {e["kind"] for e in found["evidence"]}
    reached = {device for found in done.document["incidents"] for device in found["entities"]["devices"]}
    assert reached == set(servers)


@pytest.mark.parametrize("servers", [[RENTED], MORE])
def test_between_strangers_who_gets_jobs_and_returns_shares_mines(
    kanaria: Kanaria, tmp_path: Path, servers: list[str]
) -> None:
    login = LOGIN.replace(b"blue1", b"own").replace(b"Windows NT 6.1; Win64; x64", b"XMRig/6.21.0")
    script = [("c", login), ("s", ACCEPTED), ("c", SHARE), ("s", SHARED)]
    done = kanaria("analyze", "--format", "json", strangers(tmp_path, script, servers))
    found = done.document["incidents"]
    assert {incident["hypotheses"][0]["name"] for incident in found} == {"compromised_device"}
    assert {incident["outcome"]["value"] for incident in found} == {"confirmed"}
    miners = {device for incident in found for device in incident["entities"]["devices"]}
    assert miners == {f"203.0.113.{77 + number}" for number in range(len(servers))}


def test_the_reader_is_told_that_the_sides_are_unknown(kanaria: Kanaria, tmp_path: Path) -> None:
    name = strangers(tmp_path, [("c", LOGIN)], [RENTED])
    said = kanaria("analyze", name).out
    assert "which side is yours cannot be told" in " ".join(said.split())
    assert "どちらがご自身の側かは判断できない" in "".join(kanaria("analyze", "--lang", "ja", name).out.split())


def test_an_answer_in_the_protocol_may_have_worked_and_is_no_mining_of_ours(kanaria: Kanaria, tmp_path: Path) -> None:
    frames = conversation([("c", LOGIN), ("s", ACCEPTED)], sport=41000, dport=3333, src=STRANGER, dst=OURS)
    (tmp_path / "probe.pcap").write_bytes(pcap(frames))
    found = kanaria("analyze", "--format", "json", "probe.pcap").incident
    rules = {finding["rule"] for finding in found["findings"]}
    assert rules == {"stratum_message_from_outside", "stratum_server_inside"}
    kinds = {e["kind"] for e in found["evidence"]}
    assert "jsonrpc_result_in_answer" in kinds
    assert not kinds & {"stratum_not_answered", "mining_share_accepted", "pool_sent_work", "outbound_mining_flow"}
    assert found["outcome"]["value"] == "possible"


def test_a_probe_does_not_join_the_mining_of_the_device_it_reached(kanaria: Kanaria, tmp_path: Path) -> None:
    probe = conversation(TALKS["ssh"][1], sport=41000, dport=22, src=STRANGER, dst=OURS)
    mining = conversation(
        [
            ("c", LOGIN.replace(b"blue1", b"own").replace(b"Windows NT 6.1; Win64; x64", b"XMRig/6.21.0")),
            ("s", ACCEPTED),
        ],
        sport=42000,
        dport=3333,
        src=OURS,
        dst="198.51.100.9",
    )
    (tmp_path / "both.pcap").write_bytes(pcap([*probe, *mining]))
    incidents = kanaria("analyze", "--format", "json", "both.pcap").document["incidents"]
    assert [(i["severity"], i["entities"]["remotes"]) for i in incidents] == [
        ("critical", ["198.51.100.9"]), ("informational", [STRANGER]),
    ]  # fmt: skip
