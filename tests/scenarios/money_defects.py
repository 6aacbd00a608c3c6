"""Defects of the journal and of whoever books money."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import pytest
from sqlalchemy import Connection

from adapters.sql.customers import erase
from adapters.sql.invoices import months
from adapters.sql.payments import collections
from adapters.sql.payments.payments import SqlPayments
from adapters.sql.receivables import incoming, journal
from adapters.sql.receivables.incoming import SqlIncoming
from billing.invoices import postings
from billing.invoices.month import Month
from billing.payments.payment import Payment, Reversal
from billing.receivables import allocation
from billing.receivables.incoming import IncomingPayment, PaymentRecord
from billing.receivables.journal import Balance, Cause, Transaction, settlement
from billing.receivables.payment_list import PaymentFilter
from billing.receivables.ports import Recorded
from services import checkouts
from services.checkouts import LinkBooks
from tests.bed import Bed

Plant = Callable[[pytest.MonkeyPatch, Bed], None]


def forgets_the_balance(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Balance, "carried_minor", lambda self, currency: 0)


def posts_all_but(cause: Cause) -> Plant:
    def plant(patch: pytest.MonkeyPatch, bed: Bed) -> None:
        post = journal.post

        def without(connection: Connection, posted: Iterable[Transaction]) -> None:
            post(connection, [transaction for transaction in posted if transaction.cause is not cause])

        for module in (journal, incoming, months, collections):
            patch.setattr(module, "post", without)

    plant.__name__ = f"posts_no_{cause}"
    return plant


def takes_links_for_cards(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    incoming_of = Payment.incoming
    patch.setattr(Payment, "incoming", lambda self, at: incoming_of(self, at).evolve(rail="stripe"))


def books_no_link(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    async def forget(ledger: LinkBooks, payment: Payment, now: datetime) -> bool:
        return False

    patch.setattr(checkouts, "take_in", forget)


def loses_a_refund_that_overtakes_its_payment(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    save_reversals = SqlPayments.save_reversals

    async def of_what_is_booked(
        self: SqlPayments, payment: Payment, found: Sequence[Reversal], at: datetime
    ) -> list[Reversal]:
        is_booked = await bed.ledger.incoming_payment(payment.incoming(at).name) is not None
        return await save_reversals(self, payment, found, at) if is_booked else []

    patch.setattr(SqlPayments, "save_reversals", of_what_is_booked)


def merges_equal_payments(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Of one day."""
    record_payment = SqlIncoming.record_payment

    async def merged(self: SqlIncoming, payment: IncomingPayment, at: datetime) -> Recorded:
        rows = (await bed.ledger.incoming_payments(PaymentFilter(rail=payment.rail))).rows
        equal = [row.reference for row in rows if row.amount_minor == payment.amount_minor]
        return await record_payment(self, payment.evolve(reference=[*equal, payment.reference][0]), at)

    patch.setattr(SqlIncoming, "record_payment", merged)


def uses_credit_twice(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Money for a month pays its bill, whether or not its draft has taken it over."""
    prepaid = postings.prepaid

    def again(month: Month, balance: Balance, at: datetime) -> Transaction | None:
        return prepaid(month, balance.evolve(credits={month.currency: -100_000}), at)

    patch.setattr(months, "prepaid", again)


def answers_before_it_has_committed(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """And then dies."""

    async def hasty(self: SqlIncoming, payment: IncomingPayment, at: datetime) -> Recorded:
        record = PaymentRecord(payment=payment, booked_at=at, transactions=(), returned_minor=0)
        return Recorded(record=record, is_new=True)

    patch.setattr(SqlIncoming, "record_payment", hasty)


def reverses_no_voided_notice(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    posts_all_but(Cause.VOID)(patch, bed)


def frees_nothing(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    posts_all_but(Cause.FREED)(patch, bed)


def pays_a_part_of_what_is_not_due(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(allocation, "_payable", lambda item, amount_minor, at: max(0, min(amount_minor, item.amount_minor)))


def forgets_what_a_refund_gives_up(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Balance, "given_up", lambda self, subject, currency: 0)


def settles_half_of_it(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    def half(customer_id: str, balance: Balance, by: str, reason: str, at: datetime) -> Transaction | None:
        credits = {currency: minor // 2 for currency, minor in balance.credits.items()}
        return settlement(customer_id, balance.evolve(credits=credits), by, reason, at)

    patch.setattr(erase, "settlement", half)
