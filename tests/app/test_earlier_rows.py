"""What earlier runs read is asked like what this one read: the web server, what was normal, and no row twice."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from kanaria.app.run.engine import Engine
from kanaria.app.run.setup import prepare
from kanaria.core.stream import Placed
from tests.app.running import Kanaria
from tests.app.test_between_runs import runs, told
from tests.app.test_cli_incident import DAY, SERVER, flow
from tests.app.test_one_story import PC, POOL, WEB, web_attack
from tests.app.test_same_however_read import Piece
from tests.app.test_what_teaches import STRANGER, write
from tests.running import unconfigured


def hello(miner: str, at: datetime) -> str:
    """A TLS connection to a known pool."""
    return json.dumps({
        "ts": at.timestamp(), "uid": "C99", "id.orig_h": miner, "id.orig_p": 40000, "id.resp_h": POOL,
        "id.resp_p": 443, "version": "TLSv12", "server_name": "xmr.pool.minergate.com", "established": True,
    })  # fmt: skip


def kept(store: Path) -> list[tuple[Any, ...]]:
    """Rows of the files that the store lists, and that there are no others."""
    with sqlite3.connect(store / "incidents.sqlite") as db:
        files = [file for (file,) in db.execute("SELECT file FROM part ORDER BY file")]
    db.close()
    assert sorted(os.listdir(store / "events")) == files
    with duckdb.connect() as engine:
        places = [str(store / "events" / file) for file in files if file.startswith("connection")]
        return engine.execute("SELECT event_id, epoch_us(time) FROM read_parquet(?) ORDER BY ALL", [places]).fetchall()


@pytest.mark.parametrize(("miner", "joined"), [(PC, False), (WEB, True)])
def test_a_web_attack_yesterday_and_mining_today_are_joined_as_in_one_run(
    kanaria: Kanaria, tmp_path: Path, miner: str, joined: bool
) -> None:
    """Only yesterday's connections say which device the web log is of."""
    write(tmp_path / "access.log", web_attack())
    reached = [flow(DAY + timedelta(seconds=604), 1, STRANGER, WEB, 80), flow(DAY, 2, "198.18.0.0", WEB, 80)]
    pc = [flow(DAY + timedelta(seconds=60 * n), 10 + n, PC, "192.168.1.1", 53) for n in range(30)]
    write(tmp_path / "conn.log", [*reached, *pc])
    today = [flow(DAY + timedelta(hours=24, seconds=60 * n), 50 + n, PC, "192.168.1.1", 53) for n in range(30)]
    write(tmp_path / "conn2.log", today)
    write(tmp_path / "ssl.log", [hello(miner, DAY + timedelta(hours=5))])
    first, second = ["access.log", "conn.log"], ["ssl.log", "conn2.log"]
    apart = runs(kanaria, "apart", first, second)[-1].document["incidents"]
    rules = [{finding["rule"].partition("_")[0] for finding in incident["findings"]} for incident in apart]
    assert any(found >= {"web", "tls"} for found in rules) is joined
    whole = runs(kanaria, "whole", [*first, *second])[0].document["incidents"]

    def worked(incidents: Sequence[dict[str, Any]]) -> list[str]:
        return [e["quote"] for i in incidents for e in i["evidence"] if e["kind"] == "outbound_mining_after"]

    assert worked(apart) == worked(whole) and bool(worked(apart)) is joined
    assert told(tmp_path / "apart") == told(tmp_path / "whole")
    assert kept(tmp_path / "apart") == kept(tmp_path / "whole")


def days(first: int, count: int) -> list[str]:
    """Nine connections a day, and questions to one resolver."""
    return [
        flow(DAY + timedelta(days=day, hours=2 * n), 100 * day + n, SERVER, f"198.51.100.{n % 3}", 443)
        for day in range(first, first + count)
        for n in range(9)
    ]


def test_what_was_normal_before_is_that_of_all_runs(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "one.log", days(0, 2))
    write(tmp_path / "two.log", days(2, 2))
    write(tmp_path / "ssl.log", [hello(SERVER, DAY + timedelta(days=4))])
    for store, *inputs in (("apart", ["one.log"], ["two.log"], ["ssl.log"]), ("learned", ["ssl.log"])):
        if store == "learned":
            assert kanaria("baseline", "learn", "one.log", "two.log", "--store", store).status == 0
        (incident,) = runs(kanaria, store, *inputs)[-1].document["incidents"]
        told_of = [said["en"] for said in incident["normal"]]
        assert told_of[0].startswith(
            f"{SERVER} in the 4.0 days before: 9 connections a day; tcp/443 used at 3 addresses"
        )
        assert "never exchanged anything with 203.0.113[.]44" in told_of[1]
    again = runs(kanaria, "apart", ["one.log", "two.log"], ["one.log", "two.log"])
    assert all(one.status == 0 for one in again)
    assert kept(tmp_path / "apart") == kept(tmp_path / "learned") and len(kept(tmp_path / "apart")) == 36


