"""OCSF events: the classes' own schemas decide whether an event is right."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kanaria import knowledge
from kanaria.app.commands.main import cli
from kanaria.report.ocsf import export
from tests.report.report_samples import analysis, dns_server, finding, fragment, incident, scanner

NOW = datetime(2026, 6, 20, tzinfo=UTC)


def events(*incidents: Any, language: Any = "en") -> list[dict[str, Any]]:
    return list(export(analysis(*incidents), knowledge.load(), language, NOW))


def test_one_detection_per_finding_and_one_incident() -> None:
    story = dns_server()
    made = events(story)
    assert [event["class_uid"] for event in made] == [2004] * len(story.findings) + [2005]
    assert [event["type_uid"] for event in made] == [200401] * len(story.findings) + [200501]
    assert {event["metadata"]["uid"] for event in made} == {f.id for f in story.findings} | {story.id}


def test_time_is_when_the_finding_was_made() -> None:
    first = events(dns_server())[0]
    assert first["time"] == int(NOW.timestamp() * 1000)
    assert first["start_time"] == first["end_time"] == int(datetime(2026, 6, 8, 1, 0, tzinfo=UTC).timestamp() * 1000)


def test_records_without_a_time_have_no_span() -> None:
    for event in events(fragment()):
        assert "start_time" not in event
        assert event["time"] == int(NOW.timestamp() * 1000)


def test_the_incident_carries_its_profile_verdict_and_assignee() -> None:
    compromised, probe = events(dns_server())[-1], events(scanner())[-1]
    assert compromised["metadata"]["profiles"] == ["incident"]
    assert (compromised["verdict"], compromised["is_suspected_breach"]) == ("True Positive", True)
    assert (probe["verdict"], probe["is_suspected_breach"]) == ("Benign", False)
    assert compromised["assignee_group"] == {"name": "unassigned"}
    assert (compromised["confidence_score"], compromised["confidence"]) == (98, "High")


def test_a_name_of_mining_is_no_breach(tmp_path: Path) -> None:
    log = tmp_path / "dnsmasq.log"
    log.write_text("Jan  5 10:00:00 ns dnsmasq[812]: query[A] pool.supportxmr.com from 192.168.1.20\n")
    done = CliRunner().invoke(cli, ["analyze", "--lang", "en", "--format", "ocsf", str(log)], standalone_mode=False)
    (incident,) = [event for event in map(json.loads, done.stdout.splitlines()) if event["class_uid"] == 2005]
    assert incident["unmapped"]["hypothesis"] == "compromised_device"
    assert incident["is_suspected_breach"] is False


def test_techniques_name_their_parent() -> None:
    attack = events(dns_server())[-2]["finding_info"]["attacks"][0]
    assert attack["technique"]["uid"] == "T1021"
    assert attack["sub_technique"]["uid"] == "T1021.002"
    assert attack["tactics"] == [{"name": "lateral-movement"}]


def test_scores_by_scorer_are_carried() -> None:
    made = events(incident((finding(cves=("CVE-2023-22527", "CVE-1999-0001")),)))[0]
    known, unknown = made["vulnerabilities"]
    assert {score["vendor_name"] for score in known["cve"]["cvss"]} >= {"NVD"}
    assert unknown == {"cve": {"uid": "CVE-1999-0001"}}


def test_devices_are_addresses_or_names() -> None:
    assert events(dns_server())[0]["device"] == {"type_id": 0, "ip": "192.0.2.53"}
    assert events(incident((finding(device="dns1.example"),)))[0]["device"] == {
        "type_id": 0,
        "hostname": "dns1.example",
    }
    assert "device" not in events(scanner())[0]


def test_events_are_lines_of_json() -> None:
    for event in events(dns_server(), language="ja"):
        assert json.loads(json.dumps(event)) == event


def test_the_same_input_gives_the_same_events() -> None:
    assert events(dns_server(), fragment()) == events(dns_server(), fragment())


@pytest.mark.data
@pytest.mark.parametrize("language", ["en", "ja"])
def test_events_follow_the_published_classes(language: str) -> None:
    if "KANARIA_DATA" not in os.environ:
        pytest.skip("KANARIA_DATA is not set")
    folder = Path(os.environ["KANARIA_DATA"]) / "knowledge" / "ocsf"
    classes = {2004: _class(folder, "findings/detection_finding"), 2005: _class(folder, "findings/incident_finding")}
    category = json.loads((folder / "categories.json").read_text())["attributes"]["findings"]
    with_cve = incident((finding(cves=("CVE-2023-22527",)),), id_="i-cve")
    for event in events(dns_server(), scanner(), fragment(), with_cve, language=language):
        attributes, constraints, uid = classes[event["class_uid"]]
        assert event["category_uid"] == category["uid"]
        assert event["class_uid"] == category["uid"] * 1000 + uid
        assert set(event) <= set(attributes), f"unknown: {set(event) - set(attributes)}"
        required = {name for name, about in attributes.items() if about.get("requirement") == "required"}
        assert required <= set(event), f"missing: {required - set(event)}"
        for name, about in attributes.items():
            if name in event and name != "category_uid" and name != "class_uid" and "enum" in about:
                assert str(event[name]) in about["enum"], f"{name}={event[name]}"
                caption = event.get(name.removesuffix("_id"), event.get(name.replace("_id", "_name")))
                assert caption == about["enum"][str(event[name])]["caption"]
        if constraints:
            assert any(name in event for name in constraints["at_least_one"])
        deprecated = {name for name, about in attributes.items() if "@deprecated" in about}
        assert not deprecated & set(event)


def _class(folder: Path, name: str) -> tuple[Mapping[str, Any], Mapping[str, Any], int]:
    """Attributes of a class with those of the classes it extends, nearest first; its constraints; its uid."""
    attributes: dict[str, Any] = {}
    own: dict[str, Any] = json.loads((folder / "events" / f"{name}.json").read_text())
    definition = own
    while True:
        for attribute, about in definition["attributes"].items():
            if attribute != "$include":
                kept = attributes.setdefault(attribute, {})
                for key, value in about.items():
                    kept[key] = {**value, **kept[key]} if key == "enum" and key in kept else kept.get(key, value)
        parent = definition.get("extends")
        if not parent:
            return attributes, own.get("constraints", {}), own["uid"]
        path = folder / "events" / f"{parent}.json"
        definition = json.loads(
            (path if path.exists() else folder / "events" / "findings" / f"{parent}.json").read_text()
        )
