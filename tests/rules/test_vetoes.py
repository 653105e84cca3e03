"""A veto may only look at what the sender of an attack cannot write beside it.

Over the conditions of all rules: what a rule excludes is either something the sender does not choose (a direction, an
answer, what is normal), or text that hands the request to another rule, and then that other rule must find it: text of
every veto is written into every attack that the rules' own tests know, as one parameter more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import kanaria
from kanaria.detect import load
from kanaria.detect.model import RuleSet
from kanaria.knowledge import load as load_knowledge
from tests.rules.test_web_rules import DOCUMENTS, FOLDER, findings

RULES = {
    path.stem: yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
    for path in sorted((Path(kanaria.__file__).parent / "rules").glob("*/*.yml"))
}
# What no sender of a single request or connection writes: where it went, what was answered, what is normal or ours.
NOT_THE_SENDERS = frozenset(
    "direction answered mining.answered mining.from_client accepted established status rcode src_ip host_name event_code"
    " hash_rate service baseline.anomalous baseline.new_to_device baseline.new_country baseline.learning"
    " baseline.connection_told device.role device.critical".split()
)
# Of one and the same thing, told by a rule that says more: the excuse is evidence of the same kind, and that rule tells.
HANDED_ON = {
    ("dns_query_for_mining_pool_without_client", "named"): "told by dns_query_for_mining_pool_by_name",
    ("mining_pool_named_in_log", "program"): "a miner's name beside it is told by mining_program_named_in_log",
    ("script_fetched_and_run", "quoted"): "what people quote is told by command_named_in_text",
    ("command_named_in_text", "named"): "an installer by name is told by installer_named_in_text",
    ("prompt_injection_attempt", "record"): "a record of a sensor has such members; other signs in it are heard",
    ("mining_named_in_text", "program"): "a program that mines is told by miner_program_started",
    ("installer_named_in_text", "log"): "a line of a program is told by script_fetched_and_run",
    ("script_fetched_and_run", "text"): "a named installer in a line of no program is told by installer_named_in_text",
    ("script_fetched_and_run", "named"): "a named installer in a line of no program is told by installer_named_in_text",
    ("mining_named_in_text", "log"): "a log's line is told by mining_program_named_in_log and mining_pool_named_in_log",
    ("mining_program_named_in_log", "text"): "a line of no log is told by mining_named_in_text",
    ("mining_pool_named_in_log", "text"): "a line of no log is told by mining_named_in_text",
    ("miner_program_started", "order"): "an order to a cloud is told by cloud_order_miner",
    ("script_fetched_and_run", "order"): "an order to a cloud is told by cloud_order_delivers",
    ("mining_program_set_to_start", "line"): "a line that only names it is told by mining_program_named_in_log",
    ("dns_query_for_mining_pool_without_time", "dated"): "what has a time is told by dns_query_for_mining_pool",
    ("sensor_scan_alert", "counted"): "told by sensor_scan_by_rate",
    ("dns_query_for_mining_pool_from_outside_without_time", "dated"): "told by dns_query_for_mining_pool_from_outside",
    ("traffic_shaped_like_mining", "message"): "a message in the clear is told by crypto_currency_mining_activity",
    ("traffic_shaped_like_mining", "pool"): "a pool's name is told by crypto_currency_mining_activity",
    ("unexplained_anomaly", "mines"): "the shape is told by traffic_shaped_like_mining",
    ("unexplained_anomaly", "speaks"): "a message is told by crypto_currency_mining_activity",
    ("unexplained_anomaly", "pool"): "a pool's name is told by crypto_currency_mining_activity",
    ("unusual_request", "speaks"): "a message is told by stratum_message_in_web_request",
    ("unusual_request", "pool"): "a pool is told by proxied_to_mining_pool",
    ("stratum_message_in_web_request", "unnamed"): "told by mining_message_sent_outward",
    ("web_command_injection", "router"): "told by web_iot_botnet_injection; the path itself says whom it is meant for",
    ("web_download_cradle", "router"): "told by web_iot_botnet_injection; the path itself says whom it is meant for",
    ("web_shell_command", "router"): "told by web_iot_botnet_injection; the path itself says whom it is meant for",
    ("web_php_cgi_argument_injection", "hyphen"): "told by web_php_cgi_cve_2024_4577, whose words are the same",
    ("web_shell_upload", "activemq"): "told by web_activemq_fileserver; the path itself is the product's",
    ("web_struts_ognl", "confluence"): "told by web_confluence_cve_2022_26134, which knows the same expressions",
    ("web_struts_ognl", "lookup"): "told by web_confluence_cve_2023_22527, whose word it is",
    ("web_struts_ognl", "redirect"): "told by web_struts_redirect, whose words they are",
    ("web_confluence_cve_2022_26134", "lookup"): "told by web_log4shell, whose word it is",
}


def _negated(condition: str) -> set[str]:
    """Names of selections that stand behind ``not``, alone or in parentheses."""
    groups = re.findall(r"\bnot\s+(?:\(([^()]*(?:\([^()]*\))?[^()]*)\)|(\w+))", condition)
    return {name for group, one in groups for name in re.findall(r"\w+", group or one)} - {"or", "and", "not"}


def _fields(selection: Any) -> set[str]:
    if isinstance(selection, list):
        return {field for part in selection for field in _fields(part)}
    return {key.partition("|")[0] for key in selection} if isinstance(selection, dict) else {""}


def vetoes() -> Iterator[tuple[str, str, set[str]]]:
    """Rule, name of the selection and its fields, of everything a rule excludes."""
    for rule, document in RULES.items():
        for name in sorted(_negated(str(document.get("detection", {}).get("condition", "")))):
            if name in document["detection"]:
                yield rule, name, _fields(document["detection"][name])


def test_a_veto_looks_at_nothing_a_sender_writes_or_hands_the_request_on() -> None:
    open_ones = {(rule, name) for rule, name, fields in vetoes() if not fields <= NOT_THE_SENDERS}
    assert open_ones - {("pool_name_in_dns", "forwarded"), ("web_miner_file_requested", "served")} == set(HANDED_ON)


@pytest.fixture(scope="module")
def ruleset() -> RuleSet:
    return load([FOLDER], weights=load_knowledge().weights)


def _texts() -> list[str]:
    """Literal text of every veto on what a client sent, and the paths and words that once hid an attack."""
    found: list[str] = []
    for rule, name, fields in vetoes():
        if fields & {"payload.decoded", "url", "payload.aim"}:
            for value in RULES[rule]["detection"][name].values():
                found += [
                    text
                    for text in (value if isinstance(value, list) else [value])
                    if isinstance(text, str) and not text.startswith("(?i)")
                ]
    return sorted(
        {*found, "?%ad", "/HNAP1", "/fileserver/", "curl", "://%25s", "allow_url_include", "pearcmd", "catalog-portal"}
    )


def _attacks() -> list[dict[str, Any]]:
    """Rows that a web rule's own tests call an attack, in which the URL is where the attack stands."""
    return [
        row
        for document in DOCUMENTS.values()
        for test in document["kanaria"]["tests"]
        if test["expect"]
        for row in test["rows"]
        if isinstance(row.get("url"), str) and row.get("direction") == "inbound" and not row.get("payload.aim")
    ]


