"""What looks after a service: status, doctor, check-config, notify test and the endpoints, each in this process."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kanaria.app.config import load
from kanaria.app.config_live import Channel
from kanaria.app.live.doctor import findings, status_lines
from kanaria.app.live.judging import Judging
from kanaria.app.live.service import Service
from tests.app.running import Kanaria
from tests.running import PATIENCE, until
from tests.serve.serving import Sink, sink
from tests.serve.test_serve import ORDINARY, PROBES

# What apprise imports for mail, before Python 3.13.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
SETTINGS = """\
store = "store"
[serve]
listen = "127.0.0.1:0"
[[sources]]
kind = "file"
path = "access.log"
[[sources]]
kind = "file"
path = "later.log"
[[notify]]
url = "{url}"
name = "phone"
severity = "informational"
digest = "none"
"""


@pytest.fixture
def phone() -> Iterator[Sink]:
    with sink() as kept:
        yield kept


@contextmanager
def running(folder: Path) -> Iterator[Service]:
    """A service of this process, ended at the end."""
    settings = load(folder / "kanaria.toml")
    assert settings.store
    service = Service(settings, Path(settings.store))
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        until(lambda: service.ready or not thread.is_alive())
        yield service
    finally:
        service.stop()
        thread.join()


def get(service: Service, path: str, method: str = "GET") -> tuple[int, str]:
    where = json.loads((service.store / "serve.json").read_text())
    request = urllib.request.Request(f"http://{where['host']}:{where['port']}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_what_comes_while_a_batch_is_judged_and_fills_the_next_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it is a checkpoint that judges it or a batch: there is room to read afterwards."""
    (tmp_path / "kanaria.toml").write_text(SETTINGS.partition("[[notify]]")[0])
    log, added = tmp_path / "access.log", list[str]()

    def filling(judge: Callable[..., list[dict[str, object]]]) -> Callable[..., list[dict[str, object]]]:
        def judged(self: Judging, between: Callable[[], None]) -> list[dict[str, object]]:
            if not added:
                added.append(f"{ORDINARY}\n" * 40)
                with log.open("a") as file:
                    file.write(added[0])
                until(service._signals.wake.is_set)
                service.turns.pace._next_look = 0.0
                monkeypatch.setattr(Judging, "due", property(lambda judging: judging._dirty))
            return judge(self, between)

        return judged

    monkeypatch.setattr("kanaria.app.live.pace.LEAST", 1_000)
    log.write_text(f"{ORDINARY}\n")
    with running(tmp_path) as service:
        for name in ("step", "hurry"):
            monkeypatch.setattr(Judging, name, filling(getattr(Judging, name)))
        with log.open("a") as file:
            file.write(f"{ORDINARY}\n")
        until(lambda: service.records == 42 and not service.judging.waits)
        with log.open("a") as file:
            file.write(f"{ORDINARY}\n")
        until(lambda: service.records == 43)


def test_a_running_service_is_asked_how_it_is(tmp_path: Path, kanaria: Kanaria, phone: Sink) -> None:
    (tmp_path / "kanaria.toml").write_text(SETTINGS.format(url=phone.url("/phone")))
    (tmp_path / "access.log").write_text(f"{ORDINARY}\n{PROBES[0]}\n")
    with running(tmp_path) as service:
        until(lambda: service.outbox.counts().get(("phone", "sent")))
        status = kanaria("status", "--config", "kanaria.toml")
        assert status.status == 0
        assert "2 records" in status.out and "1 news" in status.out
        assert "channel phone: 1 sent, 0 waiting" in status.out and "later.log: 0 records, last never" in status.out
        found = json.loads(kanaria("status", "--config", "kanaria.toml", "--format", "json").out)
        assert found["records"] == 2 and found["alive"] and found["channels"][0]["sent"] == 1
        doctor = kanaria("doctor", "--config", "kanaria.toml", "--lang", "ja")
        assert doctor.status == 1
        assert "まだ存在しません" in doctor.out and "を読めません" in doctor.out
        assert [get(service, path)[0] for path in ("/healthz", "/readyz", "/nothing")] == [200, 200, 404]
        assert get(service, "/healthz", "HEAD") == (200, "")
        assert json.loads(get(service, "/status")[1])["records"] == 2
        metrics = get(service, "/metrics")[1]
        assert "kanaria_up 1" in metrics and 'kanaria_channel_waiting_messages{channel="phone"} 0' in metrics
        assert metrics.endswith("# EOF\n")
    gone = kanaria("status", "--config", "kanaria.toml")
    assert gone.status == 2 and "a running kanaria serve" in gone.err
    assert not (service.store / "serve.json").exists()


