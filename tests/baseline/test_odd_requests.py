"""What is said about surprising requests: levels that agree with scoring, what is usual, and which connection told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import yaml
from kit_baseline import flow, pattern, table
from kit_office_requests import with_requests

import kanaria
from kanaria.baseline.pattern import PatternOfLife
from kanaria.baseline.requests import COLUMNS, OWN, OddRequests
from kanaria.lab import office

RULES = Path(kanaria.__file__).parent / "rules" / "network"
HOURS = 24 * 9


def asked(hour: int, agent: str, **values: Any) -> dict[str, Any]:
    return flow(hour, dst_port=80, src_port=41_000) | {"user_agent": agent, "host": "www.example.org", **values}


def learned(hours: int = HOURS) -> PatternOfLife:
    """Devices that ask with one program each hour; every fourth time it is another one."""
    known = pattern(warm_up_days=7.0)
    for day in range(0, hours, 24):
        rows = [
            asked(hour, "Backup/2" if hour % 4 == 0 else "Mail/1", src_ip=f"10.0.0.{n}", device=f"10.0.0.{n}")
            for hour in range(day, day + 24)
            for n in range(5, 9)
        ]
        known.learn(known.score({"http": table("http", *rows)}))
    return known


@pytest.fixture(scope="module")
def known() -> PatternOfLife:
    return learned()


def explained(known: PatternOfLife, *rows: dict[str, Any], **tables: pa.Table) -> list[dict[str, Any]]:
    found = OddRequests(known).explain(known.score({"http": table("http", *rows), **tables}))
    told: list[dict[str, Any]] = found["http"].to_pylist()
    return told


def test_reasons_are_there_for_what_is_anomalous_and_nowhere_else(known: PatternOfLife) -> None:
    usual, strange = explained(known, asked(HOURS, "Mail/2"), asked(HOURS, "Fetch/1", event_id=7))
    assert (usual["baseline.anomalous"], strange["baseline.anomalous"]) == (False, True)
    assert {usual[name] for name in COLUMNS} == {None}
    assert strange["baseline.usual_agents"] == "Mail/ (75 %), Backup/ (25 %)"
    assert strange["baseline.usual_names"] == "example.org (100 %)"
    assert strange["baseline.connection_told"] is False
    levels = [strange[f"baseline.agent_bits_{level}"] for level in ("device", "peers", "network")]
    assert all(0 < bits <= strange["baseline.agent_bits"] for bits in levels)
    # Two values in 216 active hours: another new one has 2 chances in 218, fewer weighed by age.
    assert levels[0] == pytest.approx(6.5, abs=0.4)
    assert strange["baseline.name_bits_device"] < 0.1


def test_levels_of_a_program_that_others_have_agree_with_scoring(known: PatternOfLife) -> None:
    """Scoring keeps the levels of addresses; the same bits come out here when a name is learned as an address is."""
    rows = [asked(HOURS, "Fetch/1", host="new.example.net", dst_ip="192.0.2.99")]
    (strange,) = explained(known, *rows)
    for level in ("device", "network"):
        assert strange[f"baseline.name_bits_{level}"] == pytest.approx(strange[f"baseline.endpoint_bits_{level}"])


def test_a_connection_that_is_told_of_speaks_for_its_requests_and_no_others(known: PatternOfLife) -> None:
    def row(hour: int, **values: Any) -> dict[str, Any]:
        return asked(hour, "Fetch/1", dst_ip="203.0.113.9", remote="203.0.113.9", **values)

    ends = {"dst_ip": "203.0.113.9", "remote": "203.0.113.9", "dst_port": 80, "src_port": 41_000}
    strange = table("connection", flow(HOURS, duration_us=600_000_000, src_bytes=9_000_000_000, **ends))
    odd = OddRequests(known)
    start = strange["time"].cast(pa.int64())[0].as_py()
    moments = {"inside": 300_000_000, "just after": 650_000_000, "later": 700_000_000}
    rows = [row(HOURS, time=start + after) for after in moments.values()]
    rows.append(row(HOURS, src_port=41_001))
    found = odd.explain(known.score({"connection": strange, "http": table("http", *rows)}))
    assert found["connection"]["baseline.anomalous"].to_pylist() == [True]
    assert found["http"]["baseline.anomalous"].to_pylist() == [True] * 4
    assert found["http"]["baseline.connection_told"].to_pylist() == [True, True, False, False]
    # The same in the next slice, where the connection is not.
    again = odd.explain(known.score({"http": table("http", *rows)}))
    assert again["http"]["baseline.connection_told"].to_pylist() == [True, True, False, False]


def test_of_too_many_connections_told_of_the_latest_speak_for_their_requests(known: PatternOfLife) -> None:
    ports = range(41_000, 41_004)
    ends = [{"dst_ip": f"203.0.113.{n}", "remote": f"203.0.113.{n}", "src_port": n} for n in ports]
    connections = [flow(HOURS, duration_us=600_000_000, src_bytes=9_000_000_000, dst_port=80, **end) for end in ends]
    odd = OddRequests(known, most=2)
    odd.explain(known.score({"connection": table("connection", *connections[:3], connections[0])}))
    found = odd.explain(known.score({"http": table("http", *(asked(HOURS, "Fetch/1", **end) for end in ends))}))
    assert found["http"]["baseline.connection_told"].to_pylist() == [True, False, True, False]
    assert odd.forgotten == 2 and sum(map(len, odd._told.values())) == len(odd._order) == 2


def test_connections_are_told_of_from_the_bits_of_their_model() -> None:
    document = yaml.safe_load((RULES / "unexplained_anomaly.yml").read_text("utf-8"))
    own = {name: bits for part in document["detection"]["own"] for name, bits in part.items()}
    assert own == {f"{name}|gte": bits for name, bits in OWN.items()}


def test_tables_that_were_not_scored_pass(known: PatternOfLife) -> None:
    tables = {"http": table("http", asked(0, "Mail/1")), "dns": table("dns", flow(0, query="example.org"))}
    assert OddRequests(known).explain(tables) == tables


@pytest.mark.slow
def test_in_an_office_programs_of_machines_stand_out_and_those_of_people_do_not() -> None:
    """Twelve workstations with three programs each; the rest of the office as it is, nothing else put in."""
    log, put_in = with_requests(office.generate(1, days=12, workstations=12, deviations=False), 1)
    learned = pattern(warm_up_days=7.0, device_warm_up_hours=24.0)
    alerted: set[tuple[str, int]] = set()
    seen: set[str] = set()
    for part in log.slices(24):
        scored = OddRequests(learned).explain(learned.score(part))
        strange = [rows.filter(rows["baseline.anomalous"]) for rows in scored.values()]
        learned.learn(scored, exclude_event_ids=[event for rows in strange for event in rows["event_id"].to_pylist()])
        requests = scored["http"].filter(pc.equal(scored["http"]["baseline.anomalous"], True))
        for row in requests.to_pylist():
            names = [name for name, events in put_in.items() if row["event_id"] in events]
            seen.update(names)
            if not names:
                alerted.add((row["src_ip"], row["time"].hour))
    assert {"camera", "backup"} <= seen
    assert len(alerted) <= 5  # a budget of one a day
