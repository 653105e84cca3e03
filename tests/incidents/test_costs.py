"""What mining cost: from the time it was seen, with every input and who says it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core.types import CostEstimate, Record
from kanaria.incidents.case import Case, Costs, Surroundings
from kanaria.incidents.costs import estimate
from kanaria.incidents.judge import judge
from tests.incidents.building import DEVICE, around, case, facts, finding, record

POOL = "203.0.113.44"


def flow(event_id: int, start: float, seconds: float, device: str = DEVICE, **values: object) -> Record:
    """A connection of a device to a pool."""
    columns = {"direction": "outbound", "dst_port": 443, "duration_us": int(seconds * 1e6), **values}
    return record(event_id, start, table="connection", device=device, remote=POOL, values=columns)


def mining(*flows: Record) -> Case:
    events = tuple(one.event_id for one in flows)
    found = finding("crypto_currency_mining_activity", table="connection", device=DEVICE, remote=POOL, event_ids=events)
    return case(found, records=flows)


def made(one: Case, surroundings: Surroundings | None = None) -> CostEstimate | None:
    return estimate(one, surroundings or around(), ())


def values(done: CostEstimate | None) -> dict[str, tuple[float, str]]:
    assert done is not None
    return {item.name: (item.value, item.origin) for item in done.inputs}


def test_hours_times_cores_times_watts_times_price() -> None:
    costs = Costs(cores=8, watts_per_core=10, price_per_kwh=0.5, currency="EUR")
    done = made(mining(flow(1, 0, 3 * 3600)), around(costs=costs))
    assert done is not None
    assert values(done) == {
        "hours": (3.0, "observed"), "cores": (8.0, "configured"), "watts_per_core": (10.0, "configured"),
        "price_per_kwh": (0.5, "configured"),
    }  # fmt: skip
    assert (done.core_hours, done.kwh, done.cost, done.currency) == (24.0, 0.24, 0.12, "EUR")
    assert done.cost_per_month == pytest.approx(0.08 * 730 * 0.5, rel=0.01)


def test_what_nobody_said_is_assumed_with_its_source() -> None:
    done = made(mining(flow(1, 0, 3600)))
    assert done is not None and done.currency == "JPY"
    known = {item.name: item for item in done.inputs}
    assert [known[name].origin for name in ("cores", "watts_per_core", "price_per_kwh")] == ["assumed"] * 3
    assert known["cores"].source == facts().figures["assumed_cores"].provenance.source
    assert done.core_hours == facts().figures["assumed_cores"].value


def test_cores_of_the_machine_itself_are_observed_unless_somebody_knows_better() -> None:
    one = mining(flow(1, 0, 3600))
    assert values(made(one, around(costs=Costs(observed_cores=16))))["cores"] == (16.0, "observed")
    assert values(made(one, around(costs=Costs(observed_cores=16, cores=2))))["cores"] == (2.0, "configured")


def test_connections_at_the_same_time_count_once_and_devices_add_up() -> None:
    assert values(made(mining(flow(1, 0, 3600), flow(2, 1800, 3600))))["hours"] == (1.5, "observed")
    two = mining(flow(1, 0, 3600), flow(2, 0, 3600, device="192.0.2.54"))
    assert values(made(two))["hours"] == (2.0, "observed")


def test_who_knows_all_connections_is_asked() -> None:
    asked: list[Any] = []

    def contact(device: str, peers: Any) -> float:
        asked.append((device, peers))
        return 36_000.0

    assert values(made(mining(flow(1, 0, 60)), around(contact=contact)))["hours"] == (10.0, "observed")
    assert asked == [(DEVICE, ((POOL, 443),))]


@pytest.mark.parametrize(
    "one",
    [
        case(finding(event_ids=(1,)), records=(flow(1, 0, 3600),)),  # no model about mining
        mining(flow(1, 0, 3600, direction="inbound")),
        mining(flow(1, 0, 3600, service="rdp")),
        mining(flow(1, None, 3600)),  # type: ignore[arg-type]
        mining(flow(1, 0, 0)),
        mining(),
    ],
)
def test_without_time_spent_mining_there_is_no_estimate(one: Case) -> None:
    assert made(one) is None


def test_an_estimate_belongs_to_a_device_of_ours_that_mines() -> None:
    probed = judge(case(finding(remote="203.0.113.9", event_ids=(1,)), records=(record(1),)), around())
    assert probed.impact.estimate is None


@given(st.lists(st.tuples(st.integers(0, 10**5), st.integers(1, 10**4)), min_size=1, max_size=8))
def test_time_is_the_length_of_the_union(spans: list[tuple[int, int]]) -> None:
    one = mining(*(flow(n, start, length) for n, (start, length) in enumerate(spans, 1)))
    seconds = len({second for start, length in spans for second in range(start, start + length)})
    assert values(made(one))["hours"][0] == pytest.approx(seconds / 3600, rel=0.006)
