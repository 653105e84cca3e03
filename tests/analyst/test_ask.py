"""``kanaria ask``: the questions people have, answered from the facts, in both languages, each way of asking alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kanaria.analyst.questions import TOPICS, topics
from tests.analyst.test_writer_llm import PROBES
from tests.app.running import Kanaria

QUESTIONS = {
    "who": ("Who sent this?", "Where did it come from?", "誰が送ってきたのですか", "送信元は?", "攻撃者は誰?"),
    "when": ("When was it?", "いつのことですか?"),
    "since": ("Since when?", "How long has it been going on?", "いつから続いていますか", "時系列で教えてください"),
    "worked": ("Did it work?", "Did they get in?", "Was it successful?", "成功しましたか?", "侵入されましたか"),
    "attack": (
        "Is it an attack?",
        "Was I hacked?",
        "これは攻撃ですか?",
        "うちが狙われているの?",
        "Is this a false positive?",
        "これって攻撃なの?",
    ),
    "stray": ("Could it be stray traffic?", "誤送の可能性は?", "誰かが間違えて送ったのでは?"),
    "do": (
        "What should I do?",
        "What to do now?",
        "どうすればよいですか",
        "対応は必要ですか",
        "何をしたらいい?",
        "私は何かすべきですか?",
        "どうしたらいいですか",
        "Do I need to do anything?",
        "Can I ignore this?",
    ),
    "sure": ("How sure are you?", "What is the probability?", "どのくらい確かですか"),
    "why": ("Why do you think so?", "What is the evidence?", "なぜそう言えるのですか", "根拠は?"),
    "cve": ("Which CVE is it?", "What is the CVSS score?", "関係する脆弱性は?", "CVEは何ですか"),
    "cost": ("What did it cost me?", "電気代はいくらかかりましたか", "お金はかかった?", "被害額は?"),
    "terms": ("What is Stratum?", "What is a pool?", "ウォレットとは何ですか", "Stratumって何?"),
    "coin": ("What coin is it?", "送金先は?", "どんなマイナー?"),
    "lines": ("Which lines are they?", "ログのどこ?"),
    "again": ("心配しなくていい?", "When should I worry?"),
    "device": ("Which device is it?", "どの機器ですか"),
    "looked_at": ("What was looked at?", "何を調べたのですか", "調べた範囲は?"),
    "stop_mails": ("How do I stop these mails?", "この通知メールを止めたい"),
    "data": ("Is my data safe?", "データは漏れましたか?", "個人情報は大丈夫ですか"),
    "similar": (
        "Are there similar incidents?",
        "似たインシデントはありますか",
        "過去に同じことはあった?",
        "Have you seen this before?",
    ),
    "next": (
        "What would you look at next?",
        "次に何を調べればよいですか",
        "他に調べるべきことは?",
        "What else should I check?",
    ),
    "severity": (
        "How serious is it?",
        "どれくらい危険ですか",
        "影響は?",
        "被害はありますか?",
        "What is the impact?",
        "Is it dangerous?",
    ),
    "what": ("What happened?", "何が起きたのですか", "これは何ですか"),
    "unknown_owner": ("Which country is it from?", "どこの国からですか"),
}


@pytest.mark.parametrize("topic", QUESTIONS)
def test_every_way_of_asking_is_understood(topic: str) -> None:
    assert topic in TOPICS
    assert {question: topics(question)[:1] for question in QUESTIONS[topic]} == dict.fromkeys(
        QUESTIONS[topic], (topic,)
    )


def test_two_questions_in_one_are_both_answered() -> None:
    assert topics("いつ、誰が送りましたか") == ("when", "who")
    assert topics("What colour is the moon") == ()


def test_answers_stand_on_evidence_and_say_what_is_not_known(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").write_text(PROBES)
    incident = kanaria("analyze", "--format", "json", "--store", "store", "access.log").incident
    known = {item["id"] for item in incident["evidence"]}

    def asked(question: str, language: str) -> list[dict[str, object]]:
        done = kanaria("ask", incident["id"], question, "--lang", language, "--format", "json", "--store", "store")
        assert (done.status, done.err) == (0, "")
        answer: list[dict[str, object]] = json.loads(done.out)["answer"]
        assert answer and all(set(item) == {"text", "evidence", "writer", "checks"} for item in answer)
        assert {e for item in answer for e in item["evidence"]} <= known  # type: ignore[attr-defined]
        return answer

    expected = {
        ("誰が送りましたか", "ja"): "203.0.113[.]9", ("When?", "en"): "2026-06-21 07:01:00 UTC", ("成功した?", "ja"): "失敗に終わっています",
        ("Is it an attack?", "en"): "Not an attack on this server", ("誤送?", "ja"): "宛先を間違えた", ("対応は?", "ja"): "対応は必要ありません",
        ("What is its CVSS score?", "en"): "Nothing here uses a vulnerability", ("電気代は?", "ja"): "費用は推定できません",
        ("Stratumとは何?", "ja"): "プロトコル", ("通知を止めたい", "ja"): "grep", ("Is my data safe?", "en"): "not in these records",
        ("次に何を調べる?", "ja"): "--check-host", ("which country?", "en"): "The facts of this incident do not say.",
        ("月の色は?", "ja"): "わかりません", ("Which device?", "en"): "No device of yours", ("How sure are you?", "en"): "over 99.9 %",
    }  # fmt: skip
    for (question, language), words in expected.items():
        said = asked(question, language)
        assert any(words in str(item["text"]) for item in said), (question, said)
    assert asked("Who sent it?", "en")[0]["evidence"]
    shown = kanaria("ask", incident["id"], "Did it work?", "--store", "store", "--lang", "en")
    assert shown.out.startswith("It failed.  [e-")
    missing = kanaria("ask", "i-ffffffffffff", "Did it work?", "--store", "store")
    assert missing.status == 2 and "i-ffffffffffff" in missing.err
