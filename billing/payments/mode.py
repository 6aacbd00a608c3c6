"""Whether money moves: what every page and mail says of itself, unless it is real."""

from enum import StrEnum
from typing import Self


class MoneyMode(StrEnum):
    SANDBOX = "sandbox"  # everything runs on stand-ins
    TEST = "test"  # real services; the processor's key is a test key
    LIVE = "live"

    @classmethod
    def of_key(cls, key: str) -> Self:
        """By the processor's secret key, ``sk_test_…`` or ``rk_test_…``; without one everything is the sandbox."""
        if not key:
            return cls("sandbox")
        return cls("test" if key.startswith(("sk_test_", "rk_test_")) else "live")
