"""Which open flows a live capture reports, how often, and that their rows are marked as such."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import numpy as np
import pytest
from build_packets import MemoryStream, conversation, pcap

from kanaria.core.stream import ReadContext
from kanaria.core.types import Batch
from kanaria.formats.packets import capture, pooled, track
from kanaria.formats.packets import layout as L
from kanaria.formats.packets.flowset import FlowSet

SECOND = 1_000_000


def reports(times: Iterable[int], script: list[tuple[str, bytes]], *, sweeps: Iterable[int]) -> list[tuple[int, int]]:
    """(seconds, messages) of every report of one open flow whose payload packets come at ``times`` (seconds)."""
    from kanaria.formats.packets import decode, walk
    from kanaria.formats.packets.container import PcapReader

    frames = conversation(script, close=False)
    at = [0, 0, 0, *times]
    tracker, seen = pooled.PooledTracker(), []
    packets = np.zeros(1, L.PACKET)
    due = sorted({*sweeps, *at})
    for now in due:
        for when, frame in zip(at, frames, strict=True):
            if when != now:
                continue
            data = np.frombuffer(pcap([(when * SECOND, frame)]), np.uint8)
            reader = PcapReader(walk.walk_pcap)
            count, _ = reader.scan(data, 0, len(data), True)
            decode.decode_block(data, reader.records, count, packets)
            list(tracker.packets(data, packets, count, 1))
        tracker.advance(tracker.state.flows["start"].max() + now * SECOND)
        for flows in tracker.sweep(capture.FIRST_REPORT, capture.REPORT_INTERVAL):
            assert isinstance(flows, FlowSet)
            if flows.open.all():
                seen.append((now, int(flows.flows["messages"][0].sum())))
    return seen


def test_a_talk_is_reported_when_it_has_grown_by_a_quarter_and_once_it_can_be_judged_every_few_seconds() -> None:
    script = [("c", b"ask"), ("s", b"answer")] * 60
    told = reports(range(1, 121), script, sweeps=range(130))
    assert told[0] == (2, 2)
    settled, soon = track.SETTLED // SECOND, track.SOON // SECOND
    for (when, count), (then, grown) in itertools.pairwise(told):
        assert grown * 4 >= count * 5 or (then >= settled and then - when >= soon)
    early = [when for when, _ in told if when < settled]
    assert 5 <= len(early) <= 12
    assert len(told) - len(early) <= (120 - settled) / soon + 1


def test_when_messages_are_kept_no_longer_only_a_doubled_age_counts() -> None:
    script = [("c", b"ask"), ("s", b"answer")] * 200
    told = reports(range(1, 401), script, sweeps=range(410))
    late = [when for when, count in told if count > L.MESSAGES]
    assert len(late) <= 2


def test_silence_and_one_sided_flows_are_not_reported() -> None:
    assert reports(range(1, 40), [("c", b"x")] * 39, sweeps=range(90)) == []
    told = reports([1, 1], [("c", b"ask"), ("s", b"answer")], sweeps=range(600))
    assert told == [(2, 2)]


def test_a_transfer_is_not_reported_and_what_became_thin_again_is() -> None:
    page = [("c", b"ask"), *[("s", b"x" * 1400)] * 40]
    assert reports([1] * 41, page, sweeps=range(8)) == []
    assert reports([1] * 41, page, sweeps=range(60))[0] == (10, 2)


def test_rows_of_open_flows_come_in_batches_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "LIVE_WAIT", 0.0)
    monkeypatch.setattr(capture, "FIRST_REPORT", 0)
    frames = conversation([("c", b"ask"), ("s", b"answer")], close=False)

    def batches(*, wanted: bool) -> list[Batch]:
        return list(capture.PcapFormat().read(MemoryStream(pcap(frames), size=None), ReadContext(open_flows=wanted)))

    interim = [batch for batch in batches(wanted=True) if batch.interim]
    final = [batch for batch in batches(wanted=True) if not batch.interim and "connection" in batch.tables]
    (row,) = interim[0].tables["connection"].to_pylist()
    (last,) = final[0].tables["connection"].to_pylist()
    assert (row["open"], last["open"]) == (True, False)
    assert row["event_id"] == last["event_id"]
    assert sum(batch.rows for batch in interim) == 0
    assert not [batch for batch in batches(wanted=False) if batch.interim]
