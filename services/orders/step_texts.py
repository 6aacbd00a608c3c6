"""Tells customers of the steps of their service orders, by text; people tell whoever cannot be reached so."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from billing.customers.contact_hours import ContactHours
from billing.customers.customer import Customer
from billing.errors import OutsideContactHours, TextRefused
from billing.events.event import OutgoingEvent
from billing.receivables.journal import Balance
from billing.receivables.overdue import overdue
from billing.subscribers.service import Service
from billing.texts.text import TextFacts, TextKind
from orders.procedures.steps import TellStep
from orders.service.alerts import of_untold
from orders.service.events import ServiceStepData
from orders.service.ports import ServiceShown
from orders.service.service_order import ServiceOrder
from services.alerts import Alerts
from services.messages.customer_texts import CustomerTexts


class ToldLedger(Protocol):
    """The stores it uses."""

    async def service_order(self, number: str) -> ServiceShown | None: ...

    async def service(self, number: str) -> Service | None: ...

    async def customer(self, customer_id: str) -> Customer | None: ...

    async def balance(self, customer_id: str) -> Balance: ...


class StepTexts:
    """The sender of ``Destination.CUSTOMER``. ``texts`` None: none can be sent, and people are told to tell."""

    def __init__(
        self,
        ledger: ToldLedger,
        texts: CustomerTexts | None,
        alerts: Alerts,
        hours: ContactHours,
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._texts = texts
        self._alerts = alerts
        self._hours = hours
        self._now = now

    async def send(self, event: OutgoingEvent) -> None:
        """Once for each step, within contact hours. Raises ``OutsideContactHours``, and errors of texts; repeat it."""
        data, now = ServiceStepData.model_validate(event.payload["data"]), self._now()
        shown = await self._ledger.service_order(data.number)
        if shown is None:
            return
        order = shown.order
        step = order.procedure.step(data.step)
        assert isinstance(step, TellStep), f"{data.step} tells nobody"
        self._require_hours(order, now)
        kind = TextKind(step.text)
        facts, about = await self._facts(kind, order, step, now), f"order {order.number} {data.position}"
        phone = await self._phone(order)
        if kind in (TextKind.PAY_FEE, TextKind.PAY_DEBT) and not facts.amount_minor:  # paid meanwhile
            if self._texts is not None and phone is not None:
                await self._texts.drop(kind, order.customer_id, phone, about)
            return
        if self._texts is None or phone is None:
            await self._alerts.tell(of_untold(order, step.title, "there is no way to text them", now))
            return
        try:
            await self._texts.send(kind, order.customer_id, phone, about, facts)
        except TextRefused as error:
            await self._alerts.tell(of_untold(order, step.title, str(error), now))

    def _require_hours(self, order: ServiceOrder, now: datetime) -> None:
        opens_at = self._hours.next_allowed(now, order.timezone)
        if opens_at > now:
            later = OutsideContactHours(
                f"order {order.number}: its customer is told from {opens_at:%Y-%m-%d %H:%M} UTC"
            )
            later.retry_after = opens_at - now
            raise later

    async def _phone(self, order: ServiceOrder) -> str | None:
        service = await self._ledger.service(order.account) if order.account else None
        if service is not None and service.phone:
            return service.phone
        customer = await self._ledger.customer(order.customer_id)
        return customer.phone if customer else None

    async def _facts(self, kind: TextKind, order: ServiceOrder, step: TellStep, now: datetime) -> TextFacts:
        amount_minor = 0
        if kind is TextKind.PAY_FEE:
            balance = await self._ledger.balance(order.customer_id)
            amount_minor = max(0, balance.owed_for(order.subject, order.currency))
        elif kind is TextKind.PAY_DEBT:
            amount_minor = overdue(await self._ledger.balance(order.customer_id), now).get(order.currency, 0)
        quote = order.values.get(step.quotes) if step.quotes else None
        return TextFacts(
            account=order.account or order.customer_id,
            amount_minor=amount_minor,
            currency=order.currency,
            number=order.number,
            quote=str(quote) if quote is not None else "",
        )
