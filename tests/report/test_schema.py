"""The JSON Schema: it is what the reference shows, and what is written obeys it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from kanaria import knowledge
from kanaria.app.commands.demo_inputs import demo_streams
from kanaria.app.config import Config
from kanaria.app.run.engine import Engine
from kanaria.app.run.pipeline import analyse
from kanaria.app.run.setup import prepare
from kanaria.core.types import Analysis
from kanaria.report import schema
from kanaria.report.document import document
from tests.report.report_samples import analysis, dns_server, finding, fragment, incident, scanner

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "kanaria.schema.json"


def errors(made: Any, *, closed: bool = True) -> list[str]:
    checker = jsonschema.Draft202012Validator(schema.schema(closed=closed))
    return [f"{error.json_path}: {error.message}" for error in checker.iter_errors(json.loads(json.dumps(made)))]


def test_the_schema_is_one() -> None:
    for closed in (True, False):
        jsonschema.Draft202012Validator.check_schema(schema.schema(closed=closed))


def test_the_reference_is_up_to_date() -> None:
    assert REFERENCE.read_text(encoding="utf-8") == schema.text(), "run: python -m kanaria.report.schema " + str(
        REFERENCE
    )


def test_writing_the_reference(tmp_path: Path) -> None:
    assert schema.main([str(tmp_path / "schema.json")]) == 0
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == schema.schema()


@pytest.mark.parametrize(
    "run",
    [
        analysis(),
        analysis(dns_server(), scanner(), fragment()),
        analysis(incident((finding(cves=("CVE-2023-22527",)),))),
    ],
)
def test_documents_obey_the_schema(run: Analysis) -> None:
    made = document(run, knowledge.load())
    assert errors(made) == []
    assert errors(made, closed=False) == []


def test_the_demo_obeys_the_schema() -> None:
    with Engine(prepare(Config())) as engine:
        made = document(analyse(demo_streams(), engine), engine.setup.facts)
    assert made["incidents"], "the demo shows at least one incident"
    assert errors(made) == []


def test_names_other_programs_rely_on() -> None:
    declared = {name: set(properties) for name, (_, properties) in schema.OBJECTS.items()}
    assert {"path", "format", "rows", "rejected"} <= declared["input"]
    assert {
        "id", "title", "severity", "hypotheses", "outcome", "entities", "findings", "messages", "techniques", "indicators",
        "timeline", "vulnerabilities", "recommendations", "evidence",
    } <= declared["incident"]  # fmt: skip
    assert {"rule", "title", "severity", "evidence", "techniques"} <= declared["finding"]
    assert {"dialect", "method", "coin", "wallet", "worker", "password", "agent", "algorithms", "evidence"} <= declared[
        "message"
    ]
    assert {"cve", "relation", "scores", "kev"} <= declared["vulnerability"]
    assert {"scorer", "version", "score", "vector", "source", "date"} <= declared["score"]
    assert {"id", "source", "line", "quote", "bits", "because"} <= declared["evidence"]
    assert {"type", "value", "comment"} == declared["indicator"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("incidents", 0, "severity"), "terrible"),
        (("incidents", 0, "hypotheses", 0, "probability"), 1.5),
        (("incidents", 0, "outcome", "value"), "worked"),
        (("incidents", 0, "findings", 0, "techniques", 0), "1496"),
        (("inputs", 0, "rows"), -1),
        (("kanaria", "schema"), 2),
    ],
)
def test_wrong_values_are_refused(path: tuple[str | int, ...], value: object) -> None:
    made: Any = json.loads(json.dumps(document(analysis(dns_server()), knowledge.load())))
    place = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert len(errors(made)) == 1


def test_adding_is_free_and_leaving_out_is_not() -> None:
    made = document(analysis(dns_server()), knowledge.load())
    made["incidents"][0]["colour"] = "red"
    assert errors(made, closed=False) == []
    assert len(errors(made)) == 1
    del made["incidents"][0]["colour"], made["incidents"][0]["outcome"]
    assert len(errors(made, closed=False)) == 1


def test_dates_are_dates() -> None:
    made = document(analysis(incident((finding(cves=("CVE-2023-22527",)),))), knowledge.load())
    for vulnerability in made["incidents"][0]["vulnerabilities"]:
        for score in vulnerability["scores"]:
            assert date.fromisoformat(score["date"])
