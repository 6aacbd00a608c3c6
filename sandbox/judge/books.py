"""The journal as it should be: every transaction of a customer, computed anew from the notices, the rails' own
registers and the commands, in the order in which the product has written them.

    books = Books("acme", "eur", transactions, registers, facts)
    carried_minor = books.draft(month)        # month after month: what its draft takes over
    books.advance(until=month.period.next())
    books.close(month.period, outcome)
    wrong = books.end()                       # what differs, transaction by transaction
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.rails import CARDS
from billing.receivables.journal import AccountKind, Cause, PaymentName, SubjectKind, Transaction
from sandbox.judge.account import Account, Entries, Paid, Place, entries_of, in_words, with_source, without_nothing
from sandbox.judge.app_credit import AppCredit
from sandbox.judge.bills import Bills, Follower, month_of
from sandbox.judge.facts import Facts
from sandbox.judge.orders.order_books import OrderBooks, order_of
from sandbox.judge.rails.registers import Arrival, Registers, Step

_UNDOING = frozenset({Cause.SKIP, Cause.VOID, Cause.CARRY})


class Books:
    """Of one customer in one currency. ``settled``: when whole bills were paid by other money than their charge."""

    def __init__(
        self, customer_id: str, currency: str, transactions: Iterable[Transaction], registers: Registers, facts: Facts
    ) -> None:
        self._wrong: list[str] = []
        self.settled: dict[str, datetime] = {}
        self._whose, self._currency = customer_id, currency
        self._registers, self._facts = registers, facts
        self._account = Account()
        self._bills = Bills(self._account)
        own = {name: order for name, order in facts.orders.items() if order.currency == currency}
        refunds = [refund for refund in facts.refunds if refund[:2] == (customer_id, currency)]
        self._orders = OrderBooks(self._account, own, refunds)
        self._app_credit = AppCredit(self._account, self._orders, self._orders.wrong)
        self._paid: dict[PaymentName, Paid] = {}
        self._steps: set[PaymentName] = set()  # of refunds and disputes, as far as they are booked
        self._returned = Counter[PaymentName]()  # in all, of payments whose rail names no refund
        self._written_off: set[str] = set()
        self._carried = [0]  # what a draft could take over, since the month before was closed
        self._followers: list[Follower] = []  # what may have to follow the record that is read now
        self._record: tuple[str, datetime] | None = None
        self._rest = [row for row in transactions if any(entry.currency == currency for entry in row.entries)][::-1]

    def draft(self, month: Month) -> int:
        """What its draft takes over: the balance, as it was at some instant since the month before was closed."""
        self.advance(until=month.period)
        if month.invoice is None:
            return self._carried[-1]
        planned_minor = month.carried_minor if month.carried_minor in self._carried else self._carried[-1]
        self._bills.months[month.period].planned_minor = planned_minor
        return planned_minor

    def advance(self, until: str = "") -> None:
        """Reads on, to what is about the month ``until``, or a later one."""
        while self._rest and not (until and month_of(self._rest[-1]) >= until):
            self._read(self._rest.pop())
        self._missed()

    def close(self, month: str, outcome: Stage | None) -> None:
        """What its outcome calls for is entered, also if the journal lacks it; None: it is still open."""
        self._ensure_draft(month)
        bill = self._bills.months[month]
        if outcome is Stage.CARRIED_FORWARD and not bill.left_minor and bill.charged_minor:
            self._account.enter(self._bills.carry(month))
            self._carried = [self._account.carried]

    def owed(self, month: str) -> int:
        """In minor units, as far as it has read."""
        return self._account.owed(month)

    def end(self, is_over: bool = True) -> list[str]:
        """All that is wrong. ``is_over``: nothing is under way, so that the journal has all that the registers have."""
        self.advance()
        if is_over:
            self._orders.end()
            self._say_what_is_missing()
        for text in self._orders.wrong:
            self._say(text)
        return self._wrong

    def _say_what_is_missing(self) -> None:
        for name, arrival in self._registers.arrivals.items():
            if self._is_ours(arrival) and name not in self._paid:
                self._say(f"{arrival.amount_minor} that arrived as {arrival.reference} are not booked")
        for text in self._registers.unbooked_returns(self._paid, self._steps, self._returned):
            self._say(text)
        for month in self._facts.given_up - self._written_off:
            if self._account.owed(month) > 0:
                self._say(f"{self._account.owed(month)} were written off of {month}, and the journal lacks it")

    def _read(self, transaction: Transaction) -> None:
        cause, month, entries = transaction.cause, month_of(transaction), entries_of(transaction, self._currency)
        if uses := self._app_credit.used_by(transaction):
            expected = entries if entries in uses else uses[0]
        elif (order := order_of(transaction)) and not self._is_follower(cause, order):
            self._missed()
            expected = self._orders.expected(order, transaction)
        elif cause is Cause.FREED or (cause is Cause.ALLOCATION and transaction.payment is None):
            expected = self._follower(cause, transaction, entries)
        else:
            if self._record != (month, transaction.at):
                self._missed()
            self._orders.complete()
            expected = self._expected(transaction, entries)
        if (expected := without_nothing(expected)) != entries:
            self._say(f"{cause} of {transaction.at} is {in_words(entries)}, should be {in_words(expected)}")
        carried_before = self._account.carried
        self._account.enter(expected)
        if cause is Cause.ALLOCATION and transaction.payment is None:
            self._orders.note_credit(expected)
        if cause in (Cause.REFUND, Cause.CHARGEBACK):
            self._orders.note_reversal(expected, carried_before, transaction.at)
        if month:
            self._record = (month, transaction.at)
            at = transaction.at
            self._followers += [Follower(Cause.FREED, month, at)] if cause in _UNDOING else []
            self._followers += [Follower(Cause.ALLOCATION, month, at)] if cause is Cause.NOTICE else []
        self._note_settled(transaction, month)
        earlier = [] if month or self._closes(transaction) else self._carried
        self._carried = [*earlier, self._account.carried]

    def _is_follower(self, cause: Cause, order: str) -> bool:
        """Whether money for the order has just come, with which credit that had come for it pays, too."""
        due = (follower for follower in self._followers if follower[:2] == (cause, order))
        return any(self._bills.following(follower) for follower in due)

    def _expected(self, transaction: Transaction, entries: Entries) -> Entries:
        month = month_of(transaction)
        match transaction.cause:
            case Cause.DRAFT:
                return self._bills.draft(month)
            case Cause.SKIP:
                return self._bills.skip(month)
            case Cause.NOTICE:
                return self._notice(transaction, month, entries)
            case Cause.VOID:
                return self._void(month)
            case Cause.CARRY:
                return self._bills.carry(month)
            case Cause.PAYMENT | Cause.ALLOCATION:
                return self._payment(transaction, entries)
            case Cause.REFUND | Cause.CHARGEBACK:
                return self._reversal(transaction, entries)
            case Cause.WRITE_OFF:
                return self._write_off(entries)
            case Cause.SETTLEMENT:
                return self._settlement(transaction)
        self._say(f"nothing calls for {transaction.cause}: {in_words(entries)}")
        return entries

    def _ensure_draft(self, month: str) -> None:
        """What the journal lacks of it is entered all the same; the comparison by month names it."""
        if not self._bills.months[month].is_drafted:
            self._account.enter(self._bills.draft(month))

    def _notice(self, transaction: Transaction, month: str, entries: Entries) -> Entries:
        """A bill is what a notice has announced; a month that closes without a charge needs none."""
        self._ensure_draft(month)
        bill = self._bills.months[month]
        if bill.billed_minor is not None:
            self._say(f"{month} is billed anew, while the bill before is in force")
        total_minor = bill.taken_minor + entries[Place(AccountKind.RECEIVABLE, month)]
        announced = self._facts.announced.get(month, ())
        if due := [entry.due_at for entry in transaction.entries if entry.due_at]:
            self._account.due[month] = due[0]
            if total_minor not in announced:
                self._say(f"{total_minor} were billed for {month}, announced were {sorted(announced)}")
        return self._bills.notice(month, total_minor)

    def _void(self, month: str) -> Entries:
        if self._bills.months[month].billed_minor is None:
            self._say(f"a notice of {month} is reversed that is not in force")
        self._account.due.pop(month, None)
        return self._bills.void(month)

    def _follower(self, cause: Cause, transaction: Transaction, entries: Entries) -> Entries:
        while self._followers:
            due = self._followers.pop(0)
            if due.cause is cause and (expected := self._bills.following(due)):
                return expected
            self._miss(due)
        months = [place.name for place in entries if place.kind is AccountKind.RECEIVABLE]
        if cause is Cause.FREED or not months:
            return Entries()
        return self._bills.following(Follower(cause, months[0], transaction.at))  # not paid when it was due

    def _missed(self) -> None:
        """What had to follow, and did not, is entered all the same."""
        while self._followers:
            self._miss(self._followers.pop(0))
        self._record = None

    def _miss(self, due: Follower) -> None:
        if entries := self._bills.following(due):
            self._say(f"{due.cause} of {due.month} is missing: {in_words(entries)}")
            self._account.enter(entries)

    def _payment(self, transaction: Transaction, entries: Entries) -> Entries:
        name, is_assigned = transaction.payment, transaction.cause is Cause.ALLOCATION
        assert name is not None
        arrival = self._registers.arrivals.get(name)
        if arrival is None or not self._is_ours(arrival) or is_assigned == arrival.is_named:
            self._say(f"no register has this {transaction.cause}: {in_words(entries)}")
            return entries
        if name in self._paid:
            self._say(f"{arrival.reference} is booked twice")
        source = Place(AccountKind.UNMATCHED if is_assigned else AccountKind.CLEARING, arrival.rail)
        paying = arrival.amount_minor, arrival.subject, transaction.at
        if without_nothing(with_source(self._account.pay(*paying), source, paying[0])) != entries:  # closed by then
            self._account.bills |= self._facts.billed & self._account.due.keys()
        shares = self._account.pay(*paying)
        if not (is_assigned or arrival.subject) and arrival.rail in self._registers.bank.contracts:
            self._app_credit.paid_at = transaction.at
        if arrival.subject and arrival.rail != CARDS:
            self._followers.append(Follower(Cause.ALLOCATION, arrival.subject, transaction.at))
        self._paid[name] = paid = Paid(arrival.subject)
        for place, minor in shares.items():
            paid.brought[place.name] -= minor
        return with_source(shares, source, arrival.amount_minor)

    def _is_ours(self, arrival: Arrival) -> bool:
        is_known = arrival.is_named or arrival.is_claimed
        return is_known and (arrival.customer_id, arrival.currency) == (self._whose, self._currency)

    def _reversal(self, transaction: Transaction, entries: Entries) -> Entries:
        name, cause = transaction.payment, transaction.cause
        assert name is not None
        step = self._registers.steps.get(name)
        paid = self._paid.get(step.original) if step and step.cause is cause else None
        if step is None or paid is None or name in self._steps:
            self._say(f"no register has this {cause}, or it is booked before its payment: {in_words(entries)}")
            return entries
        self._steps.add(name)
        minor = self._moved(step, entries) if step.amount_minor is None else step.amount_minor
        if minor < 0:
            shares = self._account.take_back(paid, -minor, cause)
        else:
            shares = self._account.come_back(paid, minor, cause, transaction.at)
        paid.note_back(cause, shares)
        return with_source(shares, Place(AccountKind.CLEARING, step.original.rail), minor)

    def _moved(self, step: Step, entries: Entries) -> int:
        """What the rail has no name for, and may be booked in one with what went back before it."""
        minor = entries[Place(AccountKind.CLEARING, step.original.rail)]
        self._returned[step.original] -= minor
        if self._returned[step.original] not in self._registers.returned[step.original]:
            self._say(f"{self._returned[step.original]} are booked as gone back by {step.reversal}, and never were")
        return minor

    def _write_off(self, entries: Entries) -> Entries:
        month = next(place.name for place in entries if place.kind is AccountKind.WRITTEN_OFF)
        self._written_off.add(month)
        owed_minor = max(0, self._account.owed(month))
        if month not in self._facts.given_up and not self._orders.may_forgive(month, owed_minor):
            self._say(f"nobody has written {month} off")
        return Entries(
            {Place(AccountKind.WRITTEN_OFF, month): owed_minor, Place(AccountKind.RECEIVABLE, month): -owed_minor}
        )

    def _settlement(self, transaction: Transaction) -> Entries:
        """By a person's word: all that is owed, on either side."""
        if not transaction.by or not transaction.reason:
            self._say("a balance is settled by nobody")
        entries = Entries()
        for place, minor in self._account.sums.items():
            if place.kind in (AccountKind.RECEIVABLE, AccountKind.CREDIT):
                month = place.name if place.kind is AccountKind.RECEIVABLE else ""
                entries[Place(AccountKind.WRITTEN_OFF, month)] += minor
                entries[Place(place.kind, month)] -= minor
        return entries

    def _note_settled(self, transaction: Transaction, month: str) -> None:
        self.settled.pop(month, None)  # another bill, if it is one
        if transaction.cause is Cause.PAYMENT and transaction.payment and transaction.payment.rail == CARDS:
            return
        for name, bill in self._bills.months.items():
            if bill.billed_minor is not None and self._account.owed(name) <= 0 < bill.charged_minor:
                self.settled.setdefault(name, transaction.at)

    def _closes(self, transaction: Transaction) -> bool:
        """Whether a month was closed with it: the next draft is made after that."""
        if transaction.cause not in (Cause.PAYMENT, Cause.ALLOCATION):
            return False
        subjects = (entry.account.subject for entry in transaction.entries)
        months = {subject.name for subject in subjects if subject and subject.kind is SubjectKind.MONTH}
        billed = {month for month in months if self._bills.months[month].billed_minor is not None}
        return any(month in self._facts.paid and self._account.owed(month) <= 0 for month in billed)

    def _say(self, text: str) -> None:
        self._wrong.append(f"{self._whose}: {text} ({self._currency})")
