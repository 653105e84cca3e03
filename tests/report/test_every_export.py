"""Every export of every verdict: severity, explanation, outcome, alert and unmade claims as each format spells them."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, get_args

import pytest

from kanaria import knowledge
from kanaria.core.alert import Alert
from kanaria.core.facts import Knowledge
from kanaria.core.types import (
    SEVERITIES,
    Hypothesis,
    HypothesisScore,
    Incident,
    Indicator,
    Language,
    Outcome,
    RelatedVulnerability,
    Severity,
    StratumMessage,
    Text,
)
from kanaria.report import export_csv, export_iocs, export_misp, export_navigator, export_stix, ocsf
from kanaria.report.document import document
from kanaria.report.write import write
from tests.report.report_samples import POOL, SERVER, START, analysis, dns_server, finding, fragment, incident, scanner

NOW = datetime(2026, 7, 1, tzinfo=UTC)
HYPOTHESES: tuple[Hypothesis, ...] = get_args(Hypothesis)
OUTCOMES = ("failed", "no_sign_of_success", "possible", "confirmed", "unknown")
HARMLESS = {"authorised_mining", "benign", "internet_wide_scanner", "misdirected_miner"}
LANGUAGES: tuple[Language, ...] = ("en", "ja")


@cache
def facts() -> Knowledge:
    return knowledge.load()


def judged(top: Hypothesis, value: str, severity: Severity = "medium") -> Incident:
    """The DNS server's incident under another judgement."""
    other: Hypothesis = "benign" if top != "benign" else "internet_wide_scanner"
    scores = (
        HypothesisScore(name=top, probability=0.9, bits=5.0),
        HypothesisScore(name=other, probability=0.1, bits=1.0),
    )
    return replace(
        dns_server(), hypotheses=scores, severity=severity, outcome=Outcome(value=value, bits=1.0, because=())
    )  # type: ignore[arg-type]


def events(found: Incident, language: Language = "en") -> list[dict[str, Any]]:
    return list(ocsf.export(analysis(found), facts(), language, NOW))


def whole(found: Incident, language: Language = "en") -> dict[str, Any]:
    """The event about the incident, the last one."""
    return events(found, language)[-1]


def misp(found: Incident, language: Language = "en") -> dict[str, Any]:
    made: dict[str, Any] = export_misp.export(analysis(found), facts(), language, NOW)["Event"]
    return made


def stix(found: Incident, language: Language = "en") -> dict[str, list[dict[str, Any]]]:
    """Objects by type."""
    made: dict[str, list[dict[str, Any]]] = {}
    for item in json.loads(export_stix.export(analysis(found), facts(), language, NOW))["objects"]:
        made.setdefault(item["type"], []).append(item)
    return made


def rows(found: Incident, language: Language = "en") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(export_csv.export(analysis(found), language))))


def told(found: Incident) -> dict[str, Any]:
    (made,) = document(analysis(found), facts())["incidents"]
    return dict(made)


class TestSeverity:
    @pytest.mark.parametrize(
        ("severity", "number", "impact", "threat"),
        [
            ("informational", 1, "Low", "4"), ("low", 2, "Low", "3"), ("medium", 3, "Medium", "2"),
            ("high", 4, "High", "1"), ("critical", 5, "Critical", "1"),
        ],
    )  # fmt: skip
    def test_each_format_has_its_own_word_for_it(
        self, severity: Severity, number: int, impact: str, threat: str
    ) -> None:
        found = judged("compromised_device", "possible", severity)
        event, exchanged = whole(found), misp(found)
        assert (event["severity_id"], event["severity"]) == (number, severity.capitalize())
        assert (event["impact"], event["priority"]) == (impact, impact)
        assert event["impact_id"] == event["priority_id"] == ["Low", "Medium", "High", "Critical"].index(impact) + 1
        assert exchanged["threat_level_id"] == threat
        assert f'kanaria:severity="{severity}"' in [tag["name"] for tag in exchanged["Tag"]]
        assert {row["incident_severity"] for row in rows(found)} == {severity}
        assert told(found)["severity"] == severity

    def test_there_are_no_others(self) -> None:
        assert tuple(SEVERITIES) == ("informational", "low", "medium", "high", "critical")

    @pytest.mark.parametrize("severity", SEVERITIES)
    def test_machines_act_on_indicators_of_nothing_harmless(self, severity: Severity) -> None:
        flags = {a["to_ids"] for a in misp(judged("compromised_device", "possible", severity))["Attribute"] if a["type"].startswith("ip-")}  # fmt: skip
        assert flags == {severity != "informational"}

    def test_a_finding_keeps_its_own_severity(self) -> None:
        found = judged("compromised_device", "confirmed", "critical")
        own = [one.severity for one in found.findings]
        assert (
            [event["severity"].lower() for event in events(found)[:-1]]
            == own
            == [row["severity"] for row in rows(found)]
        )
        assert [one["severity"] for one in told(found)["findings"]] == own


