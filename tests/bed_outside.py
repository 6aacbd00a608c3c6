"""What a test does outside the application: at the stand-ins, at the bank, behind the ledger's back."""

import asyncio
import contextlib
import sqlite3

from billing.customers.card_vault import CardDetails
from billing.customers.customer import Customer
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from sandbox.stand_ins.control import control, local_http
from tests.bed_sight import BedSight


class BedOutside(BedSight):
    """A bed whose stand-ins do what the test says."""

    async def behaves(self, customer: Customer, behaviour: str) -> None:
        """From now on the customer's card does this, in the words of the Stripe stand-in."""
        await self.stripe_control(f"cards/{customer.card_on_file.card_id}", {"behaviour": behaviour})

    async def another_card(self, customer: Customer, card: str = "pm_card_visa") -> CardDetails:
        """Attaches another card to the customer at Stripe."""
        async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
            url = f"{self.stripe_url}/v1/payment_methods/{card}/attach"
            answer = await http.post(url, data={"customer": customer.card_on_file.payer_id})
            return await self.adapters.payments.card(answer.raise_for_status().json()["id"])

    async def stripe_control(self, path: str, body: dict[str, object]) -> None:
        await control(self.ports.stripe, path, body)

    async def stripe_fault(self, **rule: object) -> None:
        await control(self.ports.stripe, "faults", rule)

    async def stripe_clear_faults(self) -> None:
        await control(self.ports.stripe, "faults", method="DELETE")

    async def production_is_silent(self) -> None:
        """Production answers no release from now on; a test says itself what it answers, and when."""
        await control(self.ports.production, "faults", {"kind": "status", "status": 503, "times": None})

    async def detach_card(self, card_id: str) -> None:
        """The customer, or the bank, takes the card away."""
        async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
            answer = await http.post(f"{self.stripe_url}/v1/payment_methods/{card_id}/detach")
            answer.raise_for_status()

    async def sheets_fault(self, **rule: object) -> None:
        await control(self.ports.sheets, "faults", rule)

    async def mail_faults(self, *rules: dict[str, object]) -> None:
        await control(self.ports.mail, "mail-faults", list(rules))

    async def at_the_bank(self, url: str | None, decision: str) -> None:
        """The customer decides at the bank's page that they were sent to."""
        assert url
        async with local_http() as http:
            answer = await http.post(url, data={"authentication": decision})
            assert answer.status_code == 303, answer.text

    async def tamper(self, statement: str, *values: object) -> None:
        """Changes the ledger behind everybody's back; in a thread: what holds its lock may need this loop to end."""

        def change() -> None:
            with contextlib.closing(sqlite3.connect(self.folder / "ledger.db", timeout=30)) as ledger, ledger:
                ledger.execute(statement, values)

        await asyncio.to_thread(change)
