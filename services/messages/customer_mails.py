"""Mails to customers: recorded before they are sent, and sent once; a repeat has the same Message-ID."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity

from billing.collections.collection import Collection
from billing.customers.links import PaymentLinks, without_key
from billing.errors import MailRefused, MailUnavailable
from billing.invoices.month import Month
from billing.invoices.versions import Correction
from billing.keys import message_id, step_message_id
from billing.mails.again import Asked
from billing.mails.mail import (
    OF_COLLECTION,
    CustomerMail,
    CustomerMailKind,
    Mailer,
    MessageStatus,
    MessageStore,
    StepMail,
)
from billing.payments.ports import StillWanted
from billing.period import Period
from billing.texts.text import Consequence, TextFacts, TextKind
from services import clock
from services.effects import log_effect
from services.messages.ways_to_pay import PaymentWays
from wording.step_mails import PAY
from wording.texts import TextWording

_OF_BILLS = (CustomerMailKind.NOTICE, CustomerMailKind.DECLINE, CustomerMailKind.REMINDER)
_VALID = timedelta(days=180)
"""How long the link in a mail opens the customer's page."""
_SENDING = timedelta(minutes=1)
"""How long a process may take to send a mail before another one sends it."""
_ENGLISH = TextWording()

_log = logging.getLogger(__name__)


