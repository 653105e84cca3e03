"""The sentences, word for word in both languages, and the columns around them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kanaria.core import schema
from kanaria.core.facts import Knowledge
from kanaria.mining import grammar, grammar_signs

Judge = Callable[..., Any]


def _session() -> list[tuple[bool, int, float]]:
    """78 shares of 184 bytes by chance, each answered after 38 ms; 41 jobs. Nearly two hours."""
    rng = np.random.default_rng(4)
    shares = 3 + np.cumsum(rng.gamma(1.0, 49.0, 78))
    jobs = 5 + np.cumsum(rng.gamma(1.0, 92.0, 41))
    sent = [(True, 489, 0.1), (False, 418, 0.3)]
    sent += [item for at in shares for item in ((True, 184, float(at)), (False, 64, float(at) + 0.038))]
    return sorted(sent + [(False, 378, float(at)) for at in jobs], key=lambda item: item[2])


def test_the_whole_sentence(judge: Judge, facts: Knowledge) -> None:
    said = judge(_session(), seconds=6840.0)
    assert said.en is not None and said.ja is not None
    pattern, plain, measured = said.en.rpartition("; of connections")[0], *said.en.split("; ")[-2:]
    assert pattern.startswith(
        "184-byte message every ~53 s, each answered by 64 bytes within 38 ms; "
        "server pushed 41 similar messages of 378 bytes nobody asked for; 1.9 h; plain after "
    )
    assert re.fullmatch(r"plain after \d+ min and \d+ messages", plain)
    # What was measured of observations of this length: 41 jobs and 78 shares make a long one.
    assert measured == facts.weights["grammar_most_long"].because.en
    assert re.search(r"\d+ of \d+ miners and \d+ of \d+ others .* \d+ to 1", measured)
    assert said.ja.startswith(
        "184バイトのメッセージを約 53秒ごとに送信し、38 ms 以内に 64バイトの応答。"
        "サーバから要求なしに 378バイトのほぼ同じ長さのメッセージが 41回。継続 1.9時間。開始から "
    )
    assert said.ja.endswith(facts.weights["grammar_most_long"].because.ja + "。")


@pytest.mark.parametrize(
    ("jobs", "shares", "kind"), [(3, 40, 0), (40, 5, 0), (6, 40, 1), (40, 11, 1), (12, 12, 2), (60, 90, 2)]
)
def test_the_rarer_of_jobs_and_shares_says_how_long_one_looked(
    table_of: Any, jobs: int, shares: int, kind: int
) -> None:
    found = 20 + np.cumsum(np.random.default_rng(1).exponential(31.0, shares))
    sent = [item for at in found for item in ((True, 184, float(at)), (False, 64, float(at) + 0.04))]
    table = table_of([sorted([*sent, *((False, 378, 5 + 33.0 * n) for n in range(jobs))], key=lambda item: item[2])])
    _, seen = grammar.sequences(table["messages"], np.array([False]))
    assert grammar.length_of(seen).tolist() == [kind]


def test_no_more_bits_are_believed_than_were_measured_for_such_a_length(judge: Judge, facts: Knowledge) -> None:
    most = [facts.weights[f"grammar_{name}"].bits for name in grammar.MOST]
    assert all(0 < bits <= grammar.LIMIT["sequence"] for bits in most)
    assert judge(_session(), seconds=6840.0).bits == pytest.approx(most[2])


def test_a_flow_record_says_its_totals(facts: Knowledge) -> None:
    table = schema.conform(
        "connection",
        {
            "duration_us": [6_120_000_000],
            "transport": ["tcp"],
            "src_bytes": [61_000],
            "dst_bytes": [92_000],
            "src_packets": [640],
            "dst_packets": [610],
        },
    )
    row = grammar.read(table, facts).to_pylist()[0]
    assert row["mining.grammar_kind"] == "flow"
    assert row["mining.grammar_bits"] == grammar.LIMIT["flow"]
    assert row["mining.grammar_because_en"] == (
        "25 bytes/s and 12 packets/min without a break for 1.7 h, 95 bytes per packet up and 151 down"
    )
    assert row["mining.grammar_because_ja"] == (
        "毎秒 25バイト、毎分 12パケットの通信が 1.7時間続いています(1パケットあたり送信 95バイト、受信 151バイト)。"
    )


def test_a_flow_record_alone_never_reaches_the_alert(facts: Knowledge) -> None:
    assert grammar.LIMIT["flow"] < 7.0


@pytest.mark.parametrize(
    "columns",
    [
        {"duration_us": [59_000_000], "src_bytes": [5000], "dst_bytes": [5000], "src_packets": [50], "dst_packets": [50]},
        {"duration_us": [3_600_000_000], "src_bytes": [500], "dst_bytes": [500], "src_packets": [5], "dst_packets": [50]},
        {"duration_us": [3_600_000_000], "src_packets": [50], "dst_packets": [50]},
        {"src_bytes": [5000], "dst_bytes": [5000], "src_packets": [50], "dst_packets": [50]},
    ],
    ids=["too short", "too few packets", "no bytes", "no duration"],
)  # fmt: skip
def test_a_flow_record_that_says_too_little_is_not_judged(facts: Knowledge, columns: dict[str, list[int]]) -> None:
    row = grammar.read(schema.conform("connection", columns), facts).to_pylist()[0]
    assert [row[name] for name in grammar.COLUMNS] == [None] * len(grammar.COLUMNS)


def test_an_empty_table_gets_the_columns(facts: Knowledge) -> None:
    read = grammar.read(schema.empty("connection"), facts)
    assert read.num_rows == 0
    assert read.schema.field("mining.grammar_bits").type == pa.float64()
    assert [read.schema.field(name).type for name in grammar.COLUMNS[1:]] == [pa.string()] * 3 + [pa.float64()] * 2


def test_every_sign_has_a_weight_and_every_weight_a_sign(facts: Knowledge) -> None:
    signs = {
        *grammar_signs.SEQUENCE, *grammar_signs.SEQUENCE_AGAINST, *grammar_signs.FIXED, *grammar.MOST, *grammar_signs.FLOW, *grammar_signs.FLOW_AGAINST,
    }  # fmt: skip
    named = {name.removeprefix("grammar_") for name in facts.weights if name.startswith("grammar_")}
    assert named == signs | {"sequence", "flow"}


def test_signs_speak_only_in_their_own_direction(facts: Knowledge) -> None:
    for name in (*grammar_signs.SEQUENCE, *grammar_signs.FLOW):
        assert facts.weights[f"grammar_{name}"].bits >= 0
    for name in (*grammar_signs.SEQUENCE_AGAINST, *grammar_signs.FIXED, *grammar_signs.FLOW_AGAINST):
        assert facts.weights[f"grammar_{name}"].bits <= 0


def test_rows_of_both_kinds_in_one_table(facts: Knowledge, table_of: Any, judged_rows: Any) -> None:
    table = table_of([_session(), None, [(True, 100, 1.0)]])
    kinds = [one.kind for one in judged_rows(grammar.read(table, facts))]
    assert kinds == ["sequence", None, None]


def test_ports_and_addresses_do_not_matter(facts: Knowledge, table_of: Any, judged_rows: Any) -> None:
    table = table_of([_session(), _session()])
    for name, values, kind in (
        ("dst_port", [4444, 443], pa.int32()),
        ("dst_ip", ["198.51.100.1", "203.0.113.9"], pa.string()),
    ):
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(values, kind))
    one, other = judged_rows(grammar.read(table, facts))
    assert one == other
