"""Limits of time for all tests; and how hard hypothesis looks: the same cases every time where CI is set, new ones on a
developer's machine."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.limits"]

settings.register_profile(
    "dev", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
