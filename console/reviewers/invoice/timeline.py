"""The story of a month: past and coming events, in order."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from billing.collections.stages import OWN_PAYMENT, DiaryEntry
from billing.invoices.commands import Decision
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.mails.mail import MessageRow, MessageStatus
from billing.payments.payment import PaymentStatus
from billing.payments.ports import ChargeRow
from billing.texts.text import TextRow, TextStatus
from console.reviewers.invoice.month_record import MonthRecord
from wording.english import money_text
from wording.plain import stage_words

_DEEDS = {
    "halt": "halted it",
    "resume": "resumed it",
    "edit": "edited it",
    "approve": "approved it",
    "skip": "skipped it",
    "close_account": "closed the account",
    "update_customer": "changed the customer",
    "start": "started billing again",
}
_MAILS = {
    "notice": "Charge notice",
    "receipt": "Receipt",
    "decline": "Decline notice",
    "nothing_due": "Nothing due",
    "withdrawn": "Notice withdrawn",
    "reminder": "Reminder",
}


class Event(NamedTuple):
    """``tone`` is the colour of its mark; ``coming``: it has not happened yet."""

    at: datetime
    title: str
    text: str = ""
    tone: str = "quiet"
    coming: bool = False


def timeline(record: MonthRecord) -> list[Event]:
    """Oldest first, the coming ones last."""
    past = sorted(_past(record), key=lambda event: event.at)
    return [*past, *_coming(record.month, "" if record.goes_on else "not before its workflow goes on")]


def mail_words(kind: str) -> str:
    """The name of a kind of mail."""
    return _MAILS.get(kind, kind.replace("_", " ").capitalize())


def command_words(command: str) -> str:
    """The command as its giver's deed: ``halted it``."""
    return _DEEDS.get(command, command.replace("_", " "))


def diary_words(entry: DiaryEntry) -> tuple[str, str]:
    """An entry of a collection's diary: what happened, and what came of it."""
    if entry.what == OWN_PAYMENT:
        return "customer tried to pay", entry.text
    return entry.title, f"{entry.by}: {entry.story}" if entry.by else entry.story


def _past(record: MonthRecord) -> Iterator[Event]:
    month = record.month
    if record.versions:
        first = record.versions[0].invoice
        unreadable = f", {len(first.problems)} unreadable" if first.problems else ""
        count = len(first.lines) + len(first.problems)
        text = f"{count} {'row' if count == 1 else 'rows'} of the sheet{unreadable}"
        yield Event(first.imported_at, "Sales imported", text, "act" if first.problems else "quiet")
    yield from (_decision(entry) for entry in record.decisions if entry.accepted)
    yield from map(_mail, record.messages)
    yield from map(_text, record.texts)
    if month.charging:
        yield Event(month.charging.since, "Charge begun", tone="wait")
    yield from (_charge(charge) for charge in record.charges if charge.status != PaymentStatus.NEW)
    for reversal in record.reversals:
        amount = money_text(reversal.amount_minor, reversal.currency)
        text = f"{amount}, {reversal.code}{f': {reversal.reason}' if reversal.reason else ''}"
        yield Event(reversal.created_at, str(reversal.kind).capitalize(), text, "act")
    for entry in record.diary:
        title, text = diary_words(entry)
        yield Event(entry.at, f"Collection: {title}", text, "wait" if entry.accepted else "bad")
    if month.closed:
        tone = "good" if month.outcome is Stage.PAID else "act"
        yield Event(month.closed.at, f"Closed: {stage_words(month.closed.outcome)}", tone=tone)


def _decision(decision: Decision) -> Event:
    tone = {"halt": "bad", "approve": "good", "resume": "good", "start": "good"}.get(decision.command, "wait")
    return Event(decision.at, f"{decision.by} {command_words(decision.command)}", decision.reason, tone)


def _mail(message: MessageRow) -> Event:
    title = mail_words(message.kind)
    if message.status is MessageStatus.FAILED:
        return Event(message.at, f"{title} refused by the mail server", tone="bad")
    if message.status is MessageStatus.SENDING:
        return Event(message.at, f"{title} being handed over", tone="wait")
    return Event(message.at, f"{title} sent", tone="good" if message.kind == "notice" else "quiet")


def _text(row: TextRow) -> Event:
    title = f"{row.kind.capitalize()} by text"
    tones = {TextStatus.FAILED: "bad", TextStatus.SENT: "quiet", TextStatus.DELIVERED: "quiet"}
    return Event(row.began_at, title, f"{row.status} {row.code}".strip(), tones.get(row.status, "wait"))


def _charge(charge: ChargeRow) -> Event:
    amount = money_text(charge.amount_minor, charge.currency)
    code = charge.decline_code or charge.code
    tone = {PaymentStatus.SUCCEEDED: "good", PaymentStatus.PROCESSING: "wait"}.get(PaymentStatus(charge.status), "bad")
    status = charge.status.replace("_", " ")
    return Event(charge.at, f"Charge {status}", f"{amount}{f', {code}' if code else ''}", tone)


def _coming(month: Month, standstill: str) -> Iterator[Event]:
    if month.closed or month.charging:
        return
    waits = standstill or _awaited(month)
    if month.invoice is None:
        yield Event(month.import_at, "Sales are imported", coming=True)
    if not month.announced:
        nothing = month.invoice is not None and month.nothing_to_charge is not None
        title = "Closes without a charge" if nothing else "Charge notice is sent"
        yield Event(month.notice_at, title, waits, coming=True)
        if nothing:
            return
    yield Event(month.planned_charge_at, "Card is charged", waits, coming=True)


def _awaited(month: Month) -> str:
    """The event that a stopped month waits for."""
    if month.halt or month.failure:
        return "not before somebody resumes"
    if month.brake:
        return "not before the brake is released"
    return "not before a person acts" if month.stopped else ""
