"""Newcomers who register or are imported, interrupted after any step."""

import functools
import inspect
from datetime import UTC, datetime
from typing import Any, cast

from billing.customers.registration import Consent, Registration, browser_key, new_customer_id, registration_id_of
from bootstrap import connect_customer_mails
from clients.registrar import Registrar
from sandbox.stand_ins.control import local_http
from tests.bed import Bed

PAGE = "http://127.0.0.1:1/registration/token"


class Crashed(BaseException):
    """The process is gone: nothing that runs afterwards in it has an effect."""


class Mortal:
    """A port whose process dies right after its last call: of all ports together, ``lives`` calls are left."""

    def __init__(self, port: Any, lives: list[int]) -> None:
        self._port = port
        self._lives = lives

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not inspect.iscoroutinefunction(found):
            return found

        @functools.wraps(found)
        async def called(*args: Any, **named: Any) -> Any:
            answer = await found(*args, **named)
            self._lives[0] -= 1
            if self._lives[0] <= 0:
                raise Crashed(name)
            return answer

        return called


def mortal(bed: Bed, calls: int) -> tuple[Registrar, list[int]]:
    """A registrar that dies after so many calls, and how many are left."""
    lives = [calls]
    letters = connect_customer_mails(bed.settings, bed.adapters)
    ports = (Mortal(port, lives) for port in (bed.client, bed.adapters.payments, bed.ledger, letters))
    client, gateway, ledger, post = ports
    made = Registrar(cast(Any, client), cast(Any, gateway), cast(Any, ledger), cast(Any, post), bed.settings.links)
    return made, lives


def typed(email: str) -> Registration:
    now = datetime.now(UTC)
    return Registration(
        registration_id=registration_id_of(browser_key(""), email, "eur", "Europe/Paris"),
        email=email,
        name="Acme",
        currency="eur",
        timezone="Europe/Paris",
        consent=Consent(version="1", text="yes", at=now),
        customer_id=new_customer_id(),
        created_at=now,
        updated_at=now,
    )


async def visits(registrar: Registrar, wanted: Registration) -> None:
    """The customer sends the form, saves a card if asked for one, and comes back."""
    registration = await registrar.begin(wanted)
    url = await registrar.card_page(registration, PAGE)
    if url:
        async with local_http() as browser:
            await browser.post(url, data={"card": "pm_card_visa"})
    found = await registrar.find(registration.registration_id)
    assert found is not None
    await registrar.go_on(found)


async def check_once(bed: Bed, email: str) -> None:
    """One customer of this email, who is billed and told; one at Stripe; nothing is left to do."""
    assert [each.email for each in await bed.ledger.registrations(unfinished=True)] == []
    (customer,) = [each for each in await bed.ledger.customers() if each.email == email]
    bed.started.append(customer.customer_id)
    assert (await bed.month(customer.customer_id)).customer == customer
    payers = [each["id"] for each in bed.objects("customer") if each["email"] == email]
    assert payers == [customer.card_on_file.payer_id]
