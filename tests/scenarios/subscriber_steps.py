"""What a subscriber and the company do in stories: billed by tariff, warned, suspended, paid."""

from datetime import timedelta
from typing import Any

from adapters.sql.ledger import SqlLedger
from billing.collections.collection import Collection
from billing.customers.customer import Customer, Terms
from billing.customers.ladder import RungAction, parse_ladder
from billing.money import plain_amount
from billing.payments.methods import BillPayer
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Subject
from billing.subscribers.service import Change, NewService, ServiceCause, ServiceState
from billing.tariffs.changes import Subscribe
from billing.tariffs.tariff import Tariff, TariffVersion
from sandbox.stand_ins.bank import Bank, Transfer
from sandbox.timeline import until
from tests.bed import PATIENCE_SECONDS, Bed, now
from tests.scenarios.money_stories import transfer

NUMBER, PHONE = "1000009", "+77012345678"
LADDER = parse_ladder("1 remind sms+mail, 7 warn sms+mail, 14 suspend")
FEE_MINOR = 4500
_LATE = timedelta(days=90)
_FIRST = 16
"""The day of the month on which the tariff begins."""


async def walked(bed: Bed) -> None:
    """What is due on the ladder is done."""
    now = await bed.clock(bed.collection_handle())
    await bed.collects(lambda found: found.due(now).step is None)


def minor(period: Period) -> int:
    """What the first bill comes to: the days from the 16th on."""
    return FEE_MINOR - FEE_MINOR * (_FIRST - 1) // period.last_day.day


async def subscribed(bed: Bed, **terms: Any) -> Period:
    """A customer without a card, with a phone and an account that works, and a tariff from mid-month on."""
    agreed = Terms.model_validate({"ladder": LADDER, "bill_by": ("sms", "mail"), **terms})
    customer = Customer(
        customer_id="acme",
        name="Acme",
        email="acme@example.com",
        phone=PHONE,
        currency="eur",
        timezone="Europe/Paris",
        payment_method=BillPayer(),
        terms=agreed,
    )
    started = await bed.start(customer)
    assert started.period is not None
    period, who = started.period, ("ann", "contract 17", now())
    await bed.ledger.register_service(
        NewService(customer_id="acme", key="add", number=NUMBER, by="ann", reason="new"), now()
    )
    await bed.ledger.change_service(
        NUMBER, Change(ServiceState.ACTIVE, ServiceCause.CONNECTED, "connect", now(), "ann", "installed")
    )
    version = TariffVersion(starts_on=period.first_day, fee_minor=FEE_MINOR)
    await bed.ledger.add_tariff(Tariff(code="net", name="Internet 100", currency="eur", versions=(version,)), *who)
    first = period.first_day.replace(day=_FIRST)
    await bed.ledger.agree(Subscribe(account=NUMBER, tariff="net", starts_on=first), *who)
    for each in (period, period.next()):
        bed.sales(each)
    return period


async def billed(bed: Bed, **terms: Any) -> Period:
    """Their first month is closed with a bill, and collected."""
    period = await subscribed(bed, **terms)
    await bed.skip_to("acme", (await bed.month("acme")).import_at)
    await bed.drafted("acme", period)
    await bed.closed("acme", period)
    await bed.collects(lambda found: True)
    return period


async def warned(bed: Bed) -> Collection:
    await bed.skip_collection(timedelta(days=4))
    await bed.collects(lambda found: found.reminders == 1)
    await bed.skip_collection(timedelta(days=6))
    return await bed.collects(lambda found: found.reminders == 2)


async def restricted(bed: Bed, days: int, action: RungAction) -> None:
    await bed.skip_collection(timedelta(days=days))
    await bed.collects(lambda found: found.restricted is action)


async def suspended(bed: Bed) -> Period:
    period = await billed(bed)
    await warned(bed)
    await restricted(bed, 9, RungAction.SUSPEND)
    return period


async def pays(bed: Bed, reference: str, amount_minor: int, period: Period) -> None:
    """By transfer, after the bill is due: workflows of a bed have clocks of their own, ahead of the real one."""
    await transfer(bed, f"bank-{reference}", plain_amount(amount_minor, "eur"), period, at=now() + _LATE)


async def pays_unheard(bed: Bed, amount_minor: int, period: Period) -> None:
    """The ledger has the money; the news of it is not sent."""
    fields: dict[str, Any] = {"amount_minor": amount_minor, "currency": "eur", "customer_id": "acme"}
    sent = Transfer(reference="bank-1", payer="Acme", sent_at=now(), month=period, **fields)
    Bank(bed.folder / "bank.jsonl").credit(sent)
    by: dict[str, Any] = {"by": "ann", "reason": "by the statement"}
    rail: dict[str, Any] = {"rail": "transfer", "reference": "bank-1", "subject": Subject.month(period)}
    silent = await SqlLedger.connect(bed.settings.ledger, ())
    await silent.book(IncomingPayment(**rail, **fields, paid_at=now(), **by), now() + _LATE)
    await silent.close()


async def everybody_is_told(bed: Bed) -> None:
    """Provisioning has taken every change, and the vendor every text."""

    async def is_done() -> bool:
        changes = await bed.ledger.service_changes(NUMBER)
        waiting = [event async for page in bed.ledger.outgoing_events(undelivered_only=True) for event in page]
        return not waiting and all(change.call not in ("waiting", "refused") for change in changes)

    await until(is_done, PATIENCE_SECONDS)
