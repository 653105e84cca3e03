"""A class made with ``core.values.dataclass`` behaves as the standard library's: the same class is made with both."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from collections.abc import Callable
from dataclasses import field
from functools import cached_property
from typing import Any

import pytest

from kanaria.core.conversion import made, plain
from kanaria.core.values import dataclass

OPTIONS: list[dict[str, bool]] = [
    {"frozen": frozen, "slots": slots, "kw_only": kw_only}
    for frozen in (False, True)
    for slots in (False, True)
    for kw_only in (False, True)
]
Decorator = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """On the level of the module, where pickles look for it."""

    name: str
    sizes: tuple[int, ...] = ()


def classes(decorator: Decorator, **options: bool) -> tuple[type, type]:
    """A class with every kind of field, and one that inherits from it and says something of its own."""

    @decorator(**options)
    class Base:
        first: int
        second: str = "x"
        third: list[int] = field(default_factory=list)
        hidden: int = field(default=3, compare=False, repr=False)
        worked_out: int = field(init=False, default=7)

        def twice(self) -> int:
            return self.first * 2

    @decorator(**options)
    class Derived(Base):
        fourth: int = 4
        last: float = field(default=1.5, kw_only=True)

        def __repr__(self) -> str:
            return f"derived of {self.first}"

    return Base, Derived


def outcome(work: Callable[[], Any]) -> Any:
    """What it gives as text, or the kind of error and its words; places in memory and long names are not compared."""
    try:
        return str(work())
    except Exception as error:  # every kind is compared
        return type(error), str(error).replace("classes.<locals>.", "")


USES: dict[str, Callable[[Any, Any], Any]] = {
    "made": lambda base, derived: base(first=1),
    "made with everything": lambda base, derived: base(first=1, second="y", third=[2], hidden=9),
    "by position": lambda base, derived: base(1, "y", [2]),
    "nothing given": lambda base, derived: base(),
    "unknown argument": lambda base, derived: base(first=1, sixth=2),
    "not for init": lambda base, derived: base(first=1, worked_out=2),
    "method": lambda base, derived: base(first=2).twice(),
    "worked out": lambda base, derived: base(first=2).worked_out,
    "own list each": lambda base, derived: base(first=1).third is base(first=1).third,
    "own words": lambda base, derived: derived(first=1),
    "inherited": lambda base, derived: dataclasses.asdict(derived(first=1, last=2.5)),
    "inherited by position": lambda base, derived: dataclasses.asdict(derived(1, "y", [], 2, 5)),
    "equal": lambda base, derived: base(first=1) == base(first=1, hidden=8),
    "not equal": lambda base, derived: base(first=1) == base(first=2),
    "another class": lambda base, derived: base(first=1) == derived(first=1),
    "hash": lambda base, derived: hash(base(first=1, third=())) == hash(base(first=1, third=())),  # type: ignore[arg-type]
    "assign": lambda base, derived: setattr(base(first=1), "first", 2),
    "delete": lambda base, derived: delattr(base(first=1), "first"),
    "replace": lambda base, derived: dataclasses.replace(base(first=1), first=5),
    "replace what is worked out": lambda base, derived: dataclasses.replace(base(first=1), worked_out=5),
    "copy": lambda base, derived: copy.copy(base(first=1, third=[4])),
    "deep copy": lambda base, derived: copy.deepcopy(base(first=1, third=[4])),
    "fields": lambda base, derived: [(one.name, one.kw_only) for one in dataclasses.fields(derived)],
    "patterns": lambda base, derived: (base.__match_args__, derived.__match_args__),
    "slots": lambda base, derived: ("__dict__" in dir(base(first=1)), base.__dict__.get("__slots__")),
    "as JSON": lambda base, derived: plain(base(first=1, third=[4])),
}


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("use", USES)
def test_a_class_behaves_as_with_the_standard_decorator(options: dict[str, bool], use: str) -> None:
    standard, ours = (classes(decorator, **options) for decorator in (dataclasses.dataclass, dataclass))
    assert outcome(lambda: USES[use](*ours)) == outcome(lambda: USES[use](*standard))


@pytest.mark.parametrize("slots", [False, True])
def test_what_is_frozen_takes_no_new_name(slots: bool) -> None:
    base, _ = classes(dataclass, frozen=True, slots=slots)
    with pytest.raises(dataclasses.FrozenInstanceError, match="cannot assign to field 'new'"):
        base(first=1).new = 2


def test_one_field_without_a_value_equal_to_itself_is_compared_as_the_standard_library_does() -> None:
    @dataclass
    class Number:
        value: float

    assert Number(math.nan) == Number(math.nan)


def test_what_follows_init_is_called_and_may_work_something_out() -> None:
    @dataclass(frozen=True)
    class Named:
        name: str
        size: int = field(init=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "size", len(self.name))

        @cached_property
        def loud(self) -> str:
            return self.name.upper()

    named = Named("pool")
    assert (named.size, named.loud, named.loud) == (4, "POOL", "POOL")


def test_values_come_back_out_of_pickles_and_json_without_one_having_been_made_before() -> None:
    kept = made(Kept, {"name": "pool", "sizes": [1, 2]})
    assert pickle.loads(pickle.dumps(kept)) == kept == Kept("pool", (1, 2))  # noqa: S301 (our own bytes)
    assert repr(kept) == "Kept(name='pool', sizes=(1, 2))"


def test_init_is_written_with_the_first_value() -> None:
    @dataclass(frozen=True)
    class Late:
        value: int

    before = Late.__init__
    Late(1)
    written = Late.__init__
    Late(2)
    assert before is not written is Late.__init__


def test_a_value_that_holds_itself_can_be_shown() -> None:
    @dataclass
    class Ring:
        inside: list[Any]

    ring = Ring([])
    ring.inside.append(ring)
    assert repr(ring).endswith("Ring(inside=[...])")
