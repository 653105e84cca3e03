"""Asks a language model behind an OpenAI-compatible interface: Ollama, llama.cpp, vLLM, LM Studio or a cloud.

Takes messages; returns ``Draft`` values or raises ModelError. Everything of one run shares one deadline. No proxy, no
redirect, a cap on bytes; a server that cannot enforce a JSON schema is given a grammar, then the schema in words.
Nothing a server does is relied on: what it answers is validated here and checked elsewhere.
"""

from __future__ import annotations

import json
import queue
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, get_args

from kanaria import __version__
from kanaria.core.errors import MissingExtra, ModelError
from kanaria.core.late_regex import late_regex
from kanaria.core.values import dataclass

if TYPE_CHECKING:
    import httpx2

Message = Mapping[str, str]
MOST_BYTES = 200_000
"""An answer of eight sentences takes under 5,000; beyond this a server is out of order."""
TRIES, BACKOFF = 3, 0.5
AGAIN = frozenset({408, 429, 500, 502, 503, 504})
CLAIMS, TEXT = 8, 600
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "claims": {
            "type": "array",
            "maxItems": CLAIMS,
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "maxLength": TEXT},
                    "facts": {"type": "array", "items": {"type": "string"}, "maxItems": 4},
                },
                "required": ["text", "facts"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["claims"],
    "additionalProperties": False,
}
"""Every property required and none besides, as strict modes want it."""
FORMAT: Mapping[str, Any] = {
    "type": "json_schema",
    "json_schema": {"name": "claims", "strict": True, "schema": SCHEMA},
}
GRAMMAR = (
    'root ::= "{" ws "\\"claims\\"" ws ":" ws "[" ws (claim (ws "," ws claim)*)? ws "]" ws "}"\n'
    'claim ::= "{" ws "\\"text\\"" ws ":" ws text ws "," ws '
    '"\\"facts\\"" ws ":" ws "[" ws (id (ws "," ws id)*)? ws "]" ws "}"\n'
    'text ::= "\\"" ([^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\bfnrt/] | "u" [0-9a-fA-F]{4})){0,600} "\\""\n'
    'id ::= "\\"" [A-Z] [0-9]{1,3} "\\""\n'
    "ws ::= [ ]?\n"
)
"""The same in GBNF, which llama.cpp and what is built on it take as a property of the request."""
Way = Literal["schema", "grammar", "object", "words"]
WAYS: tuple[Way, ...] = get_args(Way)
"""How to ask for JSON, from what is enforced most to what every server can."""
_NOT_KNOWN = frozenset({400, 404, 415, 422, 501})
_TOO_MUCH = late_regex(rb"context|too (?:long|large|many)|not found|not exist", re.IGNORECASE)
"""In a refusal that has nothing to do with the way."""
_LOST_PATIENCE = "no answer within the time allowed"
_ANSWERED, _CUT = "the server answered {}", "the answer was cut off by max_tokens"
_NO_JSON, _TOO_LONG = "an answer that is not the JSON asked for", f"an answer of more than {MOST_BYTES} bytes"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A sentence as the model gave it, with the facts it cites. Nothing about it is known to be true."""

    text: str
    facts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the model is and how long and how much it may write."""

    base_url: str
    model: str
    key: str | None = None
    timeout: float = 60.0
    max_tokens: int = 800


@dataclass
class Usage:
    """What was spent."""

    requests: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    seconds: float = 0.0


