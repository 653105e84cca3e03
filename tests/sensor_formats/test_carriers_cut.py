"""Exports that are cut, damaged or put together: what could not be read is counted, whatever carries it."""

from __future__ import annotations

import html
import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kanaria.core.stream import ReadContext
from kanaria.formats import registry
from kanaria.formats.unknown import UNKNOWN
from tests.reading_formats import BytesStream, read_all
from tests.sensor_formats.exports import DOCUMENTS, OBJECTS, TABLES, objects

COUNT = 4
FRAME = 80
"""Characters that a carrier puts around a line at most; without them it is not one record any more."""
AGENTS = [f"agent-{place}" for place in range(COUNT)]
LINES = [
    f'198.51.100.{place + 1} - - [10/Jan/2026:09:00:{place:02} +0000] "GET /{place}?q=a HTTP/1.1" 200 51 "-" "{agent}"'
    for place, agent in enumerate(AGENTS)
]

WRITTEN: dict[str, str] = {
    **{f"document: {name}": json.dumps(make(LINES)) for name, make in DOCUMENTS.items()},
    **{f"printed: {name}": json.dumps(make(LINES), indent=1) for name, make in DOCUMENTS.items()},
    "document: JSONP": f"show({json.dumps(DOCUMENTS['elasticsearch'](LINES))})",
    **{f"table: {name}": make(LINES) for name, make in TABLES.items()},
    **{f"lines: {name}": objects(name, LINES) for name in OBJECTS},
}


def read(data: bytes) -> tuple[list[str], int, int]:
    """The agents that were read, how many records there were, and how many were not read."""
    found = read_all(registry.detect(BytesStream(data)) or UNKNOWN, data, context=ReadContext(year=2026))
    agents = [str(row.get("user_agent")) for row in found.rows_of("http")]
    return agents, found.rows, sum(batch.unread for batch in found.batches)


@pytest.mark.parametrize("name", WRITTEN)
def test_all_is_read_and_nothing_else_counted(name: str) -> None:
    assert read(WRITTEN[name].encode()) == (AGENTS, COUNT, 0)


@example("document: strings", 0.2)
@given(st.sampled_from(sorted(WRITTEN)), st.floats(0, 1, exclude_max=True))
def test_what_a_cut_took_is_counted(name: str, share: float) -> None:
    whole = WRITTEN[name].rstrip()
    data = whole[: int(share * len(whole))]
    agents, _records, unread = read(data.encode())
    stood = [agent for agent in AGENTS if f'{agent}"' in data or f'{agent}\\"' in data]
    begun = [agent for place, agent in enumerate(AGENTS) if f"198.51.100.{place + 1} " in data]
    known = [agent for agent in agents if agent in AGENTS]
    assert known == AGENTS[: len(known)]
    if name.startswith(("document", "printed")):
        assert unread or not begun  # its end is missing, whoever reads its lines
        assert not known or len(known) >= len(stood) - 1  # the last line may stand, and not its record
    elif not unread:
        assert known[: len(stood)] == stood[: len(known)] and len(agents) == len(begun)


ON_ONE_LINE: dict[str, str] = {
    "a list of Python": repr(LINES),
    "a list of byte strings": repr([line.encode() for line in LINES]),
    "a list of lists": json.dumps([[line] for line in LINES]),
    "an object of lists": json.dumps({"lines": LINES}),
    "XML": f"<log>{''.join(f'<entry>{html.escape(line)}</entry>' for line in LINES)}</log>",
}


@given(st.sampled_from(sorted(ON_ONE_LINE)), st.floats(0, 1, exclude_max=True))
def test_a_line_that_opens_what_it_does_not_close_is_unread(name: str, share: float) -> None:
    whole = ON_ONE_LINE[name]
    data = whole[: int(share * len(whole))]
    agents, _records, unread = read(data.encode())
    assert unread or "198.51.100.1 " not in data
    assert all(agent in AGENTS for agent in agents if agent != "None")


BY_LINE: dict[str, Callable[[str], str]] = {
    "strings": json.dumps,
    "YAML": lambda line: f"- {json.dumps(line)}",
    "YAML in single quotes": lambda line: f"- '{line}'",
    "elements": lambda line: f"<entry><message>{html.escape(line)}</message></entry>",
    "a table": lambda line: f"| 7 | {line} |",
    "syslog": lambda line: f"Jan 10 09:00:00 web01 nginx: {line}",
    "lists": lambda line: json.dumps(["web01", line]),
}


