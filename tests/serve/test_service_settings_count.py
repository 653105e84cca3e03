"""Each setting of what is watched and how the service runs: one that did not heed it would read, keep or say other
things. Services of this process, most of them with many sources at once."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kanaria.app.config import load
from kanaria.app.live.pace import LEAST
from kanaria.app.live.state import state
from kanaria.app.live.watching import watched, watched_flows
from kanaria.store.incidents import IncidentStore
from tests.running import PATIENCE, free_port
from tests.serve.serving import Sink, sink
from tests.serve.test_looking_after import running, until
from tests.serve.test_serve import ORDINARY, PROBES
from tests.store.test_retention import incident

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
OWN = "$status;$remote_addr;$request_uri;$request_method"


@pytest.fixture(scope="module")
def phone() -> Iterator[Sink]:
    with sink() as made:
        yield made


def container(folder: Path, name: str, *lines: str) -> None:
    """A container of Docker's with its log."""
    place = folder / name
    place.mkdir(parents=True)
    (place / "config.v2.json").write_text(json.dumps({"Name": f"/{name}"}))
    rows = ({"log": f"{line}\n", "stream": "stdout", "time": "2026-06-21T07:01:00Z"} for line in lines)
    (place / f"{name}-json.log").write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def test_each_source_is_read_as_its_settings_say(tmp_path: Path) -> None:
    """One service; what each source counted is the effect of a setting of its own."""
    ports = {name: free_port() for name in ("http", "udp", "tcp")}
    for name in ("whole", "end", "own", "named"):
        (tmp_path / f"{name}.log").write_text(f"{ORDINARY}\n")
    (tmp_path / "own.log").write_text("404;203.0.113.7;/a;GET\n")
    (tmp_path / "named.log").write_text("no request\n")
    container(tmp_path / "containers", "web", ORDINARY)
    container(tmp_path / "containers", "db", ORDINARY, ORDINARY)
    container(tmp_path / "late", "web", ORDINARY)
    for sensor, row in (("zeek", {"ts": 1.0, "uid": "C1"}), ("suricata", {"timestamp": "2026-06-21T07:01:00+0000"})):
        (tmp_path / sensor).mkdir()
        (tmp_path / sensor / ("conn.log" if sensor == "zeek" else "eve.json")).write_text(json.dumps(row) + "\n")
    (tmp_path / "kanaria.toml").write_text(f"""\
store = "store"
[serve]
listen = "off"
[[sources]]
kind = "file"
path = "whole.log"
[[sources]]
kind = "file"
path = "end.log"
start = "end"
[[sources]]
kind = "file"
name = "own"
path = "own.log"
log_format = "{OWN}"
[[sources]]
kind = "file"
path = "named.log"
format = "combined"
[[sources]]
kind = "docker"
name = "containers"
path = "containers"
containers = ["web"]
[[sources]]
kind = "docker"
name = "late"
path = "late"
start = "end"
[[sources]]
kind = "zeek"
path = "zeek"
start = "end"
[[sources]]
kind = "suricata"
path = "suricata"
start = "end"
[[sources]]
kind = "http"
name = "http"
listen = "127.0.0.1:{ports["http"]}"
token = "secret"
[[sources]]
kind = "syslog"
name = "udp"
listen = "127.0.0.1:{ports["udp"]}"
protocol = "udp"
senders = ["192.0.2.1"]
[[sources]]
kind = "syslog"
name = "tcp"
listen = "127.0.0.1:{ports["tcp"]}"
protocol = "tcp"
""")

    def posted(token: str) -> int:
        with closing(http.client.HTTPConnection("127.0.0.1", ports["http"], timeout=PATIENCE)) as connection:
            body = json.dumps([{"message": ORDINARY}])
            connection.request("POST", "/", body, {"authorization": f"Bearer {token}"})
            return connection.getresponse().status

    with running(tmp_path) as service:
        until(lambda: service.records >= 4)  # every file was looked at
        with (tmp_path / "end.log").open("a") as log:
            log.write(f"{ORDINARY}\n{ORDINARY}\n")
        assert posted("secret") < 300 <= 400 <= posted("wrong")
        line = b"<38>1 2026-06-21T07:01:00Z gate sshd 7 - - Accepted password for root from 203.0.113.9 port 4 ssh2\n"
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as talker:
            talker.sendto(line, ("127.0.0.1", ports["udp"]))
        with closing(socket.create_connection(("127.0.0.1", ports["tcp"]), 30)) as talker:
            talker.sendall(line)
        with closing(socket.socket()) as talker:
            assert talker.connect_ex(("127.0.0.1", ports["udp"])), "TCP where UDP was asked for"

        def counted(key: str = "records") -> dict[str, Any]:
            return {source["name"].rpartition("/")[2]: source[key] for source in state(service)["sources"]}

        expected = {
            "whole.log": 1, "end.log": 2, "own": 1, "named.log": 1, "containers": 1, "late": 0, "zeek": 0, "suricata": 0,
            "http": 1, "udp": 0, "tcp": 1,
        }  # fmt: skip
        until(lambda: counted() == expected and counted("refused")["udp"] and not service.judging.waits)
        assert counted("refused")["http"] == 1
        until(lambda: service.rejected == 1)  # of named.log, whose format nobody would have recognised
        assert service.unread == 0, "own.log was read by its layout"
        assert not (tmp_path / "store" / "serve.json").exists(), "nothing is answered at a port"


