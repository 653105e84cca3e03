"""Models about connections, logons and chains of both: their own tests, their words, and what must never happen."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

import kanaria
from kanaria.app.run.engine import Engine
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.setup import prepare
from kanaria.core.facts import Knowledge
from kanaria.core.types import Finding
from kanaria.detect import load
from kanaria.detect.compile import compiled
from kanaria.detect.model import RuleSet
from kanaria.detect.testing import run_rule_tests
from kanaria.knowledge import load as load_knowledge
from kanaria.sources import open_inputs
from tests.incidents.building import facts

RULES = Path(kanaria.__file__).parent / "rules"
GROUPS = ("network", "logon", "correlation")
DOCUMENTS: dict[str, dict[str, Any]] = {
    path.stem: yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    for group in GROUPS
    for path in sorted((RULES / group).glob("*.yml"))
}
ASKED_FOR = {
    "internet_facing_rdp_server", "incoming_remote_desktop", "anomalous_rdp_followed_by_multiple_findings",
    "anomalous_smb_followed_by_multiple_findings", "crypto_currency_mining_activity", "monero_mining",
    "high_priority_crypto_currency_mining", "anomalous_external_activity_from_critical_network_device",
    "ssh_brute_force", "ssh_success_after_brute_force", "smb_brute_force", "password_spray", "rdp_success_after_brute_force",
    "new_external_service_exposed", "internal_scan", "dns_query_for_mining_pool", "tls_to_mining_pool",
    "exploit_followed_by_outbound_connection", "browser_mining", "stratum_server_inside", "mining_through_tunnel",
    "new_admin_logon_from_abroad", "upload_to_rare_endpoint", "long_connection_to_rare_endpoint", "log_source_silent",
    "anomalous_smb", "anomalous_rdp", "unexplained_anomaly", "unusual_request", "sensor_mining_alert",
}  # fmt: skip


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load_knowledge()


@pytest.fixture(scope="module")
def ruleset(knowledge: Knowledge) -> RuleSet:
    loaded = load([RULES / group for group in GROUPS], weights=knowledge.weights)
    assert loaded.errors == ()
    return loaded


def test_every_model_asked_for_is_there_and_reports(ruleset: RuleSet) -> None:
    assert {rule.id for rule in ruleset.rules} == set(DOCUMENTS)
    assert set(DOCUMENTS) >= ASKED_FOR
    assert ruleset.silent() & ASKED_FOR == frozenset()


def test_the_tests_inside_the_rules_hold(ruleset: RuleSet) -> None:
    assert run_rule_tests(ruleset, facts()) == []


def test_the_compiled_file_holds_these_rules() -> None:
    text, errors = compiled()
    assert errors == []
    assert all(f'"id": "{name}"' in text for name in DOCUMENTS)


def test_ids_are_unique() -> None:
    assert len({document["id"] for document in DOCUMENTS.values()}) == len(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_words_are_there_in_both_languages(name: str) -> None:
    document, ours = DOCUMENTS[name], DOCUMENTS[name]["kanaria"]
    english = [document["title"], document["description"], ours["why"]["en"], ours["runbook"]["en"]]
    japanese = [ours["title"]["ja"], ours["description"]["ja"], ours["runbook"]["ja"]]
    assert all(text.strip() and not re.search("[ぁ-んァ-ヶ一-龠]", text) for text in english)
    assert all(re.search("[ぁ-んァ-ヶ一-龠]", text) for text in japanese)
    placeholders = [set(re.findall(r"\{([^}]+)\}", ours["why"][language])) for language in ("en", "ja")]
    assert {name.replace("_en", "_ja") for name in placeholders[0]} == placeholders[1]
    assert document["falsepositives"] and document["references"] and ours["stage"]


@pytest.mark.parametrize("name", sorted(ASKED_FOR))
def test_models_that_report_are_weighed_and_name_techniques(name: str, knowledge: Knowledge) -> None:
    document = DOCUMENTS[name]
    assert all(weight in knowledge.weights for weight in document["kanaria"]["weights"])
    techniques = [tag.removeprefix("attack.").upper() for tag in document["tags"] if tag.startswith("attack.t")]
    assert techniques and all(technique in knowledge.techniques for technique in techniques)


def folder() -> Path:
    given = os.environ.get("KANARIA_DATA")
    if not given:
        pytest.skip("KANARIA_DATA is not set")
    return Path(given)


def found_in(*paths: Path) -> list[Finding]:
    with Engine(prepare()) as engine:
        analyse(open_inputs([str(path) for path in paths]), engine)
    return list(engine.case.findings.values())


@pytest.mark.data
def test_a_real_password_guesser_with_hello_is_one_finding() -> None:
    found = found_in(folder() / "rdp" / "RDP-sHost_sAccount_mPasswords.pcap")
    assert Counter(finding.rule for finding in found) == {
        "internet_facing_rdp_server": 1, "incoming_remote_desktop": 1, "anomalous_rdp": 1,
    }  # fmt: skip
    assert {finding.device for finding in found} == {"133.130.155.113"}


@pytest.mark.data
def test_ordinary_remote_desktop_is_no_guessing() -> None:
    found = [f.rule for path in sorted((folder() / "rdp").glob("benign-*/*.pcap")) for f in found_in(path)]
    assert set(found) <= {"internet_facing_rdp_server"}


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("where", ["smb", "ssh", "mining-hard-negatives"])
def test_nothing_ordinary_is_called_mining(where: str) -> None:
    for path in sorted((folder() / where).rglob("*.pcap*")):
        rules = {finding.rule for finding in found_in(path)}
        assert not {rule for rule in rules if "mining" in rule or "pool" in rule or "stratum" in rule}, path.name
        guessed = {rule for rule in rules if "brute" in rule or "spray" in rule or "guessing" in rule}
        assert not guessed or "guess" in path.name or "bruteforce" in path.name, path.name


@pytest.mark.data
@pytest.mark.slow
def test_three_days_of_background_noise_stay_few_findings() -> None:
    found = found_in(*sorted((folder() / "zeek-homelab" / "missing_host").rglob("*.gz")))
    ours = Counter(finding.rule for finding in found if finding.rule in DOCUMENTS)
    # One running finding, told again only when it has doubled.
    assert set(ours) == {"ssh_brute_force"}
    assert ours["ssh_brute_force"] <= 3


@pytest.mark.data
@pytest.mark.parametrize("name", ["1619477075_R7PCd.pcap", "1618213054_3POZq.pcap"])
def test_real_monero_miners_are_named(name: str) -> None:
    found = found_in(folder() / "mining" / "cj-sniffer-a" / name)
    assert {"crypto_currency_mining_activity", "monero_mining"} <= {finding.rule for finding in found}
    assert all(finding.device != finding.remote for finding in found)


LIKENED = ("rdp_guessing", "rdp_tool_cookie", "internal_guessing", "rdp_opened_often", "sensor_saw_scanning")
"""Reasons that liken what was seen to guessing, or quote who says so."""


def test_a_reason_speaks_of_tried_passwords_only_where_logons_were_read() -> None:
    """Connections and scans show no password; a reason states what was seen."""
    weights = load_knowledge().weights
    passwords = {name for name, weight in weights.items() if "password" in weight.because.en.lower()}
    passwords |= {name for name, weight in weights.items() if "パスワード" in weight.because.ja}
    used = {name: set(rule.weights) & passwords for name, rule in ((r.id, r) for r in load(weights=weights).rules)
            if Path(rule.file).parent.name == "network"}  # fmt: skip
    assert used["sensor_scan_alert"] and used["incoming_remote_desktop"]
    assert {name: said for name, said in used.items() if said - set(LIKENED)} == {}
