"""The evaluation harness itself: thresholds, partial looks, fitting and held-out sources mean what the tables say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection import __main__ as harness
from benchmarks.detection import fit, report, train, variants
from benchmarks.detection.samples import Connection, Source
from benchmarks.detection.simulated import connection
from kanaria.lab.lookalikes import LOOKALIKES
from kanaria.lab.mining import Plan, script


def _miner(seed: int) -> Connection:
    plan = Plan(dialect="cryptonote", wrapping="tls", seconds=1800, share_seconds=25, seed=seed)
    return connection(script(plan), 1800, True, "tcp", "cryptonote tls")


def _other(name: str, seed: int) -> Connection:
    transport, make = LOOKALIKES[name]
    return connection(make(np.random.default_rng(seed), 1800), 1800, False, transport, name)


NAMES = ("mqtt_keepalive", "http_polling", "grpc_stream", "agent_heartbeat")
LEFT = Source("left", "left", (*(_miner(n) for n in range(4)), *(_other(name, 1) for name in NAMES)))
RIGHT = Source("right", "right", (*(_miner(n) for n in range(9, 13)), *(_other(name, 2) for name in NAMES)))


def _held(scores: list[float], mining: list[bool], name: str = "left") -> train.Held:
    ones = tuple(Connection(messages=(), seconds=3600.0, mining=one) for one in mining)
    nothing = fit.Fitted(0.0, {})
    found = np.array(scores)
    return train.Held(
        Source(name, name, ones), nothing, np.arange(len(ones)), found, found, np.zeros(len(ones), dtype=np.int64)
    )


@pytest.mark.parametrize("benign", [10, 1000, 2500])
def test_the_threshold_is_reached_by_no_more_judged_benign_connections_than_wanted(benign: int) -> None:
    held = _held(list(np.random.default_rng(1).normal(0, 1, benign)), [False] * benign)
    # Connections that nobody judged do not make the share smaller.
    unjudged = replace(held, source=replace(held.source, connections=held.source.connections * 9))
    threshold = train.threshold([unjudged])
    reached = int((held.scores >= threshold).sum())
    assert reached == int(benign * train.FALSE_SHARE)
    lower = np.nextafter(np.sort(held.scores)[::-1][reached], -np.inf)
    assert int((held.scores >= lower).sum()) > benign * train.FALSE_SHARE


def test_a_source_is_scored_by_weights_that_never_saw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "STEPS", 200)
    taught: list[list[str]] = []
    learn = train.learn

    def noted(lessons: list[train.Lesson], kind: str) -> fit.Fitted:
        taught.append([lesson.source.name for lesson in lessons])
        return learn(lessons, kind)

    monkeypatch.setattr(train, "learn", noted)
    same_family = replace(LEFT, name="left again")
    held = train.leave_one_out([train.lesson(one, "sequence") for one in (LEFT, same_family, RIGHT)], "sequence")
    assert taught == [["right"], ["right"], ["left", "left again"]]
    assert [len(one.scores) for one in held] == [len(one.which) for one in held]
    for one in held:
        assert one.scores[one.mining].min() > one.scores[~one.mining].max()


def test_signs_only_ever_speak_in_their_own_direction() -> None:
    rng = np.random.default_rng(3)
    mining = rng.random(300) < 0.5
    seen = {"pushes_alike": 1.0 - mining, "echo": mining.astype(float), "thin": mining * rng.random(300)}
    fitted = fit.fit(seen, mining, np.ones(300), train.AGAINST["sequence"])
    assert fitted.bits["pushes_alike"] == 0.0  # it would have to speak against mining
    assert fitted.bits["echo"] == 0.0  # it would have to speak for it
    assert 0 < fitted.bits["thin"] <= fit.LARGEST


def test_an_early_look_sees_fewer_messages_and_proportional_totals() -> None:
    whole = _miner(1)
    early = variants.until(whole, 180.0)
    assert early.seconds == 180.0
    assert all(time <= 180e6 for _, _, time in early.messages)
    assert whole.up_bytes is not None
    assert early.up_bytes == round(whole.up_bytes * 0.1)
    middle = variants.window(whole, 100.0, 400.0)
    assert middle.seconds == 300.0
    assert middle.messages[0][2] >= 0


def test_a_replay_inside_tls_keeps_timing_and_adds_a_record_to_every_message() -> None:
    plain = _miner(2)
    inside = variants.in_tls(plain, "TLS 1.3").messages[-len(plain.messages) :]
    assert {(b[1] - a[1], b[0] == a[0]) for a, b in zip(plain.messages, inside, strict=True)} == {(22, True)}
    assert len({b[2] - a[2] for a, b in zip(plain.messages, inside, strict=True)}) == 1


def test_alerts_are_pinned_to_their_bits_and_claim_no_more_than_was_measured() -> None:
    rng = np.random.default_rng(5)
    scores = [*rng.normal(0, 1, 4000), *rng.normal(9, 1, 400)]
    held = _held(scores, [False] * 4000 + [True] * 400)
    slope, shift = train.pinned([held])
    assert slope * train.threshold([held]) + shift == pytest.approx(train.ALERT)
    hopeless = _held([*rng.normal(0, 1, 4000), *rng.normal(1.5, 1, 400)], [False] * 4000 + [True] * 400)
    slope, shift = train.pinned([hopeless])
    assert slope * train.threshold([hopeless]) + shift < train.ALERT


def test_sentences_count_what_was_judged() -> None:
    held = _held([8.0, 6.0, 9.0, 1.0, 2.0], [True, True, False, False, False])
    assert report.together("All", [held], 7.0) == (
        "All: 1 of 2 judged miners (50.0 %, 1.3–98.7 %), 1 false alarms in 3 judged benign connections (33.33 %, "
        "0.84–90.57 %) and 3 hours of them (8000.0 per 1,000 connection-days, fewer than 32000 at 95 %)."
    )
    assert report.budget(held, 7.0, 2.0) == (
        "left: 1 false alerts in 2 days of a whole network, 0.50 a day against a budget of 1."
    )


def test_bits_are_measured_by_length_of_observation() -> None:
    held = _held([8.0, 6.0, 9.0, 1.0, 2.0], [True, True, False, False, False])
    held = replace(held, length=np.array([0, 2, 2, 0, 2]))
    assert report.lengths([held], 7.0) == [(1, 1, 1, 0), (0, 0, 0, 0), (1, 0, 2, 1)]
    assert report.likelihood(100, 50, 1023, 0) == pytest.approx(10.0)  # half of the miners; half an alarm in 1,024
    assert report.likelihood(100, 100, 0, 0) == pytest.approx(1.0)  # nothing was judged: next to nothing is known


def test_intervals_are_exact() -> None:
    assert report.interval(0, 0) == "–"
    assert report.interval(0, 100, 2) == "0.00–3.62 %"  # 1 - 0.025 ** (1 / 100)
    assert report.interval(100, 100) == "96.4–100.0 %"
    assert report.interval(59, 63) == "84.5–98.2 %"  # Clopper and Pearson's


def test_what_a_veto_decides_teaches_nothing_and_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "STEPS", 100)
    lessons = [train.lesson(one, "sequence") for one in (LEFT, RIGHT)]
    assert all(train.vetoed(one.seen.signs)[~one.mining].any() for one in lessons)
    learned = train.learn(lessons, "sequence")
    assert {learned.bits[name] for name in train.grammar_signs.FIXED} == {train.VETO}
    assert learned.start <= 0  # nothing seen is nothing for mining


def test_somebody_who_watches_is_told_of_every_miner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "STEPS", 200)
    (left, right) = train.leave_one_out([train.lesson(one, "sequence") for one in (LEFT, RIGHT)], "sequence")
    threshold = train.threshold([left, right])
    seconds, needed = train.watch(left, threshold)
    assert all(needed[left.source.mining] > 0)
    assert max(seconds[left.source.mining]) <= 900
    false = int((needed[~left.source.mining] > 0).sum())
    head, _, row = report.while_open([left], threshold).splitlines()
    assert head.startswith("| source (held out) | miners | told of | seconds, median |")
    assert row.startswith("| left | 4 | 4 | ")
    assert row.endswith(f" | 4 | {false} |")
    assert not any(train.watch(left, np.inf)[1])


def test_written_weights_change_bits_and_nothing_else(tmp_path: Path) -> None:
    copy = tmp_path / "grammar.yaml"
    text = harness.WEIGHTS.read_text("utf-8")
    copy.write_text(text, "utf-8")
    harness.write(copy, "sequence", fit.Fitted(-1.25, {"thin": 3.5}))
    before, after = text.splitlines(), copy.read_text("utf-8").splitlines()
    changed = [(b, a) for b, a in zip(before, after, strict=True) if a != b]
    assert [a for _, a in changed] == ["    bits: -1.25", "    bits: 3.50"]
    counted = [(34, 26, 281, 0), (37, 30, 119, 0), (152, 126, 184, 1)]
    harness.write_lengths(copy, counted)
    written = copy.read_text("utf-8")
    assert "126 of 152 miners and 1 of 184 others" in written and "マイナー152件中126件" in written
    with pytest.raises(SystemExit, match="expected one weight"):
        harness.write(copy, "sequence", fit.Fitted(0.0, {"no_such_sign": 1.0}))
