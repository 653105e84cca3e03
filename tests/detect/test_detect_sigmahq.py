"""SigmaHQ's rules unchanged: what loads, what does not and why, and whether the records of its regression data match."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from kanaria.core.schema import TABLES
from kanaria.core.stream import ReadContext
from kanaria.detect import RuleSet
from kanaria.detect.coverage import coverage, lines
from kanaria.detect.loading import load
from kanaria.detect.mapping import entries
from kanaria.detect.match import TableMatcher
from kanaria.detect.model import NO_TABLE
from kanaria.formats.host.auditd import AuditLog
from kanaria.formats.logons.evtx_file import Evtx
from kanaria.formats.logons.windows_json import WindowsJson
from kanaria.sources import open_inputs
from tests.reading_formats import read_all

EVENTS = ReadContext(events=True)
REGRESSION = Path(os.environ.get("KANARIA_DATA", "")) / "sigma-regression"


@pytest.fixture(scope="module")
def sigmahq() -> RuleSet:
    folder = Path(os.environ.get("KANARIA_SIGMAHQ", ""))
    if not os.environ.get("KANARIA_SIGMAHQ") or not folder.is_dir():
        pytest.skip("KANARIA_SIGMAHQ names no folder with SigmaHQ's rules")
    return load([folder])


@pytest.mark.slow
def test_rules_of_every_log_that_is_read_load(sigmahq: RuleSet, capsys: pytest.CaptureFixture[str]) -> None:
    """Rules for cloud services and the like have no log here; of the others at most one in a hundred is refused."""
    loaded = Counter(rule.logsource.get("category") or rule.logsource.get("service") for rule in sigmahq.rules)
    foreign = [error for error in sigmahq.errors if error.expected == NO_TABLE]
    others = [error for error in sigmahq.errors if error not in foreign]
    with capsys.disabled():
        print(
            f"\n{len(sigmahq)} loaded, {len(foreign)} for other log sources, {len(others)} refused; {loaded.most_common(12)}"
        )
    assert len(others) <= len(sigmahq) // 100, [str(error) for error in others[:5]]
    unread = {"product: windows", "category: process_creation", "category: network_connection", "category: dns_query"}
    missing = Counter(error.got for error in foreign if any(word in error.got for word in unread))
    assert sum(missing.values()) <= len(sigmahq) // 100, missing


@pytest.mark.slow
@pytest.mark.parametrize(("language", "page"), [("en", "write-a-rule.md"), ("ja", "write-a-rule.ja.md")])
def test_the_table_of_the_guide_is_what_the_command_says(sigmahq: RuleSet, language: str, page: str) -> None:
    rows = [f"| {' | '.join(row)} |" for row in lines(coverage(sigmahq), language)]
    text = (Path(__file__).parents[2] / "docs" / "how-to" / page).read_text("utf-8")
    told = [
        line for line in text.splitlines() if line.startswith(("| windows", "| linux /", "| aws", "| total", "| 合計"))
    ]
    assert len(told) > 10
    assert set(told) <= set(rows)


@pytest.mark.slow
def test_the_records_of_the_regression_data_match_their_rules(sigmahq: RuleSet) -> None:
    if not REGRESSION.is_dir():
        pytest.skip("needs the folder KANARIA_DATA names")
    by_id = {rule.uuid: rule for rule in sigmahq.rules}
    engine = duckdb.connect()
    missed, seen = [], 0
    for info in sorted(REGRESSION.rglob("info.yml")):
        said = yaml.safe_load(info.read_text("utf-8"))
        rule = by_id.get(said["rule_metadata"][0]["id"])
        for record in info.parent.glob("*.evtx"):
            seen += 1
            (stream,) = open_inputs([str(record)])
            tables = [
                batch.tables[rule.table] for batch in Evtx().read(stream, EVENTS) if rule and rule.table in batch.tables
            ]
            if rule is None or not any(TableMatcher([rule], table.schema).match(table, engine) for table in tables):
                missed.append(info.parent.name)
    assert seen and not missed


def _matches(
    write: Callable[..., RuleSet], logsource: dict[str, str], detection: dict[str, Any], known: Any, data: bytes
) -> bool:
    rules = write(
        {"title": "Mine", "logsource": logsource, "detection": {"selection": detection, "condition": "selection"}}
    )
    assert not rules.errors
    (rule,) = rules.rules
    tables = read_all(known, data, context=EVENTS).tables
    if rule.table not in tables:
        return False
    return bool(TableMatcher([rule], tables[rule.table].schema).match(tables[rule.table], duckdb.connect()))


def _event(channel: str, code: int, **fields: str) -> bytes:
    return json.dumps({"@timestamp": "2026-01-10T09:00:00Z", "winlog": {
        "channel": channel, "event_id": code, "computer_name": "pc1", "event_data": fields}}).encode()  # fmt: skip


SYSMON = "Microsoft-Windows-Sysmon/Operational"
RUN_KEY = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\a"


@pytest.mark.parametrize(
    ("logsource", "detection", "data", "found"),
    [
        ({"product": "windows", "category": "registry_set"}, {"TargetObject|contains": "\\Run\\", "Details|endswith": ".exe"},
         _event(SYSMON, 13, TargetObject=RUN_KEY, Details="C:\\a.exe"), True),
        ({"product": "windows", "category": "registry_set"}, {"TargetObject|contains": "\\Run\\"},
         _event(SYSMON, 12, TargetObject=RUN_KEY), False),
        ({"product": "windows", "category": "registry_event"}, {"TargetObject|contains": "\\Run\\"},
         _event(SYSMON, 12, TargetObject=RUN_KEY), True),
        ({"product": "windows", "category": "file_event"}, {"TargetFilename|re": ".*\\\\xmrig.*"},
         _event(SYSMON, 11, TargetFilename="C:\\Temp\\xmrig.exe"), True),
        ({"product": "windows", "category": "ps_script"}, {"ScriptBlockText|contains|all": ["Net.WebClient", "miner"]},
         _event("Microsoft-Windows-PowerShell/Operational", 4104, ScriptBlockText="(New-Object Net.WebClient) miner"), True),
        ({"product": "windows", "service": "security"}, {"EventID": 4720, "TargetUserName": "svc"},
         _event("Security", 4720, TargetUserName="svc"), True),
        ({"product": "windows", "service": "security"}, {"EventID": 4720}, _event("Application", 4720), False),
        ({"product": "windows", "service": "system"}, {"Provider_Name|exists": False, "EventID": 7045},
         _event("System", 7045, ServiceName="a", ImagePath="b"), True),
        ({"product": "windows", "category": "image_load"}, {"Signed": "false", "Image|endswith": "\\a.exe"},
         _event(SYSMON, 7, Signed="false", Image="C:\\a.exe"), True),
        ({"product": "windows", "category": "process_creation"}, {"User|contains": "AUTHORI", "ParentImage|endswith": "\\b.exe"},
         _event(SYSMON, 1, User="NT AUTHORITY\\SYSTEM", Image="C:\\a.exe", ParentImage="C:\\b.exe"), True),
        ({"product": "linux", "category": "process_creation"}, {"Image|endswith": "a.exe"}, _event(SYSMON, 1, Image="C:\\a.exe"), False),
    ],
)  # fmt: skip
def test_windows_rules_see_every_field(
    write: Callable[..., RuleSet], logsource: dict[str, str], detection: dict[str, Any], data: bytes, found: bool
) -> None:
    assert _matches(write, logsource, detection, WindowsJson(), data) is found


def test_rules_over_audit_records(write: Callable[..., RuleSet]) -> None:
    line = b'type=EXECVE msg=audit(1768035600.206:9): argc=2 a0="crontab" a1="-e"\n'
    source = {"product": "linux", "service": "auditd"}
    assert _matches(write, source, {"type": "EXECVE", "a0|contains": "crontab"}, AuditLog(), line)
    assert not _matches(write, source, {"type": "EXECVE", "a0|contains": "curl"}, AuditLog(), line)


def test_a_value_cannot_pass_for_another_field(write: Callable[..., RuleSet]) -> None:
    data = _event(SYSMON, 13, TargetObject="x\x1fdetails=evil", Details="good")
    source = {"product": "windows", "category": "registry_set"}
    assert not _matches(write, source, {"Details": "evil"}, WindowsJson(), data)
    assert _matches(write, source, {"Details": "good"}, WindowsJson(), data)


def test_events_are_read_for_rules_only() -> None:
    data = _event("Security", 4720, TargetUserName="svc")
    assert "event" not in read_all(WindowsJson(), data).tables
    assert read_all(WindowsJson(), data, context=EVENTS).rows_of("event")[0]["event_code"] == 4720


def test_every_mapping_is_to_a_table_and_its_columns() -> None:
    from kanaria.detect.mapping import find

    for source, _ in entries():
        found = find(source)
        assert found is not None and found.table in TABLES
        columns = {column.name for column in TABLES[found.table].columns}
        named = {name for name in {*found.fields.values(), *found.where} if not name.startswith("@")}
        assert named <= columns, (source, named - columns)
