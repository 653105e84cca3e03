"""What ``kanaria doctor`` and ``kanaria status`` say of each thing that can be the matter, in both languages, and nothing of
what is well."""

from __future__ import annotations

import re
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kanaria.app.config import Config
from kanaria.app.config_live import Channel, Service
from kanaria.app.live import doctor
from kanaria.app.live.doctor import findings, status_lines
from kanaria.app.live.state import COUNTERS, GAUGES, metrics
from kanaria.core.errors import SourceError

SETTINGS = Config(notify=(Channel(url="json://192.0.2.1"),))
SOURCE: dict[str, Any] = {
    "name": "web.log", "records": 1200, "bytes": 9000, "last": 1.0, "behind_bytes": 0, "behind_records": None, "lost": 0,
    "lost_how": "", "lost_how_ja": "", "refused": 0, "problem": "", "problem_ja": "", "typical_gap": 5.0, "silent_for": None,
}  # fmt: skip
CHANNEL: dict[str, Any] = {
    "name": "phone", "waiting": 2, "sent": 1500, "dead": 0, "failures": 0, "last_sent": None, "last_error": "",
}  # fmt: skip
WELL: dict[str, Any] = {
    "command": "serve", "pid": 7, "version": "0.1.0", "started": 1.0, "uptime": 7200.0, "store": "/kept", "alive": True,
    "ready": True, "batches": 3400, "records": 1200, "rejected": 0, "unread": 0, "unread_in": {}, "news": 4, "notes": [],
    "events": {"rows": 0, "bytes": 0, "first": None}, "last_batch_seconds": 0.1, "lag_seconds": 0.2, "free_bytes": 9e12,
    "incident_bytes": 0, "removed_incidents": 0, "mended": [], "sources": [SOURCE], "channels": [CHANNEL],
}  # fmt: skip


def ill(**changed: Any) -> dict[str, Any]:
    return WELL | changed


def source(**changed: Any) -> dict[str, Any]:
    return WELL | {"sources": [SOURCE | changed]}


def channel(**changed: Any) -> dict[str, Any]:
    return WELL | {"channels": [CHANNEL | changed]}


MATTERS: dict[str, tuple[dict[str, Any], str, str]] = {
    "hanging": (ill(alive=False), "The service hangs: no batch was finished for two minutes.", "サービスが停止しています"),
    "damaged": (ill(mended=[{"en": "A file was put aside.", "ja": "ファイルを退避しました。"}]),
                "The store was damaged when the service began; it goes on without. A file was put aside.", "ファイルを退避しました。"),
    "full": (ill(free_bytes=512e6), "Only 512 MB are free on the disk of /kept: make room.",
             "/kept のディスクの空きが512 MBしかありません。"),
    "unreadable": (source(problem="no such file", problem_ja="ファイルがありません"), "web.log cannot be read: no such file",
                   "web.log を読めません: ファイルがありません"),
    "unreadable, in English alone": (source(problem="odd"), "web.log cannot be read: odd", "web.log を読めません: odd"),
    "empty": (source(last=None), "web.log: nothing has come yet.", "web.log: まだ何も届いていません。"),
    "silent": (source(silent_for=5400.0), "web.log has been silent for 90 minutes, far longer than usual.",
               "web.log からの記録が90分間途絶えています。"),
    "too fast": (source(lost=1234), "web.log: 1,234 records were lost because they came faster than they could be read.",
                 "web.log: 処理が追いつかず、1,234件の記録を取りこぼしました。"),
    "trimmed": (source(lost=1234, lost_how="offsets 1 to 9", lost_how_ja="オフセット1〜9"),
                "web.log: 1,234 records were lost. Last: offsets 1 to 9", "1,234件の記録が失われました。最後の例: オフセット1〜9"),
    "refused": (source(refused=3), "web.log: 3 records were refused (sender, token or shape).",
                "web.log: 3件の記録を受け付けませんでした"),
    "given up": (channel(dead=2, failures=9, last_error="phone: expected that the message is accepted; got status 500"),
                 "phone: 2 messages were given up. Last reason: phone: expected that the message is accepted; got status 500",
                 "phone: 2件の通知を断念しました。最後の理由: "),
    "unreachable": (channel(failures=3, last_error="phone: expected that the message is accepted; got no network"),
                    "phone cannot be reached (3 attempts in a row): phone: expected", "phone に届きません(連続3回失敗): "),
    "nobody told": (ill(channels=[]), "Nobody is notified: the service began before the settings had a [[notify]].",
                    "通知先がありません: 設定に [[notify]] を追加する前に起動したサービスです。"),
    "unknown lines": (ill(unread=1234, unread_in={"odd.log": 1234}),
                      "odd.log: 1,234 lines are in no known format; name it with format or log_format",
                      "odd.log: 1,234行の形式を判別できません。"),
}  # fmt: skip


