"""Which findings become one incident, and that order does not matter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.types import Finding, Record, StratumMessage, Text
from kanaria.incidents.grouping import group

START = datetime(2026, 6, 21, 12, tzinfo=UTC)
WORDS = Text(en="t", ja="t")


def finding(
    ident: str,
    *,
    hours: float | None = 0,
    remote: str | None = None,
    device: str | None = None,
    table: str = "http",
    stage: str | None = "reconnaissance",
    events: tuple[int, ...] = (),
) -> Finding:
    return Finding(
        id=ident, rule="r", rule_version="1", title=WORDS, why=WORDS, severity="low", table=table,
        time=None if hours is None else START + timedelta(hours=hours), device=device, remote=remote, key=ident,
        bits=0.0, stage=stage, event_ids=events,  # type: ignore[arg-type]
    )  # fmt: skip


def record(event_id: int, source: str = "a.log", remote: str | None = None) -> Record:
    return Record(
        event_id=event_id, table="http", source=source, line=event_id, time=None, device=None, remote=remote, quote="q"
    )


def ids(
    findings: list[Finding], messages: tuple[StratumMessage, ...] = (), records: dict[int, Record] | None = None
) -> set[frozenset[str]]:
    return {frozenset(f.id for f in case.findings) for case in group(findings, messages, records or {})}


def test_one_address_is_one_campaign_while_it_keeps_coming() -> None:
    hits = [
        finding("a", remote="203.0.113.9"),
        finding("b", remote="203.0.113.9", hours=60),
        finding("c", remote="203.0.113.9", hours=200),
    ]
    assert ids(hits) == {frozenset("ab"), frozenset("c")}


def test_a_span_keeps_the_campaign_alive() -> None:
    from dataclasses import replace

    long = replace(finding("a", remote="203.0.113.9"), until=START + timedelta(hours=190))
    assert ids([long, finding("b", remote="203.0.113.9", hours=200)]) == {frozenset("ab")}


def test_neighbours_of_one_network_belong_together_for_a_day() -> None:
    hits = [
        finding("a", remote="203.0.113.9"),
        finding("b", remote="203.0.113.77", hours=5),
        finding("c", remote="198.51.100.1"),
    ]
    assert ids(hits) == {frozenset("ab"), frozenset("c")}


def test_ipv6_neighbours_share_a_48() -> None:
    hits = [
        finding("a", remote="2001:db8:1:2::5"),
        finding("b", remote="2001:db8:1:9::6"),
        finding("c", remote="2001:db8:2::6"),
    ]
    assert ids(hits) == {frozenset("ab"), frozenset("c")}


def test_strangers_probing_one_web_server_are_different_campaigns() -> None:
    hits = [
        finding("a", remote="203.0.113.9", device="192.0.2.1"),
        finding("b", remote="198.51.100.9", device="192.0.2.1"),
    ]
    assert ids(hits) == {frozenset("a"), frozenset("b")}


def test_what_happens_to_a_device_on_the_network_is_one_story() -> None:
    hits = [
        finding("rdp", remote="203.0.113.9", device="192.0.2.1", table="rdp"),
        finding("mine", remote="198.51.100.9", device="192.0.2.1", table="connection", stage="impact", hours=6),
        finding("other", remote="198.51.100.9", device="192.0.2.2", table="connection", hours=900),
    ]
    assert ids(hits) == {frozenset({"rdp", "mine"}), frozenset({"other"})}


def test_one_sample_joins_sources_over_months() -> None:
    messages = tuple(
        StratumMessage(event_id=n, dialect="cryptonote", method="login", direction="client", sample="scanner")
        for n in (1, 2)
    )
    hits = [
        finding("a", remote="203.0.113.9", events=(1,)),
        finding("b", remote="198.51.100.9", events=(2,), hours=2400),
    ]
    assert ids(hits, messages) == {frozenset("ab")}


def test_fragments_without_address_are_one_case_per_file() -> None:
    records = {1: record(1), 2: record(2), 3: record(3, source="b.log")}
    hits = [
        finding("a", hours=None, events=(1,)),
        finding("b", hours=None, events=(2,)),
        finding("c", hours=None, events=(3,)),
    ]
    assert ids(hits, (), records) == {frozenset("ab"), frozenset("c")}


@given(
    st.randoms(use_true_random=False),
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 400)), min_size=1, max_size=12),
)
def test_order_changes_nothing(random: object, parts: list[tuple[int, int]]) -> None:
    hits = [finding(f"f{n:02}", remote=f"203.0.{host}.9", hours=hour) for n, (host, hour) in enumerate(parts)]
    shuffled = list(hits)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ids(hits) == ids(shuffled)
    assert [tuple(f.id for f in c.findings) for c in group(hits, (), {})] == [
        tuple(f.id for f in c.findings) for c in group(shuffled, (), {})
    ]


def test_a_request_that_was_let_in_is_joined_with_what_the_server_did_next() -> None:
    from dataclasses import replace

    let_in, refused = replace(record(1), values={"status": 200}), replace(record(2), values={"status": 400})
    hits = [
        finding("in", remote="203.0.113.9", events=(1,)),
        finding("out", remote="198.51.100.77", events=(2,)),
        finding("mines", device="192.0.2.1", table="connection", stage="impact", hours=3),
    ]
    cases = group(hits, (), {1: let_in, 2: refused}, server="192.0.2.1")
    assert {frozenset(f.id for f in c.findings) for c in cases} == {frozenset({"in", "mines"}), frozenset({"out"})}


@given(
    st.sampled_from(["127.0.0.1", "127.0.1.1", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::"]),
    st.booleans(),
    st.booleans(),
)
def test_an_address_that_means_itself_is_another_machine_in_another_log(address: str, acts: bool, same: bool) -> None:
    logs = ("web1/access.log-20260102.gz", "web1/access.log" if same else "web2/access.log")
    side = {"device": address, "stage": "impact"} if acts else {"remote": address}
    hits = [finding(name, events=(number,), **side) for number, name in enumerate("ab", 1)]  # type: ignore[arg-type]
    cases = group(hits, (), {number: record(number, source) for number, source in enumerate(logs, 1)})
    assert len(cases) == (1 if same else 2)


def test_an_address_of_a_network_is_one_device_in_two_logs() -> None:
    for address in ("192.168.1.5", "fe80::211:22ff:fe33:4455", "169.254.7.9", "172.17.0.2", "::ffff:192.168.1.5"):
        hits = [finding(name, events=(n,), device=address, stage="impact") for n, name in enumerate("ab", 1)]
        assert len(group(hits, (), {1: record(1, "x.log"), 2: record(2, "y.log")})) == 1
