"""Scripted protocols keep what their own words promise: who speaks, how much, how often; a look-alike that lost its
trait would no longer test the detector it was made for."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from kanaria.lab.lookalikes import LOOKALIKES
from kanaria.lab.pushes import PUSHES, TEXT
from kanaria.lab.scenario import Message

Script = tuple[Message, ...]
HOUR = 3600.0
MAKERS: dict[str, Callable[[np.random.Generator, float], Script]] = {
    **{name: make for name, (_, make) in LOOKALIKES.items()},
    **PUSHES,
}


@cache
def script(name: str, seed: int = 3, seconds: float = HOUR) -> Script:
    return MAKERS[name](np.random.default_rng(seed), seconds)


def sizes(sent: Script, *, up: bool) -> list[int]:
    return [len(m.data) for m in sent if m.from_client == up]


def gaps(sent: Script, size: int, *, up: bool) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Seconds between messages of one length from one side."""
    return np.diff([m.time for m in sent if m.from_client == up and len(m.data) == size])


class TestAllOfThem:
    """What holds for every scripted protocol."""

    @pytest.mark.parametrize("name", sorted(PUSHES))
    def test_the_same_dice_give_the_same_messages(self, name: str) -> None:
        assert MAKERS[name](np.random.default_rng(3), 1200) == script(name, seconds=1200)

    @pytest.mark.parametrize("name", sorted(MAKERS))
    def test_other_dice_give_other_bytes(self, name: str) -> None:
        assert script(name, seed=1, seconds=120) != script(name, seed=2, seconds=120)

    @pytest.mark.parametrize("name", sorted(MAKERS))
    def test_messages_are_in_order_and_none_is_empty_or_before_the_start(self, name: str) -> None:
        sent = script(name, seconds=1200)
        assert all(m.data for m in sent)
        assert sent[0].time >= 0
        assert [m.time for m in sent] == sorted(m.time for m in sent)

    @pytest.mark.parametrize("name", sorted(set(MAKERS) - {"game"}))
    def test_it_goes_on_until_the_end_and_not_beyond(self, name: str) -> None:
        """Nothing runs dry in the middle; answers to the last question may come a little later."""
        assert 600 < script(name, seconds=1200)[-1].time < 1260

    @pytest.mark.parametrize("name", sorted(set(MAKERS) - {"server_sent_events"}))
    def test_both_sides_speak(self, name: str) -> None:
        speakers = Counter(m.from_client for m in script(name, seconds=1200))
        assert speakers[True] and speakers[False]

    def test_names_are_not_given_twice(self) -> None:
        assert not set(LOOKALIKES) & set(PUSHES)
        assert set(PUSHES) >= TEXT

    @pytest.mark.parametrize("name", sorted(MAKERS))
    def test_each_says_what_it_is(self, name: str) -> None:
        assert (MAKERS[name].__doc__ or "").strip()
        assert MAKERS[name].__name__ == name


class TestLengths:
    """Lengths that the words name."""

    @pytest.mark.parametrize(
        ("name", "up", "size", "share"),
        [
            ("ssh_keystrokes", True, 36, 1.0),
            ("mqtt_keepalive", True, 31, 1.0),
            ("mqtt_keepalive", False, 31, 1.0),
            ("log_shipper", False, 28, 1.0),
            ("ntp", True, 48, 1.0),
            ("ntp", False, 48, 1.0),
            ("agent_heartbeat", False, 46, 1.0),
            ("vpn_keepalive", False, 92, 1.0),
            ("vpn_keepalive", True, 32, 0.7),
            ("replication", True, 61, 1.0),
            ("task_queue", True, 43, 0.6),
            ("long_poll", True, 92, 1.0),
            ("mqtt_commands", False, 4, 0.1),
            ("message_queue", True, 21, 0.4),
            ("grpc_stream", True, 35, 0.3),
            ("two_part_answers", False, 35, 0.45),
            ("two_part_answers", True, 172, 0.45),
            ("http_polling", False, 260, 0.85),
        ],
    )
    def test_a_side_says_that_length_so_often(self, name: str, up: bool, size: int, share: float) -> None:
        said = sizes(script(name), up=up)
        assert said.count(size) / len(said) >= share

    @pytest.mark.parametrize(
        ("name", "up", "least", "most"),
        [
            ("mqtt_telemetry", True, 31, 134),
            ("agent_heartbeat", True, 410, 416),
            ("agent_with_commands", True, 1, 50_000),
            ("imap_idle", False, 34, 55),
            ("chat", True, 29, 20_000),
            ("ntp", True, 48, 48),
            ("http_polling", True, 620, 623),
            ("xmpp", True, 34, 20_000),
            ("server_sent_events", True, 420, 420),
            ("mobile_push", False, 18, 1_080),
            ("ticker", False, 35, 2_000),
            ("polled_by_server", True, 40, 703),
        ],
    )
    def test_lengths_stay_in_their_range(self, name: str, up: bool, least: int, most: int) -> None:
        said = sizes(script(name), up=up)
        assert least <= min(said) <= max(said) <= most

    def test_cells_of_an_anonymity_network_are_one_two_or_three(self) -> None:
        assert {len(m.data) for m in script("fixed_cells", seconds=1200)} == {22 + 514 * cells for cells in (1, 2, 3)}

    def test_a_chat_is_of_all_lengths(self) -> None:
        assert len(set(sizes(script("chat"), up=True))) > 40

    @pytest.mark.parametrize("name", ["log_shipper", "replication", "push_service", "xmpp", "trading_feed"])
    def test_lengths_vary_where_content_does(self, name: str) -> None:
        assert len(set(sizes(script(name), up=False) + sizes(script(name), up=True))) > 8

    def test_a_development_chain_has_heads_of_one_length(self) -> None:
        heads = [size for size in sizes(script("development_chain", seconds=1200), up=False) if size > 1_000]
        assert len(heads) > 300
        assert max(heads) - min(heads) <= 1