class TestDoctor:
    @pytest.mark.parametrize("name", MATTERS)
    def test_each_matter_is_one_sentence_in_each_language(self, name: str) -> None:
        state, english, japanese = MATTERS[name]
        (found,) = findings(state, SETTINGS)
        assert found.en.startswith(english) and found.ja.count(japanese) == 1

    def test_of_what_is_well_nothing_is_said(self) -> None:
        assert list(findings(WELL, SETTINGS)) == []

    @pytest.mark.parametrize(
        "state",
        [
            source(behind_bytes=10**9), source(behind_records=7), source(bytes=0), channel(waiting=900),
            channel(last_error="an old one"), ill(ready=False), ill(rejected=50), ill(lag_seconds=99.0), ill(news=0),
        ],
    )  # fmt: skip
    def test_what_passes_by_itself_calls_nobody(self, state: dict[str, Any]) -> None:
        assert list(findings(state, SETTINGS)) == []

    def test_the_worst_comes_first(self) -> None:
        everything = WELL | {
            "alive": False, "free_bytes": 0, "unread": 5, "unread_in": {"odd.log": 5}, "sources": [SOURCE | {"last": None}], "channels": [CHANNEL | {"dead": 1}],
        }  # fmt: skip
        said = [line.en for line in findings(everything, SETTINGS)]
        assert [line.split()[0] for line in said] == ["The", "Only", "web.log:", "phone:", "odd.log:"]

    def test_a_source_that_cannot_be_read_is_not_also_called_empty(self) -> None:
        assert len(list(findings(source(last=None, problem="no such file"), SETTINGS))) == 1

    def test_every_source_and_channel_is_looked_at(self) -> None:
        names = ["a", "b", "c"]
        state = WELL | {
            "sources": [SOURCE | {"name": name, "refused": 1} for name in names],
            "channels": [CHANNEL | {"name": name, "dead": 1} for name in names],
        }
        assert [line.en.split(":")[0] for line in findings(state, SETTINGS)] == [*names, *names]

    @pytest.mark.parametrize(("least", "said"), [(1024.0, True), (100.0, False)])
    def test_the_setting_says_when_a_disk_is_full(self, least: float, said: bool) -> None:
        settings = Config(serve=Service(disk_warn_mb=least))
        assert bool(list(findings(ill(free_bytes=500e6), settings))) is said

    def test_without_channels_in_the_settings_nobody_is_missed(self) -> None:
        assert list(findings(ill(channels=[]), Config())) == []


class TestStatus:
    def lines(self, state: dict[str, Any], language: str = "en") -> list[str]:
        return [line.to(language) for line in status_lines(state)]  # type: ignore[arg-type]

    def test_how_long_and_how_much(self) -> None:
        assert self.lines(WELL)[0] == "Running for 2 h: 1,200 records, 3,400 batches, 4 news."
        assert self.lines(WELL, "ja")[0] == "稼働時間 2時間: 3,400回の処理で1,200件を調べ、4件を検知。"

    @pytest.mark.parametrize(
        ("seconds", "english", "japanese"),
        [(0, "0 s", "0秒"), (59, "59 s", "59秒"), (60, "1 min", "1分"), (3599, "60 min", "60分"), (3600, "1 h", "1時間"),
         (86_399, "24 h", "24時間"), (86_400, "1 d", "1日"), (864_000, "10 d", "10日")],
    )  # fmt: skip
    def test_spans_are_of_one_unit(self, seconds: float, english: str, japanese: str) -> None:
        assert self.lines(ill(uptime=seconds))[0].startswith(f"Running for {english}:")
        assert self.lines(ill(uptime=seconds), "ja")[0].startswith(f"稼働時間 {japanese}:")

    def test_each_source_with_what_waits(self) -> None:
        now = time.time()
        assert "  source web.log: 1,200 records, last never" in self.lines(source(last=None))
        assert "  source web.log: 1,200 records, last 2 min ago, 1,500 waiting" in self.lines(
            source(last=now - 120, behind_records=1500)
        )
        assert "  監視対象 web.log: 1,200件、最後の記録 2分前、未読 0件" in self.lines(
            source(last=now - 120, behind_records=0), "ja"
        )

    def test_a_clock_that_ran_ahead_makes_no_negative_span(self) -> None:
        assert "last 0 s ago" in self.lines(source(last=time.time() + 900))[1]

    def test_each_channel_with_what_it_was_sent(self) -> None:
        assert "  channel phone: 1,500 sent, 2 waiting, last never" in self.lines(WELL)
        assert "  通知先 phone: 送信済み1,500件、待機中2件、最後の送信 なし" in self.lines(WELL, "ja")

    def test_the_size_of_what_is_kept(self) -> None:
        state = ill(
            incident_bytes=2_500_000, removed_incidents=1200, events={"rows": 5000, "bytes": 4e6, "first": 1e15}
        )
        english, japanese = self.lines(state), self.lines(state, "ja")
        assert "  store: 2.5 MB of incidents; 1,200 old ones removed since the start" in english
        assert "  earlier rows: 5,000 since 2001-09-09, 4.0 MB" in english
        assert "  ストア: インシデント 2.5 MB、起動後に古いもの1,200件を削除" in japanese
        assert "  過去の記録: 2001-09-09 以降の5,000件、4.0 MB" in japanese
        assert not any("earlier rows" in line or "store:" in line for line in self.lines(WELL))

    def test_what_was_forgotten_is_said(self) -> None:
        state = ill(notes=[{"en": "Too many.", "ja": "多すぎます。"}])
        assert self.lines(state)[-1] == "  note: Too many." and self.lines(state, "ja")[-1] == "  注意: 多すぎます。"

    def test_of_a_run_that_has_the_store(self) -> None:
        run = {"command": "analyze", "pid": 7, "uptime": 90.0, "records": 1200}
        assert self.lines(run) == [
            "kanaria analyze (7) has used the store for 2 min and has read 1,200 records so far."
        ]
        assert self.lines(run, "ja") == [
            "kanaria analyze (7) が2分前からこのストアを使用しており、これまでに1,200件を読み取りました。"
        ]


