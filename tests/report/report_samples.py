"""Incidents made by hand for the tests of reports, exports and pictures: a mining DNS server, a scanner, a hostile log."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

from kanaria.core.ids import content_id
from kanaria.core.types import (
    Analysis,
    Evidence,
    Finding,
    HypothesisScore,
    Impact,
    Incident,
    Indicator,
    InputSummary,
    Outcome,
    Recommendation,
    RelatedVulnerability,
    Series,
    Severity,
    Stage,
    StratumMessage,
    Text,
    TimelineEntry,
)
from tests.incidents.building import about

START = datetime(2026, 6, 8, 1, 0, tzinfo=UTC)
SERVER = "192.0.2.53"
POOL = "198.51.100.38"

# rule, title, stage, severity, remotes, minutes after START, techniques: the order a compromised server shows.
STORY: tuple[tuple[str, Text, Stage, Severity, tuple[str, ...], int, tuple[str, ...]], ...] = (
    ("internet_facing_rdp_server", Text(en="Internet-facing RDP server", ja="インターネットに公開されたRDPサーバ"),
     "reconnaissance", "medium", ("203.0.113.123",), 0, ("T1133",)),
    ("incoming_remote_desktop", Text(en="Incoming Remote Desktop", ja="外部からのリモートデスクトップ"),
     "initial_access", "medium", ("203.0.113.123", "203.0.113.85", "203.0.113.100", "203.0.113.234"), 4, ("T1133", "T1110")),
    ("rdp_success_after_brute_force", Text(en="RDP logon after brute force", ja="総当たり後のRDPログオン成功"),
     "initial_access", "high", ("203.0.113.85",), 130, ("T1078", "T1021.001")),
    ("crypto_currency_mining_activity", Text(en="Crypto currency mining activity", ja="暗号資産のマイニング通信"),
     "impact", "high", (POOL,), 300, ("T1496.001",)),
    ("monero_mining", Text(en="Monero mining", ja="Moneroのマイニング"), "impact", "high", (POOL,), 301, ("T1496.001",)),
    ("high_priority_crypto_currency_mining", Text(en="High priority crypto currency mining", ja="最優先で対応すべきマイニング"),
     "impact", "critical", (POOL,), 302, ("T1496.001",)),
    ("anomalous_smb", Text(en="Anomalous SMB followed by other findings", ja="異常なSMBに続く複数の検知"),
     "lateral_movement", "high", ("203.0.113.150", "203.0.113.202"), 318, ("T1021.002",)),
)  # fmt: skip


def finding(
    rule: str = "monero_mining",
    minutes: float | None = 0,
    remote: str | None = POOL,
    device: str | None = SERVER,
    severity: Severity = "high",
    **more: object,
) -> Finding:
    """A finding; anything a test is not about has an ordinary value."""
    time = None if minutes is None else START + timedelta(minutes=minutes)
    number = content_id("n", (rule, minutes, remote))
    proof = evidence(f"e-{number}", time=time)
    values: dict[str, object] = {
        "id": f"f-{number}", "rule": rule, "rule_version": "1", "title": Text(en="Monero mining", ja="Moneroのマイニング"),
        "why": Text(en=f"{device} mined with {remote}", ja=f"{device} が {remote} とマイニングしました"),
        "severity": severity, "table": "connection", "time": time, "device": device, "remote": remote,
        "key": f"{device}|{remote}", "bits": 9.0, "stage": "impact", "techniques": ("T1496.001",), "evidence": (proof,), "tags": about(rule),
    }  # fmt: skip
    return Finding(**{**values, **more})  # type: ignore[arg-type]


def evidence(
    id_: str, bits: float = 9.0, quote: str = "tcp 192.0.2.53:49152 -> 198.51.100.38:443", **more: object
) -> Evidence:
    values: dict[str, object] = {
        "id": id_, "kind": "outbound_mining_flow", "about": "compromised_device", "family": "payload", "bits": bits,
        "because": Text(en="a mining connection leaves the device", ja="機器からマイニング通信が出ています"),
        "source": "capture.pcap", "line": 7, "quote": quote, "event_id": zlib.crc32(id_.encode()),
    }  # fmt: skip
    return Evidence(**{**values, **more})  # type: ignore[arg-type]


def incident(findings: tuple[Finding, ...], id_: str = "i-0123456789ab", **more: object) -> Incident:
    """An incident over findings, judged as a confirmed compromise unless said otherwise."""
    times = sorted(time for f in findings for time in (f.time, f.until) if time)
    proofs = tuple({e.id: e for f in findings for e in f.evidence}.values())
    values: dict[str, object] = {
        "id": id_, "title": Text(en="Compromised device mining coins: confirmed", ja="乗っ取られた機器によるマイニング: 成功を確認"),
        "severity": "critical",
        "hypotheses": (
            HypothesisScore(name="compromised_device", probability=0.98, bits=14.2),
            HypothesisScore(name="internet_wide_scanner", probability=0.02, bits=8.6),
        ),
        "outcome": Outcome(value="confirmed", bits=12.0, because=tuple(e.id for e in proofs[:2])),
        "devices": tuple(dict.fromkeys(f.device for f in findings if f.device)),
        "remotes": tuple(dict.fromkeys(f.remote for f in findings if f.remote)),
        "first_seen": times[0] if times else None, "last_seen": times[-1] if times else None,
        "findings": findings, "messages": (),
        "techniques": tuple(sorted({t for f in findings for t in f.techniques})),
        "indicators": tuple({f.remote: _indicator(f) for f in reversed(findings) if f.remote}.values()), "timeline": tuple(_moment(f) for f in findings if f.time),
        "vulnerabilities": (),
        "recommendations": (Recommendation(id="isolate", effort=1, evidence=(), text=Text(en="Take the device offline.", ja="機器をネットワークから切り離してください。")),),
        "impact": Impact(checked=(), statements=()), "evidence": proofs,
    }  # fmt: skip
    return Incident(**{**values, **more})  # type: ignore[arg-type]


def analysis(*incidents: Incident) -> Analysis:
    """A run that found these incidents."""
    read = InputSummary(
        path="capture.pcap", format="pcap", rows=1200, rejected=0, first=START, last=START + timedelta(hours=6)
    )
    return Analysis(inputs=(read,), incidents=incidents, not_looked_at=(Text(en="The host.", ja="ホスト。"),))


def dns_server() -> Incident:
    """A DNS server: RDP tried and entered, a miner on it, SMB to strangers."""
    findings = tuple(
        finding(rule, minutes + 3 * index, remote, severity=severity, title=title, stage=stage, techniques=techniques)
        for rule, title, stage, severity, remotes, minutes, techniques in STORY
        for index, remote in enumerate(remotes)
    )
    message = StratumMessage(
        event_id=findings[0].evidence[0].event_id or 0, dialect="cryptonote", method="login", direction="client", coin="XMR",
        algorithms=("rx/0",), wallet="4" + "A" * 94, wallet_valid=False, worker="rig7", password="x", agent="XMRig/6.22.2",  # noqa: S106
    )  # fmt: skip
    return incident(
        findings,
        messages=(message,),
        vulnerabilities=(RelatedVulnerability(cve="CVE-2023-22527", relation="context", evidence=()),),
    )


def scanner(day: int = 3, wallet: str = "blue1") -> Incident:
    """A stranger who probes for pools and fails."""
    one = finding(
        "known_scanner_sample", 60.0 * 24 * day, "203.0.113.9", None, "informational",
        title=Text(en="Known scanner sample", ja="既知のスキャナの値"), stage="reconnaissance", techniques=("T1595",), table="http",
    )  # fmt: skip
    message = StratumMessage(event_id=1, dialect="cryptonote", method="login", direction="client", wallet=wallet)
    return incident(
        (one,),
        id_=f"i-scanner{day}",
        title=Text(en="Internet-wide probe: failed", ja="無差別スキャン: 失敗"),
        severity="informational",
        messages=(message,),
        hypotheses=(
            HypothesisScore(name="internet_wide_scanner", probability=0.99, bits=9.0),
            HypothesisScore(name="benign", probability=0.01, bits=2.0),
        ),
        outcome=Outcome(value="failed", bits=-8.0, because=()),
    )


def fragment() -> Incident:
    """An incident without times, addresses or evidence: only what a pasted line gives."""
    bare = finding(
        "stratum_message_in_web_request", None, None, None, "informational", stage=None, techniques=(), evidence=()
    )
    return incident(
        (bare,), id_="i-fragment0000", severity="informational", outcome=Outcome(value="failed", bits=-6.0, because=())
    )


def _indicator(source: Finding) -> Indicator:
    return Indicator(type="ipv4", value=str(source.remote), comment=source.title)


def _moment(source: Finding) -> TimelineEntry:
    assert source.time is not None
    return TimelineEntry(
        time=source.time, stage=source.stage, what=source.title, evidence=tuple(e.id for e in source.evidence)
    )


def series() -> tuple[Series, ...]:
    """What the mining server looks like over time: surprise, volume against normal, message lengths."""
    hours = [START + timedelta(hours=n) for n in range(-48, 8)]
    surprise = [(time, 9.5 + n % 3 if n > 50 else 2.0 + (n * 7 % 5) * 0.6) for n, time in enumerate(hours)]
    normal = [(time, 400_000.0 + 150_000 * (time.hour in range(9, 18))) for time in hours]
    mining = [(time, 110_000.0 if n > 53 else 0.0) for n, time in enumerate(hours)]
    lengths = [420.0, -640.0] + [size for n in range(40) for size in (186.0, -64.0, *((-330.0,) if n % 4 == 0 else ()))]
    messages = [(START + timedelta(seconds=13 * n + (n * n) % 17), size) for n, size in enumerate(lengths)]
    return (
        Series(kind="surprise", device=SERVER, unit="bits", points=tuple(surprise), threshold=8.0),
        Series(kind="volume", device=SERVER, remote=POOL, unit="bytes / h", points=tuple(mining)),
        Series(kind="normal", device=SERVER, unit="bytes / h", points=tuple(normal)),
        Series(kind="messages", device=SERVER, remote=POOL, unit="bytes", points=tuple(messages)),
    )
