"""Layouts that people have and that no server calls "combined": one table, in the words of nginx's ``log_format``.

In: nothing. Out: ``LAYOUTS``, tried in this order on lines that the usual layouts do not fit. To add one, add a row and
a golden pair. A run of spaces stands for any number of them; a name that is not among nginx's own is matched and
dropped. Where a layout comes from is said beside it.
"""

from __future__ import annotations

from functools import cache

from kanaria.core.values import dataclass
from kanaria.formats.web import values
from kanaria.formats.web.layout import Layout, compile_layout


@dataclass(frozen=True)
class Declared:
    """A layout by name; ``tail`` allows fields behind the last one. ``mark`` is in every line of it."""

    name: str
    text: str
    mark: bytes
    tail: bool = False


LAYOUTS: tuple[Declared, ...] = (
    # Nginx Proxy Manager, docker/rootfs/etc/nginx/conf.d/include/log.conf: "proxy" and "standard".
    Declared(
        "npm",
        '[$time_local] $upstream_cache_status $upstream_status $status - $request_method $scheme $host "$request_uri"'
        ' [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] [Sent-to $upstream] "$http_user_agent"'
        ' "$http_referer"',
        b"[Sent-to ",
        tail=True,
    ),
    Declared(
        "npm",
        '[$time_local] $status - $request_method $scheme $host "$request_uri" [Client $remote_addr]'
        ' [Length $body_bytes_sent] [Gzip $gzip_ratio] "$http_user_agent" "$http_referer"',
        b"[Client ",
        tail=True,
    ),
    # ingress-nginx before 0.27, nginx.tmpl "upstreaminfo": the forwarded client in brackets.
    Declared(
        "ingress-nginx",
        '$remote_addr - [$proxy_add_x_forwarded_for] - $remote_user [$time_local] "$request" $status $body_bytes_sent'
        ' "$http_referer" "$http_user_agent" $request_length $request_time',
        b" - [",
        tail=True,
    ),
    # uvicorn.logging.AccessFormatter: '%(client_addr)s - "%(request_line)s" %(status_code)s'.
    Declared("uvicorn", 'INFO: $remote_addr - "$request" $status', b"INFO:", tail=True),
    # gin/logger.go, defaultLogFormatter.
    Declared(
        "gin",
        '[GIN] $time_local | $status | $took | $remote_addr | $request_method "$request_uri"',
        b"[GIN]",
        tail=True,
    ),
    # PHP's built-in server, sapi/cli/php_cli_server.c.
    Declared("php-server", "[$time_local] $remote_addr [$status]: $request_method $request_uri", b"]: ", tail=True),
    # Squid, logformat squid: '%ts.%03tu %6tr %>a %Ss/%03>Hs %<st %rm %ru %[un %Sh/%<a %mt'.
    Declared(
        "squid",
        "$msec $took $remote_addr $result/$status $bytes_sent $request_method $request_uri $remote_user $hierarchy",
        b" TCP_",
        tail=True,
    ),
    Declared(
        "squid",
        "$msec $took $remote_addr $result/$status $bytes_sent $request_method $request_uri $remote_user $hierarchy",
        b" NONE",
        tail=True,
    ),
    # Rails, Rails::Rack::Logger.
    Declared("rails", 'Started $request_method "$request_uri" for $remote_addr at $time_local', b"Started "),
    # Envoy, default format string (envoy/access_log_formatter), with x-forwarded-for as the client.
    Declared(
        "envoy",
        '[$time_iso8601] "$request" $status $flags $request_length $bytes_sent $took $upstream_took "$remote_addr"'
        ' "$http_user_agent" "$request_id" "$http_host" "$upstream"',
        b'Z] "',
        tail=True,
    ),
    # Django's development server (django.core.servers.basehttp): no client.
    Declared("django", '[$time_local] "$request" $status $body_bytes_sent', b'] "', tail=True),
    # Amazon S3 server access log format.
    Declared(
        "aws-s3",
        '$owner $bucket [$time_local] $remote_addr $requester $request_id $operation $key "$request" $status $error'
        ' $bytes_sent $object_size $total_time $turn_time "$http_referer" "$http_user_agent"',
        b" REST.",
        tail=True,
    ),
    # XMRig's HTTP API, base/net/http/HttpResponse.cpp: what it refused, with the milliseconds it took.
    Declared(
        "xmrig-api",
        '[$time_local] $remote_addr $request_method $request_uri $status $body_bytes_sent $took "$http_user_agent"',
        b'ms "',
    ),
    # Zoraxy, src/mod/dynamicproxy logger.
    Declared(
        "zoraxy",
        "[$time_iso8601] [$router] [origin:$http_host] [client: $remote_addr] [useragent: $http_user_agent]"
        " $request_method $request_uri $status",
        b"] [client: ",
        tail=True,
    ),
)  # fmt: skip


@cache
def compiled() -> tuple[tuple[bytes, Layout], ...]:
    """The table as layouts, each with its mark."""
    return tuple((declared.mark, _compiled(declared)) for declared in LAYOUTS)


def _compiled(declared: Declared) -> Layout:
    return Layout(declared.name, compile_layout(declared.text).pieces, tail=declared.tail, loose=True)


_PORTED = frozenset({"uvicorn"})
"""Those that always write the client's port, behind an IPv6 address without brackets."""


def find(line: bytes) -> tuple[str, dict[str, object]] | None:
    """Name and row of the first declared layout a line has."""
    for mark, layout in compiled():
        if mark in line and (row := layout.parse(line)):
            if layout.name in _PORTED and row.get("src_port") is None:
                row["src_ip"], row["src_port"] = values.endpoint(str(row.get("src_ip") or ""))
            return layout.name, row
    return None


NAMES = tuple(dict.fromkeys(declared.name for declared in LAYOUTS))
