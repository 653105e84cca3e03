"""Every registered format through the contract kit: arbitrary bytes, nothing, its own example cut anywhere."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanaria.core.errors import ConfigError
from kanaria.core.stream import Format, ReadContext
from kanaria.formats import registry

_spec = importlib.util.spec_from_file_location("kit_formats", Path(__file__).parent / "kit_formats.py")
assert _spec and _spec.loader
kit = sys.modules.setdefault("kit_formats", importlib.util.module_from_spec(_spec))
_spec.loader.exec_module(kit)

FORMATS = pytest.mark.parametrize("known", registry.all_formats(), ids=lambda known: known.name)
CONTEXT = ReadContext(year=2026, layout='%h %l %u %t "%r" %>s %b')
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@FORMATS
@QUICK
@given(data=st.binary(max_size=600))
def test_any_bytes_give_rows_or_rejects(known: Format, data: bytes) -> None:
    kit.check_batches(known, kit.read_all(known, data, CONTEXT))
    assert 0.0 <= known.sniff(data, "test.log") <= 1.0


@FORMATS
def test_nothing_gives_nothing(known: Format) -> None:
    batches = kit.read_all(known, b"", CONTEXT)
    assert sum(table.num_rows for batch in batches for table in batch.tables.values()) == 0
    assert known.sniff(b"", "test.log") == 0.0


@FORMATS
def test_example_cut_anywhere(known: Format) -> None:
    example = known.example.encode()
    for cut in range(0, len(example) + 1, 7):
        kit.check_batches(known, kit.read_all(known, example[:cut] + b"\n" + example, CONTEXT))


@FORMATS
@QUICK
@given(data=st.data())
def test_example_with_a_byte_changed(known: Format, data: st.DataObject) -> None:
    example = bytearray(known.example.encode())
    place = data.draw(st.integers(0, len(example) - 1))
    example[place] = data.draw(st.integers(0, 255))
    kit.check_batches(known, kit.read_all(known, bytes(example) + b"\n", CONTEXT))


def test_names_are_distinct_and_described() -> None:
    formats = registry.all_formats()
    assert len({known.name for known in formats}) == len(formats)
    assert all(known.title and known.tables for known in formats)


def test_unknown_name_suggests_the_closest() -> None:
    with pytest.raises(ConfigError, match="did you mean combined"):
        registry.get("combinde")
    assert registry.get("combined").name == "combined"


def test_detects_each_web_format_from_its_example() -> None:
    web = [known for known in registry.all_formats() if known.tables == ("http",) and known.name != "logformat"]
    own = [known for known in web if type(known).__module__.startswith("kanaria.formats.web.")]
    assert len(own) == 14
    for known in own:
        found = registry.detect(kit.BytesStream(b"\n\xef\xbb\xbf???\n" + (known.example.encode() + b"\n") * 3))
        assert found is not None
        assert found.name == known.name


def test_detects_nothing_in_prose() -> None:
    assert registry.detect(kit.BytesStream(b"Dear all,\nplease see below.\n" * 20)) is None


@pytest.mark.parametrize(
    "text",
    [
        b"# comment\n# another\n0.0.0.0 pool.example\n",
        b'"Licensor" shall mean the owner.\n',
        b'{\n "a": [\n  "b"\n ]\n}\n',
        b"sshd[1]: Failed password for root\n" * 5,
    ],
)
def test_what_only_looks_like_a_web_log_is_not_one(text: bytes) -> None:
    found = registry.detect(kit.BytesStream(text))
    assert found is None or not type(found).__module__.startswith("kanaria.formats.web.")


def test_one_web_line_among_odd_ones_is_enough() -> None:
    line = b'203.0.113.7 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n'
    found = registry.detect(kit.BytesStream(b"\n\n???\n\x00\x01\n" + line + b"garbage\n" * 30))
    assert found is not None
    assert found.name == "combined"
