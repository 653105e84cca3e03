"""How a command ends: its exit status, and one line on standard error instead of a traceback when it failed.

Exit status: 0 nothing found and everything read, 1 something found, 2 wrong usage or nothing readable, 3 nothing found
in what could be read, but not everything could be read, 70 an error nobody foresaw, 130 interrupted.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import suppress
from types import TracebackType
from typing import NoReturn

import click

from kanaria.app.commands import japanese
from kanaria.app.commands.interrupts import BY_SIGNAL, StopRequest, asked_to_end, leave_at_once
from kanaria.app.commands.options import NOTHING, USAGE, asked_language, speaking
from kanaria.core.errors import KanariaError
from kanaria.core.japanese import in_japanese
from kanaria.core.text import printable
from kanaria.core.words import Language

INTERRUPTED = 130
CRASHED = 70
"""EX_SOFTWARE of sysexits.h. Python itself ends with 1, which a script would take for a finding."""
COLLECT_EVERY = 50_000
"""New objects between two looks for garbage, against Python's 700: importing libraries makes many and drops none, and
looking through them again and again took 8 % of a run (perf, one million log lines)."""


def run(command: click.Command) -> NoReturn:
    """Run the command line and leave the process."""
    _escape_what_does_not_fit()
    gc.set_threshold(COLLECT_EVERY)
    sys.excepthook = _crash
    try:
        with asked_to_end(_leave) as asked:
            _run(command, asked)
    except KeyboardInterrupt:  # before the command began, or while it was leaving
        click.echo(_in_words("interrupted"), err=True)
        sys.exit(INTERRUPTED)


def _leave(number: int) -> NoReturn:
    """End where the command does not. Its own output may be locked by the thread that hangs, so it is passed by."""
    with suppress(OSError):
        os.write(
            2, f"{_in_words('interrupted')}\n".encode(sys.__stderr__.encoding if sys.__stderr__ else "ascii", "replace")
        )
    leave_at_once(BY_SIGNAL + number)


def _run(command: click.Command, asked: StopRequest) -> NoReturn:
    try:
        status = command.main(prog_name="kanaria", standalone_mode=False)
        _flush()
        sys.exit(status if isinstance(status, int) else NOTHING)
    except click.ClickException as error:
        with speaking(_language()):
            click.echo(japanese.complaint(error, _language()), err=True)
        sys.exit(USAGE)
    except click.Abort:
        click.echo(_in_words("interrupted"), err=True)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _forget_output()
        sys.exit(NOTHING)
    except KanariaError as error:
        _say(error.to(_language()))
        sys.exit(USAGE)
    except OSError as error:  # a full disk, a lost mount: whatever the operating system refuses is the user's to fix
        _forget_output()
        place = f"{error.filename}: " if error.filename else ""
        _say(f"{place}{_in_words(error.strerror or str(error))}")
        sys.exit(USAGE)
    except _engine_errors() as error:
        if asked.number is not None:
            click.echo(_in_words("interrupted"), err=True)
            sys.exit(asked.status)
        words = str(error).strip().splitlines()[0]
        if not any(sign in words for sign in _STORE_SIGNS):
            raise
        _say(_in_words(f"the store, or the disk it works on: {words} (damaged, or no space is left)"))
        sys.exit(USAGE)


# How the engine begins what it says of files and disks; everything else is an error of ours.
_STORE_SIGNS = ("IO Error", "Serialization Error", "FATAL Error", "Out of Memory Error", "No space left")


def _engine_errors() -> tuple[type[Exception], ...]:
    """What the engine raises: its own errors, and RuntimeError when a signal came in the middle of a query."""
    engine = sys.modules.get("duckdb")
    return (RuntimeError, engine.Error) if engine else (RuntimeError,)


def _crash(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> NoReturn:
    """The traceback as ever, with a status of its own."""
    sys.__excepthook__(kind, error, trace)
    _say(_in_words(_OURS))
    sys.exit(CRASHED)


_OURS = "this is an error in Kanaria itself; nothing is claimed of any input. Please report it with the lines above."


def _language() -> Language:
    return asked_language(sys.argv[1:])


def _in_words(message: str) -> str:
    """A message of ours in the language of the command line."""
    return in_japanese(message) if _language() == "ja" else message


def _say(message: str) -> None:
    """File names in messages are as hostile as logs."""
    click.echo("kanaria: " + "\n".join(printable(line) for line in message.split("\n")), err=True)


def _escape_what_does_not_fit() -> None:
    """Japanese does not fit every locale's encoding: such characters are escaped, not fatal."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    """What cannot be written must fail here, where it is told, and not when Python ends."""
    if sys.stdout is not None:
        sys.stdout.flush()


def _forget_output() -> None:
    """What is still buffered can be written nowhere and must not fail again when Python ends."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
