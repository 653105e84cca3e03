"""``kanaria ask --writer llm``: a model finds facts and words them; what fails a check is said in our words or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.analyst import model_server as models
from tests.analyst.test_writer_llm import PROBES, settings
from tests.app.running import Kanaria


@pytest.fixture
def kept(tmp_path: Path, kanaria: Kanaria) -> str:
    (tmp_path / "access.log").write_text(PROBES)
    found: str = kanaria("analyze", "--format", "json", "--store", "store", "access.log").incident["id"]
    return found


def facts(body: models.Json) -> list[models.Json]:
    content = body["messages"][1]["content"]
    return [json.loads(line) for line in content.splitlines() if line.startswith('{"id"')]


def finds(word: str, before: str = "") -> models.Script:
    """A model that cites the first fact with the word and says it as it stands, after ``before``."""

    def script(_handler: object, body: models.Json) -> models.Answer:
        found = next(fact for fact in facts(body) if word in fact["says"])
        return models.claims((before + found["says"], [found["id"]]))

    return script


def asked(kanaria: Kanaria, folder: Path, kept: str, question: str, script: models.Script, **more: object) -> Any:
    with models.serving(script) as server:
        config = settings(folder, server.url, **{"timeout": 5, **more})
        words = ("--writer", "llm", "--config", config, "--store", "store", "--lang", "en")
        done = kanaria("ask", kept, question, "--format", "json", *words)
        text = kanaria("ask", kept, question, *words)
    assert done.status == text.status == 0
    return json.loads(done.out)["answer"], text, server


def test_a_model_finds_the_fact_and_is_named(tmp_path: Path, kanaria: Kanaria, kept: str) -> None:
    answer, text, server = asked(
        kanaria, tmp_path, kept, "Why did nothing come of it?", finds("answered 400", "In addition, ")
    )
    assert [item["writer"] for item in answer] == ["llm"] and answer[0]["evidence"] and answer[0]["checks"]["passed"]
    assert "†" in text.out and "written by a language model" in text.out
    assert server.bodies[0]["messages"][1]["content"].endswith('Question: "Why did nothing come of it?"')


@pytest.mark.parametrize(
    "lie",
    ["It worked.", "The server answered 400 bytes.", "The attacker sent 412 messages.", "See https://evil.example/."],
)
def test_a_false_answer_is_said_as_the_fact_says_it(lie: str, tmp_path: Path, kanaria: Kanaria, kept: str) -> None:
    def liar(_handler: object, body: models.Json) -> models.Answer:
        found = next(fact for fact in facts(body) if "answered 400" in fact["says"])
        return models.claims((lie, [found["id"]]))

    answer, text, _server = asked(kanaria, tmp_path, kept, "Did it work?", liar)
    assert [item["writer"] for item in answer] == ["deterministic"] and answer[0]["checks"]["reasons"]
    assert "answered 400" in answer[0]["text"] and lie not in text.out and "†" not in text.out


SCRIPTS = {
    "nothing": models.claims, "unknown fact": lambda: models.claims(("It worked.", ["F999"])),
    "no fact": lambda: models.claims(("It worked.", [])), "nonsense": lambda: models.completion("I think so!"),
    "500": lambda: (500, b"{}"), "404": lambda: (404, b"{}"),
}  # fmt: skip


@pytest.mark.parametrize("name", SCRIPTS)
def test_without_a_usable_answer_the_templates_answer(name: str, tmp_path: Path, kanaria: Kanaria, kept: str) -> None:
    made = SCRIPTS[name]()
    for question, said in (("Did it work?", "It failed."), ("What colour is the moon?", "do not say")):
        answer, _text, _server = asked(kanaria, tmp_path, kept, question, lambda _h, _b: made)
        assert {item["writer"] for item in answer} == {"deterministic"}
        assert any(said in item["text"] for item in answer)


def test_what_would_be_sent_can_be_read_first(tmp_path: Path, kanaria: Kanaria, kept: str) -> None:
    config = settings(tmp_path, "http://192.0.2.1/v1")
    shown = kanaria("ask", kept, "token=s3cr3tvalue99?", "--show-prompt", "--config", config, "--store", "store")
    body = json.loads(shown.out)
    assert "s3cr3tvalue99" not in shown.out and "[SECRET-" in shown.out
    assert len(facts(body)) > 10
