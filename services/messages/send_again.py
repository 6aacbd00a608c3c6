"""Sends a mail on record once more, because a person asks for it.

    await SendAgain(mails, ledger).send(Asked("acme", period, CustomerMailKind.RECEIPT, "ann", "lost", command_id))

It is composed anew, as it is true now, and goes to the customer's present address. It is on record and in the audit
trail, with who asked for it and why.
"""

from typing import Protocol

from billing.collections.ports import CollectionStore
from billing.customers.ports import CustomerStore
from billing.errors import InvalidInput, NotFound
from billing.invoices.month import Month
from billing.invoices.ports import MonthHistory, MonthStore
from billing.invoices.versions import Correction
from billing.mails.again import Asked, refuses_again, sent_lately
from billing.mails.corrections import correction
from billing.mails.mail import OF_COLLECTION, CustomerMailKind, MessageRow, MessageStore
from billing.reviewers.ports import BrakeStore
from services import clock
from services.messages.collection_messages import addressed, due
from services.messages.customer_mails import CustomerMails


class _Ledger(BrakeStore, CollectionStore, CustomerStore, MessageStore, MonthHistory, MonthStore, Protocol):
    """The stores it uses."""


class SendAgain:
    def __init__(self, mails: CustomerMails, ledger: _Ledger) -> None:
        self._mails = mails
        self._ledger = ledger

    async def send(self, asked: Asked) -> None:
        """Sends it, once for each command id.

        Raises ``NotFound`` without such a month, ``InvalidInput`` if the mail would not be true now, if somebody had it
        sent a moment ago, or while the emergency brake is on; ``MailRefused``, and ``MailUnavailable``: repeat it then.
        """
        month = await self._ledger.month(asked.customer_id, asked.period)
        if month is None:
            raise NotFound(f"the ledger has no {asked.period} of {asked.customer_id}")
        collection = await self._ledger.collection(asked.customer_id, asked.period)
        messages = await self._ledger.messages(asked.customer_id, asked.period)
        debt = collection.debt(asked.period) if collection else None
        if refusal := refuses_again(asked.kind, month, debt, messages):
            raise InvalidInput(refusal)
        await self._check_brake(asked.kind)
        if collection is not None and debt is not None:
            collection = due(await addressed(self._ledger, collection), clock.now())
        about = collection if debt is not None and asked.kind is not CustomerMailKind.NOTICE else None
        name = self._mails.name_again(asked, about.period if about and asked.kind in OF_COLLECTION else asked.period)
        if lately := sent_lately(asked.kind, messages, clock.now(), name):
            raise InvalidInput(f"{lately.asked_by} had it sent at {lately.at:%H:%M} UTC; wait five minutes")
        corrected = await self._correction(month, messages) if asked.kind is CustomerMailKind.NOTICE else None
        await self._mails.again(asked, await self._present(month), _number(asked.kind, messages), about, corrected)

    async def _check_brake(self, kind: CustomerMailKind) -> None:
        """A receipt tells of money that has moved; anything else may be what the brake was pulled for."""
        brake = await self._ledger.brake()
        if brake is not None and brake.on and kind is not CustomerMailKind.RECEIPT:
            raise InvalidInput(f"the emergency brake is on ({brake.reason}); it can be sent once that is released")

    async def _present(self, month: Month) -> Month:
        """With the customer's present address: a closed month has that of its day."""
        customer = await self._ledger.customer(month.customer_id)
        if customer is None or month.outcome is None:
            return month
        return month.evolve(customer=month.customer.evolve(email=customer.email or month.customer.email))

    async def _correction(self, month: Month, messages: list[MessageRow]) -> Correction | None:
        """What the notice corrected when it was sent first."""
        if month.invoice is None or month.notice is None:
            return None
        before = [row for row in messages if row.number < month.notice.number]
        versions = await self._ledger.versions(month.customer_id, month.period)
        return correction(month.invoice, before, versions, to=month.customer.email or "")


def _number(kind: CustomerMailKind, messages: list[MessageRow]) -> int:
    return max(row.number for row in messages if row.kind is kind)