class TestVerdict:
    @pytest.mark.parametrize("value", OUTCOMES)
    @pytest.mark.parametrize("top", HYPOTHESES)
    def test_every_judgement_in_every_format(self, top: Hypothesis, value: str) -> None:
        found = judged(top, value)
        event = whole(found)
        expected = "Benign" if top in HARMLESS else "True Positive" if value == "confirmed" else "Suspicious"
        assert event["verdict"] == expected
        assert event["unmapped"] == {"outcome": value, "hypothesis": top, "incident": found.id}
        assert event["confidence_score"] == 90
        tags = [tag["name"] for tag in misp(found)["Tag"]]
        assert f'kanaria:outcome="{value}"' in tags and f'kanaria:hypothesis="{top}"' in tags
        assert {(row["hypothesis"], row["outcome"]) for row in rows(found)} == {(top, value)}
        made = told(found)
        assert (made["hypotheses"][0]["name"], made["outcome"]["value"]) == (top, value)

    @pytest.mark.parametrize("top", HYPOTHESES)
    def test_what_is_called_harmful_in_an_exchange(self, top: Hypothesis) -> None:
        harmful = top in {"compromised_device", "exploitation_attempt"}
        made = stix(judged(top, "possible"))
        assert made["report"][0]["report_types"] == ["threat-report" if harmful else "observed-data"]
        kinds = {kind for item in made["indicator"] for kind in item["indicator_types"]}
        assert kinds == {"malicious-activity" if harmful else "anomalous-activity"}

    @pytest.mark.parametrize(
        ("top", "value", "suspected"),
        [
            ("compromised_device", "possible", True), ("compromised_device", "failed", True),
            ("exploitation_attempt", "confirmed", True), ("exploitation_attempt", "possible", False),
            ("internet_wide_scanner", "confirmed", False), ("authorised_mining", "confirmed", False),
            ("benign", "confirmed", False), ("misdirected_miner", "confirmed", False),
        ],
    )  # fmt: skip
    def test_a_breach_is_suspected_only_of_what_may_be_one(self, top: Hypothesis, value: str, suspected: bool) -> None:
        assert whole(judged(top, value))["is_suspected_breach"] is suspected

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("value", OUTCOMES)
    def test_the_verdict_is_the_same_sentence_everywhere(self, value: str, language: Language) -> None:
        found = judged("compromised_device", value)
        said = write(found, analysis(found), facts(), language).verdict.text
        assert whole(found, language)["desc"] == said
        assert said in [a["value"] for a in misp(found, language)["Attribute"] if a["type"] == "comment"]
        made = stix(found, language)
        assert made["incident"][0]["description"] == said == made["report"][0]["description"]
        assert made["note"][0]["abstract"] == said
        assert told(found)["report"][language]["verdict"]["text"] == said

    @pytest.mark.parametrize(("probability", "name"), [(1.0, "High"), (0.67, "High"), (0.66, "Medium"), (0.34, "Medium"), (0.33, "Low"), (0.0, "Low")])  # fmt: skip
    def test_confidence_in_words_and_as_a_number(self, probability: float, name: str) -> None:
        found = replace(dns_server(), hypotheses=(HypothesisScore(name="compromised_device", probability=probability, bits=1.0), dns_server().hypotheses[1]))  # fmt: skip
        event = whole(found)
        assert (event["confidence"], event["confidence_score"]) == (name, round(100 * probability))
        assert event["confidence_id"] == ["Low", "Medium", "High"].index(name) + 1
        assert stix(found)["report"][0]["confidence"] == round(100 * probability)


