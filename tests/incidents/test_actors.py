"""What one actor did never speaks about another: properties of grouping, permission and judgement together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.types import SEVERITIES, Finding, Incident, Record, StratumMessage
from kanaria.incidents.actors import acted, parts
from kanaria.incidents.case import Allowed, Surroundings
from kanaria.incidents.grouping import group
from kanaria.incidents.judge import judge
from kanaria.incidents.weighing import evidence
from tests.incidents.building import around, facts, finding, message, record, request

MINE, THEIRS = "4" + "A" * 94, "4" + "B" * 94
RESOLVER, POOL = "9.9.9.9", "203.0.113.90"
SAMPLE = next(s for s in facts().samples if s.kind == "wallet" and not s.name.startswith("documentation"))

Pile = tuple[list[Finding], list[StratumMessage], list[Record]]


def mined(event: int, device: str, wallet: str = THEIRS, remote: str = POOL, **said: object) -> Pile:
    """One answered mining connection of a device of ours, and what the models say of it."""
    values = {"direction": "outbound", "src_ip": device, "dst_ip": remote, "dst_port": 3333}
    flow = record(event, event, "connection", device=device, remote=remote, values=values)
    seen = tuple(evidence(facts(), weight, flow) for weight in ("outbound_mining_flow",))
    told = finding(
        "crypto_currency_mining_activity", event, id=f"f-{event}", key=f"{device} {remote}", device=device, remote=remote,
        table="connection", stage="impact", event_ids=(event,), evidence=seen, values={"direction": "outbound"},
    )  # fmt: skip
    messages = [
        message(event, wallet=wallet, wallet_valid=True, **said),
        message(event, direction="server", method="submit", fields={"accepted": "true"}),
    ]
    return [told], messages, [flow]


def asked(event: int, device: str) -> Pile:
    """A question for a pool's name, to the resolver everybody uses."""
    row = record(
        event, event, "dns", device=device, remote=RESOLVER, values={"direction": "outbound", "src_ip": device}
    )
    told = finding(
        "pool_name_in_dns_mining", event, id=f"f-{event}", device=device, remote=RESOLVER, table="dns",
        stage="command_and_control", event_ids=(event,), evidence=(evidence(facts(), "pool_name_asked", row),),
    )  # fmt: skip
    return [told], [], [row]


def probed(event: int, remote: str, status: int = 400) -> Pile:
    """A scanner's line in a web log."""
    row = request(event, event, remote, status=status)
    told = finding(
        "stratum_message_in_web_request", event, id=f"f-{event}", remote=remote, event_ids=(event,),
        evidence=(evidence(facts(), "stratum_request", row),),
    )  # fmt: skip
    return [told], [message(event, wallet=SAMPLE.value, sample=SAMPLE.name, agent="Windows NT 6.1; Win64; x64")], [row]


def attacked(event: int, remote: str) -> Pile:
    """A payload that installs a miner."""
    row = request(event, event, remote, status=200, url="/x")
    told = finding(
        "web_miner_in_payload", event, id=f"f-{event}", remote=remote, stage="execution", event_ids=(event,),
        evidence=(evidence(facts(), "miner_in_payload", row), evidence(facts(), "exploit_payload", row)),
    )  # fmt: skip
    return [told], [], [row]


def judged(piles: Iterable[Pile], allowed: Allowed | None = None) -> list[Incident]:
    findings = [one for pile in piles for one in pile[0]]
    messages = [one for pile in piles for one in pile[1]]
    records = {one.event_id: one for pile in piles for one in pile[2]}
    given_ = allowed or Allowed()
    surroundings: Surroundings = around(allowed=given_)
    return [judge(case, surroundings) for case in group(findings, messages, records, allowed=given_)]


def verdicts(incidents: Iterable[Incident]) -> dict[tuple[str, ...], tuple[str, str, str]]:
    """By the findings of each: severity, top hypothesis, outcome."""
    return {
        tuple(sorted(f.id for f in one.findings)): (one.severity, one.hypotheses[0].name, one.outcome.value)
        for one in incidents
    }


devices = st.lists(st.integers(1, 250).map(lambda n: f"192.0.2.{n}"), min_size=1, max_size=6, unique=True)
strangers = st.lists(
    st.tuples(st.sampled_from([probed, attacked]), st.sampled_from(["203.0.113.9", "203.0.113.10", "198.51.100.7"])),
    max_size=6,
)


def others(chosen: Sequence[tuple[object, str]]) -> list[Pile]:
    return [make(1000 + number, remote) for number, (make, remote) in enumerate(chosen)]  # type: ignore[operator]


@given(devices)
def test_a_shared_resolver_or_pool_joins_nobody(known: list[str]) -> None:
    wallets = {device: "4" + chr(65 + n) * 94 for n, device in enumerate(known)}
    piles = [mined(n, device, wallets[device]) for n, device in enumerate(known)]
    piles += [asked(100 + n, device) for n, device in enumerate(known)]
    incidents = judged(piles)
    assert sorted(one.devices for one in incidents) == sorted((device,) for device in known)


@given(devices)
def test_one_wallet_is_one_incident_that_names_every_device(known: list[str]) -> None:
    (one,) = judged([mined(n, device) for n, device in enumerate(known)])
    assert set(one.devices) == set(known)
    isolate = next(advice.text for advice in one.recommendations if advice.id == "isolate")
    for device in known:
        assert device in isolate.en and device in isolate.ja
        assert device in one.title.en and device in one.title.ja
    assert (str(len(known)) in one.title.en) == (len(known) > 1) or str(len(known)) in "".join(known)


