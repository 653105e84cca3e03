"""A small reader of shell text: hostile text in, simple commands with what joins them out, in bounded time.

``shlex`` of the standard library stops at an unclosed quote, knows no ``$IFS``, no ``$'…'`` and no command inside a
command; what servers log is cut, quoted once more and made to mislead. Nothing is run: variables set in the text are
looked up, names with ``?``, ``*`` and ``[]`` are completed from a list of programs, everything else stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from fnmatch import fnmatchcase

from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass

MOST_WORDS = 1_500
"""Words of one text: a request of 16 KiB holds fewer in any honest command."""

# Programs a name with wildcards may stand for, most telling first.
PROGRAMS = (
    "curl", "wget", "bash", "sh", "python3", "python", "perl", "base64", "nc", "chmod", "dash", "busybox", "php",
    "ruby", "nohup", "cat", "rm", "kill",
)  # fmt: skip
# What stands for itself inside a word; a digit in front of a word may belong to a redirection.
_PLAIN = late_regex(r"[^ \t\r\n;|&<>()'\"`$\\{]+")
_OPERATORS = late_regex(r"&&|\|\||\|&|[;|&\n]")
_REDIRECT = late_regex(r"(?:\d|&)?(?:>>|>\||>&|<&|<<<|<<|<>|>|<)")
_IFS = late_regex(r"\$\{IFS[^}]{0,12}\}|\$IFS(?:\$\w)?")
_NOTHING = late_regex(r"\$[@*!0-9]|\$\{[@*!0-9]+\}")
_VARIABLE = late_regex(r"\$\{(\w{1,40})(?:[:#%/^,-][^}]{0,40})?\}|\$(\w{1,40})")
_ASSIGNMENT = late_regex(r"([A-Za-z_]\w{0,39})=(.*)", re.DOTALL)
_ANSI = late_regex(r"\\(?:x([0-9a-fA-F]{1,2})|([0-7]{1,3})|u([0-9a-fA-F]{4})|([\s\S]))")
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r"}
_BRACE = late_regex(r"\{([^{}\s]{1,400},[^{}\s]{0,400})\}")


@dataclass(slots=True)
class Command:
    """One simple command: its words, what ends it, and the targets of its redirections."""

    words: list[str] = field(default_factory=list)
    end: str = ""
    outputs: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    inner: list[str] = field(default_factory=list)
    """Texts of ``$(…)``, backticks and ``<(…)`` that stood in it."""


def commands(text: str) -> list[Command]:
    """The simple commands of the text, in order."""
    return _Reader(text).read()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.commands: list[Command] = []
        self.command = Command()
        self.variables: dict[str, str] = {}
        self.word: list[str] = []
        self.has_word = False
        self.target: list[str] | None = None
        self.count = 0

    def read(self) -> list[Command]:
        while self.at < len(self.text) and self.count < MOST_WORDS:
            self._step()
        self._end_command("")
        return self.commands

    def _step(self) -> None:
        character = self.text[self.at]
        if character in " \t\r":
            self._end_word()
            self.at += 1
        elif match := _OPERATORS.match(self.text, self.at):
            self._operator(match)
        elif character in "<>" or (character in "&0123456789" and not self.has_word):
            self._redirection(character)
        elif character in "()":
            self._end_command("(" if character == "(" else ")")
            self.at += 1
        elif character in "'\"":
            self._quoted(character)
        elif character == "`":
            self._inner("`", 1)
        elif character == "$":
            self._dollar()
        elif character == "\\":
            self._put(self.text[self.at + 1 : self.at + 2].replace("\n", ""))
            self.at += 2
        elif character == "{" and (brace := _BRACE.match(self.text, self.at)):
            self._braces(brace)
        elif plain := _PLAIN.match(self.text, self.at):
            self._put(plain[0])
            self.at = plain.end()
        else:
            self._put(character)
            self.at += 1

    def _operator(self, match: re.Match[str]) -> None:
        if match[0] == "&" and self.text[match.end() : match.end() + 1] == ">":
            self._redirection("&")
            return
        self._end_command(match[0])
        self.at = match.end()

    def _redirection(self, character: str) -> None:
        if self.text.startswith("<(", self.at) or self.text.startswith(">(", self.at):
            self._inner("(", 2)
            return
        match = _REDIRECT.match(self.text, self.at)
        if match is None:
            self._put(character)
            self.at += 1
            return
        self._end_word()
        self.target = self.command.outputs if ">" in match[0] else self.command.inputs
        self.at = match.end()

    def _quoted(self, quote: str) -> None:
        end = self.at + 1
        while end < len(self.text) and self.text[end] != quote:
            end += 2 if self.text[end] == "\\" and quote == '"' else 1
        body = self.text[self.at + 1 : end]
        self._put(body if quote == "'" else self._expanded(body), quoted=True)
        self.at = end + 1

    def _expanded(self, body: str) -> str:
        """What double quotes leave of their inside; commands in it are noted."""
        for inner in re.findall(r"\$\(([^()]{1,2000})\)|`([^`]{1,2000})`", body):
            self.command.inner.append(inner[0] or inner[1])
        body = re.sub(r"\\([\"\\$`])", r"\1", _NOTHING.sub("", _IFS.sub(" ", body)))
        return _VARIABLE.sub(lambda m: self.variables.get(m[1] or m[2], m[0]), body)

    def _dollar(self) -> None:
        if self.text.startswith("$(", self.at):
            self._inner("(", 2)
        elif self.text.startswith("$'", self.at):
            end = self.at + 2
            while end < len(self.text) and self.text[end] != "'":
                end += 2 if self.text[end] == "\\" else 1
            self._put(unescaped(self.text[self.at + 2 : end]), quoted=True)
            self.at = end + 1
        elif match := _IFS.match(self.text, self.at):
            self._end_word()
            self.at = match.end()
        elif match := _NOTHING.match(self.text, self.at):
            self.at = match.end()
        elif match := _VARIABLE.match(self.text, self.at):
            self._put(self.variables.get(match[1] or match[2], match[0]))
            self.at = match.end()
        else:
            self._put("$")
            self.at += 1

    def _inner(self, opening: str, skip: int) -> None:
        """A command inside: up to the bracket or backtick that closes it, or to the end."""
        start, depth, end = self.at + skip, 1, self.at + skip
        while end < len(self.text):
            character = self.text[end]
            depth += (character == "(") - (character == ")") if opening == "(" else -(character == "`")
            if depth <= 0:
                break
            end += 1
        self.command.inner.append(self.text[start:end])
        self.has_word = True
        self.at = end + 1

    def _braces(self, brace: re.Match[str]) -> None:
        """``{curl,-s,URL}`` is a command without blanks."""
        for part in brace[1].split(","):
            self._put(part.strip("'\""))
            self._end_word()
        self.at = brace.end()

    def _put(self, text: str, *, quoted: bool = False) -> None:
        self.word.append(text)
        self.has_word = self.has_word or bool(text) or quoted

    def _end_word(self) -> None:
        word = "".join(self.word)
        self.word.clear()
        if not self.has_word:
            return
        self.has_word = False
        self.count += 1
        if self.target is not None:
            self.target.append(word)
            self.target = None
            return
        assigned = _ASSIGNMENT.fullmatch(word) if not self.command.words else None
        if assigned and len(self.variables) < 64:
            self.variables[assigned[1]] = assigned[2][:400]
        elif word:
            self.command.words.append(word)

    def _end_command(self, end: str) -> None:
        self._end_word()
        self.target = None
        self.command.end = end
        if self.command.words or self.command.inner or self.command.outputs:
            self.commands.append(self.command)
        elif self.commands and not self.commands[-1].end.strip("()"):
            self.commands[-1].end = end
        self.command = Command()


def unescaped(text: str) -> str:
    r"""The inside of ``$'…'`` and of what ``printf`` and ``echo -e`` print: ``\x63``, ``\143``, ``\n``."""
    return _ANSI.sub(_ansi, text)


def _ansi(match: re.Match[str]) -> str:
    if match[1] or match[3]:
        return chr(int(match[1] or match[3], 16))
    return chr(int(match[2], 8)) if match[2] else _SIMPLE.get(match[4], match[4])


def program(word: str) -> str:
    """The name of the program a word calls: without its folder, ``.exe`` and marks that Windows leaves out, wildcards
    completed."""
    name = re.split(r"[/\\]", word.rstrip("/"))[-1].lower().replace("^", "").removesuffix(".exe")
    if any(mark in name for mark in "?*[") and len(name) < 40:
        return next((pattern for pattern in PROGRAMS if fnmatchcase(pattern, name)), name)
    return name


def nested(word: str) -> Iterator[str]:
    """The text of a quoted word that is a script of its own."""
    if " " in word.strip() or ";" in word or "|" in word:
        yield word
