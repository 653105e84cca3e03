"""nginx and Apache themselves write the log: the same raw bytes sent to both decode to the same request bytes."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kanaria.core.stream import ReadContext
from kanaria.formats import registry
from tests.programs import program
from tests.running import PATIENCE, free_port, listens, running, until

_spec = importlib.util.spec_from_file_location("kit_formats", Path(__file__).parent / "kit_formats.py")
assert _spec and _spec.loader
kit = sys.modules.setdefault("kit_formats", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(kit)

pytestmark = [pytest.mark.slow, pytest.mark.privileged]

# What scanners send to web ports: mining logins, a TLS hello, an SSH banner, and requests with awkward bytes.
SENT = [
    b'{"id":1,"method":"mining.subscribe","params":[]}',
    b'{"params": ["miner1", "password"], "id": 2, "method": "mining.authorize"}',
    b'{"params": ["miner1", "bf", "00000001", "504e86ed", "b2957c02"], "id": 4, "method": "mining.submit"}',
    b'{"method":"login","params":{"login":"example","pass":"xxoo","agent":"xmr-stak-cpu/1.3.0"},"id":1}',
    b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"blue1","pass":"x","agent":"Windows NT 6.1"}}',
    b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","agent":"XMRig/5.13.1","algo":["rx/0"]}}',
    b"\x16\x03\x01\x00\xee\x01\x02\x00\xea\x03\x03" + bytes(range(128, 160)),
    b"SSH-2.0-Go",
    "GET /カナリア HTTP/1.0".encode(),
    b'GET /quote"and\\backslash HTTP/1.0',
]


@pytest.fixture(scope="module", autouse=True)
def servers() -> None:
    for name, package in (("nginx", "nginx-light"), ("apache2", "apache2")):
        program(name, package)


@contextmanager
def serving(command: list[str], port: int) -> Iterator[None]:
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with running(started, signal.SIGTERM):
        until(lambda: listens(port))
        yield


def send(port: int, data: bytes) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as connection:
        connection.sendall(data + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


def requests_in(log: Path, name: str) -> list[bytes | None]:
    data = log.read_bytes()
    found = registry.detect(kit.BytesStream(data))
    assert found is not None
    assert found.name == name
    batches = kit.read_all(found, data, ReadContext())
    assert sum(batch.rejected for batch in batches) == 0
    return [row for batch in batches for row in batch.tables["http"]["request"].to_pylist()]


def nginx(folder: Path, port: int) -> list[str]:
    (folder / "nginx.conf").write_text(
        f"""daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log info; worker_processes 1;
        events {{}}
        http {{
          log_format json escape=json '{{"time_iso8601":"$time_iso8601","remote_addr":"$remote_addr",'
            '"request":"$request","status":"$status","body_bytes_sent":"$body_bytes_sent"}}';
          access_log {folder}/nginx.log combined; access_log {folder}/nginx-json.log json;
          client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
          uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
          server {{ listen 127.0.0.1:{port}; root {folder}; }}
        }}"""
    )
    return ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)]


def apache(folder: Path, port: int) -> list[str]:
    modules = Path("/usr/lib/apache2/modules")
    wanted = [name for name in ("mpm_event", "authz_core") if (modules / f"mod_{name}.so").exists()]
    (folder / "apache.conf").write_text(
        "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in wanted)
        + f"""
        ServerName localhost
        Listen 127.0.0.1:{port}
        PidFile {folder}/apache.pid
        ErrorLog {folder}/apache-error.log
        DefaultRuntimeDir {folder}
        User www-data
        Group www-data
        LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
        CustomLog {folder}/apache.log combined
        """
    )
    return ["apache2", "-X", "-f", str(folder / "apache.conf")]


def test_both_servers_log_the_same_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"/usr/sbin:{os.environ['PATH']}")
    tmp_path.chmod(0o755)
    for build in (nginx, apache):
        port = free_port()
        with serving(build(tmp_path, port), port):
            for data in SENT:
                send(port, data)
            time.sleep(0.5)
    logged = {name: requests_in(tmp_path / f"{name}.log", kind) for name, kind in (
        ("nginx", "combined"), ("nginx-json", "nginx-json"), ("nginx-error", "error-log"),
        ("apache", "combined"))}  # fmt: skip
    # A probe for readiness leaves an empty request in some versions' logs.
    events = {name: [request for request in found if request] for name, found in logged.items()}
    text = [data for data in SENT if data[0] != 0x16]
    assert [request for request in events["nginx"] if request in text] == text
    assert events["nginx-json"] == events["nginx"]
    assert [request for request in events["nginx-error"] if request in text] == text
    # Apache 2.4 logs only the first words of a line it could not parse: all of a compact message, part of a spaced one.
    apache_events = events["apache"]
    assert all(any(data.startswith(event) for data in SENT) for event in apache_events)
    assert {data for data in text if b", " not in data} <= set(apache_events)
    assert b'{"params": ["miner1", "password"],' in {event[:34] for event in apache_events}
