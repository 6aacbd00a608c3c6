"""The story of a month: what has happened, in order, and what is still to come."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from billing.invoices.commands import Decision
from billing.invoices.month import Month
from billing.mails.mail import MessageRow, MessageStatus
from billing.payments.payment import PaymentStatus
from billing.payments.ports import ChargeRow
from console.reviewers.invoice.month_record import MonthRecord
from console.reviewers.wording import words
from wording.english import money_text

_SAID = {
    "halt": "halted it",
    "resume": "let it go on",
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
    "alert": "Alert to the reviewers",
    "report": "Report to the reviewers",
}


class Happening(NamedTuple):
    """``tone`` is the colour of its mark; ``coming``: it has not happened yet."""

    at: datetime
    title: str
    text: str = ""
    tone: str = "quiet"
    coming: bool = False


def timeline(dossier: MonthRecord) -> list[Happening]:
    """Oldest first; then what is to come, in order."""
    past = sorted(_past(dossier), key=lambda each: each.at)
    return [*past, *_coming(dossier.month, "" if dossier.goes_on else "not before its workflow goes on")]


def mail_words(kind: str) -> str:
    """What a kind of mail is called."""
    return _MAILS.get(kind, kind.replace("_", " ").capitalize())


def command_words(command: str) -> str:
    """What somebody did who gave the command."""
    return _SAID.get(command, command.replace("_", " "))


def _past(dossier: MonthRecord) -> Iterator[Happening]:
    month = dossier.month
    if dossier.versions:
        first = dossier.versions[0].invoice
        unreadable = f", {len(first.problems)} unreadable" if first.problems else ""
        count = len(first.lines) + len(first.problems)
        text = f"{count} {'row' if count == 1 else 'rows'} of the sheet{unreadable}"
        yield Happening(first.imported_at, "Sales collected", text, "act" if first.problems else "quiet")
    yield from (_decision(each) for each in dossier.decisions if each.accepted)
    yield from (_mail(each) for each in dossier.messages)
    if month.charging_since:
        yield Happening(month.charging_since, "Charge begun", tone="wait")
    yield from (_charge(each) for each in dossier.charges if each.status != PaymentStatus.NEW)
    for reversal in dossier.reversals:
        amount = money_text(reversal.amount_minor, reversal.currency)
        text = f"{amount}, {reversal.code}{f': {reversal.reason}' if reversal.reason else ''}"
        yield Happening(reversal.created_at, str(reversal.kind).capitalize(), text, "act")
    for entry in dossier.diary:
        who = f"{entry.by}: " if entry.by else ""
        yield Happening(
            entry.at, f"Collection: {entry.what}", f"{who}{entry.text}", "wait" if entry.accepted else "bad"
        )
    if month.closed_at and month.outcome:
        yield Happening(
            month.closed_at, f"Closed: {words(month.outcome)}", tone="good" if month.outcome == "Paid" else "act"
        )


def _decision(decision: Decision) -> Happening:
    tone = {"halt": "bad", "approve": "good", "resume": "good", "start": "good"}.get(decision.command, "wait")
    return Happening(decision.at, f"{decision.by} {command_words(decision.command)}", decision.reason, tone)


def _mail(message: MessageRow) -> Happening:
    title = mail_words(message.kind)
    if message.status is MessageStatus.FAILED:
        return Happening(message.at, f"{title} refused by the mail server", tone="bad")
    if message.status is MessageStatus.SENDING:
        return Happening(message.at, f"{title} being handed over", tone="wait")
    return Happening(message.at, f"{title} sent", tone="good" if message.kind == "notice" else "quiet")


def _charge(charge: ChargeRow) -> Happening:
    amount = money_text(charge.amount_minor, charge.currency)
    code = charge.decline_code or charge.code
    tone = {PaymentStatus.SUCCEEDED: "good", PaymentStatus.PROCESSING: "wait"}.get(PaymentStatus(charge.status), "bad")
    status = charge.status.replace("_", " ")
    return Happening(charge.at, f"Charge {status}", f"{amount}{f', {code}' if code else ''}", tone)


def _coming(month: Month, standstill: str) -> Iterator[Happening]:
    if month.outcome is not None or month.charging_since is not None:
        return
    waits = standstill or _awaited(month)
    if month.invoice is None:
        yield Happening(month.import_at, "Sales are collected", coming=True)
    if not month.announced:
        nothing = month.invoice is not None and month.nothing_to_charge is not None
        title = "Closes without a charge" if nothing else "Charge notice is sent"
        yield Happening(month.notice_at, title, waits, coming=True)
        if nothing:
            return
    yield Happening(month.planned_charge_at, "Card is charged", waits, coming=True)


def _awaited(month: Month) -> str:
    """What lets a clock go on that stands still."""
    if month.hold or month.trouble:
        return "not before somebody resumes"
    if month.brake:
        return "not before the brake is released"
    return "not before a person acts" if month.blocked else ""
