"""What the laboratory speaks is what Kanaria reads: every message of every dialect is recognised as that dialect's, in
its direction, with its coin; every wrapping comes off; the connection log is read as the sensor's it imitates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core.types import StratumMessage
from kanaria.formats import registry
from kanaria.lab import desktop, framing, zeek_log
from kanaria.lab.dialects import DIALECTS, Dialect
from kanaria.lab.mining import WRAPPINGS, Plan, script
from kanaria.lab.scenario import Message
from kanaria.mining.stratum import decode, decode_stream
from kanaria.mining.websocket import unframe
from tests.reading_formats import read_all

CALLED = {
    "stratum_v1": "stratum_v1", "cryptonote": "cryptonote", "eth_proxy": "eth_proxy",
    "ethereum_stratum": "ethereum_stratum", "zcash": "zcash", "kawpow": "kawpow", "browser": "websocket",
}  # fmt: skip
"""The lab's name of a dialect: the decoder's."""
SUBSCRIBES_LIKE_BITCOIN = {"kawpow", "zcash"}
"""Their logins do not differ from Bitcoin's; jobs and shares do."""


def dice(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def only(data: bytes, direction: Any = "unknown") -> StratumMessage:
    (found,) = decode(data, direction=direction)
    return found


def steady(speaks: Dialect) -> Iterator[tuple[str, bool, bytes]]:
    """Each kind of message of the steady part: what it is, who says it, the bytes."""
    yield "job", False, speaks.job(dice(), 1)
    yield "share", True, speaks.share(dice(), 1)
    if speaks.beat:
        yield "beat", True, speaks.beat(dice(), 1)[0]
    if speaks.poll:
        yield "poll", True, speaks.poll(dice(), 1)


STEADY = [
    pytest.param(name, up, data, id=f"{name} {kind}")
    for name, speaks in DIALECTS.items()
    for kind, up, data in steady(speaks)
]


class TestDialects:
    def test_every_dialect_of_the_lab_has_its_name_in_the_decoder(self) -> None:
        assert set(CALLED) == set(DIALECTS)

    @pytest.mark.parametrize(("name", "up", "data"), STEADY)
    def test_each_kind_of_message_is_told_by_itself(self, name: str, up: bool, data: bytes) -> None:
        found = only(data)
        assert found.dialect == CALLED[name]
        assert found.direction == ("client" if up else "server")

    @pytest.mark.parametrize("name", sorted(DIALECTS))
    def test_the_opening_is_a_login_and_a_job(self, name: str) -> None:
        opening = DIALECTS[name].opening(dice())
        client = b"".join(data + b"\n" for up, data in opening if up)
        server = b"".join(data + b"\n" for up, data in opening if not up)
        found = decode_stream(client, server)
        assert {one.direction for one in found} == {"client", "server"}
        assert CALLED[name] in {one.dialect for one in found}

    @pytest.mark.parametrize("name", sorted(DIALECTS))
    def test_a_conversation_in_the_clear_is_read_whole(self, name: str) -> None:
        plan = Plan(dialect=name, seconds=900, share_seconds=20)
        sent = script(plan)
        client = b"".join(m.data for m in sent if m.from_client)
        server = b"".join(m.data for m in sent if not m.from_client)
        found = decode_stream(client, server)
        counted = sum(int(one.fields.get("count", "1")) for one in found if one.direction == "client")
        said = sum(m.from_client for m in sent) - (1 if plan.speaks.websocket else 0)
        assert counted >= said
        if name not in SUBSCRIBES_LIKE_BITCOIN:
            assert {one.dialect for one in found if one.direction == "client"} <= {CALLED[name], "stratum_v1"}

    @pytest.mark.parametrize("name", sorted(set(DIALECTS) - {"browser"}))
    def test_a_message_is_one_line_of_json(self, name: str) -> None:
        for _kind, _up, data in steady(DIALECTS[name]):
            assert data.count(b"\n") == 1 and data.endswith(b"\n")
            assert isinstance(json.loads(data), dict)

    @pytest.mark.parametrize("name", sorted(DIALECTS))
    def test_ids_grow_with_the_number_where_the_dialect_counts(self, name: str) -> None:
        speaks = DIALECTS[name]
        first, second = (json.loads(speaks.share(dice(), number)) for number in (0, 9))
        if name in ("eth_proxy", "browser"):
            assert first.get("id") == second.get("id")
        else:
            assert second["id"] - first["id"] == 9

    @pytest.mark.parametrize("name", sorted(DIALECTS))
    def test_nobody_real_is_paid(self, name: str) -> None:
        """A wallet of the lab has no valid checksum, whatever the dice say."""
        for seed in range(12):
            for up, data in DIALECTS[name].opening(dice(seed)):
                for one in decode(data, direction="client" if up else "server"):
                    assert one.wallet_valid is not True, one


class TestWrappings:
    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.binary(min_size=1, max_size=400), min_size=1, max_size=12), st.booleans())
    def test_frames_come_off(self, texts: list[bytes], up: bool) -> None:
        said = tuple(Message(float(at), up, data) for at, data in enumerate(texts))
        framed = framing.websocket(said, dice())
        stream = b"".join(m.data for m in framed if m.from_client == up)
        assert unframe(stream) == b"".join(data + b"\n" for data in texts)

    @pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536])
    @pytest.mark.parametrize("masked", [True, False], ids=["client", "server"])
    def test_a_frame_of_every_kind_of_length_comes_off(self, size: int, masked: bool) -> None:
        data = bytes(65 + n % 26 for n in range(size))
        assert unframe(framing.frame(data, dice() if masked else None)) == data + b"\n"

    @pytest.mark.parametrize("wrapping", sorted(WRAPPINGS))
    def test_nothing_is_said_before_its_time(self, wrapping: str) -> None:
        """A wrapping adds messages and delays; it never lets the last word come earlier."""
        plan = Plan(dialect="cryptonote", seconds=600, share_seconds=15)
        plain, wrapped = (
            script(plan),
            script(Plan(dialect="cryptonote", seconds=600, share_seconds=15, wrapping=wrapping)),
        )
        assert len(wrapped) >= len(plain)
        assert wrapped[-1].time >= plain[-1].time - 1

    @pytest.mark.parametrize("wrapping", sorted(set(WRAPPINGS) - {"tcp"}))
    def test_nothing_readable_is_left(self, wrapping: str) -> None:
        sent = script(Plan(dialect="cryptonote", seconds=300, wrapping=wrapping))
        client = b"".join(m.data for m in sent if m.from_client)
        server = b"".join(m.data for m in sent if not m.from_client)
        assert b'"method"' not in client + server
        assert decode_stream(client, server) == ()

    def test_in_the_clear_everything_is(self) -> None:
        sent = script(Plan(dialect="cryptonote", seconds=300, wrapping="tcp"))
        assert b'"method":"login"' in b"".join(m.data for m in sent)

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 20_000), st.sampled_from(["1.2", "1.3"]))
    def test_tls_hides_the_length_by_its_overhead_alone(self, size: int, version: str) -> None:
        (body,) = framing.tls((Message(0, True, bytes(size)),), dice(), version=version)[3:]
        records = max(1, -(-size // (1 << 14)))
        assert len(body.data) == size + records * framing.TLS_OVERHEAD[version]

    @pytest.mark.parametrize("sni", ["pool.example.net", "a.example", "x" * 200 + ".example"])
    def test_a_server_name_stands_in_the_hello_where_the_extension_puts_it(self, sni: str) -> None:
        hello = framing.tls((Message(0, True, b"x"),), dice(), sni=sni)[0].data
        body = hello[5 + 4 :]
        session = body[34]
        at = 35 + session
        at += 2 + int.from_bytes(body[at : at + 2], "big")
        at += 1 + body[at]
        assert int.from_bytes(body[at : at + 2], "big") == len(body) - at - 2
        extension = body[at + 2 :]
        assert extension[:2] == b"\0\0"
        assert extension[9 : 9 + int.from_bytes(extension[7:9], "big")] == sni.encode()

    def test_a_tunnel_speaks_in_blocks_of_sixteen(self) -> None:
        said = tuple(Message(float(n), bool(n % 2), bytes(1 + 97 * n)) for n in range(40))
        assert {len(m.data) % 16 for m in framing.tunnelled(said, dice())} == {0}

    def test_a_tunnel_keeps_alive_while_nothing_is_said(self) -> None:
        said = (Message(0.0, True, b"a"), Message(500.0, True, b"b"))
        alive = [m.time for m in framing.tunnelled(said, dice(), keepalive=50) if len(m.data) == 32]
        assert alive == [50.0 * n for n in range(1, 10)]

    def test_an_empty_conversation_stays_empty_in_a_tunnel(self) -> None:
        assert framing.tunnelled((), dice()) == ()

    def test_padding_of_nothing_changes_nothing(self) -> None:
        said = (Message(0.0, True, b"abc"), Message(1.0, False, b"d"))
        assert framing.padded(said, dice()) == said


class TestRemoteDesktop:
    @pytest.mark.parametrize("cookie", ["hello", "Administrator", "a", "ユーザー", "x" * 100])
    def test_a_request_says_how_long_it_is(self, cookie: str) -> None:
        asked = desktop.request(cookie)
        assert asked[0] == 3
        assert int.from_bytes(asked[2:4], "big") == len(asked)
        assert asked[4] == len(asked) - 5
        assert asked[5] == 0xE0
        assert f"Cookie: mstshash={cookie}\r\n".encode() in asked

    def test_the_answer_grants_what_was_asked_for(self) -> None:
        assert int.from_bytes(desktop.ANSWER[2:4], "big") == len(desktop.ANSWER)
        assert desktop.ANSWER[5] == 0xD0
        assert desktop.ANSWER[-4:] == bytes.fromhex("02000000")  # CredSSP

    def test_a_right_and_a_wrong_password_differ_in_the_last_answer_alone(self) -> None:
        right, wrong = desktop.logon(granted=True), desktop.logon(granted=False)
        assert right[:3] == wrong[:3]
        assert right[3][0] is wrong[3][0] is False
        assert right[3][1] > wrong[3][1]


def _row(**more: Any) -> dict[str, Any]:
    blank: dict[str, Any] = {
        "time": datetime(2026, 1, 5, 9, 0, tzinfo=UTC), "src_ip": "192.0.2.10", "src_port": 50_000,
        "dst_ip": "198.51.100.20", "dst_port": 443, "transport": "tcp", "src_payload": 100, "dst_payload": 2_000,
        "state": "SF", "src_packets": 5, "dst_packets": 7, "src_bytes": 360, "dst_bytes": 2_400, "community_id": None,
        "service": None, "duration_us": 1_500_000,
    }  # fmt: skip
    return {**blank, **more}


def _read_back(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = read_all(registry.get("zeek-json"), "".join(zeek_log.lines(rows)).encode(), "conn.log")
    assert not found.rejects
    table: list[dict[str, Any]] = found.tables["connection"].to_pylist()
    return table


class TestConnectionLog:
    @pytest.mark.parametrize(
        "more",
        [
            {}, {"transport": "udp", "dst_port": 53, "service": "dns"}, {"service": "tls"}, {"duration_us": None},
            {"duration_us": 0}, {"src_ip": "2001:db8::1", "dst_ip": "2001:db8::2"}, {"state": "S0", "dst_packets": 0},
            {"community_id": "1:LQU9qZlK+B5F3KDmev6m5PMibrg="}, {"src_payload": 0, "dst_payload": 0},
            {"time": datetime(2026, 12, 31, 23, 59, 59, 250_000, tzinfo=UTC)}, {"duration_us": 9_000_000_000},
        ],
        ids=lambda more: " ".join(map(str, more)) or "plain",
    )  # fmt: skip
    def test_what_was_written_is_read(self, more: dict[str, Any]) -> None:
        row = _row(**more)
        (found,) = _read_back([row])
        for name in ("src_ip", "dst_ip", "src_port", "dst_port", "transport", "state", "duration_us", "service"):
            assert found[name] == row[name], name
        assert abs(found["time"] - row["time"]) < timedelta(microseconds=2)
        for name in ("src_payload", "dst_payload", "src_packets", "dst_packets", "src_bytes", "dst_bytes"):
            assert found[name] == row[name], name

    def test_services_are_called_as_the_sensor_calls_them(self) -> None:
        said = [
            json.loads(line).get("service") for line in zeek_log.lines([_row(service=s) for s in ("tls", "dns", None)])
        ]
        assert said == ["ssl", "dns", None]

    def test_every_connection_has_an_id_of_its_own(self) -> None:
        said = [json.loads(line)["uid"] for line in zeek_log.lines([_row()] * 50)]
        assert len(set(said)) == 50

    def test_no_connection_gives_no_line(self) -> None:
        assert list(zeek_log.lines([])) == []