@dataclass
class Client:
    """One run's conversation with one model; ``deadline`` (of ``time.monotonic``) starts with the first request."""

    endpoint: Endpoint
    usage: Usage = field(default_factory=Usage)
    deadline: float | None = None
    way: Way = "schema"
    """As far as is known, the best this server can."""

    def ask(self, messages: Sequence[Message]) -> tuple[Draft, ...]:
        """The sentences of one answer. Raises ModelError, with ``final`` when asking again makes no sense."""
        started = time.monotonic()
        self.deadline = self.deadline or started + self.endpoint.timeout
        try:
            return self._drafts(messages)
        finally:
            self.usage.seconds += time.monotonic() - started

    def _drafts(self, messages: Sequence[Message]) -> tuple[Draft, ...]:
        """A server that refuses one way of asking for JSON, or accepts it and answers with something else, is asked in
        the next way from then on."""
        raw = self._answer(messages)
        self._count(raw)
        try:
            return drafts(raw)
        except ModelError as error:
            if str(error) == _NO_JSON:
                self.way = _after(self.way)
            raise

    def _answer(self, messages: Sequence[Message]) -> bytes:
        while True:
            status, raw = self._persistent(request_body(self.endpoint, messages, self.way))
            if status == 200:
                return raw
            if status not in _NOT_KNOWN or self.way == WAYS[-1] or _TOO_MUCH.search(raw):
                raise ModelError(_ANSWERED.format(status), final=True)
            self.way = _after(self.way)

    def _persistent(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        for attempt in range(TRIES):
            if attempt:
                time.sleep(min(BACKOFF * 2 ** (attempt - 1), self._seconds_left()))
            status, raw = self._within_deadline(body)
            if status not in AGAIN:
                break
        return status, raw

    def _seconds_left(self) -> float:
        left = (self.deadline or 0.0) - time.monotonic()
        if left <= 0:
            raise ModelError(_LOST_PATIENCE, final=True)
        return left

    def _within_deadline(self, body: Mapping[str, Any]) -> tuple[int, bytes]:
        """In a thread of its own: time-outs of the library count from read to read, names are resolved without any."""
        answer: queue.Queue[tuple[int, bytes] | ModelError] = queue.Queue()
        threading.Thread(target=self._post, args=(body, answer, self._seconds_left()), daemon=True).start()
        try:
            came = answer.get(timeout=self._seconds_left())
        except queue.Empty:
            raise ModelError(_LOST_PATIENCE, final=True) from None
        if isinstance(came, ModelError):
            raise came
        return came

    def _post(self, body: Mapping[str, Any], answer: queue.Queue[tuple[int, bytes] | ModelError], left: float) -> None:
        import httpx2

        self.usage.requests += 1
        try:
            with _client(self.endpoint, left) as client, client.stream("POST", "chat/completions", json=body) as came:
                answer.put((came.status_code, self._read(came, time.monotonic() + left)))
        except httpx2.TimeoutException:
            answer.put(ModelError(_LOST_PATIENCE, final=True))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            answer.put(ModelError(str(error) or type(error).__name__, final=True))
        except ModelError as error:
            answer.put(error)

    def _read(self, came: httpx2.Response, deadline: float) -> bytes:
        raw = bytearray()
        for block in came.iter_raw():
            raw += block
            if len(raw) > MOST_BYTES:
                raise ModelError(_TOO_LONG, final=True)
            if time.monotonic() > deadline:
                raise ModelError(_LOST_PATIENCE, final=True)
        return bytes(raw)

    def _count(self, raw: bytes) -> None:
        try:
            used = json.loads(raw)["usage"]
            self.usage.prompt_tokens += int(used["prompt_tokens"])
            self.usage.answer_tokens += int(used["completion_tokens"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return  # not every server counts


def _after(way: Way) -> Way:
    return WAYS[min(WAYS.index(way) + 1, len(WAYS) - 1)]


def request_body(endpoint: Endpoint, messages: Sequence[Message], way: Way = "schema") -> dict[str, Any]:
    """What is sent. A server that enforces no schema is told it in words."""
    body: dict[str, Any] = {
        "model": endpoint.model, "temperature": 0, "max_tokens": endpoint.max_tokens, "stream": False,
        "messages": [dict(message) for message in messages],
        **_ASKED_BY[way],
    }  # fmt: skip
    if way in {"object", "words"}:
        body["messages"][-1]["content"] += "\nAnswer with JSON of this schema only: " + json.dumps(SCHEMA)
    return body


_ASKED_BY: Mapping[Way, Mapping[str, Any]] = {
    "schema": {"response_format": dict(FORMAT)}, "grammar": {"grammar": GRAMMAR},
    "object": {"response_format": {"type": "json_object"}}, "words": {},
}  # fmt: skip


def drafts(raw: bytes) -> tuple[Draft, ...]:
    """The sentences in a server's answer. Raises ModelError when it is cut or not what was asked for."""
    import pydantic

    from kanaria.analyst.reply import Answer, Claims

    try:
        choice = Answer.model_validate_json(raw).choices[0]
        if choice.finish_reason == "length":
            raise ModelError(_CUT)
        claims = Claims.model_validate_json(_object(choice.message.content)).claims
    except pydantic.ValidationError as error:
        raise ModelError(_NO_JSON) from error
    return tuple(Draft(text=claim.text.strip(), facts=tuple(claim.facts)) for claim in claims[:CLAIMS])


def _object(content: str) -> str:
    """The JSON in an answer: some models think aloud before it or put it in a fence."""
    content = content.rpartition("</think>")[2]
    return content[max(content.find("{"), 0) : content.rfind("}") + 1]


def require() -> None:
    """Raises MissingExtra when what is needed for talking to a model is not installed."""
    for package in ("httpx2", "pydantic"):
        try:
            __import__(package)
        except ImportError as error:
            raise MissingExtra(package=package, extra="llm", purpose="--writer llm") from error


def _client(endpoint: Endpoint, left: float) -> httpx2.Client:
    import httpx2

    headers = {"User-Agent": f"kanaria/{__version__}", "Accept-Encoding": "identity"}
    if endpoint.key:
        headers["Authorization"] = f"Bearer {endpoint.key}"
    return httpx2.Client(
        base_url=endpoint.base_url.rstrip("/") + "/", headers=headers, trust_env=False, follow_redirects=False,
        timeout=httpx2.Timeout(left, connect=min(left, 5.0)),
    )  # fmt: skip
