"""The command line, as the tests of the application run it."""

from tests.app.conftest import kanaria, kanaria_process

__all__ = ["kanaria", "kanaria_process"]
