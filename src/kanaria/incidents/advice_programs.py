"""What to do about a program that a machine's own records name: which file, whose account, what started it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kanaria.core.text import cut, printable
from kanaria.core.types import Finding, Text
from kanaria.incidents.case import Case

_TABLES = frozenset(("process", "miner", "connection"))
_MOST = 3
_SHOWN = 80


def programs_named(case: Case) -> Iterator[tuple[Text, Finding]]:
    """For each program, at most three, where it is and who runs it, with the finding that says so."""
    seen: set[str] = set()
    for finding in sorted(case.findings, key=lambda one: one.device is None):
        values = finding.values
        file = _value(values, "process") or _value(values, "program")
        if not any(sign in file for sign in "/\\"):  # a job's or a service's name, where the program's is known too
            file = _value(values, "mining.program") or file
        if finding.table not in _TABLES or not file or not _runs(finding) or file in seen:
            continue
        seen.add(file)
        if len(seen) > _MOST:
            return
        yield _program_words(finding, file), finding


def _runs(finding: Finding) -> bool:
    """A line that only names a program does not say that there is one."""
    return finding.stage == "impact" and finding.values.get("kind") not in {"line", "text"}


def _program_words(finding: Finding, file: str) -> Text:
    values = finding.values
    where = printable(finding.device or "")
    user, parent = _value(values, "user"), _value(values, "parent")
    asked, container = _value(values, "parent_user"), _value(values, "container")
    by_en = f", started by {parent}{f' for {asked}' if asked else ''}" if parent else ""
    by_ja = f"起動元 {parent}{f'({asked} の操作)' if asked else ''}" if parent else ""
    en = [f"account {user}" if user else "", f"container or service {container}" if container else ""]
    ja = [f"アカウント {user}" if user else "", f"コンテナまたはサービス {container}" if container else "", by_ja]
    said_en, said_ja = ", ".join(filter(None, en)), "、".join(filter(None, ja))
    return Text(
        en=f"{file}{f' on {where}' if where else ''}{f' ({said_en})' if said_en else ''}{by_en}",
        ja=f"{f'{where} の ' if where else ''}{file}{f'({said_ja})' if said_ja else ''}",
    )


def _value(values: Mapping[str, str], name: str) -> str:
    return cut(printable(values.get(name, "")), _SHOWN)
