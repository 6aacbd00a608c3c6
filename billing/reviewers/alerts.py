"""What reviewers are told: each matter is an alert, and one digest tells many of them.

A matter is alerted once, however often the activity that noticed it is repeated. How a digest is grouped, and how much
of it is shown, is decided in ``billing/reviewers/digest.py``.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from billing.apart import Failed
from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS, decide
from billing.commands import parse_command
from billing.invoices.month import Month
from billing.invoices.stages import Stage, UnreadableRow
from billing.keys import alert_id, customer_of
from billing.model import Code, Id, Instant, Minor, Model, Words
from billing.period import Period
from billing.shell import command

_ROWS_AT_MOST = 3


class AlertKind(StrEnum):
    """What an alert is about, the most urgent first."""

    PERSON = "person"
    UNRESOLVED = "unresolved"
    HALTED = "halted"
    WORKER = "worker"
    REPORT = "report"
    DRAFT = "draft"


class Alert(Model):
    """One matter. ``command`` is what to type about it, after ``python starter.py``; ``customer_id`` "": nobody's.

    ``flags`` is what is remarkable about its invoice, such as ``|first|large|``, by the time it is told.
    """

    alert_id: Code
    kind: AlertKind
    customer_id: Id
    period: Period
    text: Words
    command: Words
    amount_minor: Minor | None = None
    currency: Code = ""
    at: Instant
    flags: Code = ""


class AlertRow(Alert):
    """An alert as the ledger knows it: in which digest it is ("": in none yet), and when that was told."""

    digest_id: Code
    told_at: Instant | None


def of_month(month: Month, at: datetime) -> Alert:
    """What waits for a person in ``month``; the next reminder of it is another alert."""
    unresolved = month.stage(at) is Stage.UNRESOLVED
    kind = _kind(unresolved, month.halt is not None)
    return _about(month, kind, str(month.alerts + 1), _what_waits(month, at), _what_helps(month, at), at)


def of_draft(month: Month, at: datetime) -> Alert:
    """The draft of ``month`` can be looked at."""
    return _about(month, AlertKind.DRAFT, "1", "draft", _to_type(month, "show"), at)


def of_former_address(month: Month, at: datetime) -> Alert:
    """The draft of ``month`` has rows under an address that the customer had before."""
    assert month.invoice is not None
    rows = month.invoice.former_rows
    listed = ", ".join(map(str, rows[:5])) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")
    text = (
        f"of worksheet {month.period}, row {listed}: under an address that {month.customer.customer_id} had before; "
        "approve the draft if that is theirs, else remove it; and correct the sheet"
    )
    return _about(month, AlertKind.REPORT, text, text, _to_decide(month, "approve"), at)


def of_collection(collection: Collection, at: datetime) -> Alert:
    """What waits for a person in ``collection``."""
    kind = _kind(collection.unresolved, collection.halt is not None)
    content, waits_for = f"collection {collection.alerts + 1}", collection.waits_for(at)
    text = waits_for.text if waits_for else "nothing waits any more"
    return _about(collection, kind, content, text, what_helps_collecting(collection, at), at)


def of_news(collection: Collection, at: datetime) -> Alert:
    """How ``collection`` ended."""
    content, todo = f"collection {collection.news}", _to_type(collection, "collections", "show")
    return _about(collection, AlertKind.REPORT, content, collection.news, todo, at)


def of_drift(month: Month, drift: str, at: datetime) -> Alert:
    """The sheet says something else than the charge notice that has just left."""
    text = (
        f"the sheet has changed since the import ({drift}); the charge notice went out as drafted. Refresh the "
        "draft before the charge, or the difference is on the next invoice"
    )
    return _about(month, AlertKind.REPORT, drift, text, _to_decide(month, "refresh"), at)


def of_worker(chain: str, at: datetime) -> Alert:
    """A worker could not let go of the workflow with the id ``chain``, and replaces itself; told once an hour."""
    customer_id, period = customer_of(chain), Period.at(at, "UTC")
    text = (
        f"a worker could not let go of {chain} and has replaced itself, so that others go on with it. If that comes "
        "again, a step of this workflow stalls: the worker's log shows where"
    )
    content, todo = f"{at:%Y-%m-%dT%H}{chain}", command("show", customer_id) if customer_id else command("doctor")
    return _alert(AlertKind.WORKER, customer_id, period, content, text, todo, at)


def of_report(customer_id: str, period: Period, number: int, text: str, at: datetime, todo: str = "") -> Alert:
    """Something that people ought to know; ``number`` tells two of the same text apart. ``todo`` is the command."""
    words = ("show", customer_id) if customer_id else ("reconcile",)
    todo = todo or command(*words, period=period)
    return _alert(AlertKind.REPORT, customer_id, period, f"{number}{text}", text, todo, at)


def untellable(alert: Alert, error: Exception) -> Alert:
    """Instead of an alert that cannot be written: nothing of it but whose it is."""
    text = f"an alert about this cannot be told as it is ({type(error).__name__}); look at it, and tell the developers"
    plain = of_report(alert.customer_id, alert.period, 0, text, alert.at)
    return plain.evolve(alert_id=alert.alert_id, kind=alert.kind)


def unreadable(failed: Failed, period: Period, at: datetime) -> Alert:
    """Instead of an alert that cannot be read in the ledger."""
    text = f"an alert of {failed.customer_id or 'nobody'} cannot be read in the ledger's outbox: {failed.reason}"
    return of_report("", period, 0, text, at)


def of_lost_event(event_id: str, payment_id: str, received_at: Instant, why: str, at: datetime) -> Alert:
    """What a processor's event told could not be looked up, and is not tried any more."""
    period = Period.at(received_at, "UTC")
    about = f"payment {payment_id}" if payment_id else "a card that was registered"
    text = f"event {event_id} about {about} could not be handled and is given up: {why}. Try again by the command"
    finish = ("customers", "registrations", "--finish")
    todo = command("reconcile", period=period) if payment_id else command(*finish)
    return _alert(AlertKind.REPORT, "", period, f"lost event {event_id}", text, todo, at)


