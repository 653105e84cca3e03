"""What a command line would do: decoded text in, ``Deeds`` out.

The text is read as a shell reads it (``shell_words``), pipe by pipe: what is fetched and where to, what a pipe feeds to
an interpreter, which hidden text is undone and run, what is made executable, kept for the next start, killed or mined.
Nothing is run, all work is bounded. What none of these commands does is no deed, whatever words it contains.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import field

from kanaria.core.values import dataclass
from kanaria.mining import deed_words as w
from kanaria.mining.deed_files import TRIVIAL, printed, saved, transfer
from kanaria.mining.shell_words import Command, commands, nested, program, unescaped

MOST_DEPTH = 4
"""Scripts inside scripts: a cron entry with ``sh -c "$(… | base64 -d)"`` is three deep."""
_LONGEST = 8_192


@dataclass(slots=True)
class Deeds:
    """``names``: fetch, save, pipe, run, hidden, executable, persist, kill, miner, shell; see ``delivers``."""

    names: set[str] = field(default_factory=set)
    remotes: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    callback: str | None = None

    def delivers(self) -> bool:
        """Whether a program is brought, or hidden text is run, or a shell is handed out."""
        names = self.names
        brought = "fetch" in names and bool(names & {"save", "pipe", "run", "executable", "persist"})
        return brought or bool(names & {"hidden", "shell", "miner"})


def read(text: str) -> Deeds:
    """What the text would do as a command line, or as code with command lines in its strings."""
    deeds = Deeds()
    text = text[:_LONGEST]
    if not w.VERBS.search(text) and not any(mark in text for mark in "$?*\\'\"`[^"):
        return deeds
    for part in _scripts(text):
        _script(part, deeds, 0)
    if shell := w.POWERSHELL.search(text):
        # Its brackets and quotes are not those of a Unix shell.
        _windows("powershell", [shell[1]], deeds, 0)
    return deeds


def _scripts(text: str) -> Iterator[str]:
    """The text itself, and the strings of what surrounds it."""
    plain = w.TAG.sub(" ; ", text) if "</" in text else text
    plain = w.CALLED.sub(" ; ", w.LISTED.sub(r"\1 \2", plain))
    yield w.FIELDS.sub("", plain)
    for match in w.STRING.finditer(plain):
        body = match[1] or match[2]
        if w.VERBS.search(body):
            yield body


def _script(text: str, deeds: Deeds, depth: int) -> None:
    if depth > MOST_DEPTH:
        return
    pipe = _Pipe()
    for command in commands(text[:_LONGEST]):
        _command(command, pipe, deeds, depth)
        if command.end not in ("|", "|&"):
            pipe = _Pipe()


@dataclass(slots=True)
class _Pipe:
    """What the commands before in a pipe hand on: something fetched, a known text, something undone."""

    fetched: bool = False
    handed: list[str] = field(default_factory=list)
    """Addresses that a program of an unknown name got."""
    text: str | None = None
    undone: bool = False
    shell: bool = False
    """Somebody is meant to talk to an interactive shell at this end."""


def _command(command: Command, pipe: _Pipe, deeds: Deeds, depth: int) -> None:
    words = _called(command.words)
    fetched_inside = _inside(command, deeds, depth)
    _redirections(command, deeds)
    if not words:
        pipe.fetched = pipe.fetched or fetched_inside
        return
    name, rest = program(words[0].lstrip("{[(<@=:,}")), words[1:]
    if " " in words[0].strip():
        _nested(words, deeds, depth)
    elif name in w.FETCHERS:
        _fetch(name, rest, command, pipe, deeds)
    elif name in w.INTERPRETERS:
        _interpret(name, rest, pipe, fetched_inside, deeds, depth)
    elif name in w.CONNECTORS or (name == "openssl" and "s_client" in rest):
        _connect(rest, command, pipe, deeds)
    elif name in w.WINDOWS:
        _windows(name, rest, deeds, depth)
    else:
        _other(name, words, command, pipe, deeds)
        _nested(rest, deeds, depth)
    _mining(name, rest, deeds)


def _called(words: Sequence[str]) -> list[str]:
    """The words without what stands before a program: ``sudo``, ``timeout 9``, ``nohup``, options of these."""
    left = list(words[_prose(words) : 200])
    while len(left) > 1 and (program(left[0]) in w.PREFIXES or program(left[0]) == "timeout"):
        numbered = program(left[0]) == "timeout"
        left = left[1:]
        while len(left) > 1 and (left[0].startswith("-") or (numbered and re.fullmatch(r"[\d.]+[smhd]?", left[0]))):
            left = left[1:]
        while len(left) > 1 and re.fullmatch(r"[A-Za-z_]\w*=\S*", left[0]):
            left = left[1:]
    return left


def _prose(words: Sequence[str]) -> int:
    """How many words a log has put before a downloader: ``Command failed:``, a prompt, the mark of ``set -x``."""
    places = (place for place in range(1, min(len(words), 20)) if program(words[place]) in w.FETCHERS)
    return next((place for place in places if words[place - 1].endswith((":", "$", "#", "+"))), 0)


def _inside(command: Command, deeds: Deeds, depth: int) -> bool:
    """Read ``$(…)``, backticks and ``<(…)``; whether one of them fetches."""
    fetched = False
    for inner in command.inner:
        own = Deeds()
        _script(inner, own, depth + 1)
        fetched = fetched or "fetch" in own.names
        deeds.names |= own.names
        deeds.remotes += own.remotes
        deeds.files += own.files
    return fetched


def _redirections(command: Command, deeds: Deeds) -> None:
    for target in (*command.outputs, *command.inputs, *command.words):
        if socket := w.SOCKET.search(target):
            deeds.names |= {"shell"}
            deeds.callback = deeds.callback or f"{socket[1]}:{socket[2]}"
        elif target in command.outputs and w.KEPT.search(target):
            deeds.names.add("persist")


def _nested(words: Sequence[str], deeds: Deeds, depth: int) -> None:
    for word in words[:40]:
        for script in nested(word):
            if w.VERBS.search(script):
                _script(w.FIELDS.sub("", script), deeds, depth + 1)


def _fetch(name: str, rest: Sequence[str], command: Command, pipe: _Pipe, deeds: Deeds) -> None:
    bare = (word.strip("{}[](),;'\"") for word in rest if not word.startswith("-"))
    remotes = [word for word in bare if w.REMOTE.fullmatch(word)]
    if name in TRIVIAL:
        remotes = transfer(name, rest)[0]
    if not remotes:
        return
    deeds.names.add("fetch")
    deeds.remotes += remotes
    files = [file for file in (*saved(name, rest), *command.outputs) if file not in w.NOT_FILES]
    if files or (name in ("wget", "fetch", "lwp-download", "tftp", "ftpget", "aria2c", "axel") and not printed(rest)):
        deeds.names.add("save")
        deeds.files += files or [remotes[0].rstrip("/").rsplit("/", 1)[-1]]
    elif name == "curl" and any(re.fullmatch(r"-[a-zA-Z]{0,6}O[a-zA-Z]{0,4}|--remote-name", word) for word in rest):
        deeds.names.add("save")
        deeds.files.append(remotes[0].rstrip("/").rsplit("/", 1)[-1])
    pipe.fetched = True


def _interpret(name: str, rest: Sequence[str], pipe: _Pipe, fetched_inside: bool, deeds: Deeds, depth: int) -> None:
    if pipe.handed and not pipe.fetched:
        deeds.names |= {"fetch", "pipe"}
        deeds.remotes += pipe.handed
    if fetched_inside or pipe.fetched:
        deeds.names |= {"pipe"}
        deeds.names |= {"miner"} if w.LONG_WALLET.search(" ".join(rest)[:2_000]) else set()
    if pipe.undone:
        deeds.names |= {"hidden"}
    pipe.shell = any(re.fullmatch(r"-[a-z]{0,3}i[a-z]{0,3}", word) for word in rest)
    if pipe.text is not None:
        _script(pipe.text, deeds, depth + 1)
    code = next((after for word, after in itertools.pairwise(rest) if re.fullmatch(r"-\w{0,4}[cerE]", word)), None)
    if name in w.CODE and code is not None:
        _code(code, deeds)
    elif code is not None or name == "eval":
        _script(code if code is not None else " ".join(rest), deeds, depth + 1)
    elif any(w.TEMPORARY.match(word) or _is_saved(word, deeds) for word in rest):
        deeds.names.add("run")


def _code(code: str, deeds: Deeds) -> None:
    """A program given on the command line of Python, Perl, PHP, Ruby, Node.js or Lua."""
    urls = w.URL.findall(code)
    if urls and w.NETWORK_CODE.search(code):
        deeds.names |= {"fetch", "run"} if w.RUN_CODE.search(code) else {"fetch", "save"}
        deeds.remotes += urls
    elif w.NETWORK_CODE.search(code) and w.SHELL_CODE.search(code):
        deeds.names.add("shell")
    elif re.search(r"b64|base64|fromhex|pack\(", code, re.IGNORECASE) and w.RUN_CODE.search(code):
        deeds.names.add("hidden")
    for match in w.STRING.finditer(code):
        body = match[1] or match[2]
        if w.VERBS.search(body):
            _script(body, deeds, MOST_DEPTH)


def _connect(rest: Sequence[str], command: Command, pipe: _Pipe, deeds: Deeds) -> None:
    """``nc`` and its kin: a shell handed out, or something fetched from a bare port."""
    places = [found for word in rest if (found := w.PLACE.fullmatch(word))]
    hosts = [place["host"] for place in places]
    ports = [place["port"] for place in places if place["port"]] or [
        word for word in rest if re.fullmatch(r"\d{1,5}", word)
    ]
    run = pipe.shell or any(w.RUNS.fullmatch(word) for word in rest) or any("exec:" in word.lower() for word in rest)
    if hosts and run:
        deeds.names.add("shell")
        deeds.callback = deeds.callback or ":".join([*hosts[:1], *ports[:1]])
    elif hosts and ports and not any(re.fullmatch(r"-[a-y]{0,4}z[a-y]{0,4}", word) for word in rest):
        pipe.fetched = True
        deeds.names.add("fetch")
        deeds.remotes.append(f"{hosts[0]}:{ports[0]}")
        files = [target for target in command.outputs if target not in w.NOT_FILES]
        deeds.names |= {"save"} if files else set()
        deeds.files += files


def _other(name: str, words: Sequence[str], command: Command, pipe: _Pipe, deeds: Deeds) -> None:
    rest = words[1:]
    if name == "chmod" and any(w.EXECUTABLE.fullmatch(word) for word in rest):
        deeds.names.add("executable")
        deeds.files += [word for word in rest if not w.MODE.fullmatch(word) and word not in w.NOT_FILES]
    elif name in ("crontab", "schtasks") or (name == "systemctl" and {"enable", "start"} & set(rest)):
        if name != "crontab" or "-l" not in rest:
            deeds.names.add("persist")
    elif name in ("pkill", "killall", "taskkill", "kill") and _chosen(rest, command):
        deeds.names.add("kill")
    elif w.STARTED.match(words[0]) or _is_saved(words[0], deeds):
        deeds.names.add("run")
    remotes = [word for word in rest if w.REMOTE.fullmatch(word)] if command.end == "|" else []
    if remotes and name not in _SHOWERS:
        # A downloader under another name (cd1, wd1): what gets an address and feeds a shell has fetched it.
        pipe.handed += remotes
    elif name in w.RESOLVERS and any(w.TEXT_RECORD.fullmatch(word) for word in rest):
        # What a name's text record says, handed to a shell: a script that no download shows.
        pipe.handed += [word for word in rest if w.NAME.fullmatch(word)][:1]
    _filter(name, rest, pipe)


def _chosen(rest: Sequence[str], command: Command) -> bool:
    """Whether programs are ended by their name, or by numbers that a search handed to ``xargs``."""
    return "xargs" in command.words or not all(word.lstrip("-").isdigit() for word in rest)


_SHOWERS = frozenset("echo printf cat grep egrep sed awk tee head tail sort cut tr xargs git ssh ping nmap".split())


def _is_saved(word: str, deeds: Deeds) -> bool:
    return word.rsplit("/", 1)[-1] in {file.rsplit("/", 1)[-1] for file in deeds.files} and len(word) > 0


def _filter(name: str, rest: Sequence[str], pipe: _Pipe) -> None:
    """What a command in a pipe makes of what it reads."""
    options = " ".join(rest[:6])
    if name in ("echo", "printf"):
        words = " ".join(word for word in rest if not re.fullmatch(r"-[neE]+", word))
        pipe.text = unescaped(words) if name == "printf" or re.search(r"-\w*e", options) else words
    elif name in w.FILTERS:
        undoing = name not in ("base64", "base32", "xxd") or re.search(r"-\w*[dDr]|--decode", options)
        if undoing:
            pipe.undone = pipe.undone or name not in ("tr", "sed")
            pipe.text = _undone(name, pipe.text) if pipe.text is not None else None


def _undone(name: str, text: str) -> str | None:
    try:
        if name == "rev":
            return "\n".join(line[::-1] for line in text.split("\n"))
        if name == "base64":
            return _ascii(base64.b64decode("".join(text.split()) + "==="))
        if name == "base32":
            bare = "".join(text.split()).rstrip("=")
            return _ascii(base64.b32decode(bare + "=" * (-len(bare) % 8)))
        if name == "xxd":
            return _ascii(bytes.fromhex("".join(text.split())))
    except (binascii.Error, ValueError):
        return None
    return text if name in ("tac", "tr", "sed") else None


def _ascii(data: bytes) -> str | None:
    data = data[::2] if len(data) > 8 and not any(data[1::2]) else data
    return data.decode("ascii") if data.isascii() else None


def _windows(name: str, rest: Sequence[str], deeds: Deeds, depth: int) -> None:
    line = " ".join(rest)
    if name in ("cmd", "wmic"):
        _script(re.sub(r"^(?:/\w\s+)+|^process\s+call\s+create\s+", "", line), deeds, depth + 1)
        return
    encoded = re.search(r"-e(?:c|n(?:c(?:odedcommand)?)?)?\s+([A-Za-z0-9+/=]{12,})", line, re.IGNORECASE)
    if encoded and name in ("powershell", "pwsh"):
        deeds.names.add("hidden")
        line = f"{line} {_undone('base64', encoded[1]) or ''}"
    urls = w.URL.findall(line)
    starts = name in ("mshta", "regsvr32", "msiexec")
    if urls and (starts or name == "rundll32" or w.WINDOWS_FETCH.search(line)):
        deeds.names |= {"fetch", "run" if starts or w.WINDOWS_RUN.search(line) else "save"}
        deeds.remotes += urls


def _mining(name: str, rest: Sequence[str], deeds: Deeds) -> None:
    """A miner that is started: by its name with options, or by what only miners are told."""
    line = " ".join(rest)[:2_000]
    if w.PLACEHOLDER.search(line):
        return
    has_options = bool(w.MINING_WORDS.search(line)) and any(word.startswith("-") for word in rest)
    pool = w.POOL.search(line) or (w.ALGORITHM.search(line) and w.SERVER.search(line))
    paid = bool(w.WALLET.search(line)) or re.search(r"(?:^|\s)(?:-u|--user|-wal|-ewal|--wallet)[ =]\S{20,}", line)
    named = w.MINERS.search(name) and name not in w.FETCHERS
    if (named and (pool or paid or has_options)) or (pool and (paid or has_options)):
        deeds.names.add("miner")