class TestAlert:
    """Whether it is new, known or to be told."""

    @pytest.mark.parametrize(
        ("kind", "tell", "activity"),
        [("new", True, "Create"), ("escalated", True, "Update"), ("reminder", True, "Update"), ("known", False, "Update"),
         ("repeated", False, "Update")],
    )  # fmt: skip
    def test_what_a_siem_is_to_do(self, kind: str, tell: bool, activity: str) -> None:
        because = (Text(en="a logon", ja="ログイン"),)
        alert = Alert(kind=kind, because=because, runs=3, told=START)  # type: ignore[arg-type]
        found = replace(dns_server(), alert=alert)
        event = whole(found)
        assert (event["activity_name"], event["activity_id"]) == (activity, 1 if activity == "Create" else 2)
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        assert event["type_name"] == f"Incident Finding: {activity}"
        alarmed = {e["severity"] for e in events(found)[:-1] if e["is_alert"]}
        assert alarmed == ({"High", "Critical"} if tell else set())
        assert told(found)["alert"] == {
            "kind": kind, "tell": tell, "because": [{"en": "a logon", "ja": "ログイン"}], "runs": 3, "told": START.isoformat(),
        }  # fmt: skip

    def test_without_a_store_everything_is_new(self) -> None:
        assert whole(dns_server())["activity_name"] == "Create" and told(dns_server())["alert"] is None


class TestWhen:
    def test_each_format_says_when_it_happened(self) -> None:
        found = dns_server()
        assert found.first_seen and found.last_seen
        first, last = (int(moment.timestamp()) for moment in (found.first_seen, found.last_seen))
        event = whole(found)
        assert (event["start_time"], event["end_time"]) == (first * 1000, last * 1000)
        assert event["time"] == int(NOW.timestamp() * 1000), "when it was found"
        made = misp(found)
        assert (made["date"], made["timestamp"]) == ("2026-06-08", str(last))
        assert {a["first_seen"] for a in made["Attribute"]} == {found.first_seen.isoformat()}
        assert {a["last_seen"] for a in made["Attribute"]} == {found.last_seen.isoformat()}
        report = stix(found)["report"][0]
        assert report["published"] == f"{found.last_seen:%Y-%m-%dT%H:%M:%S}Z"
        assert report["created"] == report["modified"] == f"{found.last_seen:%Y-%m-%dT%H:%M:%S}.000Z"
        assert (told(found)["first_seen"], told(found)["last_seen"]) == (found.first_seen.isoformat(), found.last_seen.isoformat())  # fmt: skip

    def test_without_times_nothing_is_made_up_but_what_a_format_cannot_do_without(self) -> None:
        found = fragment()
        assert not {"start_time", "end_time"} & set(whole(found))
        assert not {"first_seen_time", "last_seen_time"} & set(events(found)[0]["finding_info"])
        assert misp(found)["date"] == "2026-07-01", "when it was exported"
        assert stix(found)["report"][0]["published"] == "2026-07-01T00:00:00Z"
        assert rows(found)[0]["time"] == ""

    def test_a_finding_that_lasts_has_two_times(self) -> None:
        lasting = replace(finding(), until=START + timedelta(hours=2))
        (event, _) = events(incident((lasting,)))
        assert event["end_time"] - event["start_time"] == 7_200_000
        assert event["finding_info"]["last_seen_time"] - event["finding_info"]["first_seen_time"] == 7_200_000
        (row,) = rows(incident((lasting,)))
        assert (row["time"], row["until"]) == (START.isoformat(), (START + timedelta(hours=2)).isoformat())


INDICATORS = {
    "ipv4": ("198.51.100.9", "ip-dst", 2, "[ipv4-addr:value = '198.51.100.9']", "ipv4-addr", "198.51.100[.]9"),
    "ipv6": ("2001:db8::9", "ip-dst", 2, "[ipv6-addr:value = '2001:db8::9']", "ipv6-addr", "2001[:]db8::9"),
    "domain": ("pool.example", "domain", 1, "[domain-name:value = 'pool.example']", "domain-name", "pool[.]example"),
    "url": ("http://198.51.100.9/x.sh", "url", 6, "[url:value = 'http://198.51.100.9/x.sh']", "url", "hxxp://198.51.100[.]9/x.sh"),
    "user_agent": ("XMRig/6.22", "user-agent", 16, "XMRig/6.22", "software", "XMRig/6.22"),
    "cookie": ("hello", "cookie", 4, "[user-account:account_login = 'hello']", "user-account", "hello"),
    "account": ("root", "target-user", 4, "[user-account:account_login = 'root']", "user-account", "root"),
    "file": ("x.sh", "filename", 7, "[file:name = 'x.sh']", "file", "x.sh"),
}  # fmt: skip


