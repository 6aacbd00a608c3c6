"""What customers are told, by the channels that were agreed: a mail, a text, or both.

    await messages.tell(TextKind.WARNING, month, 2, [Channel.SMS], collection=collection, consequence=consequence)

Every message is recorded before it is sent, and sent once for its kind, month or collection, and number; of a step of
a service order, once for the step.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from billing.collections.collection import Collection
from billing.customers.account_numbers import ServiceAccount
from billing.customers.channels import Channel
from billing.customers.customer import Customer
from billing.customers.links import PaymentLinks
from billing.errors import BillingError, MailRefused, TextRefused
from billing.invoices.month import Month
from billing.invoices.versions import Correction
from billing.mails.mail import CustomerMailKind
from billing.texts.text import Consequence, TextFacts, TextKind
from services.messages.customer_mails import CustomerMails
from services.messages.customer_texts import CustomerTexts, about_step
from wording.texts import OF_OWN_PAGE

REFUSED = (MailRefused, TextRefused)
"""What ``tell`` raises if the customer cannot be told: the address or number takes nothing."""
_MAILS = {
    TextKind.BILL: CustomerMailKind.NOTICE,
    TextKind.REMINDER: CustomerMailKind.REMINDER,
    TextKind.WARNING: CustomerMailKind.WARNING,
    TextKind.SUSPENDED: CustomerMailKind.SUSPENDED,
    TextKind.RESTORED: CustomerMailKind.RESTORED,
    TextKind.RECEIPT: CustomerMailKind.RECEIPT,
}
_NO_LINKS = PaymentLinks("", "")
_OWING = (TextKind.REMINDER, TextKind.WARNING, TextKind.SUSPENDED)


class Numbers(Protocol):
    async def numbers_of(self, customer_id: str) -> list[ServiceAccount]: ...


class StepMessage(NamedTuple):
    """What is told of a step of the service order in ``facts``: to which addresses, and ``by`` which their bills go.

    ``position`` is the step's; ``texts_wait`` is why no text goes now (None: one may).
    """

    kind: TextKind
    customer_id: str
    position: int
    facts: TextFacts
    phone: str | None
    email: str | None
    by: Sequence[Channel]
    texts_wait: BillingError | None = None


class CustomerMessages:
    """``texts`` None: none can be sent. ``receipts``: payments are thanked for by text, too.

    ``links`` make the address of a customer's own page, which is in the texts of what is owed.
    """

    def __init__(
        self,
        mails: CustomerMails,
        texts: CustomerTexts | None,
        numbers: Numbers,
        receipts: bool = False,
        links: PaymentLinks = _NO_LINKS,
    ) -> None:
        self._mails = mails
        self._texts = texts
        self._numbers = numbers
        self._receipts = receipts
        self._links = links

    async def tell(
        self,
        kind: TextKind,
        month: Month,
        number: int,
        by: Sequence[Channel],
        collection: Collection | None = None,
        correction: Correction | None = None,
        consequence: Consequence | None = None,
    ) -> tuple[Channel, ...]:
        """Tells the customer by each of these channels for which there is an address; else by any there is.

        Returns by which the customer is told: by none if a receipt is not wanted by text. Raises one of ``REFUSED`` if
        none has taken it; any other error is an outage: repeat the call, and only what is missing is sent. A reminder,
        a warning and what follows are about everything in ``collection``, and ``number`` counts them there; a bill and
        a receipt are about ``month``. ``consequence`` is what a warning warns of.
        """
        customer = collection.customer if collection else month.customer

        async def send(channel: Channel) -> None:
            if channel is Channel.MAIL:
                await self._mails.to_customer(_MAILS[kind], month, number, collection, correction, consequence)
            else:
                await self._text(kind, month, number, customer, collection, consequence)

        told = await _told(self._usable(kind, customer), by, send)
        if not told and kind is not TextKind.RECEIPT:
            raise TextRefused(f"{customer.customer_id} has no address by which a {kind} could go; add one, then resume")
        return told

    async def tell_step(self, message: StepMessage) -> tuple[Channel, ...]:
        """As ``tell``, of a step of a service order; a text waits until it may go, and a mail does not.

        Raises ``TextRefused`` also if there is no way to tell them.
        """
        kind, customer_id, facts = message.kind, message.customer_id, message.facts
        is_texted = self._texts is not None and message.phone
        usable = [*([Channel.SMS] if is_texted else []), *([Channel.MAIL] if message.email else [])]

        async def send(channel: Channel) -> None:
            if channel is Channel.MAIL:
                assert message.email is not None
                await self._mails.of_step(kind, customer_id, message.email, message.position, facts)
                return
            if message.texts_wait is not None:
                raise message.texts_wait
            assert self._texts is not None
            assert message.phone is not None
            about = about_step(facts.number, message.position)
            await self._texts.send(kind, customer_id, message.phone, about, facts)

        told = await _told(usable, message.by, send)
        if not told:
            raise TextRefused("there is no way to text or mail them")
        return told

    async def drop_step(self, message: StepMessage) -> None:
        """It is not true any more: a text of it that was begun is not sent. Raises errors of texts: repeat it."""
        if self._texts is not None and message.phone is not None:
            about = about_step(message.facts.number, message.position)
            await self._texts.drop(message.kind, message.customer_id, message.phone, about)

    def _usable(self, kind: TextKind, customer: Customer) -> list[Channel]:
        is_texted = self._texts is not None and customer.phone and (kind is not TextKind.RECEIPT or self._receipts)
        is_mailed = customer.email and kind in _MAILS
        return [*([Channel.SMS] if is_texted else []), *([Channel.MAIL] if is_mailed else [])]

    async def _text(
        self,
        kind: TextKind,
        month: Month,
        number: int,
        customer: Customer,
        collection: Collection | None,
        consequence: Consequence | None,
    ) -> None:
        assert self._texts is not None
        assert customer.phone is not None
        account = await self._account(customer.customer_id)
        link = self._links.to_own_page(customer.customer_id, account) if kind in OF_OWN_PAGE else ""
        named = {"account": account or customer.customer_id, "link": link}
        facts = _facts(kind, month, collection, consequence).evolve(**named)
        is_about_all = collection is not None and kind is not TextKind.RECEIPT
        period = collection.period if collection and is_about_all else month.period
        about = str(number)
        if kind is TextKind.BILL and month.notice is not None:
            about = f"{number}|{month.notice.total_minor}|{month.promised_at}"
        await self._texts.send(kind, customer.customer_id, customer.phone, about, facts, period)

    async def _account(self, customer_id: str) -> str | None:
        """The first open account number: by it a payer names the customer, or else by our own id."""
        accounts = [account for account in await self._numbers.numbers_of(customer_id) if account.closed_at is None]
        return accounts[0].number if accounts else None


async def _told(
    usable: Sequence[Channel], by: Sequence[Channel], send: Callable[[Channel], Awaitable[None]]
) -> tuple[Channel, ...]:
    """By which usable channels somebody was told: all that were agreed; if those refuse, one of the others.

    Raises what is no refusal, and a refusal if nothing else is left.
    """
    others = [channel for channel in usable if channel not in by]
    told, errors = list[Channel](), list[BillingError]()
    for channel in (*(channel for channel in usable if channel in by), *others):
        if channel in others and (told or any(not isinstance(error, REFUSED) for error in errors)):
            break  # what was agreed has worked, or will
        try:
            await send(channel)
            told.append(channel)
        except BillingError as error:
            errors.append(error)
    if outages := [error for error in errors if not isinstance(error, REFUSED)]:
        raise outages[0]
    if not told and errors:
        raise errors[0]
    return tuple(told)


def _facts(kind: TextKind, month: Month, collection: Collection | None, consequence: Consequence | None) -> TextFacts:
    """What is said, but for account and link."""
    zone, currency = month.customer.timezone, month.customer.currency
    if kind in _OWING and collection is not None:
        debts = [debt for debt in collection.open_debts if debt.currency == collection.customer.currency]
        amount_minor, currency = sum(debt.outstanding_minor for debt in debts), collection.customer.currency
        day = _day(consequence.at, zone) if consequence else None
        action = consequence.action if consequence else None
        return TextFacts(account="", amount_minor=amount_minor, currency=currency, day=day, action=action)
    total_minor = month.invoice.total_minor if month.invoice else 0
    if kind is TextKind.BILL and month.notice is not None:
        due = _day(month.notice.charge_at, zone)
        return TextFacts(account="", amount_minor=month.notice.total_minor, currency=currency, day=due)
    return TextFacts(account="", amount_minor=total_minor, currency=currency)


def _day(at: datetime, timezone: str) -> date:
    return at.astimezone(ZoneInfo(timezone)).date()
