"""For all tests: property tests judge behaviour, never the speed of the machine they run on."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# On CI the same examples every time, so that a landing does not depend on luck; elsewhere new ones every time.
settings.register_profile(
    "kanaria",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("kanaria")
