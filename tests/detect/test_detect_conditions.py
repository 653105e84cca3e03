"""Every modifier, wildcard and condition form of Sigma 2.1, each with rows that match and rows that do not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.detect.match import TableMatcher
from kanaria.detect.regex import required
from kanaria.detect.testing import rows_as_table

Matching = Callable[..., list[int]]


def urls(*values: str | None) -> list[dict[str, Any]]:
    return [{"url": value} for value in values]


@pytest.mark.parametrize(
    ("selection", "values", "expected"),
    [
        ({"url": "/Login"}, ["/login", "/LOGIN", "/login2", None, ""], [0, 1]),
        ({"url": ["/a", "/b"]}, ["/a", "/B", "/c"], [0, 1]),
        ({"url|contains": "admin"}, ["/xADMINx", "/adm", None], [0]),
        ({"url|contains|all": ["wget", "chmod"]}, ["/wget;chmod", "/wget", "/chmod wget"], [0, 2]),
        ({"url|startswith": "/api"}, ["/API/1", "/v1/api"], [0]),
        ({"url|endswith": ".php"}, ["/x.PHP", "/x.php?"], [0]),
        ({"url|cased": "/Admin"}, ["/Admin", "/admin"], [0]),
        ({"url|contains|cased": "Admin"}, ["/xAdminx", "/xadminx"], [0]),
        ({"url": "/a*z"}, ["/abcz", "/az", "/a", "/abczx"], [0, 1]),
        ({"url": "/a?c"}, ["/abc", "/ac", "/abbc"], [0]),
        ({"url": r"/a\*c"}, ["/a*c", "/abc"], [0]),
        ({"url": r"/a\?c"}, ["/a?c", "/abc"], [0]),
        ({"url": r"C:\temp\*.exe"}, ["c:\\temp*.exe", "c:\\temp\\x.exe"], [0]),
        ({"url": r"C:\\temp\\*.exe"}, ["c:\\temp\\*.exe", "c:\\temp\\x.exe"], [0, 1]),
        ({"url|contains": "100%"}, ["/100%", "/100x"], [0]),
        ({"url|contains": "a_b*c"}, ["/a_bxxc", "/axbxxc"], [0]),
        ({"url": "*"}, ["", "/x", None], [0, 1]),
        ({"url": ""}, ["", "/x", None], [0]),
        ({"url": None}, ["", "/x", None], [2]),
        ({"url|exists": True}, ["", "/x", None], [0, 1]),
        ({"url|exists": False}, ["", "/x", None], [2]),
        ({"url|re": r"^/[a-f]{3}$"}, ["/abc", "/ABC", "/abcd"], [0]),
        ({"url|re|i": r"^/[a-f]{3}$"}, ["/abc", "/ABC"], [0, 1]),
        ({"url|re|m": r"^b$"}, ["a\nb", "b", "ab"], [0, 1]),
        ({"url|re|s": r"a.b"}, ["a\nb", "axb"], [0, 1]),
        ({"url|re": r"a.b"}, ["a\nb", "axb"], [1]),
        ({"url|re": r"foo(?!bar)"}, ["/foobar", "/foobaz", None], [1]),
        ({"url|re|i": r"(?<=X)foo"}, ["/xFOO", "/foo"], [0]),
        ({"url|re": r"it's"}, ["it's", "its"], [0]),
        ({"url|base64": "ping"}, [base64.b64encode(b"ping").decode(), "ping"], [0]),
        (
            {"url|base64offset|contains": "/bin/sh"},
            [base64.b64encode(b"x" * n + b"/bin/sh -i").decode() for n in range(4)] + ["/bin/sh"],
            [0, 1, 2, 3],
        ),
        ({"url|wide|contains": "ab"}, ["xa\0b\0", "ab"], [0]),
        (
            {"url|wide|base64offset|contains": "Invoke"},
            [base64.b64encode("Invoke-X".encode("utf-16le")).decode(), "Invoke"],
            [0],
        ),
        ({"url|windash|contains": "-f "}, ["x -f y", "x /f y", "x \u2013f y", "x f y"], [0, 1, 2]),
        ({"url|contains": "日本"}, ["/日本語", "/日語"], [0]),
        ({"url|contains": "ÄRGER"}, ["/ärger", "/arger"], [0]),
        ({"url|neq": "/a"}, ["/a", "/b", None], [1, 2]),
    ],
)  # fmt: skip
def test_text(matching: Matching, selection: dict[str, Any], values: list[str | None], expected: list[int]) -> None:
    assert matching({"selection": selection}, urls(*values)) == expected


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({"status": 404}, [0]),
        ({"status": "404"}, [0]),
        ({"status": [404, 500]}, [0, 2]),
        ({"status|gt": 404}, [2]),
        ({"status|gte": 404}, [0, 2]),
        ({"status|lt": 404}, [1]),
        ({"status|lte": 404}, [0, 1]),
        ({"status|startswith": "4"}, [0]),
        ({"status": None}, [3]),
        ({"status|re": "^[45]"}, [0, 2]),
    ],
)
def test_numbers(matching: Matching, selection: dict[str, Any], expected: list[int]) -> None:
    rows = [{"status": 404}, {"status": 200}, {"status": 500}, {"status": None}]
    assert matching({"selection": selection}, rows) == expected


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("10.0.0.0/8", [0, 3]),
        ("10.1.0.0/17", [0, 3]),
        ("2001:db8::/32", [1]),
        ("2001:db8:0:0:8000::/65", []),
        ("0.0.0.0/0", [0, 2, 3]),
    ],
)
def test_cidr(matching: Matching, network: str, expected: list[int]) -> None:
    addresses = ["10.1.2.3", "2001:db8::5", "198.51.100.7", "::ffff:10.1.2.3", "10.1.2", "", None, "10.0.0.0.example"]
    assert matching({"selection": {"src_ip|cidr": network}}, [{"src_ip": a} for a in addresses]) == expected


def test_cidr_negated_and_missing(matching: Matching) -> None:
    detection = {"selection": {"url|contains": "x"}, "ours": {"src_ip|cidr": "10.0.0.0/8"}}
    rows = [{"url": "x", "src_ip": "10.0.0.1"}, {"url": "x", "src_ip": "192.0.2.1"}, {"url": "x"}]
    assert matching({**detection, "condition": "selection and not ours"}, rows) == [1, 2]


def test_field_reference(matching: Matching) -> None:
    rows = [{"user": "Bob", "host": "bob"}, {"user": "bob", "host": "bobby"}, {"user": "x", "host": None}]
    assert matching({"selection": {"user|fieldref": "host"}}, rows) == [0]
    assert matching({"selection": {"host|fieldref|startswith": "user"}}, rows) == [0, 1]


def test_booleans(matching: Matching) -> None:
    rows = [{"success": True}, {"success": False}, {"success": None}]
    assert matching({"selection": {"success": True}}, rows, category="logon") == [0]
    assert matching({"selection": {"success": False}}, rows, category="logon") == [1]
    assert matching({"selection": {"success": "true"}}, rows, category="logon") == [0]


def test_time_parts(matching: Matching) -> None:
    rows = [{"time": "2026-11-21T03:30:00Z"}, {"time": "2026-01-05T23:00:00+09:00"}, {"time": None}]
    assert matching({"selection": {"time|hour": 3}}, rows) == [0]
    assert matching({"selection": {"time|hour": 14}}, rows) == [1]
    assert matching({"selection": {"time|minute": 30}}, rows) == [0]
    assert matching({"selection": {"time|day": 5, "time|month": 1, "time|year": 2026}}, rows) == [1]
    assert matching({"selection": {"time|week": 47}}, rows) == [0]


def test_lists_match_when_any_element_does(matching: Matching) -> None:
    rows = [{"answers": ["192.0.2.1", "Pool.example"]}, {"answers": []}, {"answers": None}, {"answers": ["x"]}]
    assert matching({"selection": {"answers": "pool.example"}}, rows, category="dns") == [0]
    assert matching({"selection": {"answers|startswith": "192.0.2."}}, rows, category="dns") == [0]
    detection = {"selection": {"answers|contains": "pool"}, "condition": "not selection"}
    assert matching(detection, rows, category="dns") == [1, 2, 3]


def test_expand(matching: Matching) -> None:
    rows = urls("/wp-admin", "/phpmyadmin", "/x")
    found = matching(
        {"selection": {"url|expand": "/%admin%"}}, rows, placeholders={"admin": ["wp-admin", "phpmyadmin"]}
    )
    assert found == [0, 1]


def test_keywords_look_at_all_text(matching: Matching) -> None:
    rows = [
        {"url": "/x?${jndi:ldap}"},
        {"user_agent": "${JNDI:rmi"},
        {"raw": "\xff ${jndi:dns}".encode("latin-1")},
        {"source": "${jndi:ldap.log"},
        {"url": "/", "payload.decoded": "${jndi:x}"},
    ]
    assert matching({"selection": ["${jndi:", "unrelated words"]}, rows) == [0, 1, 2, 4]
    assert matching({"selection": {"|all": ["${jndi:", "ldap}"]}}, rows) == [0]
    assert matching({"selection": {"|re": r"\$\{jndi:(ldap|rmi)"}}, rows) == [0]
    assert matching({"selection": [12345]}, urls("/a12345", "/1")) == [0]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("sel_a or sel_b", [0, 1, 2]),
        ("sel_a and sel_b", [2]),
        ("1 of sel_*", [0, 1, 2]),
        ("all of sel_*", [2]),
        ("any of them", [0, 1, 2, 3]),
        ("all of them", []),
        ("not sel_a", [1, 3, 4]),
        ("not (sel_a or sel_b)", [3, 4]),
        ("not not sel_a", [0, 2]),
        ("sel_a and not sel_b", [0]),
        ("not 1 of sel_*", [3, 4]),
    ],
)
def test_conditions(matching: Matching, condition: str, expected: list[int]) -> None:
    detection = {
        "sel_a": {"url|contains": "aaaa"},
        "sel_b": {"user_agent|contains": "bbbb"},
        "other": {"url": "/other"},
        "condition": condition,
    }
    rows = [{"url": "aaaa"}, {"user_agent": "bbbb"}, {"url": "aaaa", "user_agent": "bbbb"}, {"url": "/other"}, {}]
    assert matching(detection, rows) == expected


def test_list_of_mappings_is_a_disjunction(matching: Matching) -> None:
    selection = [{"url": "/a", "status": 200}, {"url|startswith": "/b"}]
    rows = [{"url": "/a", "status": 200}, {"url": "/a", "status": 404}, {"url": "/bcd"}]
    assert matching({"selection": selection}, rows) == [0, 2]


def test_a_column_that_is_not_there_is_null(matching: Matching) -> None:
    rows = urls("/abcd", "/efgh")
    assert matching({"selection": {"baseline.bits|gt": 3}}, rows) == []
    detection = {
        "selection": {"url|contains": "abcd"},
        "quiet": {"no.such": "x"},
        "condition": "selection and not quiet",
    }
    assert matching(detection, rows) == [0]
    assert matching({"selection": {"no.such": None}}, rows) == [0, 1]


def test_enrichment_columns_keep_their_own_types(matching: Matching) -> None:
    rows = [{"mining.messages": 3, "mining.dialect": "stratum_v1"}, {"mining.messages": None}, {"mining.messages": 30}]
    assert matching({"selection": {"mining.messages|gte": 3}}, rows) == [0, 2]
    assert matching({"selection": {"mining.messages": 3}}, rows) == [0]
    assert matching({"selection": {"mining.dialect": "STRATUM_V1"}}, rows) == [0]
    assert matching({"selection": {"mining.dialect|exists": True}}, rows) == [0]


def test_bytes_are_compared_as_text(matching: Matching) -> None:
    rows = [{"request": b"\xff\xfe GET /Shell"}, {"request": b"GET /"}, {"request": None}]
    assert matching({"selection": {"request|contains": "/shell"}}, rows) == [0]


def test_encoded_columns_are_read_too(
    write: Callable[..., Any], document: Callable[..., dict[str, Any]], engine: duckdb.DuckDBPyConnection
) -> None:
    rules = write(document({"selection": {"url|contains": "shell"}}))
    table = rows_as_table("http", urls("/a", "/SHELL", None, "/shell"))
    for kind in (pa.dictionary(pa.int32(), pa.string()), pa.large_string()):
        changed = table.set_column(table.schema.get_field_index("url"), "url", table["url"].cast(kind))
        assert TableMatcher(rules.rules, changed.schema).match(changed, engine)["test_rule"].tolist() == [1, 3]


REGEXES = [
    (r"(?i)/(coinhive(\.min)?\.js|deepminer)", {"/coinhive.js", "/coinhive.min.js", "/deepminer"}),
    (r"foo(bar)?bazqux", {"foobazqux", "foobarbazqux"}),
    (r"^/(longer|run(\?|$)|x[ab]c/)", {"/longer", "/run", "/xac/", "/xbc/"}),
    (r"^/(run|exec)/[^/]+", {"/run/", "/exec/"}),
    (r"[abc]{2}(d|e|f)(g|h|i)(j|k|l)(m|n|o)pqrst", {"mpqrst", "npqrst", "opqrst"}),
    (r"(abcd|ef)", None),
    (r"(?:wget|curl)+ http", {" http"}),
    (r"(?:wget)?x", None),
    (r"[a-z]+", None),
    (r"a(?!bcdef)", None),
    (r"日本abcd", {"abcd"}),
    (r"(", None),
]


@pytest.mark.parametrize(("pattern", "expected"), REGEXES)
def test_literals_of_regular_expressions(pattern: str, expected: set[str] | None) -> None:
    assert required(pattern) == expected


MATCHED = [
    r"(GET|POST) /(admin[0-9]|login\.php|wp-(json|cron))/?x{2,}",
    r"^/(xx-admin/(info|log|api)|run(\?|$)|idle[AB]eat)",
    r"(ab|c?)(de|[fg])+(hijk|lm?nop)(qr)?(st|uv){1,2}wxyz",
    r"(abcdef|gh)?ij(kl|[^m])nopq",
]


@pytest.mark.parametrize("pattern", MATCHED)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_match_contains_one_of_the_literals(pattern: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(pattern, fullmatch=True))
    literals = required(pattern)
    assert literals and any(literal in text.lower() for literal in literals)


HOSTILE = ["'", "''; DROP TABLE t; --", '"', "\\", "\\'", "%' OR '1'='1", "\0", "x\0'; --", "/*", "$$", "{}", "😀"]


@pytest.mark.parametrize("text", HOSTILE)
def test_rule_text_cannot_inject(matching: Matching, text: str) -> None:
    rows = urls(f"/{text}/", "/other")
    plain = text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
    assert matching({"selection": {"url|contains": plain}}, rows) == [0]
    assert matching({"selection": {f"url.{text}|contains": "x"}}, rows) == []
