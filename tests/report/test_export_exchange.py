"""STIX, MISP and Navigator: right by their own rules, the same on every run, and nothing of ours lost."""

from __future__ import annotations

import builtins
import json
import re
import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest
import stix2

from kanaria import knowledge
from kanaria.core.errors import MissingExtra
from kanaria.core.types import Incident, Indicator, RelatedVulnerability, StratumMessage, Text
from kanaria.report import export_misp, export_navigator, export_stix
from tests.report.report_samples import POOL, analysis, dns_server, finding, fragment, incident, scanner

NOW = datetime(2026, 6, 20, tzinfo=UTC)
COMMENT = Text(en="seen", ja="観測")
FACTS = knowledge.load()


def bundle(*incidents: Incident, language: Any = "en") -> dict[str, Any]:
    text = export_stix.export(analysis(*incidents), FACTS, language, NOW)
    parsed = stix2.parse(text, allow_custom=False)
    assert parsed["type"] == "bundle"
    made: dict[str, Any] = json.loads(text)
    return made


def of_kind(made: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [item for item in made["objects"] if item["type"] == kind]


def with_indicator(kind: str, value: str) -> Incident:
    return incident((finding(),), indicators=(Indicator(type=kind, value=value, comment=COMMENT),))


def test_a_compromise_becomes_a_report_with_everything_in_it() -> None:
    story = dns_server()
    made = bundle(story)
    (report,) = of_kind(made, "report")
    assert report["name"] == story.title.en
    assert report["confidence"] == 98
    assert {item["name"] for item in of_kind(made, "indicator")} == {f"ipv4: {remote}" for remote in story.remotes}
    assert {item["external_references"][0]["external_id"] for item in of_kind(made, "attack-pattern")} == set(
        story.techniques
    )
    ids = {item["id"] for item in made["objects"]}
    assert set(report["object_refs"]) <= ids
    assert len(of_kind(made, "sighting")) == len(of_kind(made, "indicator")) == len(of_kind(made, "observed-data"))


def test_references_are_all_inside_the_bundle() -> None:
    made = bundle(dns_server(), scanner(), fragment())
    ids = {item["id"] for item in made["objects"]}
    for item in made["objects"]:
        for name, value in item.items():
            for reference in value if name.endswith("_refs") else [value] if name.endswith("_ref") else []:
                assert reference in ids, f"{item['type']}.{name}"
    assert len(ids) == len(made["objects"])


def test_indicators_point_to_what_their_findings_name() -> None:
    made = bundle(dns_server())
    names = {item["id"]: item.get("name") for item in made["objects"]}
    pairs = {(names[r["source_ref"]], names[r["target_ref"]]) for r in of_kind(made, "relationship")}
    assert (f"ipv4: {POOL}", "Compute Hijacking") in pairs
    assert (f"ipv4: {POOL}", "Remote Desktop Protocol") not in pairs


def test_the_note_gives_every_reason_with_its_bits() -> None:
    story = dns_server()
    (note,) = of_kind(bundle(story), "note")
    assert len(note["content"].splitlines()) == len(story.evidence)
    assert "+9.0 bits" in note["content"] and "capture.pcap:7" in note["content"]


def test_ids_and_text_are_the_same_every_time() -> None:
    first = export_stix.export(analysis(dns_server(), fragment()), FACTS, "en", NOW)
    assert export_stix.export(analysis(dns_server(), fragment()), FACTS, "en", NOW) == first
    japanese = json.loads(export_stix.export(analysis(dns_server(), fragment()), FACTS, "ja", NOW))
    assert {i["id"] for i in japanese["objects"]} == {i["id"] for i in json.loads(first)["objects"]}


def test_only_matched_vulnerabilities_are_objects() -> None:
    matched = RelatedVulnerability(cve="CVE-2021-44228", relation="matched", evidence=())
    context = RelatedVulnerability(cve="CVE-2023-22527", relation="context", evidence=())
    made = bundle(incident((finding(),), vulnerabilities=(matched, context)))
    assert [item["name"] for item in of_kind(made, "vulnerability")] == ["CVE-2021-44228"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("ipv4", "203.0.113.5", "[ipv4-addr:value = '203.0.113.5']"),
        ("ipv6", "2001:db8::5", "[ipv6-addr:value = '2001:db8::5']"),
        ("domain", "pool.example.org", "[domain-name:value = 'pool.example.org']"),
        ("url", "http://x.example/a'b", r"[url:value = 'http://x.example/a\'b']"),
        ("user_agent", "x'] OR [ipv4-addr:value = '1", r"[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'x\'] OR [ipv4-addr:value = \'1']"),
        ("wallet", "4AB+c" * 6, "[process:command_line MATCHES '" + r"4AB\\+c" * 6 + "']"),
        ("cookie", "hello", "[user-account:account_login = 'hello']"),
        ("file", "back\\slash", r"[file:name = 'back\\slash']"),
    ],
)  # fmt: skip
def test_patterns_keep_hostile_values_inside_their_quotes(kind: str, value: str, expected: str) -> None:
    assert export_stix.pattern(Indicator(type=kind, value=value, comment=COMMENT)) == expected
    (sign,) = of_kind(bundle(with_indicator(kind, value)), "indicator")
    assert sign["pattern"] == expected


