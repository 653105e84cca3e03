"""What the check accepts and refuses, sentence by sentence; and what leaves the machine only as a placeholder."""

from __future__ import annotations

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.analyst.check import reasons_against
from kanaria.analyst.facts import Fact
from kanaria.analyst.redact import Redactor
from kanaria.core.story import Sentence
from kanaria.core.types import Language
from tests.analyst.false_sentences import FACTS, FALSE, TRUE


def fact(text: str, own: str | None = None) -> Fact:
    sentence = Sentence(part="what", text=text, evidence=("e-1",))
    return Fact(id="F1", sentence=sentence, own=text if own is None else own, quotes=("GET /a",))


def against(key: str, text: str) -> tuple[str, ...]:
    return reasons_against(text, [fact(FACTS[key])], language(key))


def language(key: str) -> Language:
    return "ja" if key.startswith("ja_") else "en"


def test_there_are_sixty_false_sentences_in_each_language() -> None:
    count = Counter(language(key) for key, sentences in FALSE.items() for _sentence in sentences)
    assert min(count["en"], count["ja"]) >= 60


@pytest.mark.parametrize("key", FACTS)
def test_a_fact_in_its_own_words_or_with_empty_ones_is_accepted(key: str) -> None:
    for text in (FACTS[key], *TRUE.get(key, ())):
        assert against(key, text) == (), text


@pytest.mark.parametrize("key", FALSE)
def test_what_says_more_less_or_something_else_is_refused(key: str) -> None:
    assert [text for text in FALSE[key] if not against(key, text)] == []


FORMS = (
    ("sent", "203.0.113.9 sent 412 messages to the server"), ("sent", "203.0.113.9 sent 412 messages to the server, see https://evil.example/."),
    ("sent", "203.0.113.9 sent 412 mеssages to the server."), ("sent", "203.0.113.9 sent 412 messages to the server.\u200b"),
    ("sent", "**203.0.113.9** sent 412 messages to the server."), ("sent", "203.0.113.9 sent 412 messages to the server. " * 2),
    ("sent", "203.0.113.9がサーバに412件のメッセージを送りました。"), ("ja_sent", "203.0.113.9 sent 412 messages to the server."),
    ("ja_sent", "203.0.113.9がサーバに412件のメッセージを送った。"), ("ja_sent", "203.0.113.9がサーバに412件のメッセージを送りました"),
    ("ja_sent", "203.0.113.9がサーバに412件のメッセージを送りました。203.0.113.9がサーバに412件のメッセージを送りました。"),
)  # fmt: skip


@pytest.mark.parametrize(("key", "text"), FORMS)
def test_the_form_of_a_sentence_is_checked(key: str, text: str) -> None:
    assert against(key, text), text


@pytest.mark.parametrize("language", ["en", "ja"])
def test_two_facts_may_share_a_sentence_but_not_exchange_their_clauses(language: Language) -> None:
    told = {
        "en": ("At 09:00 followed: mining; scans.", "At 09:06 followed: logons; shares."),
        "ja": ("09:00に、採掘が続きました。", "09:06に、共有が続きました。"),
    }[language]
    both = {
        "en": "At 09:00 followed: mining; scans, and at 09:06 followed: logons; shares.",
        "ja": "09:00に、採掘が続きました。また、09:06に、共有が続きました。",
    }[language]
    mixed = {
        "en": "At 09:00 followed: mining; shares, and at 09:06 followed: logons; scans.",
        "ja": "09:00に、共有が続きました。また、09:06に、採掘が続きました。",
    }[language]
    facts = [fact(text) for text in told]
    assert reasons_against(both, facts, language) == ()
    assert reasons_against(mixed, facts, language)


@given(st.sampled_from(sorted(FACTS)), st.data())
def test_no_two_words_of_a_fact_can_change_places(key: str, data: st.DataObject) -> None:
    """Wherever they stand: who did it, what was counted, what was denied."""
    words = re.findall(r"[一-鿿]+|[ァ-ヺー]+|[ぁ-ゖ]|[A-Za-z]+|\d[\d.:]*\d|\d|\s+|.", FACTS[key])
    able = [index for index, word in enumerate(words) if word[0].isalnum()]
    first, second = data.draw(st.lists(st.sampled_from(able), min_size=2, max_size=2, unique=True))
    words[first], words[second] = words[second], words[first]
    text = "".join(words)
    same = re.sub(r"(?i)\b(?:an?|the)\b|\s", "", text) == re.sub(r"(?i)\b(?:an?|the)\b|\s", "", FACTS[key])
    assert bool(against(key, text)) is not same or text.casefold() == FACTS[key].casefold(), text


@given(
    st.sampled_from(sorted(FACTS)),
    st.text(alphabet="0123456789 .CVE-abnotsuc成功攻撃は。です[]", min_size=1, max_size=60),
)
def test_nothing_gets_in_whatever_a_model_writes(key: str, words: str) -> None:
    text = f"{FACTS[key][:-1]} {words}{FACTS[key][-1]}"
    if not against(key, text):
        assert re.findall(r"[0-9A-Za-z一-鿿ぁ-ゖ]", re.sub(r" (?:a|an)(?= |\.)", "", text)) == re.findall(
            r"[0-9A-Za-z一-鿿ぁ-ゖ]", re.sub(r" (?:a|an)(?= |\.)", "", FACTS[key])
        )


def test_words_that_a_stranger_wrote_prove_nothing() -> None:
    text = "The program named itself because the attack failed."
    assert reasons_against(text, [fact(text, own="The program named itself .")], "en")


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
