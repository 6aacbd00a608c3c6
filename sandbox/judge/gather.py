"""Gathers the evidence: from the stand-ins' registers, the mail, the sheet and the ledger; nothing from a workflow.

    evidence = await gather(folder, ledger, Period("2026-10"), Period("2026-11"))

What should have been charged is computed once more in sandbox/judge/expected.py, and every entry of the journal in
sandbox/judge/books.py, by other code than the product's.
"""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple, Protocol

from billing.collections.ports import CollectionStore
from billing.collections.stages import CollectionStage
from billing.customers.customer import Customer
from billing.customers.ports import Addresses, CustomerStore
from billing.invoices.commands import Decision
from billing.invoices.month import Month
from billing.invoices.ports import InvoiceListing, MonthHistory, MonthStore
from billing.invoices.stages import Stage
from billing.mails.mail import CustomerMailKind, MessageRow, MessageStore
from billing.payments.ports import PaymentBooks
from billing.period import Period
from billing.receivables.journal import Cause, PaymentName, Transaction
from billing.receivables.listing import JournalRow
from billing.receivables.ports import THE_BEGINNING, THE_END, Journal, PaymentListing
from billing.reviewers.ports import AlertListing
from billing.texts.text import TextKind, TextRow
from sandbox.judge.books import Books
from sandbox.judge.evidence import CustomerEvidence, Evidence, MonthEvidence
from sandbox.judge.expected import (
    CustomerScript,
    ExpectedMonth,
    MonthMoney,
    TypedRow,
    announced,
    first_email,
    read_sheet,
    texted,
)
from sandbox.judge.exposed_numbers import exposed
from sandbox.judge.facts import Facts
from sandbox.judge.orders.asked_refunds import AskedRefund, asked_refunds
from sandbox.judge.orders.order_books import OrderFacts
from sandbox.judge.orders.order_evidence import (
    OrderLedger,
    OrdersEvidence,
    open_pages,
    owners_of,
    read_orders,
    unpaid_entries,
)
from sandbox.judge.rails.bank_book import BankBook
from sandbox.judge.rails.gateway_register import GatewayRegister
from sandbox.judge.rails.registers import Registers
from sandbox.judge.rails.stripe_journal import CARDS, StripeJournal
from sandbox.judge.service_orders.service_evidence import (
    ServiceOrderLedger,
    ServiceOrdersEvidence,
    owners_of_services,
    read_service_orders,
)
from sandbox.judge.subscribers.subscriber_evidence import SubscriberEvidence, SubscriberLedger, read_subscribers
from sandbox.judge.subscribers.tariff_promises import fees_of
from sandbox.stack.sample import sheet_of
from sandbox.stand_ins.bank import statement
from sandbox.stand_ins.event_receiver import read_events
from sandbox.stand_ins.mailbox import Mail, read_mail


class _Ledger(
    Addresses,
    AlertListing,
    CollectionStore,
    CustomerStore,
    InvoiceListing,
    Journal,
    MessageStore,
    MonthHistory,
    MonthStore,
    OrderLedger,
    PaymentBooks,
    PaymentListing,
    ServiceOrderLedger,
    SubscriberLedger,
    Protocol,
):
    """The part of the ledger that is used here."""

    async def closed_reason(self, customer_id: str) -> str:
        """The reason, with its author; "" for an account that is open or unknown."""


class _Sources(NamedTuple):
    """What others than the ledger have on record; and what people have asked it to give back."""

    journal: StripeJournal
    registers: Registers
    mails: dict[str, list[Mail]]  # by Message-ID
    sheets: dict[Period, list[TypedRow] | None]
    orders: OrdersEvidence
    services: ServiceOrdersEvidence
    refunds: list[AskedRefund]

    def ordered(self, customer_id: str) -> dict[str, OrderFacts]:
        """Their orders, and the fees of those that go by a procedure."""
        return self.orders.facts(customer_id) | self.services.facts(customer_id)


