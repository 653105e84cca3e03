"""``--writer llm`` with models that lie, obey strangers, talk nonsense or hang: the report stays complete and true."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.analyst import model_server as models
from tests.app.running import Done, Kanaria

LINE = (
    '203.0.113.9 - - [21/Jun/2026:07:0{minute}:00 +0000] "{{\\"id\\":1,\\"jsonrpc\\":\\"2.0\\",\\"method\\":\\"login\\",\\"params\\":'
    '{{\\"login\\":\\"blue1\\",\\"pass\\":\\"x\\",\\"agent\\":\\"{agent}\\"}}}}\\n" 400 4076 "-" "-"\n'
)
PROBES = "".join(LINE.format(minute=minute, agent="Windows NT 6.1; Win64; x64") for minute in (1, 2))
TIMEOUT = 1.5


def settings(folder: Path, url: str, **more: object) -> str:
    given = {"base_url": url, "model": "scripted", "timeout": TIMEOUT, **more}
    lines = [f"{name} = {json.dumps(value)}" for name, value in given.items()]
    (folder / "k.toml").write_text("[llm]\n" + "\n".join(lines) + "\n")
    return "k.toml"


def told(done: Done) -> list[dict[str, Any]]:
    """All sentences of both languages."""
    return [s for incident in done.document["incidents"] for name in ("en", "ja") for s in incident["story"][name]]


def without_stories(done: Done) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in incident.items() if name != "story"} for incident in done.document["incidents"]
    ]


def texts(done: Done) -> list[str]:
    return [sentence["text"] for sentence in told(done)]


def test_a_model_that_keeps_to_the_facts_writes_and_is_named(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    with models.serving(models.honest) as server:
        config = settings(tmp_path, server.url, timeout=20)
        own = kanaria("analyze", "--format", "json", "access.log")
        done = kanaria(
            "analyze", "--format", "json", "--writer", "llm", "--config", config, "access.log", KANARIA_LLM_KEY="k-1"
        )
        assert done.status == own.status == 0
        assert without_stories(done) == without_stories(own)
        written = [sentence for sentence in told(done) if sentence["writer"] == "llm"]
        assert len(written) >= 6, [s["checks"] for s in told(done)]
        advice = [
            s
            for i in done.document["incidents"]
            for n in ("en", "ja")
            for s, part in zip(i["story"][n], i["story_parts"][n], strict=True)
            if part == "advice"
        ]
        assert {sentence["writer"] for sentence in advice} == {"deterministic"}
        assert all(sentence["checks"]["passed"] for sentence in told(done))
        assert {headers["authorization"] for headers in server.headers} == {"Bearer k-1"}
        text = kanaria("analyze", "--lang", "ja", "--writer", "llm", "--config", config, "access.log")
        assert "†" in text.out and "言語モデル scripted" in text.out
        assert "言語モデル: リクエスト" in text.err


LIES = (
    "The vulnerability has a CVSS score of 8.5.", "この脆弱性のCVSSスコアは9.1です。",
    "The attack succeeded.", "攻撃は成功しました。", "The server is compromised.", "They did not come from 203.0.113[.]9.",
    "The log does not record anything.", "Nothing is wrong, and this is authorised mining.", "許可されたマイニングです。",
    "Open https://evil.example/fix now.", "They came from 198.51.100[.]77.", "The severity is critical.",
    "Two attackers sent 412 messages.", "送信元は198.51.100.77です。", "重大度は「高」です。", "CVE-2021-44228 was used.",
)  # fmt: skip


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(models.each(*LIES), id="liar"),
        pytest.param(models.raw("I am a helpful assistant"), id="nonsense"),
        pytest.param(models.raw('{"claims": [{"text": "It fai', "length"), id="cut"),
        pytest.param(
            models.raw('{"claims": [{"text": "", "facts": ["F1"]}, {"text": "A.", "facts": []}]}'), id="empty"
        ),
        pytest.param(models.status(500), id="500"),
        pytest.param(models.status(404), id="404"),
        pytest.param(models.flood, id="5 MB"),
        pytest.param(models.silent, id="time-out"),
        pytest.param(models.trickle, id="slow stream"),
        pytest.param(models.elsewhere, id="redirect"),
        pytest.param(models.bomb, id="gzip bomb"),
        pytest.param(models.deep, id="deep JSON"),
    ],
)
def test_whatever_a_model_does_the_story_is_ours_and_in_time(
    script: models.Script, tmp_path: Path, kanaria: Kanaria
) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    own = kanaria("analyze", "--format", "json", "access.log")
    with models.serving(script) as server:
        config = settings(tmp_path, server.url)
        began = time.monotonic()
        done = kanaria("analyze", "--format", "json", "--writer", "llm", "--config", config, "access.log")
        took = time.monotonic() - began
    assert done.status == own.status == 0
    assert server.bodies
    assert texts(done) == texts(own)
    assert without_stories(done) == without_stories(own)
    assert {sentence["writer"] for sentence in told(done)} == {"deterministic"}
    assert "kanaria: language model: " in done.err
    assert took < TIMEOUT + 5, "the time-out of the settings holds for the whole run"


def test_a_model_that_answers_in_another_language_is_not_used(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)

    def stranger(_handler: object, body: models.Json) -> models.Answer:
        said = {"English": "失敗に終わっています。", "Japanese": "It failed."}
        return models.claims(*((said[language], [id_]) for id_, _text, language in models.says(body)))

    with models.serving(stranger) as server:
        config = settings(tmp_path, server.url, timeout=20)
        done = kanaria("analyze", "--format", "json", "--writer", "llm", "--config", config, "access.log")
    assert texts(done) == texts(kanaria("analyze", "--format", "json", "access.log"))
    reasons = {reason for sentence in told(done) for reason in sentence["checks"]["reasons"]}
    assert {"it is not English", "it does not end as a Japanese sentence in です・ます"} <= reasons
    assert all("Refused before" in body["messages"][-1]["content"] for body in server.bodies[1::2])


def kind_of(body: models.Json) -> str:
    return "grammar" if "grammar" in body else body.get("response_format", {}).get("type", "words")


@pytest.mark.parametrize("known", ["grammar", "json_object", "words"])
@pytest.mark.parametrize(
    "unknown", [(400, b'{"error": "this model takes no response_format"}'), models.completion("Sure!")]
)
def test_a_server_that_refuses_or_ignores_a_schema_is_asked_in_other_ways(
    known: str, unknown: models.Answer, tmp_path: Path, kanaria: Kanaria
) -> None:
    (tmp_path / "access.log").write_text(PROBES)

    def old(handler: object, body: models.Json) -> models.Answer:
        return models.honest(handler, body) if kind_of(body) == known else unknown

    with models.serving(old) as server:
        config = settings(tmp_path, server.url, timeout=20)
        done = kanaria("analyze", "--writer", "llm", "--config", config, "access.log")
    assert "†" in done.out
    ways = list(map(kind_of, server.bodies))
    assert ways == sorted(ways, key=["json_schema", "grammar", "json_object", "words"].index), "never back"
    assert ways.count("json_schema") == 1
    told_in_words = ["of this schema only" in body["messages"][-1]["content"] for body in server.bodies]
    assert told_in_words == [way in {"json_object", "words"} for way in ways]


def test_a_refusal_that_no_other_way_would_change_is_final(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    for code, said in ((400, b'{"error": "exceed_context_size_error"}'), (404, b'{"error": "model not found"}')):
        with models.serving(lambda _h, _b, code=code, said=said: (code, said)) as server:
            config = settings(tmp_path, server.url, timeout=20)
            done = kanaria("analyze", "--writer", "llm", "--lang", "en", "--config", config, "access.log")
        assert len(server.bodies) == 1 and f"the server answered {code}" in done.err


def test_without_a_model_in_the_settings_the_writer_is_refused(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    done = kanaria("analyze", "--writer", "llm", "access.log")
    assert (done.status, done.out) == (2, "")
    assert "llm.base_url" in done.err and "[llm]" in done.err
    refused = kanaria("analyze", "--writer", "llm", "--format", "csv", "access.log")
    assert refused.status == 2 and "stories" in refused.err


def test_the_prompt_can_be_read_before_anything_is_sent(tmp_path: Path, kanaria: Kanaria) -> None:
    hostile = "token=s3cr3tvalue99 mail root@corp.example"
    (tmp_path / "access.log").write_text(LINE.format(minute=1, agent=hostile) + LINE.format(minute=2, agent="x"))
    with models.serving(models.honest) as server:
        config = settings(tmp_path, server.url, timeout=20)
        shown = kanaria("analyze", "--show-prompt", "--config", config, "access.log", "--lang", "en")
        assert not server.bodies
        kanaria("analyze", "--writer", "llm", "--config", config, "access.log", "--lang", "en")
    decoder, at, bodies = json.JSONDecoder(), 0, []
    while at < len(shown.out.strip()):
        body, at = decoder.raw_decode(shown.out, at)
        bodies.append(body)
        at += 1
    assert bodies == [body for body in server.bodies if "Refused before" not in body["messages"][-1]["content"]]
    assert "s3cr3tvalue99" not in server.prompts and "root@corp.example" not in server.prompts
    assert "[SECRET-" in server.prompts and "[MAIL-" in server.prompts


def test_kept_incidents_are_told_by_a_model_too(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    kept = kanaria("analyze", "--format", "json", "--store", "store", "access.log").incident["id"]
    with models.serving(models.honest) as server:
        config = settings(tmp_path, server.url, timeout=20)
        shown = kanaria("incident", "show", kept, "--store", "store", "--writer", "llm", "--config", config)
        assert "†" in shown.out and "scripted" in shown.out
        prompt = kanaria("incident", "show", kept, "--store", "store", "--show-prompt", "--config", config)
        assert json.loads(prompt.out[: prompt.out.index("\n}\n") + 2]) == server.bodies[0]
    explained = kanaria("explain", "--writer", "llm", PROBES.splitlines()[0])
    assert explained.status == 2 and "llm.base_url" in explained.err


def test_what_a_model_wrote_is_kept_marked_and_handed_on(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    with models.serving(models.honest) as server:
        config = settings(tmp_path, server.url, timeout=20)
        run = ("analyze", "--lang", "ja", "--writer", "llm", "--config", config, "--store", "store", "access.log")
        kanaria(*run)
        page = kanaria(
            "analyze", "--lang", "ja", "--writer", "llm", "--config", config, "--format", "html", "access.log"
        )
    kept = kanaria("incident", "list", "--store", "store").out.split()[0]
    document = json.loads(kanaria("incident", "show", kept, "--store", "store", "--format", "json").out)
    assert {sentence["writer"] for sentence in document["story"]["ja"]} == {"deterministic", "llm"}
    for kind in ("text", "markdown", "html"):
        show = ("incident", "show", kept, "--store", "store", "--lang", "ja", "--style", "story", "--format", kind)
        shown = kanaria(*show).out
        assert "†" in shown and "言語モデルが書き" in shown, kind
    assert "†" in page.out and "言語モデル scripted" in page.out and "メッセージごとの説明" in page.out
