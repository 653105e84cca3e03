"""Which mining the owner allowed, finding by finding, by the settings and everything seen of mining.

Permission is given to mining, connection by connection: a connection is allowed when its device may mine, when every
payout address seen on it is the owner's, or when it goes to a pool of the owner's; so are a miner that was started and
what its own log says. Where the owner names payout addresses, a connection that pays another one is never allowed. A
finding is allowed when all mining it rests on is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from kanaria.core.facts import Knowledge
from kanaria.core.glossary import speaks_of_mining
from kanaria.core.late_regex import late_regex
from kanaria.core.rule_tags import CHAIN
from kanaria.core.text import cut, printable
from kanaria.core.types import Finding, Record, StratumMessage, Text
from kanaria.incidents.actors import acted, device_of
from kanaria.incidents.case import Allowed, Case

# From here on the grammar of messages speaks of mining; the models use the same number.
GRAMMAR_BITS = 7.0
# What a device says of whom it talks to; it may say anything.
_CLAIMED = ("sni", "host", "pool")

Way = tuple[str, str, str]
"""What allows it: ``device``, ``wallet`` or ``pool``, and the value as the settings have it; and whose it is."""


class Permission:
    """The owner's word, applied to what was read. ``messages`` and ``records`` are all there are, not one case's."""

    def __init__(self, allowed: Allowed, messages: Iterable[StratumMessage], records: Mapping[int, Record]) -> None:
        self._allowed = allowed
        self._records = records
        self._said: dict[int, list[StratumMessage]] = defaultdict(list)
        self._between: dict[tuple[str, str], set[int]] = defaultdict(set)
        for message in messages if self.allows_anything else ():
            self._said[message.event_id].append(message)
            record = records.get(message.event_id)
            if record and record.remote and (device := device_of(record)):
                self._between[device, record.remote].add(message.event_id)

    @property
    def allows_anything(self) -> bool:
        """Whether the owner allowed anything."""
        return bool(self._allowed.devices or self._allowed.wallets or self._allowed.pools)

    def covers(self, finding: Finding) -> bool:
        """Whether all mining this finding rests on is allowed; False when it rests on none."""
        return self.why(finding) is not None

    def is_mining_alone(self, finding: Finding) -> bool:
        """Whether it is covered and each of its records shows the mining itself."""
        read = [self._records[event] for event in finding.event_ids if event in self._records]
        return bool(read) and all(map(self._marked, read)) and self.covers(finding)

    def why(self, finding: Finding) -> Way | None:
        """What allows the mining of a finding; None when some of it is not allowed, or there is none."""
        if not self.allows_anything:
            return None
        ways = list(self._ways(finding))
        return ways[0] if ways and all(ways) else None

    def _ways(self, finding: Finding) -> Iterator[Way | None]:
        """For each mining connection the finding rests on what allows it."""
        own = acted(finding, self._records)
        events = self._events(finding, own)
        for event in events:
            yield self._way(self._records[event], finding, own)
        if not events and speaks_of_mining([finding], ()):
            yield self._by_names(finding) or self._by_device(finding.device)

    def _events(self, finding: Finding, own: bool) -> list[int]:
        mining = [e for e in finding.event_ids if e in self._records and self._mines(self._records[e], finding)]
        if mining and own and finding.device and finding.remote:  # a finding keeps some of its records only
            mining += self._between.get((finding.device, finding.remote), ())
        # A chain rests on what is no mining too; those of its links that mine are findings of their own beside it.
        marked = [event for event in mining if self._marked(self._records[event])]
        return sorted(set(marked if marked and finding.remote is None else mining))

    def _mines(self, record: Record, finding: Finding) -> bool:
        if speaks_of_mining([finding], self._said.get(record.event_id, ())):
            return record.table not in {"rdp", "smb", "logon"}
        return self._marked(record)

    def _marked(self, record: Record) -> bool:
        """Whether the record itself shows mining, whatever else is said of it."""
        if record.event_id in self._said:
            return True
        if record.table == "process":  # what a command does beside starting a miner is no mining
            does = str(record.values.get("payload.does") or "").split()
            return bool(record.values.get("mining.program")) and {"deliver", "miner"}.issuperset(does)
        bits = record.values.get("mining.grammar_bits")
        return bool(record.values.get("knowledge.pool")) or (isinstance(bits, float) and bits >= GRAMMAR_BITS)

    def _way(self, record: Record, finding: Finding, own: bool) -> Way | None:
        paid = self._paid(record)
        if self._allowed.wallets and not paid <= self._allowed.wallets:
            return None
        if paid and self._allowed.wallets:
            return "wallet", min(paid), record.device or ""
        if not own:  # a stranger's message: our device need not have done anything
            serves = any(item.about == "compromised_device" for item in finding.evidence)
            return self._by_device(record.device) if serves else None
        by_place = self._by_device(device_of(record) or finding.device) or self._by_names(finding, record)
        return by_place or self._as_elsewhere(record)

    def _paid(self, record: Record) -> frozenset[str]:
        """Payout addresses on a connection, a command line or in a miner's own log. A login that is no address, as
        proxies take, pays nobody one can name."""
        allowed = self._allowed.wallets
        messages = self._said.get(record.event_id, ())
        paid = {m.wallet for m in messages if m.wallet and (m.wallet_valid or m.wallet in allowed)}
        if record.table == "process":
            paid |= payees(str(record.values.get("command") or ""), allowed)
        elif record.table == "miner" and record.values.get("wallet"):
            paid.add(str(record.values["wallet"]))
        return frozenset(paid)

    def _by_device(self, device: str | None) -> Way | None:
        return ("device", device, device) if device and device in self._allowed.devices else None

    def _by_names(self, finding: Finding, record: Record | None = None) -> Way | None:
        """By where it went: the address itself, or a name that somebody else than the device gave for it. To ask for
        the name of an allowed pool is allowed."""
        named = [remote for remote in (record.remote if record else finding.remote,) if remote]
        named += [str(name) for name in _listed(record.values.get("resolved") if record else None)]
        asked = finding.values.get("query") or (record.values.get("query") if record else None)
        if asked and finding.table == "dns":
            named.append(str(asked))
        name = next((name for name in named if under(name, self._allowed.pools)), None)
        return ("pool", name, finding.device or "") if name else None

    def claimed(self, finding: Finding) -> tuple[str, Record | None] | None:
        """The name of an allowed pool that the device alone speaks of, with the record where it does."""
        read = [self._records[event] for event in finding.event_ids if event in self._records]
        for values, record in [*((record.values, record) for record in read), (finding.values, None)]:
            for name in filter(None, (values.get(column) for column in _CLAIMED)):
                if under(str(name), self._allowed.pools):
                    return str(name), record
        return None

    def _as_elsewhere(self, record: Record) -> Way | None:
        """A connection whose login was not seen, in the clear to where this device's other logins pay the owner; or
        a question for the name of such a place."""
        device, messages = device_of(record), self._said.get(record.event_id, ())
        if not device or not (messages or record.table == "dns") or any(m.method == "login" for m in messages):
            return None
        others = [e for (of, remote), events in self._between.items() for e in events
                  if of == device and self._same_place(record, remote, self._records[e])]  # fmt: skip
        paid = frozenset[str]().union(*(self._paid(self._records[event]) for event in others))
        return ("wallet", min(paid), device) if paid and paid <= self._allowed.wallets else None

    def _same_place(self, record: Record, remote: str, other: Record) -> bool:
        if record.table == "dns":
            asked = record.values.get("query")
            return bool(asked) and asked == other.values.get("sni")
        return remote == record.remote and other.values.get("dst_port") == record.values.get("dst_port")


# How miners are told whom to pay: XMRig, T-Rex, lolMiner, SRBMiner, TeamRedMiner, PhoenixMiner, nanominer, cpuminer
# (``-O user:password``), and in the pool's URL (their documentation, November 2026).
_LOGIN = late_regex(
    r"(?:^|\s)(?:-u|--?user(?:name)?|-[a-z]?wal|--?wallet\d?|-O|--userpass)[ =]+[\"']?([^\s\"':,]{3,200})"
    r"|://([^\s\"'/@:]{3,200})(?::[^\s\"'/@]*)?@"
)


# What an address can be: those of Ethereum, Bitcoin and what follows it have 26 characters and more, Monero's have 95.
_ADDRESS = late_regex(r"(?<![0-9A-Za-z])[0-9A-Za-z]{26,}(?![0-9A-Za-z])")


def payees(command: str, wallets: frozenset[str]) -> set[str]:
    """Whom a command line pays: its logins that are ``wallets`` or may be addresses.

    A known address counts only as a login, so that one that merely stands there excuses nothing; and beside it all
    other logins count, and every word that may be an address.
    """
    logins = {_account(flag or url, wallets) for flag, url in _LOGIN.findall(command)}
    if logins & wallets:
        return logins | (set(_ADDRESS.findall(command)) - wallets)
    return {login for login in logins if _ADDRESS.match(login)}


def _account(login: str, wallets: frozenset[str]) -> str:
    """The known address of a login with the names of workers behind it, or the whole login."""
    logins = (one for one in wallets if login == one or (login.startswith(one) and login[len(one)] in "./+~_#-"))
    return next(logins, login)


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def pools_meant(names: Iterable[str], facts: Knowledge) -> frozenset[str]:
    """Host names and addresses that an owner means who allows these pools, by host name, address or operator."""
    meant = set(names)
    for pool in facts.pools:
        if pool.name in meant:
            meant.update(pool.domains)
        if any(under(domain, frozenset(meant)) for domain in pool.domains):
            meant.update(address for address in pool.addresses if "/" not in address)
    return frozenset(meant)


def claimed_by(case: Case, allowed: Allowed) -> tuple[str, Record | None] | None:
    """The name of an allowed pool that a device of the case gives for an address it speaks to, with the record."""
    permission = Permission(allowed, case.messages, case.records)
    mining = [f for f in case.findings if speaks_of_mining([f], ()) or _with_messages(f, case)]
    return next(filter(None, (permission.claimed(finding) for finding in mining)), None)


def allowed_by(case: Case, allowed: Allowed) -> tuple[Way, Record | None] | None:
    """What allows the mining of a case; None when there is none, or some of it is not allowed."""
    permission = Permission(allowed, case.messages, case.records)
    mining = [f for f in case.findings if speaks_of_mining([f], ()) or _with_messages(f, case)]
    ways = [permission.why(finding) for finding in mining]
    if not ways or not all(ways):
        return None
    way = next(way for way in ways if way)
    message = next((m for m in case.messages if way[0] == "wallet" and m.wallet == way[1]), None)
    return way, case.record_of(message) if message else None


def beside_mining(case: Case, allowed: Allowed) -> tuple[Finding, ...]:
    """Findings about access to a device: that its owner lets it mine says nothing about them. The start of the allowed
    miner itself is none."""
    stages = {"initial_access", "execution", "lateral_movement"}
    permission = Permission(allowed, case.messages, case.records)
    beside = (f for f in case.findings if f.stage in stages and f.device and CHAIN not in f.tags)  # a chain counts it
    return tuple(f for f in beside if not permission.is_mining_alone(f))


def _with_messages(finding: Finding, case: Case) -> bool:
    events = set(finding.event_ids)
    return any(message.event_id in events for message in case.messages)


def under(name: str, allowed: frozenset[str]) -> bool:
    """Whether a host name is one of these or below one; case and a final dot mean nothing in names. Below a single
    label lies half of the Internet: such a name means itself only."""
    plain = name.rstrip(".").lower()
    own = (pool.rstrip(".").lower() for pool in allowed)
    return any(plain == pool or ("." in pool.strip(".") and plain.endswith("." + pool)) for pool in own if pool)


def words(way: Way) -> Text:
    """The reason, for a reader."""
    kinds = {
        "device": Text(en="device", ja="機器"),
        "wallet": Text(en="payout address", ja="送金先アドレス"),
        "pool": Text(en="pool", ja="プール"),
    }
    kind, shown = kinds[way[0]], cut(printable(way[1]), 60)
    return Text(en=f"the configuration allows the {kind.en} {shown}", ja=f"設定で許可された{kind.ja}です: {shown}")
