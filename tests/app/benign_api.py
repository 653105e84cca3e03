"""Ordinary API traffic that looks like mining to a careless eye: JSON-RPC, logins, jobs, submits, GraphQL.

Comes in: a number of lines and a seed. Goes out: access-log lines as nginx writes them with ``$request_body`` behind, every
line the legitimate use of some program. The words a miner uses (login, job, submit, subscribe, notify, nonce, work) are all
there; the shapes of Stratum are not.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

START = datetime(2026, 6, 1, tzinfo=UTC)
Body = tuple[str, Any]
"""Path, and what is sent there (None for a GET)."""
WORDS = "alpha beta gamma delta report backup invoice sensor playlist release node".split()


def _rpc(chance: random.Random, method: str, params: object, version: str = "2.0") -> dict[str, Any]:
    return {"jsonrpc": version, "id": chance.randrange(10**6), "method": method, "params": params}


def _hex(chance: random.Random, length: int) -> str:
    return f"{chance.getrandbits(4 * length):0{length}x}"


def _electrum(chance: random.Random) -> Body:
    """Light wallets: https://electrumx.readthedocs.io/en/latest/protocol-methods.html."""
    return "/electrum", chance.choice([
        _rpc(chance, "server.version", ["4.5.5", ["1.4", "1.4.2"]]),
        _rpc(chance, "blockchain.scripthash.subscribe", [_hex(chance, 64)]),
        _rpc(chance, "blockchain.headers.subscribe", []),
        _rpc(chance, "blockchain.transaction.broadcast", [_hex(chance, 400)]),
        _rpc(chance, "mempool.get_fee_histogram", []),
    ])  # fmt: skip


def _ethereum(chance: random.Random) -> Body:
    """Wallets and nodes, without the mining methods."""
    return "/", chance.choice([
        _rpc(chance, "eth_blockNumber", []),
        _rpc(chance, "eth_getBalance", [f"0x{_hex(chance, 40)}", "latest"]),
        _rpc(chance, "eth_call", [{"to": f"0x{_hex(chance, 40)}", "data": f"0x{_hex(chance, 72)}"}, "latest"]),
        _rpc(chance, "eth_sendRawTransaction", [f"0x{_hex(chance, 220)}"]),
        _rpc(chance, "eth_subscribe", ["newHeads"]),
        _rpc(chance, "eth_getTransactionReceipt", [f"0x{_hex(chance, 64)}"]),
    ])  # fmt: skip


def _odoo(chance: random.Random) -> Body:
    return "/jsonrpc", chance.choice([
        _rpc(chance, "call", {"service": "common", "method": "login", "args": ["erp", "anna@shop.example", "secret"]}),
        _rpc(chance, "call", {"service": "object", "method": "execute_kw", "args": ["erp", 2, "x", "res.partner", "search"]}),
    ])  # fmt: skip


def _ubus(chance: random.Random) -> Body:
    """OpenWrt's web interface."""
    return "/ubus", chance.choice([
        _rpc(chance, "call", ["0" * 32, "session", "login", {"username": "root", "password": "secret"}]),
        _rpc(chance, "call", [_hex(chance, 32), "network.interface", "dump", {}]),
    ])  # fmt: skip


def _language_server(chance: random.Random) -> Body:
    return "/lsp", chance.choice([
        _rpc(chance, "initialize", {"processId": 7, "rootUri": "file:///src", "capabilities": {}}),
        _rpc(chance, "textDocument/completion", {"position": {"line": chance.randrange(900), "character": 4}}),
        {"jsonrpc": "2.0", "method": "workspace/didChangeConfiguration", "params": {"settings": {}}},
    ])  # fmt: skip


def _aria2(chance: random.Random) -> Body:
    return "/jsonrpc", chance.choice([
        _rpc(chance, "aria2.addUri", ["token:secret", [f"https://files.example/{chance.choice(WORDS)}.iso"]]),
        _rpc(chance, "aria2.tellActive", ["token:secret", ["gid", "status", "totalLength"]]),
        _rpc(chance, "system.multicall", [[{"methodName": "aria2.getGlobalStat", "params": ["token:secret"]}]]),
    ])  # fmt: skip


def _kodi(chance: random.Random) -> Body:
    return "/jsonrpc", chance.choice([
        _rpc(chance, "Player.GetActivePlayers", []),
        _rpc(chance, "AudioLibrary.GetAlbums", {"limits": {"start": 0, "end": 50}}),
        _rpc(chance, "JSONRPC.Ping", {}),
    ])  # fmt: skip


