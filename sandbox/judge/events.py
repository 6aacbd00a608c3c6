"""What a receiver of events was told, against the journal: every movement of money, once, in its customer's order."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from billing.receivables.journal import AccountKind, Cause
from sandbox.judge.evidence import CustomerEvidence, Evidence


class Fact(NamedTuple):
    """What an event tells, in short."""

    type: str
    amount_minor: int


def differing_events(evidence: Evidence) -> Iterator[str]:
    if evidence.deliveries is None:
        return
    arrived = dict[str, dict[str, Any]]()
    for event in evidence.deliveries:
        if arrived.setdefault(event["id"], event) != event:
            yield f"event {event['id']} has come with another body"
    customers = {None, *(account.customer_id for account in evidence.everybody)}
    unknown = (event["customer_id"] for event in arrived.values() if event["customer_id"] not in customers)
    yield from (f"an event is about {customer_id}, whom the ledger does not know" for customer_id in unknown)
    for account in evidence.everybody:
        own = [event for event in arrived.values() if event["customer_id"] == account.customer_id]
        told = [Fact(event["type"], event["data"]["amount_minor"]) for event in own if "amount_minor" in event["data"]]
        facts = list(_facts(account))
        if told != facts:
            yield f"{account.customer_id}: {told} was told, should be {facts}"
        if (settled := _understood(own)) != (expected := _settled(account)):
            yield f"{account.customer_id}: {sorted(settled)} were told to be settled, should be {sorted(expected)}"


def _facts(account: CustomerEvidence) -> Iterator[Fact]:
    """What the customer's transactions call for; credit that pays a bill is no payment."""
    for transaction in account.transactions:
        own = [entry for entry in transaction.entries if entry.account.customer_id == account.customer_id]
        if transaction.cause in (Cause.NOTICE, Cause.VOID):
            billed_minor = -sum(entry.amount_minor for entry in own if entry.account.kind is AccountKind.BILLED)
            is_issued = transaction.cause is Cause.NOTICE
            yield Fact("bill.issued" if is_issued else "bill.voided", billed_minor if is_issued else -billed_minor)
        elif transaction.payment:
            kind = "payment.assigned" if transaction.cause is Cause.ALLOCATION else "payment.booked"
            yield Fact(kind, -sum(entry.amount_minor for entry in own))


def _understood(events: Sequence[dict[str, Any]]) -> set[str]:
    """The months that are settled by what was told."""
    settled = set[str]()
    for event in events:
        data = event["data"]
        match event["type"]:
            case "receivable.settled":
                settled.add(data["subject"])
            case "bill.issued" | "bill.voided":
                settled.discard(data["subject"])
            case "payment.booked":
                shares = (share for share in data["shares"] if share["account"] == AccountKind.RECEIVABLE)
                settled -= {share["subject"] for share in shares if share["amount_minor"] < 0}
    return settled


def _settled(account: CustomerEvidence) -> set[str]:
    """The months for which a bill holds and nothing is owed, by the journal."""
    owed, billed = dict[str, int](), set[str]()
    for transaction in account.transactions:
        for entry in transaction.entries:
            of = entry.account
            if of.kind is AccountKind.RECEIVABLE and of.customer_id == account.customer_id and of.subject:
                owed[of.subject.name] = owed.get(of.subject.name, 0) + entry.amount_minor
                if transaction.cause is Cause.NOTICE:
                    billed.add(of.subject.name)
                if transaction.cause is Cause.VOID:
                    billed.discard(of.subject.name)
    return {name for name in billed if owed[name] <= 0}
