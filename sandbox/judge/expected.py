"""The expected result of a month, by the sheet, the accepted commands and the bank: recomputed for the judge.

Nothing here is the workflow's code but the tables of currencies.
"""

import csv
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from billing.customers.customer import ReviewMode
from billing.invoices.commands import Decision
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.money import minor_digits, step_minor
from sandbox.judge.rails.stripe_journal import Intent, StripeJournal

LATE = "Came late"
"""The description of rows that were typed after their customer's import: they belong on the next invoice."""

FIRST_ROW = "row"
"""The column of chaos's sheets with a row's place at the import, before people have sorted them."""

_AMOUNT = re.compile(r"-?(\d+|[1-9]\d{0,2}(,\d{3})+)(\.\d+)?")


class TypedRow(NamedTuple):
    """A row of the sheet, as typed."""

    line_id: str
    email: str
    cell: str
    late: bool = False


class MonthMoney(NamedTuple):
    """What the judge's own books say about a month: what its draft takes over, and when money other than its charge
    had paid the whole bill.
    """

    carried_minor: int
    settled_at: datetime | None


class CustomerScript:
    """The decisions about a customer, month after month."""

    def __init__(self, email: str, months: list[list[Decision]]) -> None:
        self.decisions = [*chain.from_iterable(months)]
        self._emails = [(datetime.min.replace(tzinfo=UTC), email)]
        for decision in self.decisions:
            is_update = decision.accepted and decision.command == "update_customer"
            if is_update and (new_email := _changes(decision).get("email")):
                self._emails.append((decision.at, new_email))

    def emails_until(self, instant: datetime) -> set[str]:
        """The address at that instant and the former ones, whose rows are the customer's if a reviewer agrees."""
        return {email for since, email in self._emails if since <= instant}

    def email_at(self, instant: datetime) -> str:
        return next(email for since, email in reversed(self._emails) if since <= instant)


def first_email(emails: list[str], months: list[list[Decision]]) -> str:
    """Of all that the customer ever had, the one that no decision has brought; "": there was none."""
    updates = (each for each in chain.from_iterable(months) if each.accepted and each.command == "update_customer")
    later = {_changes(each).get("email") for each in updates}
    return next((email for email in emails if email not in later), "")


@dataclass(frozen=True)
class ExpectedMonth:
    """The month as it should be: ``outcome`` None while nobody can say."""

    carried_minor: int
    amounts: dict[str, int | None]  # by line, after the accepted edits; None cannot be read
    late: dict[str, int | None]  # by their lines on the next invoice, the rows of this month's sheet that came late
    outcome: Stage | None
    settled: bool = False  # paid by other money before it was charged

    @classmethod
    def of(
        cls,
        month: Month,
        before: "ExpectedMonth | None",
        money: MonthMoney,
        sheet: list[TypedRow] | None,
        script: CustomerScript,
        decisions: list[Decision],
        intents: list[Intent],
        journal: StripeJournal,
        fees: Mapping[str, int] = MappingProxyType({}),
    ) -> "ExpectedMonth":
        """``fees`` are those of tariffs, by line."""
        amounts: dict[str, int | None] = {}
        late: dict[str, int | None] = {}
        if month.invoice is not None and month.customer.terms.review_mode is not ReviewMode.MANUAL:
            owner = script.emails_until(month.invoice.imported_at)
            currency = month.invoice.currency
            rows = [(row, minor_of(row.cell, currency)) for row in sheet or () if row.email in owner]
            amounts = {row.line_id: minor for row, minor in rows if not row.late}
            late = {f"late-{month.period}-{row.line_id}": minor for row, minor in rows if row.late}
        if before and month.previous_compared:
            amounts |= before.unapplied
        is_without_sheet = sheet is None and bool(amounts)
        unpriced = cls(money.carried_minor, _edited(amounts | dict(fees), decisions), late, None)
        if is_without_sheet:
            return unpriced
        outcome = unpriced._outcome(month, decisions, intents, journal)
        if unpriced._is_settled(month, intents, money, outcome):
            return replace(unpriced, outcome=Stage.PAID, settled=True)
        return replace(unpriced, outcome=outcome)

    @property
    def total_minor(self) -> int:
        return self.carried_minor + sum(amount for amount in self.amounts.values() if amount is not None)

    @property
    def unapplied(self) -> dict[str, int | None]:
        """The lines that the next invoice begins with. A skip forgoes the month's own sales, late ones too; not those
        of earlier months that were on its invoice.
        """
        if self.outcome is Stage.SKIPPED:
            return {name: minor for name, minor in self.amounts.items() if name.startswith("late-")}
        return self.late

    @property
    def is_charged(self) -> bool:
        return self.outcome in (Stage.PAID, Stage.PAST_DUE, Stage.AUTHENTICATION_REQUIRED, Stage.NEEDS_CARD)

    @staticmethod
    def _is_settled(month: Month, intents: list[Intent], money: MonthMoney, outcome: Stage | None) -> bool:
        """Whether other money had paid the bill, so that no card was tried, and the month was closed as paid."""
        if money.settled_at is None or month.closed is None or any(intent.first_answer for intent in intents):
            return False
        if outcome is Stage.SKIPPED:  # it was to be cancelled, and may have been settled at the same time
            return month.charging is not None and month.outcome is Stage.PAID
        return outcome is None or (outcome is Stage.NEEDS_CARD and money.settled_at <= month.closed.at)

    def _outcome(
        self, month: Month, decisions: list[Decision], intents: list[Intent], journal: StripeJournal
    ) -> Stage | None:
        answers = {intent.first_answer for intent in intents} - {None}
        if any(decision.accepted and decision.command == "skip" for decision in decisions):
            given_up = month.charging is not None  # skipped only if its payment could be cancelled
            return Stage.PAID if given_up and Stage.PAID in answers else Stage.SKIPPED
        if month.invoice is None or None in self.amounts.values():
            return None
        if self.total_minor == 0:
            return Stage.NOTHING_DUE
        if self.total_minor < month.customer.payment_method.minimum_minor(month.invoice.currency):
            return Stage.CARRIED_FORWARD
        if Stage.PAID in answers:
            return Stage.PAID
        if month.customer.card is None and not answers:
            return Stage.BILLED if month.notice and month.notice.delivered_at else None
        lost = journal.attached.get(month.customer.card_on_file.card_id, "") is None
        return next(iter(answers), Stage.NEEDS_CARD if lost else None)