def _about(record: Month | Collection, kind: AlertKind, content: str, text: str, todo: str, at: datetime) -> Alert:
    amount_minor: int | None = None
    if isinstance(record, Collection):
        amount_minor = record.outstanding_minor or None
    elif record.invoice is not None:
        amount_minor = record.invoice.total_minor
    currency = record.currency if isinstance(record, Collection) else record.customer.currency
    alert = _alert(kind, record.customer.customer_id, record.period, content, text, todo, at)
    return alert.evolve(amount_minor=amount_minor, currency=currency)


def _alert(
    kind: AlertKind, customer_id: str, period: Period, content: str, text: str, todo: str, at: datetime
) -> Alert:
    """``content`` tells it from others of its kind."""
    name = alert_id(kind, customer_id, period, content)
    return Alert(alert_id=name, kind=kind, customer_id=customer_id, period=period, text=text, command=todo, at=at)


def _kind(unresolved: bool, halted: bool) -> AlertKind:
    return AlertKind.UNRESOLVED if unresolved else AlertKind.HALTED if halted else AlertKind.PERSON


def _to_type(record: Month | Collection, *words: str) -> str:
    return command(*words, record.customer.customer_id, period=record.period)


def _to_decide(record: Month | Collection, *words: str, options: tuple[str, ...] = ()) -> str:
    return command(*words, record.customer.customer_id, period=record.period, decided=True, options=options)


def _what_waits(month: Month, at: datetime) -> str:
    """As the month says; of rows that cannot be read, not the first only."""
    problems = month.invoice.problems if month.invoice and not (month.halt or month.failure) else ()
    waits_for = month.waits_for(at)
    told = [waits_for.text if waits_for else "nothing waits any more"]
    told += [UnreadableRow(problem).text for problem in problems[1:_ROWS_AT_MOST]]
    more = len(problems) - _ROWS_AT_MOST
    return "; ".join(told + ([f"and {more} more rows"] if more > 0 else []))


def _what_helps(month: Month, at: datetime) -> str:
    """The command that would let the month go on, as far as one is known."""
    invoice = month.invoice
    if month.halt or month.failure:
        return _to_decide(month, "resume")
    if invoice and invoice.problems:
        return _to_decide(month, "edit", options=("--change", f"{invoice.problems[0].line_id}=AMOUNT"))
    if month.stage(at) is Stage.AWAITING_APPROVAL:
        if month.awaits_amount:
            return _to_decide(month, "edit", options=("--add", "TEXT=AMOUNT"))
        return _to_decide(month, "approve")
    return _to_type(month, "show")


def what_helps_collecting(collection: Collection, at: datetime) -> str:
    """The same for a collection."""
    if collection.brake and not collection.halt:
        return command("brake", "off", decided=True)
    show = _to_type(collection, "collections", "show")
    return show if collection.unresolved and not collection.failure else next(_accepted(collection, at), show)


def _accepted(collection: Collection, at: datetime) -> Iterator[str]:
    """The commands that would be accepted now."""
    transfer = {"amount_minor": 1, "reference": "REFERENCE"}
    for name, fields in {"resume": {}, "retry": {}, "record_payment": transfer, "write_off": {}}.items():
        said = parse_command(name, [{"by": "YOU", "reason": "WHY", **fields}], COLLECTION_COMMANDS)
        if decide(collection, said, at, "mail").refusal is None:
            options = ("--amount", "AMOUNT", "--reference", "REFERENCE") if fields else ()
            yield _to_decide(collection, "collections", name.replace("_", "-"), options=options)
