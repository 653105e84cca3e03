"""The command line, run in this process as in the tests of the commands."""

from __future__ import annotations

from tests.app.conftest import kanaria

__all__ = ["kanaria"]
