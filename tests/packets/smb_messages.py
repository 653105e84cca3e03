"""Messages of file sharing, each field in its place: [MS-SMB2] 2.2, [MS-CIFS] 2.2, [MS-NLMP] 2.2.1, RFC 1002 4.3.1."""

from __future__ import annotations

import struct

SUCCESS, PENDING, MORE, DENIED, WRONG = 0, 0x103, 0xC0000016, 0xC0000022, 0xC000006D
NEGOTIATE, SESSION_SETUP, LOGOFF, TREE_CONNECT, TREE_DISCONNECT, CREATE, CLOSE = range(7)
READ, WRITE, ECHO, QUERY_INFO = 8, 9, 13, 16
RESPONSE, ASYNC, RELATED, SIGNED = 1, 2, 4, 8


def session(*messages: bytes, kind: int = 0) -> bytes:
    """NetBIOS session messages: a kind and 24 bits of length before each."""
    return b"".join(bytes((kind,)) + len(message).to_bytes(3, "big") + message for message in messages)


def utf16(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


# --- SMB2 ---------------------------------------------------------------------------------------------------------------


def smb2(
    command: int, ident: int, body: bytes, *, status: int = 0, flags: int = 0, following: int = 0, tree: int = 1
) -> bytes:
    """A header of 64 bytes and the body: 2.2.1.2."""
    return (
        b"\xfeSMB"
        + struct.pack("<HHIHHIIQIIQ", 64, 1, status, command, 31, flags, following, ident, 0xFEFF, tree, 0x400)
        + bytes(16)
        + body
    )


def answer(command: int, ident: int, body: bytes = struct.pack("<HHI", 9, 0, 0) + b"\0", *, status: int = 0) -> bytes:
    """A response; without a body of its own the one of an error (2.2.2)."""
    return smb2(command, ident, body, status=status, flags=RESPONSE)


def chain(*messages: bytes) -> bytes:
    """A compound: each message but the last is filled up to eight bytes and says where the next begins (3.2.4.1.4)."""
    out = b""
    for number, message in enumerate(messages, 1):
        padded = message + bytes(-len(message) % 8) if number < len(messages) else message
        following = len(padded) if number < len(messages) else 0
        out += padded[:20] + struct.pack("<I", following) + padded[24:]
    return out


def negotiate(*dialects: int) -> bytes:
    """2.2.3."""
    return struct.pack("<HHHHI16sQ", 36, len(dialects), 1, 0, 0x7F, b"\x11" * 16, 0) + b"".join(
        struct.pack("<H", dialect) for dialect in dialects
    )


def negotiated(dialect: int, token: bytes = b"") -> bytes:
    """2.2.4."""
    fixed = struct.pack("<HHHH16sIIIIQQHHI", 65, 1, dialect, 0, b"\x22" * 16, 7, 1 << 20, 1 << 20, 1 << 20, 0, 0,
                        128, len(token), 0)  # fmt: skip
    return fixed + token


def session_setup(token: bytes) -> bytes:
    """2.2.5: the token lies behind the fixed 24 bytes, 88 from the header's start."""
    return struct.pack("<HBBIIHHQ", 25, 0, 1, 1, 0, 88, len(token), 0) + token


def tree_connect(path: str, *, gap: int = 0) -> bytes:
    """2.2.9; between the fixed part and the path there may be anything."""
    name = utf16(path)
    return struct.pack("<HHHH", 9, 0, 72 + gap, len(name)) + b"\xee" * gap + name


def create(path: str, *, context: bytes = b"") -> bytes:
    """2.2.13: 56 fixed bytes, the name, then contexts on an eighth byte. A name may not be missing: two bytes then."""
    name = utf16(path)
    behind = 120 + len(name) + (-len(name) % 8)
    fixed = struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0xFF, 2, 0, 0, 0x120089, 0x80, 7, 1, 0x40, 120, len(name),
                        behind if context else 0, len(context))  # fmt: skip
    return fixed + name + bytes(-len(name) % 8) + context


# --- NTLM and SPNEGO ----------------------------------------------------------------------------------------------------


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = bytes((len(body),)) if len(body) < 128 else b"\x82" + len(body).to_bytes(2, "big")
    return bytes((tag,)) + size + body


def spnego(token: bytes) -> bytes:
    """NegTokenResp with a responseToken (RFC 4178, 4.2.2)."""
    return der(0xA1, der(0x30, der(0xA2, der(0x04, token))))


def ntlm_negotiate() -> bytes:
    return b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088297) + bytes(16) + b"\x0a\0\x61\x4a\0\0\0\x0f"


def ntlm_challenge() -> bytes:
    target = utf16("EXAMPLE")
    place = struct.pack("<HHI", len(target), len(target), 56)
    return b"NTLMSSP\0" + struct.pack("<I", 2) + place + struct.pack("<I", 0xE2898215) + b"\x5a" * 8 + bytes(16) + bytes(8) + target  # fmt: skip


