"""Payers at the bank's app: they type an account number, see what is owed, and pay."""

import re

from billing.errors import BillingError
from sandbox.stack.stack import Stack
from sandbox.stand_ins.control import local_http

APP = "bank-app"
"""The rail."""


async def pay_in_app(stack: Stack, account: str, amount: str = "") -> str:
    """Pays ``amount``, or all that the app asks for; answers what it has shown. Raises ``BillingError``."""
    async with local_http(base_url=stack.bank_url) as app:
        bill = await app.post(f"/{APP}/bill", data={"account": account})
        shown = re.search(r"To pay: ([0-9.]+) [^<]*", bill.text)
        if shown is None:
            raise BillingError(f"the bank's app answers {bill.status_code}: {bill.text}")
        paid = await app.post(f"/{APP}/payments", data={"account": account, "sum": amount or shown[1]})
    if "Paid" not in paid.text:
        raise BillingError(f"the bank's app answers {paid.status_code}: {paid.text}")
    return shown[0]