def test_the_journal_and_ports_for_flows_are_opened_as_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked of journalctl and of the collector, without either."""
    (tmp_path / "kanaria.toml").write_text("""\
[[sources]]
kind = "journal"
path = "journal"
units = ["ssh.service"]
start = "end"
[[sources]]
kind = "netflow"
listen = "127.0.0.1:2056"
senders = ["192.0.2.1"]
[[sources]]
kind = "interface"
interface = "eth7"
filter = "not port 22"
[host]
check = true
every_seconds = 7
""")
    settings = load(tmp_path / "kanaria.toml")
    asked: list[Any] = []
    for place in ("kanaria.sources.journal.Journal", "kanaria.sources.netflow_collector.NetflowCollector"):
        monkeypatch.setattr(place, lambda *given, **named: asked.append((given, named)))
    monkeypatch.setattr("kanaria.sources.live.open_interface", lambda *given, **named: asked.append((given, named)))
    watched(settings)
    ((_name,), named) = asked.pop()
    assert named == {"folder": str(tmp_path / "journal"), "units": ("ssh.service",), "at_end": True}
    host, *flows = watched_flows(settings)
    assert host._every == 7  # type: ignore[union-attr]
    for source in flows:
        source._make()  # type: ignore[union-attr]
    (netflow, given), (interface, filtered) = asked
    assert netflow == ("127.0.0.1", 2056) and given["exporters"] == ("192.0.2.1",)
    assert interface == ("eth7",) and filtered == {"filter_expression": "not port 22"}


def settings(folder: Path, phone: Sink, serve: str) -> Path:
    """With these keys below ``[serve]``, a log, and incidents: closed forty days ago, closed yesterday, open."""
    (folder / "access.log").write_text("".join(f"{line}\n" for line in (ORDINARY, *PROBES)))
    (folder / "kanaria.toml").write_text(
        f'store = "store"\nlanguage = "en"\n[serve]\nlisten = "off"\n{serve}'
        '[[sources]]\nkind = "file"\npath = "access.log"\n'
        f'[[notify]]\nname = "phone"\nurl = "{phone.url("/")}"\nseverity = "informational"\ndigest = "none"\n'
    )
    now, ids = datetime.now(UTC), ["i-0001", "i-0002", "i-0003"]
    with IncidentStore(folder / "store") as store:
        store.save([incident(n, size=9_000) for n in (1, 2, 3)], now - timedelta(days=50))
        store.mark_told(ids, now - timedelta(days=50))
        for ident, days in (("i-0001", 40), ("i-0002", 1)):
            store.decide(ident, "closed", who="a", why="b", now=now - timedelta(days=days))
    return folder


def kept(folder: Path) -> set[str]:
    with IncidentStore(folder / "store") as store:
        return {one.id for one in store.all() if one.id.startswith("i-000")}


def test_a_service_runs_as_its_settings_say(tmp_path: Path, phone: Sink, capfd: pytest.CaptureFixture[str]) -> None:
    """By age one incident leaves, the disk is almost full, the log is JSON, OCSF goes to a file of a thousand bytes,
    and links are answered."""
    port, free = free_port(), shutil.disk_usage(tmp_path).free / 1e6
    serve = (
        f'keep_days = 30\ndisk_warn_mb = {2 * free}\nlog = "json"\nocsf = "siem/k.ocsf"\nocsf_mb = 0.001\n'
        f'acknowledge = "http://192.0.2.1"\nacknowledge_listen = "127.0.0.1:{port}"\n'
    )
    with running(settings(tmp_path, phone, serve)) as service:
        until(lambda: any("the disk" in item.content["title"] for item in phone.received))
        until((tmp_path / "siem" / "k.ocsf.1").exists)
        until(lambda: kept(tmp_path) == {"i-0002", "i-0003"})
        until(lambda: service.upkeep.removed == 1)
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            connection.request("GET", "/ack/none")
            assert connection.getresponse().status == 404
    events = [json.loads(line)["event"] for line in capfd.readouterr().err.splitlines()]
    assert {"started", "disk almost full", "stopped"} <= set(events)


def test_what_is_closed_leaves_by_size_and_batches_stay_small(tmp_path: Path, phone: Sink) -> None:
    """Some hundred kilobytes of lines: batches that are done soon would grow, and here none is done soon enough."""
    folder = settings(tmp_path, phone, "keep_mb = 0.01\nbatch_seconds = 0.001\n")
    (folder / "access.log").write_text(f"{ORDINARY}\n" * 4_000)
    with running(folder) as service:
        until(lambda: kept(folder) == {"i-0003"})
        until(lambda: service.records == 4_000 and not service.judging.waits)
        assert service.turns.pace.limit == LEAST