class TestIndicators:
    @pytest.mark.parametrize("kind", INDICATORS)
    def test_each_kind_in_each_format(self, kind: str) -> None:
        value, type_, number, pattern, observed, shown = INDICATORS[kind]
        comment = Text(en="A comment of ours", ja="私たちのコメント")
        one = Indicator(type=kind, value=value, comment=comment)  # type: ignore[arg-type]
        found = replace(dns_server(), indicators=(one,))
        (attribute,) = [a for a in misp(found)["Attribute"] if a["comment"] == comment.en]
        assert (attribute["type"], attribute["value"]) == (type_, value)
        assert whole(found)["observables"] == [{"name": f"indicators.{kind}", "type_id": number, "value": value}]
        made = stix(found)
        assert pattern in made["indicator"][0]["pattern"] and made["indicator"][0]["description"] == comment.en
        assert value in json.dumps(made[observed])
        assert made["sighting"][0]["sighting_of_ref"] == made["indicator"][0]["id"]
        assert made["sighting"][0]["observed_data_refs"] == [made["observed-data"][0]["id"]]
        for language, said in (("en", comment.en), ("ja", comment.ja)):
            table = export_iocs.export(analysis(found), language)  # type: ignore[arg-type]
            assert f"{shown}" in table and said in table
        assert told(found)["indicators"] == [{"type": kind, "value": value, "comment": {"en": comment.en, "ja": comment.ja}}]  # fmt: skip

    def test_there_is_no_kind_that_is_not_looked_at_here(self) -> None:
        listed = (Indicator.__doc__ or "").partition("``type``: ")[2].rstrip(".").split(", ")
        assert set(listed) == set(INDICATORS) | {"wallet"}

    @pytest.mark.parametrize(
        ("wallet", "coin", "valid", "stated"),
        [
            ("4" + "A" * 94, "XMR", True, ("address-xmr", "xmr")), ("bc1" + "q" * 39, "BTC", True, ("address", "btc")),
            ("4" + "A" * 94, "XMR", False, ("address-crypto", "text")), ("t1" + "a" * 33, "ZEC", True, ("address-crypto", "text")),
        ],
    )  # fmt: skip
    def test_a_payout_address_is_called_what_was_checked(
        self, wallet: str, coin: str, valid: bool, stated: tuple[str, str]
    ) -> None:
        message = StratumMessage(event_id=1, dialect="cryptonote", method="login", direction="client", coin=coin,
                                 wallet=wallet, wallet_valid=valid)  # fmt: skip
        one = Indicator(type="wallet", value=wallet, comment=Text(en="paid", ja="送金先"))
        found = replace(dns_server(), indicators=(one,), messages=(message,))
        (item,) = misp(found)["Object"]
        address, symbol = item["Attribute"]
        assert (address["object_relation"], address["type"]) == stated
        assert (symbol["value"], address["to_ids"]) == (coin, valid)
        assert stix(found)["indicator"][0]["pattern"] == f"[process:command_line MATCHES '{re.escape(wallet)}']"

    def test_who_came_in_is_a_source_and_who_was_called_a_destination(self) -> None:
        came = finding("incoming_remote_desktop", 0, "203.0.113.5", stage="initial_access")
        called = finding("monero_mining", 5, POOL, stage="impact")
        kinds = {a["value"]: a["type"] for a in misp(incident((came, called)))["Attribute"]}
        assert (kinds["203.0.113.5"], kinds[POOL]) == ("ip-src", "ip-dst")

    @pytest.mark.parametrize(("language", "said"), [("en", "No indicators."), ("ja", "痕跡情報(IoC)はありません。")])
    def test_without_indicators_nothing_is_claimed(self, language: Language, said: str) -> None:
        found = replace(dns_server(), indicators=())
        assert export_iocs.export(analysis(found), language) == f"{said}\n"
        assert whole(found)["observables"] == []
        assert not {"indicator", "sighting", "observed-data"} & set(stix(found))


