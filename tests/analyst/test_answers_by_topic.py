"""``kanaria ask``: the answer to each question, by what the incident's facts hold and by what they do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from kanaria import knowledge
from kanaria.analyst.answers import answer
from kanaria.analyst.questions import MOST, TOPICS, topics
from kanaria.core.types import HypothesisScore, Incident, Indicator, Language, Outcome, Text
from kanaria.report.document import document
from tests.report.report_samples import (
    POOL,
    SERVER,
    START,
    analysis,
    dns_server,
    evidence,
    finding,
    fragment,
    incident,
    scanner,
)

LANGUAGES: tuple[Language, ...] = ("en", "ja")
ASKED: dict[str, tuple[str, str]] = {
    "unknown_owner": ("Which country is it from?", "どこの国ですか"), "stop_mails": ("How do I stop these mails?", "通知を止めたい"),
    "stray": ("Was it sent by mistake?", "誤送ですか"), "attack": ("Is it an attack?", "攻撃ですか"), "worked": ("Did it work?", "成功しましたか"),
    "data": ("Is my data safe?", "データは漏れましたか"), "do": ("What should I do?", "どうすればいい?"),
    "next": ("What would you look at next?", "次に何を調べる?"), "again": ("When should I worry?", "いつ気にすればいい?"),
    "sure": ("How sure are you?", "どのくらい確かですか"), "why": ("Why do you think so?", "なぜですか"),
    "cve": ("Which CVE?", "どの脆弱性?"), "cost": ("What did it cost?", "費用は?"), "terms": ("What is Stratum?", "Stratumとは何ですか"),
    "coin": ("Which coin is it?", "送金先は?"), "device": ("Which device is it?", "どの機器ですか"),
    "since": ("Since when?", "いつから?"), "when": ("When was it?", "いつですか"), "looked_at": ("What was looked at?", "調べた範囲は?"),
    "similar": ("Are there similar incidents?", "似たものは?"), "normal": ("What is normal for it?", "普段は?"),
    "techniques": ("Which ATT&CK techniques?", "技法は?"), "indicators": ("Which indicators?", "指標は?"),
    "lines": ("Show me the lines", "どの行ですか"), "severity": ("How severe is it?", "重大度は?"), "who": ("Who did it?", "誰ですか"),
    "what": ("What happened?", "何が起きた?"),
}  # fmt: skip
MADE: dict[str, Callable[[], Incident]] = {"server": dns_server, "scanner": scanner, "fragment": fragment}


@cache
def facts() -> Any:
    return knowledge.load()


def told(found: Incident) -> dict[str, Any]:
    (made,) = document(analysis(found), facts())["incidents"]
    return dict(made)


@cache
def kept(name: str) -> dict[str, Any]:
    return told(MADE[name]())


def said(found: Incident | str, topic: str, language: Language = "en") -> list[str]:
    shown = kept(found) if isinstance(found, str) else told(found)
    return [claim.text for claim in answer(shown, ASKED[topic][LANGUAGES.index(language)], language)]


def test_every_topic_is_asked_for_here_and_understood() -> None:
    assert set(ASKED) == set(TOPICS)
    for topic, questions in ASKED.items():
        assert [topics(question)[:1] for question in questions] == [(topic,)] * 2, topic


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("topic", TOPICS)
def test_there_is_always_an_answer_on_known_evidence_in_the_language(topic: str, name: str, language: Language) -> None:
    shown = kept(name)
    claims = answer(shown, ASKED[topic][LANGUAGES.index(language)], language)
    assert claims and len({claim.text for claim in claims}) == len(claims), "nothing is said twice"
    known = {proof["id"] for proof in shown["evidence"]}
    assert all(set(claim.evidence) <= known for claim in claims)
    if language == "ja" and topic != "lines":
        assert any("ぁ" <= letter <= "龯" for claim in claims for letter in claim.text)
    if language == "en":
        assert not any("ぁ" <= letter <= "ん" for claim in claims for letter in claim.text)


class TestWho:
    def test_a_sender_where_no_device_of_ours_is_known(self) -> None:
        assert said("scanner", "who") == [
            "It came from 203.0.113[.]9.",
            "An address does not say which person is behind it.",
        ]
        assert said("scanner", "who", "ja")[0] == "送信元は203.0.113[.]9です。"

    def test_the_other_side_where_one_is(self) -> None:
        found = incident((finding(),))
        assert said(found, "who")[0] == "The other side is 198.51.100[.]38."
        assert said(found, "who", "ja")[0] == "通信の相手は198.51.100[.]38です。"

    def test_nobody_is_made_up(self) -> None:
        assert said("fragment", "who") == ["The records do not name a sender."]
        assert said("fragment", "who", "ja") == ["送信元は記録されていません。"]

    def test_many_are_counted(self) -> None:
        found = incident(tuple(finding("x", n, f"203.0.113.{n}") for n in range(1, 12)))
        assert said(found, "who")[0].endswith("203.0.113[.]8 +3.")

    def test_whose_an_address_is_needs_network_data(self) -> None:
        assert said("scanner", "unknown_owner")[0] == "The facts of this incident do not say."
        assert "kanaria knowledge update --download" in said("scanner", "unknown_owner")[-1]
        assert "kanaria knowledge update --download" in said("scanner", "unknown_owner", "ja")[-1]


class TestWhen:
    def test_from_when_to_when(self) -> None:
        assert said("server", "when") == ["From 2026-06-08 01:00:00 UTC to 2026-06-08 06:21:00 UTC."]
        assert said("server", "when", "ja") == ["2026-06-08 01:00:00 UTCから2026-06-08 06:21:00 UTCまでです。"]

    def test_one_moment(self) -> None:
        assert said(incident((finding(),)), "when") == ["At 2026-06-08 01:00:00 UTC."]
        assert said(incident((finding(),)), "when", "ja") == ["2026-06-08 01:00:00 UTCです。"]

    def test_no_time(self) -> None:
        assert said("fragment", "when") == ["The records have no time."]
        assert said("fragment", "when", "ja") == ["記録に日時がありません。"]

    def test_since_when_tells_the_order_of_events_too(self) -> None:
        assert said("server", "since")[0] == said("server", "when")[0]
        assert len(said("server", "since")) > 3 and any("Remote Desktop" in line for line in said("server", "since"))


class TestDevice:
    def test_the_one_that_is_concerned(self) -> None:
        assert said("server", "device")[0] == "It concerns 192.0.2[.]53."
        assert said("server", "device", "ja")[0] == "対象の機器は192.0.2[.]53です。"

    def test_none_is_named(self) -> None:
        assert said("scanner", "device")[0].startswith("No device of yours is named by the records")
        assert said("scanner", "device", "ja")[0].startswith("記録に機器の名前はありません")

    def test_what_is_normal_for_it(self) -> None:
        usual = Text(en="It asks its resolver every hour.", ja="1時間ごとにリゾルバへ問い合わせます。")
        found = replace(dns_server(), normal=(usual,))
        for topic in ("device", "normal"):
            assert any(usual.en in line for line in said(found, topic))
            assert any(usual.ja in line for line in said(found, topic, "ja"))
        assert not any("resolver every hour" in line for line in said("server", "normal"))


class TestHowSure:
    @pytest.mark.parametrize(
        ("probability", "english", "japanese"),
        [(0.5, "50.0 %", "50.0%"), (0.98, "98.0 %", "98.0%"), (0.9995, "over 99.9 %", "99.9%超"), (1.0, "over 99.9 %", "99.9%超"),
         (0.0004, "under 0.1 %", "0.1%未満")],
    )  # fmt: skip
    def test_nobody_is_surer_than_that(self, probability: float, english: str, japanese: str) -> None:
        scores = (
            HypothesisScore(name="compromised_device", probability=probability, bits=7.25),
            dns_server().hypotheses[1],
        )
        found = replace(dns_server(), hypotheses=scores)
        assert f"has a probability of {english} (+7.2 bits)." in said(found, "sure")[0]
        assert f"の確率は{japanese}です(+7.2ビット)。" in said(found, "sure", "ja")[0]

    def test_the_two_likeliest_explanations(self) -> None:
        assert len(said("server", "sure")) == 2
        assert said("server", "sure")[1].endswith("has a probability of 2.0 % (+8.6 bits).")

    def test_they_stand_on_what_speaks_for_them(self) -> None:
        shown = kept("server")
        (first, _second) = answer(shown, "How sure are you?", "en")
        about = [proof["id"] for proof in shown["evidence"] if proof["about"] == "compromised_device"]
        assert list(first.evidence) == about[:8]


class TestSeverityAndOutcome:
    @pytest.mark.parametrize(
        ("severity", "english", "japanese"),
        [("informational", "informational", "情報"), ("critical", "critical", "重大")],
    )
    def test_how_severe(self, severity: Any, english: str, japanese: str) -> None:
        found = replace(dns_server(), severity=severity)
        assert said(found, "severity")[0] == f"The severity is: {english}."
        assert said(found, "severity", "ja")[0] == f"重大度は「{japanese}」です。"

    @pytest.mark.parametrize("value", ["failed", "no_sign_of_success", "possible", "confirmed"])
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_whether_it_worked_is_said_as_the_report_says_it(self, value: Any, language: Language) -> None:
        found = replace(dns_server(), outcome=Outcome(value=value, bits=1.0, because=()))
        shown = told(found)["report"][language]
        worked = [claim["text"] for part in shown["brief"] if part["id"] == "worked" for claim in part["claims"]]
        outcome = [claim["text"] for part in shown["sections"] if part["id"] == "outcome" for claim in part["claims"]]
        assert said(found, "worked", language) == (worked or outcome[:8])

    def test_each_outcome_has_an_answer_of_its_own(self) -> None:
        answers = {
            tuple(said(replace(dns_server(), outcome=replace(dns_server().outcome, value=value)), "worked"))  # type: ignore[arg-type]
            for value in ("failed", "no_sign_of_success", "possible", "confirmed")
        }
        assert len(answers) == 4

    def test_of_data_it_says_what_records_cannot_show(self) -> None:
        assert "Whether data was read or taken is not in these records." in said("server", "data")
        assert any("--check-host" in line for line in said("server", "data"))


class TestCost:
    def test_what_cannot_be_estimated_is_said_to_be_so(self) -> None:
        assert said("server", "cost")[0].startswith("What it cost cannot be estimated")
        assert said("server", "cost", "ja")[0].startswith("費用は推定できません")


class TestWhatToDo:
    def test_advice_is_the_reports(self) -> None:
        assert (
            said("server", "do") == ["Take the device offline."]
            or "Take the device offline." in said("server", "do")[0]
        )
        assert "機器をネットワークから切り離してください。" in said("server", "do", "ja")[0]

    def test_how_to_hear_no_more_of_it(self) -> None:
        assert said("server", "stop_mails")[-1].startswith(
            "If you know it to be harmless: `kanaria incident set i-0123456789ab dismissed --why"
        )
        assert "`kanaria incident set i-0123456789ab dismissed --why" in said("server", "stop_mails", "ja")[-1]

    def test_what_to_look_at_next(self) -> None:
        assert said("server", "next")[0].startswith(
            "To know more, look at the machine itself with `kanaria analyze --check-host`"
        )


class TestWhatItRestsOn:
    def test_lines_with_their_place_each_once(self) -> None:
        proofs = tuple(evidence(f"e-{n}", line=n // 2, quote=f"line {n // 2} from {POOL}") for n in range(24))
        found = incident((finding(evidence=proofs),))
        shown = said(found, "lines")
        assert len(shown) == 8 and shown[0] == f"capture.pcap:0: line 0 from {POOL}"
        assert len(set(shown)) == 8

    def test_a_line_is_shown_harmlessly_and_cut(self) -> None:
        found = incident((finding(evidence=(evidence("e-1", quote="\x1b[31mred " + "x" * 500),)),))
        (line,) = said(found, "lines")
        assert "\x1b" not in line and "\\x1b[31mred" in line and len(line) < 230

    def test_what_has_no_place_is_no_line(self) -> None:
        found = incident((finding(evidence=(evidence("e-1", source=None, line=None),)),))
        assert said(found, "lines")[0] == "The facts of this incident do not say."

    def test_techniques(self) -> None:
        assert said("server", "techniques") == [
            "ATT&CK techniques: T1021.001, T1021.002, T1078, T1110, T1133, T1496.001."
        ]
        assert said("fragment", "techniques")[0] == "The facts of this incident do not say."

    def test_indicators_so_that_nobody_clicks_on_them(self) -> None:
        one = Indicator(type="url", value="http://198.51.100.9/x.sh", comment=Text(en="Script", ja="スクリプト"))
        found = replace(dns_server(), indicators=(one,))
        assert said(found, "indicators") == ["url: hxxp://198.51.100[.]9/x.sh (Script)"]
        assert said(found, "indicators", "ja") == ["url: hxxp://198.51.100[.]9/x.sh(スクリプト)"]

    def test_eight_of_many(self) -> None:
        many = tuple(Indicator(type="ipv4", value=f"198.51.100.{n}", comment=Text(en="x", ja="x")) for n in range(20))
        assert len(said(replace(dns_server(), indicators=many), "indicators")) == 8

    def test_reasons_are_the_reports(self) -> None:
        shown = kept("server")["report"]["en"]
        own = [c["text"] for part in shown["sections"] if part["id"] == "identification" for c in part["claims"]]
        assert said("server", "why") == own[:8]

    def test_similar_incidents(self) -> None:
        assert said("server", "similar") == [
            "No similar incident is kept with it.", "Incidents are compared when they are kept: `kanaria analyze --store DIR`.",
        ]  # fmt: skip
        week = timedelta(days=7)
        twin = replace(dns_server(), id="i-222222222222", first_seen=START + week, last_seen=START + week)
        both = document(analysis(dns_server(), twin), facts())["incidents"][0]
        (told_of, *_) = answer(both, "Are there similar incidents?", "en")
        assert "i-222222222222" in told_of.text


class TestQuestions:
    def test_two_things_are_answered_and_not_more(self) -> None:
        shown = [
            claim.text for claim in answer(kept("scanner"), "When was it, who was it, and how severe is it?", "en")
        ]
        assert MOST == 2 and any("203.0.113[.]9" in line for line in shown)
        assert any(line.startswith("At ") for line in shown) and not any("severity is" in line for line in shown)

    @pytest.mark.parametrize("question", ["", " ", "???", "x" * 10_000, "\x00\x1b", "ＷＨＯ", "月の色は?"])
    def test_anything_may_be_asked(self, question: str) -> None:
        for language in LANGUAGES:
            assert answer(kept("server"), question, language)

    def test_full_width_letters_are_letters(self) -> None:
        assert topics("ＷＨＯ　ＤＩＤ　ＩＴ") == ("who",)

    @pytest.mark.parametrize(("language", "begin"), [("en", "You can ask who, when"), ("ja", "質問できるのは")])
    def test_what_is_not_understood_is_said_with_what_can_be_asked(self, language: Language, begin: str) -> None:
        shown = [claim.text for claim in answer(kept("server"), "42", language)]
        assert shown[-1].startswith(begin) and len(shown) >= 2

    def test_an_incident_that_an_older_version_kept_has_no_short_report_or_story(self) -> None:
        old = {**kept("server"), "report": {name: {"sections": r["sections"], "verdict": r["verdict"]} for name, r in kept("server")["report"].items()}}  # fmt: skip
        for gone in ("story", "story_parts"):
            old.pop(gone)
        for topic in TOPICS:
            assert answer(old, ASKED[topic][0], "en"), topic

    def test_hostile_names_are_printable(self) -> None:
        found = incident((finding(remote="evil\x1b[2J.example"),))
        assert not any("\x1b" in line for topic in TOPICS for line in said(found, topic))
        assert SERVER.replace("192.0.2.53", "192.0.2[.]53") in said(found, "device")[0]
