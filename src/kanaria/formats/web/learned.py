"""Layouts that nobody declared: what each token of a line is, learned from lines that agree.

In: lines with a request somewhere in them. Out: rows, and the guess as a ``log_format`` that a person can check and
correct. A line is cut into quoted texts, bracketed groups and words; a token is what it looks like (a request, a
status, an address, a time); where lines of one shape have several candidates, the place that most agree on wins.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import field
from functools import lru_cache

from kanaria.core.late_regex import late_regex
from kanaria.core.network import parse_address
from kanaria.core.values import dataclass
from kanaria.formats.web import values
from kanaria.formats.web.escapes import to_text, unescape
from kanaria.formats.web.values import Row

LONGEST = 65_536
MOST_TOKENS = 80
"""Tokens of a line that are looked at; the longest access log in use (AWS ALB) has 29."""
LEARNED_FROM = 200
_TOKEN = late_regex(rb'"((?:[^"\\]|\\.)*)"?|\[([^\[\]"]{0,400})\]|(?:/|[a-z]{2,6}://)[^\s"]*|[^\s"\[\]|]+')
_METHOD = (
    rb"(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE|PROPFIND|MKCOL|MOVE|COPY|REPORT|SEARCH|TRACK|DEBUG)"
)
_REQUEST = late_regex(_METHOD + rb" (?:/|\*|[a-z]+://|[\w.-]+:\d).*", re.DOTALL)
_SENT = late_regex(rb"\s*(?:\{|\\x|.{0,3}\\x16\\x03)")
_PATH = late_regex(rb"/\S*|[a-z]{2,5}://\S+")
_HOST = late_regex(rb"(?=.*[A-Za-z])(?:[A-Za-z0-9_-]{1,63}\.)+[A-Za-z]{2,24}(?::\d{1,5})?")
_FILE = late_regex(rb".*\.(?:log|gz|txt|conf|php|py|js|go|rb|java|html?)(?::\d+)?:?", re.IGNORECASE)
_AGENT = late_regex(rb"Mozilla/|[A-Za-z][\w .+()-]{0,40}/v?\d|[A-Za-z][\w-]{2,40}(?:/| \()|\(\)\s*\{")
_LABEL = late_regex(rb"(?:client|remote|from|ip|peer|src|addr|user-?agent|ua|host|origin)\b[ :=]+", re.IGNORECASE)
_TIME = late_regex(
    rb"\[?((?:[A-Z][a-z]{2}, )?\d{1,2}[/ ][A-Z][a-z]{2}[/ ]\d{4}[: ]\d\d:\d\d:\d\d(?:\.\d{1,9})?"
    rb"(?: ?(?:GMT|UTC|Z|[+-]\d\d:?\d\d))?"
    rb"|\d{4}[-/]\d\d[-/]\d\d(?:T| - | )\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?"
    rb"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,6})? \d{4})\]?"
)  # fmt: skip
_ZONED = late_regex(rb"(?:GMT|UTC|Z|[+-]\d\d:?\d\d)$")
QUOTED, GROUP, WORD, CLOCK = "Q", "B", "W", "T"


@dataclass(frozen=True, slots=True)
class Token:
    """``kind`` of its writing, ``text`` without quotes or brackets."""

    kind: str
    text: bytes


@dataclass(frozen=True, slots=True)
class Places:
    """Which token is what; -1 for what the line has not. ``path`` is -1 where the method's token is a whole request."""

    method: int
    path: int = -1
    status: int = -1
    client: int = -1
    time: int = -1
    size: int = -1
    referer: int = -1
    agent: int = -1
    host: int = -1


def tokens(line: bytes) -> list[Token]:
    """The tokens of a line; its first time outside of quotes is one token, whatever blanks it has."""
    quotes = [match.span() for match in re.finditer(rb'"(?:[^"\\]|\\.)*"?', line)]
    clocks = [m for m in _TIME.finditer(line[:4096]) if not any(a < m.start() < b for a, b in quotes)]
    clock = next((m for m in clocks if _ZONED.search(m[1])), clocks[0] if clocks else None)
    if clock is None:
        return _cut(line)
    return [*_cut(line[: clock.start()]), Token(CLOCK, clock[1]), *_cut(line[clock.end() :])][:MOST_TOKENS]


