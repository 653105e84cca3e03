"""The scripted capture of the DNS server: every byte the same each time, and all eight models out of its packets."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

import kanaria.app.commands.demo_inputs as demo
from kanaria.app.commands import lab_live
from kanaria.app.config import Allowed, Config
from kanaria.app.run.conclude import Around, conclude
from kanaria.app.run.engine import Engine
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.plot_series import SeriesKeeper
from kanaria.app.run.setup import prepare
from kanaria.core.errors import SourceError
from kanaria.core.stream import ReadContext
from kanaria.core.types import Analysis, Finding, Incident
from kanaria.formats import registry
from kanaria.lab import cast
from kanaria.lab.dns_server import CLIENTS, POOL, SERVER, build, story
from kanaria.lab.scenario import EPOCH
from kanaria.sources import open_inputs
from tests.programs import PLACES, programs

BUNDLED = demo.EXAMPLES / "dns-server.pcap"
EIGHT = {
    "internet_facing_rdp_server", "incoming_remote_desktop", "anomalous_external_activity_from_critical_network_device",
    "crypto_currency_mining_activity", "monero_mining", "high_priority_crypto_currency_mining",
    "anomalous_rdp_followed_by_multiple_findings", "anomalous_smb_followed_by_multiple_findings",
}  # fmt: skip
ANOMALY = "anomalous_external_activity_from_critical_network_device"
MINING = {
    "anomalous_external_activity_from_critical_network_device", "crypto_currency_mining_activity", "monero_mining",
    "high_priority_crypto_currency_mining",
}  # fmt: skip


Seen = tuple[Analysis, list[Finding], Engine]


def looked_at(path: Path) -> Iterator[Seen]:
    """What is found, and the run itself, which may conclude anew with other settings."""
    with Engine(prepare()) as engine:
        analysis = analyse(open_inputs([str(path)]), engine)
        yield analysis, list(engine.case.findings.values()), engine


def concluded(seen: Seen, allowed: Allowed) -> tuple[Incident, ...]:
    """The incidents if the owner had allowed that: what is allowed matters to conclusions only."""
    engine = seen[2]
    setup = replace(engine.setup, config=Config(allowed=allowed))
    around = Around(setup=setup, memory=engine.memory, case=engine.case, accounts=engine.accounts)
    return conclude(around, SeriesKeeper()).incidents


@pytest.fixture(scope="module")
def case() -> Iterator[Seen]:
    yield from looked_at(BUNDLED)


@pytest.fixture(scope="module")
def mining_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    path = tmp_path_factory.mktemp("mining") / "mining.pcap"
    build(path, rdp=False, smb=False)
    yield from looked_at(path)


def test_the_bundled_capture_is_what_the_script_makes(tmp_path: Path) -> None:
    made = tmp_path / "case.pcap"
    assert build(made) > 5_000
    assert made.read_bytes() == BUNDLED.read_bytes()
    assert BUNDLED.stat().st_size < 1_500_000


def test_parts_can_be_left_out(tmp_path: Path) -> None:
    counts = [
        build(tmp_path / "a", rdp=False), build(tmp_path / "b", smb=False), build(tmp_path / "c", mining=False),
        build(tmp_path / "d"),
    ]  # fmt: skip
    assert max(counts[:3]) < counts[3]


@pytest.mark.slow
def test_all_eight_models_fire_on_the_server_and_nothing_on_its_clients(case: Seen) -> None:
    _, found, _ = case
    assert {finding.rule for finding in found} >= EIGHT
    assert {finding.device for finding in found} == {SERVER.address}
    assert not {finding.device for finding in found} & {client.address for client in CLIENTS}


@pytest.mark.slow
def test_the_alarm_names_the_first_minute_of_mining(case: Seen) -> None:
    (alarm,) = [finding for finding in case[1] if finding.rule == "high_priority_crypto_currency_mining"]
    mined = next(finding for finding in case[1] if finding.rule == "crypto_currency_mining_activity")
    assert alarm.severity == "critical"
    assert alarm.time is not None and mined.time is not None
    assert mined.remote == POOL.address
    assert alarm.time - mined.time < timedelta(seconds=60)


@pytest.mark.slow
def test_it_becomes_one_incident(case: Seen) -> None:
    (incident,) = case[0].incidents
    assert (incident.severity, incident.outcome.value) == ("critical", "confirmed")
    assert {"T1133", "T1110", "T1078", "T1021.001", "T1021.002", "T1496.001"} <= set(incident.techniques)
    assert incident.first_seen is not None and incident.first_seen > EPOCH + timedelta(days=8)


@pytest.mark.slow
def test_without_remote_access_only_the_mining_models_fire(mining_alone: Seen) -> None:
    assert {finding.rule for finding in mining_alone[1]} == MINING | {"long_connection_to_rare_endpoint"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "allowed", [Allowed(devices=(SERVER.address,)), Allowed(pools=(POOL.address,))], ids=["device", "pool"]
)
def test_what_the_owner_allows_is_called_allowed(case: Seen, allowed: Allowed) -> None:
    access, mining = concluded(case, allowed)
    assert (mining.hypotheses[0].name, mining.severity) == ("authorised_mining", "informational")
    assert access.severity == "medium", "RDP and SMB are not allowed"
    assert {"close_rdp", "close_smb"} <= {item.id for item in access.recommendations}
    assert not {finding.rule for finding in access.findings} & (MINING - {ANOMALY})


@pytest.mark.slow
def test_allowed_mining_alone_needs_nothing(mining_alone: Seen) -> None:
    (incident,) = concluded(mining_alone, Allowed(devices=(SERVER.address,)))
    assert (incident.severity, incident.recommendations[0].id) == ("informational", "none")


def rdp_results(capture: Path) -> Counter[str | None]:
    """What became of the Remote Desktop logons, by the packets."""
    found: Counter[str | None] = Counter()
    for stream in open_inputs([str(capture)]):
        for batch in registry.get("pcap").read(stream, ReadContext()):
            if not batch.interim and "rdp" in batch.tables:
                found.update(batch.tables["rdp"]["result"].to_pylist())
    return found


def scripted_results() -> Counter[str | None]:
    """What became of them by the script."""
    granted = [bool(one.tags["granted"]) for one in story(seed=7) if one.label == "rdp"]
    return Counter("likely_success" if each else "likely_failure" for each in granted)


def test_the_scripted_capture_says_what_became_of_each_logon() -> None:
    assert rdp_results(BUNDLED) == scripted_results()


@pytest.mark.slow
@pytest.mark.privileged
def test_performed_by_real_servers_it_is_the_same_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """dnsmasq, Samba, TLS and TCP are the real ones; beside the packets stand a connection log and Samba's logons."""
    monkeypatch.setenv("PATH", f"{PLACES}:{os.environ['PATH']}")
    programs({"dnsmasq": "dnsmasq-base", "smbd": "samba", "smbclient": "smbclient", "tcpdump": "tcpdump"})
    if reason := cast.missing():
        pytest.skip(reason)
    made = tmp_path / "case.pcap"
    packets, logs = lab_live.dns_server(made, seed=7, without=())
    assert packets > 5_000
    with Engine(prepare()) as engine:
        analysis = analyse(open_inputs([str(path) for path in (made, *logs)]), engine)
    found = list(engine.case.findings.values())
    assert {summary.format for summary in analysis.inputs} == {"pcap", "samba", "zeek-json"}
    assert {finding.rule for finding in found} >= EIGHT
    assert {finding.device for finding in found} == {SERVER.address}
    (incident,) = analysis.incidents
    assert (incident.severity, incident.outcome.value) == ("critical", "confirmed")
    (mined,) = [finding for finding in found if finding.rule == "crypto_currency_mining_activity"]
    assert (mined.remote, mined.time is not None and mined.time.date()) == (POOL.address, date(2026, 1, 13))
    assert rdp_results(made) == scripted_results(), "every refusal, also one whose server closes in the same breath"
    linked = [note.en for note in analysis.notes if "each counts once" in note.en]
    assert len(linked) == 1, "the connection log tells of the flows that the capture shows"


def test_without_its_programs_the_performance_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SourceError, match=r"--live: expected root and ip, tcpdump, openssl, dnsmasq, smbd"):
        lab_live.dns_server(tmp_path / "case.pcap", seed=7, without=())
    assert list(tmp_path.iterdir()) == []
