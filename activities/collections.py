"""What a collection does outside: try the card, look the payment up, give it up, write to people, record."""

from contextlib import suppress
from typing import Protocol

from temporalio import activity

from activities.brake import check_brake
from billing.collections.collection import Collection, PaidOnSession, PayOnSession
from billing.collections.ports import CollectionStore
from billing.collections.stages import CollectionStage
from billing.customers.ports import CustomerStore
from billing.errors import MailRefused, NotFound, OutcomeConflict, StaleRun
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.keys import payment_key
from billing.mails.mail import CustomerMailKind
from billing.payments.payment import ChargeResult, PaymentRequest
from billing.reviewers.alerts import of_collection, of_news
from billing.reviewers.ports import BrakeStore
from services import clock
from services.alerts import Alerts
from services.cashier import Cashier
from services.customer_mails import CustomerMails


class _Ledger(BrakeStore, CollectionStore, CustomerStore, MonthStore, Protocol):
    """What is needed of the ledger here."""


class CollectionActivities:
    """Each one records the collection first; ``StaleRun`` says that another run is further."""

    def __init__(self, cashier: Cashier, ledger: _Ledger, letters: CustomerMails, alerts: Alerts) -> None:
        self._alerts = alerts
        self._cashier = cashier
        self._ledger = ledger
        self._letters = letters

    @activity.defn
    async def try_card(self, collection: Collection) -> ChargeResult:
        """Charges what is owed to the customer's card, on the payment of the month; raises as ``Cashier.charge``.

        Raises ``BrakeOn`` if the emergency brake is on, and the payment was looked up and not tried since.
        """
        await self._ledger.record_collection(collection, clock.now())

        async def still_wanted() -> None:
            await self._check_current(collection)
            await check_brake(self._ledger)

        result, _ = await self._cashier.charge(request_for(collection), _tried(collection), still_wanted)
        return result

    @activity.defn
    async def pay_on_session(self, asked: PayOnSession) -> PaidOnSession:
        """The customer, who is there, pays; or is sent to the bank's page. A repeat moves the money once.

        It may run beside a mail or a record of the same collection, which then is newer: that is no reason to refuse.
        """
        collection = asked.collection
        with suppress(StaleRun):
            await self._ledger.record_collection(collection, clock.now())

        async def still_wanted() -> None:
            known = await self._ledger.collection(collection.customer_id, collection.period)
            if known is not None and not (known.payable and _how(known) == _how(collection)):
                raise OutcomeConflict(f"{collection.period} of {collection.customer_id} is not payable so any more")
            await check_brake(self._ledger)

        result, url = await self._cashier.charge(
            request_for(collection), _tried(collection), still_wanted, asked.return_url
        )
        return PaidOnSession(result=result, redirect_url=url or None)

    @activity.defn
    async def look_up_payment(self, collection: Collection) -> ChargeResult:
        """How the payment stands at the processor; moves nothing."""
        await self._ledger.record_collection(collection, clock.now())
        found = await self._cashier.look_up(request_for(collection))
        assert collection.answer is not None
        return found or collection.answer

    @activity.defn
    async def release_payment(self, collection: Collection) -> ChargeResult:
        """Makes sure that the card cannot pay any more; or says that it has paid."""
        await self._ledger.record_collection(collection, clock.now())
        return await self._cashier.release(request_for(collection))

    @activity.defn
    async def remind_customer(self, collection: Collection) -> None:
        """Writes to the customer; an address that takes no mail is on record as such. Raises ``BrakeOn``."""
        await self._ledger.record_collection(collection, clock.now())
        await check_brake(self._ledger)
        month = await self._month(collection)
        try:
            await self._letters.to_customer(
                CustomerMailKind.REMINDER, month, collection.reminders + 1, await self._addressed(collection)
            )
        except MailRefused as error:
            activity.logger.warning("reminder refused: %s", error)

    @activity.defn
    async def alert_about_collection(self, collection: Collection) -> None:
        """Tells the reviewers, with the next digest, what waits for them."""
        now = clock.now()
        await self._ledger.record_collection(collection, now)
        await self._alerts.tell(of_collection(collection, now))

    @activity.defn
    async def close_collection(self, collection: Collection) -> None:
        """Records how it ended; then the receipt, if all is paid, and the news for the reviewers."""
        await self._ledger.record_collection(collection, clock.now())
        if collection.outcome is CollectionStage.RECOVERED:
            month = await self._month(collection)
            try:
                await self._letters.to_customer(CustomerMailKind.RECEIPT, month, 1, await self._addressed(collection))
            except MailRefused as error:
                activity.logger.warning("receipt refused: %s", error)
        await self._alerts.tell(of_news(collection, clock.now()))

    @activity.defn
    async def record_collection(self, collection: Collection) -> Collection | None:
        """Writes it to the ledger; or answers what the ledger has, if that is further."""
        try:
            await self._ledger.record_collection(collection, clock.now())
        except StaleRun:
            return await self._ledger.collection(collection.customer_id, collection.period)
        return None

    async def _check_current(self, collection: Collection) -> None:
        whose = f"{collection.customer_id}, {collection.period}"
        known = await self._ledger.collection(collection.customer_id, collection.period)
        if known is not None and known.outcome is not None:
            raise OutcomeConflict(f"the collection of {whose} is closed already: {known.outcome}")
        if known is not None and known.revision > collection.revision:
            raise StaleRun(f"the ledger knows more of the collection of {whose} than this run")

    async def _addressed(self, collection: Collection) -> Collection:
        """With the customer's name and address of today: months to come learn of a new one, collections do not."""
        known = await self._ledger.customer(collection.customer_id)
        if known is None:
            return collection
        return collection.evolve(customer=collection.customer.evolve(email=known.email, name=known.name))

    async def _month(self, collection: Collection) -> Month:
        month = await self._ledger.month(collection.customer_id, collection.period)
        if month is None:
            raise NotFound(f"the ledger has no {collection.period} of {collection.customer_id}")
        return month


def request_for(collection: Collection) -> PaymentRequest:
    """The month's own request, under its key, so that a month is paid by one payment only."""
    return PaymentRequest(
        key=payment_key(collection.customer_id, collection.period, collection.series),
        customer_id=collection.customer_id,
        method=collection.customer.payment_method,
        period=collection.period,
        amount_minor=collection.amount_minor,
        currency=collection.currency,
    )


def _how(collection: Collection) -> tuple[int, str]:
    """By which series of payments and with which card."""
    return collection.series, collection.customer.payment_method.card_id


def _tried(collection: Collection) -> str:
    """The last try that the collection knows the answer of."""
    return collection.answer.attempt_id if collection.answer else ""