def _zabbix(chance: random.Random) -> Body:
    return "/zabbix/api_jsonrpc.php", chance.choice([
        _rpc(chance, "user.login", {"username": "monitor", "password": "secret"}),
        _rpc(chance, "host.get", {"output": ["hostid", "host"]}),
        _rpc(chance, "task.create", [{"type": 6, "request": {"itemid": str(chance.randrange(9999))}}]),
    ])  # fmt: skip


def _transmission(chance: random.Random) -> Body:
    return "/transmission/rpc", {
        "method": chance.choice(["torrent-get", "session-stats", "session-get"]),
        "arguments": {"fields": ["id", "name", "percentDone"]},
        "tag": chance.randrange(999),
    }


def _graphql(chance: random.Random) -> Body:
    return "/graphql", chance.choice([
        {"query": "mutation Login($u:String!){login(user:$u){token}}", "variables": {"u": chance.choice(WORDS)}},
        {"query": "query{jobs(state:QUEUED){id result nonce}}", "operationName": None},
        {"operationName": "submit", "query": "mutation submit($id:ID!){submit(id:$id){ok}}", "variables": {"id": _hex(chance, 8)}},
    ])  # fmt: skip


def _kubernetes(chance: random.Random) -> Body:
    name = f"{chance.choice(WORDS)}-{_hex(chance, 6)}"
    return f"/apis/batch/v1/namespaces/{chance.choice(WORDS)}/jobs", {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
        "spec": {"template": {"spec": {"containers": [{"name": "job", "image": f"registry.example/{name}:1"}]}}},
    }  # fmt: skip


def _plain_api(chance: random.Random) -> Body:
    """What people write themselves: logins, work queues, forms, one-time numbers."""
    return chance.choice([
        ("/api/login", {"login": f"{chance.choice(WORDS)}@shop.example", "pass": "secret", "agent": "ShopApp/3.1"}),
        ("/api/worker/job", {"job_id": _hex(chance, 8), "worker": chance.choice(WORDS), "result": "ok"}),
        ("/api/submit", {"id": chance.randrange(99), "form": {"name": chance.choice(WORDS), "nonce": _hex(chance, 10)}}),
        ("/api/notify", {"method": "notify", "params": {"channel": "mail", "to": "team@shop.example"}}),
        ("/api/keepalive", {"method": "ping", "id": chance.randrange(99), "params": []}),
    ])  # fmt: skip


def _pages(chance: random.Random) -> Body:
    word = chance.choice(WORDS)
    return chance.choice([
        ("/", None),
        (f"/wiki/Stratum_{word}", None),
        (f"/search?q={quote('mining.subscribe とは')}", None),
        (f"/blog/xmrig-{word}-explained.html", None),
        (f"/?method=login&params={quote(word)}", None),
    ])  # fmt: skip


def _webhooks(chance: random.Random) -> Body:
    return chance.choice([
        (f"/bot{chance.randrange(10**9)}:x/sendMessage", {"chat_id": chance.randrange(10**9), "text": "job done, result submitted"}),
        ("/hooks/ci", {"object_kind": "pipeline", "builds": [{"id": chance.randrange(10**6), "stage": "submit", "runner": "worker1"}]}),
        ("/mcp", _rpc(chance, "tools/call", {"name": "submit_job", "arguments": {"job_id": _hex(chance, 8)}})),
        ("/rpc", _rpc(chance, "authorize", ["app", "secret"])),
        ("/rpc", _rpc(chance, "job.submit", {"queue": chance.choice(WORDS)})),
    ])  # fmt: skip


PROGRAMS: tuple[Callable[[random.Random], Body], ...] = (
    _electrum, _ethereum, _odoo, _ubus, _language_server, _aria2, _kodi, _zabbix, _transmission, _graphql, _kubernetes,
    _plain_api, _pages, _webhooks,
)  # fmt: skip


def lines(count: int, seed: int = 1) -> Iterator[str]:
    """That many log lines, the same for the same seed."""
    chance = random.Random(seed)
    for number in range(count):
        path, body = chance.choice(PROGRAMS)(chance)
        time = (START + timedelta(seconds=number * 0.5)).strftime("%d/%b/%Y:%H:%M:%S +0000")
        client = f"198.51.100.{chance.randrange(1, 255)}"
        size, status = chance.choice([2, 187, 187, 512, 2048]), chance.choice([200] * 18 + [401, 404])
        request = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1"
        sent = "-" if body is None else json.dumps(body).replace("\\", "\\x5C").replace('"', "\\x22")
        yield f'{client} - - [{time}] "{request}" {status} {size} "-" "app/1.0" "{sent}"\n'


if __name__ == "__main__":
    sys.stdout.writelines(lines(int(sys.argv[1]), int(sys.argv[2])))
