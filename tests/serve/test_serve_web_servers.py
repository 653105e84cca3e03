"""The first case live: scanners talk to a real server, and its owner hears in one message that nothing needs to be done."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.programs import program
from tests.running import PATIENCE, free_port, listens, running, until
from tests.serve.serving import serving, sink

pytestmark = [pytest.mark.slow, pytest.mark.privileged]

SENT = [
    b'{"id":1,"method":"mining.subscribe","params":[]}',
    b'{"params": ["miner1", "password"], "id": 2, "method": "mining.authorize"}',
    b'{"params": ["miner1", "bf", "00000001", "504e86ed", "b2957c02"], "id": 4, "method": "mining.submit"}',
    b'{"method":"login","params":{"login":"example","pass":"xxoo","agent":"xmr-stak-cpu/1.3.0"},"id":1}',
    b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"blue1","pass":"x","agent":"Windows NT 6.1"}}',
    b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"x","agent":"XMRig/5.13.1","algo":["rx/0"]}}',
]
SERVER = """\
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{}}
http {{
    access_log {folder}/access.log combined;
    client_body_temp_path {folder}/t; proxy_temp_path {folder}/t; fastcgi_temp_path {folder}/t;
    uwsgi_temp_path {folder}/t; scgi_temp_path {folder}/t;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello"; }} }}
}}
"""


APACHE = """\
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule dir_module {modules}/mod_dir.so
DocumentRoot {folder}/page
DirectoryIndex index.html
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
CustomLog {folder}/access.log combined
"""


@contextmanager
def nginx(folder: Path) -> Iterator[int]:
    """A real nginx that writes ``access.log``; its port."""
    binary = program("nginx", "nginx-light")
    port = free_port()
    (folder / "nginx.conf").write_text(SERVER.format(folder=folder, port=port))
    process = subprocess.Popen([binary, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL)
    with running(process, signal.SIGTERM):
        until(lambda: listens(port))
        yield port


def say(port: int, request: bytes) -> None:
    """Send a request and wait until the server has answered and hung up."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(request + b"\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass


@contextmanager
def apache(folder: Path) -> Iterator[int]:
    """A real Apache that writes ``access.log``; its port."""
    binary, port = program("apache2", "apache2"), free_port()
    modules = next(
        Path(place) for place in ("/usr/lib/apache2/modules", "/usr/libexec/apache2") if Path(place).is_dir()
    )
    (folder / "page").mkdir()
    (folder / "page" / "index.html").write_text("hello")
    (folder / "apache.conf").write_text(APACHE.format(folder=folder, port=port, modules=modules))
    process = subprocess.Popen(
        [binary, "-X", "-d", str(folder), "-f", str(folder / "apache.conf")], stderr=subprocess.DEVNULL
    )
    with running(process, signal.SIGTERM):
        until(lambda: listens(port))
        yield port


@pytest.mark.parametrize("server", [nginx, apache])
def test_probes_of_a_real_server_are_one_digest_that_says_nothing_needs_to_be_done(
    server: Callable[[Path], AbstractContextManager[int]], tmp_path: Path
) -> None:
    with server(tmp_path) as port, sink() as phone:
        (tmp_path / "kanaria.toml").write_text(
            'store = "store"\nlanguage = "ja"\n[[sources]]\nkind = "file"\npath = "access.log"\n'
            f'[[notify]]\nurl = "{phone.url("/")}"\n[serve]\nlisten = "off"\n'
        )
        with serving(tmp_path) as service:
            for _ in range(5):
                say(port, b"GET / HTTP/1.0\r\nHost: www.example.org\r\n\r")
            for request in SENT:
                say(port, request)
            service.wait_for(lambda: phone.received)
            time.sleep(2.0)  # nothing else comes
            (message,) = (item.content for item in phone.received)
            assert service.end() == 0
    assert message["type"] == "info"
    assert message["title"] == "Kanaria: 対応は必要ありません(記録1件)"
    assert "マイニングプール・プロキシを探す無差別スキャン" in message["message"]
    assert "access.log(11件)" in message["message"]
