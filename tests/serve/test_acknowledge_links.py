"""The page behind a link that acknowledges: what a browser, a mail scanner and a stranger get, over HTTP.

One server for all; each test has links of its own outbox, whose clock it moves.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kanaria.app.live.acknowledging import FORM, HEADERS, PATH, TIMEOUT, WORDS, _handler
from kanaria.app.live.small_server import running
from kanaria.core.errors import SourceError
from kanaria.core.types import LANGUAGES, Language
from kanaria.respond.acknowledge import KEY, USED, Links
from kanaria.sources.ports import HttpServer
from kanaria.store.outbox import Outbox
from kanaria.store.timeline import Timeline
from tests.running import PATIENCE
from tests.store.test_timeline import YEARS, Machine

HOUR = 3600.0
INCIDENT, OTHER = "i-5eed5eed5eed", "i-0bad0bad0bad"


@dataclass
class Answer:
    status: int
    text: str
    headers: dict[str, str]


@dataclass
class Site:
    """A page with links good for two hours, the incidents that were acknowledged through it, and what it logged."""

    outbox: Outbox
    machine: Machine
    links: Links
    acknowledged: list[str] = field(default_factory=list)
    logged: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    refusal: SourceError | None = None

    def acknowledge(self, incident: str) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.acknowledged.append(incident)

    def log(self, what: str, /, **facts: object) -> None:
        self.logged.append((what, facts))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    machine, outbox = Machine(), Outbox(tmp_path)
    outbox.time = Timeline(machine, lambda: machine.clock, lambda: machine.passed, machine.boot)
    yield Site(outbox, machine, Links(outbox, 2))
    outbox.close()


Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def server() -> Iterator[HttpServer]:
    """Whose handler each test puts in place."""
    made = HttpServer("127.0.0.1", 0, _handler)  # type: ignore[arg-type]
    with running(made, "acknowledging"):
        yield made


@pytest.fixture
def ask(server: HttpServer, site: Site) -> Ask:
    """Any request to the page of this test."""

    def request(method: str, path: str, language: Language = "en", body: str = "", **headers: str) -> Answer:
        server.RequestHandlerClass = _handler(site.links, site.acknowledge, language, site.log)
        with closing(http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=PATIENCE)) as connection:
            connection.request(method, path, body or None, {"content-length": str(len(body)), **headers})
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, answer.read().decode(), named)

    return request


class TestLooking:
    """Mail scanners and chat programs open links; nothing may come of it."""

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    def test_it_changes_nothing_however_often(self, site: Site, ask: Ask, method: str) -> None:
        link = PATH + site.links.token(INCIDENT)
        assert {ask(method, link).status for _ in range(20)} == {200}
        assert site.acknowledged == []
        assert ask("POST", link).status == 200

    def test_head_has_the_length_and_no_text(self, site: Site, ask: Ask) -> None:
        link = PATH + site.links.token(INCIDENT)
        head, whole = ask("HEAD", link), ask("GET", link)
        assert (head.text, head.headers["content-length"]) == ("", str(len(whole.text.encode())))

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_it_asks_with_a_button_that_posts_to_the_very_link(self, site: Site, ask: Ask, language: Language) -> None:
        page = ask("GET", PATH + site.links.token(INCIDENT), language).text
        assert WORDS["ask"].to(language).format(id=INCIDENT) in page
        assert FORM.format(words=WORDS["button"].to(language)) in page
        assert page.startswith(f"<!doctype html><html lang={language}>")
        assert re.findall(r"<form[^>]*>", page) == ["<form method=post>"], "no address of its own: none to forge"


class TestPressing:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_it_acknowledges_that_incident_once(self, site: Site, ask: Ask, language: Language) -> None:
        link = PATH + site.links.token(INCIDENT)
        done = ask("POST", link, language)
        assert (done.status, site.acknowledged) == (200, [INCIDENT])
        assert WORDS["done"].to(language).format(id=INCIDENT) in done.text and "<form" not in done.text
        again = ask("POST", link, language)
        assert (again.status, site.acknowledged) == (404, [INCIDENT])
        assert WORDS["bad"].to(language) in again.text and INCIDENT not in again.text
        assert ask("GET", link, language).status == 404

    def test_of_many_at_once_one_does(self, site: Site, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
        """All of them see a link that is good before the first one uses it."""
        link, statuses = PATH + site.links.token(INCIDENT), list[int]()
        look, together = site.links.incident, threading.Barrier(12)

        def looked(token: str, now: float | None = None) -> str | None:
            found = look(token, now)
            together.wait(PATIENCE)
            return found

        monkeypatch.setattr(site.links, "incident", looked)
        pressing = [threading.Thread(target=lambda: statuses.append(ask("POST", link).status)) for _ in range(12)]
        for one in pressing:
            one.start()
        for one in pressing:
            one.join()
        assert sorted(statuses) == [200, *[404] * 11] and site.acknowledged == [INCIDENT]

    def test_another_link_to_the_same_incident_is_good_all_the_same(self, site: Site, ask: Ask) -> None:
        """Each message has its own."""
        first, second = site.links.token(INCIDENT), site.links.token(INCIDENT)
        assert first != second
        assert [ask("POST", PATH + token).status for token in (first, second)] == [200, 200]
        assert site.acknowledged == [INCIDENT, INCIDENT]

    def test_what_somebody_took_care_of_already_is_said_to_be_taken_care_of(self, site: Site, ask: Ask) -> None:
        """Closed meanwhile, or gone: the log says so, and whoever pressed need do nothing."""
        site.refusal = SourceError(source="store", expected="an incident that is open", got="one that is closed")
        done = ask("POST", PATH + site.links.token(INCIDENT))
        assert done.status == 200 and INCIDENT in done.text
        ((what, facts),) = site.logged
        assert what == "could not acknowledge" and facts["incident"] == INCIDENT
        assert "closed" in str(facts["error"])

    def test_a_body_is_not_needed_and_does_no_harm(self, site: Site, ask: Ask) -> None:
        tokens = [site.links.token(INCIDENT) for _ in range(2)]
        assert ask("POST", PATH + tokens[0]).status == 200
        assert ask("POST", PATH + tokens[1], body="incident=" + OTHER).status == 200
        assert site.acknowledged == [INCIDENT, INCIDENT]


class TestTime:
    @pytest.mark.parametrize(("passed", "status"), [(0.0, 200), (2 * HOUR - 2, 200), (2 * HOUR, 404), (48 * HOUR, 404)])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_a_link_is_good_for_its_hours(self, site: Site, ask: Ask, method: str, passed: float, status: int) -> None:
        link = PATH + site.links.token(INCIDENT)
        site.machine.go(passed)
        assert ask(method, link).status == status

    @pytest.mark.parametrize("jump", [HOUR, -HOUR, YEARS, -YEARS])
    def test_a_clock_that_is_set_makes_it_neither_longer_nor_shorter(self, site: Site, ask: Ask, jump: float) -> None:
        link = PATH + site.links.token(INCIDENT)
        site.machine.go(HOUR, jump)
        site.outbox.time.look()
        assert ask("GET", link).status == 200
        site.machine.go(HOUR)
        assert ask("GET", link).status == 404

    def test_what_was_used_stays_used_until_it_has_expired_and_is_forgotten_then(self, site: Site, ask: Ask) -> None:
        used = site.links.token(INCIDENT)
        ask("POST", PATH + used)
        nonce = used.split(".")[2]
        site.machine.go(HOUR)
        ask("POST", PATH + site.links.token(OTHER))
        assert site.outbox.fact(USED + nonce) is not None and ask("POST", PATH + used).status == 404
        site.machine.go(3 * HOUR)
        ask("POST", PATH + site.links.token(OTHER))
        assert site.outbox.fact(USED + nonce) is None and ask("POST", PATH + used).status == 404

    def test_links_outlive_the_process(self, site: Site, ask: Ask) -> None:
        link = PATH + site.links.token(INCIDENT)
        site.links = Links(site.outbox, 2)
        assert ask("POST", link).status == 200

    def test_fewer_hours_in_the_settings_hold_for_links_that_are_out(self, site: Site, ask: Ask) -> None:
        link = PATH + site.links.token(INCIDENT)
        site.links = Links(site.outbox, 1)
        assert ask("GET", link).status == 404
        site.machine.go(HOUR + 1)
        assert ask("GET", link).status == 200, "within its last hour"


def other_bits(token: str) -> list[str]:
    """A token with each of its parts changed, cut or made longer."""
    incident, expires, nonce, mac = token.split(".")
    return [
        f"{OTHER}.{expires}.{nonce}.{mac}", f"{incident}.{int(expires) + 86_400}.{nonce}.{mac}",
        f"{incident}.{expires}.{nonce[::-1]}.{mac}", f"{incident}.{expires}.{nonce}.{mac[::-1]}",
        f"{incident}.{expires}.{nonce}.{mac[:-1]}", f"{incident}.{expires}.{nonce}.{mac}0", f"{incident}.{expires}.{nonce}.",
        f"{incident}.{expires}.{mac}", f"{expires}.{nonce}.{mac}", f".{incident}.{expires}.{nonce}.{mac}",
        f"{incident}.{expires}.{nonce}.{mac}.", f"{incident}.{expires}.{nonce}.{mac.upper()}", mac, incident, "", ".", "...",
        f"{incident}..{nonce}.{mac}", f"{incident}.-1.{nonce}.{mac}", f"{incident}.{expires}.{nonce}.{'0' * 64}",
        f"{incident}.{expires}.{nonce}.%00{mac}", f"../{token}", f"{token}/", f"{token}/..", f"{token}?x=1", f"{token}#x",
        token.replace(".", "%2E"),
    ]  # fmt: skip


class TestStrangers:
    @pytest.mark.parametrize("number", range(27))
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_what_is_not_the_very_link_is_none(self, site: Site, ask: Ask, method: str, number: int) -> None:
        tokens = other_bits(site.links.token(INCIDENT))
        assert len(tokens) == 27
        done = ask(method, PATH + tokens[number])
        assert done.status == 404, tokens[number]
        assert site.acknowledged == [] and INCIDENT not in done.text and OTHER not in done.text

    def test_a_link_of_another_installation_is_none(self, site: Site, ask: Ask, tmp_path: Path) -> None:
        elsewhere = Outbox(tmp_path / "elsewhere")
        token = Links(elsewhere, 2).token(INCIDENT, site.outbox.time.now())
        elsewhere.close()
        assert ask("POST", PATH + token).status == 404

    def test_the_key_is_made_once_and_is_long(self, site: Site) -> None:
        key = site.outbox.fact(KEY)
        Links(site.outbox, 24)
        assert site.outbox.fact(KEY) == key and len(bytes.fromhex(key or "")) == 32

    @pytest.mark.parametrize(
        "path", ["/", "/ack", "/ack/", "/ACK/x", "/acknowledge/x", "//ack/x", "/ack/../ack/x", "/metrics", "/status",
                 "/%61ck/x", "/favicon.ico", "/robots.txt", "*", "http://other.example/ack/x"],
    )  # fmt: skip
    def test_nothing_else_is_there(self, site: Site, ask: Ask, path: str) -> None:
        done = ask("GET", path)
        assert done.status == 404 and WORDS["bad"].en in done.text

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"])
    def test_nothing_else_can_be_done(self, site: Site, ask: Ask, method: str) -> None:
        assert ask(method, PATH + site.links.token(INCIDENT)).status == 501
        assert site.acknowledged == []

    @pytest.mark.parametrize("text", ["<script>x</script>", "'\"&<>", "\u202e", "%3Cscript%3E"])
    def test_nothing_that_was_asked_for_is_shown(self, site: Site, ask: Ask, text: str) -> None:
        from urllib.parse import quote

        page = ask("GET", PATH + quote(text))
        assert page.status == 404 and text not in page.text

    def test_a_name_in_a_token_of_ours_is_escaped(self, site: Site, ask: Ask) -> None:
        """Ids are ours and harmless; the page does not rely on it."""
        page = ask("GET", PATH + site.links.token("<b>i"))
        assert "&lt;b&gt;i" in page.text and "<b>" not in page.text

    def test_no_token_is_logged_and_no_request_either(
        self, site: Site, ask: Ask, capfd: pytest.CaptureFixture[str]
    ) -> None:
        token = site.links.token(INCIDENT)
        site.refusal = SourceError(source="store", expected="an incident that is open", got="none")
        for method in ("GET", "POST", "GET", "PUT"):
            ask(method, PATH + token)
        assert token not in str(site.logged)
        out, err = capfd.readouterr()
        assert (out, err) == ("", "")

    def test_who_sends_nothing_is_not_waited_for(self, server: HttpServer, site: Site) -> None:
        """A handler gives up after its time; here only that it has one, and that others are served meanwhile."""
        handler = _handler(site.links, site.acknowledge, "en", site.log)
        assert handler.timeout == TIMEOUT <= 30
        server.RequestHandlerClass = handler
        port = server.server_address[1]
        with closing(socket.create_connection(("127.0.0.1", port))), closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as other:  # fmt: skip
            other.request("GET", "/")
            assert other.getresponse().status == 404

    @pytest.mark.parametrize("raw", [b"\r\n\r\n", b"GET\r\n\r\n", b"\x00\xff\r\n\r\n", b"GET /ack/x HTTP/9.9\r\n\r\n", b"GET " + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n"])  # fmt: skip
    def test_what_is_no_request_ends_its_connection_and_nothing_else(
        self, server: HttpServer, site: Site, ask: Ask, raw: bytes
    ) -> None:
        ask("GET", "/")
        with closing(socket.create_connection(("127.0.0.1", server.server_address[1]), timeout=PATIENCE)) as talker:
            talker.sendall(raw)
            talker.shutdown(socket.SHUT_WR)
            while talker.recv(4096):
                pass
        assert ask("GET", PATH + site.links.token(INCIDENT)).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
@pytest.mark.parametrize("good", [True, False])
def test_a_browser_keeps_shows_and_loads_nothing_of_it(site: Site, ask: Ask, method: str, good: bool) -> None:
    """No cache, no referrer with the token in it, no frame, no script, no guess what it is."""
    done = ask(method, PATH + (site.links.token(INCIDENT) if good else "x"))
    assert HEADERS.items() <= done.headers.items()
    assert done.headers["cache-control"] == "no-store"
    assert done.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'" in done.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in done.headers["content-security-policy"]
    assert done.headers["server"].strip() == "kanaria", "no version of anything"
    assert not re.search(r"<script|<link|<img|src=|href=", done.text)
