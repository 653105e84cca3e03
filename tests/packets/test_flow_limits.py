"""Where flows end, and what is said when memory limits cost something."""

from __future__ import annotations

import pytest
from build_packets import Reader, conversation, pcap, read_capture
from golden_captures import RDP_FAILED

from kanaria.formats.packets import capture, pooled

HOUR = 3600 * 1_000_000


@pytest.mark.parametrize(("silence", "flows"), [(HOUR - 1000, 1), (HOUR + 1_000_000, 2)])
def test_a_talk_survives_an_hour_of_silence(silence: int, flows: int, read: Reader) -> None:
    frames = conversation([("c", b"a"), ("s", b"b"), ("c", b"a"), ("s", b"b")], close=False)
    times = [*range(0, 5000, 1000), *(silence + 4000 + step for step in (0, 1000))]
    rows, _ = read(pcap(zip(times, frames, strict=True)))
    assert len(rows["connection"]) == flows


def test_an_unanswered_connection_ends_after_five_minutes(read: Reader) -> None:
    syn = conversation([])[0]
    rows, _ = read(pcap([(0, syn), (301_000_000, syn)]))
    assert [row["state"] for row in rows["connection"]] == ["S0", "S0"]


@pytest.mark.parametrize(("close", "result"), [(True, "likely_failure"), (False, "encrypted")])
def test_an_open_remote_desktop_connection_is_no_failure_yet(close: bool, result: str, read: Reader) -> None:
    rows, _ = read(pcap(conversation(RDP_FAILED, dport=3389, close=close)))
    assert rows["rdp"][0]["result"] == result


def _many(count: int, script: list[tuple[str, bytes]]) -> bytes:
    talks = [conversation(script, sport=2000 + number, close=False) for number in range(count)]
    return pcap([talk[step] for step in range(len(talks[0])) for talk in talks])


def _reasons(data: bytes) -> str:
    rows, rejects = read_capture(data)
    assert rows["connection"]
    return "; ".join(reject.reason for reject in rejects)


@pytest.mark.parametrize(
    ("limit", "value", "script", "said"),
    [
        ("PAYLOAD_BUDGET", 1 << 20, [("c", b"\xaa" * 1400)] * 12, "first bytes than usual"),
        ("MESSAGE_CHUNKS", 16, [("c", b"a"), ("s", b"b")], "no further message lengths"),
        ("PAIR_TABLES", 16, [("c", b"a"), ("s", b"b"), ("c", b"a")], "no request and answer pairs"),
        ("MAX_FLOWS", 64, [("c", b"a")], "silent flows were handed out"),
    ],
)  # fmt: skip
def test_a_memory_limit_that_cost_something_is_reported(
    limit: str, value: int, script: list[tuple[str, bytes]], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture, "PLAIN_BYTES", -1)
    monkeypatch.setattr(pooled, limit, value)
    assert said in _reasons(_many(200, script))
    monkeypatch.undo()
    monkeypatch.setattr(capture, "PLAIN_BYTES", -1)
    assert _reasons(_many(200, script)) == ""
