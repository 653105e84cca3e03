"""Read the mining messages out of tables: normalised tables in, the same tables with ``mining.*`` columns out.

Only rows that the prefilter nominates become Python objects. ``http``, ``connection`` and ``alert`` get one summary per
row (the first message of the client, else of the server) and every message becomes a row of the ``stratum`` table and a
``StratumMessage``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core import schema
from kanaria.core.facts import Knowledge
from kanaria.core.types import StratumMessage
from kanaria.core.values import dataclass
from kanaria.mining import payload
from kanaria.mining.behind_proxies import asked_on_the_wire, behind_proxies
from kanaria.mining.candidates import rows_of_records, rows_with_frames, rows_with_noise, rows_with_words
from kanaria.mining.complete import complete
from kanaria.mining.dialogue import Dialogue, dialogue, in_kind, kept_with_alert
from kanaria.mining.roles import by_roles
from kanaria.mining.stratum import decode
from kanaria.mining.stratum_v2 import INITIATOR_BYTES, RESPONDER_BYTES, noise_handshake

Rows = npt.NDArray[np.int64]

COLUMNS = pa.schema(
    [
        pa.field("mining.dialect", pa.string()),
        pa.field("mining.method", pa.string()),
        pa.field("mining.coin", pa.string()),
        pa.field("mining.wallet", pa.string()),
        pa.field("mining.worker", pa.string()),
        pa.field("mining.agent", pa.string()),
        pa.field("mining.sample", pa.string()),
        pa.field("mining.messages", pa.int32()),
        pa.field("mining.from_client", pa.bool_()),
        pa.field("mining.answered", pa.bool_()),
    ]
)
_COMMON = (
    "time",
    "source",
    "line",
    "sensor",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "device",
    "remote",
    "direction",
)
# What a table's row is read from: the client's columns, the server's, and those looked at when these gave nothing (the
# record as it stood comes last, it holds everything a log knows).
_PARTS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "http": (("request", "request_body"), ("response_body",), ("url", "user_agent", "referer", "raw")),
    "connection": (("src_first",), ("dst_first",), ()),
    "alert": (("payload",), (), ()),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """Tables with what was found in them, and the messages themselves in order of record."""

    tables: dict[str, pa.Table]
    messages: tuple[StratumMessage, ...]


def reached(tables: Mapping[str, pa.Table]) -> dict[str, pa.Table]:
    """The tables with the other sides that were reached through proxies in place of the proxies, and ``mining.target``.

    Comes before anything is looked up about the other side.
    """
    put_right = {"http": asked_on_the_wire, "connection": behind_proxies}
    return {name: put_right[name](table) if name in put_right else table for name, table in tables.items()}


def read(tables: Mapping[str, pa.Table], knowledge: Knowledge) -> Reading:
    """Find the mining messages of a batch.

    Adds the columns of ``COLUMNS`` to ``http``, ``connection`` and ``alert`` (null where nothing was found), the
    ``payload.*`` columns to ``http`` and ``process``, and the table ``stratum``. Other tables pass unchanged.
    """
    out = dict(tables)
    messages: list[StratumMessage] = []
    rows: list[dict[str, object]] = []
    worded, loaded = rows_of_records(out["http"]["raw"]) if "http" in out else (None, None)
    for name in _PARTS:
        if name not in out:
            continue
        dialogues = _find(name, out[name], knowledge, worded)
        if name == "connection":
            out[name] = by_roles(out[name], {row: of_row.turned for row, of_row in dialogues.items()})
        for row, of_row in dialogues.items():
            messages += of_row.messages
            rows += _stratum_rows(name, out[name], row, of_row.messages)
        out[name] = _with_columns(out[name], dialogues)
    if "http" in out:
        out["http"] = payload.enrich(out["http"], loaded)
    if "process" in out:
        out["process"] = payload.enrich_commands(out["process"])
    out["stratum"] = schema.from_rows("stratum", rows)
    return Reading(tables=out, messages=tuple(messages))


def _find(name: str, table: pa.Table, knowledge: Knowledge, worded: Rows | None) -> dict[int, Dialogue]:
    dialogues: dict[int, Dialogue] = {}
    ids = table["event_id"]
    for row in _nominated(name, table, worded):
        conversation = _said_in(name, table, row, knowledge)
        if conversation is not None and conversation.messages:
            event_id = ids[row].as_py() or 0
            messages = tuple(replace(message, event_id=event_id) for message in conversation.messages)
            dialogues[row] = replace(conversation, messages=messages)
    return dialogues


def _said_in(name: str, table: pa.Table, row: int, knowledge: Knowledge) -> Dialogue | None:
    match name:
        case "connection":
            return _on_connection(table, row, knowledge)
        case "alert":
            return kept_with_alert(table["transport"][row].as_py(), table["payload"][row].as_py() or b"", knowledge)
        case _:
            return _in_record(name, table, row, knowledge)


_OF_CONNECTION = (
    "time", "messages", "transport", "history",
    "src_first", "dst_first", "src_payload", "dst_payload", "src_messages", "dst_messages",
)  # fmt: skip


def _on_connection(table: pa.Table, row: int, knowledge: Knowledge) -> Dialogue | None:
    conversation = dialogue({name: table[name][row].as_py() for name in _OF_CONNECTION}, knowledge)
    if conversation is None and (noise := _noise(table, row, knowledge)):
        return Dialogue(noise, False, True)
    return conversation


def _in_record(name: str, table: pa.Table, row: int, knowledge: Knowledge) -> Dialogue:
    client, server, others = _PARTS[name]
    messages = _messages(table, row, client, server, others, knowledge)
    if name == "http":
        messages = _with_user_agent(messages, table["user_agent"][row].as_py())
    given = any(m.direction == "server" and m.fields.get("accepted") != "false" for m in messages)
    return Dialogue(messages, False, given)


def _nominated(name: str, table: pa.Table, worded: Rows | None) -> list[int]:
    """Rows worth a look, in order; ``worded`` are those whose whole record has a word."""
    client, server, others = _PARTS[name]
    names = (*client, *server, *others)
    if "raw" in others and table["raw"].null_count == 0:
        # The record holds everything else, escaped; bodies of a network sensor are not in it.
        names = ("raw", "request_body", *server)
    filled = [column for column in names if table[column].null_count < len(table)]
    parts = [worded if column == "raw" and worded is not None else rows_with_words(table[column]) for column in filled]
    if name == "connection":
        parts += [rows_with_frames(table["src_first"]), rows_with_frames(table["dst_first"])]
        parts.append(rows_with_noise(table["messages"], INITIATOR_BYTES, RESPONDER_BYTES))
    return [int(row) for row in np.unique(np.concatenate(parts))] if parts else []


def _messages(
    table: pa.Table,
    row: int,
    client: Sequence[str],
    server: Sequence[str],
    others: Sequence[str],
    knowledge: Knowledge,
) -> tuple[StratumMessage, ...]:
    asked = b"\n".join(part for column in client if (part := table[column][row].as_py()))
    answer = b"\n".join(part for column in server if (part := table[column][row].as_py()))
    messages = decode(asked, direction="client", knowledge=knowledge)
    if messages and answer:  # the lines of a log are told one by one; an answer counts when it answers them in kind
        messages = in_kind(asked, answer, knowledge) or messages
    for column in others:
        if not messages and (part := table[column][row].as_py()):
            messages = decode(part, direction="client", knowledge=knowledge)
    return messages


def _with_user_agent(messages: tuple[StratumMessage, ...], agent: str | None) -> tuple[StratumMessage, ...]:
    """getwork names its miner in the HTTP header only."""
    return tuple(
        replace(message, agent=agent)
        if agent and message.agent is None and message.dialect == "getwork" and message.direction == "client"
        else message
        for message in messages
    )


def _noise(table: pa.Table, row: int, knowledge: Knowledge) -> tuple[StratumMessage, ...]:
    lengths = [(bool(m["from_client"]), int(m["length"])) for m in (table["messages"][row].as_py() or ())[:3]]
    shape = noise_handshake(lengths, table["src_first"][row].as_py())
    return (complete(shape, False, "client", knowledge),) if shape else ()


def _with_columns(table: pa.Table, dialogues: Mapping[int, Dialogue]) -> pa.Table:
    """The table with the summary columns, replaced when they are there already."""
    if not dialogues:
        for field in COLUMNS:
            table = _put(table, field.name, pa.nulls(len(table), field.type))
        return table
    rows = sorted(dialogues)
    summaries = pa.Table.from_pylist([_summary(dialogues[row]) for row in rows], schema=COLUMNS)
    places = np.full(len(table), -1, np.int64)
    places[rows] = np.arange(len(rows))
    indices = pa.array(places, mask=places < 0)
    for field in COLUMNS:
        table = _put(table, field.name, summaries[field.name].combine_chunks().take(indices))
    return table


def _put(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    index = table.schema.get_field_index(name)
    return table.append_column(name, values) if index < 0 else table.set_column(index, name, values)


def _summary(conversation: Dialogue) -> dict[str, object]:
    """The first message of the client speaks for the row; what it leaves open comes from the others."""
    messages = conversation.messages
    ordered = sorted(messages, key=lambda message: message.direction == "server")
    first = ordered[0]
    return {
        "mining.dialect": first.dialect,
        "mining.method": first.method,
        "mining.coin": _first(m.coin for m in ordered),
        "mining.wallet": _first(m.wallet for m in ordered),
        "mining.worker": _first(m.worker for m in ordered),
        "mining.agent": _first(m.agent for m in ordered),
        "mining.sample": _first(m.sample for m in ordered),
        "mining.messages": sum(int(m.fields.get("count", "1")) for m in messages),
        "mining.from_client": _from_client(first),
        "mining.answered": conversation.answered,
    }


_ACCEPTED = {"true": True, "false": False}


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _from_client(message: StratumMessage) -> bool | None:
    return None if message.direction == "unknown" else message.direction == "client"


def _stratum_rows(
    found_in: str, table: pa.Table, row: int, messages: Sequence[StratumMessage]
) -> Iterable[dict[str, object]]:
    common = {name: table[name][row].as_py() for name in (*_COMMON, "community_id")}
    for ordinal, message in enumerate(messages):
        yield {
            **common,
            "time": message.time or common["time"],
            "event_id": message.event_id,
            "found_in": found_in,
            "ordinal": ordinal,
            "dialect": message.dialect,
            "method": message.method,
            "from_client": _from_client(message),
            "accepted": _ACCEPTED.get(message.fields.get("accepted", "")),
            "coin": message.coin,
            "wallet": message.wallet,
            "worker": message.worker,
            "password": message.password,
            "agent": message.agent,
            "algorithms": list(message.algorithms),
        }
