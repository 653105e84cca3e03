"""The memory layout that the packet kernel, its plain-Python twin and the exporter share, and every limit.

Nothing comes in or goes out: these are NumPy record types and numbers. The kernel needs flat records because Numba
compiles loops over them to machine code; the twin needs only the numbers.
"""

from __future__ import annotations

import numpy as np

# What became of a packet. Everything above OTHER is reported as a reject with its count.
OK, OTHER, LINK, CUT, MALFORMED, FRAGMENT, SEALED = range(7)
REASONS = {
    LINK: "link type is not one of those read (Ethernet, Wi-Fi, Linux cooked, raw IP, loopback, PPP, pflog, nflog)",
    CUT: "headers cut short by the snap length or a damaged record",
    MALFORMED: "IP, TCP or UDP header contradicts itself, or the frame was received damaged",
    FRAGMENT: "later IP fragment: it carries no ports, so its bytes belong to no flow",
    SEALED: "frames encrypted or compressed on the link (Wi-Fi, MACsec, PPP): their content was not read or judged",
}

SHORTAGES = (
    "flows kept fewer first bytes than usual: the memory for payloads was full",
    "flows kept no further message lengths: the memory for them was full",
    "flows kept no request and answer pairs: the memory for them was full",
    "silent flows were handed out before they ended: the flow table was full",
)
TCP, UDP, ICMP, ICMP6, GRE, ETHER_IP, L2TP = 6, 17, 1, 58, 47, 97, 115
HEADERS = 64
"""VLAN tags of a frame, or extension headers of an IPv6 packet, at most: more than any network makes, and who stacks
them to hide what follows needs them all to arrive."""
TUNNELS = 4
"""IP headers in one frame at most: a mirror's copy of a mobile network's copy of a tunnel, and what is in it."""
NO_TUNNEL = -128
"""Not the offset of anything, and minus no packet status."""
# IANA's ports of tunnels over UDP, apart from 8472, which Linux took for VXLAN before (flannel and Cilium still do).
VXLAN_PORT, VXLAN_LINUX_PORT, VXLAN_GPE_PORT, GENEVE_PORT, TZSP_PORT, GTP_PORT, L2TP_PORT = (
    4789, 8472, 4790, 6081, 37008, 2152, 1701,
)  # fmt: skip
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

LARGEST = 256 << 10  # libpcap's MAXIMUM_SNAPLEN: a longer packet does not occur, a larger length is damage
SECOND = 1_000_000
LATEST = 1 << 52  # the year 2112: a pcapng clock beyond it is damage, and calendars end at the year 9999
# Zeek's documented defaults (tcp_inactivity_timeout, udp_inactivity_timeout, icmp_inactivity_timeout, tcp_close_delay),
# so that a flow is cut at the same places by both.
TCP_IDLE, UDP_IDLE, ICMP_IDLE, CLOSED_IDLE = 300 * SECOND, 60 * SECOND, 60 * SECOND, 5 * SECOND
# A TCP connection that was taken up (its handshake is complete, or it carried data both ways) stays one flow through an
# hour of silence: NAT devices keep such a connection for at least two (RFC 5382, REQ-5), a miner without keepalives
# waits for as long as the pool is silent, and a pool that answers after minutes would tear each word from its answer.
TALK_IDLE = 3600 * SECOND

MESSAGES = 200  # messages kept one by one; afterwards only counts go on (issue: the first 200)
FULL_SEGMENT = (
    1200  # a segment this long was filled by TCP, not ended by the writer: MSS is 1220 (IPv6 minimum) or more
)
WRITE_GAP = 200_000  # Linux TCP_RTO_MIN: a pause longer than the shortest retransmission timeout is a new write
# An open flow is reported while it stays below so many bytes and so many more a second. Miners stayed below 800 a
# second in every real source, 4,000 speak against mining (mining/grammar_signs), and a TLS handshake takes 3 to 8 kB.
THIN_BYTES, THIN_RATE = 20_000, 4_000
PAIR_SLOTS = 8  # distinct (request, answer) lengths followed per flow; miners use one or two