@given(st.sampled_from(sorted(BY_LINE)), st.floats(0, 1, exclude_max=True))
def test_of_lines_the_last_is_read_or_counted(name: str, share: float) -> None:
    whole = "\n".join(map(BY_LINE[name], LINES))
    data = whole[: int(share * len(whole))]
    agents, _records, unread = read(data.encode())
    begun = [place for place in range(COUNT) if f"198.51.100.{place + 1} - - [" in data]
    assert len(agents) + unread >= len(begun)
    assert all(agent in AGENTS for agent in agents if agent != "None")


@pytest.mark.parametrize("name", TABLES)
def test_an_export_cut_in_a_doubled_quote_is_not_whole(name: str) -> None:
    whole = TABLES[name](LINES)
    places = [place + 1 for place in range(whole.rindex("198.51"), len(whole) - 1) if whole[place : place + 2] == '""']
    for place in places[:-1]:
        assert read(whole[:place].encode())[2], whole[place - 20 : place]


@given(st.sampled_from(sorted(WRITTEN)), st.floats(0, 1), st.binary(min_size=1, max_size=20), st.integers(0, 200))
def test_what_damage_took_is_counted(name: str, share: float, noise: bytes, gone: int) -> None:
    whole = WRITTEN[name].encode()
    place = int(share * len(whole))
    agents, _records, unread = read(whole[:place] + noise + whole[place + gone :])
    spans = [
        (whole.index(f"198.51.100.{number + 1} ".encode()), whole.index(agent.encode()) + len(agent))
        for number, agent in enumerate(AGENTS)
    ]
    touched = sum(begin - FRAME < place + gone and end + FRAME > place for begin, end in spans)
    assert unread or len(agents) >= COUNT - touched


def _joined(names: tuple[str, str]) -> str:
    return "".join(WRITTEN[name].rstrip() + "\n" for name in names)


@given(st.tuples(*[st.sampled_from(sorted(WRITTEN))] * 2))
def test_what_was_put_together_is_read_or_counted(names: tuple[str, str]) -> None:
    agents, _records, unread = read(_joined(names).encode())
    assert unread or agents == AGENTS * 2


@pytest.mark.parametrize("inner", OBJECTS)
@pytest.mark.parametrize("outer", ["loki", "elasticsearch", "cloudwatch-insights", "strings"])
def test_carriers_in_carriers_are_read(outer: str, inner: str) -> None:
    document = DOCUMENTS[outer](objects(inner, LINES).splitlines())
    assert read(json.dumps(document).encode()) == (AGENTS, COUNT, 0)


@pytest.mark.parametrize("write", [
    lambda lines: json.dumps({"events": [{"message": "\n".join(lines)}]}),
    TABLES["splunk"], TABLES["one column"],
    lambda lines: json.dumps({"log": "\n".join(lines) + "\n", "stream": "stdout", "time": "2026-01-10T09:00:00Z"}) + "\n",
])  # fmt: skip
def test_every_line_of_a_text_of_several_is_read(write: Callable[[list[str]], str]) -> None:
    assert read(write(["\n".join(LINES)]).encode())[::2] == (AGENTS, 0)


NOT_UNDERSTOOD = {
    "an answer with a list": {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}},
    "a record with a result": {"id": 7, "result": "success", "user": "bob", "event": "login"},
    "an error of an interface": {"id": "7", "error": "not found", "path": "/x"},
    "a record of a method": {"id": "7", "method": "GET", "latency": 3},
    "settings": {"name": "example", "version": "1.0.0", "scripts": {"test": "true"}},
}


@pytest.mark.parametrize("cut", [0, 5])
@pytest.mark.parametrize("name", NOT_UNDERSTOOD)
def test_a_document_that_nobody_understands_is_not_read(name: str, cut: int) -> None:
    for text in (json.dumps(NOT_UNDERSTOOD[name]), json.dumps(NOT_UNDERSTOOD[name], indent=2)):
        agents, records, unread = read(text[: len(text) - cut].encode())
        assert (agents, records) == ([], unread)
        assert unread


CALLS = [
    '{"id":1,"method":"mining.subscribe","params":[]}',
    '{"id":1,"jsonrpc":"2.0","result":{"status":"OK"}}',
    '{"params":["a","b"],"id":2,"method":"mining.authorize"}',
    '[{"id":1,"method":"eth_getWork","params":[]},{"id":2,"result":true,"error":null}]',
]


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("cut", [0, 2])
def test_a_call_is_read_with_and_without_its_end(call: str, cut: int) -> None:
    for text in (call, call.replace('"', '\\"'), call.replace('"', "\\x22"), call.replace('"', "\\u0022")):
        known = registry.detect(BytesStream(text[: len(text) - cut].encode() + b"\n"))
        assert known is not None and known.name == "jsonrpc"
