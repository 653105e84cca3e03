"""The lines that mining programs write, as a table: from one message to a ``MinerLine``, or None.

Each entry is a program (empty where several write alike), whether the line alone proves that a miner wrote it, and an
expression. Its groups are the facts: version, pool, algorithm, coin, wallet, rate and unit, accepted, rejected, one (a
share), refused (one that was not taken), job. The wording is that of the programs' own output, read in their public
sources and documentation (November 2026); of a program without an entry here the general lines are still known.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from kanaria.core.late_regex import late_regex
from kanaria.core.text import without_colours
from kanaria.core.values import dataclass


class Phrase(NamedTuple):
    """One kind of line."""

    program: str
    sure: bool
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class MinerLine:
    """What one line says. Counts are totals so far, ``one`` and ``refused`` single shares."""

    program: str
    sure: bool
    version: str | None = None
    pool: str | None = None
    port: int | None = None
    address: str | None = None
    algorithm: str | None = None
    coin: str | None = None
    wallet: str | None = None
    rate: float | None = None
    accepted: int | None = None
    rejected: int | None = None
    one: bool = False
    refused: bool = False
    job: bool = False


_HOST = r"(?:[a-z0-9+]+://)?(?:[^@\s/]{1,200}@)?(?P<pool>[A-Za-z0-9_.-]{3,253}|\[[0-9A-Fa-f:]+\])"
_POOL = rf"{_HOST}:(?P<port>\d{{1,5}})"
_RATE = r"(?P<rate>\d+(?:\.\d+)?)\s*(?P<unit>[kKMGTPE]?)(?:[Hh]|hash|[Ss]ol|[gG](?=/s))(?:/s|ps)"

_TABLE: tuple[tuple[str, bool, str], ...] = (
    # XMRig, its proxy and its many forks
    ("", True, r"^\* ABOUT\s+(?P<program>XMRig[\w-]*|xmrig-proxy|[\w.-]*(?:rig|miner)[\w-]*)/(?P<version>[\w.+-]+)"),
    ("XMRig", True, rf"^\* POOL #\d+\s+{_POOL}(?:\s+(?:coin (?P<coin>\w+)|(?:algo|variant) (?!auto)(?P<algorithm>\S+)))?"),
    ("XMRig", True, rf"^(?:net\s+|proxy\s+)?use (?:pool|daemon) {_POOL}(?:\s+TLSv\S+)?(?:\s+(?P<address>[\d.]{{7,15}}|[0-9a-f:]{{6,39}}))?"),
    ("XMRig", True, rf"^(?:net\s+|proxy\s+|\S+\s+)?(?P<job>new job) from {_POOL} diff \S+(?: algo (?P<algorithm>\S+))?"),
    ("XMRig", True, r"^(?:cpu\s+|opencl\s+|cuda\s+|nvidia\s+|proxy\s+)?accepted \((?P<accepted>\d+)/(?P<rejected>\d+)(?:/\d+)?\)(?: \+\d+)? diff \d+"),
    ("XMRig", True, r"^(?:cpu\s+|opencl\s+|cuda\s+|nvidia\s+|proxy\s+)?rejected \((?P<accepted>\d+)/(?P<rejected>\d+)(?:/\d+)?\)(?: \+\d+)? diff \d+"),
    ("XMRig", True, r"^(?:miner\s+)?speed 10s/60s/15m (?P<first>\S+) (?P<rate>\d+(?:\.\d+)?|n/a) \S+ (?P<unit>[kMG]?)H/s"),
    ("xmrig-proxy", True, rf"^(?:proxy\s+)?(?:speed\s+)?{_RATE}, shares: (?P<accepted>\d+)/(?P<rejected>\d+)"),
    # T-Rex
    ("T-Rex", True, r"^(?:T-Rex NVIDIA GPU miner v|t-rex )(?P<version>\d[\w.]*)"),
    ("T-Rex", True, rf"^\[(?: ?OK ?|FAIL)\] (?P<accepted>\d+)/(?P<total>\d+) - {_RATE}"),
    ("T-Rex", True, rf"^Mining at {_POOL}, diff"),
    ("T-Rex", True, rf"^GPU #\d+: .{{1,60}} - {_RATE}.{{0,80}}(?:\bA:\d+|, \d+/\d+ R:\d)"),
    # TeamRedMiner
    ("TeamRedMiner", True, r"^Team Red Miner version (?P<version>\d[\w.]*)"),
    ("TeamRedMiner", True, rf"^Pool {_HOST}(?::(?P<port>\d+))? share accepted\. .*?\(a:(?P<accepted>\d+) r:(?P<rejected>\d+)\)"),
    ("TeamRedMiner", True, rf"^Pool {_HOST}(?::(?P<port>\d+))? share rejected\..*?\(a:(?P<accepted>\d+) r:(?P<rejected>\d+)\)"),
    ("TeamRedMiner", True, rf"^Pool {_HOST}(?::(?P<port>\d+))? (?:received (?P<job>new job)|successfully (?:subscribed|authorized)|connected)"),
    ("TeamRedMiner", True, r"^Mining (?P<algorithm>\w+) with \d+ GPU workers"),
    ("TeamRedMiner", True, rf"^(?:GPU \d+ \[.*?\]|Total(?: \[.*?\])?)\s+(?P<algorithm>\w+): {_RATE}, avg .*?a:(?P<each>\d+) r:\d+"),
    # lolMiner
    ("lolMiner", True, r"^[|+\s-]*lolMiner (?P<version>\d[\w.]*)"),
    ("lolMiner", False, rf"^(?:[A-Z]\w+: )?Connected to {_POOL}\s+\(TLS"),
    ("lolMiner", True, r"^(?:[A-Z]\w+: )?(?P<job>New job received): \w+ Epoch: \d+ "),
    ("lolMiner", True, r"^(?:[A-Z]\w+: )?GPU \d+: (?P<one>Share accepted)"),
    ("lolMiner", True, r"^(?:[A-Z]\w+: )?(?:GPU \d+: )?Found a share of difficulty"),
    ("lolMiner", True, rf"^(?:[A-Z]\w+: )?Average speed \(\d+s\): {_RATE}"),
    ("", False, r"^Algorithm:\s+(?P<algorithm>[\w/-]{3,30})"),
    # SRBMiner-MULTI
    ("SRBMiner-MULTI", True, r"^[=\s]*SRBMiner-MULTI[\s,]+(?:v(?:ersion)?\.? ?)?(?P<version>\d[\w.]*)"),
    ("SRBMiner-MULTI", True, r"^(?:#\d+|GPU\d*|CPU)(?:\[t\d+\])?\s+(?P<one>result accepted) (?:for algorithm (?P<algorithm>\S+)|\[)"),
    ("SRBMiner-MULTI", True, r"^(?:#\d+|GPU\d*|CPU)(?:\[t\d+\])?\s+(?P<refused>result rejected) (?:for algorithm (?P<algorithm>\S+)|\[)"),
    ("SRBMiner-MULTI", True, rf"^(?:#\d+\s+)?Connected to {_POOL} \[\d+\](?: \[(?P<algorithm>[^\]]+)\])?"),
    ("SRBMiner-MULTI", False, rf"^(?:Total|CPU|GPU\d+)[\s:|]+{_RATE}"),
    # cgminer, bfgminer, sgminer
    ("", True, r"^Started (?P<program>cgminer|bfgminer|sgminer) (?P<version>\d[\w.-]*)"),
    ("cgminer", True, r"^(?P<one>Accepted) [0-9a-f]{8} (?:Diff \S+ )?[A-Z]{3,4}\s?\d+"),
    ("cgminer", True, r"^(?P<refused>Rejected) [0-9a-f]{8} (?:Diff \S+ )?[A-Z]{3,4}\s?\d+"),
    ("cgminer", True, rf"^(?:Switching to p|P)ool \d+ (?P<url>stratum\S*://\S+|{_POOL})(?: alive)?"),
    ("cgminer", True, r"^Stratum from pool \d+ (?:detected (?P<job>new block)|requested work)"),
    ("cgminer", True, r"^\(?\d+s\)?:\S+.*?\(?avg\)?:(?P<rate>\d+(?:\.\d+)?)(?P<unit>[kKMGTP]?)h?/?s?\b.*?\bA:(?P<accepted>\d+) R:(?P<rejected>\d+)"),
    # ccminer, cpuminer and their descendants
    ("", True, r"^\*{3,} *(?P<program>ccminer|cpuminer[\w-]*|cpuminer-opt) (?:for .*?)?v?(?P<version>\d[\w.]*)"),
    ("", True, rf"^(?:GPU #\d+: )?accepted: (?P<accepted>\d+)/(?P<total>\d+) \(.*?\),? {_RATE}"),
    ("cpuminer", True, r"^\d+ (?:CPU )?(?:miner|mining) threads started, using '(?P<algorithm>[^']+)' algorithm"),
    ("cpuminer", True, rf"^Starting (?:Stratum )?on (?:stratum\S*://){_POOL}"),
    ("cpuminer-opt", True, r"^\d+ of \d+ miner threads started using '(?P<algorithm>[^']+)' algorithm"),
    ("cpuminer-opt", True, rf"^[Ss]tratum connect (?:stratum\S*://)?{_POOL}$"),
    ("cpuminer-opt", True, r"^\d+ (?:Accepted (?P<accepted>\d+) S\d+ R(?P<rejected>\d+) B\d+|A(?P<one>\d+) S\d+ R\d+ B\d+)"),
    ("cpuminer-opt", True, rf"^Accepted (?P<accepted>\d+)/(?P<total>\d+) \(\d+%\), .*?{_RATE}"),
    ("cpuminer-opt", True, r"^(?P<job>New (?:Stratum Diff|(?:Work|Block)\b(?=.{0,80}\bNet diff)))"),
    ("", True, rf"^(?:CPU|thread|GPU) #?\d+: (?:\d+(?:\.\d+)?[kMG]? ?(?:H|hashes), |[\w ./()-]{{3,40}}, )?{_RATE}$"),
    # xmr-stak and Claymore's
    ("xmr-stak", True, r"^:? ?Result (?P<one>accepted) by the pool"),
    ("xmr-stak", True, r"^:? ?Result (?P<refused>rejected) by the pool"),
    ("xmr-stak", False, rf"^:? ?(?:Fast-c|C)onnecting to {_POOL} pool"),
    ("xmr-stak", True, r"^(?:HASHRATE REPORT - |Totals \((?:CPU|AMD|NVIDIA|ALL)\): +(?P<rate>\d+\.\d+) )"),
    ("Claymore", True, r"^[\W_]*Claymore(?:'s)? .{0,60}? Miner +v?(?P<version>\d[\w.]*)"),
    ("Claymore", True, rf"^ ?[A-Z]{{2,5}} ?- Total Speed: {_RATE}, Total Shares: (?P<accepted>\d+)[^,]*, Rejected: (?P<rejected>\d+)"),
    ("Claymore", True, rf"^ ?[A-Z]{{2,5}}: \d\d/\d\d/\d\d-\d\d:\d\d:\d\d - (?P<job>New job) from {_POOL}"),
    ("Claymore", True, r"^ ?[A-Z]{2,5}: (?P<one>Share accepted) \(\d+ ms\)"),
    ("Claymore", False, r"^Stratum - connecting to '(?P<pool>[\w.-]+)' <(?P<address>[\d.]+)> port (?P<port>\d+)"),
    # nanominer, GMiner, Rigel, BzMiner, WildRig and others of their kind
    ("nanominer", True, rf"^(?:\[\w+\] )?[\w-]{{2,30}} - Total speed: {_RATE}, Total shares: (?P<accepted>\d+) Rejected: (?P<rejected>\d+)"),
    ("nanominer", True, r"^nanominer v(?P<version>\d[\w.]*)"),
    ("GMiner", True, r"^[|+\s-]*GMiner v(?P<version>\d[\w.]*)"),
    ("GMiner", True, r"^(?:Subscribed to|Authorized on) Stratum Server$"),
    ("GMiner", True, r"^(?P<job>New Job): \w+ (?:Epoch|Height|Algo)\w*: \w"),
    ("GMiner", False, rf"^host:\s+{_POOL}$"),
    ("GMiner", True, rf"^GPU\d+ \d+C .{{0,40}}?{_RATE} (?P<accepted>\d+)/(?P<rejected>\d+) \d+W"),
    ("Rigel", True, r"^\|? *Rigel v(?P<version>\d[\w.]*)"),
    ("BzMiner", True, r"^[*\s]*BzMiner:? v(?P<version>\d[\w.]*)"),
    ("BzMiner", True, rf"^\[bzminer\] Connecting to {_POOL}"),
    ("OneZeroMiner", True, r"^[|*\s]*(?:OneZeroMiner|onezerominer) v?(?P<version>\d[\w.]*)"),
    ("P2Pool", True, r"^(?:StratumServer|SideChain|P2Pool|BlockTemplate) .*\b(?P<one>SHARE FOUND)\b"),
    ("P2Pool", True, r"^P2Pool (?:Starting )?(?:p2pool )?v?(?P<version>\d[\w.]*)"),
    ("P2Pool", False, r"^StratumServer (?:listening on|.{1,80}(?:logged in|connected))"),
    ("", True, r"^(?:\[[\w/-]{2,30}\] )?(?:[\w/-]{2,30}: )?(?:(?:[CG]PU|Miner) ?#?\d*:? )?(?P<one>[Ss]hare (?:#\d+ )?(?:is )?accepted|[Ss]olution accepted)[.:,]? ?(?:\(#\d+\) ?)?(?:in |- )?[(\[]? *\d+(?:\.\d+)? ?ms\b"),
    ("", True, r"^(?:\[[\w/-]{2,30}\] |[\w/-]{2,30}: )?(?:(?:[CG]PU|Miner) ?#?\d*:? )?(?P<refused>[Ss]hare (?:#\d+ )?(?:is )?(?:rejected|invalid or stale))[.:,]? ?(?:\(#\d+\) ?)?(?:in |- )?[(\[]? *\d+(?:\.\d+)? ?ms\b"),
    # machines made for mining, and what people run beside them
    ("Bitaxe (AxeOS)", True, rf"^[IWE] \(\d+\) stratum_task: (?:Connecting to|Opening socket to):? {_POOL}"),
    ("Bitaxe (AxeOS)", True, r"^[IWE] \(\d+\) stratum_task: message (?P<one>result accepted)"),
    ("Bitaxe (AxeOS)", True, r"^[IWE] \(\d+\) stratum_task: message (?P<refused>result rejected)"),
    ("Bitaxe (AxeOS)", True, r"^[IWE] \(\d+\) stratum_(?:api|task): (?:tx|rx): \{"),
    ("NerdMiner", True, rf"^\*\*\* Client: connecting to {_POOL}"),
    ("NerdMiner", True, rf"^>>> Completed \d+ share\(s\), \d+ \w?hashes, avg\. hashrate {_RATE}"),
    ("NerdMiner", True, r"^(?:Sending|Receiving) *: \{.{0,200}mining\."),
    ("Braiins OS", True, rf"^(?:INFO )?bosminer(?:::\w+)*: Connected to {_POOL}"),
    ("Braiins OS", True, r"^(?:INFO )?bosminer(?:::\w+)*: (?P<one>share accepted)"),
    ("Excavator", True, rf"^\[(?:QuickMiner|Excavator)\] .{{0,60}}Connecting to {_POOL}"),
    ("Excavator", True, r"^\[(?:QuickMiner|Excavator)\] (?P<one>share accepted)"),
    ("monerod", True, r"^(?:I\s+)?Mining has started with \d+ threads"),
    # ethminer, PhoenixMiner, NBMiner
    ("ethminer", True, r"^(?:\S+ )?(?:ethminer) (?P<version>\d+\.\d[\w.+-]*)"),
    ("ethminer", True, r"^.{0,24}\bethminer \d+:\d\d A(?P<accepted>\d+)(?::R(?P<rejected>\d+))? (?P<rate>\d+\.\d+) (?P<unit>[kMG])h"),
    ("ethminer", True, rf"^\w\s+[\d:]{{8}}\|ethminer\|\s+Speed\s+{_RATE}.*?\[A(?P<accepted>\d+)(?:\+\d+)?:R(?P<rejected>\d+)"),
    ("ethminer", True, r"^(?:\w\s+[\d:]{8}[ |])?stratum[ |]\s*(?P<job>Job): \S+ (?P<pool>[\w.-]+) \[(?P<address>[\d.]{7,15}):(?P<port>\d+)\]"),
    ("ethminer", True, r"^.{0,24}\b(?:stratum|ethminer)\s+\*\*(?P<one>Accepted)"),
    ("PhoenixMiner", True, r"^Phoenix Miner (?P<version>\d[\w.]*)"),
    ("PhoenixMiner", True, rf"^Eth speed: {_RATE}, shares: (?P<accepted>\d+)/(?P<rejected>\d+)/"),
    ("PhoenixMiner", True, r"^Eth: (?P<one>Share accepted) in"),
    ("PhoenixMiner", True, rf"^Eth: Connect(?:ing|ed) to \w+ pool {_POOL} \((?:(?P<address>[\d.]{{7,15}})|proto)"),
    ("PhoenixMiner", True, rf"^Eth: Mining \w+ on {_POOL} for"),
    ("PhoenixMiner", True, rf"^Eth: (?P<job>New job) #\w+ from {_POOL}"),
    ("PhoenixMiner", True, r"^Eth: Accepted shares (?P<accepted>\d+) .*?rejected shares (?P<rejected>\d+)"),
    ("PhoenixMiner", True, rf"^Eth: (?:Average|Effective) speed(?: \(\d+ min\))?: {_RATE}"),
    ("NBMiner", True, r"^\|?\s*NBMiner v?(?P<version>\d[\w.]*)"),
    ("NBMiner", True, rf"^\w+ - (?:Logging in to|(?P<job>New job):) {_POOL}(?: \.\.\.|, ID: )"),
    ("NBMiner", True, r"^\w+ - #\d+ (?:(?P<one>Share accepted)|(?P<refused>Share rejected)), \d+ ms"),
    ("", True, r"^(?:GPU\s?#?\d*:?\s+)?(?P<one>Share accepted)\s?[(#\[!]"),
    # names in front of lines that many write
    ("", False, rf"^(?:\[[\w/-]{{2,30}}\] |[\w/-]{{2,30}}: )?(?P<job>[Nn]ew [Jj]ob)(?: from|:) {_POOL}"),
    ("", False, rf"^(?:\[[\w/-]{{2,30}}\] |[\w/-]{{2,30}}: )?[Cc]onnected to(?: pool)? {_POOL}"),
    ("", False, rf"^(?:Pool|URL|Server)[\s:]+(?:stratum\S*://){_POOL}"),
    ("", False, r"^(?:Wallet|Authorized worker|Worker|Login|User)\s*:\s*(?P<wallet>[A-Za-z0-9_.:-]{20,200})$"),
)  # fmt: skip
PHRASES = tuple(Phrase(program, sure, late_regex(pattern)) for program, sure, pattern in _TABLE)

_STAMP = late_regex(
    r"^\s*(?:(?:[iIWE]|NOTICE|INFO|WARNING)\s+)?\[?(?:20\d\d-?\d\d-?\d\d|20\d\d-[A-Z][a-z]{2}-\d\d|20\d\d\.\d\d\.\d\d|\d\d/\d\d(?:/\d{2,4})?)?[ T:]?"
    r"(?:\d\d:\d\d:\d\d(?:[.,:]\d{1,6})?)Z?\]?:?\s*(?:[0-9a-f]{2,8}\t|(?:eths|main|unkn) )?"
    r"(?:(?:INFO|WARN|DEBUG)(?:\s*[:|-]\s*|\s{1,4})|\[(?:INFO|WARN|DEBUG|ERROR)\]\s*)?"
)
# What is in every line above: the quick look that leaves other lines alone.
_HINT = late_regex(r"ccepted|ejected|nvalid or stale|Stratum|[Tt]hread|Job|SHARE|GMiner|Rigel|host:|Total|HASHRATE|onezero|\d A\d+ S\d|/s\b|hps|POOL #|ABOUT|use (?:pool|daemon)|[Nn]ew [Jj]ob|[Mm]in(?:er|ing)|[Pp]ool|[Ss]tratum|Algorithm"
                   r"|share|stratum_|T-Rex|t-rex|Connected to|Wallet|wallet|worker|Login|avg|A\d+|URL|User|Worker")  # fmt: skip
_UNITS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_LONGEST = 600
"""Characters of a message; miners' longest line (a banner) has 200."""


