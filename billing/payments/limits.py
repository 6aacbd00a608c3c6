"""What may be charged at once. Limits are a rail's, not the money's."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from billing.money import maximum_minor


class ChargeLimits(NamedTuple):
    """The least and the most that one charge may come to, in minor units; ``least`` by currency, 1 in all others."""

    least: Mapping[str, int]

    def minimum_minor(self, currency: str) -> int:
        return self.least.get(currency, 1)

    def maximum_minor(self, currency: str) -> int:
        """No rail takes more digits than an amount may have."""
        return maximum_minor(currency)


CARD_LIMITS: Final = ChargeLimits(
    {
        **dict.fromkeys(("usd", "eur", "aud", "brl", "cad", "chf", "inr", "jpy", "nzd", "sgd"), 50),
        **dict.fromkeys(("pln", "ron", "aed", "myr"), 200),
        **dict.fromkeys(("sek", "nok"), 300),
        "gbp": 30,
        "bgn": 100,
        "czk": 1500,
        "dkk": 250,
        "hkd": 400,
        "mxn": 1000,
        "huf": 17500,
        "thb": 1000,
    }
)
"""Of cards, as their processor publishes them."""
