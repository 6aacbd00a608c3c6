"""Composition of bank statements: from settings to accounts, and to what imports their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.payments.rails import RailKind, statement_rails
from billing.statements.bank_account import BankAccount
from billing.statements.payouts import PayoutRule
from services.statements import Statements

if TYPE_CHECKING:
    from adapters.sql.ledger import SqlLedger
    from services.alerts import Alerts
    from settings import Settings

SANDBOX_ACCOUNT = "FR00SANDBOX0000000000000001"
_PAYING_OUT = (RailKind.BILLER, RailKind.GATEWAY)


def bank_accounts(settings: Settings) -> dict[str, BankAccount]:
    """The account of each rail of kind statements; one of the sandbox's own where none is configured."""
    rails = statement_rails(settings.rails)
    return {name: settings.bank_accounts.get(name) or _sandbox_account(settings) for name in rails}


def _sandbox_account(settings: Settings) -> BankAccount:
    """Its bank pays out every rail, and names it in the text: ``settlement bank-app``."""
    rules = {
        name: PayoutRule(text=f"settlement {name}") for name, rail in settings.rails.items() if rail.kind in _PAYING_OUT
    }
    return BankAccount(account=SANDBOX_ACCOUNT, currency="eur", timezone="Europe/Paris", settlements=rules)


def connect_statements(settings: Settings, ledger: SqlLedger, alerts: Alerts | None = None) -> Statements:
    """Imports statements of bank accounts."""
    from adapters.statements.files import StatementFiles

    accounts, key = bank_accounts(settings), settings.personal_key
    return Statements(StatementFiles(), ledger, accounts, settings.rails, alerts, key, settings.four_eyes_above)
