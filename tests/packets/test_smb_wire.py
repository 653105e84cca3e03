"""File sharing as [MS-SMB2], [MS-CIFS] and [MS-NLMP] have it on the wire: who wanted in, what was opened, how it ended."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from build_packets import Reader, conversation, pcap
from click.testing import CliRunner
from smb_messages import (
    CLOSE,
    CREATE,
    DENIED,
    ECHO,
    MORE,
    NEGOTIATE,
    PENDING,
    QUERY_INFO,
    READ,
    RELATED,
    SESSION_SETUP,
    TREE_CONNECT,
    WRONG,
    answer,
    chain,
    create,
    data_at,
    negotiate,
    negotiated,
    ntlm_authenticate,
    ntlm_challenge,
    ntlm_negotiate,
    session,
    session_setup,
    smb1,
    smb1_answer,
    smb1_extended,
    smb1_logon,
    smb1_negotiate,
    smb1_open,
    smb1_tree,
    smb2,
    spnego,
    tree_connect,
    tree_data,
    utf16,
)

from kanaria.app.commands.main import cli
from kanaria.formats.packets.protocols import ntlm, smb

Row = dict[str, Any]


def rows(client: bytes, server: bytes = b"") -> list[Row]:
    return [row for _, row in smb.rows(client, server)]


def told(row: Row) -> dict[str, Any]:
    """What a row says beyond its action and version."""
    return {key: value for key, value in row.items() if value is not None and key not in ("action", "version")}


# --- SMB2 ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0x0202, "SMB2.0.2"),
        (0x0210, "SMB2.1"),
        (0x0300, "SMB3.0"),
        (0x0302, "SMB3.0.2"),
        (0x0311, "SMB3.1.1"),
        (0x0410, "0x0410"),
    ],
)
def test_the_dialect_that_was_chosen(number: int, name: str) -> None:
    """2.2.4: DialectRevision; what was offered says nothing."""
    asked = session(smb2(NEGOTIATE, 0, negotiate(0x0202, 0x0210, 0x0300, 0x0302, 0x0311)))
    (row,) = rows(asked, session(answer(NEGOTIATE, 0, negotiated(number))))
    assert (row["version"], told(row)) == (name, {"status": "SUCCESS", "answered": True})


def test_nobody_answered() -> None:
    (row,) = rows(session(smb2(NEGOTIATE, 0, negotiate(0x0202))))
    assert (row["version"], row["status"], row["answered"]) == (None, None, False)


def test_all_rows_have_the_dialect_the_two_agreed_on() -> None:
    """3.3.5.3.1: to SMB1's words "SMB 2.???" a server answers with the wildcard 0x02FF, and the client asks once more."""
    client = session(
        smb1_negotiate(b"NT LM 0.12", b"SMB 2.002", b"SMB 2.???"),
        smb2(NEGOTIATE, 1, negotiate(0x0210, 0x0311)),
        smb2(TREE_CONNECT, 2, tree_connect("\\\\SRV\\data")),
    )
    server = session(
        answer(NEGOTIATE, 0, negotiated(0x02FF)),
        answer(NEGOTIATE, 1, negotiated(0x0311)),
        answer(TREE_CONNECT, 2, bytes(16)),
    )
    found = rows(client, server)
    assert [(row["action"], row["version"]) for row in found] == [
        ("negotiate", "SMB2"), ("negotiate", "SMB3.1.1"), ("tree_connect", "SMB3.1.1"),
    ]  # fmt: skip


STATUSES = [
    (0x00000000, "SUCCESS"),
    (0xC000006D, "LOGON_FAILURE"),
    (0xC0000064, "NO_SUCH_USER"),
    (0xC000006A, "WRONG_PASSWORD"),
    (0xC0000071, "PASSWORD_EXPIRED"),
    (0xC0000072, "ACCOUNT_DISABLED"),
    (0xC0000234, "ACCOUNT_LOCKED_OUT"),
    (0xC0000193, "ACCOUNT_EXPIRED"),
    (0xC000015B, "LOGON_TYPE_NOT_GRANTED"),
    (0xC0000070, "INVALID_WORKSTATION"),
    (0xC000006F, "INVALID_LOGON_HOURS"),
    (0xC0000224, "PASSWORD_MUST_CHANGE"),
    (0xC00000CC, "BAD_NETWORK_NAME"),
    (0xC0000022, "ACCESS_DENIED"),
    (0xC0DEC0DE, "0xC0DEC0DE"),
]