async def gather(folder: Path, ledger: _Ledger, *periods: Period, is_over: bool = True) -> Evidence:
    """Reads everything, to judge ``periods``. Nothing of it comes from a workflow.

    Our journal is read before what it follows from. So it may be judged at any time; with ``is_over``, it also lacks
    nothing.
    """
    owners = await owners_of(ledger)
    monthly = list(dict.fromkeys(row.customer_id for row in await ledger.invoices()))
    of_services = (await owners_of_services(ledger)).values()
    others = sorted({*owners.values(), *of_services} - set(monthly))
    unpaid, positions = await unpaid_entries(ledger), await _positions(ledger)
    transactions = {customer_id: await ledger.transactions(customer_id) for customer_id in (*monthly, *others)}
    totals = await ledger.trial_balance()
    rows, sources = await ledger.invoices(), await _sources(folder, ledger, unpaid)
    customers = [customer for customer_id in monthly if (customer := await ledger.customer(customer_id))]
    subscribers = await read_subscribers(folder, ledger, customers)
    accounts = []
    for customer_id, subscriber in subscribers.subscribers.items():
        months = sorted(row.period for row in rows if row.customer_id == customer_id)
        accounts.append(await _account(ledger, sources, subscriber, months, transactions[customer_id], is_over))
    buyers = [await _buyer(ledger, sources, customer_id, transactions[customer_id], is_over) for customer_id in others]
    for order in sources.orders.orders:
        sources.journal.claim_order(order.customer_id, order.number)
    events, mails = folder / "events.jsonl", read_mail(folder / "mail")
    return Evidence(
        periods=periods,
        accounts=accounts,
        buyers=buyers,
        strangers=sources.journal.strangers(),
        mails=mails,
        alerts=await ledger.alerts(),
        deliveries=read_events(events) if events.exists() else None,
        registers=sources.registers,
        totals=totals,
        orders=sources.orders,
        services=sources.services,
        subscribers=subscribers,
        positions=positions,
        is_over=is_over,
        exposed=[*exposed(folder, sources.registers.bank, mails)] if is_over else [],
    )


async def _sources(folder: Path, ledger: _Ledger, unpaid: dict[str, list[JournalRow]]) -> _Sources:
    owners, links = await owners_of(ledger), await ledger.checkouts()
    rows, by_id = await ledger.invoices(), attrgetter("message_id")
    journal = StripeJournal.read(folder / "stripe.jsonl")
    gateway = GatewayRegister.read(folder / "wayforpay.jsonl", links, owners)
    pages = [*open_pages(links, journal, gateway)]
    registers = Registers.read(journal, statement(folder / "bank.jsonl"), gateway, BankBook.read(folder))
    return _Sources(
        journal=journal,
        registers=registers,
        mails={name: list(copies) for name, copies in groupby(sorted(read_mail(folder / "mail"), key=by_id), by_id)},
        sheets={period: read_sheet(sheet_of(folder, period)) for period in {row.period for row in rows}},
        orders=await read_orders(folder, ledger, owners, unpaid, pages),
        services=await read_service_orders(folder, ledger, unpaid),
        refunds=await asked_refunds(ledger, registers.arrivals),
    )


async def _positions(ledger: _Ledger) -> dict[PaymentName, int]:
    """Where in the journal each payment became a customer's."""
    found = {}
    async for page in ledger.journal(THE_BEGINNING, THE_END):
        for row in page:
            if row.rail and row.reference and row.cause in (Cause.PAYMENT, Cause.ALLOCATION):
                found[PaymentName.of(row.rail, row.reference)] = row.number
    return found


async def _buyer(
    ledger: _Ledger, sources: _Sources, customer_id: str, transactions: list[Transaction], is_over: bool
) -> CustomerEvidence:
    """Somebody who has orders only."""
    facts = Facts({}, set(), set(), sources.ordered(customer_id), sources.refunds)
    books = _books(sources, customer_id, [], transactions, facts)
    wrong = [text for each in books.values() for text in each.end(is_over)]
    return CustomerEvidence(customer_id, "", CustomerScript("", []), [], transactions, {}, wrong)


