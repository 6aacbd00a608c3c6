"""Somebody who registers: their form, their card, and what has come of it."""

from datetime import UTC, datetime
from typing import Any

import httpx

from billing.customers.customer import Customer
from billing.customers.registration import CONSENT_VERSION, Registration, RegistrationState
from bootstrap import connect_registrar
from clients.registrar import Registrar
from tests.console.conftest import Desk

EMAIL = "ann@acme.example"
FORM = {"name": "Acme Bakery", "email": EMAIL, "consent": CONSENT_VERSION}
THANKS = "Thank you, your card is saved"


def address(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def registers(desk: Desk, **fields: str) -> str:
    """Sends the form; the address of the card page that it leads to."""
    return address(await desk.browser.post("/register", data=FORM | fields))


async def enters_card(desk: Desk, checkout: str, card: str = "pm_card_visa") -> str:
    """Saves a card there; the address that leads back."""
    assert checkout.startswith(desk.bed.stripe_url)
    return address(await desk.browser.post(checkout, data={"card": card}))


async def comes_back(desk: Desk, back: str) -> str:
    """The page that the customer sees in the end."""
    return (await desk.browser.get(address(await desk.browser.get(back)))).text


async def registrations(desk: Desk) -> list[Registration]:
    return await desk.bed.ledger.registrations()


async def only(desk: Desk) -> Registration:
    """The one registration that there is."""
    (registration,) = await registrations(desk)
    return registration


async def started(desk: Desk) -> Customer:
    """The one customer who has come of one registration, and is billed: with exactly its data."""
    registration = await only(desk)
    assert registration.state is RegistrationState.STARTED
    (customer,) = await desk.bed.ledger.customers()
    desk.bed.started.append(customer.customer_id)
    desk.bed.registered.add(customer.card_on_file.payer_id)
    month = await desk.bed.month(customer.customer_id)
    assert month.customer == customer == registration.customer()
    assert month.period == month.period.at(datetime.now(UTC), customer.timezone)
    made = [each for each in desk.bed.objects("customer") if not each.get("deleted")]
    assert [each["id"] for each in made] == [customer.card_on_file.payer_id]
    return customer


def registrar(desk: Desk) -> Registrar:
    return connect_registrar(desk.bed.settings, desk.bed.adapters, desk.bed.client)


async def without_webhooks(desk: Desk) -> None:
    await desk.bed.stripe_control("webhooks", {"url": None})


def mails(desk: Desk, email: str = EMAIL) -> list[Any]:
    return desk.bed.mails(email)
