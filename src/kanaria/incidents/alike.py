"""Cases that are alike, told as one when there are too many to be told one by one.

Takes findings and the groups they are in so far; returns further links between them. A flood of one-line attacks from
thousands of addresses is one thing to a reader, and a report of each would cost more than reading the logs did. Each
actor's deed is still judged by itself (``actors``), and the gravest is the verdict, so that a flood hides nothing. What
a device of ours did is joined with other devices' deeds of the very same kinds only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from kanaria.core.types import Finding, Record

MOST_ALIKE = 100
"""Cases of one kind that are told one by one: more than anybody reads, and 3 MB of JSON."""
MOST_STRANGERS = 300
"""Cases of strangers of all kinds; beyond, those of one severity are told together."""

Kind = tuple[object, ...]


def alike(groups: Mapping[int, Sequence[int]], findings: Sequence[Finding], records: Mapping[int, Record]) -> Iterator[
    list[int]
]:  # fmt: skip
    """Places of findings whose groups are to be joined when they are near enough in time."""
    kinds: dict[Kind, list[int]] = defaultdict(list)
    for root, members in groups.items():
        kinds[_kind([findings[place] for place in members], records)].append(root)
    strangers = sum(len(roots) for kind, roots in kinds.items() if not kind[0])
    if strangers > MOST_STRANGERS:
        coarse: dict[Kind, list[int]] = defaultdict(list)
        for kind, roots in kinds.items():
            coarse[kind if kind[0] else ("", kind[1])] += roots
        kinds = coarse
    for kind, roots in kinds.items():
        if len(roots) > MOST_ALIKE or (strangers > MOST_STRANGERS and not kind[0]):
            yield [place for root in roots for place in groups[root]]


def _kind(findings: Sequence[Finding], records: Mapping[int, Record]) -> Kind:
    """Whether a device of ours is in it, how grave it is, and by which models and answers it is known."""
    rules = frozenset(finding.rule for finding in findings)
    grave = frozenset(finding.severity for finding in findings)
    device = any(finding.device and finding.table != "http" for finding in findings)
    return ("device" if device else "", grave, rules, _answers(findings, records))


def _answers(findings: Sequence[Finding], records: Mapping[int, Record]) -> frozenset[int]:
    """Classes of the answers: 2 for 200, 4 for 404."""
    events = (records[event] for finding in findings for event in finding.event_ids if event in records)
    statuses = (record.values.get("status") for record in events)
    return frozenset(status // 100 for status in statuses if isinstance(status, int))