class TestRhythm:
    """Times that the words name, in seconds."""

    @pytest.mark.parametrize(
        ("name", "size", "up", "every"),
        [
            ("mqtt_keepalive", 31, True, 60), ("vpn_keepalive", 32, True, 25), ("vpn_keepalive", 92, False, 120),
            ("ntp", 48, True, 64), ("agent_heartbeat", 46, False, 30), ("replication", 61, True, 10),
            ("imap_idle", 28, True, 540), ("push_service", 53, True, 280), ("dashboard", 28, True, 30),
            ("ticker", 35, True, 20), ("node_gossip", 32, True, 120), ("chat", 29, True, 30),
        ],
    )  # fmt: skip
    def test_what_is_regular_comes_as_often_as_said(self, name: str, size: int, up: bool, every: float) -> None:
        between = gaps(script(name), size, up=up)
        assert float(np.median(between)) == pytest.approx(every, rel=0.03)

    @pytest.mark.parametrize(
        ("name", "up", "mean"),
        [
            ("mqtt_telemetry", True, 15), ("log_shipper", True, 15), ("ticker", False, 1 / (1 / 1.5 + 1 / 20)), ("replication", False, 0.8),
            ("task_queue", False, 12), ("two_part_answers", True, 12.5), ("push_service", False, 117),
        ],
    )  # fmt: skip
    def test_what_comes_by_chance_comes_as_often_as_said(self, name: str, up: bool, mean: float) -> None:
        """Mean seconds between messages of that side, over two hours; four standard deviations."""
        count = len(sizes(script(name, seconds=2 * HOUR), up=up))
        wanted = 2 * HOUR / mean
        assert abs(count - wanted) < 4 * (2 * wanted) ** 0.5

    @pytest.mark.parametrize("name", ["mqtt_telemetry", "log_shipper", "two_part_answers"])
    def test_every_report_is_answered_at_once(self, name: str) -> None:
        """A look-alike of shares and receipts: as many answers as questions, each within a second."""
        sent = script(name)
        asked = [m.time for m in sent if m.from_client]
        told = [m.time for m in sent if not m.from_client]
        assert len(asked) == len(told)
        assert max(b - a for a, b in zip(asked, told, strict=True)) < 1

    def test_a_device_that_is_asked_never_speaks_first(self) -> None:
        sent = script("polled_by_server")
        assert [m.from_client for m in sent] == [False, True] * (len(sent) // 2)

    def test_a_page_that_listens_asks_once(self) -> None:
        sent = script("server_sent_events")
        assert [m.from_client for m in sent[:2]] == [True, False]
        assert not any(m.from_client for m in sent[1:])

    def test_a_game_is_twenty_inputs_a_second(self) -> None:
        sent = script("game", seconds=10)
        assert len(sizes(sent, up=True)) == pytest.approx(200, abs=2)

    def test_keys_come_in_bursts_and_are_echoed(self) -> None:
        sent = script("ssh_keystrokes")
        keys = np.diff([m.time for m in sent if m.from_client])
        assert (keys < 1).mean() > 0.8
        assert keys.max() > 20
        assert sizes(sent, up=False).count(36) >= len(sizes(sent, up=True))

    def test_a_long_poll_is_never_asked_twice_before_the_answer(self) -> None:
        sent = script("long_poll")
        assert all(a.from_client != b.from_client for a, b in itertools.pairwise(sent))

    @pytest.mark.parametrize("name", ["notices", "call_signalling", "mobile_push"])
    def test_what_is_quiet_stays_quiet(self, name: str) -> None:
        """Fewer than two messages a second on average, at any of ten seeds."""
        for seed in range(10):
            assert len(script(name, seed=seed)) < 2 * HOUR

    def test_a_tunnel_pings_at_one_length(self) -> None:
        ((size, count),) = Counter(sizes(script("vpn_over_tcp"), up=True)).most_common(1)
        assert 42 <= size <= 81
        assert count >= HOUR / 30 - 2
