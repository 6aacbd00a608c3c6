"""External effects of a collection: charge the card, look up or cancel the payment, mails, alerts, records."""

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
    """The stores it uses."""


class CollectionActivities:
    """Each activity records the collection first; it raises ``StaleRun`` if another run is ahead."""

    def __init__(self, cashier: Cashier, ledger: _Ledger, mails: CustomerMails, alerts: Alerts) -> None:
        self._alerts = alerts
        self._cashier = cashier
        self._ledger = ledger
        self._mails = mails

    @activity.defn
    async def try_card(self, collection: Collection) -> ChargeResult:
        """Charges the customer's card, by the payment of the month; raises as ``Cashier.charge``.

        Raises ``BrakeOn`` if the emergency brake is on and the payment was looked up and not tried since.
        """
        await self._ledger.record_collection(collection, clock.now())

        async def still_wanted() -> None:
            await self._check_current(collection)
            await check_brake(self._ledger)

        result, _ = await self._cashier.charge(request_for(collection), _last_attempt(collection), still_wanted)
        return result

    @activity.defn
    async def pay_on_session(self, request: PayOnSession) -> PaidOnSession:
        """Charges the card of a present customer, or returns the bank's page. A repeat moves the money once.

        A mail or record of the same collection may run concurrently and be newer: that is no conflict.
        """
        collection = request.collection
        with suppress(StaleRun):
            await self._ledger.record_collection(collection, clock.now())

        async def still_wanted() -> None:
            recorded = await self._ledger.collection(collection.customer_id, collection.period)
            if recorded is not None and not (recorded.payable and _means(recorded) == _means(collection)):
                raise OutcomeConflict(f"{collection.period} of {collection.customer_id} can no longer be paid this way")
            await check_brake(self._ledger)

        result, url = await self._cashier.charge(
            request_for(collection), _last_attempt(collection), still_wanted, request.return_url
        )
        return PaidOnSession(result=result, redirect_url=url or None)

    @activity.defn
    async def look_up_payment(self, collection: Collection) -> ChargeResult:
        """The payment's status at the processor; moves no money."""
        await self._ledger.record_collection(collection, clock.now())
        result = await self._cashier.look_up(request_for(collection)) or collection.answer
        assert result is not None
        return result

    @activity.defn
    async def release_payment(self, collection: Collection) -> ChargeResult:
        """Cancels the payment, so that the card can no longer pay; or returns its success."""
        await self._ledger.record_collection(collection, clock.now())
        return await self._cashier.release(request_for(collection))

    @activity.defn
    async def remind_customer(self, collection: Collection) -> None:
        """Mails the customer; records an address that takes no mail. Raises ``BrakeOn``."""
        await self._ledger.record_collection(collection, clock.now())
        await check_brake(self._ledger)
        month = await self._month(collection)
        try:
            addressed, number = await self._addressed(collection), collection.reminders + 1
            await self._mails.to_customer(CustomerMailKind.REMINDER, month, number, addressed)
        except MailRefused as error:
            activity.logger.warning("reminder refused: %s", error)

    @activity.defn
    async def alert_about_collection(self, collection: Collection) -> None:
        """Alerts the reviewers to the collection, with the next digest."""
        now = clock.now()
        await self._ledger.record_collection(collection, now)
        await self._alerts.tell(of_collection(collection, now))

    @activity.defn
    async def close_collection(self, collection: Collection) -> None:
        """Records the outcome; then sends the receipt, if all is paid, and an alert to the reviewers."""
        await self._ledger.record_collection(collection, clock.now())
        if collection.outcome is CollectionStage.RECOVERED:
            month = await self._month(collection)
            try:
                await self._mails.to_customer(CustomerMailKind.RECEIPT, month, 1, await self._addressed(collection))
            except MailRefused as error:
                activity.logger.warning("receipt refused: %s", error)
        await self._alerts.tell(of_news(collection, clock.now()))

    @activity.defn
    async def record_collection(self, collection: Collection) -> Collection | None:
        """Records the collection; returns the ledger's if that is ahead."""
        try:
            await self._ledger.record_collection(collection, clock.now())
        except StaleRun:
            return await self._ledger.collection(collection.customer_id, collection.period)
        return None

    async def _check_current(self, collection: Collection) -> None:
        name = f"the collection of {collection.customer_id}, {collection.period}"
        recorded = await self._ledger.collection(collection.customer_id, collection.period)
        if recorded is not None and recorded.outcome is not None:
            raise OutcomeConflict(f"{name} is closed already: {recorded.outcome}")
        if recorded is not None and recorded.revision > collection.revision:
            raise StaleRun(f"{name} has a newer revision in the ledger than in this run")

    async def _addressed(self, collection: Collection) -> Collection:
        """With the customer's present name and address: a change updates months to come, but no collections."""
        customer = await self._ledger.customer(collection.customer_id)
        if customer is None:
            return collection
        return collection.evolve(customer=collection.customer.evolve(email=customer.email, name=customer.name))

    async def _month(self, collection: Collection) -> Month:
        month = await self._ledger.month(collection.customer_id, collection.period)
        if month is None:
            raise NotFound(f"the ledger has no {collection.period} of {collection.customer_id}")
        return month


def request_for(collection: Collection) -> PaymentRequest:
    """The request of the month, under the month's key, so that one payment pays it."""
    return PaymentRequest(
        key=payment_key(collection.customer_id, collection.period, collection.series),
        customer_id=collection.customer_id,
        method=collection.customer.payment_method,
        period=collection.period,
        amount_minor=collection.amount_minor,
        currency=collection.currency,
    )


def _means(collection: Collection) -> tuple[int, str]:
    """The series of payments and the card."""
    return collection.series, collection.customer.payment_method.card_id


def _last_attempt(collection: Collection) -> str:
    """The last attempt with a known answer; "": none."""
    return collection.answer.attempt_id if collection.answer else ""
