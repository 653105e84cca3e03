"""Services of many flows at once: first-byte columns come in, a service column and wrongly guessed clients go out.

A look at the first bytes of all flows together leaves few for ``service.service_of``, which judges one flow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from kanaria.formats.packets import layout as L
from kanaria.formats.packets.kept import Heads
from kanaria.formats.packets.service import client_is_server_side, service_of

Array = np.ndarray[Any, Any]

_SEEN = 4096  # bytes of a stream that tell client from server, at most
_BEGINNINGS = np.zeros(256, np.bool_)
"""First bytes of the TCP protocols ``service`` knows, apart from TLS and DNS."""
_BEGINNINGS[list(b"\x00\x03\x10\x13\x16\xf9\xfa\x0b{[ \t\n\r\x0b\x0c*2SHEGPDOCTMNR")] = True


def services(client: pa.Array, server: pa.Array, proto: Array) -> pa.Array:
    """The application protocol of every flow, null where the bytes do not say."""
    heads = Heads(client), Heads(server)
    tcp = proto == L.TCP
    tls = tcp & _is_tls(heads[0].matrix(6))
    candidate = (proto == L.UDP) | (tcp & ~tls & (worth_asking(heads[0]) | worth_asking(heads[1])))
    names: list[str | None] = ["tls" if found else None for found in tls.tolist()]
    for index in np.flatnonzero(candidate).tolist():
        ours, theirs = (side.get(index, L.TEXT_BYTES) for side in heads)  # whole: sizes tell DNS and NTP
        names[index] = service_of(ours, theirs, "tcp" if tcp[index] else "udp")
    return pa.array(names, pa.string())


def _is_tls(head: Array) -> Array:
    """``service.is_tls`` of all rows."""
    tls = (head[:, 0] == 22) & (head[:, 1] == 3) & (head[:, 2] <= 4) & ((head[:, 5] == 1) | (head[:, 5] == 2))
    return np.asarray(tls)


def worth_asking(heads: Heads) -> Array:
    """Flows whose TCP bytes may be one of the protocols ``service_of`` knows."""
    head = heads.matrix(2)
    return np.asarray((heads.lengths > 2) & (_BEGINNINGS[head[:, 0]] | _is_framed_dns(heads, head)))


def _is_framed_dns(heads: Heads, head: Array) -> Array:
    size = head[:, 0].astype(np.int64) << 8 | head[:, 1]
    return np.asarray(size == np.minimum(heads.lengths - 2, 0xFFFF))


def wrong_way(client: pa.Array, server: pa.Array, guessed: Array) -> Array:
    """Which of the flows (row numbers) whose client was guessed have it on the other side."""
    heads = Heads(client), Heads(server)
    worth = worth_asking(heads[0]) | worth_asking(heads[1])
    wrong = np.zeros(len(guessed), np.bool_)
    for place in np.flatnonzero(worth[guessed]).tolist():
        ours, theirs = (side.get(int(guessed[place]), _SEEN) for side in heads)
        wrong[place] = client_is_server_side(ours, theirs)
    return wrong
