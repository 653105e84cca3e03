"""The web log formats by name. All share one reader; they differ in what they recognise and in their fast path.

Whatever the name, a line in any other web shape is still read: files mix shapes, and ``--input-format`` says only what
to expect first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

from kanaria.core.errors import ConfigError
from kanaria.core.late_regex import late_regex
from kanaria.core.stream import ReadContext, Stream
from kanaria.core.types import Batch
from kanaria.core.words import Text
from kanaria.formats.web import layouts, prefix
from kanaria.formats.web.careful import LineParser
from kanaria.formats.web.escapes import plain_quotes
from kanaria.formats.web.learned import Learned

if TYPE_CHECKING:
    from kanaria.formats.web.reader import Fast

FAST_FROM = 4 << 20  # bytes; below, the careful path is done before a compiled one is loaded (0.4 s)
HEAD = 128 << 10  # a shorter head is the whole input
SNIFFED_LINES = 200  # of the head; a mixed log shows its shapes within these, and sniffing costs 2 ms


@lru_cache(maxsize=8)
def shapes(head: bytes) -> tuple[Counter[str], int]:
    """How many of the first lines have which shape, and how many lines were looked at."""
    parser = LineParser()
    counts: Counter[str] = Counter()
    lines = [line for line in head.split(b"\n")[: 4 * SNIFFED_LINES] if line.strip()][:SNIFFED_LINES]
    for line in lines:
        parser.shape = ""
        row = parser.parse(line[:65536])
        if isinstance(row, dict) or (row is None and parser.shape in ("w3c", "error-log", "web-csv", "socks")):
            counts[parser.shape] += 1
    return counts, len(lines)


def _first(head: bytes) -> list[bytes]:
    """The first lines without what collectors put before them."""
    lines = [line.strip() for line in head.split(b"\n")[: 4 * SNIFFED_LINES] if line.strip()][:SNIFFED_LINES]
    return [plain_quotes(inner.line if (inner := prefix.strip(line, None)) else line) for line in lines]


def worth_it(stream: Stream) -> bool:
    """Whether an input is big enough for a fast path to pay for its start (``reader.FAST_FROM``)."""
    return len(stream.head()) >= HEAD and (stream.size is None or stream.path is None or stream.size >= FAST_FROM)


def json_fast(stream: Stream, careful: LineParser) -> Fast | None:
    """The fast path of JSON lines with always the same keys, or with objects inside objects, if these are such."""
    if not worth_it(stream):
        return None
    from kanaria.formats.web import fast, fastjson, treejson

    program = fastjson.choose(stream.head(), careful.aliases)
    return fast.Delimited(program) if program else treejson.choose(stream.head(), careful.aliases)


class WebFormat:
    """What the web formats have in common. ``shapes`` are the line shapes it stands for, by ``LineParser.shape``."""

    name: ClassVar[str]
    title: ClassVar[str]
    example: ClassVar[str]
    tables: ClassVar[tuple[str, ...]] = ("http",)
    shapes: ClassVar[tuple[str, ...]] = ()
    sensor: ClassVar[str] = "web"
    certainty: ClassVar[float] = 0.9
    """The score when every line has the shape."""

    def sniff(self, head: bytes, name: str) -> float:
        counts, lines = shapes(head)
        own = sum(counts[shape] for shape in self.shapes)
        if not own or own < max((counts[shape] for shape in counts if shape not in self.shapes), default=0):
            return 0.0
        return self.certainty * (0.3 + 0.7 * sum(counts.values()) / lines)

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        from kanaria.formats.web.reader import read

        yield from read(
            stream,
            context,
            name=self.name,
            sensor=self.sensor,
            careful=self.parser(context),
            fast=self.fast(stream, context),
        )

    def parser(self, context: ReadContext) -> LineParser:
        """The careful parser for one input."""
        return LineParser(year=context.year, zone=context.zone)

    def fast(self, stream: Stream, context: ReadContext) -> Fast | None:
        """The fast path for one input, if there is one."""
        return None


class Combined(WebFormat):
    name = "combined"
    title = "nginx and Apache access log (common, combined, vhost_combined)"
    example = '203.0.113.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 512 "-" "curl/8.5.0"'
    shapes = ("combined", "common", "vhost", "loose", "cut")

    def fast(self, stream: Stream, context: ReadContext) -> Fast | None:
        from kanaria.formats.web import fast

        program = fast.choose(stream.head()) if worth_it(stream) else None
        return fast.Delimited(program) if program else None


class LogFormat(WebFormat):
    """Never detected: it needs the user's layout."""

    name = "logformat"
    title = "Any access log, given its Apache LogFormat or nginx log_format string"
    example = '203.0.113.7 200 0.012 "GET / HTTP/1.1"'

    def sniff(self, head: bytes, name: str) -> float:
        return 0.0

    def parser(self, context: ReadContext) -> LineParser:
        from kanaria.formats.web.layout import compile_layout, json_aliases

        if not context.layout:
            raise ConfigError(
                path="--log-format",
                key="",
                expected="the server's LogFormat or log_format string",
                got=context.layout,
                cause="--input-format logformat needs it",
            )
        aliases = json_aliases(context.layout)
        if aliases:
            return LineParser(aliases=aliases, year=context.year, zone=context.zone)
        return LineParser(layout=compile_layout(context.layout), year=context.year, zone=context.zone)

    def fast(self, stream: Stream, context: ReadContext) -> Fast | None:
        from kanaria.formats.web import fast

        careful = self.parser(context)
        if careful.aliases:
            return json_fast(stream, careful)
        layout = careful.layout
        program = fast.compile_program(layout) if layout and worth_it(stream) else None
        return fast.Delimited(program) if program else None


