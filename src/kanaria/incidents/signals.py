"""What speaks for which explanation: each signal looks at a case and its surroundings and yields weighed evidence.

A signal is one function with one idea; the lists at the end are the order in which a reader meets them, for each deed
of an actor (``actors``): what a stranger says is weighed about that stranger only. Weights are named, never numbered:
``knowledge`` says what each is worth and where that was measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from kanaria.core.facts import SampleValue
from kanaria.core.plural import counted
from kanaria.core.text import cut, printable
from kanaria.core.types import HYPOTHESES, Evidence, Record, StratumMessage, Text
from kanaria.incidents.actors import Deed, Part
from kanaria.incidents.case import Case, Surroundings, came_in
from kanaria.incidents.permission import allowed_by, claimed_by, words
from kanaria.incidents.rhythm import Rhythm
from kanaria.incidents.weighing import evidence

Signal = Callable[[Case, Surroundings], Iterator[Evidence]]

# A miner that lost its pool retries every few seconds to minutes for as long as it runs (XMRig: every 5 s by default,
# five times, then the next pool); five logins over ten minutes is a rhythm, two or three are a visit.
RHYTHM_LOGINS = 5
RHYTHM_SPAN_S = 600.0
RHYTHM_MAX_CV = 1.5
# One payout address tried from this many addresses is a tool on many hosts, not one person's miner.
MANY_SOURCES = 3
# Distinct clients with the same refusal from which on a server plainly gets such noise from everybody.
COMMON_REFUSALS = 3


def priors(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """How often each explanation is right before looking."""
    for name in HYPOTHESES:
        yield evidence(around.facts, f"prior_{name}")


def known_samples(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """Values printed in documentation or sent by scanners the world over."""
    by_sample: dict[str, dict[str, tuple[SampleValue, StratumMessage]]] = defaultdict(dict)
    answered = _answered(case)
    for message in case.messages:
        for sample in around.facts.samples:
            if message.event_id not in answered and sample.occurs_in(message):
                by_sample[sample.name].setdefault(sample.value, (sample, message))
    for name, values in by_sample.items():
        sample, message = next(iter(values.values()))
        shown = ", ".join(cut(printable(value), 24) for value in values)
        because = Text(en=f"{shown}: {sample.meaning.en}", ja=f"{shown}: {sample.meaning.ja}")
        weight = "sample_from_documentation" if name.startswith("documentation") else "known_scanner_sample"
        yield evidence(around.facts, weight, case.record_of(message), because)


def several_dialects(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """A miner speaks one dialect under one name; who tries several is looking for something."""
    for source, messages in _client_messages_by_source(case).items():
        dialects = sorted({m.dialect for m in messages})
        agents = sorted({m.agent for m in messages if m.agent})
        if len(dialects) < 2 and len(agents) < 2:
            continue
        names, programs = ", ".join(dialects), ", ".join(cut(printable(agent), 40) for agent in agents)
        spoken = f"{len(dialects)} mining dialect{'s' * (len(dialects) != 1)} ({names})"
        called = f" and {len(agents)} program name{'s' * (len(agents) != 1)} ({programs})" if agents else ""
        because = Text(
            en=f"{spoken}{called} came from {source or 'the same log'}; a miner speaks one dialect under one name",
            ja=f"{source or '同じログ'}から{len(dialects)}種類のマイニング方言({names})"
            f"{f'と{len(agents)}種類のプログラム名({programs})' if agents else ''}が届いています。本物のマイナーは1つの方言と1つの名前しか使いません",
        )
        yield evidence(around.facts, "several_dialects_one_source", case.record_of(messages[0]), because)


def fake_agent(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """A login whose program name is a browser or an operating system."""
    for message in case.messages:
        agent = message.agent or ""
        if message.method == "login" and agent.startswith(("Windows NT", "Mozilla/", "Linux ", "Macintosh")):
            yield evidence(around.facts, "fake_agent", case.record_of(message))
            return


def one_wallet_many_sources(
    case: Case, around: Surroundings, wallets: Iterable[str | None] | None = None
) -> Iterator[Evidence]:
    """One of these payout addresses (all when none are named), tried from many addresses."""
    sources = case.came_with_wallet
    for wallet in sources if wallets is None else sorted(set(filter(None, wallets)) & set(sources)):
        remotes = sources[wallet]
        if len(remotes) >= MANY_SOURCES:
            short = cut(printable(wallet), 16)
            yield evidence(
                around.facts,
                "one_wallet_many_sources",
                because=Text(
                    en=f"{len(remotes)} addresses presented the same payout address {short}",
                    ja=f"{len(remotes)}個のアドレスが同じ送金先アドレス {short} を名乗りました",
                ),
            )


def visits_without_dialogue(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """Known sources sent a few messages each and left: nobody waited for work."""
    groups = _client_messages_by_source(case)
    if not groups or "" in groups:
        return
    if all(len(messages) < RHYTHM_LOGINS * len({m.dialect for m in messages}) for messages in groups.values()):
        most, first = max(map(len, groups.values())), next(iter(groups.values()))[0]
        who_en = f"{len(groups)} sources sent at most" if len(groups) > 1 else "the source sent"
        who_ja = f"{len(groups)}個の送信元がそれぞれ最大" if len(groups) > 1 else "送信元は"
        because = Text(
            en=f"{who_en} {most} mining {'message' if most == 1 else 'messages'} and did not wait for work",
            ja=f"{who_ja}{most}件のメッセージを送っただけで、仕事を待っていません",
        )
        yield evidence(around.facts, "single_messages_no_dialogue", case.record_of(first), because)


def own_client(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """A client of the private network asks an interface; nothing in its requests brings a program or names a flaw.

    A proxy or container bridge in front of the server gives its own private address to everybody, attackers included:
    so what aims at a known vulnerability is never excused by where it seems to come from.
    """
    records = case.web_records
    inside = all(record.values.get("direction") == "internal" for record in records)
    harmless = not any(r.values.get("payload.does") for r in records) and not any(f.cves for f in case.findings)
    if records and inside and harmless and not case.messages:
        yield evidence(around.facts, "own_client", records[0])


def reconnect_rhythm(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """One identity logging in again and again at a steady pace: a miner that lost its way."""
    for (source, login, agent), messages in _identities(case).items():
        times = sorted({r.time for m in messages if (r := case.record_of(m)) and r.time})
        seen = around.rhythm(source, login, agent) or Rhythm.of(times)
        if seen is None or seen.logins < RHYTHM_LOGINS or seen.span < RHYTHM_SPAN_S:
            continue
        if seen.deviation > RHYTHM_MAX_CV * seen.gap:
            continue
        shown = cut(printable(login), 24)
        because = Text(
            en=f"{source} logged in {counted(seen.logins, 'time')} as {shown} with {cut(printable(agent), 40)}, about every {seen.gap:.0f} s",
            ja=f"{source} が {shown}({cut(printable(agent), 40)})として約{seen.gap:.0f}秒ごとに{seen.logins:,}回ログインしました",
        )
        yield evidence(around.facts, "reconnect_rhythm_constant_wallet", case.record_of(messages[0]), because)


def constant_identity(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """One source, one dialect, one login, one known mining program, more than a visit."""
    for (_source, login, agent), messages in _identities(case).items():
        if len(messages) >= RHYTHM_LOGINS and login and agent and len(_identities(case)) == 1:
            yield evidence(around.facts, "constant_worker_agent_current_version", case.record_of(messages[0]))


def real_wallet(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """A payout address with a right checksum that no documentation or scanner is known to use."""
    for message in case.messages:
        if message.wallet_valid and not message.sample:
            yield evidence(around.facts, "valid_wallet_not_sample", case.record_of(message))
            return


def others_get_the_same(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """Many strangers send this server things it cannot parse."""
    malformed = [r for r in case.web_records if r.values.get("method") is None and r.values.get("status") is not None]
    if not malformed:
        return
    status = int(str(malformed[0].values["status"]))
    others = around.malformed_sources(status) - len({r.remote for r in malformed if r.remote})
    if others >= COMMON_REFUSALS:
        because = Text(
            en=f"{counted(others, 'other client')} also sent this server requests it could not parse and got {status}",
            ja=f"ほかに{others}個のクライアントも、このサーバが解釈できないリクエストを送り{status}を受け取っています",
        )
        yield evidence(around.facts, "request_malformed_400_common_here", malformed[0], because)


def allowed_mining(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """Mining the owner declared, all of it."""
    permission = allowed_by(case, around.allowed)
    if permission is not None:
        way, record = permission
        weight = "authorised_miner_configured" if way[0] == "device" else "authorised_pool_or_wallet"
        yield evidence(around.facts, weight, record, words(way))
    elif around.allowed.pools and (claim := claimed_by(case, around.allowed)):
        name, record = cut(printable(claim[0]), 60), claim[1]
        because = Text(
            en=f"the device itself calls the other side {name}, which the configuration allows; no resolver of yours "
            "gave that address for the name, so that no permission covers it",
            ja=f"相手を {name} と呼んでいるのは機器自身だけです。設定で許可された名前ですが、その名前にこのアドレスを"
            "返した社内または公開のリゾルバがないため、許可の対象にはなりません",
        )
        yield evidence(around.facts, "allowed_pool_only_claimed", record, because)


def device_acts_itself(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """Everything in the case was begun by a device of ours: strangers are out of the question."""
    directions = {record.values.get("direction") for record in case.records.values()} - {None}
    if directions and directions <= {"outbound", "internal"} and case.devices:
        yield evidence(around.facts, "device_acts_itself", next(iter(case.records.values())))


def asked_for_others(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """Nothing but questions for names, and before most of them the device had been asked the same itself: one question
    of a stranger excuses none of its own."""
    if not case.findings or not all(finding.table == "dns" for finding in case.findings):
        return
    passed_on = [record for record in case.records.values() if _passed_on(record, around)]
    if 2 * len(passed_on) > len(case.records):
        yield evidence(around.facts, "asked_for_others", passed_on[0])


def _passed_on(record: Record, around: Surroundings) -> bool:
    device, name = record.values.get("src_ip"), record.values.get("query")
    return bool(device and name and record.time and around.asked_of(str(device), str(name), record.time))


def host_shows_miner(case: Case, around: Surroundings) -> Iterator[Evidence]:
    """What the machine itself showed, when it was looked at."""
    weights = {"miner_process": "miner_process", "cpu_step": "cpu_step", "pool_connection": "outbound_mining_flow"}
    for observation in around.host:
        if weight := weights.get(observation.kind):
            yield evidence(around.facts, weight, because=observation.statement)


_TALK: tuple[Signal, ...] = (
    known_samples,
    several_dialects,
    fake_agent,
    visits_without_dialogue,
    reconnect_rhythm,
    constant_identity,
    real_wallet,
    others_get_the_same,
)
_OURS: tuple[Signal, ...] = (allowed_mining, device_acts_itself, asked_for_others, host_shows_miner)
BY_DEED: Mapping[Deed, tuple[Signal, ...]] = {
    "probe": (priors, *_TALK, own_client, allowed_mining, host_shows_miner),
    "attack": (priors, others_get_the_same, own_client, allowed_mining, host_shows_miner),
    "access": (priors, *_OURS),
    "conduct": (priors, *_OURS),
}


def signals_of(part: Part, around: Surroundings) -> Iterator[Evidence]:
    """Everything the signals say about one actor's deed."""
    for signal in BY_DEED[part.deed]:
        yield from signal(part.case, around)
    if part.deed == "probe":
        own = {message.wallet for message in part.case.messages}
        yield from one_wallet_many_sources(part.whole, around, own)


def _client_messages_by_source(case: Case) -> dict[str, list[StratumMessage]]:
    """Messages that came in (a probe's side of the talk), by who sent them; "" for a fragment without an address."""
    groups: dict[str, list[StratumMessage]] = defaultdict(list)
    for message in case.messages:
        record = case.record_of(message)
        if record and came_in(record) and message.direction != "server":
            groups[record.remote or ""].append(message)
    return groups


def _answered(case: Case) -> frozenset[int]:
    """Records in which the other side answered as a pool would: what was said there was said to a pool."""
    answers = (message for message in case.messages if message.direction == "server")
    return frozenset(message.event_id for message in answers if message.fields.get("accepted") != "false")


def _identities(case: Case) -> dict[tuple[str, str, str], list[StratumMessage]]:
    """Login messages by (source, login, agent)."""
    groups: dict[tuple[str, str, str], list[StratumMessage]] = defaultdict(list)
    for source, messages in _client_messages_by_source(case).items():
        for message in messages:
            login = message.wallet or message.worker or ""
            if login and not message.sample:
                groups[source, login, message.agent or ""].append(message)
    return groups
