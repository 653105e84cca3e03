"""The command line as a user runs it, for the laboratory's commands too."""

from tests.app.conftest import kanaria

__all__ = ["kanaria"]
