"""Error messages say place, expectation, what came and why; ids follow from content alone."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from kanaria.core import errors
from kanaria.core.ids import ROW_BITS, content_id, first_event_id, source_id


def test_every_error_is_one_family() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) > 5
    assert all(issubclass(kind, errors.KanariaError) for kind in kinds)


def test_a_setting_is_named_with_file_key_and_cause() -> None:
    error = errors.ConfigError(path="kanaria.yaml", key="home", expected="a list", got=3, cause="a typing error")
    assert str(error) == "kanaria.yaml: home: expected a list; got 3 (a typing error)"
    assert (error.path, error.key, error.got) == ("kanaria.yaml", "home", 3)
    assert str(errors.ConfigError(path="f", key="", expected="x", got="y")) == "f: expected x; got 'y'"


def test_a_rule_is_named_with_its_line_as_far_as_it_is_known() -> None:
    assert (
        str(errors.RuleError(file="a.yml", line=3, column=7, expected="x", got="y")) == "a.yml:3:7: expected x; got y"
    )
    assert str(errors.RuleError(file="a.yml", expected="x", got="y")) == "a.yml: expected x; got y"


def test_other_errors_carry_what_a_caller_needs() -> None:
    assert errors.SourceError(source="s", expected="x", got="y", retry_after=5.0).retry_after == 5.0
    assert str(errors.RecordError(source="a.log", row=9, reason="no time")) == "a.log:9: no time"
    said = str(errors.MissingExtra(package="evtx", extra="windows", purpose="The file"))
    assert re.search(r"pip install .*'evtx>=", said)
    assert "kanaria[" not in said, "no registry holds Kanaria; anybody could take that name there"
    four = errors.UngroundedReport(claims=("a", "b", "c", "d"))
    assert str(four) == "4 claims without evidence: a; b; c"


names = st.text(st.characters(codec=None), max_size=40)


@given(names)
def test_event_ids_fit_a_signed_number_for_any_file_name(name: str) -> None:
    first = first_event_id(name)
    assert 0 <= source_id(name) < 1 << 23
    assert 0 <= first <= first + (1 << ROW_BITS) - 1 < 1 << 63
    assert first == first_event_id(name)


@given(st.lists(names, max_size=4), st.lists(names, max_size=4))
def test_content_ids_tell_different_contents_apart(one: list[str], other: list[str]) -> None:
    first, second = content_id("f", one), content_id("f", other)
    assert len(first) == 14
    if "\x1f".join(one) != "\x1f".join(other):
        assert first != second
