"""The path of an event, top to bottom. This is the first page to read.

Inputs come in as paths; an ``Analysis`` goes out. Each line below is one stage and each stage is one package;
what flows between them is a batch of Arrow tables by name (``core.schema``), to which every stage adds its columns.
"""

from __future__ import annotations

from collections.abc import Iterable

from kanaria.app.live.merge import Together
from kanaria.app.run.stages import Stages, Tables
from kanaria.core.ahead import ahead
from kanaria.core.stream import Stream
from kanaria.core.types import Analysis, StratumMessage


def analyse(streams: Iterable[Stream | Together], stages: Stages) -> Analysis:
    """Read everything, judge it, and say what was found and what was not looked at."""

    def understand(batch: Tables) -> tuple[Tables, tuple[StratumMessage, ...]]:
        events = stages.enrich(batch)  # knowledge.* columns; overwrites nothing
        return stages.read_mining(events)  # mining.*, payload.*, stratum messages, flow grammar

    batches = stages.in_time_order(stages.normalise(streams))  # bad rows are kept aside, never lost, never fatal
    for events, messages in ahead(understand, batches):  # needs no memory of other batches, so it runs beside the rest
        scored = stages.score(events)  # baseline.*: surprise, in bits, before any learning
        findings = stages.evaluate(scored)  # Sigma rules and correlations
        stages.learn(scored, findings)  # the gate is visible here: what belongs to a finding is not learned
        stages.remember(scored, messages, findings)
    stages.remember_findings(stages.close())  # correlations that could only be decided at the end
    return stages.conclude()  # findings -> cases -> incidents
