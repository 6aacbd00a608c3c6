"""Evidence of how a month was billed: from the Stripe stand-in's journal, the mail, the ledger and the sheet only.

What should have been charged is computed here once more, from the sheet and the accepted edits, by other code than
the workflow's.
"""

import csv
import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.sql_ledger import SqlLedger
from billing.messages import Decision
from billing.money import minimum_minor, minor_digits
from billing.month import Month, Stage
from billing.period import Period
from billing.ports import ChargeRow, MessageRow
from bootstrap import SANDBOX_SHEET_ID
from sandbox.mailbox import Mail, read_mail

_AMOUNT = re.compile(r"-?\d+(\.\d+)?")
_OUTCOMES = {"succeed": Stage.PAID, "authentication_required": Stage.AUTHENTICATION_REQUIRED}


@dataclass(frozen=True)
class Intent:
    """A payment intent as the journal tells: how it stands now, and when its first attempt to move money ended."""

    now: dict[str, Any]
    attempted_at: datetime | None

    @property
    def charged(self) -> bool:
        return bool(self.now["status"] == "succeeded")


@dataclass(frozen=True)
class Case:
    """All that is known of one customer's month."""

    customer_id: str
    month: Month | None
    next_month: Month | None
    decisions: list[Decision]
    messages: list[MessageRow]
    charges: list[ChargeRow]
    intents: list[Intent]
    amounts: dict[str, int | None]  # by line, after the accepted edits; None cannot be read
    card: str  # how the card behaves, in the stand-in's words

    def accepted(self, command: str) -> list[Decision]:
        return [each for each in self.decisions if each.accepted and each.command == command]

    @property
    def total_minor(self) -> int:
        carried = self.month.carried_minor if self.month else 0
        return carried + sum(amount for amount in self.amounts.values() if amount is not None)

    @property
    def due(self) -> Stage | None:
        """The outcome that sheet, reviewers and card call for; None while nobody can say."""
        if self.month is None or (None in self.amounts.values() and not self.accepted("skip")):
            return None
        if self.accepted("skip"):
            return Stage.SKIPPED
        if self.total_minor == 0:
            return Stage.NOTHING_DUE
        if self.total_minor < minimum_minor(self.month.customer.currency):
            return Stage.CARRIED_FORWARD
        return _OUTCOMES.get(self.card.partition(":")[0], Stage.PAST_DUE)

    @property
    def is_charged(self) -> bool:
        return self.due in (Stage.PAID, Stage.PAST_DUE, Stage.AUTHENTICATION_REQUIRED)


@dataclass(frozen=True)
class Evidence:
    """What the judge looks at: a case for each customer, and what belongs to nobody."""

    period: Period
    cases: list[Case]
    strangers: list[str]  # customers at Stripe that the ledger does not know, and payments of no customer
    mails: list[Mail]

    def stages(self) -> Counter[str]:
        return Counter(str(case.month.outcome or "open") for case in self.cases if case.month)

    def charged_minor(self) -> dict[str, int]:
        """What was charged, by currency."""
        sums: Counter[str] = Counter()
        for case in self.cases:
            for intent in case.intents:
                sums[intent.now["currency"]] += intent.now["amount_received"]
        return {currency: total for currency, total in sorted(sums.items()) if total}

    def letters(self) -> Counter[str]:
        """The mails that arrived, by kind, each counted once however often it was delivered."""
        kinds = {row.message_id: str(row.kind) for case in self.cases for row in case.messages}
        return Counter(kinds.get(name, "unknown") for name in {mail.message_id for mail in self.mails})

    def arrival(self, message_id: str) -> Mail | None:
        return next((mail for mail in self.mails if mail.message_id == message_id), None)


async def gather(folder: Path, ledger: SqlLedger, period: Period) -> Evidence:
    """Reads everything. Nothing of it comes from a workflow."""
    cards, emails, intents = _read_journal(folder / "stripe.jsonl", period)
    sheet = _read_sheet(folder / "sheets" / SANDBOX_SHEET_ID / f"{period}.csv")
    cases = []
    for customer in await ledger.customers():
        decisions = await ledger.decisions(customer.customer_id, period)
        rows = {line: minor_of(cell, customer.currency) for line, email, cell in sheet if email == customer.email}
        cases.append(
            Case(
                customer_id=customer.customer_id,
                month=await ledger.month(customer.customer_id, period),
                next_month=await ledger.month(customer.customer_id, period.next()),
                decisions=decisions,
                messages=await ledger.messages(customer.customer_id, period),
                charges=await ledger.payments(customer.customer_id, period),
                intents=intents.pop(customer.stripe_customer_id, []),
                amounts=_edited(rows, decisions),
                card=cards.get(customer.payment_method_id, ""),
            )
        )
        emails.discard(customer.email)
    strangers = [f"customer {email}" for email in emails] + [f"payments of {name}" for name in intents]
    return Evidence(period=period, cases=cases, strangers=strangers, mails=read_mail(folder / "mail"))


def _read_journal(path: Path, period: Period) -> tuple[dict[str, str], set[str], dict[str, list[Intent]]]:
    """How each card behaves; the customers' addresses; the period's intents by Stripe's id of the customer."""
    cards: dict[str, str] = {}
    emails: set[str] = set()
    intents: dict[str, Intent] = {}
    for entry in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        if entry["kind"] == "behaviour":
            cards[entry["card"]] = entry["behaviour"]
        snapshot = entry.get("object", {})
        if snapshot.get("object") == "customer":
            emails.add(snapshot["email"])
        if snapshot.get("object") == "payment_intent" and snapshot["metadata"].get("period", period) == period:
            before = intents.get(snapshot["id"])
            attempted_at = before.attempted_at if before else None
            if attempted_at is None and snapshot["latest_charge"]:
                attempted_at = datetime.fromisoformat(entry["at"])
            intents[snapshot["id"]] = Intent(snapshot, attempted_at)
    by_customer: dict[str, list[Intent]] = {}
    for intent in intents.values():
        by_customer.setdefault(str(intent.now["customer"]), []).append(intent)
    return cards, emails, by_customer


def _read_sheet(path: Path) -> list[tuple[str, str, str]]:
    """Line id, email and amount of each row; the header is row 1."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    return [(f"row-{number}", row[0], row[1]) for number, row in enumerate(rows[1:], start=2)]


def minor_of(cell: str, currency: str) -> int | None:
    """The minor units that a cell stands for; None if it cannot be read."""
    return int(Decimal(cell).scaleb(minor_digits(currency))) if _AMOUNT.fullmatch(cell) else None


def _edited(rows: dict[str, int | None], decisions: list[Decision]) -> dict[str, int | None]:
    amounts, added = dict(rows), 0
    for decision in decisions:
        if not decision.accepted or decision.command != "edit":
            continue
        for change in json.loads(decision.details)["changes"]:
            if change["op"] == "remove":
                del amounts[change["line_id"]]
            elif change["op"] == "add":
                added += 1
                amounts[f"added-{added}"] = change["amount_minor"]
            elif "amount_minor" in change:
                amounts[change["line_id"]] = change["amount_minor"]
    return amounts
