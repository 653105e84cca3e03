"""What the command lines of recorded programs say of mining.

In: the ``process`` and ``connection`` tables. Out: the same with ``mining.program`` and its neighbours.

A program is judged as ``miners`` judges those of this machine: by what it is and by arguments that only miners take.
Beyond that, records show what a look at a machine does not: who fetched a miner, or set one to start.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from functools import lru_cache

import pyarrow as pa

from kanaria.core.facts import Knowledge, Pool
from kanaria.core.late_regex import late_regex
from kanaria.core.text import cut, printable
from kanaria.core.types import Text
from kanaria.host import miners
from kanaria.host.sampler import Process
from kanaria.knowledge.match import PoolIndex
from kanaria.mining.deed_words import PLACEHOLDER

COLUMNS = (
    "mining.program", "mining.program_because_en", "mining.program_because_ja", "mining.named", "mining.disguise_en",
    "mining.disguise_ja", "mining.cradle", "mining.pool",
)  # fmt: skip
"""What is mining here and why, a miner that is fetched or set to start, a false kernel thread, a script that is fetched
and run at once, and the pool's host and port."""
_BASIS = ("process", "original_name", "description", "product", "command", "kind")
_LONGEST = 8192
"""Characters of a command line that are looked at: the most that cmd.exe takes, and what Windows logs at most."""
_SHOWN = 120
_WRAPPERS = frozenset(("sudo", "doas", "nohup", "setsid", "nice", "ionice", "taskset", "timeout", "env", "time", "su",
                       "screen", "tmux", "start", "exec", "stdbuf", "chrt"))  # fmt: skip
"""Programs that run what follows them."""
_TAKES_VALUE = frozenset(("-u", "-g", "-n", "-c", "-S", "-s", "-dmS", "-k", "-p", "-h", "-C", "-i", "-o", "-e"))
_CONTAINERS = frozenset(("docker", "podman", "nerdctl", "ctr"))
_CRADLE = late_regex(
    r"\b(?:curl|wget|fetch|lwp-download)\b[^;&]{1,800}?\|\s*(?:base64\s+-{1,2}d\w*\s*\|\s*)?(?:sudo\s+)?(?:[A-Z_]{1,20}=\S{1,40}\s+){0,3}(?:\S*/)?(?:ba|da|z|k|a)?sh\b"
    r"|\b(?:curl|wget)\b.{1,400}?\|\|\s*(?:curl|wget)\b.{1,400}?\)\s*\|\s*(?:\S*/)?(?:ba|da|z|k|a)?sh\b"
    r"|\b(?:ba|da|z|a)?sh\s+(?:-c\s+)?[\"']?(?:<\(|\$\(|`)\s*(?:curl|wget)\b[^)`]{0,400}"
    r"|\b(?:iex|invoke-expression)\b.{0,200}?\b(?:downloadstring|irm|iwr|invoke-webrequest|invoke-restmethod)\b.{0,200}"
    r"|\b(?:downloadstring|iwr|irm|invoke-webrequest)\b.{0,300}?\|\s*(?:iex|invoke-expression)\b"
    r"|\b(?:mshta|regsvr32\b.{0,80}?/i:)\s*[\"']?https?://\S+",
    re.IGNORECASE | re.DOTALL,
)
_URL = late_regex(r"(?:https?|ftp)://[^\s|;&'\"`)]+", re.IGNORECASE)
# Programs and words that fetch another program or set it to start.
_SETS = late_regex(
    r"\b(?:systemctl\s+(?:--\S+\s+)*(?:enable|start|restart|link)|service\s+\S+\s+(?:start|restart)|rc-update\s+add|"
    r"update-rc\.d|docker\s+(?:run|pull|create)|podman\s+(?:run|pull)|kubectl\s+(?:run|apply|create)|crontab|chmod\s+\S*[x7]|"
    r"wget|curl|tar\s+-?x|unzip|sc(?:\.exe)?\s+(?:create|start)|schtasks\b.{0,40}/create|net\s+start|nssm|reg\s+add|"
    r"new-service|start-process|invoke-webrequest|iwr|bitsadmin|certutil|msiexec)\b",
    re.IGNORECASE,
)
_SETTING = late_regex(r"^(?:\w+=|\d+[smhd]?$)")
_NAME = late_regex(r"(?<![\w.-])(?:[a-z0-9_-]{1,63}\.){1,8}[a-z][a-z0-9-]{1,62}(?![\w-])")
_LISTED = late_regex(
    r"^\s*(?:#\s*)?(?:0\.0\.0\.0\s|127\.\d+\.\d+\.\d+\s|::1?\s|\|\||address=/|server=/|local-(?:zone|data):|zone |"
    r"(?:alert|drop|reject|pass|sdrop) \S+ .{1,200}?(?:->|<>) .{1,200}?\()"
)
"""Lines of lists of names to block, and rules of Suricata and Snort."""
_MAILED = late_regex(r"[\w.+-]{1,64}@(?:[a-z0-9_-]{1,63}\.){1,8}[a-z][a-z0-9-]{1,62}(?![\w:-])", re.IGNORECASE)
"""Addresses of mail; a login before a pool's name is followed by its port."""
_ABOUT_MAILS = late_regex(
    r"(?:postfix|exim4?|sendmail|dovecot|amavis\w*|rspamd|spamd|opendkim|opendmarc|MailScanner)\b", re.IGNORECASE
)
"""Programs whose lines quote senders and subjects."""
_WORD = late_regex(r"[A-Za-z0-9_.+-]{3,80}")