def test_settings_that_cannot_work_are_named_before_anything_runs(tmp_path: Path, kanaria: Kanaria) -> None:
    (tmp_path / "access.log").touch()
    (tmp_path / "kanaria.toml").write_text("""\
sources = [
    {kind = "file", path = "access.log"}, {kind = "file", path = "none-*.log"},
    {kind = "file", path = "access.log", name = "odd", format = "no-such-format"},
    {kind = "syslog", certificate = "none.pem"}, {kind = "interface", interface = "nosuch0"},
    {kind = "http", listen = "127.0.0.1:0", token = "env:NO_SUCH_SECRET"},
]
notify = [{url = "env:NO_SUCH_URL"}, {url = "json://127.0.0.1:1/", name = "phone", severity = "high"}]
""")
    done = kanaria("check-config", "--config", "kanaria.toml")
    assert done.status == 1
    lines = done.out.splitlines()
    assert [line[:2] for line in lines] == ["ok", "--", "--", "--", "--", "--", "--", "ok"]
    for line, words in zip(lines[1:], (
        "nothing there yet", "no-such-format", "certificate and its key", "no such interface", "NO_SUCH_SECRET", "NO_SUCH_URL",
        "notify phone: from high on",
    ), strict=True):  # fmt: skip
        assert words in line, line
    (tmp_path / "empty.toml").write_text("")
    empty = kanaria("check-config", "--config", "empty.toml", "--lang", "ja")
    assert empty.status == 1
    assert "監視対象がありません" in empty.out and "通知先がありません" in empty.out
    refused = kanaria("serve", "--config", "empty.toml")
    assert refused.status == 2 and "something to watch" in refused.err


def test_a_test_message_is_sent_and_what_became_of_it_said(tmp_path: Path, kanaria: Kanaria, phone: Sink) -> None:
    phone.status["/broken"] = 500
    (tmp_path / "kanaria.toml").write_text(
        "\n".join(f'[[notify]]\nname = "{name}"\nurl = "{phone.url("/" + name)}"' for name in ("phone", "broken"))
    )
    both = kanaria("notify", "test", "--config", "kanaria.toml")
    assert both.status == 1
    assert [line[:2] for line in both.out.splitlines()] == ["ok", "--"]
    assert "phone: the message was accepted." in both.out
    one = kanaria("notify", "test", "--config", "kanaria.toml", "--channel", "phone", "--lang", "ja")
    assert one.status == 0 and "通知が受け付けられました" in one.out
    assert len(phone.at("/phone")) == 2
    other = kanaria("notify", "test", "--config", "kanaria.toml", "--channel", "nobody")
    assert other.status == 2 and "a channel nobody" in other.err


def test_the_doctor_names_everything_that_is_wrong() -> None:
    source = {"name": "web", "problem": "", "problem_ja": "", "last": 1.0, "silent_for": None, "lost": 0, "refused": 0}
    channel = {"name": "phone", "dead": 0, "failures": 0, "last_error": "refused"}
    well = {
        "alive": True, "free_bytes": 1e12, "store": "/s", "unread": 0, "sources": [source], "channels": [channel],
    }  # fmt: skip
    settings = load(None)
    assert not list(findings(well, settings))
    ill = {
        **well, "alive": False, "free_bytes": 5e6, "unread_in": {"odd.log": 1234}, "mended": [{"en": "Lost.", "ja": "失われました。"}],
        "sources": [
            {**source, "problem": "permission denied", "problem_ja": "権限がありません"}, {**source, "last": None},
            {**source, "silent_for": 600.0, "lost": 3, "refused": 4},
        ],
        "channels": [{**channel, "dead": 2}, {**channel, "failures": 7}],
    }  # fmt: skip
    said = [line.en for line in findings(ill, settings)]
    for words, line in zip((
        "hangs", "Lost.", "Only 5 MB", "permission denied", "nothing has come yet", "silent for 10 minutes",
        "3 records were lost", "4 records were refused", "2 messages were given up", "7 attempts in a row",
        "1,234 lines",
    ), said, strict=True):  # fmt: skip
        assert words in line
    gone = {**source, "lost": 3, "lost_how": "conn/0: offsets 4 to 6", "lost_how_ja": "conn/0: オフセット4から6"}
    (line,) = findings({**well, "sources": [gone]}, settings)
    assert line.en == "web: 3 records were lost. Last: conn/0: offsets 4 to 6" and "オフセット4から6" in line.ja
    told = replace(settings, notify=(Channel(url="json://127.0.0.1/"),))
    assert "Nobody is notified" in "".join(line.en for line in findings({**well, "channels": []}, told))
    nobody = replace(settings, notify=())  # what the settings lack is said of the settings, once
    assert not list(findings({**well, "channels": []}, nobody))


@pytest.mark.parametrize(("seconds", "said"), [(5, "5 s"), (130, "2 min"), (7_300, "2 h"), (200_000, "2 d")])
def test_another_run_that_has_the_store_is_described(seconds: float, said: str) -> None:
    (line,) = status_lines({"command": "analyze", "pid": 7, "uptime": seconds, "records": 1234})
    assert line.en == f"kanaria analyze (7) has used the store for {said} and has read 1,234 records so far."
