"""External effects of a collection: charge the card, look up or cancel a payment, mails, alerts, records."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from temporalio import activity

from activities.brake import check_brake
from activities.ladder import check_hours
from activities.ledger import record
from billing.collections.collection import Collection, PaidOnSession, PayOnSession
from billing.collections.debt import Debt
from billing.collections.ports import Collections, CollectionStore
from billing.collections.stages import CollectionStage, Counted
from billing.customers.ladder import RungAction
from billing.customers.ports import CustomerStore
from billing.errors import DebtChanged, NotFound, OutcomeConflict, StaleRun
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.keys import payment_key
from billing.payments.payment import ChargeResult, PaymentRequest, PaymentStatus
from billing.payments.ports import PaymentStore
from billing.period import Period
from billing.receivables.journal import Cause, Subject, receivable
from billing.receivables.ports import Journal
from billing.reviewers.alerts import of_collection, of_news
from billing.reviewers.ports import BrakeStore
from billing.tariffs.ports import AgreedItems
from billing.texts.text import Consequence, ConsequenceKind, TextKind
from services import clock
from services.alerts import Alerts
from services.cashier import Cashier
from services.collecting import NO_LADDER, LadderTerms, collect
from services.messages.collection_messages import CollectionMessages


class _Ledger(AgreedItems, BrakeStore, CollectionStore, CustomerStore, Journal, MonthStore, PaymentStore, Protocol):
    """The stores it uses."""


class CollectionActivities:
    """Each activity records the collection first; it raises ``StaleRun`` if another run is ahead.

    Those that have to do with a payment act on ``Collection.acting``.
    """

    def __init__(
        self,
        cashier: Cashier,
        ledger: _Ledger,
        messages: CollectionMessages,
        alerts: Alerts,
        collections: Collections,
        ladder: LadderTerms = NO_LADDER,
    ) -> None:
        self._alerts = alerts
        self._cashier = cashier
        self._collections = collections
        self._ledger = ledger
        self._messages = messages
        self._ladder = ladder

    @activity.defn
    async def begin_collection(self, month: Month) -> None:
        """What ``month``, which has just closed, left unpaid is collected from now on; a repeat changes nothing.

        The close is recorded first: it lets what came early pay its part, and counting needs the bill.
        """
        with suppress(StaleRun):  # the close brings what the ledger has
            await record(self._ledger, month)
        await collect(self._ledger, self._collections, month, self._ladder)

    @activity.defn
    async def try_card(self, collection: Collection) -> ChargeResult:
        """Charges the customer's card, by the payment of the debt's month; raises as ``Cashier.charge``.

        Raises ``BrakeOn`` if the emergency brake is on and the payment was looked up and not tried since, and
        ``DebtChanged`` if less is owed than the collection has counted last.
        """
        await self._ledger.record_collection(collection, clock.now())
        debt = _acting(collection)

        async def still_wanted() -> None:
            await self._check_current(collection, debt)
            await self._check_owed(collection, debt, wholly=True)
            await check_brake(self._ledger)

        result, _ = await self._cashier.charge(request_for(collection, debt), _last_attempt(debt), still_wanted)
        return result

    @activity.defn
    async def pay_on_session(self, request: PayOnSession) -> PaidOnSession:
        """Charges the card of a present customer, or returns the bank's page. A repeat moves the money once.

        A mail or record of the same collection may run concurrently and be newer: that is no conflict.
        """
        collection, debt = request.collection, request.collection.debt(request.period)
        assert debt is not None
        with suppress(StaleRun):
            await self._ledger.record_collection(collection, clock.now())

        async def still_wanted() -> None:
            recorded = await self._ledger.collection(collection.customer_id, debt.period)
            now_owed = recorded and recorded.debt(debt.period)
            is_payable = recorded and now_owed and recorded.payable(now_owed) and _means(now_owed) == _means(debt)
            if recorded is not None and not is_payable:
                raise OutcomeConflict(f"{debt.period} of {collection.customer_id} can no longer be paid this way")
            await self._check_owed(collection, debt, wholly=True)
            await check_brake(self._ledger)

        result, url = await self._cashier.charge(
            request_for(collection, debt), _last_attempt(debt), still_wanted, request.return_url
        )
        return PaidOnSession(result=result, redirect_url=url or None)

    @activity.defn
    async def count_owed(self, collection: Collection) -> Counted:
        """What the ledger says is still owed for each open debt.

        Raises ``NotFound`` if the ledger lacks a bill, or money that was counted before.
        """
        await self._ledger.record_collection(collection, clock.now())
        balance = await self._ledger.balance(collection.customer_id)
        owed_minor, charged = dict[Period, int](), []
        for debt in collection.open_debts:
            owed_minor[debt.period] = max(0, balance.owed_for(Subject.month(debt.period), debt.currency))
            if owed_minor[debt.period] < debt.outstanding_minor:
                await self._check_billed(collection, debt)
                if await self._is_charged(collection, debt):
                    charged.append(debt.period)
            elif min(owed_minor[debt.period], debt.amount_minor) > debt.outstanding_minor or debt.is_uncounted:
                await self._check_charged_back(collection, debt)
        return Counted(at=clock.now(), owed_minor=owed_minor, charged=tuple(charged))

    async def _check_billed(self, collection: Collection, debt: Debt) -> None:
        """In a ledger that was restored from a backup nothing may be owed because it lacks the bill."""
        month = await self._ledger.month(collection.customer_id, debt.period)
        if month is None or month.outcome is None:
            raise NotFound(
                f"the ledger has no bill for {debt.period} of {collection.customer_id}, which is being collected: if "
                "it was restored from a backup, record what has been paid since; then resume"
            )

    async def _check_charged_back(self, collection: Collection, debt: Debt) -> None:
        """A ledger that was restored from a backup may lack money, for which the card must not pay once more."""
        account = receivable(collection.customer_id, Subject.month(debt.period))
        gone_back_minor = sum(
            entry.amount_minor
            for transaction in await self._ledger.transactions(collection.customer_id)
            if transaction.cause is Cause.CHARGEBACK
            for entry in transaction.entries
            if (entry.account, entry.currency) == (account, debt.currency)
        )
        if gone_back_minor <= 0:
            raise NotFound(
                f"more is owed for {debt.period} of {collection.customer_id} than before, but no money has gone back: "
                "if the ledger was restored from a backup, record what has been paid since; then resume"
            )

    async def _is_charged(self, collection: Collection, debt: Debt) -> bool:
        """Whether the ledger has it that the debt's own payment has succeeded."""
        key = payment_key(collection.customer_id, debt.period, debt.series)
        charges = await self._ledger.payments(collection.customer_id, debt.period)
        return any(charge.key == key and charge.status == PaymentStatus.SUCCEEDED for charge in charges)

    @activity.defn
    async def look_up_payment(self, collection: Collection) -> ChargeResult:
        """The payment's status at the processor; moves no money."""
        await self._ledger.record_collection(collection, clock.now())
        debt = _acting(collection)
        result = await self._cashier.look_up(request_for(collection, debt)) or debt.answer
        assert result is not None
        return result

    @activity.defn
    async def release_payment(self, collection: Collection) -> ChargeResult:
        """Cancels the payment, so that the card can no longer pay; or returns its success."""
        await self._ledger.record_collection(collection, clock.now())
        return await self._cashier.release(request_for(collection, _acting(collection)))

    @activity.defn
    async def remind_customer(self, collection: Collection) -> None:
        """Reminds the customer of everything that is owed, or warns of what follows, as the rung under way says.

        Raises ``BrakeOn`` and ``OutsideContactHours``, and ``DebtChanged`` as ``try_card`` does.

        Only one has the number of this one, whatever is settled or joins while it is being sent. A warning says what
        comes next, and when.
        """
        await self._ledger.record_collection(collection, clock.now())
        await check_brake(self._ledger)
        check_hours(collection)
        await self._check_owed(collection, *collection.open_debts)
        kind, consequence = TextKind.REMINDER, None
        if collection.rung.action is RungAction.WARN and (coming := collection.coming_restriction(clock.now())):
            kind = TextKind.WARNING
            consequence = Consequence(action=ConsequenceKind(coming.rung.action), at=coming.at)
        oldest, number = collection.open_debts[0], collection.reminders + 1
        await self._messages.tell(kind, collection, oldest, number, collection.rung.by, consequence)

    @activity.defn
    async def alert_about_collection(self, collection: Collection) -> None:
        """Alerts the reviewers to the collection, with the next digest."""
        now = clock.now()
        await self._ledger.record_collection(collection, now)
        await self._alerts.tell(of_collection(collection, now))

    @activity.defn
    async def close_collection(self, collection: Collection) -> None:
        """Records that debts are settled; then sends a receipt for each that is paid, and an alert to the reviewers."""
        await self._ledger.record_collection(collection, clock.now())
        await self._tell(collection, collection.untold)

    async def _tell(self, collection: Collection, debts: Iterable[Debt]) -> None:
        for debt in debts:
            await self._messages.tell_restored(collection, debt)
            if debt.outcome is CollectionStage.RECOVERED:
                await self._messages.tell(TextKind.RECEIPT, collection, debt, 1)
            await self._alerts.tell(of_news(collection, debt, clock.now()))

    @activity.defn
    async def record_collection(self, collection: Collection) -> Collection | None:
        """Records the collection; returns the ledger's if that is ahead."""
        try:
            await self._ledger.record_collection(collection, clock.now())
        except StaleRun:
            return await self._ledger.collection(collection.customer_id, collection.period)
        return None

    async def _check_current(self, collection: Collection, debt: Debt) -> None:
        recorded = await self._ledger.collection(collection.customer_id, debt.period)
        now_owed = recorded and recorded.debt(debt.period)
        name = f"the collection of {collection.customer_id}, {debt.period}"
        if now_owed is not None and now_owed.outcome is not None:
            raise OutcomeConflict(f"{name} is closed already: {now_owed.outcome}")
        if recorded is not None and recorded.revision > collection.revision:
            raise StaleRun(f"{name} has a newer revision in the ledger than in this run")

    async def _check_owed(self, collection: Collection, *debts: Debt, wholly: bool = False) -> None:
        """The customer is reminded of what is owed, and the card is charged a debt ``wholly`` or not at all."""
        balance = await self._ledger.balance(collection.customer_id)
        for debt in debts:
            least_minor = debt.amount_minor if wholly else debt.outstanding_minor
            if balance.owed_for(Subject.month(debt.period), debt.currency) < least_minor:
                raise DebtChanged(f"{debt.period} of {collection.customer_id}: less is owed than was counted last")


def request_for(collection: Collection, debt: Debt) -> PaymentRequest:
    """The request of the debt's month, under the month's key, so that one payment pays it."""
    assert debt.method, "what was billed is not charged to a card"
    return PaymentRequest(
        key=payment_key(collection.customer_id, debt.period, debt.series),
        customer_id=collection.customer_id,
        method=debt.method,
        period=debt.period,
        amount_minor=debt.amount_minor,
        currency=debt.currency,
    )


def _acting(collection: Collection) -> Debt:
    debt = collection.acting
    assert debt is not None
    return debt


def _means(debt: Debt) -> tuple[int, str | None]:
    """The series of payments and the card."""
    return debt.series, debt.method.card_id if debt.method else None


def _last_attempt(debt: Debt) -> str:
    """The last attempt with a known answer; "": none."""
    return debt.answer.attempt_id if debt.answer else ""