@pytest.mark.parametrize(("code", "name"), STATUSES)
def test_how_a_logon_ended(code: int, name: str, read: Reader) -> None:
    """[MS-ERREF] 2.3.1. A logon succeeded with STATUS_SUCCESS alone."""
    token = spnego(ntlm_authenticate("admin"))
    script = [
        ("c", session(smb2(NEGOTIATE, 0, negotiate(0x0311)))),
        ("s", session(answer(NEGOTIATE, 0, negotiated(0x0311)))),
        ("c", session(smb2(SESSION_SETUP, 1, session_setup(spnego(ntlm_negotiate()))))),
        ("s", session(answer(SESSION_SETUP, 1, session_setup(spnego(ntlm_challenge())), status=MORE))),
        ("c", session(smb2(SESSION_SETUP, 2, session_setup(token)))),
        ("s", session(answer(SESSION_SETUP, 2, status=code))),
    ]
    found, rejects = read(pcap(conversation(script, dport=445)))
    (logon,) = found["logon"]
    assert not rejects
    assert (logon["user"], logon["domain"], logon["client_name"]) == ("admin", "EXAMPLE", "PC-7")
    assert (logon["success"], logon["reason"], logon["service"]) == (code == 0, name, "smb")
    assert [row["status"] for row in found["smb"]] == ["SUCCESS", "MORE_PROCESSING_REQUIRED", name]


@pytest.mark.parametrize(
    ("user", "domain", "station"),
    [("", "", ""), ("", "", "SCANNER"), ("admin", "", ""), ("admin", "EXAMPLE", ""), ("管理者", "会社", "端末")],
)
def test_accounts_that_say_little(user: str, domain: str, station: str, read: Reader) -> None:
    """Without a user it is an anonymous session ([MS-NLMP] 3.2.5.1.2), and nobody's logon."""
    token = ntlm_authenticate(user, domain, station)
    script = [("c", session(smb2(SESSION_SETUP, 2, session_setup(token)))), ("s", session(answer(SESSION_SETUP, 2)))]
    found, _ = read(pcap(conversation(script, dport=445)))
    (row,) = found["smb"]
    assert (row["user"], row["domain"], row["client_name"]) == (user or None, domain or None, station or None)
    assert [logon["user"] for logon in found.get("logon", [])] == ([user] if user else [])


def test_a_server_that_takes_its_time_answers_in_the_end() -> None:
    """3.3.4.2: STATUS_PENDING only says that the answer comes later, under the same message id."""
    asked = session(smb2(CREATE, 9, create("slow.exe")))
    later = session(answer(CREATE, 9, status=PENDING), answer(ECHO, 10, bytes(4)), answer(CREATE, 9, status=DENIED))
    assert [row["status"] for row in rows(asked, later)] == ["ACCESS_DENIED"]
    assert [row["answered"] for row in rows(asked, session(answer(CREATE, 9, status=PENDING)))] == [False]