def test_no_text_beside_an_attack_hides_it(ruleset: RuleSet) -> None:
    """Each attack from an address of its own, with each text as one parameter more at its end."""
    rows, named = [], {}
    for attack in _attacks():
        for text in _texts():
            address = f"203.{len(rows) >> 16 & 255}.{len(rows) >> 8 & 255}.{len(rows) & 255}"
            joint = "&" if "?" in attack["url"] else "?"
            rows.append({**_sent(attack, f"{attack['url']}{joint}zz={text}"), "src_ip": address, "remote": address})
            named[address] = (attack["url"], text)
    seen = {finding.remote for finding in findings(ruleset, [*rows, *_alone()])}
    alone = {row["url"] for row in _alone() if row["remote"] in seen}
    assert len(alone) > 50
    assert [where for address, where in named.items() if where[0] in alone and address not in seen] == []


def _alone() -> list[dict[str, object]]:
    """The attacks as they are, each from an address of its own."""
    return [
        {
            **_sent(attack, str(attack["url"])),
            "src_ip": f"198.51.{number >> 8}.{number & 255}",
            "remote": f"198.51.{number >> 8}.{number & 255}",
        }
        for number, attack in enumerate(_attacks())
    ]


def _sent(attack: dict[str, Any], url: str) -> dict[str, object]:
    """The request without what other stages said of it."""
    plain = {key: value for key, value in attack.items() if not key.startswith("payload.")}
    return {**plain, "url": url, "request": f"GET {url} HTTP/1.1"}