class NginxJson(WebFormat):
    name = "nginx-json"
    title = "nginx JSON access log (escape=json)"
    example = '{"msec":"1767323045.000","remote_addr":"203.0.113.7","request":"GET / HTTP/1.1","status":200}'
    shapes = ("nginx-json",)
    sensor = "nginx"
    certainty = 0.8

    def fast(self, stream: Stream, context: ReadContext) -> Fast | None:
        return json_fast(stream, self.parser(context))


class CaddyJson(WebFormat):
    name = "caddy-json"
    title = "Caddy access log"
    example = (
        '{"ts":1767323045.5,"request":{"remote_ip":"203.0.113.7","method":"GET","uri":"/"},"status":200,"size":512}'
    )
    shapes = ("caddy-json",)
    sensor = "caddy"

    def fast(self, stream: Stream, context: ReadContext) -> Fast | None:
        return json_fast(stream, self.parser(context))


class TraefikJson(WebFormat):
    name = "traefik-json"
    title = "Traefik JSON access log"
    example = '{"ClientHost":"203.0.113.7","RequestMethod":"GET","RequestPath":"/","DownstreamStatus":200}'
    shapes = ("traefik-json",)
    sensor = "traefik"

    def fast(self, stream: Stream, context: ReadContext) -> Fast | None:
        return json_fast(stream, self.parser(context))


class WebJson(WebFormat):
    name = "web-json"
    title = "JSON lines of any web server, proxy or gateway"
    example = '{"source":{"ip":"203.0.113.7"},"http":{"request":{"method":"GET"}},"url":{"original":"/"}}'
    shapes = ("web-json",)
    certainty = 0.6

    def fast(self, stream: Stream, context: ReadContext) -> Fast | None:
        return json_fast(stream, self.parser(context))


class W3c(WebFormat):
    name = "w3c"
    title = "W3C extended log (Microsoft IIS)"
    example = "2026-01-02 03:04:05 192.0.2.1 GET / - 443 - 203.0.113.7 curl/8.5.0 - 200 0 0 12"
    shapes = ("w3c",)
    sensor = "iis"

    def sniff(self, head: bytes, name: str) -> float:
        score = super().sniff(head, name)
        return max(score, 0.95) if re.search(rb"(?m)^#Fields:.*\b(?:cs-method|cs-uri|sc-status)\b", head) else score

    def fast(self, stream: Stream, context: ReadContext) -> Fast | None:
        if not worth_it(stream):
            return None
        from kanaria.formats.web import fastw3c

        return fastw3c.FastW3c()


class AwsAlb(WebFormat):
    name = "aws-alb"
    title = "AWS application and classic load balancer access log"
    example = (
        "https 2026-01-02T03:04:05.000000Z app/example 203.0.113.7:40000 192.0.2.1:80 0 0 0 200 200 34 366"
        ' "GET https://example.org:443/ HTTP/1.1" "curl/8.5.0" - -'
    )
    shapes = ("aws-alb",)
    sensor = "aws-elb"


