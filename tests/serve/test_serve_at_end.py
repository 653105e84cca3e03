"""A log that is watched from its end on: after a crash the service goes on from there, and not from the new end."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path

from kanaria.app.config import Config
from kanaria.app.live.judging import Arrived, Judging
from kanaria.sources.chunks import Chunk
from tests.serve.serving import serving, sink
from tests.serve.test_serve_acknowledge import ask
from tests.serve.test_serve_disk import SETTINGS


def kept_positions(store: Path) -> object:
    with sqlite3.connect(store / "incidents.sqlite") as db:
        rows = db.execute("SELECT content FROM state WHERE name = 'live'").fetchall()
    db.close()
    return json.loads(zlib.decompress(rows[0][0]))["content"]["positions"] if rows else None


def test_what_came_while_it_was_dead_is_read(tmp_path: Path) -> None:
    ask(tmp_path, "10.0.0.6")  # nobody wants to hear of what was there before
    with sink() as phone:
        settings = SETTINGS.format(url=phone.url("/")).replace("1000000000000", "1")
        (tmp_path / "kanaria.toml").write_text(settings.replace('"dnsmasq"', '"dnsmasq"\nstart = "end"', 1))
        with serving(tmp_path) as service:
            service.kill()
        assert kept_positions(tmp_path / "store"), "where it begins is kept before it says that it has started"
        ask(tmp_path, "10.0.0.7")
        with serving(tmp_path) as service:
            service.wait_for(lambda: phone.received)
            assert service.end() == 0
    assert ["10.0.0.7" in item.content["title"] for item in phone.received] == [True]


def test_where_it_read_first_is_kept_at_once(tmp_path: Path) -> None:
    """A log that is renamed while the service is dead is found again by what was kept of it."""
    place = {"path": "a.log"}
    chunk = Chunk(name="a.log", place="a.log#0", data=b"x\n", position=place, lines=1)
    ignored: list[object] = []
    with Judging(
        Config(), tmp_path, on_the_wire=False, on_reject=ignored.append, on_alert=lambda *_: None
    ) as judging:  # fmt: skip
        assert not judging.due
        judging.take_in([Arrived(source="a.log", chunk=chunk)])
        judging.step()
        assert judging.due
        judging.checkpoint()
        assert not judging.due
    assert kept_positions(tmp_path) == {"a.log": {"a.log#0": place}}


FIELDS = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state orig_pkts resp_pkts"
HEADER = ("#separator \\x09\n#fields\t" + FIELDS.replace(" ", "\t") + "\n").encode()


def flow(number: int) -> Arrived:
    """The n-th line of a sensor's log, a connection."""
    row = f"170000000{number}.0 C{number} 192.168.1.20 4000{number} 203.0.113.9 443 tcp ssl 1.0 100 200 SF 5 6"
    data = (row.replace(" ", "\t") + "\n").encode()
    chunk = Chunk(
        name="conn.log", place="conn.log#0", data=data, position={"line": number}, preamble=HEADER,
        first_line=2 + number, lines=1,
    )  # fmt: skip
    return Arrived(source="zeek", chunk=chunk)


def wired(store: Path) -> Judging:
    return Judging(Config(), store, on_the_wire=True, on_reject=lambda _: None, on_alert=lambda *_: None)


def test_what_waits_for_earlier_rows_is_kept_with_the_position_behind_it(tmp_path: Path) -> None:
    """Flows wait half a second for what other sensors see of them; a crash after a checkpoint loses none of them."""
    with wired(tmp_path) as judging:
        judging.take_in([flow(1)])
        judging.step()
        judging.checkpoint()  # and then it is killed: nothing is drained
    with wired(tmp_path) as judging:
        assert judging.positions == {"zeek": {"conn.log#0": {"line": 1}}}
        assert judging.events.size["rows"] == 1


def test_what_comes_while_a_checkpoint_is_made_counts_once_after_a_crash(tmp_path: Path) -> None:
    """Sources are looked at between the parts of a checkpoint: what is read then is not what it keeps."""
    with wired(tmp_path) as judging:
        judging.take_in([flow(1)])
        judging.hurry(lambda: judging.take_in([flow(2)]) and None)
        judging.take_in([flow(3)])
        judging.checkpoint()  # and then it is killed
        assert judging.events.size["rows"] == 1
    with wired(tmp_path) as judging:
        assert judging.positions == {"zeek": {"conn.log#0": {"line": 1}}}
        judging.take_in([flow(2), flow(3)])
        judging.checkpoint()
        assert judging.positions == {"zeek": {"conn.log#0": {"line": 3}}}
        assert judging.events.size["rows"] == 3
