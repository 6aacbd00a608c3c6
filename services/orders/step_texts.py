"""Tells customers of the steps of their service orders, as they are billed; people tell whoever cannot be reached."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from billing.customers.channels import Channel
from billing.customers.contact_hours import ContactHours
from billing.customers.customer import Customer
from billing.customers.links import PaymentLinks
from billing.errors import OutsideContactHours
from billing.events.event import OutgoingEvent
from billing.receivables.journal import Balance
from billing.receivables.overdue import overdue
from billing.subscribers.service import Service
from billing.texts.text import TextFacts, TextKind
from orders.order import Buyer
from orders.procedures.steps import TellStep
from orders.service.alerts import of_untold
from orders.service.events import ServiceStepData
from orders.service.ports import ServiceShown
from orders.service.service_order import ServiceOrder
from services.alerts import Alerts
from services.messages.customer_messages import REFUSED, CustomerMessages, StepMessage
from services.orders.quoted_answers import quoted

_TO_PAY = (TextKind.PAY_FEE, TextKind.PAY_DEBT)


class ToldLedger(Protocol):
    """The stores it uses."""

    async def service_order(self, number: str) -> ServiceShown | None: ...

    async def service(self, number: str) -> Service | None: ...

    async def customer(self, customer_id: str) -> Customer | None: ...

    async def buyer(self, customer_id: str) -> Buyer | None: ...

    async def balance(self, customer_id: str) -> Balance: ...


class StepTexts:
    """The sender of ``Destination.CUSTOMER``."""

    def __init__(
        self,
        ledger: ToldLedger,
        messages: CustomerMessages,
        alerts: Alerts,
        links: PaymentLinks,
        hours: ContactHours,
        now: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._messages = messages
        self._alerts = alerts
        self._links = links
        self._hours = hours
        self._now = now

    async def send(self, event: OutgoingEvent) -> None:
        """Once for each step; a text within contact hours. Raises ``OutsideContactHours``, and errors of texts and
        mails; repeat it.
        """
        data, now = ServiceStepData.model_validate(event.payload["data"]), self._now()
        shown = await self._ledger.service_order(data.number)
        if shown is None:
            return
        order = shown.order
        step = order.procedure.step(data.step)
        assert isinstance(step, TellStep), f"{data.step} tells nobody"
        kind = TextKind(step.text)
        facts = await self._facts(kind, order, step, now)
        message = await self._message(kind, order, data.position, facts, now)
        if kind in _TO_PAY and not facts.amount_minor:  # paid meanwhile
            await self._messages.drop_step(message)
            return
        try:
            await self._messages.tell_step(message)
        except REFUSED as error:
            await self._alerts.tell(of_untold(order, step.title, str(error), now))

    async def _message(
        self, kind: TextKind, order: ServiceOrder, position: int, facts: TextFacts, now: datetime
    ) -> StepMessage:
        """To the addresses that there are, by the channels of the bills; somebody new is told by each."""
        service = await self._ledger.service(order.account) if order.account else None
        customer = await self._ledger.customer(order.customer_id)
        buyer = None if customer else await self._ledger.buyer(order.customer_id)
        phone = (service and service.phone) or (customer and customer.phone)
        email = customer.email if customer else buyer.email if buyer else None
        by = customer.terms.bill_by if customer else tuple(Channel)
        wait = self._texts_wait(order, now)
        return StepMessage(kind, order.customer_id, position, facts, phone or None, email, by, wait)

    def _texts_wait(self, order: ServiceOrder, now: datetime) -> OutsideContactHours | None:
        opens_at = self._hours.next_allowed(now, order.timezone)
        if opens_at <= now:
            return None
        later = OutsideContactHours(f"order {order.number}: its customer is texted from {opens_at:%Y-%m-%d %H:%M} UTC")
        later.retry_after = opens_at - now
        return later

    async def _facts(self, kind: TextKind, order: ServiceOrder, step: TellStep, now: datetime) -> TextFacts:
        amount_minor = 0
        if kind is TextKind.PAY_FEE:
            balance = await self._ledger.balance(order.customer_id)
            amount_minor = max(0, balance.owed_for(order.subject, order.currency))
        elif kind is TextKind.PAY_DEBT:
            amount_minor = overdue(await self._ledger.balance(order.customer_id), now).get(order.currency, 0)
        return TextFacts(
            account=order.account or order.customer_id,
            amount_minor=amount_minor,
            currency=order.currency,
            number=order.number,
            quote=quoted(order, step.quotes) if step.quotes else "",
            link=self._links.to_fee(order.number) if kind in _TO_PAY and self._links.secret else "",
        )
