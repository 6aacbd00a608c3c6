"""Limits of time for all tests; how hard hypothesis looks: the same cases every time where CI is set, new ones on a
developer's machine; and passwords that are quickly hashed."""

import os
from functools import partial

from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings

from adapters import passwords

pytest_plugins = ["tests.limits"]

settings.register_profile(
    "dev", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
# Hundreds of tests sign in, and a real hash takes a quarter of a second of a processor.
vars(passwords)["PasswordHasher"] = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
