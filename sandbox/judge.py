"""The judge: was a month billed as promised? Asks Stripe's journal, the mail, the ledger and the sheet only.

    evidence = await gather(folder, ledger, period)
    for check in judge(evidence):
        print(check.name, "ok" if check.ok else check.wrong)

What should have been charged is computed here once more, from the sheet and the accepted edits, by other code than
the workflow's.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.sql_ledger import SqlLedger
from billing.messages import Decision
from billing.model import Model
from billing.money import format_amount, minimum_minor, minor_digits
from billing.month import Month, Stage
from billing.period import Period
from billing.ports import ChargeRow, LetterKind, MessageRow, MessageStatus
from bootstrap import SANDBOX_SHEET_ID
from sandbox.mailbox import Mail, read_mail

_AMOUNT = re.compile(r"-?\d+(\.\d+)?")
_OUTCOMES = {"succeed": Stage.PAID, "authentication_required": Stage.AUTHENTICATION_REQUIRED}


class Check(Model):
    """One promise, and what breaks it: nothing, if it holds."""

    name: str
    wrong: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.wrong


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
        rows = {line: _minor(cell, customer.currency) for line, email, cell in sheet if email == customer.email}
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


def judge(evidence: Evidence) -> list[Check]:
    """Every promise, held against the evidence."""
    checks: dict[str, Callable[[Evidence], Iterator[str]]] = {
        "every customer has one outcome, the one that sheet, reviewers and card call for": _outcomes,
        "charges equal the sheet with the accepted edits, to the minor unit": _amounts,
        "nobody is charged twice": _twice,
        "no charge without an earlier notice of the same amount, at least min_notice before": _notices,
        "nothing is charged that was skipped, halted, carried forward or not due": _nothing,
        "ledger and Stripe tell of the same payments": _agreement,
        "every outcome is told to the customer, once, and no other mail is sent": _letters,
        "every customer is in the next month now": _chain,
    }
    return [Check(name=name, wrong=tuple(find(evidence))) for name, find in checks.items()]


def _outcomes(evidence: Evidence) -> Iterator[str]:
    yield from evidence.strangers
    if not evidence.cases:
        yield "there are no customers"
    for case in evidence.cases:
        outcome = case.month.outcome if case.month else None
        if outcome is None or outcome != case.due:
            yield f"{case.customer_id} is {outcome or 'open'}, should be {case.due or 'open'}"


def _amounts(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        assert case.month is not None
        currency = case.month.customer.currency
        charged = sum(intent.now["amount_received"] for intent in case.intents)
        expected = case.total_minor if case.due is Stage.PAID else 0
        if charged != expected:
            yield f"{case.customer_id}: {format_amount(charged, currency)}, not {format_amount(expected, currency)}"
        for intent in case.intents:
            if (intent.now["amount"], intent.now["currency"]) != (case.total_minor, currency):
                yield f"{case.customer_id}: {intent.now['id']} asks for {intent.now['amount']} {intent.now['currency']}"


def _twice(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        charged = [intent.now["id"] for intent in case.intents if intent.charged]
        if len(charged) > 1:
            yield f"{case.customer_id}: {', '.join(charged)}"


def _notices(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        for intent in case.intents:
            yield from (f"{case.customer_id}: {wrong}" for wrong in _notice_of(evidence, case, intent))


def _notice_of(evidence: Evidence, case: Case, intent: Intent) -> Iterator[str]:
    notices = [row for row in case.messages if row.kind is LetterKind.NOTICE and row.status is MessageStatus.SENT]
    if not notices or case.month is None or case.month.charging_since is None:
        yield "no notice"
        return
    notice = max(notices, key=lambda row: row.number)
    mail, currency = evidence.arrival(notice.message_id), case.month.customer.currency
    ahead = case.month.charging_since - notice.at
    if notice.total_minor != intent.now["amount"]:
        yield f"the last notice says {notice.total_minor}, the charge {intent.now['amount']} (minor units)"
    if ahead < case.month.customer.terms.min_notice:
        yield f"the notice came only {ahead} before the charge"
    if mail is None or mail.to != case.month.customer.email:
        yield "the notice never arrived"
    elif _minor_told(mail, currency) != intent.now["amount"]:
        yield f"the mail says {mail.subject!r}"
    elif intent.attempted_at is not None and _arrived_at(mail) >= intent.attempted_at:
        yield "the notice arrived after the charge"


def _nothing(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        if case.intents and not case.is_charged:
            yield f"{case.customer_id} is {case.due}, but has {len(case.intents)} payments"
        since = case.month.charging_since if case.month else None
        for halt in case.accepted("halt"):
            resumed = [each.at for each in case.accepted("resume") if each.number > halt.number]
            if since is not None and halt.at <= since and not any(at <= since for at in resumed):
                yield f"{case.customer_id} was charged while it was halted"


def _agreement(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        stripe = {(i.now["id"], i.charged, i.now["amount"], i.now["currency"]) for i in case.intents}
        ledger = {(c.payment_id, c.status == "succeeded", c.amount_minor, c.currency) for c in case.charges}
        if stripe != ledger:
            yield f"{case.customer_id}: Stripe {sorted(stripe)}, ledger {sorted(ledger)}"


def _letters(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        sent = Counter(row.kind for row in case.messages if row.status is MessageStatus.SENT)
        expected = {
            LetterKind.RECEIPT: int(case.due is Stage.PAID),
            LetterKind.DECLINE: int(case.is_charged and case.due is not Stage.PAID),
        }
        for kind, number in expected.items():
            if sent[kind] != number:
                yield f"{case.customer_id}: {sent[kind]} of {kind}, should be {number}"
        if sent[LetterKind.NOTICE] and not case.is_charged and case.due is not Stage.SKIPPED:
            yield f"{case.customer_id}: a charge notice, but {case.due}"
        for row in case.messages:
            if row.status is MessageStatus.SENT and evidence.arrival(row.message_id) is None:
                yield f"{case.customer_id}: {row.kind} {row.number} never arrived"
    if unknown := evidence.letters()["unknown"]:
        yield f"{unknown} mails that the ledger does not know"


def _chain(evidence: Evidence) -> Iterator[str]:
    for case in evidence.cases:
        if case.next_month is None or case.next_month.outcome is not None:
            yield f"{case.customer_id} is not in {evidence.period.next()}"


# -- reading


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


def _minor(cell: str, currency: str) -> int | None:
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


def _minor_told(mail: Mail, currency: str) -> int | None:
    """The amount in the subject of a notice, such as ``Invoice for November 2026: €1,330.40 on 8 December 2026``."""
    told = re.search(r": (.+) on ", mail.subject)
    return _minor(re.sub(r"[^\d.-]", "", told[1]), currency) if told else None


def _arrived_at(mail: Mail) -> datetime:
    return datetime.strptime(mail.path.name.partition("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
