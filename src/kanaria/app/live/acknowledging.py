"""The page behind a link that acknowledges an incident: a button, and what became of it.

Opening the link changes nothing, since mail scanners and chat programs open links too; pressing the button does. It
listens only where settings say so, shows nothing without a good token, and logs no token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape

from kanaria.app.live.service_log import Log
from kanaria.app.live.small_server import Answers, running
from kanaria.core.errors import KanariaError
from kanaria.core.network import place
from kanaria.core.types import Language, Text
from kanaria.respond.acknowledge import Links
from kanaria.sources.ports import HttpServer

PATH = "/ack/"
TIMEOUT = 10.0
"""Seconds a browser may take for its request."""
WORDS: Mapping[str, Text] = {
    "ask": Text(en="Acknowledge incident {id}?", ja="インシデント {id} の対応を引き受けますか?"),
    "button": Text(en="Acknowledge", ja="引き受ける"),
    "done": Text(
        en="Incident {id} is acknowledged. Nobody else is called because of it.",
        ja="インシデント {id} の対応を引き受けました。ほかの人への連絡は行いません。",
    ),
    "bad": Text(
        en="This link is not valid: it has expired, was used, or is incomplete.",
        ja="このリンクは使えません。期限切れか、使用済みか、途中で切れています。",
    ),
}
PAGE = (
    "<!doctype html><html lang={language}><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<title>Kanaria</title><p>{words}</p>{form}</html>"
)
FORM = "<form method=post><button>{words}</button></form>"


@contextmanager
def acknowledging(
    listen: str, links: Links, acknowledge: Callable[[str], None], language: Language, log: Log
) -> Iterator[None]:
    """Answer while open. ``acknowledge`` moves the incident; raises KanariaError when it cannot."""
    server = HttpServer(*place(listen), _handler(links, acknowledge, language, log))
    with running(server, "acknowledging"):
        yield


def _handler(links: Links, acknowledge: Callable[[str], None], language: Language, log: Log) -> type[Answers]:
    class Handler(Answers):
        timeout = TIMEOUT

        def do_GET(self) -> None:
            incident = links.incident(self._token())
            self._answer(200, "ask", incident) if incident else self._answer(404, "bad")

        do_HEAD = do_GET

        def do_POST(self) -> None:
            incident = links.use(self._token())
            if incident is None:
                return self._answer(404, "bad")
            try:
                acknowledge(incident)
            except KanariaError as error:  # closed, dismissed or acknowledged already: somebody did take care
                log("could not acknowledge", level="warning", incident=incident, error=error)
            self._answer(200, "done", incident)

        def _token(self) -> str:
            return self.path.removeprefix(PATH) if self.path.startswith(PATH) else ""

        def _answer(self, status: int, name: str, incident: str = "") -> None:
            form = FORM.format(words=escape(WORDS["button"].to(language))) if name == "ask" else ""
            words = escape(WORDS[name].to(language).format(id=incident))
            self.answer(status, PAGE.format(language=language, words=words, form=form), HEADERS)

    return Handler


HEADERS: Mapping[str, str] = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
