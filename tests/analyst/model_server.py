"""A server with an OpenAI-compatible interface on loopback, whose model does what a script says."""

from __future__ import annotations

import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
Answer = tuple[int, bytes]


@dataclass
class Served:
    """Where it listens and what it was asked."""

    url: str = ""
    bodies: list[Json] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def prompts(self) -> str:
        return "\n".join(message["content"] for body in self.bodies for message in body["messages"])


Script = Callable[[BaseHTTPRequestHandler, Json], Answer | None]
"""Gives status and body, or None when it answered by itself."""


@contextmanager
def serving(script: Script) -> Iterator[Served]:
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.bodies.append(body)
            served.headers.append({name.lower(): value for name, value in self.headers.items()})
            answer = script(self, body)
            if answer is not None:
                self.send_response(answer[0])
                self.send_header("Content-Length", str(len(answer[1])))
                self.end_headers()
                self.wfile.write(answer[1])

        def log_message(self, *_arguments: object) -> None:
            """Silent."""

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_arguments: object) -> None:
            """A client that hangs up is what these tests are about."""

    server = Quiet(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()


def completion(content: str, finish: str = "stop") -> Answer:
    usage = {"prompt_tokens": 100, "completion_tokens": 20}
    choice = {"message": {"role": "assistant", "content": content}, "finish_reason": finish}
    return 200, json.dumps({"choices": [choice], "usage": usage}).encode()


def claims(*pairs: tuple[str, list[str]]) -> Answer:
    return completion(json.dumps({"claims": [{"text": text, "facts": facts} for text, facts in pairs]}))


def asked(body: Json) -> tuple[list[Json], list[str], str]:
    """The facts of a request, the ids it asks to rewrite, and the language."""
    content = body["messages"][1]["content"]
    listed = [json.loads(line) for line in content.splitlines() if line.startswith('{"id"')]
    question = re.search(r"^Rewrite (.*?) \(.*\) in (\w+)", content, re.MULTILINE)
    assert question
    return listed, question[1].split(", "), question[2]


def says(body: Json) -> Iterator[tuple[str, str, str]]:
    """Id, text and language of each fact that is open."""
    listed, ids, language = asked(body)
    for item in listed:
        if item["id"] in ids:
            yield item["id"], item["says"], language


def honest(_handler: object, body: Json) -> Answer:
    """Says each fact again, begun with a word that claims nothing."""
    begun = {"English": "In addition, {}", "Japanese": "なお、{}"}
    return claims(*((begun[language].format(text), [id_]) for id_, text, language in says(body)))


def each(*lies: str) -> Script:
    """Says the same sentences about every fact, whatever it is."""
    return lambda _handler, body: claims(*((lie, [id_]) for id_, _text, _language in says(body) for lie in lies))


def raw(content: str, finish: str = "stop") -> Script:
    return lambda _handler, _body: completion(content, finish)


def status(code: int) -> Script:
    return lambda _handler, _body: (code, b'{"error": {"message": "no"}}')


def flood(handler: BaseHTTPRequestHandler, _body: Json) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _block in range(80):
        handler.wfile.write(b"x" * 65536)


def bomb(handler: BaseHTTPRequestHandler, _body: Json) -> None:
    """64 MiB of blanks in 64 kB, for whoever unpacks it."""
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    blanks = b" " * (1 << 20)
    body = b"".join(packed.compress(blanks) for _block in range(64)) + packed.flush()
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def elsewhere(handler: BaseHTTPRequestHandler, _body: Json) -> None:
    """Sends whoever follows to itself, for ever."""
    handler.send_response(307)
    handler.send_header("Location", "/v1/chat/completions")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def deep(_handler: BaseHTTPRequestHandler, _body: Json) -> Answer:
    """Brackets without end, inside and outside."""
    return completion("[" * 50_000 + "{" * 40_000)


def silent(_handler: BaseHTTPRequestHandler, _body: Json) -> None:
    time.sleep(6)


def trickle(handler: BaseHTTPRequestHandler, _body: Json) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _byte in range(60):
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.1)
