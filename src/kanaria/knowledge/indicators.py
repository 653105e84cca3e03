"""Indicators others share, taken into a YAML file of the user's facts.

Text, CSV, STIX 2.1 and MISP are recognised by content. Private addresses, names that many unrelated people share and
whole top level domains are refused with the reason: a list that holds them would accuse everybody.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from kanaria.core.errors import SourceError
from kanaria.core.facts import Knowledge, KnownIndicator, Provenance
from kanaria.core.late_regex import late_regex
from kanaria.core.network import is_global
from kanaria.core.text import cut, printable
from kanaria.core.values import dataclass
from kanaria.knowledge.indicators_exchange import ImportCandidate, from_csv, from_json
from kanaria.knowledge.indicators_text import candidates

# 64 MB is a million indicators; a larger file is something else.
LARGEST = 64 << 20
COMMENT_COLUMNS = 200
# Accounts that systems come with: to match them would accuse every administrator.
_EVERYWHERE = frozenset(
    "root admin administrator guest user system ubuntu ec2-user pi nobody anonymous test support backup oracle postgres"
    " www-data service".split()
)
_EMPTY = frozenset(hashlib.new(name, usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256"))
# ``a.sh`` and ``x.exe`` are used by everybody who needs a name for a minute.
SHORTEST_FILE = 6
# Registries sell names below these in many countries (co.jp, com.br): they are no name of anybody's.
_SECOND_LEVEL = frozenset("ac ad co com ed edu go gov gr lg mil ne net or org".split())

# A JSON object, or a list of them; a filter list may begin with a bracket too.
_JSON = late_regex(r"\s*(\{\s*[\"}]|\[\s*[{\[])")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportReport:
    """What became of a file: the indicators it gave, and what was refused with the reason."""

    indicators: tuple[KnownIndicator, ...]
    refused: tuple[tuple[str, str], ...]


def read_indicators(text: str, name: str, *, source: str, today: date, knowledge: Knowledge) -> ImportReport:
    """The indicators of one file, each once. ``source`` is who says so; ``today`` dates what carries no date.

    Raises SourceError for JSON that is neither STIX nor MISP.
    """
    taken: dict[tuple[str, str], KnownIndicator] = {}
    refused: dict[str, str] = {}
    for read in _values(text, name, today):
        reason = read.refused or refusal(read.type or "", read.value, knowledge)
        if reason:
            refused.setdefault(read.value, reason)
        elif read.type:
            made = KnownIndicator(
                type=read.type,
                value=read.value,
                comment=cut(printable(" ".join(read.comment.split())), COMMENT_COLUMNS) if read.comment else None,
                provenance=Provenance(source=source, date=read.date or today),
            )
            taken.setdefault((read.type, read.value), made)
    return ImportReport(indicators=tuple(taken.values()), refused=tuple(refused.items()))


def import_indicators(path: Path, target_dir: Path, *, source: str, today: date, knowledge: Knowledge) -> ImportReport:
    """Read a file and keep its indicators in ``target_dir/indicators``; a further import of that source replaces them.

    Raises SourceError when the file cannot be read or the folder not written.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise SourceError(source=str(path), expected=f"at most {LARGEST >> 20} MB of indicators", got="more")
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise SourceError(source=str(path), expected="a readable file", got=error.strerror or str(error)) from error
    report = read_indicators(text, path.name, source=source, today=today, knowledge=knowledge)
    if report.indicators:
        _save(report.indicators, target_dir / "indicators" / f"{_slug(source)}.yaml")
    return report


def refusal(kind: str, value: str, knowledge: Knowledge) -> str | None:
    """Why a value must not be an indicator, or None."""
    if not value or not printable(value).strip():
        return "empty"
    if kind in {"ipv4", "ipv6"}:
        return None if is_global(value) else "not an address of the Internet"
    if kind == "account" and value.lower().rpartition("\\")[2] in _EVERYWHERE:
        return "an account that every system has"
    if kind == "hash" and value.lower() in _EMPTY:
        return "the hash of an empty file"
    if kind == "file" and len(re.split(r"[\\/]", value)[-1]) < SHORTEST_FILE:
        return "a file name too short to tell anything"
    host = re.sub(r"^[a-z+]+://", "", value).split("/", 1)[0].rpartition("@")[2] if kind == "url" else value
    if kind not in {"domain", "url"}:
        return None
    labels = host.partition(":")[0].split(".")
    if kind == "domain" and host in knowledge.shared_hosts:
        return knowledge.shared_hosts[host].reason.en
    if kind == "domain" and len(labels) == 2 and len(labels[1]) == 2 and labels[0] in _SECOND_LEVEL:
        return "a name that registries sell names below"
    if kind == "url" and host in knowledge.shared_hosts and not value.partition("://")[2].partition("/")[2]:
        return knowledge.shared_hosts[host].reason.en
    return None


def _values(text: str, name: str, today: date) -> Iterator[ImportCandidate]:
    if _JSON.match(text):
        yield from from_json(text, name, today)
    elif name.lower().endswith((".csv", ".tsv")):
        yield from from_csv(text)
    else:
        yield from (ImportCandidate(value=c.value, type=c.type, comment=c.comment) for c in candidates(text))


def _save(taken: Iterable[KnownIndicator], path: Path) -> None:
    """One entry a line. JSON is YAML: nothing in a value can break out of its quotes."""
    lines = [
        json.dumps(
            {
                "type": item.type,
                "value": item.value,
                **({"comment": item.comment} if item.comment else {}),
                "source": item.provenance.source,
                "date": item.provenance.date.isoformat(),
            },
            ensure_ascii=False,
        )
        for item in taken
    ]
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text("indicators:\n" + "".join(f"  - {line}\n" for line in lines), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise SourceError(
            source=str(path), expected="a place to keep facts", got=error.strerror or str(error)
        ) from error


def _slug(text: str) -> str:
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-_")[:80] or "import"
