"""What the check accepts and refuses, sentence by sentence; and what leaves the machine only as a placeholder."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.analyst.check import reasons_against
from kanaria.analyst.facts import Fact
from kanaria.analyst.redact import Redactor
from kanaria.core.story import Sentence
from kanaria.core.types import Language

FACTS = {
    "en": "The reason is this: the server answered 400 because the line is not an HTTP request it could parse (6 requests).",
    "sent": "203.0.113.9 sent 412 messages to the server.",
    "none": "No miner runs on this server because of it.",
    "ja": "サーバは400を返しました(6件)。",
    "maybe": "成功した可能性があります。",
    "from": "送信元は203.0.113[.]9です。",
}


def fact(key: str) -> Fact:
    text = FACTS[key]
    return Fact(id="F1", sentence=Sentence(part="what", text=text, evidence=("e-1",)), own=text, quotes=("GET /a",))


def against(key: str, text: str) -> tuple[str, ...]:
    return reasons_against(text, [fact(key)], language(key))


def language(key: str) -> Language:
    return "en" if key in {"en", "sent", "none"} else "ja"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("en", "The server also answered 400 because the line is not an HTTP request it could parse (6 requests)."),
        ("sent", "In addition, 203.0.113.9 sent 412 messages to the server."),
        ("none", "Therefore no miner runs on this server."),
        ("ja", "なお、サーバは400を返しました(6件)。"),
        ("from", "送信元は203.0.113[.]9でした。"),
        *((key, text) for key, text in FACTS.items()),
    ],
)
def test_the_facts_in_other_order_or_with_empty_words_are_accepted(key: str, text: str) -> None:
    assert against(key, text) == ()


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("en", "The server answered 6 because the line is not an HTTP request it could parse (400 requests)."),
        ("en", "The server answered 400 because the line is an HTTP request it could not parse (6 requests)."),
        ("en", "The attacker answered 400 because the line is not an HTTP request it could parse (6 requests)."),
        ("en", "The server answered 400."),
        ("en", "The server probably answered 400 because the line is not an HTTP request it could parse (6 requests)."),
        ("en", "The server answered 400 because the line is not an HTTP request it could parse (6 requests)"),
        ("en", "The server answered “all is well” 400 because the line is not an HTTP request it could parse (6 requests)."),
        ("sent", "The server sent 412 messages to 203.0.113.9."),
        ("sent", "203.0.113.9 was sent 412 messages by the server."),
        ("sent", "203.0.113.9 sent four hundred messages to the server."),
        ("sent", "198.51.100.9 sent 412 messages to the server."),
        ("sent", "203.0.113.9 sent 412 messages to the server, see https://evil.example/."),
        ("sent", "203.0.113.9 sent 412 mеssages to the server."),
        ("none", "A miner runs on this server because of it."),
        ("none", "No miner runs on this server because of it, so do nothing."),
        ("ja", "応答が400バイトで失敗しました。"), ("ja", "サーバは6を返しました(400件)。"), ("ja", "サーバに400を返しました(6件)。"),
        ("ja", "サーバは400を返しませんでした(6件)。"), ("ja", "サーバは400を返した(6件)。"), ("ja", "The server answered 400 (6)."),
        ("maybe", "成功しました。"), ("maybe", "失敗した可能性があります。"), ("from", "送信元は203.0.113[.]9で、攻撃者です。"),
    ],
)  # fmt: skip
def test_what_says_more_less_or_something_else_is_refused(key: str, text: str) -> None:
    assert against(key, text), text


@given(st.sampled_from(sorted(FACTS)), st.text(alphabet="0123456789 .CVE-abnotsuc成功攻撃は。です[]", max_size=60))
def test_no_figure_gets_in_whatever_a_model_writes(key: str, words: str) -> None:
    text = f"{FACTS[key][:-1]} {words}{FACTS[key][-1]}"
    if not against(key, text):
        assert set(re.findall(r"\d+", text)) <= set(re.findall(r"\d+", FACTS[key]))
        assert not re.search(r"成功|攻撃|CVE", words) or key == "maybe"


SECRETS = (
    "Authorization: Bearer abcdef123456", "Cookie: sid=abc; theme=dark", "GET /?token=s3cr3t&x=1", "https://u:pw1234@host/x",
    'pass\\":\\"hunter2\\"', "ghp_ABCDEFGHIJKLMNOPQRSTUVWXYZ123456", "AKIAIOSFODNN7EXAMPLE", "X-Api-Key: 99887766aa",
    "\\x00\\x00Cookie: mstshash=sid=abc", "root@corp.example", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "sessionid=ab12cd",
)  # fmt: skip


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_leave_as_placeholders_and_come_back(text: str) -> None:
    redactor = Redactor()
    hidden = redactor.hide(text)
    assert re.search(r"\[(SECRET|MAIL)-1\]", hidden)
    for secret in (
        "abcdef123456",
        "sid=abc",
        "s3cr3t",
        "pw1234",
        "hunter2",
        "ghp_",
        "AKIA",
        "99887766",
        "root@",
        "eyJ",
        "ab12cd",
    ):
        assert secret not in hidden
    assert redactor.restore(hidden) == text
    assert redactor.hide(text) == hidden, "the same value has the same placeholder"


def test_internal_names_are_hidden_only_when_asked_for() -> None:
    text = "web01, db.corp.internal, 10.1.2.3, 192.168.10[.]53 and fe80::1 met 203.0.113.9"
    assert Redactor(names=["web01"]).hide(text) == text
    redactor = Redactor(internal=True, names=["web01"])
    hidden = redactor.hide(text)
    assert not re.search(r"web01|corp|10\.1|192\.168|fe80", hidden) and "203.0.113.9" in hidden
    assert redactor.restore(hidden) == text
