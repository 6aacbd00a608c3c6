"""Evidence of how months were billed: from the Stripe stand-in's journal, the mail, the ledger and the sheet only.

    evidence = await gather(folder, ledger, Period("2026-10"), Period("2026-11"))

What should have been charged is computed once more in sandbox/judge/expected.py, by other code than the workflow's.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.ports import CollectionStore
from billing.collections.stages import CollectionStage, DiaryEntry
from billing.customers.ports import CustomerStore
from billing.invoices.commands import Decision
from billing.invoices.month import Month
from billing.invoices.ports import InvoiceListing, MonthHistory, MonthStore
from billing.invoices.stages import Stage
from billing.mails.mail import MessageRow, MessageStore
from billing.payments.ports import ChargeRow, PaymentBooks
from billing.period import Period
from billing.receivables.incoming import PaymentRow
from billing.receivables.journal import Subject, Transaction
from billing.receivables.payment_list import PaymentFilter
from billing.receivables.ports import Journal, PaymentListing
from billing.reviewers.alerts import AlertKind, AlertRow
from billing.reviewers.digest import TITLES
from billing.reviewers.ports import AlertListing
from sandbox.judge.expected import CustomerScript, ExpectedMonth, TypedRow, read_sheet
from sandbox.judge.stripe_journal import CARDS, Intent, StripeJournal
from sandbox.stack.sample import sheet_of
from sandbox.stand_ins.event_receiver import read_events
from sandbox.stand_ins.mailbox import Mail, read_mail

_PAYMENTS = 1000  # of one customer; the sandbox makes far fewer


class _Ledger(
    AlertListing,
    CollectionStore,
    CustomerStore,
    InvoiceListing,
    Journal,
    MessageStore,
    MonthHistory,
    MonthStore,
    PaymentBooks,
    PaymentListing,
    Protocol,
):
    """The part of the ledger that is used here."""

    async def closed_reason(self, customer_id: str) -> str:
        """The reason, with its author; "" for an account that is open or unknown."""


@dataclass(frozen=True)
class MonthEvidence:
    """All that is known of one customer's month, and its expected result."""

    customer_id: str
    period: Period
    script: CustomerScript  # decisions about the customer in all months
    month: Month
    decisions: list[Decision]
    messages: list[MessageRow]
    charges: list[ChargeRow]
    intents: list[Intent]  # of the card on file
    links: list[Intent]  # of payment links
    transfers: list[PaymentRow]  # money for it that people have recorded
    collection: Collection | None  # that has it, if it was not paid when it was due
    stage: CollectionStage | None  # of its debt, as the ledger lists it
    diary: list[DiaryEntry]  # of the collection, as far as it is about this month or all of them
    due: ExpectedMonth

    @property
    def name(self) -> str:
        return f"{self.customer_id}, {self.period}"

    @property
    def charged_since(self) -> datetime | None:
        return self.month.charging.since if self.month.charging else None

    def accepted(self, command: str) -> list[Decision]:
        return [decision for decision in self.decisions if decision.accepted and decision.command == command]

    @property
    def recovered(self) -> bool:
        """Whether everything was paid later, in whatever way."""
        return self.debt is not None and self.debt.outcome is CollectionStage.RECOVERED

    @property
    def debt(self) -> Debt | None:
        """What it left unpaid."""
        return self.collection.debt(self.period) if self.collection else None

    @property
    def expected_minor(self) -> int:
        """What the card on file should have paid: the whole amount, or nothing."""
        later = self.debt.paid_by if self.debt and self.recovered else None
        by_card = later in {intent.now["id"] for intent in self.intents}
        return self.due.total_minor if self.due.outcome is Stage.PAID or by_card else 0

    @property
    def received_minor(self) -> int:
        return sum(intent.now["amount_received"] for intent in self.intents)


@dataclass(frozen=True)
class CustomerEvidence:
    """A customer over all months that the ledger knows; the cases are those months, oldest first."""

    customer_id: str
    closed_reason: str
    script: CustomerScript
    cases: list[MonthEvidence]
    transactions: list[Transaction]  # in our journal


