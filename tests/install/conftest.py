"""Installations have what was installed into them, and no more."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def installations_have_their_own(programs_find_what_users_have: None) -> None:
    """Not even what ``tests/plain`` takes away."""
    pytest.MonkeyPatch().delenv("PYTHONPATH")