async def _account(
    ledger: _Ledger,
    sources: _Sources,
    subscriber: SubscriberEvidence,
    periods: list[Period],
    transactions: list[Transaction],
    is_over: bool,
) -> CustomerEvidence:
    """Month after month, each with what the one before should have left."""
    customer, customer_id, journal = subscriber.customer, subscriber.customer_id, sources.journal
    decisions = {period: await ledger.decisions(customer_id, period) for period in periods}
    script = await _script(ledger, customer, journal, [*decisions.values()])
    stages = {row.period: row.stage for row in await ledger.debts(customer_id=customer_id)}
    months = [month for period in periods if (month := await ledger.month(customer_id, period))]
    messages = {period: await ledger.messages(customer_id, period) for period in periods}
    facts = _facts(sources, months, messages, stages, subscriber.texts)
    facts = facts._replace(orders=sources.ordered(customer_id), refunds=sources.refunds)
    books = _books(sources, customer_id, months, transactions, facts)
    due, cases = None, list[MonthEvidence]()
    for month in months:
        period, own = month.period, books[month.currency]
        claimed = journal.claim(customer_id, period)
        intents = [intent for intent in claimed if intent.rail == CARDS]
        carried_minor = own.draft(month)
        own.advance(until=period.next())
        money, sheet = MonthMoney(carried_minor, own.settled.get(period)), sources.sheets[period]
        fees = fees_of(month, subscriber)
        due = ExpectedMonth.of(month, due, money, sheet, script, decisions[period], intents, journal, fees)
        own.close(period, due.outcome if month.closed else None)
        cases.append(
            MonthEvidence(
                customer_id=customer_id,
                period=period,
                month=month,
                script=script,
                decisions=decisions[period],
                messages=messages[period],
                charges=await ledger.payments(customer_id, period),
                intents=intents,
                links=[intent for intent in claimed if intent.rail != CARDS],
                collection=await ledger.collection(customer_id, period),
                stage=stages.get(period),
                diary=await ledger.diary(customer_id, period),
                due=due,
            )
        )
    wrong = [text for each in books.values() for text in each.end(is_over)]
    reason = await ledger.closed_reason(customer_id)
    owed_minor = {month.period: books[month.currency].owed(month.period) for month in months}
    return CustomerEvidence(customer_id, reason, script, cases, transactions, owed_minor, wrong)


async def _script(
    ledger: Addresses, customer: Customer, journal: StripeJournal, months: list[list[Decision]]
) -> CustomerScript:
    at_stripe = journal.email_of(customer.payer_id) if customer.payer_id else None
    return CustomerScript(at_stripe or first_email(await ledger.own_emails(customer.customer_id), months), months)


def _books(
    sources: _Sources, customer_id: str, months: list[Month], transactions: list[Transaction], facts: Facts
) -> dict[str, Books]:
    """The customer's books in each currency."""
    billed = {month.currency for month in months}
    booked = {entry.currency for transaction in transactions for entry in transaction.entries}
    arrivals = sources.registers.arrivals.values()
    arrived = {arrival.currency for arrival in arrivals if arrival.customer_id == customer_id}
    return {
        currency: Books(customer_id, currency, transactions, sources.registers, facts)
        for currency in sorted(billed | booked | arrived | {order.currency for order in facts.orders.values()})
    }


def _facts(
    sources: _Sources,
    months: list[Month],
    messages: dict[Period, list[MessageRow]],
    stages: dict[Period, CollectionStage],
    texts: list[TextRow],
) -> Facts:
    bills = [text for text in texts if text.kind is TextKind.BILL and text.vendor_id]
    notices: dict[str, list[int]] = {
        month.period: [
            *_mailed(sources, messages[month.period], month.currency),
            *(texted(text.body, month.currency) for text in bills if text.period == month.period),
        ]
        for month in months
    }
    given_up: set[str] = {period for period, stage in stages.items() if stage is CollectionStage.WRITTEN_OFF}
    paid: set[str] = {month.period for month in months if month.outcome is Stage.PAID}
    billed = frozenset[str](month.period for month in months if month.outcome is Stage.BILLED)
    return Facts(notices, given_up, paid, billed=billed)


def _mailed(sources: _Sources, messages: list[MessageRow], currency: str) -> Iterator[int]:
    """What the notices that have arrived say."""
    for row in messages:
        if row.kind is CustomerMailKind.NOTICE:
            yield from (announced(mail.subject, currency)[0] or 0 for mail in sources.mails.get(row.message_id, ()))