@dataclass(frozen=True)
class Evidence:
    """All that the judge looks at: customers, and what belongs to none of them."""

    periods: tuple[Period, ...]  # the ones that are judged
    accounts: list[CustomerEvidence]
    strangers: list[str]  # customers at Stripe that the ledger does not know, and payments of no customer
    mails: list[Mail]
    alerts: list[AlertRow]  # the outbox of the reviewers
    deliveries: list[dict[str, Any]] | None  # of events, as their receiver took them; None: there was none

    @property
    def all_cases(self) -> list[MonthEvidence]:
        return [case for account in self.accounts for case in account.cases]

    @property
    def cases(self) -> list[MonthEvidence]:
        """The months that are judged."""
        return [case for case in self.all_cases if case.period in self.periods]

    def stages(self) -> Counter[str]:
        return Counter(str(case.month.outcome or "open") for case in self.cases)

    def charged_minor(self) -> dict[str, int]:
        """Charged amounts, by currency."""
        sums: Counter[str] = Counter()
        for case in self.cases:
            sums[case.month.customer.currency] += case.received_minor
        return {currency: total for currency, total in sorted(sums.items()) if total}

    def letters(self) -> Counter[str]:
        """The mails that arrived, by kind, each counted once however often it was delivered."""
        kinds = {row.message_id: str(row.kind) for case in self.all_cases for row in case.messages}
        digests = self.digests()
        names = {mail.message_id for mail in self.mails}
        return Counter(kinds.get(name, "digest" if _digest_id(name) in digests else "unknown") for name in names)

    def digests(self) -> set[str]:
        """The ids of the digests that have arrived."""
        return {row.digest_id for row in self.alerts if row.digest_id} & {
            _digest_id(mail.message_id) for mail in self.mails
        }

    def reported(self) -> set[tuple[AlertKind, str, Period]]:
        """The matters in the digests: kind, customer and month; drafts are one line together."""
        digests = (mail for mail in self.mails if mail.headers.get("X-Billing-Ref", "").startswith("digest/"))
        return {matter for mail in digests for matter in _reported(mail.text)}

    def arrivals(self, *message_ids: str) -> list[Mail]:
        """The deliveries of these mails, in the order of arrival."""
        return [mail for mail in self.mails if mail.message_id in message_ids]


async def gather(folder: Path, ledger: _Ledger, *periods: Period) -> Evidence:
    """Reads everything, to judge ``periods``. Nothing of it comes from a workflow."""
    journal = StripeJournal.read(folder / "stripe.jsonl")
    rows = await ledger.invoices()
    sheets = {period: read_sheet(sheet_of(folder, period)) for period in {row.period for row in rows}}
    accounts = []
    for customer_id in dict.fromkeys(row.customer_id for row in rows):
        months = sorted(row.period for row in rows if row.customer_id == customer_id)
        accounts.append(await _account(ledger, journal, sheets, customer_id, months))
    events = folder / "events.jsonl"
    return Evidence(
        periods=periods,
        accounts=accounts,
        strangers=journal.strangers(),
        mails=read_mail(folder / "mail"),
        alerts=await ledger.alerts(),
        deliveries=read_events(events) if events.exists() else None,
    )


async def _account(
    ledger: _Ledger,
    journal: StripeJournal,
    sheets: dict[Period, list[TypedRow] | None],
    customer_id: str,
    periods: list[Period],
) -> CustomerEvidence:
    """Month after month, each with what the one before should have left."""
    customer = await ledger.customer(customer_id)
    assert customer is not None
    decisions = {period: await ledger.decisions(customer_id, period) for period in periods}
    script = CustomerScript(journal.email_of(customer.payment_method.payer_id) or customer.email, [*decisions.values()])
    incoming = (await ledger.incoming_payments(PaymentFilter(customer_id=customer_id), _PAYMENTS)).rows
    stages = {row.period: row.stage for row in await ledger.debts(customer_id=customer_id)}
    due, cases = None, list[MonthEvidence]()
    for period in periods:
        month = await ledger.month(customer_id, period)
        assert month is not None
        claimed = journal.claim(customer_id, period)
        intents = [intent for intent in claimed if intent.rail == CARDS]
        due = ExpectedMonth.of(month, due, sheets[period], script, decisions[period], intents, journal)
        cases.append(
            MonthEvidence(
                customer_id=customer_id,
                period=period,
                month=month,
                script=script,
                decisions=decisions[period],
                messages=await ledger.messages(customer_id, period),
                charges=await ledger.payments(customer_id, period),
                intents=intents,
                links=[intent for intent in claimed if intent.rail != CARDS],
                transfers=[row for row in incoming if row.by and row.subject == Subject.month(period)],
                collection=await ledger.collection(customer_id, period),
                stage=stages.get(period),
                diary=await ledger.diary(customer_id, period),
                due=due,
            )
        )
    transactions = await ledger.transactions(customer_id)
    return CustomerEvidence(customer_id, await ledger.closed_reason(customer_id), script, cases, transactions)


def _reported(text: str) -> Iterator[tuple[AlertKind, str, Period]]:
    """The matters in the text part of a digest: a title at the left, and below it a line for each."""
    kind: AlertKind | None = None
    for line in text.splitlines():
        kind = next((titled for titled, title in TITLES.items() if line.startswith(f"{title}: ")), kind)
        if kind and (matter := re.match(r"  ([^ ,]+), (\d{4}-\d\d)[ :]", line)):
            yield kind, matter[1], Period(matter[2])


def _digest_id(message_id: str) -> str:
    return message_id.lstrip("<").partition("@")[0]