def test_a_short_login_is_no_pattern() -> None:
    assert export_stix.pattern(Indicator(type="wallet", value="blue1", comment=COMMENT)) is None


def test_a_type_stix_has_no_field_for_is_left_out() -> None:
    assert of_kind(bundle(with_indicator("smell", "bad")), "indicator") == []


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name == "stix2":
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"install .*stix2"):
        export_stix.export(analysis(), FACTS, "en", NOW)


def misp(*incidents: Incident, language: Any = "en") -> Any:
    return export_misp.export(analysis(*incidents), FACTS, language, NOW)


def test_one_incident_is_one_misp_event() -> None:
    event = misp(dns_server())["Event"]
    required = {
        "uuid",
        "published",
        "info",
        "date",
        "timestamp",
        "publish_timestamp",
        "org_id",
        "orgc_id",
        "distribution",
    }
    assert required <= set(event)
    assert event["date"] == "2026-06-08"
    assert event["threat_level_id"] == "1"
    assert isinstance(event["published"], bool) and isinstance(event["timestamp"], str)
    assert len(event["Attribute"]) == int(event["attribute_count"])
    for attribute in event["Attribute"]:
        assert {
            "uuid",
            "type",
            "category",
            "to_ids",
            "event_id",
            "distribution",
            "timestamp",
            "deleted",
            "value",
        } <= set(attribute)
        assert uuid.UUID(attribute["uuid"])


def test_several_incidents_are_a_response() -> None:
    assert [list(item) for item in misp(dns_server(), scanner())["response"]] == [["Event"], ["Event"]]
    assert misp() == {"response": []}


def test_direction_and_action_of_addresses() -> None:
    kinds = {a["value"]: (a["type"], a["to_ids"]) for a in misp(dns_server())["Event"]["Attribute"]}
    assert kinds["203.0.113.123"] == ("ip-src", True)
    assert kinds[POOL] == ("ip-dst", True)
    probe = {a["value"]: (a["type"], a["to_ids"]) for a in misp(scanner())["Event"]["Attribute"]}
    assert probe["203.0.113.9"] == ("ip-src", False)


@pytest.mark.parametrize(
    ("coin", "valid", "relation", "kind"),
    [("XMR", True, "address-xmr", "xmr"), ("BTC", True, "address", "btc"), ("ETH", True, "address-crypto", "text"), ("XMR", False, "address-crypto", "text")],
)  # fmt: skip
def test_payout_addresses_are_coin_address_objects(coin: str, valid: bool, relation: str, kind: str) -> None:
    message = StratumMessage(
        event_id=1, dialect="x", method="login", direction="client", coin=coin, wallet="W1", wallet_valid=valid
    )
    wallet = Indicator(type="wallet", value="W1", comment=COMMENT)
    (made,) = misp(incident((finding(),), indicators=(wallet,), messages=(message,)))["Event"]["Object"]
    assert made["template_uuid"] == "d0e6997e-78da-4815-a6a1-cfc1c1cb8a46"
    assert [(a["object_relation"], a["type"], a["value"]) for a in made["Attribute"]] == [
        (relation, kind, "W1"), ("symbol", "text", coin),
    ]  # fmt: skip


def test_misp_uuids_are_the_same_every_time_and_all_different() -> None:
    text = json.dumps(misp(dns_server(), scanner()))
    assert json.dumps(misp(dns_server(), scanner())) == text
    found = re.findall(r'"uuid": "([0-9a-f-]{36})"', text)
    assert len(found) == len(set(found)) + 3, "Org and Orgc of both events are one organisation"


def test_a_layer_counts_findings_per_technique() -> None:
    story = dns_server()
    layer = export_navigator.export(analysis(story, scanner()), FACTS, "en")
    assert layer["versions"]["layer"] == "4.5"
    assert {t["techniqueID"] for t in layer["techniques"]} == {*story.techniques, "T1595"}
    scores = {t["techniqueID"]: t["score"] for t in layer["techniques"]}
    assert scores["T1496.001"] == 3
    assert scores["T1133"] == 5 == layer["gradient"]["maxValue"]
    assert layer["gradient"]["maxValue"] > layer["gradient"]["minValue"]
    comment = next(t["comment"] for t in layer["techniques"] if t["techniqueID"] == "T1496.001")
    assert "Monero mining (i-0123456789ab)" in comment


def test_an_empty_layer_is_still_a_layer() -> None:
    layer = export_navigator.export(analysis(fragment()), FACTS, "ja")
    assert layer["techniques"] == [] and layer["domain"] == "enterprise-attack"
    assert layer["gradient"]["maxValue"] == 1


def test_dates_come_from_the_records() -> None:
    assert date.fromisoformat(misp(fragment())["Event"]["date"]) == NOW.date()
    (report,) = of_kind(bundle(dns_server()), "report")
    assert report["published"].startswith("2026-06-08T")
