"""What ``kanaria rules coverage`` says of a small collection: what runs, on which table, and why others do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from kanaria.app.commands.main import cli

RULE = """title: {title}
id: {uuid}
status: test
logsource: {{{source}}}
detection: {{one: {{{field}: {value}}}, condition: {condition}}}
level: high
"""
RULES = (
    ("product: windows, category: process_creation", "Image|endswith", "x.exe", "one"),
    ("product: windows, category: process_creation", "Nowhere", "null", "one"),
    ("product: aws, service: cloudtrail", "eventName", "x", "one"),
    ("product: windows, service: security", "User|expand", "'%someone%'", "one"),
)


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    for number, (source, field, value, condition) in enumerate(RULES):
        uuid = f"0000000{number}-0000-4000-8000-000000000000"
        text = RULE.format(
            title=f"Rule {number}", uuid=uuid, source=source, field=field, value=value, condition=condition
        )
        (tmp_path / f"rule{number}.yml").write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("language", "reason"), [("en", "no format here reads this log"), ("ja", "このログを読む形式がない")]
)
def test_coverage_by_log_source(collection: Path, language: str, reason: str) -> None:
    result = CliRunner().invoke(cli, ["rules", "coverage", "--rules", str(collection), "--lang", language])
    assert result.exit_code == 0, result.output
    rows = {" ".join(line.split()[:3]): line.split("  ") for line in result.output.splitlines()}
    windows = [cell for cell in rows["windows / process_creation"] if cell]
    assert [cell.strip() for cell in windows[1:4]] == ["2", "1", "process"]
    assert reason in " ".join(rows["aws / cloudtrail"])
    assert [cell.strip() for cell in result.output.splitlines()[-1].split("  ") if cell.strip()][1:] == ["4", "1"]


def test_the_bundled_rules_all_run() -> None:
    result = CliRunner().invoke(cli, ["rules", "coverage", "--markdown", "--lang", "en"])
    total = result.output.splitlines()[-1].split(" | ")
    assert total[1] == total[2] != "0"
