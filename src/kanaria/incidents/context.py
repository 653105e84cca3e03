"""Everything around a judgement that follows from the case alone: indicators, timeline, vulnerabilities, impact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from kanaria.core.glossary import DIALECTS, about_mining, answers
from kanaria.core.late_regex import late_regex
from kanaria.core.network import is_global, parse_address
from kanaria.core.text import cut, printable
from kanaria.core.types import (
    Evidence,
    Finding,
    Hypothesis,
    Impact,
    Indicator,
    Record,
    RelatedVulnerability,
    StratumMessage,
    Text,
    TimelineEntry,
)
from kanaria.incidents.case import Case, Surroundings
from kanaria.incidents.costs import estimate
from kanaria.incidents.weighing import quoted

# What people ask about when they read of miners: mentioned as the usual way in, never as matched.
CONTEXT_CVES = ("CVE-2023-22527", "CVE-2021-26084")
TIMELINE_LIMIT = 200
RECORDS_QUOTED = 200
LASTED = timedelta(minutes=1)


# A login of one or two characters ("x") is what miners send when none is asked for: it would point at everybody.
LEAST_LOGIN = 3


def indicators(case: Case) -> tuple[Indicator, ...]:
    """Addresses, names, wallets, agents and URLs others can look for; each once."""
    distinct: dict[tuple[str, str], Indicator] = {}
    for indicator in _indicators(case):
        distinct.setdefault((indicator.type, indicator.value), indicator)
    return tuple(distinct.values())


def _indicators(case: Case) -> Iterator[Indicator]:
    roles = {finding.remote: finding.title for finding in reversed(case.findings)}
    for remote in case.remotes:
        address = parse_address(remote)
        if address is not None and is_global(remote):
            role = roles.get(remote, Text(en="took part", ja="関与"))  # said by the first finding about it
            yield Indicator(type=f"ipv{address.version}", value=remote, comment=role)
    for record in case.records.values():
        if url := record.values.get("payload.download_url"):
            yield Indicator(type="url", value=printable(str(url)), comment=Text(
                en="download the attack asks for", ja="攻撃がダウンロードさせようとしたもの"))  # fmt: skip
        yield from _paid_in_payload(record)
        if record.table == "logon" and record.values.get("success") is True and (user := record.values.get("user")):
            yield Indicator(type="account", value=printable(str(user)), comment=Text(
                en="account that was logged on with", ja="ログオンに使われたアカウント"))  # fmt: skip
    for message in case.messages:
        if message.wallet and len(message.wallet) >= LEAST_LOGIN:
            yield Indicator(type="wallet", value=printable(message.wallet), comment=_paid(message))
        if message.agent:
            yield Indicator(type="user_agent", value=printable(message.agent), comment=Text(
                en="program name in the mining login", ja="マイニングのログインで名乗ったプログラム名"))  # fmt: skip
    for finding in case.findings:
        if (name := finding.values.get("sni") or finding.values.get("query")) and about_mining(finding):
            yield Indicator(type="domain", value=printable(name), comment=finding.title)
        if cookie := finding.values.get("cookie"):
            yield Indicator(type="cookie", value=printable(cookie), comment=Text(en="RDP cookie", ja="RDPクッキー"))


# Options of miners, as an attacker writes them into a command: pools, and addresses that are paid (Ethereum, Monero).
_POOL = late_regex(
    r"(?:-e?pool|(?<!\w)-o|--url[ =]|stratum\+(?:tcp|ssl)://)\s*(?:[a-z+]+://)?((?:[\w-]+\.)+[a-z]{2,24}(?::\d{1,5})?)"
)
_WALLET = late_regex(r"(?<![0-9A-Za-z])(0x[0-9a-fA-F]{40}|[48][1-9A-HJ-NP-Za-km-z]{94})(?![0-9A-Za-z])")


def _paid_in_payload(record: Record) -> Iterator[Indicator]:
    """Pool and wallet of a miner that an attack would start, whatever they were hidden in."""
    if "miner" not in str(record.values.get("payload.does", "")).split():
        return
    text = str(record.values.get("payload.decoded", ""))
    for pool in dict.fromkeys(_POOL.findall(text)):
        yield Indicator(type="domain", value=printable(pool.partition(":")[0]), comment=Text(
            en="pool the attack would mine at", ja="攻撃がマイニングに使おうとしたプール"))  # fmt: skip
    for wallet in dict.fromkeys(_WALLET.findall(text)):
        yield Indicator(type="wallet", value=printable(wallet), comment=Text(
            en="wallet the attack would mine for", ja="攻撃がマイニングの送金先にしようとしたウォレット"))  # fmt: skip


def _paid(message: StratumMessage) -> Text:
    name = DIALECTS.get(message.dialect, Text(en=message.dialect, ja=message.dialect))
    if message.wallet_valid:
        return Text(en=f"payout address, {name.en}", ja=f"送金先アドレス、{name.ja}")
    return Text(en=f"login, {name.en}", ja=f"ログイン名、{name.ja}")


def timeline(case: Case, items: Iterable[Evidence]) -> tuple[TimelineEntry, ...]:
    """Findings and their span in order of time; empty when nothing has a time."""
    entries = []
    items = list(items)
    evidence_ids = {item.id for item in items}
    cited = {item.event_id: item.id for item in items if item.event_id is not None}
    for finding in case.findings:
        if finding.time is None:
            continue
        who = f" ({printable(finding.remote)})" if finding.remote else ""
        evidence = tuple(item.id for item in finding.evidence if item.id in evidence_ids)
        end_en, end_ja = _until(finding)
        what = Text(en=f"{finding.title.en}{who}{end_en}", ja=f"{finding.title.ja}{who}{end_ja}")
        entries.append(TimelineEntry(time=finding.time, stage=finding.stage, what=what, evidence=evidence))
    for message in case.messages if len(case.messages) <= TIMELINE_LIMIT else ():
        record = case.record_of(message)
        time = message.time or (record.time if record else None)
        if time and message.event_id in cited:
            shown = cut(printable(message.method), 40)
            reply = Text(en=" (answer)", ja="(応答)") if answers(message) else Text(en="", ja="")
            what = Text(en=f"{message.dialect} {shown}{reply.en}", ja=f"{message.dialect} {shown}{reply.ja}")
            entries.append(TimelineEntry(time=time, stage=None, what=what, evidence=(cited[message.event_id],)))
    return tuple(sorted(entries, key=lambda entry: (entry.time, entry.what.en))[:TIMELINE_LIMIT])


def _until(finding: Finding) -> tuple[str, str]:
    """When it ended, for what lasted; in the timeline only its beginning has a place."""
    if finding.time is None or finding.until is None or finding.until - finding.time < LASTED:
        return "", ""
    day = "" if finding.until.date() == finding.time.date() else f"{finding.until:%Y-%m-%d} "
    return f", until {day}{finding.until:%H:%M:%S}", f"、{day}{finding.until:%H:%M:%S}まで"


def quoted_records(case: Case, cited: set[int | None]) -> Iterator[Evidence]:
    """The records of messages nothing else cites, so that every message can be looked up."""
    shown: set[int] = set()
    for message in case.messages:
        record = case.record_of(message)
        if record and message.event_id not in cited | shown and len(shown) < RECORDS_QUOTED:
            shown.add(message.event_id)
            name = f"{message.dialect} {cut(printable(message.method), 40)}"
            yield quoted(record, Text(en=f"this record holds {name}", ja=f"この記録に {name} が含まれています"))


def related_vulnerabilities(
    case: Case, around: Surroundings, top: Hypothesis, items: Iterable[Evidence]
) -> tuple[RelatedVulnerability, ...]:
    """Vulnerabilities an observed attempt aimed at, and those worth naming as context."""
    matched: dict[str, list[str]] = {}
    evidence_ids = {item.id for item in items}
    for finding in case.findings:
        for cve in finding.cves:
            matched.setdefault(cve, []).extend(item.id for item in finding.evidence if item.id in evidence_ids)
    related = [
        RelatedVulnerability(cve=cve, relation="matched", evidence=tuple(dict.fromkeys(ids)))
        for cve, ids in matched.items()
    ]
    if case.messages and top != "authorised_mining":
        related += [
            RelatedVulnerability(cve=cve, relation="context", evidence=())
            for cve in CONTEXT_CVES
            if cve in around.facts.vulnerabilities and cve not in matched
        ]
    return tuple(related)


def impact(case: Case, around: Surroundings, items: Iterable[Evidence], top: Hypothesis) -> Impact:
    """What the host itself showed, or that nobody looked; and what mining on a device of ours cost, estimated."""
    return Impact(
        checked=around.host_checked,
        statements=tuple(observation.statement for observation in around.host),
        estimate=estimate(case, around, items) if top in {"compromised_device", "authorised_mining"} else None,
    )
