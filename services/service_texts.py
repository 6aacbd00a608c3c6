"""Texts customers that their service works again, once provisioning has taken the restore."""

from typing import Protocol

from billing.customers.channels import Channel
from billing.customers.ports import CustomerStore
from billing.errors import ReceiverUnavailable, TextError, TextRefused
from billing.events.event import OutgoingEvent
from billing.subscribers.events import ServiceData
from billing.subscribers.service import CallState, ServiceChange
from billing.texts.text import TextFacts, TextKind
from services.customer_texts import CustomerTexts


class _Ledger(CustomerStore, Protocol):
    async def service_changes(self, number: str) -> list[ServiceChange]: ...


class ServiceTexts:
    """The sender of ``Destination.CUSTOMER``."""

    def __init__(self, ledger: _Ledger, texts: CustomerTexts) -> None:
        self._ledger = ledger
        self._texts = texts

    async def send(self, event: OutgoingEvent) -> None:
        """Nothing is sent if the service was restricted again meanwhile, or to whoever gets no bills by text.

        Raises ``ReceiverUnavailable`` if it is not restored yet, or cannot be told now; a repeat sends it once.
        """
        data = ServiceData.model_validate(event.payload["data"])
        restored, *later = [
            change for change in await self._ledger.service_changes(data.number) if change.position >= data.position
        ]
        customer = await self._ledger.customer(restored.customer_id)
        if customer is None or not customer.phone or Channel.SMS not in customer.terms.bill_by or later:
            return
        if restored.call is not CallState.DONE:
            raise ReceiverUnavailable(f"provisioning has not restored account {data.number} yet")
        facts = TextFacts(account=data.number)
        try:
            await self._texts.send(TextKind.RESTORED, customer.customer_id, customer.phone, event.event_id, facts)
        except TextRefused:
            return  # on record, with the task to ask for another number
        except TextError as error:
            raise ReceiverUnavailable(str(error)) from None
