"""A month, and an account of its own of what was promised and paid."""

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from billing.customers.customer import Customer
from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.invoices.postings import month_transactions
from billing.invoices.stages import UNPAID_OUTCOMES, Stage, Step
from billing.period import Period
from billing.receivables.journal import AccountKind


class Work(NamedTuple):
    """An activity on its way: for what, from which month, since when."""

    step: Step
    asked: Month
    since: datetime


class MonthAccount:
    """What was put on invoices, announced, decided and paid, kept beside the month itself."""

    month: Month

    def begin(self, customer: Customer, carried_minor: int, now: datetime) -> None:
        """Opens October 2026."""
        self.month = Month.open(customer, Period("2026-10"))
        self.now = now
        self.work: Work | None = None
        self.steps = 0
        self.outcomes: dict[Period, Stage] = {}
        # our own account, in minor units: what was put on invoices, paid, and is owed beside the chain
        self.billed, self.paid, self.owed = carried_minor, 0, 0
        self.books: Counter[tuple[AccountKind, str]] = Counter()  # the journal's balances, by kind and currency
        self.books[AccountKind.CREDIT, customer.currency] = carried_minor
        self.brake_on, self.released_at = False, self.now - timedelta(days=999)
        self.usual: int | None = None
        self.is_first = True
        self.new_month()

    def new_month(self) -> None:
        self.halted = False
        self.charges = 0
        self.last_told: int | None = None
        self.frozen: Invoice | None = None
        self.notice_floor = self.charge_floor = self.now
        self.editor, self.approved = "", ""
        self.editors: set[str] = set()
        self.tried = False  # money may have moved by the charge that has begun

    def become(self, month: Month) -> None:
        """Every change of a month comes through here."""
        old = self.month
        assert month.period == old.period
        assert month == old or month.revision > old.revision
        if old.outcome is not None and not month.brake:
            assert (month.closed, month.invoice) == (old.closed, old.invoice)
            assert month.trouble is None
        for transaction in month_transactions(old, month, self.now):
            for entry in transaction.entries:
                self.books[entry.account.kind, entry.currency] += entry.amount_minor
        self.month = month

    @property
    def is_cancelled(self) -> bool:
        """Somebody wants the charge that has begun cancelled."""
        return self.month.charging is not None and self.month.charging.cancelled_by is not None

    def pass_time(self, by: timedelta) -> None:
        if by > timedelta():
            self.now += by
            self.steps = 0

    def check_books(self, month: Month) -> None:
        """What the journal says of the month is what is still owed for it, or left to the next draft."""
        currency = month.currency
        owed = month.outcome is Stage.PAID or month.outcome in UNPAID_OUTCOMES
        assert self.books[AccountKind.RECEIVABLE, currency] == (
            month.invoice.total_minor if owed and month.invoice else 0
        )
        if month.invoice is not None:
            assert self.books[AccountKind.CREDIT, currency] == month.balance_forward_minor
        assert not month_transactions(month, month, self.now), "a repeat posts nothing"
        self.books[AccountKind.RECEIVABLE, currency] = 0  # paid, or collected beside the chain

    def note_usual(self, month: Month) -> None:
        if month.invoice is not None and month.invoice.currency != month.customer.currency:
            self.usual = None
        sales = sum(line.amount_minor for line in month.invoice.lines) if month.invoice else 0
        if sales > 0 and month.outcome is not Stage.SKIPPED:
            self.is_first = False
            if month.invoice and month.invoice.currency == month.customer.currency:
                self.usual = sales

    def lines_and_total(self) -> str:
        invoice = self.month.invoice
        return f"{invoice.lines} {invoice.total_minor}" if invoice else ""
