"""What people wrote, not machines: articles, posts, chats, tickets, commits, advisories, rules and tests of detection.

In: the beginning of an input, or one line. Out: whether it is such a text. What is quoted there nobody ran, as far as
the text says; what machines write (a time, a program) and what they are told (histories, crontabs, scripts, settings)
is no such text, whatever sentences stand beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache

from kanaria.core.late_regex import late_regex

_LOOKED_AT = 64 << 10
_MOST_LINES = 400
_NAMED = late_regex(r".+\.(?:md|rst|adoc|html?|tex|rules|yar|yara)", re.IGNORECASE)
_SCRIPT = late_regex(r"\ufeff?(?:#!|#cloud-config|\[Unit\]|FROM \S+|<\?php|@echo off)", re.IGNORECASE)
"""How scripts, units and settings of machines begin: orders, with or without comments."""
_MACHINES = late_regex(
    r"\W{0,3}(?:<\d{1,3}>)?(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|\d{10}(?:\.\d+)?\b"
    r"|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\[?\d\d/[A-Z][a-z]{2}/\d{4}"
    r"|\d{1,3}(?:\.\d{1,3}){3} |\{|type=[A-Z_]+ msg=|time=\"|level=|: \d{10}:\d+;|#\d{10}\b|\s+when: \d{10}\b|- cmd: )"
    r"|\S+@\S+[:~][^#$]{0,60}[#$] "
)
"""Lines of logs and histories."""
_SENTENCE = late_regex(
    r"\s{0,8}(?:(?:[-*+]|\d{1,2}[.)])\s+)?[\"'“‘(]?[A-Z][\w'’-]*,?(?: +[\w'’`\"“”()./:-]+,?){2,60}[.!?:,…]?[\"'”’)]?\s*"
)
_ENDED = late_regex(r".*[.!?:,…][\"'”’)]?\s*")
_KANA = late_regex(r"[\u3041-\u309f]")
_SHELL = late_regex(r"[|;&$<>{}=\\]|(?:^|\s)--?\w")
_MARKUP = late_regex(
    r"\s{0,3}(?:#{2,6} \S|```|~~~|> \S|<(?:!doctype|html|head|body|p|div|h[1-6]|pre|li|ul|ol|br|blockquote|article)\b)"
    r"|={4,}\s*$|(?:commit [0-9a-f]{7,40}\b|Author: .+@|Subject: |Message-ID: |From: .+@)"
    r"|\S.{0,40}(?: — | – )(?:\d\d?/\d\d?/\d{4}|\d{4}/\d\d/\d\d|Today|Yesterday|今日|昨日)",
    re.IGNORECASE,
)
_HEADING = late_regex(r"[A-Z]{4,}(?: [A-Z]+){0,4}\s*")
"""Of a manual's page."""
_TESTS = late_regex(
    r"\s{0,12}(?:assert\b|def test_|(?:it|describe|test|expect)\(|@Test\b|rule \w+|strings:|condition:|detection:"
    r"|selection\w*:|logsource:)|.{0,120}\|(?:contains|endswith|startswith|re)(?:\|\w+)?:"
)
"""Tests and rules of detection. The sources of a program are none: a program does what it says."""
_COLUMNS = late_regex(
    r'(?:[^,\n]{1,60},){0,12}"?(?:summary|description|body|comments?|subject|content|question|answer|text|件名|説明|本文|内容|コメント)"?(?:,|\s*$)',
    re.IGNORECASE,
)
_ORDERS = late_regex(r"(?:^|,)\W?(?:cmd|command\w*|process|message|msg|log|event\w*|_raw)\W?(?:,|\s*$)", re.IGNORECASE)
_SAID = late_regex(
    r"\s*#?\s*(?:alert|drop|reject|pass|sdrop) (?:tcp|udp|ip|icmp|http|dns|tls|ssh|smtp|ftp|smb)\S* .{1,200}?(?:->|<>) "
    r"|[\[(]?[\d:/. T-]{0,32}(?:[AP]M)?[\])]?\s{0,3}<[@+~&% ]?[\w\[\]\\^{}|`-]{1,32}> "
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\t\S{1,32}\t"
    r"|[0-9a-f]{7,12} [A-Z][a-z]+ "
)
"""A rule of Suricata or Snort, somebody's line in a chat, a commit in one line."""
_REMARK = late_regex(
    r"\s*(?:#|//|;|--|<!--|REM\b)+\s*(?!(?:sudo|curl|wget|ba?sh|cd|apt|apt-get|yum|dnf|pip|npm|docker|chmod|echo|cat|ls|rm|mkdir|"
    r"systemctl|service|nohup|export|tar|unzip|python\d?|perl|ps|kill|pkill|crontab|set)\b)"
    r"(?:[^\W\d_][\w'’]*[,:]?\s+){2,}(?=[\w\"'`*/])",
    re.IGNORECASE,
)
"""A remark that says something before it quotes; a command behind ``#`` may be root's."""
_WRITTEN = frozenset(
    "text body description comment content prompt completion question answer summary title subject instruction"
    " output".split()
)
_RECORDED = frozenset(
    "level severity log msg message cmd command commandline args argv process exe proctitle event src_ip status".split()
)


def is_prose(head: bytes, name: str) -> bool:
    """Whether an input that no reader knows is a text somebody wrote, by its name or its first lines."""
    return bool(_NAMED.fullmatch(name.rpartition("/")[2])) or _of_people(head[:_LOOKED_AT])


@lru_cache(maxsize=4)
def _of_people(head: bytes) -> bool:
    text = head.decode("utf-8", "replace")
    if _SCRIPT.match(text.lstrip()):
        return False
    lines = [line for line in text.split("\n")[:_MOST_LINES] if line.strip()]
    if not lines:
        return False
    if _COLUMNS.match(lines[0]) and not _ORDERS.search(lines[0]):
        return True
    machines = sum(_MACHINES.match(line) is not None for line in lines)
    people = sum(_MACHINES.match(line) is None and reads_as_prose(line) for line in lines)
    return people > machines and 8 * people >= len(lines)


def reads_as_prose(line: str) -> bool:
    """A sentence, a heading, markup, or a line of a test or a rule."""
    if _MARKUP.match(line) or _HEADING.fullmatch(line) or _TESTS.match(line):
        return True
    if line.lstrip()[:1] in ("#", ";"):  # crontabs and settings explain themselves
        return False
    if len(_KANA.findall(line[:400])) >= 5:
        return True
    if _SHELL.search(line) or not _SENTENCE.fullmatch(line):
        return False
    return len(line.split()) >= 6 or _ENDED.fullmatch(line) is not None


def quotes(line: bytes) -> bool:
    """Whether a line by itself says that it only quotes: a rule, a chat, a remark, a member of a ticket."""
    if line[:1] in (b"{", b"[") and _in_a_text(line):
        return True
    text = line[:4096].decode("utf-8", "replace")
    if _SAID.match(text):
        return True
    return _REMARK.match(text) is not None


def _in_a_text(line: bytes) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    records = found if isinstance(found, list) else [found]
    return bool(records) and all(isinstance(one, Mapping) and _of_text(one) for one in records)


def _of_text(record: Mapping[str, object]) -> bool:
    keys = {key.lower() for key in record}
    return bool(keys & _WRITTEN) and not keys & _RECORDED