def enrich(tables: Mapping[str, pa.Table], facts: Knowledge) -> dict[str, pa.Table]:
    """The same tables; ``process`` with ``COLUMNS``, ``connection`` with the mining program that owns it, if any."""
    out = dict(tables)
    if "process" in out:
        out["process"] = _programs(out["process"], facts)
    if "connection" in out and out["connection"]["process"].null_count < len(out["connection"]):
        out["connection"] = _owners(out["connection"], facts)
    return out


def _programs(table: pa.Table, facts: Knowledge) -> pa.Table:
    look = lru_cache(maxsize=1 << 14)(lambda *values: _look(dict(zip(_BASIS, values, strict=True)), facts))
    columns = [look(*row.values()) for row in table.select(_BASIS).to_pylist()]
    for name in COLUMNS:
        table = table.append_column(name, pa.array([one.get(name) for one in columns], pa.string()))
    return table


def _owners(table: pa.Table, facts: Knowledge) -> pa.Table:
    distinct = table["process"].combine_chunks().dictionary_encode()
    names = [_of_file(str(value), facts) for value in distinct.dictionary.to_pylist()]
    return table.append_column("mining.program", pa.array(names, pa.string()).take(distinct.indices))


def _of_file(path: str, facts: Knowledge) -> str | None:
    """The name of a program that is known to mine, by its file's name."""
    return cut(printable(_base(path)), _SHOWN) if miners.known_name(_base(path), facts) else None


def _look(row: Mapping[str, str | None], facts: Knowledge) -> dict[str, str]:
    """Everything that one program's record says, by column."""
    named = row["process"] or ""
    command = (row["command"] or named)[:_LONGEST]
    path = named if row["kind"] in ("start", "running") else ""  # services and jobs have names, and no file
    arguments, started = _started(_arguments(command))
    program = _base(path) or _base(arguments[0] if arguments else "")
    if row["kind"] in ("line", "script", "text"):
        program = _before_options(arguments)
        arguments = ("log", *arguments)  # its first word is no program's name
    process = _process("" if started else path, arguments)
    columns: dict[str, str] = {}
    listed = _LISTED.match(command) or PLACEHOLDER.search(command)
    shown = row["kind"] == "text" or (row["kind"] == "line" and listed)
    certain = None if shown else _named(row, facts) or _certain(process, facts)
    if certain:
        columns["mining.program"] = cut(printable(program), _SHOWN)
        columns |= {"mining.program_because_en": certain.en, "mining.program_because_ja": certain.ja}
        if pool := miners.endpoint(arguments):
            columns["mining.pool"] = cut(printable(pool), _SHOWN)
    elif row["kind"] == "line" and _ABOUT_MAILS.match(named):
        pass
    elif row["kind"] in ("line", "order", "script", "text") and (pool := _pool_in(command, facts)):
        columns["mining.pool"] = cut(printable(pool), _SHOWN)
    elif set_to_start := _set_to_start(command, facts, row["kind"]):
        columns["mining.named"] = set_to_start
    elif disguise := miners.disguised(process):
        columns |= {"mining.disguise_en": disguise.en, "mining.disguise_ja": disguise.ja}
    if cradle := _CRADLE.search(command):
        address = _URL.search(cradle[0])
        columns["mining.cradle"] = cut(printable(address[0] if address else cradle[0]), _SHOWN)
    return columns


