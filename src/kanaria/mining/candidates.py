"""Which rows are worth decoding: columns of bytes in, row numbers out, at the speed of the buffer.

What is looked for is derived from the dialects' own tables of methods and members (``_anchors``) and from the ways in
which the decoder lets a character be spelled (``spellings``), so that whatever decodes is nominated. The decoder
decides; a false hit costs a fraction of a millisecond.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.prefilter import Grouped, Pattern, Prefilter, literal
from kanaria.mining import dialect_cryptonote, dialect_mining, dialect_other, payload_words, spellings
from kanaria.mining.escapes import MAX_DEPTH, text_of, undo_base64, undo_hex
from kanaria.mining.spellings import NAME_ENDS, NAME_VALUE

Rows = npt.NDArray[np.int64]
Search = Callable[[pa.ChunkedArray], tuple[Rows, Rows]]

# Texts that are rare outside mining protocols and stand in messages without a method, or in fragments of any.
_WORDS = (
    "getblocktemplate", "keepalived", "jobid", "hashsolved", "nonceprefix", "sitekey", "ethereumstratum",
    "previousblockhash", "upgrade: websocket", "headerblob",
)  # fmt: skip
# Words in parts; what joins them may be spelled as an escape.
_JOINED = (
    b"job_id", b"hash_accepted", b"site_key", b"pre_pow", b"blocktemplate_blob", b"version_rolling", b"edge_bits",
    b"pow_hash", b"x_mining_", b"eth_submit", b"eth_getwork", b"ckb_submit", b"ckb_getwork",
    b"mining_(?:subscribe|auth|submit|notify|set|extranonce|configure|suggest)",
)  # fmt: skip
_JOINT = rb"(?:[._-]|[%\x5c&#][^ \x22]{1,16})"
# Words of members that open a message when they are hidden in base64, hexadecimal or UTF-16.
_HIDDEN = (
    b"method", b"mining", b"login", b"jsonrpc", b"params", b"identifier", b"job_id", b"jobid", b"result", b"site_key",
    b"sitekey", b"blob",
)  # fmt: skip
# ... and in base64 of base64.
_TWICE = (b"method", b"mining", b"login")


_METHODS = (
    dialect_mining.CLIENT_METHODS | dialect_mining.SERVER_METHODS | dialect_cryptonote.METHODS | dialect_other.METHODS
)


def _beginnings() -> bytes:
    """The letters in front of the first sign of every method a dialect knows; of ``get_block_template`` one word more,
    because ``get`` alone is the method of most web requests."""
    heads = {re.split(r"[^a-z]", method.lower())[0] for method in _METHODS} - {"get"}
    return b"|".join(head.encode() for head in sorted(heads)) + rb"|get" + _JOINT + rb"block"


def _anchors() -> list[Pattern]:
    """What no message can do without, its letters as they are."""
    expressions = (
        rb"method" + NAME_VALUE + rb"(?:" + _beginnings() + rb")",
        rb"type" + NAME_VALUE + rb"(?:auth|submit|job)[^a-z]",
        rb"identifier" + NAME_VALUE + rb"(?:handshake|solved|job|hashsolved)",
        rb"login" + NAME_ENDS,
        rb"result" + NAME_VALUE + rb"0x[0-9a-f]{16}",
        rb"(?:target|blob|data)" + NAME_VALUE + rb"[0-9a-f]{24}",
    )
    joined = [word.replace(b"_", _JOINT) for word in _JOINED]
    return [literal(word) for word in _WORDS] + [Pattern(expression) for expression in (*expressions, *joined)]


def _wrapped() -> list[Pattern]:
    """The same words in base64, hexadecimal or UTF-16."""
    patterns = [Pattern(spellings.in_base64(word), caseless=False) for word in _HIDDEN]
    patterns += [Pattern(spellings.twice_in_base64(word), caseless=False) for word in _TWICE]
    patterns += [Pattern(spellings.in_hexadecimal(word)) for word in _HIDDEN]
    patterns += [Pattern(spellings.in_utf16(word)) for word in _HIDDEN]
    return [*patterns, Pattern(spellings.ZEROS)]


def _spelled() -> list[Pattern]:
    return [Pattern(expression) for expression in spellings.SPELLED]


def _covered() -> list[Pattern]:
    """Base64 or hexadecimal of any JSON: what it says is looked at in turn."""
    ends = [Pattern(spellings.in_base64_by_bits(end), caseless=False) for end in spellings.KEY_ENDS]
    return [*ends, Pattern(spellings.KEY_END_IN_HEXADECIMAL)]


@lru_cache(maxsize=1)
def prefilter() -> Prefilter:
    """The compiled patterns, built once, when first needed; the last ones nominate for a look under the wrapping."""
    return Prefilter(_anchors() + _wrapped() + _spelled() + _covered(), always=True)


@lru_cache(maxsize=1)
def _with_payloads() -> Grouped:
    return Grouped(_anchors() + _wrapped(), payload_words.own_patterns(), _spelled(), _covered())


@lru_cache(maxsize=1)
def _for_messages() -> Grouped:
    return Grouped(_anchors() + _wrapped() + _spelled(), _covered())


def rows_of_records(column: pa.ChunkedArray) -> tuple[Rows, Rows]:
    """Rows of whole records that may hold a message, and those that may hold an attack payload, in one pass."""
    worded, loaded, spelled, covered = _with_payloads().rows(column)
    worded = np.union1d(worded, spelled)
    inside = _uncovered(column, np.setdiff1d(covered, worded), _worded_in_records)
    return np.union1d(worded, inside), np.union1d(loaded, spelled)


def _worded_in_records(column: pa.ChunkedArray) -> tuple[Rows, Rows]:
    """Rows with words and covered rows, by the database that searched the records: no other need be loaded."""
    worded, _, spelled, covered = _with_payloads().rows(column)
    return np.union1d(worded, spelled), covered


def _worded(column: pa.ChunkedArray) -> tuple[Rows, Rows]:
    worded, covered = _for_messages().rows(column)
    return worded, covered


def rows_with_words(column: pa.ChunkedArray) -> Rows:
    """Rows of a string or binary column that may hold a message."""
    worded, covered = _worded(column)
    return np.union1d(worded, _uncovered(column, np.setdiff1d(covered, worded), _worded))


def _uncovered(column: pa.ChunkedArray, rows: Rows, search: Search, depth: int = 0) -> Rows:
    """Those of the rows whose base64 and hexadecimal, undone, may hold a message; ``search`` gives the rows with words
    and the covered ones."""
    if not len(rows) or depth == MAX_DEPTH:
        return rows[:0]
    texts = [text_of(value) for value in column.take(pa.array(rows)).to_pylist()]
    undone = [undo_hex(undo_base64(text)) for text in texts]
    changed = [index for index, text in enumerate(texts) if undone[index] != text]
    rows = rows[changed]
    inside = pa.chunked_array([pa.array([undone[at].encode("utf-8", "replace") for at in changed], pa.large_binary())])
    worded, covered = search(inside)
    return rows[np.union1d(worded, _uncovered(inside, np.setdiff1d(covered, worded), search, depth + 1))]


def rows_with_frames(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Rows whose bytes may begin with a WebSocket data frame or a Stratum V2 frame: nothing in those is readable."""
    parts, base = [np.empty(0, np.int64)], 0
    for chunk in column.chunks:
        if len(chunk) and chunk.buffers()[2] is not None:
            offsets = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
            filled = np.flatnonzero(offsets[1:] - offsets[:-1] >= 8)
            data = np.frombuffer(chunk.buffers()[2], np.uint8)
            first, second = data[offsets[filled]], data[offsets[filled] + 1]
            frame = np.isin(first, (0x81, 0x82, 0xC1, 0xC2)) & (second >= 0x80)
            setup = (first == 0) & (second == 0) & (data[offsets[filled] + 2] == 0)
            parts.append(filled[frame | setup] + base)
        base += len(chunk)
    return np.concatenate(parts)


def rows_with_noise(messages: pa.ChunkedArray, first: int, second: int) -> npt.NDArray[np.int64]:
    """Rows whose first message is ``first`` bytes from the client and whose second is ``second`` from the server."""
    parts, base = [np.empty(0, np.int64)], 0
    for chunk in messages.chunks:
        if len(chunk) and len(chunk.values):
            offsets = chunk.offsets.to_numpy()
            starts = offsets[:-1][offsets[1:] - offsets[:-1] >= 2]
            rows = np.flatnonzero(offsets[1:] - offsets[:-1] >= 2)
            lengths = chunk.values.field("length").fill_null(-1).to_numpy(zero_copy_only=False)
            from_client = chunk.values.field("from_client").fill_null(False).to_numpy(zero_copy_only=False)
            fits = (lengths[starts] == first) & (lengths[starts + 1] == second)
            fits &= from_client[starts] & ~from_client[starts + 1]
            parts.append(rows[fits] + base)
        base += len(chunk)
    return np.concatenate(parts)