def test_a_capture_older_than_what_the_store_keeps_is_analysed_and_the_run_says_that_it_keeps_nothing(
    kanaria: Kanaria, tmp_path: Path
) -> None:
    write(tmp_path / "new.log", days(60, 2))
    write(tmp_path / "old.log", days(0, 1))
    write(tmp_path / "ssl.log", [hello(SERVER, DAY + timedelta(hours=20))])
    write(tmp_path / "month.log", days(33, 1))
    first, old, month = runs(kanaria, "store", ["new.log"], ["old.log", "ssl.log"], ["month.log"])
    assert len(old.document["incidents"]) == 1 and len(kept(tmp_path / "store")) == 18 + 9
    notes = [[note for note in one.document["notes"] if "events.days" in note["en"]] for one in (first, old, month)]
    assert [len(said) for said in notes] == [0, 1, 0]
    assert notes[1][0]["en"].startswith("10 records were analysed and are not kept for questions of later runs")
    assert "10件の記録は解析しましたが" in notes[1][0]["ja"] and "30日より前" in notes[1][0]["ja"]
    write(tmp_path / "older.log", days(2, 1))
    japanese = kanaria("analyze", "--store", "store", "--lang", "ja", "older.log").out
    assert "今後の解析のためには保存しません" in "".join(japanese.split())


def test_an_input_that_was_forgotten_and_is_read_again_is_kept_once(kanaria: Kanaria, tmp_path: Path) -> None:
    (tmp_path / "kanaria.yaml").write_text("limits: {sources: 2}\n")
    names = [f"{n}.log" for n in range(4)]
    for n, name in enumerate(names):
        write(tmp_path / name, days(n, 1))
    runs(kanaria, "store", *(["--config", "kanaria.yaml", name] for name in (*names, names[0], names[1])))
    runs(kanaria, "whole", names)
    assert kept(tmp_path / "store") == kept(tmp_path / "whole") and len(kept(tmp_path / "whole")) == 36


NAME = "xmr.pool.minergate.com"


def answer(at: datetime) -> str:
    """A device asks its resolver for a pool."""
    return json.dumps({
        "ts": at.timestamp(), "uid": "D1", "id.orig_h": SERVER, "id.orig_p": 40001, "id.resp_h": "192.168.1.1",
        "id.resp_p": 53, "proto": "udp", "query": NAME, "qtype_name": "A", "rcode_name": "NOERROR", "answers": [POOL],
    })  # fmt: skip


def named(store: Path) -> list[tuple[Any, ...]]:
    """Names of the servers of kept connections."""
    with duckdb.connect() as engine:
        places = [str(path) for path in (store / "events").glob("connection-*")]
        return engine.execute("SELECT dst_ip, sni FROM read_parquet(?) ORDER BY ALL", [places]).fetchall()


def test_a_name_asked_for_in_an_earlier_run_names_a_connection_of_the_same_day(
    kanaria: Kanaria, tmp_path: Path
) -> None:
    write(tmp_path / "dns.log", [answer(DAY)])
    near, far = (
        flow(DAY + timedelta(hours=20), 1, SERVER, POOL, 443),
        flow(DAY + timedelta(hours=30), 2, SERVER, POOL, 80),
    )
    write(tmp_path / "conn.log", [near, far])
    runs(kanaria, "apart", ["dns.log"], ["conn.log"])
    runs(kanaria, "whole", ["dns.log", "conn.log"])
    assert named(tmp_path / "apart") == named(tmp_path / "whole") == [(POOL, NAME), (POOL, None)]
    assert told(tmp_path / "apart") == told(tmp_path / "whole")


def test_a_service_that_was_started_again_still_knows_the_names(tmp_path: Path) -> None:
    setup = replace(prepare(), store=tmp_path / "store")
    for name, line in (("dns.log", answer(DAY)), ("conn.log", flow(DAY + timedelta(hours=1), 1, SERVER, POOL, 443))):
        piece = Piece(name, f"{line}\n".encode(), "zeek-json", Placed(identity="", before=0))
        with Engine(setup, lateness=timedelta(0)) as engine:
            engine.commit(engine.step(engine.read([piece])))
    assert named(tmp_path / "store") == [(POOL, NAME)]


CHILD = """
import os, signal, sys
where, step = sys.argv.pop(1).split(":")
from kanaria.store import events, incidents

def doomed(owner, name):
    true = getattr(owner, name)
    def call(*arguments, **more):
        if step == "before": os.kill(os.getpid(), signal.SIGKILL)
        true(*arguments, **more)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, call)

doomed({"write": events.EventFiles, "settle": events.EventFiles, "save": incidents.IncidentStore}[where], where)
from kanaria.app.commands.main import main
main()
"""


def test_a_run_killed_around_its_commit_leaves_no_row_twice(kanaria: Kanaria, tmp_path: Path) -> None:
    write(tmp_path / "one.log", days(0, 2))
    write(tmp_path / "two.log", [*days(2, 2), hello(SERVER, DAY + timedelta(days=4))])
    write(tmp_path / "ssl.log", [hello(SERVER, DAY + timedelta(days=4))])
    runs(kanaria, "whole", ["one.log"], ["two.log", "ssl.log"])
    for number, point in enumerate(("settle:after", "save:after")):
        store = f"killed-{number}"
        runs(kanaria, store, ["one.log"])
        command = [sys.executable, "-c", CHILD, point, "analyze", "--store", store, "two.log", "ssl.log"]
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, env=unconfigured(tmp_path), check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr
        runs(kanaria, store, ["two.log", "ssl.log"])
        assert kept(tmp_path / store) == kept(tmp_path / "whole"), point
        assert told(tmp_path / store) == told(tmp_path / "whole"), point
