"""Read sensor formats in tests."""

from tests.reading_formats import read

__all__ = ["read"]
