"""Everything that has happened to a subscriber, by month and in order: money, messages, calls, tasks; a word each."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import NamedTuple

from billing.period import Period
from billing.receivables.journal import AccountKind, Cause, Transaction
from billing.subscribers.service import CallState, ServiceCause
from billing.tasks.listing import TaskFilter
from sandbox.sms.store import SMS_JOURNAL, texts
from sandbox.stand_ins.provisioning import told
from tests.scenarios.town.town import Town

_WORDS = {Cause.NOTICE: "bill", Cause.PAYMENT: "paid", Cause.WRITE_OFF: "written off"}
_MOVED = (AccountKind.BILLED, AccountKind.CLEARING, AccountKind.WRITTEN_OFF)


class Seen(NamedTuple):
    at: datetime
    word: str


async def seen(town: Town, name: str) -> list[str]:
    """A line for each month: ``acme, 1: sms bill, bill 45``; of months in which nothing has happened, none."""
    found = [each async for each in _all(town, name)]
    lines = dict[int, list[str]]()
    for each in sorted(found, key=lambda each: each.at):
        lines.setdefault(town.month_of(each.at), []).append(each.word)
    return [f"{name}, {month}: {', '.join(words)}" for month, words in sorted(lines.items()) if month]


async def _all(town: Town, name: str) -> AsyncIterator[Seen]:
    ledger = town.bed.ledger
    for transaction in await ledger.transactions(name):
        if word := _money(transaction):
            yield Seen(_acted(transaction.at) if transaction.cause is Cause.PAYMENT else transaction.at, word)
    for row in await ledger.texts(name, limit=1000):
        yield Seen(row.began_at, f"sms {row.kind}")
    for period in (*town.periods, town.periods[-1].next()):
        for mail in await ledger.messages(name, Period(period)):
            yield Seen(mail.at, f"mail {mail.kind}")
    for number in town.numbers[name]:
        for change in await ledger.service_changes(number):
            if change.call is not None:
                assert change.call is CallState.DONE, change
                at = _acted(change.at) if change.cause is ServiceCause.PAID else change.at
                yield Seen(at, f"{change.state}{_which(town, name, number)}")
    for task in await ledger.tasks(TaskFilter(customer_id=name, open_only=False), limit=1000):
        yield Seen(task.opened_at, f"task {task.kind}")
        if task.end:
            yield Seen(task.end.at if task.end.by else _acted(task.end.at), f"{task.kind} {task.end.outcome}")


def _acted(at: datetime) -> datetime:
    """When people have acted, on the town's clock: what follows is on the clocks of workflows, seconds behind it."""
    return at.replace(minute=at.minute // 30 * 30, second=0, microsecond=0)


def _money(transaction: Transaction) -> str:
    """``paid 100 (credit 55)``: what was billed or has come, and what of it is credit now; drafts only look."""
    if transaction.cause in (Cause.DRAFT, Cause.CARRY):
        return ""
    moved = sum(entry.amount_minor for entry in transaction.entries if entry.account.kind in _MOVED)
    credit = sum(entry.amount_minor for entry in transaction.entries if entry.account.kind is AccountKind.CREDIT)
    word = f"{_WORDS.get(transaction.cause, transaction.cause)} {abs(moved) / 100:g}"
    return f"{word} (credit {-credit / 100:g})" if credit else word


def _which(town: Town, name: str, number: str) -> str:
    """Of several accounts, which one it is."""
    numbers = town.numbers[name]
    return f" {numbers.index(number) + 1}" if len(numbers) > 1 else ""


async def nothing_else(town: Town) -> None:
    """What phones, mailboxes and the network got is what the ledger says, once each, and nobody else got anything."""
    ledger, folder = town.bed.ledger, town.bed.folder
    rows = [row for name in town.subscribers for row in await ledger.texts(name, limit=1000)]
    taken = sorted(text["id"] for text in texts(folder / SMS_JOURNAL))
    assert taken == sorted(row.message_id for row in rows)
    mails = [
        mail
        for name in town.subscribers
        for period in (*town.periods, town.periods[-1].next())
        for mail in await ledger.messages(name, Period(period))
    ]
    assert sorted(mail.subject for mail in town.bed.letters()) == sorted(mail.subject for mail in mails)
    calls = [(call["event"]["data"]["number"], call["event"]["data"]["position"]) for call in _calls(town)]
    changes = [
        (number, change.position)
        for numbers in town.numbers.values()
        for number in numbers
        for change in await ledger.service_changes(number)
        if change.call is not None
    ]
    assert sorted(calls) == sorted(changes)


def _calls(town: Town) -> Iterator[dict[str, dict[str, dict[str, object]]]]:
    yield from told(town.bed.folder / "provisioning.jsonl")
