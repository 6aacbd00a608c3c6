"""Letters: each mail is on record before it leaves, and leaves once; a repeat has the same Message-ID."""

from contextlib import suppress
from datetime import timedelta

from activities import clock
from billing.collection import Collection
from billing.difference import Correction
from billing.errors import MailRefused
from billing.keys import message_id
from billing.links import PaymentLinks, without_key
from billing.month import Month
from billing.ports import Ledger, Letter, LetterKind, Mailer, MessageStatus

_VALID = timedelta(days=180)
"""How long the link in a mail opens the customer's page."""


class Letters:
    """``reviewers`` is the address that alerts go to ("": nobody); ``domain`` the right side of our Message-IDs."""

    def __init__(self, mailer: Mailer, ledger: Ledger, reviewers: str, domain: str, links: PaymentLinks) -> None:
        self._mailer = mailer
        self._ledger = ledger
        self._reviewers = reviewers
        self._domain = domain
        self._links = links

    async def to_customer(
        self,
        kind: LetterKind,
        month: Month,
        number: int,
        collection: Collection | None = None,
        correction: Correction | None = None,
    ) -> None:
        """Tells the customer. Raises ``MailRefused`` if the address takes no mail, ``MailUnavailable``."""
        customer = collection.customer if collection else month.customer
        link = ""
        if month.closed_at is not None:
            link = self._links.to(customer.customer_id, month.period, month.closed_at + _VALID)
        parts: list[object] = [number]
        if kind is LetterKind.NOTICE and month.notice is not None:  # everything that is promised in it
            parts += [month.notice.total_minor, month.notice.charge_at, customer.email, customer.card_last4]
        letter = Letter(
            kind=kind,
            message_id="",
            to=customer.email,
            month=month,
            collection=collection,
            link=link,
            correction=correction,
        )
        await self._deliver(letter, number, "|".join(map(str, parts)))

    async def to_reviewers(
        self, kind: LetterKind, month: Month, number: int, text: str, collection: Collection | None = None
    ) -> None:
        """Tells the reviewers, if there is an address for them. ``number`` and ``text`` say which mail it is.

        An address that takes no mail is on record as such: no step of a customer's waits for that to be mended.
        """
        if not self._reviewers:
            return
        with suppress(MailRefused):
            content = f"{'collection ' if collection else ''}{number}{text if kind is LetterKind.REPORT else ''}"
            letter = Letter(kind=kind, message_id="", to=self._reviewers, month=month, text=text, collection=collection)
            await self._deliver(letter, number, content)

    async def _deliver(self, unnamed: Letter, number: int, content: str) -> None:
        customer_id, period = unnamed.month.customer.customer_id, unnamed.month.period
        name = message_id(unnamed.kind, customer_id, period, content, self._domain)
        letter = unnamed.evolve(message_id=name)
        sent = await self._ledger.messages(customer_id, period)
        if any(row.message_id == name and row.status is MessageStatus.SENT for row in sent):
            return
        composed = self._mailer.compose(letter.evolve(link=without_key(letter.link)))
        await self._ledger.save_message(letter, number, MessageStatus.SENDING, clock.now(), composed)
        try:
            await self._mailer.send(letter)
        except MailRefused:
            await self._ledger.save_message(letter, number, MessageStatus.FAILED, clock.now(), composed)
            raise
        await self._ledger.save_message(letter, number, MessageStatus.SENT, clock.now(), composed)