def _certain(process: Process, facts: Knowledge) -> Text | None:
    judged = miners.judge(process, facts, lists=False)
    return judged[1] if judged and judged[0] else None


def _named(row: Mapping[str, str | None], facts: Knowledge) -> Text | None:
    """What the version resource of a renamed file still says."""
    for name in ("original_name", "description", "product"):
        value = row[name] or ""
        agent = miners.known_name(value, facts) if value else None
        if agent:
            shown = cut(printable(value), _SHOWN)
            return Text(en=f"its version information names the mining program {agent} ({shown})",
                        ja=f"バージョン情報にマイニングプログラム {agent} の名前があります({shown})")  # fmt: skip
    return None


def _pool_in(text: str, facts: Knowledge) -> str | None:
    """The first name in a text that belongs to a known pool; in a line of a blocklist nobody asked for it."""
    if _LISTED.match(text):
        return None
    pools = _pools(facts.pools)
    return next((name for name in _NAME.findall(_MAILED.sub(" ", text.lower())) if pools.of_host(name)), None)


@lru_cache(maxsize=4)
def _pools(pools: tuple[Pool, ...]) -> PoolIndex:
    return PoolIndex(pools)


def _set_to_start(command: str, facts: Knowledge, kind: str | None) -> str | None:
    """The mining program that a command fetches or sets to start; a service or job is set to start by itself,
    and a line of a log need do no more than name it."""
    if kind in ("line", "text") and _LISTED.match(command):
        return None
    if kind not in ("service", "job", "line", "order", "script", "text") and not _SETS.search(command):
        return None
    for word in _WORD.findall(command):
        if agent := miners.known_name(word, facts) or miners.known_name(word.replace("_", "-"), facts):
            return f"{cut(printable(word), 60)} ({agent})" if agent.lower() != word.lower() else agent
    return None


def _process(path: str, arguments: tuple[str, ...]) -> Process:
    return Process(pid=0, parent=None, name=_base(path), command=arguments, executable=path or None, deleted=False,
                   user=None, cpu_percent=0.0, kernel=False)  # fmt: skip


def _started(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """The command that wrappers such as sudo start, and whether there was one; of a container, all that it is given."""
    place = 0
    while place < len(arguments) and _base(arguments[place]).lower() in _WRAPPERS:
        place += 1
        while place < len(arguments) and (arguments[place].startswith("-") or _SETTING.match(arguments[place])):
            place += 2 if arguments[place] in _TAKES_VALUE else 1
    rest = arguments[place:]
    if len(rest) > 1 and _base(rest[0]).lower() in _CONTAINERS and "run" in rest[1:4]:
        return ("container", *rest[1:]), True
    return rest, place > 0


def _before_options(words: tuple[str, ...]) -> str:
    """The program of a command that stands in a line: what comes before its first option, else its first word."""
    place = next((place for place, word in enumerate(words) if word.startswith("-") and place), 1)
    return _base(words[place - 1]) if words else ""


def _base(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _arguments(command: str) -> tuple[str, ...]:
    """The words of a command line of any system; quotes that do not close are taken as they stand."""
    try:
        return tuple(shlex.split(command.replace("\\", "/"), posix=True))
    except ValueError:
        return tuple(command.split())
