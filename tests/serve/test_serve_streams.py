"""``kanaria serve`` on a topic and a stream of real brokers, killed and with the brokers away: each record counts once."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kanaria.store.incidents import IncidentStore
from tests.brokers import kafka, redis_server
from tests.running import PATIENCE
from tests.serve.serving import run, serving

SETTINGS = """store = "store"
language = "en"
[serve]
listen = "off"
[[sources]]
kind = "kafka"
brokers = "{kafka}"
topics = ["web-*"]
[[sources]]
kind = "redis"
url = "env:TEST_REDIS"
streams = ["web"]
"""
LINES, PROBE_EVERY, SENDERS, KILLS, PARTS = 3_600, 10, 40, 3, 4


def line(number: int, net: int) -> str:
    """An access log's line; every tenth is a miner's login that nobody else makes."""
    when = f"21/Jun/2026:{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d} +0000"
    if number % PROBE_EVERY:
        return f'198.51.100.7 - - [{when}] "GET /page/{number} HTTP/1.1" 200 512 "-" "curl/8.5"'
    request = f'{{\\"id\\":1,\\"method\\":\\"mining.authorize\\",\\"params\\":[\\"n{net}w{number}\\",\\"x\\"]}}'
    sender = f"203.0.{net}.{number // PROBE_EVERY % SENDERS + 1}"
    return f'{sender} - - [{when}] "{request}" 400 150 "-" "-"'


def probes(folder: Path) -> Counter[str]:
    """How often each login stands in an incident."""
    with IncidentStore(folder / "store") as store:
        return Counter(m["worker"] for kept in store.all() for m in kept.document["messages"])


def read(folder: Path) -> dict[str, int]:
    """How many lines of each place are kept as read."""
    with IncidentStore(folder / "store") as store:
        places = store.state().get("live", {"content": {"positions": {}}})["content"]["positions"]
    return {place: at["lines"] for positions in places.values() for place, at in positions.items()}


@pytest.mark.slow
def test_every_record_counts_once_through_kills_and_brokers_that_go_away(tmp_path: Path) -> None:
    confluent_kafka = pytest.importorskip("confluent_kafka")
    redis = pytest.importorskip("redis")
    for name in ("kafka", "redis"):
        (tmp_path / name).mkdir()
    with kafka(tmp_path / "kafka") as topics, redis_server(tmp_path / "redis", "--appendfsync", "everysec") as streams:
        (tmp_path / "kanaria.toml").write_text(SETTINGS.format(kafka=topics.address))
        url = {"TEST_REDIS": f"redis://{streams.address}/0"}
        producer = confluent_kafka.Producer({"bootstrap.servers": topics.address, "linger.ms": 5, "log_level": 0})
        stream = redis.Redis(port=streams.port)

        def send(begin: int, end: int) -> None:
            with stream.pipeline(transaction=False) as piped:
                for number in range(begin, end):
                    value = json.dumps({"file": "/var/log/nginx/access.log", "message": line(number, 1)})
                    producer.produce(f"web-{number % 2}", value.encode(), partition=0)
                    piped.xadd("web", {"line": line(number, 2).encode()})
                piped.execute()
            assert producer.flush(PATIENCE) == 0

        draw, sent = random.Random(7), 0
        for _kill in range(KILLS):
            with serving(tmp_path, **url) as service:
                for _part in range(PARTS):
                    send(sent, sent + LINES // (KILLS * PARTS))
                    sent += LINES // (KILLS * PARTS)
                    time.sleep(draw.uniform(0.1, 1.2))
                service.kill()
        assert topics.process is not None
        with serving(tmp_path, **url) as service:
            topics.process.send_signal(signal.SIGSTOP)  # it answers nobody, and keeps what it has
            streams.kill()
            time.sleep(3.0)
            streams.start()
            topics.process.send_signal(signal.SIGCONT)
            more = LINES // 10
            send(sent, sent + more)
            sent += more
            expected = Counter(f"n{net}w{number}" for net in (1, 2) for number in range(0, sent, PROBE_EVERY))
            service.wait_for(lambda: probes(tmp_path) == expected)
            said = run(tmp_path, "doctor", "--config", "kanaria.toml", **url).stdout
            assert "lost" not in said and "cannot be read" not in said, said
            assert "source kafka web-*: " in run(tmp_path, "status", "--config", "kanaria.toml", **url).stdout
            assert service.end() == 0
        stream.close()
    assert probes(tmp_path) == expected
    assert read(tmp_path) == {
        "web-0/0 /var/log/nginx/access.log": sent // 2, "web-1/0 /var/log/nginx/access.log": sent // 2, "web": sent,
    }  # fmt: skip


def test_a_record_that_no_format_can_read_is_kept_with_its_offset(tmp_path: Path) -> None:
    confluent_kafka = pytest.importorskip("confluent_kafka")
    with kafka(tmp_path) as topics:
        (tmp_path / "kanaria.toml").write_text(
            f'store = "store"\n[serve]\nlisten = "off"\n[[sources]]\nkind = "kafka"\nname = "zeek"\nbrokers = "{topics.address}"\n'
            'topics = ["dns"]\nformat = "zeek-json"\n'
        )
        producer = confluent_kafka.Producer({"bootstrap.servers": topics.address, "log_level": 0})
        row: dict[str, Any] = {
            "_path": "dns",
            "ts": 1782000000.5,
            "uid": "C1",
            "id.orig_h": "192.0.2.5",
            "id.orig_p": 5353,
        }
        row |= {"id.resp_h": "192.0.2.53", "id.resp_p": 53, "proto": "udp", "query": "host.example"}
        for value in (json.dumps(row).encode(), b"\0avro", b'{"_path": "dns", "ts": \xff', json.dumps(row).encode()):
            producer.produce("dns", value, partition=0)
        assert producer.flush(20) == 0
        kept = tmp_path / "store" / "rejected.jsonl"
        with serving(tmp_path) as service:
            service.wait_for(lambda: kept.exists() and kept.read_text().count("\n") >= 2)
            assert service.end() == 0
    letters = [json.loads(line) for line in kept.read_text().splitlines()]
    assert {(letter["source"], letter["origin"]) for letter in letters} == {
        ("zeek dns/0", "offset 1"), ("zeek dns/0", "offset 2"),
    }  # fmt: skip


def test_settings_are_checked_and_their_secrets_not_shown(tmp_path: Path) -> None:
    pytest.importorskip("confluent_kafka")
    pytest.importorskip("redis")
    head = 'store = "store"\n[[notify]]\nurl = "json://127.0.0.1:9/"\n[[sources]]\n'

    def checked(source: str, *arguments: str, **environment: str) -> str:
        (tmp_path / "kanaria.toml").write_text(head + source)
        done = run(tmp_path, *arguments, "check-config", "--config", "kanaria.toml", **environment)
        assert done.returncode in {0, 1, 2} and "Traceback" not in done.stderr
        return done.stdout + done.stderr

    kafka_source = 'kind = "kafka"\nbrokers = "127.0.0.1:9"\ntopics = ["a", "b"]\n'
    assert "source kafka a,b (kafka)" in checked(kafka_source)
    assert "topics for a source of kind kafka" in checked('kind = "kafka"\nbrokers = "127.0.0.1:9"\n')
    assert "environment variable NOWHERE" in checked(kafka_source + 'options = { "sasl.password" = "env:NOWHERE" }\n')
    wrong = checked(kafka_source + 'options = { "sasl.pasword" = "env:TEST_SAID" }\n', TEST_SAID="hunter2")
    assert 'No such configuration property: "sasl.pasword"' in wrong and "hunter2" not in wrong
    assert "not Kanaria's own to set" in checked(kafka_source + 'options = { "enable.auto.commit" = "true" }\n')
    shown = checked('kind = "redis"\nurl = "env:TEST_SAID"\nstreams = ["a"]\n', TEST_SAID="hunter2@x")
    assert "redis://host:port/number" in shown and "hunter2" not in shown


@pytest.mark.parametrize(("kind", "package"), [("kafka", "confluent_kafka"), ("redis", "redis")])
def test_without_the_extra_the_way_to_get_it_is_said(kind: str, package: str, tmp_path: Path) -> None:
    sources = {
        "kafka": 'kind = "kafka"\nbrokers = "127.0.0.1:9"\ntopics = ["a"]\n',
        "redis": 'kind = "redis"\nurl = "redis://127.0.0.1:9"\nstreams = ["a"]\n',
    }
    (tmp_path / "kanaria.toml").write_text(f'store = "store"\nlanguage = "ja"\n[[sources]]\n{sources[kind]}')
    (tmp_path / f"{package}.py").write_text("raise ImportError\n")
    for command in ("serve", "check-config"):
        done = subprocess.run(
            [sys.executable, "-m", "kanaria", command, "--config", "kanaria.toml"], cwd=tmp_path, capture_output=True,
            text=True, timeout=120, check=False, env={"PYTHONPATH": str(tmp_path), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode != 0 and "Traceback" not in said
        assert package.replace("_", "-") in said and "install" in said and "からの読み取り" in said, said