def read(message: str) -> MinerLine | None:
    """What a message says, when a mining program writes such."""
    if len(message) > _LONGEST or not _HINT.search(message):
        return None
    plain = without_colours(message).strip()
    plain = _STAMP.sub("", plain, count=1).strip()
    for phrase in PHRASES:
        if match := phrase.pattern.match(plain):
            return _miner_line(phrase, match.groupdict())
    return None


def _miner_line(phrase: Phrase, groups: dict[str, str | None]) -> MinerLine:
    rate = groups.get("rate")
    speed = float(rate) * _UNITS[groups.get("unit") or ""] if rate and rate != "n/a" else None
    first = groups.get("first")
    if speed is None and first and first != "n/a":
        speed = float(first) if re.fullmatch(r"\d+(?:\.\d+)?", first) else None
    total, accepted = _whole(groups.get("total")), _whole(groups.get("accepted"))
    rejected = _whole(groups.get("rejected"))
    if rejected is None and total is not None and accepted is not None and total >= accepted:
        rejected = total - accepted
    port = _whole(groups.get("port"))
    return MinerLine(
        program=groups.get("program") or phrase.program, sure=phrase.sure, version=groups.get("version"),
        pool=(groups.get("pool") or "").strip("[]") or None, port=port if port and port < 65_536 else None, address=groups.get("address"),
        algorithm=groups.get("algorithm"), coin=groups.get("coin"), wallet=groups.get("wallet"), rate=speed,
        accepted=accepted, rejected=rejected, one=bool(groups.get("one")), refused=bool(groups.get("refused")),
        job=bool(groups.get("job")),
    )  # fmt: skip


def _whole(text: str | None) -> int | None:
    return int(text) if text and len(text) < 16 else None
