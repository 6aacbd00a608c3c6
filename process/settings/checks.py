"""Settings that have to fit each other. Every function raises ``ValueError``, which says what to set."""

from collections.abc import Iterable, Mapping
from itertools import combinations
from urllib.parse import urlsplit

from billing.billers.biller import Dialect
from billing.customers.address import checked_email
from billing.errors import InvalidInput
from billing.money import parse_amount
from billing.payments.rails import Rail, RailKind
from billing.statements.bank_account import BankAccount
from billing.statements.statement import is_same_account
from process.settings.types import BillerContract, Shop

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def check_shops(rails: Iterable[str], shops: Mapping[str, Shop], is_sandbox: bool) -> None:
    """Each rail of kind gateway has a shop of its own, and no real one stands beside the sandbox."""
    names = list(rails)
    if is_sandbox and shops:
        raise ValueError("BILLING_WAYFORPAY names a real shop: real services and the sandbox do not mix")
    if not is_sandbox and (missing := [name for name in names if name not in shops]):
        raise ValueError(f"set BILLING_WAYFORPAY too, with merchant account, secret key and domain of {missing[0]}")
    accounts = [shop.merchant_account for shop in shops.values()]
    if len(set(accounts)) < len(accounts):
        raise ValueError("two rails of BILLING_WAYFORPAY name one merchant account: each payment would count twice")
    if others := [name for name in shops if name not in names]:
        raise ValueError(f"BILLING_WAYFORPAY names {others[0]}, which is no rail of kind gateway in BILLING_RAILS")


def check_billers(rails: Iterable[str], contracts: Mapping[str, BillerContract], known: Iterable[str]) -> None:
    """Each rail of kind biller has a contract, in which something protects it; those of ``known`` rails are ours."""
    names = list(rails)
    if missing := [name for name in names if name not in contracts and name not in known]:
        raise ValueError(f"set BILLING_BILLERS too, with dialect, currency, timezone and addresses of {missing[0]}")
    if others := [name for name in contracts if name not in names]:
        raise ValueError(f"BILLING_BILLERS names {others[0]}, which is no rail of kind biller in BILLING_RAILS")
    for name, contract in contracts.items():
        if fault := _fault_of(contract):
            raise ValueError(f"BILLING_BILLERS, {name}: {fault}")


def _fault_of(contract: BillerContract) -> str:
    if contract.dialect is not Dialect.NEUTRAL and not contract.addresses:
        return "set addresses, from which the bank calls: nothing else protects this dialect"
    secret, password = contract.secret.get_secret_value(), contract.password.get_secret_value()
    lengths = [len(text) for text in (secret, password) if text]
    is_protected = bool(lengths) and min(lengths) >= 32 and bool(contract.user) == bool(password)
    if contract.dialect is Dialect.NEUTRAL and not is_protected:
        return "set secret, or user and password together, or all three; secret and password have 32 characters or more"
    try:
        amounts = [parse_amount(text, contract.currency) for text in (contract.least, contract.most)]
    except InvalidInput as error:
        return f"least and most: {error}"
    return "" if 0 < amounts[0] <= amounts[1] else "least has to be above 0, and most not below it"


def check_bank_accounts(rails: Mapping[str, Rail], accounts: Mapping[str, BankAccount], is_sandbox: bool) -> None:
    """Each rail of kind statements has an account of its own, and pays out rails that there are."""
    names = [name for name, rail in rails.items() if rail.kind is RailKind.STATEMENTS]
    if others := [name for name in accounts if name not in names]:
        raise ValueError(
            f"BILLING_BANK_ACCOUNTS names {others[0]}, which is no rail of kind statements in BILLING_RAILS"
        )
    if not is_sandbox and (missing := [name for name in names if name not in accounts]):
        raise ValueError(f"set BILLING_BANK_ACCOUNTS too, with account, currency and timezone of {missing[0]}")
    numbers = [account.account for account in accounts.values()]
    if any(is_same_account(one, other) for one, other in combinations(numbers, 2)):
        raise ValueError("two rails of BILLING_BANK_ACCOUNTS name one account: each payment would count twice")
    for name, account in accounts.items():
        if unknown := [rail for rail in account.settlements if rail not in rails or rail in accounts]:
            raise ValueError(f"BILLING_BANK_ACCOUNTS: {unknown[0]}, whose settlements {name} gets, is no other rail")


def check_receiver(name: str, address: str, secrets: list[str], is_sandbox: bool) -> None:
    """The address and secrets serve to send events."""
    url = urlsplit(address)
    if url.scheme not in ("http", "https") or not url.hostname or url.username or url.fragment:
        raise ValueError(f"{name}_URL is not a web address; write it as https://erp.example.com/events")
    if url.hostname not in LOOPBACK and (is_sandbox or url.scheme == "http"):
        raise ValueError(
            f"{name}_URL has to begin with https://, and the sandbox tells this machine only: events name "
            "customers and amounts"
        )
    check_secrets(f"{name}_SECRET", secrets)


def check_one_source(*sources: object) -> None:
    """Sales come from one place, or from none."""
    if sum(map(bool, sources)) > 1:
        raise ValueError("set one of BILLING_SALES_SHEET_ID, BILLING_SALES_FOLDER, BILLING_SALES_URL and BILLING_SALES")


def check_production(address: str, secrets: list[str], is_sandbox: bool) -> None:
    """The address serves to release orders; whatever is no web address or mail is Apprise's to read."""
    if address.startswith(("http://", "https://")):
        check_receiver("BILLING_PRODUCTION", address, secrets, is_sandbox)
    if address.startswith("mailto:") and not address.startswith("mailto://"):
        try:
            checked_email(address.removeprefix("mailto:"))
        except InvalidInput:
            raise ValueError("BILLING_PRODUCTION_URL: write it as mailto:workshop@example.com") from None


def check_console_url(address: str, stripe_api_key: str) -> None:
    """The console's address from outside is one, and safe where real money moves."""
    url = urlsplit(address)
    if address and (url.scheme not in ("http", "https") or not url.hostname):
        raise ValueError("BILLING_CONSOLE_URL is not a web address; write it as https://pay.example.com")
    is_live = stripe_api_key.startswith(("sk_live_", "rk_live_"))
    if is_live and url.scheme == "http" and url.hostname not in LOOPBACK:
        raise ValueError(
            "BILLING_CONSOLE_URL begins with http://, and the Stripe key is for real money: anybody on the network "
            "could read links and passwords. Put a reverse proxy with TLS before the console, and write https://"
        )


def check_secrets(name: str, secrets: list[str]) -> None:
    if not 1 <= len(secrets) <= 2 or min(map(len, secrets)) < 32:
        raise ValueError(
            f"set {name} too: 32 characters or more; while it is replaced, the new and the old one, with a space "
            "between"
        )