FIRST_BYTES = 16 << 10  # kept per side of any flow
TEXT_BYTES = 256 << 10  # kept per side when the first bytes look like JSON or HTTP requests
LEAN_BYTES = 2 << 10  # kept per side once three quarters of the payload budget are taken

CHUNK = 256  # payload pool chunk: most first flights (TLS hello 250-700 B, login line 200-400 B) take one to three
SEGMENT_HEADER = 8  # sequence number (4), captured length (2), length on the wire (2), little-endian
MESSAGE_CHUNK = 8
HOLES = 8
"""Holes of a side's stream that may still be filled, the newest. An acknowledgement names at most four blocks beyond
them (RFC 2018, 3), and in 3,773 connections of real captures no side ever had more than two holes at once."""
NONE = -1

# Flow marks.
GUESSED, STOPPED, HOLED0, HOLED1, BIG0, BIG1, RST0_FIRST, SEALED0, SEALED1, THIN, LONE = (1 << bit for bit in range(11))
# What a side has sent (``sent`` in FLOW).
DID_SYN, DID_SYNACK, DID_FIN, DID_RST, DID_DATA, DID_ACK, DID_RETRANSMIT, DID_GAP, DID_ZERO_WINDOW = (
    1 << bit for bit in range(9)
)
DID_SPOKE = DID_ACK | DID_DATA
HISTORY = 18  # nine letters for each side, each noted once

PACKET = np.dtype(
    [
        ("src_hi", "u8"), ("src_lo", "u8"), ("dst_hi", "u8"), ("dst_lo", "u8"),
        ("time", "i8"), ("payload", "i8"),
        ("ip_bytes", "i4"), ("length", "i4"), ("captured", "i4"),
        ("seq", "u4"),
        ("src_port", "i4"), ("dst_port", "i4"), ("window", "i4"),
        ("status", "u1"), ("proto", "u1"), ("flags", "u1"),
    ],
    align=True,
)  # fmt: skip
"""One decoded packet: ``payload`` is its offset in the block, ``length`` its bytes on the wire,
``captured`` those in the file. Addresses are 16 bytes as two numbers, IPv4 as IPv4-mapped IPv6."""

FLOW = np.dtype(
    [
        ("ip_hi", "u8", (2,)), ("ip_lo", "u8", (2,)), ("port", "i4", (2,)),
        ("first_packet", "i8"), ("start", "i8"), ("last", "i8"), ("reported", "i8"), ("told", "i8"),
        ("bytes", "i8", (2,)), ("packets", "i8", (2,)), ("payload", "i8", (2,)), ("messages", "i8", (2,)),
        ("next_seq", "u4", (2,)), ("isn", "u4", (2,)),
        ("sent", "i4", (2,)),
        ("log_head", "i4", (2,)), ("log_tail", "i4", (2,)), ("log_bytes", "i4", (2,)), ("log_seq", "u4", (2,)),
        ("log_payload", "i4", (2,)),
        ("message_head", "i4"), ("message_tail", "i4"), ("message_count", "i4"),
        ("run_side", "i4"), ("run_length", "i4"), ("run_ended", "i4"), ("run_start", "i8"), ("run_last", "i8"),
        ("ask_length", "i4"), ("pair", "i4"), ("ask_time", "i8"),
        ("client_time", "i8"), ("gaps", "i8"), ("gap_sum", "f8"), ("gap_squares", "f8"),
        ("link", "i4"), ("marks", "i4"), ("history_length", "i4"),
        ("history", "u1", (HISTORY,)), ("holes", "u1", (2,)), ("proto", "u1"), ("live", "u1"),
    ],
    align=True,
)  # fmt: skip
"""One flow; side 0 is the client. ``log_*`` is the chain of kept segments, ``run_*`` the message being received,
``ask_*`` the client message that waits for its answer, ``reported`` when the open flow was last told of and ``told``
with how many messages, ``link`` the next flow of a hash chain or free list."""

PAIR = np.dtype(
    [("request", "i4"), ("answer", "i4"), ("count", "i8"), ("error", "i8"), ("delay", "i8")], align=True
)  # fmt: skip
"""One followed pair (Space-Saving: ``count - error`` is a certain lower bound; ``delay`` is a running median)."""