def _cut(text: bytes) -> list[Token]:
    tokens = []
    for match in _TOKEN.finditer(text):
        if match[0][:1] == b'"':
            tokens.append(Token(QUOTED, match[1]))
        elif match[0][:1] == b"[":
            tokens.append(Token(GROUP, match[2]))
        elif word := match[0].rstrip(b",;"):
            tokens.append(Token(WORD, word))
        if len(tokens) >= MOST_TOKENS:
            break
    return tokens


def places(given: Sequence[Token]) -> Places | None:
    """What the tokens look like, or None when no request is among them."""
    method, path = _request(given)
    if method < 0:
        return None
    last = max(method, path)
    rest = range(last + 1, len(given))
    status = _status(given, method, last)
    client = _client(given)
    quoted = [i for i in rest if given[i].kind == QUOTED and i != client]
    referer, agent = _headers(given, quoted)
    labelled = next((i for i in range(len(given)) if given[i].kind == GROUP and _labelled(given[i].text, b"u")), -1)
    return Places(
        method, path, status, client,
        time=next((i for i, token in enumerate(given) if token.kind == CLOCK), -1),
        size=status + 1 if _is_size(given, status) and status > last else -1,
        referer=referer, agent=agent if agent >= 0 else labelled,
        host=next((i for i in range(len(given)) if i != path and _is_host(given[i])), -1),
    )  # fmt: skip


def _request(given: Sequence[Token]) -> tuple[int, int]:
    """Where the request stands: one quoted token, or a method and, soon after, a path."""
    for index, token in enumerate(given):
        if token.kind == QUOTED and _REQUEST.fullmatch(token.text):
            return index, -1
    for index, token in enumerate(given):
        if token.kind != GROUP and re.fullmatch(_METHOD, token.text):
            near = range(index + 1, min(index + 5, len(given)))
            path = next(
                (i for i in near if given[i].kind != GROUP and _PATH.fullmatch(given[i].text.split(b" ")[0])), -1
            )
            if path >= 0:
                return index, path
    for index, token in enumerate(given):  # no HTTP at all, as mining messages are
        if token.kind == QUOTED and _SENT.match(token.text):
            return index, -1
    return -1, -1


def _status(given: Sequence[Token], first: int, last: int) -> int:
    """Behind the request if there is one, else the last before it."""
    after = [i for i in range(last + 1, len(given)) if _is_status(given[i])]
    before = [i for i in range(first) if _is_status(given[i])]
    return after[0] if after and after[0] - last <= 3 else before[-1] if before else after[0] if after else -1


def _is_status(token: Token) -> bool:
    return token.kind != QUOTED and re.fullmatch(rb"[1-5]\d\d:?", token.text) is not None


def _is_size(given: Sequence[Token], status: int) -> bool:
    return 0 <= status < len(given) - 1 and re.fullmatch(rb"\d{1,18}|-", given[status + 1].text) is not None


def _labelled(text: bytes, initial: bytes) -> bool:
    label = _LABEL.match(text)
    return label is not None and label[0][:1].lower() == initial


def _client(given: Sequence[Token]) -> int:
    """A group that names it, else the first address outside quotes, else one in quotes."""
    named = [i for i, t in enumerate(given) if t.kind == GROUP and _LABEL.match(t.text) and _address(t)]
    bare = [i for i, t in enumerate(given) if t.kind in (WORD, GROUP) and _address(t)]
    quoted = [i for i, t in enumerate(given) if t.kind == QUOTED and _address(t)]
    return next(iter([*named, *bare, *quoted]), -1)


def _address(token: Token) -> str | None:
    return _address_in(token.text) if len(token.text) <= 128 else None


@lru_cache(maxsize=1 << 12)
def _address_in(text: bytes) -> str | None:
    plain = to_text(_LABEL.sub(b"", text, count=1)).split(",")[0].strip(" ()\"'")
    if plain.count(".") < 3 and plain.count(":") < 2:
        return None
    host = values.address(plain)[0]
    return plain if host and parse_address(host) else None