class TestTechniquesAndVulnerabilities:
    def test_a_technique_is_named_in_each_format(self) -> None:
        found = incident((finding(techniques=("T1496.001", "T9999")),))
        layer = export_navigator.export(analysis(found), facts(), "en")
        assert [(t["techniqueID"], t["score"]) for t in layer["techniques"]] == [("T1496.001", 1), ("T9999", 1)]
        assert layer["techniques"][0]["links"][0]["url"] == "https://attack.mitre.org/techniques/T1496/001/"
        assert layer["techniques"][1]["links"][0]["label"] == "T9999"
        (event, case) = events(found)
        assert [a["technique"]["uid"] for a in case["attacks"]] == ["T1496", "T9999"]
        assert case["attacks"][0]["sub_technique"]["uid"] == "T1496.001"
        assert "name" not in case["attacks"][1]["technique"], "nothing is made up for one that is not known"
        assert event["finding_info"]["attacks"] == case["attacks"]
        names = {item["external_references"][0]["external_id"]: item["name"] for item in stix(found)["attack-pattern"]}
        assert set(names) == {"T1496.001", "T9999"} and names["T9999"] == "T9999" != names["T1496.001"]
        galaxy = [tag["name"] for tag in misp(found)["Tag"] if "attack-pattern" in tag["name"]]
        assert galaxy == [f'misp-galaxy:mitre-attack-pattern="{names["T1496.001"]} - T1496.001"']
        assert rows(found)[0]["techniques"] == "T1496.001 T9999"

    def test_an_address_points_to_the_techniques_of_its_own_findings(self) -> None:
        one = finding("a", 0, "203.0.113.5", techniques=("T1110",))
        other = finding("b", 1, POOL, techniques=("T1496.001",))
        made = stix(incident((one, other)))
        attacks = {item["id"]: item["external_references"][0]["external_id"] for item in made["attack-pattern"]}
        signs = {item["id"]: item["name"] for item in made["indicator"]}
        pairs = {(signs[r["source_ref"]], attacks[r["target_ref"]]) for r in made["relationship"]}
        assert pairs == {("ipv4: 203.0.113.5", "T1110"), (f"ipv4: {POOL}", "T1496.001")}

    @pytest.mark.parametrize(("relation", "named"), [("matched", True), ("context", False)])
    def test_a_vulnerability_is_exchanged_only_when_it_was_tried(self, relation: str, named: bool) -> None:
        hole = RelatedVulnerability(cve="CVE-2021-44228", relation=relation, evidence=())  # type: ignore[arg-type]
        found = replace(dns_server(), vulnerabilities=(hole,))
        assert ("CVE-2021-44228" in [a["value"] for a in misp(found)["Attribute"]]) is named
        assert ("vulnerability" in stix(found)) is named
        (shown,) = told(found)["vulnerabilities"]
        assert (shown["relation"], shown["kev"]) == (relation, "2021-12-10")
        assert {score["scorer"] for score in shown["scores"]} and shown["product"] and shown["summary"]["ja"]

    def test_one_that_is_not_known_has_no_invented_scores(self) -> None:
        hole = RelatedVulnerability(cve="CVE-1999-0001", relation="matched", evidence=())
        (shown,) = told(replace(dns_server(), vulnerabilities=(hole,)))["vulnerabilities"]
        assert (shown["product"], shown["summary"], shown["scores"], shown["kev"]) == (None, None, [], None)

    def test_of_a_findings_own_cve_a_siem_gets_the_scores(self) -> None:
        (event, _) = events(incident((finding(cves=("CVE-2021-44228",)),)))
        (hole,) = event["vulnerabilities"]
        assert hole["cve"]["uid"] == "CVE-2021-44228" and max(s["base_score"] for s in hole["cve"]["cvss"]) == 10.0


class TestWho:
    @pytest.mark.parametrize(("device", "field"), [(SERVER, "ip"), ("2001:db8::5", "ip"), ("gate.example", "hostname")])
    def test_a_device_is_an_address_or_a_name(self, device: str, field: str) -> None:
        (event, _) = events(incident((finding(device=device),)))
        assert event["device"] == {"type_id": 0, field: device}
        assert event["resources"] == [{"name": device, "type": "Device"}]
        assert rows(incident((finding(device=device),)))[0]["device"] == device

    def test_without_a_device_none_is_named(self) -> None:
        (event, _) = events(scanner())
        assert not {"device", "resources"} & set(event)
        assert event["unmapped"]["remote"] == "203.0.113.9"

    def test_whoever_takes_care_is_nobody_yet(self) -> None:
        assert whole(dns_server())["assignee_group"] == {"name": "unassigned"}


