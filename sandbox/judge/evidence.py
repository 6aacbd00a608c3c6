"""Evidence of how months were billed: what gather.py has read, and what each month should have come to."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.collections.stages import CollectionStage, DiaryEntry
from billing.invoices.commands import Decision
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.mails.mail import MessageRow
from billing.money import sums_of
from billing.payments.ports import ChargeRow
from billing.period import Period
from billing.receivables.journal import PaymentName, Transaction
from billing.receivables.listing import AccountTotal
from billing.reviewers.alerts import AlertKind, AlertRow
from billing.reviewers.digest import TITLES
from sandbox.judge.expected import CustomerScript, ExpectedMonth
from sandbox.judge.orders.order_evidence import OrdersEvidence
from sandbox.judge.rails.registers import Registers
from sandbox.judge.rails.stripe_journal import Intent
from sandbox.judge.service_orders.service_evidence import ServiceOrdersEvidence
from sandbox.judge.subscribers.subscriber_evidence import SubscribersEvidence
from sandbox.stand_ins.mailbox import Mail


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
    def tried(self) -> list[Intent]:
        """The payments by card, but for those that were cancelled untried."""
        return [intent for intent in self.intents if not intent.came_to_nothing]

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
        is_charged = self.due.outcome is Stage.PAID and not self.due.settled
        return self.due.total_minor if is_charged or by_card else 0

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
    owed_minor: dict[Period, int]  # by the judge's own books
    wrong: list[str]  # what of the journal differs from them


@dataclass(frozen=True)
class Evidence:
    """All that the judge looks at: customers, and what belongs to none of them."""

    periods: tuple[Period, ...]  # the ones that are judged
    accounts: list[CustomerEvidence]
    strangers: list[str]  # customers at Stripe that the ledger does not know, and payments of no customer
    mails: list[Mail]
    alerts: list[AlertRow]  # the outbox of the reviewers
    deliveries: list[dict[str, Any]] | None  # of events, as their receiver took them; None: there was none
    registers: Registers  # of the rails
    totals: list[AccountTotal]  # the trial balance
    buyers: list[CustomerEvidence] = field(default_factory=list)  # who have orders of any kind, and no months
    orders: OrdersEvidence = field(default_factory=OrdersEvidence)
    subscribers: SubscribersEvidence = field(default_factory=SubscribersEvidence)
    services: ServiceOrdersEvidence = field(default_factory=ServiceOrdersEvidence)
    positions: dict[PaymentName, int] = field(default_factory=dict)  # of the journal, at which money was a customer's
    is_over: bool = True  # nothing is under way
    exposed: list[str] = field(default_factory=list)  # account numbers and personal numbers where none may be

    @property
    def everybody(self) -> list[CustomerEvidence]:
        """All who have paid or owed anything."""
        return [*self.accounts, *self.buyers]

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
        sums = sums_of((case.received_minor, case.month.customer.currency) for case in self.cases)
        return {currency: total for currency, total in sorted(sums.items()) if total}

    def letters(self) -> Counter[str]:
        """The mails that arrived, by kind, each counted once however often it was delivered."""
        kinds = {row.message_id: str(row.kind) for case in self.all_cases for row in case.messages}
        kinds |= {row.message_id: "step" for rows in self.services.mails.values() for row in rows}
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

    def reported_orders(self) -> set[tuple[AlertKind, str]]:
        """The orders in the digests: kind, and number."""
        digests = (mail for mail in self.mails if mail.headers.get("X-Billing-Ref", "").startswith("digest/"))
        lines = (each for mail in digests for each in _lines(mail.text))
        return {(kind, found[1]) for kind, line in lines if (found := re.match(r"  order ([^ :]+)[ :]", line))}

    def arrivals(self, *message_ids: str) -> list[Mail]:
        """The deliveries of these mails, in the order of arrival."""
        return [mail for mail in self.mails if mail.message_id in message_ids]


def _reported(text: str) -> Iterator[tuple[AlertKind, str, Period]]:
    """The matters in the text part of a digest."""
    for kind, line in _lines(text):
        if matter := re.match(r"  ([^ ,]+), (\d{4}-\d\d)[ :]", line):
            yield kind, matter[1], Period(matter[2])


def _lines(text: str) -> Iterator[tuple[AlertKind, str]]:
    """With their kind, by the title at the left above them."""
    kind: AlertKind | None = None
    for line in text.splitlines():
        kind = next((titled for titled, title in TITLES.items() if line.startswith(f"{title}: ")), kind)
        if kind:
            yield kind, line


def _digest_id(message_id: str) -> str:
    return message_id.lstrip("<").partition("@")[0]
