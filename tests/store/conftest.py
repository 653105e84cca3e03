"""The command line for tests of the store."""

from tests.app.conftest import kanaria

__all__ = ["kanaria"]