class TestSeveralIncidents:
    def test_each_keeps_its_own_place(self) -> None:
        both = analysis(dns_server(), scanner())
        made = [e["class_uid"] for e in ocsf.export(both, facts(), "en", NOW)]
        assert made == [2004] * len(dns_server().findings) + [2005, 2004, 2005]
        response = export_misp.export(both, facts(), "en", NOW)["response"]
        assert [item["Event"]["info"] for item in response] == [dns_server().title.en, scanner().title.en]
        bundle = json.loads(export_stix.export(both, facts(), "en", NOW))["objects"]
        assert [item["type"] for item in bundle].count("report") == 2
        assert len({item["id"] for item in bundle}) == len(bundle), "nothing is there twice"
        layer = export_navigator.export(both, facts(), "en")
        assert [item["value"] for item in layer["metadata"]] == [dns_server().id, scanner().id]
        assert [line for line in export_iocs.export(both, "en").splitlines() if "(i-" in line] == [
            f"{one.title.en} ({one.id})" for one in (dns_server(), scanner())
        ]

    def test_none_is_an_empty_answer_of_the_same_shape(self) -> None:
        nothing = analysis()
        assert list(ocsf.export(nothing, facts(), "en", NOW)) == []
        assert export_misp.export(nothing, facts(), "en", NOW) == {"response": []}
        assert export_navigator.export(nothing, facts(), "en")["techniques"] == []
        assert len(export_csv.export(nothing, "en").splitlines()) == 1
        assert [o["type"] for o in json.loads(export_stix.export(nothing, facts(), "en", NOW))["objects"]] == [
            "identity"
        ]
        assert document(nothing, facts())["incidents"] == []


class TestWords:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_words_are_of_the_language_and_names_are_not(self, language: Language) -> None:
        found = dns_server()
        assert whole(found, language)["message"] == found.title.to(language) == misp(found, language)["info"]
        assert stix(found, language)["report"][0]["name"] == found.title.to(language)
        assert stix(found, language)["report"][0]["lang"] == language
        first = rows(found, language)[0]
        assert (first["incident_title"], first["title"], first["why"]) == (
            found.title.to(language), found.findings[0].title.to(language), found.findings[0].why.to(language),
        )  # fmt: skip
        assert first["rule"] == found.findings[0].rule and first["severity"] == found.findings[0].severity
        layer = export_navigator.export(analysis(found), facts(), language)
        assert found.title.to(language) in layer["description"]
        assert found.findings[0].title.to(language) in json.dumps(layer["techniques"], ensure_ascii=False)

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_advice_goes_along_with_every_finding(self, language: Language) -> None:
        found = dns_server()
        said = {event["remediation"]["desc"] for event in events(found, language)[:-1]}
        assert said == {found.recommendations[0].text.to(language)}
        assert "remediation" not in events(replace(found, recommendations=()))[0]

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_every_reason_stands_in_the_note_and_in_the_events(self, language: Language) -> None:
        found = dns_server()
        note = stix(found, language)["note"][0]["content"].splitlines()
        assert len(note) == len(found.evidence)
        for line, proof in zip(note, found.evidence, strict=True):
            assert line == f"[{proof.id}] capture.pcap:7 {proof.about} +9.0 bits: {proof.because.to(language)}"
        proofs = {e["uid"]: e["data"] for event in events(found, language)[:-1] for e in event["evidences"]}
        assert set(proofs) == {proof.id for proof in found.evidence}
        for proof in found.evidence:
            assert proofs[proof.id] == {"bits": 9.0, "about": proof.about, "because": proof.because.to(language),
                                        "quote": proof.quote, "source": "capture.pcap", "line": 7}  # fmt: skip

    def test_a_title_that_is_too_long_is_cut_where_the_format_wants_it(self) -> None:
        found = replace(dns_server(), title=Text(en="x" * 400, ja="長" * 400))
        assert len(misp(found)["info"]) <= 256 and misp(found)["info"].startswith("x" * 200)
        assert whole(found)["message"] == "x" * 400
