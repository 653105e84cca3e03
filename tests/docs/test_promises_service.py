"""What "How to watch day and night" promises of messages and of a service's keeping, sentence by sentence."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from kanaria import knowledge
from kanaria.app.config import Config, load
from kanaria.app.live.service_log import logger
from kanaria.app.live.siem import Siem
from kanaria.app.live.telling import Telling, channels
from kanaria.app.live.upkeep import SHED_BELOW
from kanaria.app.secret_values import secret
from kanaria.core.errors import ConfigError, SourceError
from kanaria.core.types import SEVERITIES
from kanaria.respond.acknowledge import Links
from kanaria.respond.channels import Channel
from kanaria.respond.dispatch import dispatch
from kanaria.respond.maintenance import Window
from kanaria.respond.message import Message
from kanaria.respond.sender import LONGEST_PAUSE, Pace, Sender
from kanaria.store.outbox import Outbox
from tests.docs.promises import promised
from tests.respond.test_sender import BEGAN, House, incident, log, plan

PAGE = "watch-day-and-night"
HOUR, DAY = 3600.0, 86_400.0
DEFAULTS = Config()
PACE = Pace(per_hour=DEFAULTS.serve.messages_per_hour, join_seconds=DEFAULTS.serve.join_minutes * 60)
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def worse(number: int, severity: str = "low") -> dict[str, Any]:
    because = [{"en": "a new stage", "ja": "新しい段階"}]
    return {**incident(number, severity), "alert": {"kind": "escalated", "because": because}}


def attempts(house: House, until: float, step: float = 1.0) -> list[float]:
    """When a channel that accepts nothing is tried."""
    tried: list[float] = []

    def refuse(_message: Message) -> None:
        tried.append(moment)
        raise SourceError(source="phone", expected="that the message is accepted", got="no network")

    house.phone.send = refuse  # type: ignore[method-assign]
    moment = BEGAN
    while moment < until:
        house.run(moment)
        moment += step
    return tried


class TestDelivery:
    @promised(PAGE, "given up after twenty attempts", "20回で断念します。")
    def test_twenty_attempts_and_no_more(self, tmp_path: Path) -> None:
        house = House(tmp_path, plan(), PACE)
        house.news(incident(1, "high"))
        assert len(attempts(house, BEGAN + 20 * HOUR, step=5.0)) == 20
        assert house.outbox.counts() == {("phone", "dead"): 1}

    @promised(PAGE, "is tried again with growing pauses", "間隔を延ばしながら送り直し")
    def test_each_pause_is_twice_the_one_before_up_to_an_hour(self, tmp_path: Path) -> None:
        house = House(tmp_path, plan(), PACE)
        house.news(incident(1, "high"))
        tried = attempts(house, BEGAN + 14 * HOUR, step=5.0)
        pauses = [after - before for before, after in pairwise(tried)]
        assert pauses == sorted(pauses)
        assert pauses[:4] == [5.0, 10.0, 20.0, 40.0] and max(pauses) == LONGEST_PAUSE

    @promised(PAGE, "over restarts", "再起動をまたいで")
    def test_another_process_goes_on_counting(self, tmp_path: Path) -> None:
        tried = 0
        for restart in range(4):
            house = House(tmp_path, plan(), PACE)
            if not restart:
                house.news(incident(1, "high"))
            house.phone.accepts = False
            for n in range(5):
                house.run(BEGAN + restart * DAY + n * 600)
            tried += 5
            state = "dead" if tried == 20 else "waiting"
            assert house.outbox.counts() == {("phone", state): 1}
            house.outbox.close()

    @promised(PAGE, "then the other channels say so", "断念したことは、ほかの通知先に知らせます。")
    def test_the_others_are_told_which_one_and_why(self, tmp_path: Path) -> None:
        outbox = Outbox(tmp_path)
        settings = '[[notify]]\nname = "{0}"\nurl = "webhook+http://127.0.0.1:9/{0}"\ndigest = "none"\n'
        (tmp_path / "k.toml").write_text("".join(settings.format(name) for name in ("phone", "mail", "chat")))
        telling = Telling(load(tmp_path / "k.toml"), outbox, dict, logger("text"))
        telling._dead("phone", 3, 20, "webhook at 127.0.0.1: expected a 2xx answer; got status 500")
        waiting = {name: outbox.due(name, outbox.time.now()) for name in telling.senders}
        assert [len(waiting[name]) for name in ("phone", "mail", "chat")] == [0, 1, 1]
        for name in ("mail", "chat"):
            content = waiting[name][0].content
            assert "phone" in content["title"] and "status 500" in content["body"]
        outbox.close()

    @promised(PAGE, "A redirect counts as not delivered", "転送の応答は不達とみなします")
    def test_a_redirect_is_followed_only_where_the_url_says_so(self) -> None:
        with elsewhere() as (port, asked):
            for kind, more in (("json", ""), ("webhook+http", ""), ("webhook+http", "?redirect=yes")):
                with pytest.raises(SourceError):
                    Channel(plan(), f"{kind}://127.0.0.1:{port}/{more}").send(
                        Message(id="m", title="t", body="b", data={})
                    )
            assert asked == []
            Channel(plan(), f"json://127.0.0.1:{port}/?redirect=yes").send(Message(id="m", title="t", body="b"))
            assert asked == ["/other"]


@contextmanager
def elsewhere() -> Iterator[tuple[int, list[str]]]:
    """A server that sends everybody to another place, and what was asked of that."""
    asked: list[str] = []

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200 if self.path == "/other" else 302)
            self.send_header("location", "/other")
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server.server_address[1], asked
        server.shutdown()


class TestHowMuch:
    @promised(PAGE, "News of one kind that is not severe is joined within ten minutes", "深刻でない同じ種類の知らせは10分以内の分をまとめ")  # fmt: skip
    @pytest.mark.parametrize("severity", SEVERITIES)
    def test_of_one_kind(self, tmp_path: Path, severity: str) -> None:
        house = House(tmp_path, plan(), PACE)
        house.news(incident(0, severity))
        assert len(house.run(BEGAN)) == 1
        for minute in range(1, 11):
            house.news(incident(minute, severity), at=BEGAN + minute * 55)
        sent = house.run(BEGAN + 599)
        assert len(sent) == (10 if severity in {"high", "critical"} else 0)
        (rest,) = house.run(BEGAN + 601) or [None]
        assert (rest is None) is (severity in {"high", "critical"})
        assert rest is None or "10 incidents" in rest.title

    @promised(PAGE, "no channel gets more than twelve messages an hour: the rest becomes one", "1つの通知先への通知は1時間に12件までとし、超えた分は1通にまとめます。")  # fmt: skip
    @pytest.mark.parametrize("severity", ["low", "critical"])
    def test_of_a_storm(self, tmp_path: Path, severity: str) -> None:
        house = House(tmp_path, plan(), PACE)
        house.news(*(incident(n, severity, f"kind {n}") for n in range(100)))
        counts = [len(house.run(BEGAN + minute * 60)) for minute in range(180)]
        assert all(sum(counts[n : n + 60]) <= 12 for n in range(120))
        assert sum(counts) == 13
        assert "88 incidents" in house.phone.messages[-1].title

    @promised(PAGE, "What gets worse is told by itself and at once, whatever else of its kind was told before.", "深刻になったインシデントは、同じ種類の通知が直前にあっても、単独ですぐにお知らせします。")  # fmt: skip
    def test_what_gets_worse(self, tmp_path: Path) -> None:
        house = House(tmp_path, plan(), PACE)
        house.news(incident(1, "low"))
        house.run(BEGAN)
        house.news(incident(2, "low"), worse(3), incident(4, "low"), at=BEGAN + 1)
        (message,) = house.run(BEGAN + 1)
        assert "It got worse: a new stage." in message.body and "i-000003" in message.body

    @promised(PAGE, "told at once from here on; the rest waits for the digest", "told at once from here on; the rest waits for the digest")  # fmt: skip
    @pytest.mark.parametrize("least", SEVERITIES)
    def test_the_severity_from_which_a_channel_is_told(self, tmp_path: Path, least: str) -> None:
        house = House(tmp_path, plan(severity=least, digest="daily"), PACE)
        house.news(*(incident(n, severity, severity) for n, severity in enumerate(SEVERITIES)))
        at_once = [message.title for message in house.run(BEGAN)]
        count = len(SEVERITIES) - SEVERITIES.index(least)  # type: ignore[arg-type]
        assert len(at_once) == count
        later = house.run(BEGAN + 60)
        assert len(later) == (1 if count < len(SEVERITIES) else 0)
        for severity in SEVERITIES[: SEVERITIES.index(least)]:  # type: ignore[arg-type]
            assert f"] {severity} (" in later[0].body

    @promised(PAGE, "only quiet_severity rings", "only quiet_severity rings")
    @pytest.mark.parametrize("least", SEVERITIES)
    def test_what_rings_at_night(self, tmp_path: Path, least: str) -> None:
        house = House(tmp_path, plan(quiet=(0, 0), quiet_severity=least), PACE)
        house.news(*(incident(n, severity, severity) for n, severity in enumerate(SEVERITIES)))
        assert len(house.run(BEGAN)) == len(SEVERITIES) - SEVERITIES.index(least)  # type: ignore[arg-type]


class TestWhoTakesCare:
    @promised(
        PAGE, "nobody else is called because of it and no reminder comes", "ほかの人への連絡と再通知が止まります。"
    )
    @pytest.mark.parametrize(
        ("state", "comes"),
        [("open", True), ("acknowledged", False), ("contained", False), ("closed", False), ("dismissed", False)],
    )
    def test_reminders(self, tmp_path: Path, state: str, comes: bool) -> None:
        house = House(tmp_path, plan(), PACE)
        house.news({**incident(1, "high"), "state": state, "alert": {"kind": "reminder", "because": []}})
        assert bool(house.run(BEGAN)) is comes

    @promised(
        PAGE, "nobody else is called because of it and no reminder comes", "ほかの人への連絡と再通知が止まります。"
    )
    def test_what_gets_worse_meanwhile_is_told_all_the_same(self, tmp_path: Path) -> None:
        house = House(tmp_path, plan(), PACE)
        house.news({**worse(1, "high"), "state": "acknowledged"})
        assert len(house.run(BEGAN)) == 1

    @promised(PAGE, "A channel with `escalate_minutes` is told only of what nobody has acknowledged by then.", "その時間がたっても誰も引き受けていないインシデントだけを知らせます。")  # fmt: skip
    def test_the_next_in_line(self, tmp_path: Path) -> None:
        outbox, house = Outbox(tmp_path / "s"), House(tmp_path, plan(escalate_minutes=15))
        dispatch([incident(n, "high", f"kind {n}") for n in range(4)], [house.phone.plan], outbox, BEGAN)
        handled = {"i-000001", "i-000003"}
        sender = Sender(house.phone, outbox, PACE, dict, lambda *_: None, log, handled.__contains__)
        assert not sender.step(BEGAN + 15 * 60 - 1)
        while sender.step(BEGAN + 15 * 60):
            pass
        assert [message.title for message in house.phone.messages] == ["[High] kind 0", "[High] kind 2"]
        assert outbox.counts() == {("phone", "sent"): 2, ("phone", "spared"): 2}

    @promised(PAGE, "is good for one use and 24 hours", "使えるのは1回だけで、24時間で期限が切れます。")
    def test_a_link(self, tmp_path: Path) -> None:
        links = Links(Outbox(tmp_path), DEFAULTS.serve.acknowledge_hours)
        token = links.token("i-000001", BEGAN)
        assert links.incident(token, BEGAN + 24 * HOUR - 1) == "i-000001"
        assert links.incident(token, BEGAN + 24 * HOUR) is None
        assert [links.use(token, BEGAN) for _ in range(3)] == ["i-000001", None, None]

    @promised(PAGE, "It is off unless set", "設定しない限り無効です。")
    def test_no_link_unless_it_is_wanted(self, tmp_path: Path) -> None:
        links = Links(Outbox(tmp_path / "s"), 24)
        for serve, has in (("", False), ('[serve]\nacknowledge = "http://192.0.2.10:9478"\n', True)):
            (tmp_path / "k.toml").write_text(f'{serve}[[notify]]\nurl = "webhook+http://127.0.0.1:9/"\n')
            (channel,) = channels(load(tmp_path / "k.toml"), links=links)
            assert (channel.plan.style.acknowledge is not None) is has
        assert DEFAULTS.serve.acknowledge is None

    @promised(PAGE, "waits for the end of a maintenance window, unless it is critical", "重大なものを除き、メンテナンスの時間が終わるまで保留します。")  # fmt: skip
    @pytest.mark.parametrize("severity", SEVERITIES)
    def test_a_window(self, tmp_path: Path, severity: str) -> None:
        house = House(tmp_path, plan(), PACE)
        begin = datetime.fromtimestamp(BEGAN, UTC)
        window = Window(begin=begin, end=datetime.fromtimestamp(BEGAN + HOUR, UTC))
        dispatch([incident(1, severity)], [house.phone.plan], house.outbox, BEGAN, [window])
        assert bool(house.run(BEGAN)) is (severity == "critical")
        assert bool(house.run(BEGAN + HOUR)) is (severity != "critical")


class TestDigest:
    @promised(
        PAGE, "A digest says since when and how many records of which sources were looked at, who tried what without a sign of success, and how many unexplained anomalies there were of those you want at most.",
        "ダイジェストでは、対象期間、監視対象ごとのレコード数、成功した形跡のない攻撃の内容と送信元、説明のつかない異常の件数とその上限をお知らせします。",
    )  # fmt: skip
    @pytest.mark.parametrize("language", ["en", "ja"])
    def test_it_says_all_of_it(self, tmp_path: Path, language: Any) -> None:
        style = replace(plan().style, language=language)
        house = House(tmp_path, plan(severity="critical", digest="daily", style=style), PACE)
        sources = [{"name": "access.log", "records": 5_000}, {"name": "eve.json", "records": 70}]
        house.watched |= {"sources": sources, "alerts": 2, "budget": 3.0}
        house.news(incident(1, "low", "Odd probe"), at=BEGAN)
        (digest,) = house.run(BEGAN + 60)
        expected = {
            "en": ("Watched since 06-21 12:00 UTC: access.log (5,000 records), eve.json (70 records).", "Odd probe",
                   "without a sign of success: 1 (incidents), by 198.51.100[.]7, on 192.0.2.53.", "2; you want 3 a day at most."),
            "ja": ("06-21 12:00 UTCからの監視対象: access.log(5,000件)、eve.json(70件)。", "Odd probe",
                   "成功した形跡のない探索や攻撃: インシデント1件、送信元: 198.51.100[.]7、対象: 192.0.2.53。", "2件(上限の目安は1日3件)。"),
        }  # fmt: skip
        for words in expected[language]:
            assert words in digest.body, digest.body


class TestKeeping:
    @promised(
        PAGE,
        "leave the store after `serve.keep_days` (365)",
        "`serve.keep_days`(365日)を過ぎるとストアから削除します。",
    )
    def test_the_days(self) -> None:
        assert DEFAULTS.serve.keep_days == 365.0

    @promised(
        PAGE, "by default for 30 days and 2 GB at most (`[events]`)", "既定では30日分、最大2 GBです(`[events]`)。"
    )
    def test_the_rows(self) -> None:
        assert (DEFAULTS.events.days, DEFAULTS.events.megabytes) == (30.0, 2_000.0)

    @promised(PAGE, "On loopback port 9477 answer", "ループバックの9477番ポートで")
    def test_the_port(self) -> None:
        assert DEFAULTS.serve.listen == "127.0.0.1:9477"

    @promised(PAGE, "below a quarter of `disk_warn_mb`", "`disk_warn_mb` の4分の1を下回ると")
    def test_the_quarter(self) -> None:
        assert SHED_BELOW == 0.25

    @promised(PAGE, "the other channels say so", "断念したことは、ほかの通知先に知らせます。")
    def test_a_channel_that_is_alone_has_nobody_to_say_so_and_no_message_about_itself(self, tmp_path: Path) -> None:
        outbox = Outbox(tmp_path)
        (tmp_path / "k.toml").write_text('[[notify]]\nname = "phone"\nurl = "webhook+http://127.0.0.1:9/"\n')
        telling = Telling(load(tmp_path / "k.toml"), outbox, dict, logger("text"))
        telling._dead("phone", 1, 20, "no answer")
        assert outbox.counts() == {}
        outbox.close()


class TestSecrets:
    """A URL kept out of the file: ``env:``, ``file:`` and ``credential:``."""

    @pytest.fixture(autouse=True)
    def places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "url").write_text("webhook+http://from.file.example/\n")
        (tmp_path / "creds").mkdir()
        (tmp_path / "creds" / "url").write_text("webhook+http://from.systemd.example/\n\n")
        monkeypatch.setenv("KANARIA_PHONE", "webhook+http://from.environment.example/")
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "creds"))

    @promised(PAGE, "an Apprise URL kept out of the file; also file: and credential:", "an Apprise URL kept out of the file; also file: and credential:")  # fmt: skip
    @pytest.mark.parametrize(("named", "host"), [("env:KANARIA_PHONE", "environment"), ("file:url", "file"), ("credential:url", "systemd")])  # fmt: skip
    def test_each_place_is_read(self, tmp_path: Path, named: str, host: str) -> None:
        (tmp_path / "k.toml").write_text(f'[[notify]]\nurl = "{named}"\n')
        (channel,) = channels(load(tmp_path / "k.toml"))
        assert channel._url == f"webhook+http://from.{host}.example/"

    @pytest.mark.parametrize("named", ["env:NONE", "file:none", "credential:none", "env:EMPTY", "file:empty", "file:creds", "file:binary"])  # fmt: skip
    def test_what_is_not_there_or_empty_is_refused_and_no_secret_is_shown(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
    ) -> None:
        monkeypatch.setenv("EMPTY", "")
        (tmp_path / "empty").write_text("\n")
        (tmp_path / "binary").write_bytes(b"\xff\xfehunter2")
        (tmp_path / "k.toml").write_text(f'[[notify]]\nurl = "{named}"\n')
        with pytest.raises(ConfigError, match=r"notify\[1\]\.url: expected") as refused:
            channels(load(tmp_path / "k.toml"))
        assert "hunter2" not in refused.value.to("en") + refused.value.to("ja")

    def test_without_systemd_a_credential_says_where_they_come_from(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CREDENTIALS_DIRECTORY")
        with pytest.raises(ConfigError, match="only under systemd, by LoadCredential="):
            secret("credential:url", "notify[1].url")

    @pytest.mark.parametrize(
        "text", ["environment", "files:x", "json://env:file@host", "https://x", "Env:X", "mailto://a"]
    )
    def test_a_text_that_names_no_place_is_the_secret_itself(self, text: str) -> None:
        assert secret(text, "key") == text


LINE = r'203.0.113.9 - - [21/Jun/2026:07:01:00 +0000] "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}" 400 9 "-" "<\u2028\x1b[2J>"'


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    import kanaria

    place = tmp_path_factory.mktemp("siem")
    (place / "access.log").write_text(LINE + "\n")
    found = kanaria.analyse(place / "access.log", store=place / "store")
    return place / "store", found.incidents[0].id


class TestSiem:
    """One OCSF 1.8 event a line, renamed at ocsf_mb, five files kept."""

    @pytest.fixture
    def siem(self, store: tuple[Path, str], tmp_path: Path) -> Callable[..., Siem]:
        facts = knowledge.load()
        return lambda path="siem/k.ocsf", limit=10**9, language="en": Siem(store[0], facts, language, tmp_path / path if path else None, limit)  # fmt: skip

    @promised(PAGE, "one OCSF 1.8 event a line, renamed at ocsf_mb, five files kept", "one OCSF 1.8 event a line, renamed at ocsf_mb, five files kept")  # fmt: skip
    def test_each_line_is_an_event(self, siem: Callable[..., Siem], store: tuple[Path, str], tmp_path: Path) -> None:
        siem().write([{"id": store[1]}])
        raw = (tmp_path / "siem" / "k.ocsf").read_bytes()
        events = [json.loads(line) for line in raw.split(b"\n")[:-1]]
        assert [event["class_uid"] for event in events] == [2004, 2005] and raw.endswith(b"\n")
        assert {event["metadata"]["version"] for event in events} == {"1.8.0"}
        assert not set(b"\x1b\x00") & set(raw)

    @promised(PAGE, "renamed at ocsf_mb, five files kept", "renamed at ocsf_mb, five files kept")
    def test_six_files_at_most_the_newest_first(
        self, siem: Callable[..., Siem], store: tuple[Path, str], tmp_path: Path
    ) -> None:
        writer = siem(limit=1)
        for _ in range(9):
            writer.write([{"id": store[1]}])
        assert sorted(file.name for file in (tmp_path / "siem").iterdir()) == [f"k.ocsf.{n}" for n in range(1, 6)]
        siem().write([{"id": store[1]}])
        assert (tmp_path / "siem" / "k.ocsf").exists()

    @promised(PAGE, "A thing that is news again has the same `metadata.uid`.", "同じものが再び通知されるときの `metadata.uid` は同じです。")  # fmt: skip
    def test_news_again_has_the_same_uid(self, siem: Callable[..., Siem], store: tuple[Path, str]) -> None:
        first, again = siem().events(store[1]), siem(language="ja").events(store[1])
        assert [event["metadata"]["uid"] for event in first] == [event["metadata"]["uid"] for event in again]
        assert len({event["metadata"]["uid"] for event in first}) == len(first)
        assert first[-1]["finding_info_list"] != again[-1]["finding_info_list"], "its words are the channel's"

    def test_without_a_file_or_news_nothing_is_written(
        self, siem: Callable[..., Siem], store: tuple[Path, str], tmp_path: Path
    ) -> None:
        siem(path=None).write([{"id": store[1]}])
        siem().write([])
        assert list(tmp_path.iterdir()) == []

    @promised(PAGE, "With `ocsf = true` a signed webhook carries the same events in its body, under `ocsf`.", "`ocsf = true` を設定した署名付きWebhookの本文にも、同じイベントが `ocsf` に入ります。")  # fmt: skip
    @pytest.mark.parametrize("kind", ["incident", "digest", "dead"])
    def test_a_webhook_carries_them_with_incidents_only(
        self, siem: Callable[..., Siem], store: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        sent: list[Any] = []
        monkeypatch.setattr("kanaria.respond.webhook.post", lambda _url, _secret, _id, data: sent.append(data))
        channel = Channel(replace(plan(), events=siem().events), "webhook+http://127.0.0.1:9/")
        channel.send(Message(id="m", title="t", body="b", data={"type": kind, "incident": {"id": store[1]}}))
        assert ("ocsf" in sent[0]) is (kind == "incident")
        if kind == "incident":
            assert [event["class_uid"] for event in sent[0]["ocsf"]] == [2004, 2005]
