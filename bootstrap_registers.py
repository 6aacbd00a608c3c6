"""Composition of banks' registers: from settings to contracts, and to what takes their files in."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from billing.registers.register import RegisterTerms
from bootstrap_billers import agreed
from services.registers.desk import RegisterDesk
from services.registers.folder import RegisterFolder

if TYPE_CHECKING:
    from adapters.sql.ledger import SqlLedger
    from settings import Settings


def register_terms(settings: Settings) -> dict[str, RegisterTerms]:
    """What the contract of each rail of kind biller says about its register."""
    return {
        rail: RegisterTerms(rail, contract.currency, contract.timezone, contract.register_hour)
        for rail, contract in agreed(settings).items()
    }


def connect_register_desk(settings: Settings, ledger: SqlLedger) -> RegisterDesk:
    """Takes registers in, and books what people confirm."""
    from adapters.registers.reader import kept_account, read_register

    kept = partial(kept_account, settings.personal_key)
    return RegisterDesk(ledger, partial(read_register, kept), register_terms(settings))


def connect_register_folder(settings: Settings, ledger: SqlLedger) -> RegisterFolder:
    """Takes in what is put into the folder of registers."""
    desk = connect_register_desk(settings, ledger)
    return RegisterFolder(settings.registers_folder, desk, ledger, settings.now)