class CustomerMails:
    """``domain`` is the right side of our Message-IDs; ``wording`` is of mails that say what a text says."""

    def __init__(
        self,
        mailer: Mailer,
        ledger: MessageStore,
        domain: str,
        links: PaymentLinks,
        ways: PaymentWays,
        wording: TextWording = _ENGLISH,
    ) -> None:
        self._mailer = mailer
        self._ledger = ledger
        self._domain = domain
        self._links = links
        self._ways = ways
        self._wording = wording

    async def to_customer(
        self,
        kind: CustomerMailKind,
        month: Month,
        number: int,
        collection: Collection | None = None,
        correction: Correction | None = None,
        consequence: Consequence | None = None,
    ) -> None:
        """Mails the customer. Raises ``MailRefused`` if the address takes no mail, ``MailUnavailable``.

        What is about several months goes by its number in the ``collection``: which month is oldest may change.
        """
        mail, about = await self._about(kind, month, collection, correction, consequence)
        parts: list[object] = [number]
        if kind is CustomerMailKind.NOTICE and month.notice is not None:  # everything that the notice promises
            customer = month.customer
            parts += [month.notice.total_minor, month.promised_at, customer.email, customer.last4]
        await self._deliver(mail, about, number, "|".join(map(str, parts)))

    async def again(
        self,
        asked: Asked,
        month: Month,
        number: int,
        collection: Collection | None = None,
        correction: Correction | None = None,
    ) -> None:
        """Mails once more what a person asks for, once for each command id; raises as ``to_customer``."""
        mail, about = await self._about(asked.kind, month, collection, correction)
        named = mail.evolve(asked_by=asked.by, asked_why=asked.why)
        await self._deliver(named, about, number, _again(asked), clock.now() - _SENDING)

    def name_again(self, asked: Asked, about: Period) -> str:
        """The Message-ID of the mail that is asked for."""
        return message_id(asked.kind, asked.customer_id, about, _again(asked), self._domain)

    async def _about(
        self,
        kind: CustomerMailKind,
        month: Month,
        collection: Collection | None,
        correction: Correction | None,
        consequence: Consequence | None = None,
    ) -> tuple[CustomerMail, Period]:
        """The mail, without its Message-ID, and the month or collection that it is about."""
        customer, closed = collection.customer if collection else month.customer, month.closed
        is_bill = kind is CustomerMailKind.NOTICE and not customer.card
        known_at = closed.at if closed else month.notice.charge_at if month.notice and is_bill else None
        link = self._links.to(customer.customer_id, month.period, known_at + _VALID) if known_at else ""
        details: dict[str, object] = {"collection": collection, "correction": correction, "consequence": consequence}
        if kind in _OF_BILLS:
            details["ways"] = await self._ways.of(customer)
        mail = _mail(kind, customer.mailbox, month, link=link, **details)
        about = collection.period if collection and kind in OF_COLLECTION else month.period
        return mail, about

    async def welcome(self, month: Month, link: str, registration_id: str, agreed: str = "") -> None:
        """Welcomes a new customer, once for each registration; raises as ``to_customer``."""
        mail = _mail(CustomerMailKind.WELCOME, month.customer.mailbox, month, link=link, agreed=agreed)
        await self._deliver(mail, month.period, 1, registration_id)

    async def invitation(self, month: Month, link: str, agreed: str) -> None:
        """Invites a customer of a file to register a card, at most once a month; raises as ``to_customer``."""
        mail = _mail(CustomerMailKind.INVITATION, month.customer.mailbox, month, link=link, agreed=agreed)
        await self._deliver(mail, month.period, 1, mail.to, clock.now() - _SENDING)

    async def card_link(self, kind: CustomerMailKind, month: Month, link: str) -> None:
        """Mails a customer, at most once a day, that their address was registered again; raises as ``to_customer``.

        One of several processes sends it; if that one dies, a repeat sends it a minute later.
        """
        now = clock.now()
        mail = _mail(kind, month.customer.mailbox, month, link=link)
        await self._deliver(mail, month.period, 1, f"{now:%Y-%m-%d}", now - _SENDING)

    async def _deliver(
        self, unnamed: CustomerMail, about: Period, number: int, content: str, idle_since: datetime | None = None
    ) -> None:
        """Does nothing if the mail was sent; with ``idle_since``, nor if a process has begun to send it since then."""
        customer_id, period = unnamed.month.customer.customer_id, unnamed.month.period
        name = message_id(unnamed.kind, customer_id, about, content, self._domain)
        mail = unnamed.evolve(message_id=name)
        composed = self._mailer.compose(mail)
        kept = composed._replace(text=composed.text.replace(mail.link, without_key(mail.link)))

        async def save(status: MessageStatus, at: datetime) -> bool:
            return await self._ledger.save_message(
                mail, number, status, at, kept, idle_since if status is MessageStatus.SENDING else None
            )

        about_it = f"the {mail.kind} of {customer_id}, {period}"
        if await self._once(name, about_it, save, lambda wanted: self._mailer.send(mail, composed, wanted)):
            log_effect(activity.logger, "mailed", customer_id, period, f"{mail.kind} {number}")

    async def of_step(self, kind: TextKind, customer_id: str, to: str, position: int, facts: TextFacts) -> None:
        """Mails what a step's text says, once for the step of the order in ``facts``; raises as ``to_customer``."""
        subject, text = self._wording.mail(kind, facts)
        mail = StepMail(
            kind=kind,
            message_id=step_message_id(facts.number, position, self._domain),
            to=to,
            customer_id=customer_id,
            number=facts.number,
            language=self._wording.language,
            subject=subject,
            text=text,
            link=facts.link,
            action=PAY[self._wording.language],
        )

        async def save(status: MessageStatus, at: datetime) -> bool:
            return await self._ledger.save_step_message(mail, status, at)

        about = f"the {kind} of order {mail.number}"
        if await self._once(mail.message_id, about, save, lambda wanted: self._mailer.send_step(mail, wanted)):
            log_effect(_log, "mailed", customer_id, f"order {facts.number}", kind)

    async def _once(
        self,
        name: str,
        about: str,
        save: Callable[[MessageStatus, datetime], Awaitable[bool]],
        send: Callable[[StillWanted], Awaitable[None]],
    ) -> bool:
        """Records a mail and sends it; False if that was done before, or is being done."""
        began = clock.now()
        if not await save(MessageStatus.SENDING, began):
            return False

        async def still_wanted() -> None:
            if await self._ledger.sending_since(name) != began:
                raise MailUnavailable(f"another worker is sending {about}: this one was suspended; it is tried again")

        try:
            await send(still_wanted)
        except MailRefused:
            await save(MessageStatus.FAILED, clock.now())
            raise
        await save(MessageStatus.SENT, clock.now())
        return True


def _again(asked: Asked) -> str:
    return f"again|{asked.command_id}"


def _mail(kind: CustomerMailKind, to: str, month: Month, **fields: Any) -> CustomerMail:
    """A mail without its Message-ID, which depends on its content."""
    return CustomerMail(kind=kind, message_id="", to=to, month=month, **fields)
