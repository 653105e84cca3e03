"""What mining cost, estimated from how long it was seen: core-hours, energy, money, with every input and its origin.

Takes a case and its surroundings; returns a ``CostEstimate``, or None when nothing says how long one of our devices
mined. It is an estimate: a miner may use fewer cores than there are, and run on while the network is not watched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from kanaria.core.glossary import about_mining
from kanaria.core.types import CostEstimate, EstimateInput, EstimateName, Evidence, Record
from kanaria.incidents.case import Case, Surroundings

Span = tuple[float, float]
Peer = tuple[str, int | None]  # remote, port of the remote

SECONDS = 3600.0
# A model about mining together with other findings also rests on how they came in.
ENTRANCES = frozenset({"rdp", "smb", "ssh"})


def estimate(case: Case, around: Surroundings, items: Iterable[Evidence]) -> CostEstimate | None:
    """Of the mining connections that our devices opened."""
    records = list(_mining(case))
    hours = _seconds(records, around) / SECONDS
    if hours <= 0:
        return None
    inputs = _inputs(hours, around)
    numbers = {item.name: item.value for item in inputs}
    core_hours = hours * numbers["cores"]
    kwh = core_hours * numbers["watts_per_core"] / 1000
    month = around.facts.figures["hours_per_month"].value * len({record.device for record in records})
    events = {record.event_id for record in records}
    return CostEstimate(
        inputs=inputs,
        core_hours=_rounded(core_hours),
        kwh=_rounded(kwh),
        cost=_rounded(kwh * numbers["price_per_kwh"]),
        cost_per_month=_rounded(kwh / hours * month * numbers["price_per_kwh"]),
        currency=_currency(around),
        evidence=tuple(dict.fromkeys(item.id for item in items if item.event_id in events)),
    )


def _mining(case: Case) -> Iterator[Record]:
    """Connections of ours that a model about mining rests on."""
    events = dict.fromkeys(event for f in case.findings if about_mining(f) for event in f.event_ids)
    for event in events:
        record = case.records.get(event)
        if record is None or record.table != "connection" or record.time is None or not record.device:
            continue
        if record.values.get("direction") in {"outbound", "internal"} and record.values.get("service") not in ENTRANCES:
            yield record


def _seconds(records: Iterable[Record], around: Surroundings) -> float:
    """Time in which a device had at least one of the connections open, all devices together.

    A finding keeps some of its records only; who knows all connections of the run is asked about the same peers.
    """
    spans: dict[str, list[Span]] = defaultdict(list)
    peers: dict[str, dict[Peer, None]] = defaultdict(dict)
    for record in records:
        device, remote, begin = str(record.device), record.remote, _start(record)
        length, port = record.values.get("duration_us"), record.values.get("dst_port")
        if isinstance(length, int) and length > 0:
            spans[device].append((begin, begin + length / 1e6))
        if remote:
            peers[device][remote, port if isinstance(port, int) else None] = None
    devices = sorted({*spans, *peers})
    return sum(max(_covered(spans[device]), around.contact(device, tuple(peers[device]))) for device in devices)


def _start(record: Record) -> float:
    assert record.time is not None  # noqa: S101  (_mining() sees to it)
    return record.time.timestamp()


def _covered(spans: Iterable[Span]) -> float:
    """Length of the union."""
    total, end = 0.0, float("-inf")
    for low, high in sorted(spans):
        total += max(0.0, high - max(low, end))
        end = max(end, high)
    return total


def _inputs(hours: float, around: Surroundings) -> tuple[EstimateInput, ...]:
    costs = around.costs
    observed = EstimateInput(
        name="hours", value=_rounded(hours), unit="h", origin="observed", source="mining connections"
    )
    cores = _setting_or_assumption("cores", costs.cores, "cores", "impact.cores", around)
    if costs.cores is None and costs.observed_cores:
        cores = EstimateInput(
            name="cores", value=float(costs.observed_cores), unit="cores", origin="observed", source="this machine"
        )
    price = _setting_or_assumption(
        "price_per_kwh", costs.price_per_kwh, f"{costs.currency}/kWh", "impact.price_per_kwh", around
    )
    return (
        observed,
        cores,
        _setting_or_assumption("watts_per_core", costs.watts_per_core, "W", "impact.watts_per_core", around),
        price,
    )


def _setting_or_assumption(
    name: EstimateName, value: float | None, unit: str, setting: str, around: Surroundings
) -> EstimateInput:
    """What the owner configured, else the assumption that ``knowledge`` holds."""
    if value is not None:
        return EstimateInput(name=name, value=value, unit=unit, origin="configured", source=setting)
    figure = around.facts.figures[f"assumed_{name}"]
    return EstimateInput(
        name=name,
        value=figure.value,
        unit=figure.unit,
        origin="assumed",
        source=figure.provenance.source,
    )


def _currency(around: Surroundings) -> str:
    if around.costs.price_per_kwh is not None:
        return around.costs.currency
    return around.facts.figures["assumed_price_per_kwh"].unit.split("/")[0]


def _rounded(value: float) -> float:
    """Three digits that count: more would pretend to know."""
    return float(f"{value:.3g}")
