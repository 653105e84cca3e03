"""Which rows are worth decoding: columns of bytes in, row numbers out, at the speed of the buffer.

The patterns are what every dialect cannot avoid writing, plain, escaped, as UTF-16, hexadecimal or base64. They only
nominate; the decoder decides. A miss here is a message lost, a false hit costs a fraction of a millisecond.
"""

from __future__ import annotations

import base64
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kanaria.core.prefilter import Pattern, Prefilter, Together, literal
from kanaria.mining import payload_words

# Words that are rare outside mining protocols.
_WORDS = (
    "mining.subscribe", "mining.auth", "mining.submit", "mining.notify", "mining.set", "mining.extranonce",
    "mining.configure", "mining.suggest_", "mining.get_", "mining.multi_version", "mining.hello", "mining.noop",
    "mining.ping", "mining.hashrate", "mining.capab", "mining.login", "mining.bye", "client.reconnect",
    "client.show_message", "client.get_version", "eth_submit", "eth_getwork", "eth_login", "ckb_submit", "ckb_getwork",
    "getwork", "getblocktemplate", "get_block_template", "submitblock", "submit_block", "getjobtemplate", "x-mining-",
    "keepalived", "job_id", "jobid", "hash_accepted", "hashsolved", "site_key", "sitekey", "pre_pow", "nonceprefix",
    "blocktemplate_blob", "ethereumstratum/", "version-rolling", "upgrade: websocket", "edge_bits",
)  # fmt: skip
# A method that is an everyday word, with at most an escaped quote, a colon and spaces around it.
_METHODS = (
    rb"method.{2,24}(login|submit|getjob|solution|job|result|mining\x2e)",
    rb"type.{2,24}(auth|submit|job)[^a-z]",
    rb"identifier.{2,24}(handshake|solved|job)",
    rb"(params|login).{2,24}(login|agent|pass|algo)[^a-z]",
    rb"result.{2,24}0x[0-9a-f]{16}",
)
_HIDDEN = ("method", "mining.", "login", "jsonrpc", "params", "identifier")


def _base64_forms(word: str) -> list[bytes]:
    """The characters that stand for the word in base64 whatever stands before and behind it (three alignments)."""
    data, forms = word.encode(), []
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + data)
        first = -(-8 * shift // 6)
        last = 8 * (shift + len(data)) // 6
        forms.append(coded[first:last])
    return forms


def _patterns() -> list[Pattern]:
    patterns = [literal(word) for word in _WORDS]
    patterns += [Pattern(expression) for expression in _METHODS]
    patterns += [literal(form, caseless=False) for word in _HIDDEN for form in _base64_forms(word)]
    for word in ("method", "mining", "login"):
        letters = [b"\\x%02x" % byte for byte in word.encode()]
        # Two-byte characters, as bytes and as a log writes the zero byte.
        patterns.append(Pattern(rb"\x00".join(letters)))
        patterns.append(Pattern(rb"\x5cx00".join(letters)))
        # Hexadecimal in any notation: 6d65, \x6d\x65, %6d%65, \u006d\u0065, &#x6d;&#x65;.
        patterns.append(Pattern(rb"[\x5c%&#;xu0]{0,6}".join(b"%02x" % byte for byte in word.encode())))
    return patterns


@lru_cache(maxsize=1)
def prefilter() -> Prefilter:
    """The compiled patterns, built once, when first needed."""
    return Prefilter(_patterns())


@lru_cache(maxsize=1)
def _with_payloads() -> Together:
    return Together(prefilter(), payload_words.candidates())


def rows_of_records(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of whole records that may hold a message, and those that may hold an attack payload, in one pass."""
    return _with_payloads().rows(column)


def rows_with_words(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Rows of a string or binary column that may hold a message."""
    return np.unique(prefilter().rows(column)[0])


def rows_with_frames(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Rows whose bytes may begin with a WebSocket data frame or a Stratum V2 frame: nothing in those is readable."""
    found, base = [np.empty(0, np.int64)], 0
    for chunk in column.chunks:
        if len(chunk) and chunk.buffers()[2] is not None:
            offsets = np.frombuffer(chunk.buffers()[1], np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
            filled = np.flatnonzero(offsets[1:] - offsets[:-1] >= 8)
            data = np.frombuffer(chunk.buffers()[2], np.uint8)
            first, second = data[offsets[filled]], data[offsets[filled] + 1]
            frame = np.isin(first, (0x81, 0x82, 0xC1, 0xC2)) & (second >= 0x80)
            setup = (first == 0) & (second == 0) & (data[offsets[filled] + 2] == 0)
            found.append(filled[frame | setup] + base)
        base += len(chunk)
    return np.concatenate(found)


def rows_with_noise(messages: pa.ChunkedArray, first: int, second: int) -> npt.NDArray[np.int64]:
    """Rows whose first message is ``first`` bytes from the client and whose second is ``second`` from the server."""
    found, base = [np.empty(0, np.int64)], 0
    for chunk in messages.chunks:
        if len(chunk) and len(chunk.values):
            offsets = chunk.offsets.to_numpy()
            starts = offsets[:-1][offsets[1:] - offsets[:-1] >= 2]
            rows = np.flatnonzero(offsets[1:] - offsets[:-1] >= 2)
            lengths = chunk.values.field("length").fill_null(-1).to_numpy(zero_copy_only=False)
            from_client = chunk.values.field("from_client").fill_null(False).to_numpy(zero_copy_only=False)
            fits = (lengths[starts] == first) & (lengths[starts + 1] == second)
            fits &= from_client[starts] & ~from_client[starts + 1]
            found.append(rows[fits] + base)
        base += len(chunk)
    return np.concatenate(found)
