"""What single actors were judged to have done, kept for as long as nothing that decides it has changed.

An incident of hundreds of devices grows by one at a time, and each of the others would be judged anew with every one.
Comes in: a part of a case, and what the judge may ask. Goes out: the verdict, the kept one where the part holds the
same findings, messages and records (the very same objects: they are never changed), and where whatever was asked to
come to it is answered the same way now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from operator import is_
from typing import Any, Generic, TypeVar, cast

from kanaria.core.limits import Limits
from kanaria.core.values import dataclass
from kanaria.incidents.actors import Part
from kanaria.incidents.case import Case, Surroundings

Verdict = TypeVar("Verdict")


class Verdicts(Generic[Verdict]):
    """Verdicts by deed, actor and first finding, of some kilobytes each; as many as findings are remembered.

    When there are more, those that are kept stay. To let them go for others would let each go just before it is asked
    for again: the actors of an incident are asked for in turn."""

    def __init__(self, most: int = Limits.findings) -> None:
        self._most = most
        self._kept: dict[tuple[str, str, str], _Kept] = {}

    def of(self, part: Part, around: Surroundings, judge: Callable[[Part, Surroundings], Verdict]) -> Verdict:
        """What ``judge`` says of the part; it must ask nothing but its arguments."""
        key = (part.deed, part.who, part.case.findings[0].id)
        known = self._kept.pop(key, None)
        if known is None or not known.holds(part, around):
            whole, rest = _Heard(part.whole), _Heard(around)
            verdict = judge(replace(part, whole=cast(Case, whole)), cast(Surroundings, rest))
            known = _Kept(part.case, part.lent, verdict, _answers(whole), _answers(rest))
        if len(self._kept) < self._most:
            self._kept[key] = known
        return cast(Verdict, known.verdict)

    def forget(self, findings: Collection[str]) -> None:
        """Keep only verdicts of these findings; and when there is no room even so, those asked for last."""
        left = {key: kept for key, kept in self._kept.items() if key[2] in findings}
        asked_last = list(left.items())[self._most // 2 :] if len(left) >= self._most else left
        self._kept = dict(asked_last)


@dataclass(frozen=True)
class _Answer:
    """What an object said when it was asked for ``name``; of a function, with these arguments."""

    name: str
    arguments: tuple[Any, ...] | None
    said: object

    def by(self, other: object) -> bool:
        """Whether another object says the same."""
        now = getattr(other, self.name)
        if self.arguments is not None:
            now = now(*self.arguments)
        return bool(now is self.said or now == self.said)


@dataclass(frozen=True)
class _Kept:
    case: Case
    lent: tuple[Any, ...]
    verdict: object
    of_whole: tuple[_Answer, ...]
    of_rest: tuple[_Answer, ...]

    def holds(self, part: Part, around: Surroundings) -> bool:
        """Whether the verdict would be the same again."""
        was, now = self.case, part.case
        same = (
            _same(was.findings, now.findings)
            and _same(was.messages, now.messages)
            and _same(was.records.values(), now.records.values())
            and _same(self.lent, part.lent)
        )
        return same and all(a.by(part.whole) for a in self.of_whole) and all(a.by(around) for a in self.of_rest)


def _same(some: Iterable[object], others: Iterable[object]) -> bool:
    """Whether these are the very same objects in the same order."""
    one, other = tuple(some), tuple(others)
    return len(one) == len(other) and all(map(is_, one, other))


class _Heard:
    """An object that is asked things, and what it answers; it has no names of its own that could be asked for."""

    def __init__(self, asked: object) -> None:
        self._asked = asked
        self._said: dict[str, _Answer] = {}
        self._found: list[_Answer] = []

    def __getattr__(self, name: str) -> Any:
        said = getattr(self._asked, name)
        if not callable(said):
            self._said.setdefault(name, _Answer(name, None, said))
            return said

        def ask(*arguments: Any) -> Any:
            found = said(*arguments)
            self._found.append(_Answer(name, arguments, found))
            return found

        return ask


def _answers(heard: _Heard) -> tuple[_Answer, ...]:
    """Everything that was said, fields once."""
    return (*heard._said.values(), *heard._found)