class ErrorLog(WebFormat):
    name = "error-log"
    title = "nginx and Apache error log: requests that were refused, and whose they were"
    example = (
        "2026/01/02 03:04:05 [info] 7#7: *1 client sent invalid method while reading client request line, "
        'client: 203.0.113.7, server: _, request: "{}"'
    )
    shapes = ("error-log",)


class HaProxy(WebFormat):
    name = "haproxy"
    title = "HAProxy HTTP log"
    example = (
        "203.0.113.7:40000 [02/Jan/2026:03:04:05.678] web web/a 0/0/1/2/3 200 512 - - ---- 1/1/0/0/0 0/0 "
        '"GET / HTTP/1.1"'
    )
    shapes = ("haproxy",)
    sensor = "haproxy"


_MINERS_OWN = Text(
    en="written by XMRig's own HTTP interface, by its looks: the miner runs where this log comes from, and somebody "
    "asked its interface. If it is yours, that is all; if not, find out who installed it.",
    ja="マイナーXMRig自身のHTTPインターフェースが書いたログとみられます。このログの出どころではXMRigが動いており、そのインターフェースが"
    "アクセスを受けています。ご自身のものであれば問題ありません。心当たりがなければ、誰が設置したかを調べてください。",
)


class KnownLayout(WebFormat):
    name = "web-layout"
    title = (
        "Nginx Proxy Manager, ingress-nginx, uvicorn, GIN, Django, Rails, PHP's own server, Envoy, Amazon S3, Zoraxy, "
        "XMRig's API, and SOCKS proxies: layouts of a table"
    )
    example = (
        '[02/Jan/2026:03:04:05 +0000] 404 - GET https example.org "/x" [Client 203.0.113.7] [Length 0] [Gzip -] "-" "-"'
    )
    shapes = (*layouts.NAMES, "socks")

    def remark(self, head: bytes) -> Text | None:
        """That a miner wrote the log, where one did."""
        return _MINERS_OWN if shapes(head)[0]["xmrig-api"] else None


class WebCsv(WebFormat):
    name = "web-csv"
    title = "Web requests in CSV with a header, as SIEMs, Kibana and security plug-ins export them"
    example = "time,src_ip,method,uri,status"
    shapes = ("web-csv",)
    certainty = 0.8


class LearnedLayout(WebFormat):
    """Lines with a request in a layout that nobody declared; what was learned is said with the input."""

    name = "learned"
    title = "Any text with requests in it: what stands where is learned from lines that agree"
    example = '203.0.113.7 www.example.org 200 "GET / HTTP/1.1" 0.002s'
    shapes = ("learned",)
    certainty = 0.55

    def read(self, stream: Stream, context: ReadContext) -> Iterator[Batch]:
        from kanaria.formats.web.reader import read

        careful = self.parser(context)
        careful.learned.learn(_first(stream.head()))
        yield from read(stream, context, name=self.name, sensor=self.sensor, careful=careful)

    def guess(self, head: bytes) -> str | None:
        """How the first lines are read, as a ``log_format``: the commonest of them."""
        learned = Learned()
        learned.learn(_first(head))
        guesses = Counter(guess for line in _first(head) if (guess := learned.guess(line)))
        return guesses.most_common(1)[0][0] if guesses else None


class Fragment(WebFormat):
    name = "fragment"
    title = "Parts of access log lines: a quoted request and what follows it"
    example = '"GET / HTTP/1.1" 400 4076 "-" "-"'
    shapes = ("fragment",)
    certainty = 0.7


_CARRIES_RECORDS = late_regex(rb'"params"\s*:\s*\{[^{}\[\]]{0,400}\[\s*\{')
"""Parameters with a list of objects: no mining dialect has them, what pushes events does (Bitdefender GravityZone)."""


class JsonRpc(WebFormat):
    name = "jsonrpc"
    title = "Bare JSON-RPC messages, one a line"
    example = '{"id":1,"method":"mining.subscribe","params":[]}'
    shapes = ("jsonrpc",)
    certainty = 0.6

    def sniff(self, head: bytes, name: str) -> float:
        score = super().sniff(head, name)
        return min(score, 0.5) if _CARRIES_RECORDS.search(head) else score