def read_sheet(path: Path) -> list[TypedRow] | None:
    """The rows as a person counts them, or did at the import; the header is row 1. None: there is no such sheet."""
    if not path.exists():
        return None
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return [
        TypedRow(f"row-{row[3] if FIRST_ROW in rows[0] and row[3:] else number}", row[0], row[1], LATE in row[2:])
        for number, row in enumerate(rows[1:], start=2)
    ]


def minor_of(cell: str, currency: str) -> int | None:
    """The minor units that a cell stands for; None if it cannot be read, or not be charged."""
    typed = cell.removeprefix("'")
    if not _AMOUNT.fullmatch(typed):
        return None
    exact = Decimal(typed.replace(",", "")).scaleb(minor_digits(currency))
    return int(exact) if exact == int(exact) and int(exact) % step_minor(currency) == 0 else None


def announced(subject: str, currency: str) -> tuple[int | None, datetime | None]:
    """Amount and day in a notice's subject: ``Invoice for November 2026: €1,330.40 on 8 December 2026``."""
    words = re.search(r": (.+) on (\d+ \w+ \d{4})$", subject)
    if words is None:
        return None, None
    day = datetime.strptime(words[2], "%d %B %Y")  # noqa: DTZ007
    return minor_of(re.sub(r"[^\d.-]", "", words[1]), currency), day


def texted(body: str, currency: str) -> int:
    """The amount in the text of a bill: ``Your bill: 45.00 EUR, due 8 December``."""
    words = re.search(r"\d[\d.,]*\d|\d", body)
    return (minor_of(words[0], currency) if words else None) or 0


def _edited(amounts: dict[str, int | None], decisions: list[Decision]) -> dict[str, int | None]:
    edited, added = dict(amounts), 0
    for decision in decisions:
        if not decision.accepted or decision.command != "edit":
            continue
        for change in _changes(decision):
            if "source" in change:  # a refresh: the sheet says so itself
                continue
            if change["op"] == "remove":
                edited.pop(change["line_id"], None)
            elif change["op"] == "add":
                added += 1
                edited[f"added-{added}"] = change["amount_minor"]
            elif "amount_minor" in change:
                edited[change["line_id"]] = change["amount_minor"]
    return edited


def _changes(decision: Decision) -> Any:
    return json.loads(decision.details)["changes"]
