"""Letters to customers: each mail is on record before it leaves, and leaves once; a repeat has the same Message-ID."""

from datetime import datetime, timedelta

from temporalio import activity

from billing.collections.collection import Collection
from billing.customers.links import PaymentLinks, without_key
from billing.errors import MailRefused, MailUnavailable
from billing.invoices.month import Month
from billing.invoices.versions import Correction
from billing.keys import message_id
from billing.mails.mail import CustomerMail, CustomerMailKind, Mailer, MessageStatus, MessageStore
from services import clock

_VALID = timedelta(days=180)
"""How long the link in a mail opens the customer's page."""
_TURN = timedelta(minutes=1)
"""Who has begun to hand a mail over has this long to do so."""


class CustomerMails:
    """``domain`` is the right side of our Message-IDs."""

    def __init__(self, mailer: Mailer, ledger: MessageStore, domain: str, links: PaymentLinks) -> None:
        self._mailer = mailer
        self._ledger = ledger
        self._domain = domain
        self._links = links

    async def to_customer(
        self,
        kind: CustomerMailKind,
        month: Month,
        number: int,
        collection: Collection | None = None,
        correction: Correction | None = None,
    ) -> None:
        """Tells the customer. Raises ``MailRefused`` if the address takes no mail, ``MailUnavailable``."""
        customer = collection.customer if collection else month.customer
        link = ""
        if month.closed:
            link = self._links.to(customer.customer_id, month.period, month.closed.at + _VALID)
        parts: list[object] = [number]
        if kind is CustomerMailKind.NOTICE and month.notice is not None:  # everything that is promised in it
            parts += [month.notice.total_minor, month.notice.charge_at, customer.email, customer.payment_method.last4]
        letter = CustomerMail(
            kind=kind,
            message_id="",
            to=customer.email,
            month=month,
            collection=collection,
            link=link,
            correction=correction,
        )
        await self._deliver(letter, number, "|".join(map(str, parts)))

    async def welcome(self, month: Month, link: str, registration_id: str, agreed: str = "") -> None:
        """Tells a customer that they are one since this registration; raises as ``to_customer`` does."""
        kind, to = CustomerMailKind.WELCOME, month.customer.email
        letter = CustomerMail(kind=kind, message_id="", to=to, month=month, link=link, agreed=agreed)
        await self._deliver(letter, 1, registration_id)

    async def card_link(self, kind: CustomerMailKind, month: Month, link: str) -> None:
        """Tells a customer that somebody has registered with their address, once a day; raises as ``to_customer`` does.

        Of several processes at once, one sends it; if that one dies, a repeat does so a minute later.
        """
        now = clock.now()
        letter = CustomerMail(kind=kind, message_id="", to=month.customer.email, month=month, link=link)
        await self._deliver(letter, 1, f"{now:%Y-%m-%d}", now - _TURN)

    async def _deliver(
        self, unnamed: CustomerMail, number: int, content: str, idle_since: datetime | None = None
    ) -> None:
        """With ``idle_since``, nothing is done if somebody has begun to hand it over since then."""
        customer_id, period = unnamed.month.customer.customer_id, unnamed.month.period
        name = message_id(unnamed.kind, customer_id, period, content, self._domain)
        letter = unnamed.evolve(message_id=name)
        composed = self._mailer.compose(letter.evolve(link=without_key(letter.link)))
        began = clock.now()
        if not await self._ledger.save_message(letter, number, MessageStatus.SENDING, began, composed, idle_since):
            return  # it was sent before, or is just being sent

        async def still_wanted() -> None:
            rows = await self._ledger.messages(customer_id, period)
            if (MessageStatus.SENDING, began) not in [(row.status, row.at) for row in rows if row.message_id == name]:
                raise MailUnavailable(
                    f"another worker has the {letter.kind} of {customer_id}, {period}, in hand: this one was away for "
                    "long; it is looked at again"
                )

        try:
            await self._mailer.send(letter, still_wanted)
        except MailRefused:
            await self._ledger.save_message(letter, number, MessageStatus.FAILED, clock.now(), composed)
            raise
        await self._ledger.save_message(letter, number, MessageStatus.SENT, clock.now(), composed)
        activity.logger.info("mailed: %s, %s, %s %d", customer_id, period, letter.kind, number)
