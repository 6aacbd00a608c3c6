"""Mails: the charge notice, the mail that closes a month, alerts to reviewers. Each is on record before it leaves."""

from temporalio import activity

from activities import clock
from activities.ledger import record
from billing.errors import MailRefused, NoticeOutdated
from billing.keys import message_id
from billing.messages import Delivered
from billing.month import Month, Stage
from billing.ports import Ledger, Letter, LetterKind, Mailer, MessageStatus

_CLOSING = {
    Stage.PAID: LetterKind.RECEIPT,
    Stage.PAST_DUE: LetterKind.DECLINE,
    Stage.AUTHENTICATION_REQUIRED: LetterKind.DECLINE,
    Stage.NEEDS_CARD: LetterKind.DECLINE,
    Stage.NOTHING_DUE: LetterKind.NOTHING_DUE,
}


class NoticeActivities:
    """``reviewers`` is the address that alerts go to ("": nobody); ``domain`` the right side of our Message-IDs."""

    def __init__(self, mailer: Mailer, ledger: Ledger, reviewers: str, domain: str) -> None:
        self._mailer = mailer
        self._ledger = ledger
        self._reviewers = reviewers
        self._domain = domain

    @activity.defn
    async def send_notice(self, month: Month) -> Delivered:
        """Tells the customer what will be charged and when.

        Raises ``MailRefused`` if the address takes no mail, ``NoticeOutdated`` if its charge date is too soon by now.
        A repeat after a lost answer sends the same mail with the same Message-ID again.
        """
        assert month.notice is not None
        await self._ledger.record(month, clock.now())
        if clock.now() + month.customer.terms.min_notice > month.notice.charge_at:
            raise NoticeOutdated("the notice could not be handed over in time for its charge date; another one follows")
        await self._deliver(month, LetterKind.NOTICE, month.notice.number, month.customer.email)
        at = clock.now()
        await self._ledger.record(month.delivered(at), at)
        return Delivered(at=at)

    @activity.defn
    async def close_month(self, month: Month) -> None:
        """Records the outcome, then sends the receipt or decline notice; one that is refused is on record as failed."""
        await record(self._ledger, month)
        kind = _CLOSING.get(month.outcome) if month.outcome else None
        if kind is None or (kind is LetterKind.NOTHING_DUE and not month.customer.terms.nothing_due_email):
            return
        try:
            await self._deliver(month, kind, 1, month.customer.email)
        except MailRefused as error:
            activity.logger.warning("closing mail refused: %s", error)

    @activity.defn
    async def alert_reviewers(self, month: Month) -> None:
        """Tells the reviewers what waits for them in ``month``."""
        await self._ledger.record(month, clock.now())
        if self._reviewers:
            text = month.needs_person(clock.now())
            await self._deliver(month, LetterKind.ALERT, month.alerts + 1, self._reviewers, text)

    async def _deliver(self, month: Month, kind: LetterKind, number: int, to: str, text: str = "") -> None:
        customer_id = month.customer.customer_id
        name = message_id(kind, customer_id, month.period, _content(month, kind, number, to), self._domain)
        letter = Letter(kind=kind, message_id=name, to=to, month=month, text=text)
        sent = await self._ledger.messages(customer_id, month.period)
        if any(row.message_id == name and row.status is MessageStatus.SENT for row in sent):
            return
        await self._ledger.save_message(letter, number, MessageStatus.SENDING, clock.now())
        try:
            await self._mailer.send(letter)
        except MailRefused:
            await self._ledger.save_message(letter, number, MessageStatus.FAILED, clock.now())
            raise
        await self._ledger.save_message(letter, number, MessageStatus.SENT, clock.now())


def _content(month: Month, kind: LetterKind, number: int, to: str) -> str:
    """What makes a mail another one than the last: for a notice, everything that was promised in it."""
    promised = month.notice if kind is LetterKind.NOTICE else None
    parts = [number, promised.total_minor, promised.charge_at, to, month.customer.card_last4] if promised else [number]
    return "|".join(map(str, parts))
