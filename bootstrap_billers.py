"""Composition of billers: from settings to contracts with banks, and to what answers them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from billing.billers.biller import BillerCode, Contract, Dialect
from billing.money import parse_amount
from billing.payments.rails import billers
from process.settings.types import BillerContract

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.billers.ports import BillerBooks
    from billing.customers.account_numbers import AccountNumbers
    from services.biller import Biller
    from services.messages.ways_to_pay import PaymentWays
    from settings import Settings

SANDBOX_BILLER_SECRET = "biller-secret-of-the-sandbox-0123456789"
_OF_SANDBOX = {"currency": "eur", "timezone": "Europe/Paris", "addresses": "127.0.0.1", "register_hour": None}
_KNOWN = {"secret": SANDBOX_BILLER_SECRET, "user": "bank", "password": SANDBOX_BILLER_SECRET}
SANDBOX_BILLERS = {
    "bank-app": BillerContract.model_validate(_OF_SANDBOX | {"dialect": "kaspi"}),
    "terminals": BillerContract.model_validate(_OF_SANDBOX | {"dialect": "osmp"}),
    "local-bank": BillerContract.model_validate(_OF_SANDBOX | {"dialect": "neutral"} | _KNOWN),
}
"""Contracts of the sandbox, with nobody."""


def agreed(settings: Settings) -> dict[str, BillerContract]:
    """What was agreed for each rail of kind biller, as it is configured."""
    known: Mapping[str, BillerContract] = (SANDBOX_BILLERS if settings.sandbox else {}) | settings.billers
    return {rail: known[rail] for rail in billers(settings.rails)}


def contracts(settings: Settings) -> dict[str, Contract]:
    """The contract of each rail of kind biller."""
    return {rail: _contract(rail, contract) for rail, contract in agreed(settings).items()}


def connect_payment_ways(settings: Settings, ledger: AccountNumbers) -> PaymentWays:
    """What customers are told about paying by themselves."""
    from services.messages.ways_to_pay import PaymentWays

    titles = defaultdict[str, list[str]](list)
    for rail, contract in agreed(settings).items():
        titles[contract.currency].append(settings.rails[rail].title or rail)
    return PaymentWays(ledger, titles, settings.where_to_pay)


def connect_billers(settings: Settings, ledger: BillerBooks) -> dict[str, Biller]:
    """What answers banks, by rail."""
    from services.biller import Biller

    return {
        rail: Biller(contract, ledger, settings.personal_key, settings.now)
        for rail, contract in contracts(settings).items()
    }


def _contract(rail: str, known: BillerContract) -> Contract:
    return Contract(
        rail=rail,
        dialect=Dialect(known.dialect),
        currency=known.currency,
        timezone=known.timezone,
        least_minor=parse_amount(known.least, known.currency),
        most_minor=parse_amount(known.most, known.currency),
        addresses=known.addresses,
        secret=known.secret.get_secret_value(),
        user=known.user,
        password=known.password.get_secret_value(),
        bin=known.bin,
        data1=known.data1.get_secret_value(),
        texts={BillerCode(code): words for code, words in known.texts.items()},
    )