class TestMetrics:
    """The same object for Prometheus."""

    @pytest.mark.parametrize(
        ("state", "line"),
        [
            (WELL, "kanaria_up 1"), (ill(alive=False), "kanaria_up 0"), (WELL, "kanaria_start_time_seconds 1.0"),
            (WELL, "kanaria_batch_duration_seconds 0.1"), (WELL, "kanaria_lag_seconds 0.2"),
            (ill(free_bytes=7), "kanaria_store_free_bytes 7"), (WELL, "kanaria_batches_total 3400"),
            (WELL, "kanaria_records_total 1200"), (ill(rejected=3), "kanaria_records_rejected_total 3"),
            (ill(unread=5), "kanaria_lines_unread_total 5"), (WELL, "kanaria_news_total 4"),
            (ill(events={"rows": 5, "bytes": 6, "first": 1}), "kanaria_events_rows 5"),
            (ill(events={"rows": 5, "bytes": 6, "first": 1}), "kanaria_events_bytes 6"),
            (source(last=9.5), 'kanaria_source_last_event_timestamp_seconds{source="web.log"} 9.5'),
            (source(behind_bytes=7), 'kanaria_source_backlog_bytes{source="web.log"} 7'),
            (source(behind_records=8), 'kanaria_source_backlog_records{source="web.log"} 8'),
            (WELL, 'kanaria_source_records_total{source="web.log"} 1200'),
            (source(lost=4), 'kanaria_source_lost_total{source="web.log"} 4'),
            (source(refused=5), 'kanaria_source_refused_total{source="web.log"} 5'),
            (source(problem="gone"), 'kanaria_source_problem{source="web.log"} 1'),
            (WELL, 'kanaria_source_problem{source="web.log"} 0'),
            (WELL, 'kanaria_channel_waiting_messages{channel="phone"} 2'),
            (WELL, 'kanaria_channel_messages_sent_total{channel="phone"} 1500'),
            (channel(dead=3), 'kanaria_channel_messages_dead_total{channel="phone"} 3'),
        ],
    )  # fmt: skip
    def test_each_number(self, state: dict[str, Any], line: str) -> None:
        assert line in metrics(state).splitlines()

    def test_what_is_not_known_is_not_made_up(self) -> None:
        said = metrics(source(last=None, behind_records=None))
        assert "kanaria_source_backlog_records{" not in said
        assert "kanaria_source_last_event_timestamp_seconds{" not in said

    def test_each_is_described_once_and_the_text_ends(self) -> None:
        said = metrics(WELL)
        for kind, names in (("gauge", GAUGES), ("counter", COUNTERS)):
            for name, words in names.items():
                assert said.count(f"# TYPE {name} {kind}\n# HELP {name} {words}\n") == 1
        assert said.endswith("# EOF\n")
        values = [line for line in said.splitlines() if not line.startswith("#")]
        assert all(re.fullmatch(r'kanaria_\w+(?:\{\w+="[^"\n]*"\})? -?[\d.e+]+', line) for line in values)

    @pytest.mark.parametrize(("name", "shown"), [('a"b', r"a\"b"), ("a\\b", r"a\\b"), ("a\nb", r"a\nb")])
    def test_a_name_cannot_break_out_of_its_quotes(self, name: str, shown: str) -> None:
        assert f'kanaria_source_records_total{{source="{shown}"}} 1200' in metrics(source(name=name)).splitlines()


@pytest.mark.parametrize(
    ("command", "en", "ja"),
    [("serve", "it is starting", "起動中です"), ("analyze", "wait for its end", "終了を待ってください")],
)
def test_who_has_the_store_meanwhile_is_said(command: str, en: str, ja: str, monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"command": command, "pid": 7}
    monkeypatch.setattr(doctor, "kept", lambda store: nullcontext(SimpleNamespace(status=lambda: state)))
    with pytest.raises(SourceError) as raised:
        doctor.service_of(Path("/kept"))
    assert f"got kanaria {command} (process 7) ({en}" in raised.value.text.en and ja in raised.value.text.ja
