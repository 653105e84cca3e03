"""Affected versions read as Japanese in Japanese, and say the same numbers."""

from __future__ import annotations

import re

import pytest

from kanaria import knowledge
from kanaria.core.versions import in_words

# English that tells nothing to somebody who reads Japanese; names of products stay.
ENGLISH = re.compile(
    r"\b(before|after|to|and|earlier|older|later|up|without|except|as|with|that|others|from|of|in|the|by|complete|update|updates|any|all)\b"
)
VULNERABILITIES = knowledge.load().vulnerabilities


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("before 6.13.23; 6.14.0 to 7.4.10", "6.13.23より前、6.14.0〜7.4.10"),
        ("2.3.x before 2.3.32; 2.5.x before 2.5.10.1", "2.3.x系のうち2.3.32より前、2.5.x系のうち2.5.10.1より前"),
        ("2.0-beta9 to 2.15.0 (except 2.12.2)", "2.0-beta9〜2.15.0(2.12.2を除く)"),
        ("0.20.0 and earlier", "0.20.0以前"),
        ("8.0.0 to 8.5.3", "8.0.0〜8.5.3"),
        ("2013 and 2016 without the March 2021 update", "2013、2016で2021年3月の更新が未適用"),
        ("2.15.0; complete in 2.16.0, 2.12.2, 2.3.1", "2.15.0(完全な修正は次の版: 2.16.0、2.12.2、2.3.1)"),
    ],
)
def test_versions_are_told_as_in_japan(english: str, japanese: str) -> None:
    assert in_words(english, "ja") == japanese
    assert in_words(english, "en") == english


@pytest.mark.parametrize("cve", sorted(VULNERABILITIES))
def test_no_english_remains_and_no_number_is_lost(cve: str) -> None:
    known = VULNERABILITIES[cve]
    for english in filter(None, (known.affected, known.fixed)):
        japanese = in_words(english, "ja")
        assert not ENGLISH.search(japanese), japanese
        numbers = [sorted(re.findall(r"\d+(?:\.\d+)+", words)) for words in (english, japanese)]
        assert numbers[0] == numbers[1]
