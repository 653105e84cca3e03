"""Whether a logon inside TLS was accepted, from lengths alone: every cipher, fallbacks, holes, and any lengths at all."""

from __future__ import annotations

import pytest
from build_protocols import client_hello, server_hello, tls_record, x224
from hypothesis import given, settings
from hypothesis import strategies as st

from kanaria.formats.packets.protocols import credssp
from kanaria.formats.packets.protocols.credssp import infer

ASK, ANSWER = x224(0xE0, b"\1\0\x08\0\3\0\0\0"), x224(0xD0, b"\2\0\x08\0\2\0\0\0")
# (suite, TLS 1.3, what a record takes besides its content)
SUITES = {
    "AES-GCM": (0xC02F, False, 24),
    "ChaCha20": (0xCCA8, False, 16),
    "CBC-SHA": (0xC014, False, 16 + 20 + 1),
    "CBC-SHA256": (0xC027, False, 16 + 32 + 1),
    "TLS 1.3": (0x1302, True, 17),
}
Tokens = list[tuple[str, int]]
FIRST, CHALLENGE, PROOF, KEY, CODE, ALERT = ("c", 57), ("s", 215), ("c", 540), ("s", 59), ("s", 15), ("s", 2)


def flow(kind: str, tokens: Tokens) -> tuple[bytes, bytes, list[tuple[bool, int]]]:
    """Both sides' bytes as the reader keeps them (up to the first application data) and all messages."""
    suite, new, around = SUITES[kind]
    done = tls_record(20, b"\1") + tls_record(23 if new else 22, bytes(40))
    client, server = [ASK, client_hello(), done], [ANSWER, server_hello(suite, tls13=new), b"" if new else done]
    messages = [
        (True, len(ASK)),
        (False, len(ANSWER)),
        (True, len(client[1])),
        (False, len(server[1])),
        (True, len(done)),
    ]
    if not new:
        messages.append((False, len(done)))
    kept = {"c": b"".join(client), "s": b"".join(server)}
    for side, size in tokens:
        record = tls_record(23, bytes(size + around))
        kept[side] += record if len(kept[side]) < 600 else b""
        messages.append((side == "c", len(record)))
    return kept["c"], kept["s"], messages


@pytest.mark.parametrize("kind", SUITES)
@pytest.mark.parametrize(
    ("tokens", "verdict"),
    [
        ([FIRST, CHALLENGE, PROOF, KEY], "accepted"),
        ([FIRST, CHALLENGE, PROOF, KEY, ("c", 110), ("s", 4), ("c", 450), ("s", 120)], "accepted"),
        ([FIRST, CHALLENGE, PROOF, CODE], "refused"),
        ([FIRST, CHALLENGE, PROOF, ALERT, ("c", 30)], "refused"),
        ([FIRST, CHALLENGE, PROOF, CODE, ALERT], "refused"),
        ([FIRST, CHALLENGE, PROOF, CODE, ALERT, ("c", 2)], "refused"),
        ([FIRST, CHALLENGE, PROOF, KEY, ALERT], "accepted"),
        ([FIRST, CHALLENGE, PROOF], "refused"),
        ([FIRST, CHALLENGE], "not_tried"),
        ([FIRST], "not_tried"),
        ([("c", 1500), ("s", 150), ("c", 110)], "accepted"),
        ([("c", 1500), CHALLENGE, PROOF, CODE], "refused"),
        ([("c", 1500), CHALLENGE, PROOF, KEY], "accepted"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(f"{side}{size}" for side, size in value),
)
def test_the_answer_to_the_proof_tells(kind: str, tokens: Tokens, verdict: str) -> None:
    assert infer(*flow(kind, tokens)) == verdict


@pytest.mark.parametrize("kind", SUITES)
@pytest.mark.parametrize("code", credssp.ERRORS)
def test_an_error_and_the_close_in_one_packet_are_a_refusal(kind: str, code: int) -> None:
    client, server, messages = flow(kind, [FIRST, CHALLENGE, PROOF])
    version = "TLSv1.3" if SUITES[kind][1] else "TLSv1.2"
    hello = credssp.tls.parse(client[len(ASK) :], server[len(ANSWER) :])
    assert hello is not None and hello["version"] == version
    sizes = [credssp.record(size, version, str(hello["cipher"])) for size in (code, credssp.ALERT)]
    assert infer(client, server, [*messages, (False, sum(sizes))]) == "refused"


@pytest.mark.parametrize(
    ("content", "version", "cipher", "size"),
    [
        (15, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 15 + 22),
        (15, "TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 15 + 29),
        (15, "TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA", 5 + 16 + 48),
        (2, "TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA", 5 + 16 + 32),
        (2, "TLSv1.0", "TLS_RSA_WITH_3DES_EDE_CBC_SHA", 5 + 24),
    ],
)
def test_whole_records(content: int, version: str, cipher: str, size: int) -> None:
    assert credssp.record(content, version, cipher) == size


def test_a_hole_in_the_capture_is_no_verdict() -> None:
    client, server, messages = flow("AES-GCM", [FIRST, CHALLENGE, PROOF, CODE])
    proof = max(index for index, (from_client, _) in enumerate(messages) if from_client)
    assert infer(client, server, messages[:proof] + messages[proof + 1 :]) is None  # two answers to one token
    assert infer(client[: len(ASK) + 30], server, messages) is None
    assert infer(client, server[: len(ANSWER) + 30], messages) is None


def test_without_application_data_nobody_tried() -> None:
    client, server, messages = flow("AES-GCM", [])
    assert infer(client, server, messages) == "not_tried"


@pytest.mark.parametrize(
    ("version", "cipher", "size"),
    [
        ("TLSv1.0", "TLS_RSA_WITH_AES_128_CBC_SHA", 26),
        ("TLSv1.2", "TLS_RSA_WITH_AES_128_CBC_SHA256", 54),
        ("TLSv1.2", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", 70),
        ("TLSv1.2", "TLS_RSA_WITH_AES_128_CCM_8", 21),
        ("TLSv1.0", "TLS_RSA_WITH_RC4_128_MD5", 21),
        ("TLSv1.2", "0x1234", 25),
    ],
)
def test_what_a_record_takes(version: str, cipher: str, size: int) -> None:
    assert credssp.overhead(version, cipher) == size


@settings(max_examples=60)
@given(
    kind=st.sampled_from(sorted(SUITES)),
    messages=st.lists(st.tuples(st.booleans(), st.integers(0, 2000)), max_size=12),
    cut=st.integers(0, 400),
)
def test_any_lengths_give_a_verdict_or_none(kind: str, messages: list[tuple[bool, int]], cut: int) -> None:
    client, server, _ = flow(kind, [FIRST, CHALLENGE])
    assert infer(client[:cut], server, messages) in ("accepted", "refused", "not_tried", None)
    assert infer(client, server[:cut], messages) in ("accepted", "refused", "not_tried", None)