def _headers(given: Sequence[Token], quoted: Sequence[int]) -> tuple[int, int]:
    """Referrer and user agent among the quoted texts behind the request."""
    agent = next((i for i in quoted if _AGENT.match(given[i].text) and not _PATH.fullmatch(given[i].text)), -1)
    referer = next((i for i in quoted if given[i].text.startswith((b"http://", b"https://"))), -1)
    if agent < 0 and len(quoted) >= 2:
        agent = quoted[1]
    if agent < 0 and len(quoted) == 1 and given[quoted[0]].text != b"-" and quoted[0] != referer:
        agent = quoted[0]
    if referer < 0 and len(quoted) >= 2 and agent == quoted[1]:
        referer = quoted[0]
    return referer, agent


def _is_host(token: Token) -> bool:
    if token.kind == GROUP:
        return _labelled(token.text, b"h") or _labelled(token.text, b"o")
    return token.kind == WORD and _HOST.fullmatch(token.text) is not None and not _FILE.fullmatch(token.text)


@dataclass
class Learned:
    """What lines of one shape agree on. ``learn`` takes lines, ``row`` reads one."""

    _agreed: dict[str, Places] = field(default_factory=dict)

    def learn(self, lines: Iterable[bytes]) -> None:
        """For every shape among the lines the places that most of its lines have."""
        votes: dict[str, Counter[Places]] = {}
        for line in lines:
            given = tokens(line[:LONGEST])
            layout = places(given)
            if layout:
                votes.setdefault(shape(given), Counter())[layout] += 1
        self._agreed |= {key: counted.most_common(1)[0][0] for key, counted in votes.items()}

    def row(self, line: bytes) -> Row | None:
        """The row of a line with a request and something about it, or None."""
        if len(line) > LONGEST:
            return None
        given = tokens(line)
        own = places(given)
        layout = own and self._agreed.get(shape(given), own)
        if own is None or layout is None:
            return None
        if (layout.method, layout.path) != (own.method, own.path):
            layout = own  # a shape says nothing about a line that has its request elsewhere
        return _row(given, layout) if layout.status >= 0 or layout.client >= 0 else None

    def guess(self, line: bytes) -> str | None:
        """How the line is read, as a ``log_format``; None when it is not."""
        given = tokens(line[:LONGEST])
        own = places(given)
        return _pattern(given, self._agreed.get(shape(given), own)) if own else None


def shape(given: Sequence[Token]) -> str:
    """How a line is written: the kinds of its tokens."""
    return "".join(token.kind for token in given)


def _row(given: Sequence[Token], at: Places) -> Row:
    row: Row = {"src_ip": None, "src_port": None}
    request = unescape(given[at.method].text)
    if at.path >= 0:
        request += b" " + unescape(given[at.path].text)
    values.set_request(row, request)
    if at.path >= 0:
        row["method"], row["url"] = to_text(given[at.method].text), to_text(unescape(given[at.path].text))
    if at.time >= 0:
        row["time"] = values.clf_time(given[at.time].text)
    if at.status >= 0:
        row["status"] = values.small_integer(given[at.status].text.rstrip(b":"))
    if at.size >= 0:
        row["bytes_out"] = 0 if given[at.size].text == b"-" else values.integer(given[at.size].text)
    for column, place in (("referer", at.referer), ("user_agent", at.agent)):
        if place >= 0:
            row[column] = values.text_or_none(unescape(_LABEL.sub(b"", given[place].text, count=1)))
    if at.host >= 0:
        row["host"] = values.address(to_text(_LABEL.sub(b"", given[at.host].text, count=1)))[0]
    if at.client >= 0:
        forwarded = ",".join(
            to_text(token.text)
            for i, token in enumerate(given)
            if i != at.client and token.kind == QUOTED and _address(token)
        )
        row["src_ip"], row["src_port"] = values.client(_address(given[at.client]) or "", forwarded)
    return row


def _pattern(given: Sequence[Token], at: Places | None) -> str:
    if at is None:
        return ""
    names = {
        at.path: "$request_uri", at.status: "$status", at.client: "$remote_addr", at.time: "$time_local",
        at.size: "$body_bytes_sent", at.referer: "$http_referer", at.agent: "$http_user_agent", at.host: "$host",
    }  # fmt: skip
    names[at.method] = "$request" if at.path < 0 else "$request_method"
    names.pop(-1, None)
    around = {QUOTED: '"{}"', GROUP: "[{}]", CLOCK: "[{}]", WORD: "{}"}
    shown = (
        around[token.kind].format(names.get(i, "-" if token.text == b"-" else "$-")) for i, token in enumerate(given)
    )
    return " ".join(shown)