def test_answers_meet_their_requests_by_message_id() -> None:
    """Credits let a client have many requests open; answers come in any order."""
    asked = session(*(smb2(CREATE, ident, create(f"file{ident}")) for ident in (5, 6, 7)))
    answers = session(answer(CREATE, 7, status=DENIED), answer(CREATE, 5), answer(CREATE, 6, status=0xC0000034))
    assert [(row["path"], row["status"]) for row in rows(asked, answers)] == [
        ("file5", "SUCCESS"), ("file6", "OBJECT_NAME_NOT_FOUND"), ("file7", "ACCESS_DENIED"),
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["a", "svcctl", "dir\\odd name.exe", "x" * 97])
def test_every_request_of_a_compound_is_seen(path: str) -> None:
    """3.3.5.2.7: open, ask, close in one message, filled up to eight bytes each."""
    asked = session(
        chain(
            smb2(CREATE, 3, create(path)),
            smb2(QUERY_INFO, 4, struct.pack("<H", 41) + bytes(39), flags=RELATED),
            smb2(CREATE, 5, create("second"), flags=RELATED),
            smb2(CLOSE, 6, struct.pack("<HHI", 24, 0, 0) + b"\xff" * 16, flags=RELATED),
        )
    )
    back = session(
        chain(answer(CREATE, 3, bytes(88)), answer(QUERY_INFO, 4), answer(CREATE, 5, status=DENIED), answer(CLOSE, 6))
    )
    assert [(row["path"], row["status"]) for row in rows(asked, back)] == [
        (path, "SUCCESS"), ("second", "ACCESS_DENIED"),
    ]  # fmt: skip


@pytest.mark.parametrize("following", [1, 8, 63, 0xFFFFFFFF, 1 << 20])
def test_a_chain_that_cannot_be_ends(following: int) -> None:
    """NextCommand is a multiple of eight behind a whole header; anything else is damage, and no endless loop."""
    message = smb2(CREATE, 3, create("first"), following=following) + smb2(CREATE, 4, create("never"))
    found = rows(session(message))
    assert found[0]["action"] == "file_open"
    assert len(found) == 1


@pytest.mark.parametrize("gap", [0, 1, 2, 8, 40])
def test_the_share_lies_where_the_request_says(gap: int) -> None:
    """2.2.9: PathOffset counts from the header's start."""
    (row,) = rows(session(smb2(TREE_CONNECT, 2, tree_connect("\\\\203.0.113.5\\C$", gap=gap))))
    assert row["share"] == "\\\\203.0.113.5\\C$"


def test_a_context_behind_the_name_is_no_part_of_it() -> None:
    context = struct.pack("<IHHHHI", 0, 16, 4, 0, 24, 0) + b"MxAc" + bytes(4)
    (row,) = rows(session(smb2(CREATE, 2, create("report.docx", context=context))))
    assert row["path"] == "report.docx"


NAMES = [
    "..\\..\\Windows\\x.exe",
    "a\u202egpj.exe",
    "\x1b[31mred",
    "<script>",
    "tab\there",
    "日本語.txt",
    "💰.exe",
    "x" * 500,
]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_kept_as_they_were_sent(name: str) -> None:
    share, opened = rows(session(smb2(TREE_CONNECT, 2, tree_connect(f"\\\\s\\{name}")), smb2(CREATE, 3, create(name))))
    assert (share["share"], opened["path"]) == (f"\\\\s\\{name}", name)


def test_half_a_character_costs_that_character_alone() -> None:
    (row,) = rows(session(smb2(CREATE, 3, create("a\ud83db"))))
    assert row["path"] is not None
    assert (row["path"][0], row["path"][-1]) == ("a", "b")
    row["path"].encode()


@pytest.mark.parametrize("command", [2, 4, READ, 9, ECHO, QUERY_INFO, 18, 0xFF])
def test_other_commands_make_no_rows(command: int) -> None:
    assert rows(session(smb2(command, 4, bytes(60))), session(answer(command, 4))) == []


