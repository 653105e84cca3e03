"""What each kind of message says, in both languages: every part of an incident that a reader relies on, and no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from kanaria.core.text import width
from kanaria.core.types import SEVERITIES, Language, Text
from kanaria.respond.message import Message, Style, brief, digest, kind_of, needs_somebody, notice, one, several
from kanaria.respond.words import PHRASES, SEVERITY

LANGUAGES: tuple[Language, ...] = ("en", "ja")
ENGLISH, JAPANESE = Style(language="en", zone=UTC), Style(language="ja", zone=UTC)
STYLES = {"en": ENGLISH, "ja": JAPANESE}
ABOUT = {"sources": [], "since": 0.0, "alerts": 0, "budget": 1.0}


def incident(**changed: Any) -> dict[str, Any]:
    """What messages know of an incident that somebody has to do something about."""
    given: dict[str, Any] = {
        "id": "i-000001", "severity": "high", "title": {"en": "Mining", "ja": "マイニング"},
        "first_seen": "2026-06-21T03:04:00+00:00", "last_seen": "2026-06-21T05:00:00+00:00", "probability": 0.97,
        "outcome": "happened", "devices": ["192.0.2.53"], "remotes": ["198.51.100.7"], "techniques": ["T1496"],
        "more_devices": 0, "more_remotes": 0, "verdict": {"en": "It mines.", "ja": "採掘しています。"},
        "todo": [{"id": "isolate", "en": "Pull the plug.", "ja": "切り離してください。"}],
        "alert": {"kind": "new", "because": []}, "open": False, "state": "open",
    }  # fmt: skip
    return given | changed


def harmless(**changed: Any) -> dict[str, Any]:
    """One that needs nobody."""
    nothing = [{"id": "none", "en": "Nothing needs to be done.", "ja": "対応は必要ありません。"}]
    return incident(**{"severity": "informational", "outcome": "failed", "todo": nothing} | changed)


def body(found: dict[str, Any], language: Language = "en") -> str:
    return one(found, "m", STYLES[language]).body


class TestTitle:
    @pytest.mark.parametrize(
        ("severity", "english", "japanese"),
        [
            ("informational", "[Info] Mining", "[情報] マイニング"),
            ("low", "[Low] Mining", "[低] マイニング"),
            ("medium", "[Medium] Mining", "[中] マイニング"),
            ("high", "[High] Mining", "[高] マイニング"),
            ("critical", "[Critical] Mining", "[重大] マイニング"),
        ],
    )
    def test_severity_comes_first(self, severity: str, english: str, japanese: str) -> None:
        found = incident(severity=severity)
        assert (one(found, "m", ENGLISH).title, one(found, "m", JAPANESE).title) == (english, japanese)

    @pytest.mark.parametrize("title", ["x" * 500, "長" * 300])
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_it_fits_a_lock_screen(self, title: str, language: Language) -> None:
        found = incident(title={"en": title, "ja": title})
        assert width(one(found, "m", STYLES[language]).title) <= 120
        assert width(several([found, found], "m", STYLES[language]).title) <= 120

    @pytest.mark.parametrize(
        ("severity", "kind"),
        [
            ("informational", "info"),
            ("low", "info"),
            ("medium", "warning"),
            ("high", "failure"),
            ("critical", "failure"),
        ],
    )
    def test_a_channel_gets_the_colour_of_the_severity(self, severity: str, kind: str) -> None:
        found = incident(severity=severity)
        assert one(found, "m", ENGLISH).kind == kind == kind_of([found])
        assert several([found, harmless()], "m", ENGLISH).kind == kind  # the worst decides

    def test_every_severity_has_a_word(self) -> None:
        assert set(SEVERITY) == set(SEVERITIES)


class TestFirstLine:
    @pytest.mark.parametrize(
        ("changed", "english", "japanese"),
        [
            ({}, "192.0.2.53 ↔ 198.51.100[.]7, since 06-21 03:04 UTC, 97 % sure. It mines.",
             "192.0.2.53 ↔ 198.51.100[.]7、06-21 03:04 UTCから、確度97%。採掘しています。"),
            ({"devices": []}, "198.51.100[.]7, since", "198.51.100[.]7、06-21"),
            ({"remotes": []}, "192.0.2.53, since", "192.0.2.53、06-21"),
            ({"devices": [], "remotes": []}, "since 06-21", "06-21 03:04 UTCから"),
            ({"remotes": ["192.0.2.53"]}, "192.0.2.53, since", "192.0.2.53、06-21"),
            ({"first_seen": None}, "198.51.100[.]7, 97 % sure", "198.51.100[.]7、確度97%"),
            ({"probability": None}, "03:04 UTC. It mines.", "03:04 UTCから。採掘しています。"),
            ({"more_devices": 2}, "192.0.2.53 (and 2 more) ↔", "192.0.2.53 (ほか2件) ↔"),
            ({"more_remotes": 4}, "198.51.100[.]7 (and 4 more),", "198.51.100[.]7 (ほか4件)、"),
        ],
    )  # fmt: skip
    def test_where_since_when_how_sure(self, changed: dict[str, Any], english: str, japanese: str) -> None:
        found = incident(**changed)
        first = {name: body(found, name).splitlines()[0] for name in LANGUAGES}
        assert first["en"].startswith(english) or english in first["en"]
        assert japanese in first["ja"]

    @pytest.mark.parametrize(
        ("probability", "english", "japanese"),
        [
            (0.5, "50 % sure", "確度50%"),
            (0.974, "97 % sure", "確度97%"),
            (0.99, "99.0 % sure", "確度99.0%"),
            (0.9989, "99.8 % sure", "確度99.8%"),
            (0.9995, "over 99.9 % sure", "確度99.9%超"),
            (1.0, "over 99.9 % sure", "確度99.9%超"),
        ],
    )
    def test_nobody_is_surer_than_that(self, probability: float, english: str, japanese: str) -> None:
        found = incident(probability=probability)
        assert english in body(found) and japanese in body(found, "ja")

    def test_what_needs_nothing_begins_with_its_verdict(self) -> None:
        assert body(harmless()).startswith("It mines.\n")
        assert body(harmless(), "ja").startswith("採掘しています。\n")

    def test_times_are_of_the_zone_of_the_channel(self) -> None:
        tokyo = Style(language="en", zone=timezone(timedelta(hours=9), "JST"))
        assert "since 06-21 12:04 JST" in one(incident(), "m", tokyo).body

    def test_no_program_makes_a_link_of_a_strangers_address(self) -> None:
        said = body(incident(remotes=["198.51.100.7", "pool.example.org"]))
        assert "198.51.100[.]7" in said and "pool[.]example[.]org" in said
        assert "pool.example.org" not in said


class TestBody:
    @pytest.mark.parametrize(
        ("changed", "english", "japanese"),
        [
            ({"alert": {"kind": "reminder", "because": []}}, "Still going on.", "引き続き発生しています。"),
            ({"open": True}, "The connection is still open.", "この接続は今も続いています。"),
            ({"held": "maintenance"}, "This waited for the end of a maintenance window.", "通知を保留していました。"),
            ({"held": "unacknowledged", "minutes": 15}, "Nobody has acknowledged this for 15 minutes.",
             "15分たっても、誰も対応を引き受けていません。"),
            ({"alert": {"kind": "escalated", "because": [{"en": "a logon", "ja": "ログイン"}, {"en": "mining", "ja": "採掘"}]}},
             "It got worse: a logon; mining.", "深刻になりました: ログイン、採掘。"),
        ],
    )  # fmt: skip
    def test_what_is_special_about_this_news_is_said(
        self, changed: dict[str, Any], english: str, japanese: str
    ) -> None:
        assert english in body(incident(**changed)).splitlines()
        assert japanese in body(incident(**changed), "ja")
        assert english not in body(incident()) and japanese not in body(incident(), "ja")

    def test_what_to_do_is_numbered(self) -> None:
        todo = [{"id": "a", "en": "First.", "ja": "一。"}, {"id": "b", "en": "Second.", "ja": "二。"}]
        assert "What to do:\n1. First.\n2. Second.\n" in body(incident(todo=todo))
        assert "対応:\n1. 一。\n2. 二。\n" in body(incident(todo=todo), "ja")

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_nobody_is_told_to_do_something_when_nothing_needs_to_be_done(self, language: Language) -> None:
        mixed = [*harmless()["todo"], {"id": "watch", "en": "Watch it.", "ja": "見守る。"}]
        said = body({**harmless(), "todo": mixed}, language)
        assert "Watch it." not in said and "見守る。" not in said

    def test_no_advice_at_all_leaves_no_empty_heading(self) -> None:
        assert "What to do" not in body(incident(todo=[]))

    def test_it_ends_with_id_severity_and_how_to_see_more(self) -> None:
        assert body(incident()).endswith("Incident i-000001, severity High\nDetails: kanaria incident show i-000001")
        assert body(incident(), "ja").endswith(
            "インシデント i-000001、重大度: 高\n詳細: kanaria incident show i-000001"
        )

    def test_a_link_stands_in_place_of_the_command_where_settings_have_one(self) -> None:
        linked = Style(language="en", zone=UTC, link="https://watch.example/i/")
        made = one(incident(), "m", linked)
        assert made.body.endswith("\nhttps://watch.example/i/i-000001") and "kanaria incident show" not in made.body
        assert made.data is not None and made.data["link"] == "https://watch.example/i/i-000001"
        assert "(https://watch.example/i/i-000001)" in several([incident()], "m", linked).body

    def test_a_link_that_acknowledges_stands_only_where_somebody_is_needed(self) -> None:
        asked: list[str] = []

        def link(ident: str) -> str:
            asked.append(ident)
            return f"https://ack.example/{ident}"

        linked = Style(language="en", zone=UTC, acknowledge=link)
        assert one(incident(), "m", linked).body.endswith("\nAcknowledge: https://ack.example/i-000001")
        assert "Acknowledge" not in one(harmless(), "m", linked).body
        assert asked == ["i-000001"], "no link is made that nobody gets"

    def test_a_program_gets_everything_that_is_known(self) -> None:
        found = incident()
        assert one(found, "m-7", ENGLISH).data == {
            "type": "incident", "incident": found, "link": "Details: kanaria incident show i-000001",
        }  # fmt: skip
        assert one(found, "m-7", ENGLISH).id == "m-7"


class TestSeveral:
    def test_of_one_kind_the_title_says_which(self) -> None:
        both = [incident(), incident(id="i-000002")]
        assert several(both, "m", ENGLISH).title == "[High] 2 incidents: Mining"
        assert several(both, "m", JAPANESE).title == "[高] 2件のインシデント: マイニング"

    def test_of_several_kinds_it_says_how_many_and_the_worst(self) -> None:
        mixed = [harmless(), incident(severity="critical", title={"en": "Logon", "ja": "ログイン"})]
        made = several(mixed, "m", ENGLISH)
        assert made.title == "[Critical] 2 incidents"
        assert made.body.splitlines() == ["- [Critical] Logon (i-000001)", "- [Info] Mining (i-000001)"]
        assert several(mixed, "m", JAPANESE).title == "[重大] 2件のインシデント"

    def test_like_ones_are_counted_and_one_is_named(self) -> None:
        made = several([incident(id=f"i-{n:06d}") for n in range(1, 1201)], "m", ENGLISH)
        assert made.body == "- [High] Mining ×1,200 (i-000001)"

    @pytest.mark.parametrize(("kinds", "last"), [(10, "- [High] kind 9 (i-000009)"), (13, "- and 3 more")])
    def test_ten_kinds_are_listed(self, kinds: int, last: str) -> None:
        many = [incident(id=f"i-{n:06d}", title={"en": f"kind {n}", "ja": f"種類{n}"}) for n in range(kinds)]
        assert several(many, "m", ENGLISH).body.splitlines()[-1] == last
        assert len(several(many, "m", ENGLISH).body.splitlines()) == min(kinds, 11)

    def test_that_nothing_needs_to_be_done_is_said_only_when_it_is_so(self) -> None:
        quiet, loud = [harmless(), harmless()], [harmless(), incident()]
        assert several(quiet, "m", ENGLISH).body.startswith("Nothing needs to be done.\n\n")
        assert several(quiet, "m", JAPANESE).body.startswith("対応は必要ありません。\n\n")
        assert "Nothing needs" not in several(loud, "m", ENGLISH).body

    def test_a_program_gets_the_count_and_the_first_ten(self) -> None:
        many = [incident(id=f"i-{n:06d}") for n in range(25)]
        data = several(many, "m", ENGLISH).data
        assert data is not None
        assert (data["type"], data["count"]) == ("incidents", 25)
        assert [item["id"] for item in data["incidents"]] == [item["id"] for item in many[:10]]


class TestDigest:
    @pytest.mark.parametrize(
        ("found", "english", "japanese"),
        [
            ([], "Kanaria: all quiet, nothing needs to be done", "Kanaria: 異常なし、対応は必要ありません"),
            ([harmless()], "Kanaria: nothing needs to be done (1 noticed)", "Kanaria: 対応は必要ありません(記録1件)"),
            ([harmless(), incident(), incident()], "Kanaria: 2 incidents, none urgent",
             "Kanaria: 急がないインシデント2件があります"),
        ],
    )  # fmt: skip
    def test_its_title_says_how_the_day_was(self, found: list[dict[str, Any]], english: str, japanese: str) -> None:
        assert digest(found, ABOUT, "m", ENGLISH).title == english
        assert digest(found, ABOUT, "m", JAPANESE).title == japanese
        assert digest(found, ABOUT, "m", ENGLISH).kind == "info"

    def test_what_was_watched_is_said_with_how_much_came(self) -> None:
        since = datetime(2026, 6, 21, 8, 0, tzinfo=UTC).timestamp()
        about = ABOUT | {"since": since, "sources": [{"name": "a.log", "records": 1200}, {"name": "dns", "records": 0}]}
        assert (
            "Watched since 06-21 08:00 UTC: a.log (1,200 records), dns (0 records)."
            in digest([], about, "m", ENGLISH).body
        )
        assert "06-21 08:00 UTCからの監視対象: a.log(1,200件)、dns(0件)。" in digest([], about, "m", JAPANESE).body
        assert "Watched" not in digest([], ABOUT, "m", ENGLISH).body

    @pytest.mark.parametrize(("alerts", "budget", "said"), [(0, 1.0, "0; you want 1 a day"), (1500, 0.25, "1,500; you want 0.25 a day")])  # fmt: skip
    def test_the_budget_of_anomalies(self, alerts: int, budget: float, said: str) -> None:
        about = ABOUT | {"alerts": alerts, "budget": budget}
        assert f"Anomalies that nothing explains: {said}" in digest([], about, "m", ENGLISH).body
        assert f"{alerts:,}件(上限の目安は1日{budget:g}件)" in digest([], about, "m", JAPANESE).body

    @pytest.mark.parametrize(
        ("found", "said"),
        [
            ([harmless()], "without a sign of success: 1 (incidents), by 198.51.100[.]7, on 192.0.2.53."),
            ([harmless(devices=[], remotes=[])], "without a sign of success: 1 (incidents)."),
            ([harmless(remotes=["192.0.2.53"])], "1 (incidents), on 192.0.2.53."),
            ([harmless(outcome="no_sign_of_success")], "1 (incidents), by 198.51.100[.]7"),
            ([harmless(remotes=[f"198.51.100.{n}" for n in range(1, 5)])],
             "by 198.51.100[.]1, 198.51.100[.]2, 198.51.100[.]3 and others, on"),
            ([harmless(more_remotes=1)], "by 198.51.100[.]7 and others, on 192.0.2.53."),
            ([harmless(more_devices=1)], "on 192.0.2.53 and others."),
            ([harmless(), harmless()], "without a sign of success: 2 (incidents), by 198.51.100[.]7, on 192.0.2.53."),
        ],
    )  # fmt: skip
    def test_who_tried_what_where(self, found: list[dict[str, Any]], said: str) -> None:
        assert said in digest(found, ABOUT, "m", ENGLISH).body

    @pytest.mark.parametrize("outcome", ["happened", "possible", "unknown"])
    def test_what_may_have_worked_is_no_probe(self, outcome: str) -> None:
        assert "Probes" not in digest([harmless() | {"outcome": outcome}], ABOUT, "m", ENGLISH).body

    def test_a_program_gets_type_and_count(self) -> None:
        data = digest([harmless()] * 12, ABOUT, "m", ENGLISH).data
        assert data is not None
        assert (data["type"], data["count"], len(data["incidents"])) == ("digest", 12, 10)


NOTICES: dict[str, tuple[dict[str, object], str, str]] = {
    "dead": ({"channel": "phone", "count": 3, "attempts": 20, "error": Text(en="no route", ja="経路なし")},
             "3 messages were given up after 20 attempts. Last reason: no route", "20回試みましたが届かず、3件の通知を断念しました。最後の理由: 経路なし"),
    "mended": ({"what": Text(en="A file was put aside.", ja="ファイルを退避しました。")}, "A file was put aside.", "ファイルを退避しました。"),
    "disk": ({"free": 3, "folder": "/kept", "least": 1024}, "3 MB are free on the disk of /kept; the warning threshold is 1024 MB.",
             "/kept のディスクの空きは3 MBです(警告のしきい値は1024 MB)。"),
    "shed": ({"free": 3, "folder": "/kept", "least": 1024}, "3 MB are free on the disk of /kept", "/kept のディスクの空きは3 MBです"),
    "silent": ({"name": "a.log", "minutes": 30, "gap": 5}, "Nothing has come from a.log for 30 minutes; usually something comes every 5 seconds.",
               "a.log からは30分間、記録がありません。普段は5秒ごとに届きます。"),
    "clock": ({"minutes": 7}, "It moved by 7 minutes at once.", "時計が一度に7分動きました。"),
    "clock_doubtful": ({"minutes": 9000, "hours": 24}, "It moved by 9,000 minutes at once. If that is not right, set it right. Until then, and for at most 24 hours",
                       "時計が一度に9000分動きました。"),
    "test": ({}, "This channel works.", "この送信先は正しく動いています。"),
}  # fmt: skip


class TestNotices:
    """What Kanaria says of itself."""

    @pytest.mark.parametrize("name", NOTICES)
    def test_each_says_what_is_the_matter(self, name: str) -> None:
        values, english, japanese = NOTICES[name]
        for style, said in ((ENGLISH, english), (JAPANESE, japanese)):
            made = notice(name, "n-1", style, values, kind="failure")
            assert said in made.body
            assert "{" not in made.title + made.body, "every hole is filled"
            assert (made.id, made.kind, made.data) == ("n-1", "failure", {"type": name})

    def test_there_is_none_that_is_not_looked_at_here(self) -> None:
        assert {name.removesuffix("_body") for name in PHRASES if name.endswith("_body")} == set(NOTICES)

    @pytest.mark.parametrize("name", [name for name in NOTICES if name != "test"])
    def test_its_title_names_kanaria_or_the_channel_and_how_grave_it_is(self, name: str) -> None:
        values, _english, _japanese = NOTICES[name]
        english, japanese = (notice(name, "n", style, values).title for style in (ENGLISH, JAPANESE))
        assert english.startswith(("[High] ", "[Medium] ")) and japanese.startswith(("[高] ", "[中] "))
        assert english.startswith("[High]") == japanese.startswith("[高]")
        assert "Kanaria" in english or str(values["channel"]) in english


class TestBrief:
    """What of an incident's document messages carry."""

    @pytest.fixture
    def document(self) -> dict[str, Any]:
        return {
            "id": "i-000001", "severity": "high", "title": {"en": "Mining", "ja": "採掘"}, "first_seen": None,
            "last_seen": None, "hypotheses": [{"name": "compromised_miner", "probability": 0.9}, {"name": "x", "probability": 0.1}],
            "outcome": {"value": "happened"}, "techniques": ["T1496"],
            "entities": {"devices": [f"192.0.2.{n}" for n in range(5)], "remotes": [f"198.51.100.{n}" for n in range(3)]},
            "report": {"en": {"verdict": {"text": "It mines."}}, "ja": {"verdict": {"text": "採掘。"}}},
            "recommendations": [{"id": f"step-{n}", "text": {"en": f"Do {n}.", "ja": f"対応{n}。"}} for n in range(12)],
            "alert": {"kind": "escalated", "because": [{"en": "more", "ja": "増加"}], "previous": "unneeded"},
        }  # fmt: skip

    def test_three_names_of_a_kind_and_how_many_more(self, document: dict[str, Any]) -> None:
        made = brief(document)
        assert (made["devices"], made["more_devices"]) == (["192.0.2.0", "192.0.2.1", "192.0.2.2"], 2)
        assert (len(made["remotes"]), made["more_remotes"]) == (3, 0)

    def test_the_likeliest_explanations_probability(self, document: dict[str, Any]) -> None:
        assert brief(document)["probability"] == 0.9
        assert brief({**document, "hypotheses": []})["probability"] == 0.0

    def test_ten_steps_of_advice_in_both_languages(self, document: dict[str, Any]) -> None:
        todo = brief(document)["todo"]
        assert len(todo) == 10 and todo[0] == {"id": "step-0", "en": "Do 0.", "ja": "対応0。"}

    def test_why_it_is_news_and_whether_it_goes_on(self, document: dict[str, Any]) -> None:
        made = brief(document, still_open=True, state="acknowledged")
        assert made["alert"] == {"kind": "escalated", "because": [{"en": "more", "ja": "増加"}]}
        assert (made["open"], made["state"]) == (True, "acknowledged")
        assert (brief(document)["open"], brief(document)["state"]) == (False, "open")
        assert brief({**document, "alert": None})["alert"] == {"kind": "new", "because": []}

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_it_is_all_a_message_needs(self, document: dict[str, Any], language: Language) -> None:
        made = one(brief(document), "m", STYLES[language])
        assert isinstance(made, Message) and document["title"][language] in made.title
        assert needs_somebody(brief(document))
