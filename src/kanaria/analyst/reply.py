"""The shape of a server's answer and of the JSON in it. Imported only when a model is asked: it needs pydantic."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field


class Claim(BaseModel):
    """A sentence and the facts it cites; what else a model adds is not looked at."""

    text: Annotated[str, Field(max_length=600)]
    facts: Annotated[list[str], Field(max_length=40)]


class Claims(BaseModel):
    """What the model was asked for."""

    claims: Annotated[list[Claim], Field(max_length=40)]


class Message(BaseModel):
    """The message of a choice."""

    content: str


class Choice(BaseModel):
    """One answer; servers add properties of their own, which are not looked at."""

    message: Message
    finish_reason: str | None = None


class Answer(BaseModel):
    """The body of a chat completion."""

    choices: Annotated[list[Choice], Field(min_length=1)]


__all__ = ["Answer", "Claims"]