@pytest.mark.parametrize("mark", [b"\xfdSMB", b"\xfcSMB"])
def test_what_is_encrypted_or_compressed_is_stepped_over(mark: bytes) -> None:
    """2.2.41, 2.2.42: transform headers; what lies before and behind in the clear is read."""
    sealed = mark + bytes(48) + b"\xa5" * 100
    found = rows(session(smb2(NEGOTIATE, 0, negotiate(0x0311)), sealed, smb2(CREATE, 3, create("clear"))))
    assert [row["action"] for row in found] == ["negotiate", "file_open"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_keepalives_between_messages_are_stepped_over(place: int) -> None:
    """RFC 1002, 4.3.6: four bytes of kind 0x85."""
    parts = [session(smb2(NEGOTIATE, 0, negotiate(0x0311))), session(smb2(CREATE, 3, create("a")))]
    parts.insert(place, session(b"", kind=0x85))
    assert [row["action"] for row in rows(b"".join(parts))] == ["negotiate", "file_open"]


def test_a_connection_gives_as_many_rows_as_ids_have_room_for() -> None:
    asked = session(*(smb2(CREATE, ident, create(f"{ident}")) for ident in range(600)))
    assert [row["path"] for row in rows(asked)] == [str(ident) for ident in range(255)]


SCRIPT = (
    smb2(NEGOTIATE, 0, negotiate(0x0311)),
    smb2(SESSION_SETUP, 1, session_setup(spnego(ntlm_authenticate("admin")))),
    smb2(TREE_CONNECT, 2, tree_connect("\\\\SRV\\ADMIN$")),
    smb2(CREATE, 3, create("payload.exe")),
)
ANSWERS = (
    answer(NEGOTIATE, 0, negotiated(0x0311)),
    answer(SESSION_SETUP, 1),
    answer(TREE_CONNECT, 2, bytes(16)),
    answer(CREATE, 3, bytes(88)),
)


def test_cut_at_any_byte_of_the_client_no_word_is_told_that_was_not_sent() -> None:
    whole, told_whole = session(*SCRIPT), rows(session(*SCRIPT), session(*ANSWERS))
    starts = [sum(len(session(part)) for part in SCRIPT[:number]) for number in range(len(SCRIPT) + 1)]
    for size in range(len(whole)):
        found = rows(whole[:size], session(*ANSWERS))
        complete = sum(start <= size for start in starts[1:])
        assert found[:complete] == told_whole[:complete], size
        for row in found[complete:]:
            for name in ("user", "domain", "client_name", "share", "path"):
                meant = next(one[name] for one in told_whole if one["action"] == row["action"])
                assert row[name] is None or (meant or "").startswith(row[name]), (size, name)


def test_cut_at_any_byte_of_the_server_an_answer_is_whole_or_none() -> None:
    whole = session(*ANSWERS)
    meant = [row["status"] for row in rows(session(*SCRIPT), whole)]
    for size in range(len(whole)):
        found = [row["status"] for row in rows(session(*SCRIPT), whole[:size])]
        assert all(status in (None, right) for status, right in zip(found, meant, strict=True)), size


@pytest.mark.parametrize("port", [445, 139, 4445])
def test_file_sharing_is_recognised_on_any_port(port: int, read: Reader) -> None:
    script = [("c", session(*SCRIPT)), ("s", session(*ANSWERS))]
    found, rejects = read(pcap(conversation(script, dport=port)))
    assert not rejects
    assert found["connection"][0]["service"] == "smb"
    assert [row["action"] for row in found["smb"]] == ["negotiate", "session_setup", "tree_connect", "file_open"]


CALLED, CALLING = b"\x20" + b"CA" * 16 + b"\0", b"\x20" + b"EI" * 16 + b"\0"


def test_over_netbios_a_session_is_asked_for_first(read: Reader) -> None:
    """RFC 1002, 4.3.2: on port 139 the client names whom it calls before anything else, and is let in."""
    script = [
        ("c", session(CALLED + CALLING, kind=0x81)),
        ("s", session(b"", kind=0x82)),
        ("c", session(*SCRIPT)),
        ("s", session(*ANSWERS)),
    ]
    found, _ = read(pcap(conversation(script, dport=139)))
    assert found["connection"][0]["service"] == "smb"
    assert [row["status"] for row in found["smb"]] == ["SUCCESS"] * 4
    assert [row["user"] for row in found["logon"]] == ["admin"]


# --- NTLM ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["domain", "user", "station", "lm", "nt", "key"])
@pytest.mark.parametrize("gap", [0, 3, 200])
def test_texts_of_an_account_lie_where_their_fields_say(first: str, gap: int) -> None:
    """[MS-NLMP] 2.2.1.3: the payload has no order."""
    message = ntlm_authenticate("bob", "CORP", "LAPTOP-1", first=first, gap=gap)
    assert ntlm.account(b"\x60\x48" + message + bytes(9)) == ("bob", "CORP", "LAPTOP-1")


def test_an_account_of_old_machines_is_in_bytes() -> None:
    """NTLMSSP_NEGOTIATE_UNICODE is the lowest flag; without it the text is in the machine's own code page."""
    assert ntlm.account(ntlm_authenticate("bob", "CORP", "PC", flags=0xE2888216)) == ("bob", "CORP", "PC")


@pytest.mark.parametrize("message", [b"", ntlm_negotiate(), ntlm_challenge(), b"NTLMSSP\0", b"NTLMSSP\0\3\0\0\0"])
def test_only_the_third_message_names_an_account(message: bytes) -> None:
    assert ntlm.account(message) is None


def test_fields_that_point_beyond_the_message_are_empty() -> None:
    message = bytearray(ntlm_authenticate("bob"))
    struct.pack_into("<HHI", message, 36, 8, 8, 0xFFFFFFF0)
    assert ntlm.account(bytes(message)) == (None, "EXAMPLE", "PC-7")


def test_an_endless_name_is_shortened_and_keeps_whole_characters() -> None:
    found = ntlm.account(ntlm_authenticate("あ" * 20_000))
    assert found is not None and found.user is not None
    assert set(found.user) == {"あ"}
    assert len(found.user) <= 256


@pytest.mark.parametrize("size", [1, 3, 7])
def test_an_odd_length_of_utf_16_costs_half_a_character(size: int) -> None:
    found = ntlm.account(ntlm_authenticate(utf16("abcdef")[:size]))
    assert found is not None and (found.user or "") == "abcdef"[: size // 2]


def test_cut_at_any_byte_an_account_is_a_part_of_what_was_sent() -> None:
    message = ntlm_authenticate("administrator", "EXAMPLE", "WORKSTATION")
    for size in range(len(message)):
        found = ntlm.account(message[:size])
        for text, meant in zip(found or (), ("administrator", "EXAMPLE", "WORKSTATION"), strict=False):
            assert text is None or meant.startswith(text), size


# --- SMB1 ---------------------------------------------------------------------------------------------------------------

OLD = session(
    smb1_negotiate(b"NT LM 0.12"), smb1_logon("bob", "CORP"), smb1_tree("\\\\SRV\\IPC$"), smb1_open("\\svcctl")
)


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("passwords", [(0, 0), (1, 0), (24, 24), (24, 0), (1, 24), (0, 91)])
def test_accounts_beside_their_passwords(unicode: bool, passwords: tuple[int, int]) -> None:
    """[MS-CIFS] 2.2.4.53: UTF-16 begins on an even place of the message, however long the passwords are."""
    (row,) = rows(session(smb1_logon("bob", "CORP", unicode=unicode, passwords=passwords)))
    assert told(row) == {"user": "bob", "domain": "CORP", "answered": False}
    assert (row["version"], row["action"]) == ("SMB1", "session_setup")


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("password", [b"", b"\0", b"secret\0", bytes(24)])
def test_shares_behind_their_password(unicode: bool, password: bytes) -> None:
    (row,) = rows(session(smb1_tree("\\\\SRV\\C$", unicode=unicode, password=password)))
    assert row["share"] == "\\\\SRV\\C$"


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("path", ["\\svcctl", "\\a", "\\dir\\file name.exe"])
def test_files_that_were_opened(unicode: bool, path: str) -> None:
    (row,) = rows(session(smb1_open(path, unicode=unicode)))
    assert row["path"] == path


def test_extended_security_has_its_account_in_a_token() -> None:
    first, second = rows(
        session(smb1_extended(spnego(ntlm_negotiate()), 1), smb1_extended(spnego(ntlm_authenticate("bob")), 2)),
        session(smb1_answer(0x73, 1, status=MORE), smb1_answer(0x73, 2, status=WRONG)),
    )
    assert told(first) == {"status": "MORE_PROCESSING_REQUIRED", "answered": True}
    assert told(second) == {
        "user": "bob", "domain": "EXAMPLE", "client_name": "PC-7", "status": "LOGON_FAILURE", "answered": True,
    }  # fmt: skip


def test_a_command_chained_behind_the_logon_is_seen() -> None:
    """2.2.3.4: AndXCommand and where its words begin, counted from the header."""
    logon = smb1_logon("bob", "CORP")
    at = len(logon)
    words = struct.pack("<BBHHH", 0xFF, 0, 0, 8, 1)
    tree = bytes((4,)) + words
    data = tree_data("\\\\SRV\\C$", len(words), at=at + 1 + len(words) + 2)
    chained = logon[:33] + struct.pack("<BBH", 0x75, 0, at) + logon[37:] + tree + struct.pack("<H", len(data)) + data
    found = rows(session(chained), session(smb1_answer(0x73, 1, status=WRONG)))
    assert [(row["action"], row["user"], row["share"], row["status"]) for row in found] == [
        ("session_setup", "bob", None, "LOGON_FAILURE"), ("tree_connect", None, "\\\\SRV\\C$", "LOGON_FAILURE"),
    ]  # fmt: skip


@pytest.mark.parametrize("following", [0, 1, 32, 33, 60])
def test_a_chain_that_points_back_ends(following: int) -> None:
    logon = smb1_logon("bob", "CORP")
    looped = logon[:33] + struct.pack("<BBH", 0x73, 0, following) + logon[37:]
    found = rows(session(looped))
    assert found[0]["user"] == "bob"
    assert len(found) == 1 if following <= 32 else len(found) <= 4


def test_cut_at_any_byte_smb1_tells_no_word_that_was_not_sent() -> None:
    meant = {"user": "bob", "domain": "CORP", "share": "\\\\SRV\\IPC$", "path": "\\svcctl"}
    for size in range(len(OLD)):
        for row in rows(OLD[:size]):
            for name, right in meant.items():
                assert row[name] is None or right.startswith(row[name]), (size, name)
    assert {name: next(row[name] for row in rows(OLD) if row[name]) for name in meant} == meant


def test_smb1_that_a_server_answers_in_its_own_language() -> None:
    negotiation = smb1(0x72, 0, struct.pack("<H", 0) + bytes(32), b"")
    found = rows(OLD, session(negotiation, smb1_answer(0x73, 1), smb1_answer(0x75, 2, status=DENIED)))
    assert [(row["action"], row["version"], row["status"]) for row in found] == [
        ("negotiate", "SMB1", "SUCCESS"), ("session_setup", "SMB1", "SUCCESS"),
        ("tree_connect", "SMB1", "ACCESS_DENIED"), ("file_open", "SMB1", None),
    ]  # fmt: skip
    assert data_at(0) == 35


# --- what people read ---------------------------------------------------------------------------------------------------


def test_a_hostile_name_moves_no_cursor_and_turns_no_line(tmp_path: Path) -> None:
    """Forty names with escapes and marks that turn the direction of text, guessed at one server."""
    script = [("c", session(smb2(NEGOTIATE, 0, negotiate(0x0311)))), ("s", session(answer(NEGOTIATE, 0, negotiated(0x0311))))]  # fmt: skip
    for ident in range(1, 41):
        token = ntlm_authenticate(f"adm\x1b[2J\u202e{ident}")
        script += [("c", session(smb2(SESSION_SETUP, ident, session_setup(token))))]
        script += [("s", session(answer(SESSION_SETUP, ident, status=WRONG)))]
    capture = tmp_path / "guess.pcap"
    capture.write_bytes(pcap(conversation(script, dport=445, src="198.51.100.7", dst="10.0.0.5")))
    for style in ("text", "json", "html"):
        result = CliRunner().invoke(cli, ["analyze", str(capture), "--format", style, "--lang", "en"])
        assert result.exit_code in (0, 1), result.output
        assert "\x1b[2J" not in result.output and "\u202e" not in result.output
        if style == "json":
            assert json.loads(result.output)