def ntlm_authenticate(
    user: str | bytes, domain: str | bytes = "EXAMPLE", station: str | bytes = "PC-7", *, first: str = "domain",
    flags: int = 0xE2888215, gap: int = 0,
) -> bytes:  # fmt: skip
    """2.2.1.3 with Version and MIC. The payload may begin anywhere and hold the texts in any order; ``first`` is the
    one that lies first. Bytes are taken as they are, text is written as the flags say."""

    def written(text: str | bytes) -> bytes:
        if isinstance(text, bytes):
            return text
        return utf16(text) if flags & 1 else text.encode("latin-1")

    texts = {"domain": written(domain), "user": written(user), "station": written(station)}
    proof = {"lm": bytes(24), "nt": b"\x42" * 316, "key": b"\x77" * 16}
    order = [first, *(name for name in (*texts, *proof) if name != first)]
    values = {**texts, **proof}
    places, payload, at = {}, b"\0" * gap, 88 + gap
    for name in order:
        places[name] = struct.pack("<HHI", len(values[name]), len(values[name]), at)
        payload, at = payload + values[name], at + len(values[name])
    fields = b"".join(places[name] for name in ("lm", "nt", "domain", "user", "station", "key"))
    return b"NTLMSSP\0" + struct.pack("<I", 3) + fields + struct.pack("<I", flags) + b"\x0a\0\x61\x4a\0\0\0\x0f" + b"\x99" * 16 + payload  # fmt: skip


# --- SMB1 ---------------------------------------------------------------------------------------------------------------


def smb1(command: int, ident: int, words: bytes, data: bytes, *, status: int = 0, flags2: int = 0xC801) -> bytes:
    """A header of 32 bytes, words and data with their counts (2.2.3); ``flags2`` says Unicode and NT status codes."""
    head = b"\xffSMB" + struct.pack("<BIBHH8sHHHHH", command, status, 0x18, flags2, 0, b"", 0, 1, 0xFEFF, 2, ident)
    return head + bytes((len(words) // 2,)) + words + struct.pack("<H", len(data)) + data


def data_at(words: int) -> int:
    """Where the data of a message with so many bytes of words begins."""
    return 32 + 1 + words + 2


def smb1_negotiate(*dialects: bytes) -> bytes:
    return smb1(0x72, 0, b"", b"".join(b"\2" + dialect + b"\0" for dialect in dialects))


def smb1_logon(user: str, domain: str, ident: int = 1, *, unicode: bool = True, passwords: tuple[int, int] = (24, 24)) -> bytes:  # fmt: skip
    """2.2.4.53.1, thirteen words: passwords of some lengths, then account, domain, system and program."""
    words = struct.pack("<BBHHHHIHHII", 0xFF, 0, 0, 16644, 50, 0, 0, *passwords, 0, 0xD4)
    data = b"\x31" * sum(passwords)
    for text in (user, domain, "Example OS", "Example LAN"):
        if unicode:
            data += bytes((data_at(len(words)) + len(data)) & 1) + utf16(text) + b"\0\0"
        else:
            data += text.encode("latin-1") + b"\0"
    return smb1(0x73, ident, words, data, flags2=0xC801 if unicode else 0x4801)


def smb1_extended(token: bytes, ident: int = 1) -> bytes:
    """The same with extended security, twelve words ([MS-SMB] 2.2.4.6.1)."""
    words = struct.pack("<BBHHHHIHII", 0xFF, 0, 0, 16644, 50, 0, 0, len(token), 0, 0x800000D4)
    return smb1(0x73, ident, words, token + bytes((data_at(24) + len(token)) & 1) + utf16("Example OS") + b"\0\0")


def smb1_tree(path: str, ident: int = 2, *, unicode: bool = True, password: bytes = b"\0") -> bytes:
    """2.2.4.55.1: a password, the path, the kind of service as plain bytes."""
    words = struct.pack("<BBHHH", 0xFF, 0, 0, 8, len(password))
    return smb1(0x75, ident, words, tree_data(path, len(words), unicode=unicode, password=password),
                flags2=0xC801 if unicode else 0x4801)  # fmt: skip


def tree_data(path: str, words: int, *, unicode: bool = True, password: bytes = b"\0", at: int | None = None) -> bytes:
    begin = (data_at(words) if at is None else at) + len(password)
    text = bytes(begin & 1) + utf16(path) + b"\0\0" if unicode else path.encode("latin-1") + b"\0"
    return password + text + b"?????\0"


def smb1_open(path: str, ident: int = 3, *, unicode: bool = True) -> bytes:
    """NT_CREATE_ANDX, twenty-four words (2.2.4.64.1)."""
    name = utf16(path) if unicode else path.encode("latin-1")
    words = struct.pack("<BBHBHIIIQIIIIIB", 0xFF, 0, 0, 0, len(name), 0x16, 0, 0x20089, 0, 0, 7, 1, 0x40, 2, 3)
    data = (bytes(data_at(len(words)) & 1) if unicode else b"") + name + (b"\0\0" if unicode else b"\0")
    return smb1(0xA2, ident, words, data, flags2=0xC801 if unicode else 0x4801)


def smb1_answer(command: int, ident: int, *, status: int = 0, flags2: int = 0xC801) -> bytes:
    return smb1(command, ident, b"", b"", status=status, flags2=flags2)
