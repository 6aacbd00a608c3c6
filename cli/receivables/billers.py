"""``doctor`` calls each contract with a bank through the public address, as a bank would, with a signed probe."""

from collections.abc import Mapping
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import httpx

from billing.billers.biller import Contract
from billing.errors import BillingError
from billing.events.signature import HEADER, signed
from process.settings.checks import LOOPBACK

_FORGED = "X-Forwarded-For"
_PROXIES = "set BILLING_CONSOLE_TRUSTED_PROXIES to the addresses of your own proxies, and to nothing else"


async def reached(contract: Contract, base_url: str, secret: str) -> str:
    """What arrives at the console under the contract's address. Raises ``BillingError``, which says what to do."""
    if not base_url:
        raise BillingError("set BILLING_CONSOLE_URL: where the bank reaches the console")
    bank = str(contract.addresses[0].network_address) if contract.addresses else "192.0.2.1"
    async with httpx.AsyncClient(base_url=base_url, trust_env=False) as http:
        seen = await _probe(http, contract.rail, secret, {})
        forged = await _probe(http, contract.rail, secret, {_FORGED: bank})
    if forged["address"] != seen["address"]:
        raise BillingError(
            f"a forged {_FORGED} is believed: whoever sends it passes for the bank. Let the proxy add the address that "
            f"it sees to the header, and {_PROXIES}"
        )
    if seen["is_behind_unknown_proxy"]:
        raise BillingError(f"a proxy at {seen['address']} passes everybody on, and is not trusted: {_PROXIES}")
    if _is_private(seen["address"]) and urlsplit(base_url).hostname not in LOOPBACK:
        raise BillingError(f"the console sees {seen['address']}, the proxy's own address, for everybody: {_PROXIES}")
    banks = ", ".join(map(str, contract.addresses)) or "anybody who signs"
    return f"{base_url}/billers/{contract.rail} is reached, from {seen['address']}; it answers {banks}"


async def _probe(http: httpx.AsyncClient, rail: str, secret: str, headers: Mapping[str, str]) -> dict[str, Any]:
    path = f"/billers/{rail}/probe"
    signature = {HEADER: signed(path.encode(), [secret], datetime.now(UTC))}
    where = str(http.base_url).rstrip("/")
    try:
        answer = await http.get(path, headers={**signature, **headers})
        if answer.status_code == 200:
            found: dict[str, Any] = answer.json()
            return found
    except (httpx.HTTPError, ValueError) as error:
        raise BillingError(
            f"{where} is not reached ({type(error).__name__}): start the console, and let the proxy pass /billers/ on"
        ) from None
    raise BillingError(
        f"{where}{path} answers {answer.status_code}: let the proxy pass /billers/ on to the console, with its host, "
        "and give both the same BILLING_BILLERS and BILLING_PERSONAL_SECRET; clocks may differ by 5 minutes"
    )


def _is_private(text: str) -> bool:
    try:
        return ip_address(text).is_private
    except ValueError:
        return True
