"""Services of many flows at once: from first-byte columns to a service column and wrongly guessed clients.

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

_CLOSED_PORTS = {
    L.VXLAN_PORT: "vxlan", L.VXLAN_LINUX_PORT: "vxlan", L.VXLAN_GPE_PORT: "vxlan", L.GENEVE_PORT: "geneve",
    L.TZSP_PORT: "tzsp", L.GTP_PORT: "gtp", L.L2TP_PORT: "l2tp", 4500: "ipsec",
}  # fmt: skip
"""Tunnels over UDP whose packets have nothing to tell them by but the port: here are those that could not be opened."""
_SEEN = 4096  # bytes of a stream that tell client from server, at most
_LEAST_DNS = 17  # a header and the question for the root
_BEGINNINGS = np.zeros(256, np.bool_)
"""First bytes of the TCP protocols ``service`` knows, apart from TLS and DNS."""
_BEGINNINGS[list(b"\x00\x03\x04\x05\x10\x13\x16\x81\xf9\xfa\x0b{[ \t\n\r\x0b\x0c*2SHEGPDOCTMNRABIU")] = True


def services(client: pa.Array, server: pa.Array, proto: Array, ports: Array) -> pa.Array:
    """The application protocol of every flow, null where the bytes do not say; a closed tunnel's by its port."""
    heads = Heads(client), Heads(server)
    tcp = proto == L.TCP
    tls = tcp & _is_tls(heads[0].matrix(6))
    candidate = (proto == L.UDP) | (tcp & ~tls & (worth_asking(heads[0]) | worth_asking(heads[1])))
    names: list[str | None] = ["tls" if found else None for found in tls.tolist()]
    for index in np.flatnonzero(candidate).tolist():
        ours, theirs = (side.get(index, L.TEXT_BYTES) for side in heads)  # whole: sizes tell DNS and NTP
        service = service_of(ours, theirs, "tcp" if tcp[index] else "udp")
        names[index] = service if service or tcp[index] else _closed(ports[index])
    return pa.array(names, pa.string())


def _closed(ports: Array) -> str | None:
    return next((_CLOSED_PORTS[port] for port in ports.tolist()[::-1] if port in _CLOSED_PORTS), None)


def _is_tls(head: Array) -> Array:
    """``service.is_tls`` of all rows."""
    tls = (head[:, 0] == 22) & (head[:, 1] == 3) & (head[:, 2] <= 4) & ((head[:, 5] == 1) | (head[:, 5] == 2))
    return np.asarray(tls)


def worth_asking(heads: Heads) -> Array:
    """Flows whose TCP bytes may be one of the protocols ``service_of`` knows."""
    head = heads.matrix(2)
    return np.asarray((heads.lengths > 1) & (_BEGINNINGS[head[:, 0]] | _is_framed_dns(heads, head)))


def _is_framed_dns(heads: Heads, head: Array) -> Array:
    """A DNS message with one question behind its length, perhaps with more messages behind it."""
    size = head[:, 0].astype(np.int64) << 8 | head[:, 1]
    framed = np.zeros(len(size), np.bool_)
    rows = np.flatnonzero((size >= _LEAST_DNS) & (size + 2 <= heads.lengths))
    framed[rows] = (heads.at(rows, 6) == 0) & (heads.at(rows, 7) == 1)
    return framed


def wrong_way(client: pa.Array, server: pa.Array, guessed: Array) -> Array:
    """Which of the flows (row numbers) whose client was guessed have it on the other side."""
    heads = Heads(client), Heads(server)
    worth = worth_asking(heads[0]) | worth_asking(heads[1])
    wrong = np.zeros(len(guessed), np.bool_)
    for place in np.flatnonzero(worth[guessed]).tolist():
        ours, theirs = (side.get(int(guessed[place]), _SEEN) for side in heads)
        wrong[place] = client_is_server_side(ours, theirs)
    return wrong
