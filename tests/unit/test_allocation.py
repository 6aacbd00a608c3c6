"""What money pays and what it undoes, in any order: bills, payments for one month, refunds, disputes won and lost."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.period import Period
from billing.receivables.allocation import assigned, booked, reversed_
from billing.receivables.incoming import IncomingPayment, PaymentKind, PaymentRecord
from billing.receivables.journal import (
    AccountKind,
    Balance,
    Cause,
    Outstanding,
    Subject,
    Transaction,
    billed,
    moved,
    receivable,
)

AT = datetime(2026, 11, 3, tzinfo=UTC)
NOVEMBER, DECEMBER = (Subject.month(Period(f"2026-{number}")) for number in (11, 12))
REFUND, CHARGEBACK = PaymentKind.REFUND, PaymentKind.CHARGEBACK


class Books:
    """The journal of one customer, in memory."""

    def __init__(self) -> None:
        self.transactions: list[Transaction] = []
        self.records: dict[str, PaymentRecord] = {}
        self._numbers = count(1)

    def bill(self, amount_minor: int, subject: Subject = NOVEMBER) -> None:
        entries = moved(amount_minor, "eur", receivable("acme", subject), billed("acme", subject))
        entries = (entries[0].evolve(due_at=AT - timedelta(days=1)), entries[1])
        key = f"bill {next(self._numbers)}"
        self.transactions.append(Transaction(key=key, cause=Cause.NOTICE, at=AT, customer_id="acme", entries=entries))

    def pay(self, reference: str, amount_minor: int, subject: Subject | None = NOVEMBER) -> None:
        payment = incoming(reference, amount_minor).evolve(subject=subject)
        self.records[reference] = PaymentRecord(payment=payment, booked_at=AT, transactions=(), returned_minor=0)
        self._post(reference, booked(payment, self.balance, AT))

    def reverse(self, original: str, amount_minor: int, kind: PaymentKind) -> None:
        """Below 0, money goes back; above, it comes back after that."""
        record = self.records[original]
        payment = record.payment.evolve(
            reference=f"{original} {next(self._numbers)}",
            kind=kind,
            amount_minor=amount_minor,
            original=record.payment.name,
        )
        self._post(original, reversed_(payment, record, {"acme": self.balance}, AT))

    def _post(self, reference: str, transaction: Transaction) -> None:
        record = self.records[reference]
        self.records[reference] = record.evolve(transactions=(*record.transactions, transaction))
        self.transactions.append(transaction)

    @property
    def sums(self) -> dict[AccountKind, int]:
        sums: Counter[AccountKind] = Counter()
        for transaction in self.transactions:
            for entry in transaction.entries:
                sums[entry.account.kind] += entry.amount_minor
        return {kind: minor for kind, minor in sums.items() if minor}

    @property
    def balance(self) -> Balance:
        sums: Counter[tuple[AccountKind, Subject | None]] = Counter()
        for transaction in self.transactions:
            for entry in transaction.entries:
                sums[entry.account.kind, entry.account.subject] += entry.amount_minor
        credits = sum(minor for (kind, _), minor in sums.items() if kind is AccountKind.CREDIT)

        def items(wanted: AccountKind) -> tuple[Outstanding, ...]:
            return tuple(
                Outstanding(subject=subject, currency="eur", amount_minor=minor, due_at=AT - timedelta(days=1))
                for (kind, subject), minor in sums.items()
                if kind is wanted and subject is not None and minor
            )

        return Balance(
            owed=items(AccountKind.RECEIVABLE),
            credits={"eur": credits} if credits else {},
            origins=items(AccountKind.CREDIT),
            written_off=items(AccountKind.WRITTEN_OFF),
        )


def incoming(reference: str, amount_minor: int) -> IncomingPayment:
    return IncomingPayment(
        rail="bank", reference=reference, customer_id="acme", amount_minor=amount_minor, currency="eur", paid_at=AT
    )


@pytest.mark.parametrize("refunded", ["first", "second"])
def test_of_two_payments_for_one_month_either_may_be_refunded(refunded: str) -> None:
    books = Books()
    books.bill(1000)
    books.pay("first", 1000)
    books.pay("second", 1000)
    books.reverse(refunded, -1000, REFUND)
    assert books.sums == {AccountKind.BILLED: -1000, AccountKind.CLEARING: 1000}


def test_what_was_given_up_is_made_good_by_money_for_it() -> None:
    books = Books()
    books.bill(1000)
    books.pay("first", 1000)
    books.reverse("first", -1000, REFUND)
    assert books.sums == {AccountKind.BILLED: -1000, AccountKind.WRITTEN_OFF: 1000}
    books.pay("second", 1200)
    assert books.sums == {AccountKind.BILLED: -1000, AccountKind.CLEARING: 1200, AccountKind.CREDIT: -200}


@pytest.mark.parametrize("order", [(REFUND, CHARGEBACK), (CHARGEBACK, REFUND)])
def test_a_refund_beside_a_dispute_that_is_won_gives_the_month_up(
    order: tuple[PaymentKind, PaymentKind],
) -> None:
    books = Books()
    books.bill(1000)
    books.pay("first", 1000)
    for kind in order:
        books.reverse("first", -1000, kind)
    books.reverse("first", 1000, CHARGEBACK)
    assert books.sums == {AccountKind.BILLED: -1000, AccountKind.WRITTEN_OFF: 1000}


def test_a_refund_that_failed_leaves_all_as_it_was() -> None:
    books = Books()
    books.bill(1000)
    books.pay("first", 1300, None)
    before = books.sums
    books.reverse("first", -900, REFUND)
    assert books.sums[AccountKind.WRITTEN_OFF] == 600
    books.reverse("first", 900, REFUND)
    assert books.sums == before


def test_of_two_refunds_one_failed_and_the_other_one_gives_up_the_latest_month() -> None:
    books = Books()
    books.bill(1000)
    books.bill(1000, DECEMBER)
    books.pay("first", 2000, None)
    for minor in (-500, -1500, 500):
        books.reverse("first", minor, REFUND)
    given_up = [books.balance.given_up(month, "eur") for month in (NOVEMBER, DECEMBER)]
    assert given_up == [500, 1000], "as if there had been but one refund"


def test_more_money_back_than_has_come_is_a_debt() -> None:
    books = Books()
    books.bill(1000)
    books.pay("first", 1000)
    books.reverse("first", -1500, REFUND)
    assert books.sums[AccountKind.CREDIT] == 500
    assert books.sums[AccountKind.WRITTEN_OFF] == 1000


def test_money_back_in_another_currency_undoes_nothing_that_was_paid() -> None:
    books = Books()
    books.bill(1000)
    books.pay("first", 1000)
    record = books.records["first"]
    lost = record.payment.evolve(
        reference="dp", kind=CHARGEBACK, amount_minor=-1100, currency="usd", original=record.payment.name
    )
    posted = reversed_(lost, record, {"acme": books.balance}, AT)
    assert [(entry.account.kind, entry.amount_minor, entry.currency) for entry in posted.entries] == [
        (AccountKind.CLEARING, -1100, "usd"),
        (AccountKind.CREDIT, 1100, "usd"),
    ]


def test_money_for_a_month_that_is_not_billed_is_credit_of_that_origin() -> None:
    books = Books()
    books.pay("first", 500, DECEMBER)
    assert books.balance.credit_from(DECEMBER, "eur") == 500
    assert books.balance.carried_minor("eur") == -500


events = st.one_of(
    st.tuples(st.just("pay"), st.sampled_from([400, 1000, 1300]), st.sampled_from([NOVEMBER, None])),
    st.tuples(st.sampled_from([REFUND, CHARGEBACK]), st.integers(0, 9), st.sampled_from([400, 1000])),
    st.tuples(st.just("back"), st.integers(0, 9), st.just(0)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(events, max_size=12))
def test_in_any_order_no_money_sits_idle_and_none_is_made(steps: list[tuple[object, int, object]]) -> None:
    books = Books()
    books.bill(1000)
    books.bill(1000, DECEMBER)
    gone: dict[str, list[tuple[PaymentKind, int]]] = {}
    for number, (name, value, more) in enumerate(steps):
        references = list(gone)
        if name == "pay":
            assert more is None or isinstance(more, Subject)
            books.pay(str(number), value, more)
            gone[str(number)] = []
        elif references and isinstance(name, PaymentKind) and isinstance(more, int):
            reference = references[value % len(references)]
            left = books.records[reference].payment.amount_minor - sum(minor for _, minor in gone[reference])
            if minor := min(left, more):
                books.reverse(reference, -minor, name)
                gone[reference].append((name, minor))
        elif references and gone[references[value % len(references)]]:
            reference = references[value % len(references)]
            books.reverse(reference, gone[reference][-1][1], gone[reference].pop()[0])
        check(books, gone)


def check(books: Books, gone: dict[str, list[tuple[PaymentKind, int]]]) -> None:
    sums, balance = books.sums, books.balance
    taken = sum(record.payment.amount_minor for record in books.records.values())
    returned = sum(minor for reversals in gone.values() for _, minor in reversals)
    refunded = sum(minor for reversals in gone.values() for kind, minor in reversals if kind is REFUND)
    assert sum(sums.values()) == 0
    assert sums.get(AccountKind.CLEARING, 0) == taken - returned
    assert 0 <= sums.get(AccountKind.WRITTEN_OFF, 0) <= refunded
    assert sums.get(AccountKind.CREDIT, 0) <= 0
    for item in (*balance.owed, *balance.written_off):
        assert item.amount_minor > 0
        assert balance.credit_from(item.subject, "eur") == 0, "its money is credit, while it is owed or given up"


def test_a_payment_without_a_customer_is_assigned_once() -> None:
    books = Books()
    books.bill(1000)
    unknown = incoming("7731", 1200).evolve(customer_id=None)
    record = PaymentRecord(
        payment=unknown, booked_at=AT, transactions=(booked(unknown, books.balance, AT),), returned_minor=0
    )
    mine = assigned(record, unknown.evolve(customer_id="acme"), books.balance, AT)
    assert [(entry.account.kind, entry.amount_minor) for entry in mine.entries] == [
        (AccountKind.UNMATCHED, 1200),
        (AccountKind.RECEIVABLE, -1000),
        (AccountKind.CREDIT, -200),
    ]


def test_unmatched_money_that_goes_back_undoes_what_it_was_assigned_to() -> None:
    books = Books()
    books.bill(700)
    unknown = incoming("7731", 1200).evolve(customer_id=None)
    record = PaymentRecord(
        payment=unknown, booked_at=AT, transactions=(booked(unknown, books.balance, AT),), returned_minor=0
    )
    mine = assigned(record, unknown.evolve(customer_id="acme", amount_minor=700), books.balance, AT)
    record = record.evolve(transactions=(*record.transactions, mine))
    books.transactions += [*record.transactions]
    back = unknown.evolve(reference="7732", kind=CHARGEBACK, amount_minor=-1200, original=unknown.name)
    books.transactions.append(reversed_(back, record, {"acme": books.balance}, AT))
    assert books.sums == {AccountKind.RECEIVABLE: 700, AccountKind.BILLED: -700}
