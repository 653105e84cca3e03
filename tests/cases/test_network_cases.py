"""The given network, sensor and host cases against what we expect of them (``network.tsv``, one line a case).

The cases lie outside the repository; of them the table has only file names. ``status`` is the exit status, the columns
after it what the worst incident must be, ``|`` separates alternatives, an empty cell is not looked at. A case whose
``state`` is ``open`` is not met yet: it must end in an orderly way, and is marked as expected to fail.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click import ClickException
from click.testing import CliRunner

from kanaria.app.commands.main import cli
from kanaria.core.errors import KanariaError

FOLDER = Path(os.environ.get("KANARIA_DATA", "")) / "cases" / "network"
LINES = Path(__file__).with_name("network.tsv").read_text("utf-8").splitlines()
CASES = list(csv.DictReader(LINES, delimiter="\t"))
ORDERLY = {0, 1, 2, 3}

pytestmark = pytest.mark.skipif(
    not os.environ.get("KANARIA_DATA") or not FOLDER.is_dir(), reason="needs the folder KANARIA_DATA names"
)


def _run(case: dict[str, str]) -> tuple[int, dict[str, Any]]:
    arguments = [case["command"], str(FOLDER / case["case"]), "--lang", "en"]
    arguments += ["--format", "json"] if case["command"] == "analyze" else []
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    if isinstance(result.exception, ClickException | KanariaError):
        return 2, {}
    assert result.exception is None, result.exception
    status = result.return_value if isinstance(result.return_value, int) else 0
    return status, json.loads(result.stdout) if case["command"] == "analyze" and result.stdout else {}


def _differences(case: dict[str, str], status: int, answer: dict[str, Any]) -> list[str]:
    """What is not as expected; the worst incident comes first in the answer."""
    worst = next(iter(answer.get("incidents", [])), {})
    said = {
        "status": str(status),
        "severity": worst.get("severity", ""),
        "outcome": worst.get("outcome", {}).get("value", ""),
        "hypothesis": next(iter(worst.get("hypotheses", [])), {}).get("name", ""),
        "format": next((str(one["format"]) for one in answer.get("inputs", [])), ""),
    }
    wrong = [
        f"{name}: expected {case[name]}, got {got}"
        for name, got in said.items()
        if case[name] and got not in case[name].split("|")
    ]
    devices = [device for one in answer.get("incidents", []) for device in one["entities"]["devices"]]
    if case["device"] and case["device"] not in devices:
        wrong.append(f"device: expected {case['device']}, got {devices}")
    return wrong


@pytest.mark.parametrize("case", CASES, ids=[f"{case['case']}-{case['command']}" for case in CASES])
def test_a_given_case_gets_its_answer(case: dict[str, str]) -> None:
    status, answer = _run(case)
    assert status in ORDERLY
    wrong = _differences(case, status, answer)
    if wrong and case["state"] == "open":
        pytest.xfail("; ".join(wrong))
    assert not wrong


def test_every_given_case_is_in_the_table() -> None:
    given = {line.split("\t")[0] for line in (FOLDER / "cases.tsv").read_text("utf-8").splitlines()[1:] if line}
    assert given == {case["case"] for case in CASES}