@settings(max_examples=60, deadline=None)
@given(devices, strangers)
def test_what_strangers_send_never_excuses_a_device_of_ours(known: list[str], chosen: list[tuple[object, str]]) -> None:
    piles = [mined(n, device) for n, device in enumerate(known)]
    alone, together = judged(piles), judged([*piles, *others(chosen)])
    mining = {f"f-{n}" for n in range(len(known))}
    kept = [one for one in together if mining & {f.id for f in one.findings}]
    assert {one.severity for one in kept} == {one.severity for one in alone} == {"critical"}
    assert {one.hypotheses[0].name for one in kept} == {"compromised_device"}


@settings(max_examples=60, deadline=None)
@given(strangers, st.sampled_from(["203.0.113.9", "203.0.113.8", "198.51.100.7"]))
def test_sample_lines_never_turn_an_attack_into_a_scan(chosen: list[tuple[object, str]], attacker: str) -> None:
    attack = attacked(1, attacker)
    (alone,) = judged([attack])
    found = next(one for one in judged([attack, *others(chosen)]) if "f-1" in {f.id for f in one.findings})
    assert SEVERITIES.index(found.severity) >= SEVERITIES.index(alone.severity)
    assert found.hypotheses[0].name == "exploitation_attempt"


def test_a_miner_that_sends_a_scanners_values_is_a_miner() -> None:
    own = mined(1, "192.0.2.7", SAMPLE.value, agent="Windows NT 6.1; Win64; x64", sample=SAMPLE.name)
    incidents = judged([own, *(probed(10 + n, "203.0.113.9") for n in range(4))])
    assert ("critical", "compromised_device", "confirmed") in verdicts(incidents).values()
    assert ("informational", "internet_wide_scanner", "failed") in verdicts(incidents).values()


@settings(max_examples=60, deadline=None)
@given(devices, devices, st.sampled_from(["devices", "wallets"]))
def test_permission_changes_nothing_about_what_it_does_not_name(yours: list[str], known: list[str], kind: str) -> None:
    bad = [device for device in known if device not in yours]
    good = [mined(n, device, MINE) for n, device in enumerate(yours)] + [asked(300 + n, d) for n, d in enumerate(yours)]
    rest = [mined(100 + n, device, THEIRS) for n, device in enumerate(bad)]
    rest += [asked(400 + n, device) for n, device in enumerate(bad)]
    named = {"devices": frozenset(yours)} if kind == "devices" else {"wallets": frozenset({MINE})}
    allowed = Allowed(**named)
    together = verdicts(judged([*good, *rest], allowed))
    without = verdicts(judged(rest, allowed))
    assert without.items() <= together.items()
    mining = {f"f-{n}" for n in range(len(yours))}
    assert all(top == "authorised_mining" for ids, (_, top, _) in together.items() if mining & set(ids))


def test_one_login_with_an_allowed_wallet_covers_that_connection_alone() -> None:
    piles = [mined(1, "192.0.2.7", MINE), mined(2, "192.0.2.7", THEIRS, "198.51.100.99")]
    told = verdicts(judged(piles, Allowed(wallets=frozenset({MINE}))))
    assert told[("f-1",)][1] == "authorised_mining"
    assert told[("f-2",)][:2] == ("critical", "compromised_device")


def test_where_wallets_are_named_another_one_is_never_allowed() -> None:
    both = Allowed(devices=frozenset({"192.0.2.7"}), wallets=frozenset({MINE}))
    (told,) = verdicts(judged([mined(1, "192.0.2.7", THEIRS)], both)).values()
    assert told[:2] == ("critical", "compromised_device")
    (told,) = verdicts(judged([mined(1, "192.0.2.7", THEIRS)], Allowed(devices=both.devices))).values()
    assert told[1] == "authorised_mining"


def test_what_a_person_dismissed_is_never_joined() -> None:
    old, new = mined(1, "192.0.2.7"), mined(2, "192.0.2.8")
    findings, messages = [*old[0], *new[0]], [*old[1], *new[1]]
    records = {one.event_id: one for one in (*old[2], *new[2])}
    assert len(group(findings, messages, records)) == 1
    apart = group(findings, messages, records, dismissed=frozenset({"f-1"}))
    assert [[f.id for f in case.findings] for case in apart] == [["f-1"], ["f-2"]]


def test_every_finding_is_in_exactly_one_part() -> None:
    piles = [mined(1, "192.0.2.7"), probed(2, "203.0.113.9"), attacked(3, "203.0.113.9")]
    records = {one.event_id: one for pile in piles for one in pile[2]}
    findings = [one for pile in piles for one in pile[0]]
    for case in group(findings, [], records):
        found = [one.id for part in parts(case) for one in part.case.findings]
        assert sorted(found) == sorted(one.id for one in case.findings)


@pytest.mark.parametrize(("direction", "ours"), [("outbound", True), ("inbound", False)])
def test_a_device_did_what_it_began(direction: str, ours: bool) -> None:
    (told,), _, (flow,) = mined(1, "192.0.2.7")
    source = "192.0.2.7" if ours else POOL
    flow = replace(flow, values={**flow.values, "direction": direction, "src_ip": source})
    assert acted(told, {1: flow}) is ours


def test_the_owners_word_outweighs_everything_that_speaks_of_mining() -> None:
    caps, weights = facts().caps, facts().weights
    most = sum(bits for family, bits in caps.items() if family not in {"context", "prior"})
    most += max(w.bits for w in weights.values() if w.family == "context" and w.about == "compromised_device")
    for name in ("authorised_miner_configured", "authorised_pool_or_wallet"):
        decided = weights[name].bits + weights["prior_authorised_mining"].bits
        assert caps["context"] >= weights[name].bits
        assert decided > most + weights["prior_compromised_device"].bits
