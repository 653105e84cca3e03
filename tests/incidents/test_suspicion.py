"""The shape of traffic alone is a suspicion: never confirmed, never critical, with words and advice of its own."""

from __future__ import annotations

from typing import Any

import pytest

from kanaria.core.types import Evidence, Finding, Incident, Text
from kanaria.incidents.judge import judge
from kanaria.incidents.weighing import evidence
from tests.incidents.building import DEVICE, START, around, case, facts, finding, message, record

POOL = "198.51.100.7"
SHAPED = ("mining_shape", "mining_shape_of_coin", "tunnel_port", "critical_device_anomaly", "anomaly", "rare_endpoint",
          "anomalous_remote_access")  # fmt: skip
ALOUD = ("outbound_mining_flow", "outbound_pool_connection", "pool_name_asked", "sensor_alert_mining", "miner_process",
         "login_after_guessing", "internal_scanning", "internal_guessing", "sensor_saw_scanning", "several_models")  # fmt: skip


def shaped(*kinds: str, rule: str = "traffic_shaped_like_mining", **more: Any) -> Finding:
    values: dict[str, Any] = {"table": "connection", "device": DEVICE, "remote": POOL, "stage": "impact",
                              "severity": "medium", "event_ids": (1,), "values": {"dst_port": "443"}}  # fmt: skip
    items: tuple[Evidence, ...] = more.pop("evidence", None) or tuple(evidence(facts(), kind) for kind in kinds)
    return finding(rule, 60, evidence=items, **{**values, **more})


def judged(*findings: Finding, **more: Any) -> Incident:
    flow = record(1, 60, "connection", device=DEVICE, values={"direction": "outbound", "mining.grammar_bits": 12.0})
    return judge(case(*findings, records=[flow]), around(**more))


def test_the_shape_alone_is_suspicious_and_asks_for_a_look() -> None:
    incident = judged(shaped("mining_shape"))
    assert (incident.severity, incident.outcome.value) == ("medium", "possible")
    assert incident.title == Text(
        en=f"Suspicious: traffic of {DEVICE} shaped like mining", ja=f"要確認:{DEVICE}のマイニングに似た通信"
    )
    assert [advice.id for advice in incident.recommendations] == ["look_at_process", "ask_owner", "allow_if_yours"]
    assert incident.impact.estimate is None
    look = incident.recommendations[0].text
    assert "198.51.100[.]7 port 443" in look.en
    assert "198.51.100[.]7 のポート443" in look.ja


@pytest.mark.parametrize("critical", [False, True])
def test_whatever_makes_it_more_suspicious_confirms_nothing(critical: bool) -> None:
    rules = ("traffic_shaped_like_mining", "mining_on_critical_device", "high_priority_crypto_currency_mining")
    incident = judged(
        *(shaped(*SHAPED, rule=rule, severity="critical") for rule in rules),
        critical_devices=frozenset({DEVICE} if critical else ()),
    )
    assert incident.severity == ("high" if critical else "medium")
    assert incident.outcome.value == "possible"
    assert "isolate" not in [advice.id for advice in incident.recommendations]


@pytest.mark.parametrize("aloud", ALOUD)
def test_what_is_said_aloud_is_no_mere_suspicion(aloud: str) -> None:
    incident = judged(shaped("mining_shape"), shaped(aloud, rule="crypto_currency_mining_activity"))
    assert not incident.title.en.startswith("Suspicious")
    assert incident.severity in {"high", "critical"}


def hours(*, coin_of: int | None, event: int = 1) -> Incident:
    """A shape that went on for hours, and a coin's lengths seen in the connection ``coin_of``."""
    kinds = [("mining_shape", event), ("mining_shape_for_hours", event)]
    kinds += [("mining_shape_of_coin", coin_of)] if coin_of is not None else []
    items = tuple(evidence(facts(), kind, record(number, 60, "connection", device=DEVICE)) for kind, number in kinds)
    return judged(shaped(evidence=items))


@pytest.mark.parametrize(("coin_of", "severity"), [(1, "high"), (None, "medium"), (2, "medium")])
def test_hours_of_answered_shares_of_a_coins_lengths_are_looked_at_sooner(coin_of: int | None, severity: str) -> None:
    """On one connection; and even then a shape confirms nothing by itself."""
    incident = hours(coin_of=coin_of)
    assert (incident.severity, incident.outcome.value) == (severity, "possible")
    assert incident.title.en.startswith("Suspicious")


def test_hours_beside_other_findings_about_the_device_confirm() -> None:
    kinds = ("mining_shape", "mining_shape_of_coin", "mining_shape_for_hours")
    incident = judged(shaped(*kinds), shaped("several_models", rule="anomalous_rdp_followed_by_multiple_findings"))
    assert (incident.severity, incident.outcome.value) == ("critical", "confirmed")


def test_no_cost_and_no_follow_up_is_claimed_of_a_shape() -> None:
    web = record(2, 0, values={"status": 200, "method": "POST", "url": "/a.php"})
    flow = record(1, 60, "connection", device=DEVICE, values={"direction": "outbound"})
    mined = shaped("mining_shape", values={"direction": "outbound"})
    incident = judge(case(finding(event_ids=(2,)), mined, records=[web, flow]), around())
    assert "outbound_mining_after" not in {item.kind for item in incident.evidence}
    assert incident.first_seen == START


def test_a_readable_message_is_weighed_as_one() -> None:
    mined = shaped("mining_shape", "outbound_mining_flow", rule="crypto_currency_mining_activity")
    said = message(1, direction="server", fields={"accepted": "true"})
    flow = record(1, 60, "connection", device=DEVICE, values={"direction": "outbound"})
    incident = judge(case(mined, messages=[said], records=[flow]), around())
    assert (incident.severity, incident.outcome.value) == ("critical", "confirmed")
