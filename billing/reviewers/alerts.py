"""Alerts to the reviewers, one for each matter; a digest has many of them.

The same matter gives the same ``alert_id``, however often the activity that noticed it is retried.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum

from billing.apart import Failed
from billing.collections.collection import Collection
from billing.collections.commands import COLLECTION_COMMANDS, decide
from billing.collections.debt import Debt
from billing.commands import parse_command
from billing.invoices.month import Month
from billing.invoices.stages import Stage, UnreadableRow
from billing.keys import alert_id, customer_of
from billing.model import Code, Few, Id, Instant, Minor, Model, Words
from billing.money import format_amount
from billing.period import Period
from billing.progress import Stop
from billing.remedies import Remedy, RemedyAction

_ROWS_AT_MOST = 3


class AlertKind(StrEnum):
    """The subject of an alert, the most urgent first."""

    PERSON = "person"
    UNRESOLVED = "unresolved"
    HALTED = "halted"
    MONEY = "money"
    WORKS = "works"
    WORKER = "worker"
    REPORT = "report"
    DRAFT = "draft"


class Alert(Model):
    """One matter, with what a person can do about it; ``customer_id`` is "" if it concerns no customer, and
    ``order_number`` unless it is about an order.

    ``flags`` are those of its invoice when the digest is sent, such as ``|first|large|``.
    """

    alert_id: Code
    kind: AlertKind
    customer_id: Id
    period: Period
    order_number: Code = ""
    text: Words
    remedies: Few[Remedy]
    amount_minor: Minor | None = None
    currency: Code = ""
    at: Instant
    flags: Code = ""


class AlertRow(Alert):
    """An alert in the ledger, with its digest (None: none yet), and when that was sent."""

    digest_id: Code | None
    told_at: Instant | None


def of_month(month: Month, at: datetime) -> Alert:
    """``month`` needs a person; each reminder is another alert."""
    kind = _kind(month, month.stage(at) is Stage.UNRESOLVED)
    return _about(month, kind, str(month.alerts + 1), _what_waits(month, at), _what_helps(month, at), at)


def of_draft(month: Month, at: datetime) -> Alert:
    """The draft of ``month`` is ready for review."""
    return _about(month, AlertKind.DRAFT, "1", "draft", _remedy(month, RemedyAction.SHOW_MONTH), at)


def of_former_address(month: Month, at: datetime) -> Alert:
    """The draft of ``month`` has rows under a former address of the customer."""
    assert month.invoice is not None
    rows = month.invoice.former_rows
    listed = ", ".join(map(str, rows[:5])) + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")
    text = (
        f"of worksheet {month.period}, row {listed}: under an address that {month.customer.customer_id} had before; "
        "approve the draft if the rows are this customer's, else remove them; and correct the sheet"
    )
    return _about(month, AlertKind.REPORT, text, text, _remedy(month, RemedyAction.APPROVE), at)


def of_collection(collection: Collection, at: datetime, debt: Debt | None = None) -> Alert:
    """``collection`` needs a person, first for ``debt`` (None: the most urgent); each reminder is another alert."""
    debt = debt or collection.concern
    kind = _kind(collection, collection.unresolved)
    content, text = f"collection {collection.alerts + 1}", _text_of(collection.waits_for(at))
    return _about_debt(collection, debt, kind, content, text, _what_helps_collecting(collection, debt, at), at)


def of_news(collection: Collection, debt: Debt, at: datetime) -> Alert:
    """``debt`` is settled."""
    news, show = collection.news_of(debt), _of_debt(collection, debt, RemedyAction.SHOW_COLLECTION)
    return _about_debt(collection, debt, AlertKind.REPORT, f"collection {news}", news, show, at)


def of_broken_promise(collection: Collection, at: datetime) -> Alert:
    """The day is over by which payment was promised."""
    assert collection.promise is not None
    debt, text = collection.open_debts[0], f"{collection.promise_text}: that day is over, and the ladder goes on"
    show = _of_debt(collection, debt, RemedyAction.SHOW_COLLECTION)
    return _about_debt(collection, debt, AlertKind.REPORT, f"promise {collection.promise.at}", text, show, at)


def of_drift(month: Month, drift: str, at: datetime) -> Alert:
    """The sheet differs from the charge notice that was just sent."""
    text = (
        f"the sheet has changed since the import ({drift}); the charge notice went out as drafted. Refresh the "
        "draft before the charge, or the difference is on the next invoice"
    )
    return _about(month, AlertKind.REPORT, drift, text, _remedy(month, RemedyAction.REFRESH), at)


def of_unknown_balance(month: Month, unknown_minor: int, at: datetime) -> Alert:
    """The draft took over a balance that the ledger did not know, as after the restoration of a backup."""
    kind, amount = "debt" if unknown_minor > 0 else "credit", format_amount(abs(unknown_minor), month.currency)
    text = (
        f"the draft took over a {kind} of {amount} that the ledger did not know, as after the restoration of a backup; "
        "it is entered as an opening balance: compare it with the months before"
    )
    return _about(month, AlertKind.REPORT, text, text, _remedy(month, RemedyAction.SHOW_MONTH), at)


def of_worker(chain: str, at: datetime) -> Alert:
    """A worker cannot evict the workflow with the id ``chain``, and replaces itself; at most one alert an hour."""
    customer_id, period = customer_of(chain), Period.at(at, "UTC")
    text = (
        f"a worker could not let go of {chain} and has replaced itself, so that others go on with it. If that happens "
        "again, a step of this workflow stalls: the worker's log shows where"
    )
    action = RemedyAction.SHOW_MONTH if customer_id else RemedyAction.RUN_DOCTOR
    remedy = action.of(customer_id)
    return alert_of(AlertKind.WORKER, customer_id, period, f"{at:%Y-%m-%dT%H}{chain}", text, (remedy,), at)


def of_report(customer_id: str, period: Period, number: int, text: str, at: datetime, *remedies: Remedy) -> Alert:
    """Something that people should know; ``number`` tells two alerts of the same text apart."""
    action = RemedyAction.SHOW_MONTH if customer_id else RemedyAction.RECONCILE
    remedies = remedies or (action.of(customer_id, period),)
    return alert_of(AlertKind.REPORT, customer_id, period, f"{number}{text}", text, remedies, at)


def untellable(alert: Alert, error: Exception) -> Alert:
    """A substitute for an alert that cannot be rendered, with its customer and period only."""
    name = type(error).__name__
    text = f"an alert about this cannot be sent as written ({name}); look into the matter, and tell the developers"
    plain = of_report(alert.customer_id, alert.period, 0, text, alert.at)
    return plain.evolve(alert_id=alert.alert_id, kind=alert.kind)


def unreadable(failed: Failed, period: Period, at: datetime) -> Alert:
    """A substitute for an alert in the ledger that cannot be read."""
    text = f"an alert of {failed.customer_id or 'no customer'} cannot be read in the ledger's outbox: {failed.reason}"
    return of_report("", period, 0, text, at)


def of_lost_event(event_id: str, payment_id: str, received_at: Instant, why: str, at: datetime) -> Alert:
    """An event of the processor could not be handled, and is not retried any more. ``why`` is the last error."""
    period = Period.at(received_at, "UTC")
    about = f"payment {payment_id}" if payment_id else "a card that was registered"
    text = f"event {event_id} about {about} could not be handled and is given up: {why}. The command tries again"
    remedy = RemedyAction.RECONCILE.of(period=period) if payment_id else RemedyAction.FINISH_REGISTRATIONS.of()
    return alert_of(AlertKind.REPORT, "", period, f"lost event {event_id}", text, (remedy,), at)


def of_backlog(since: Instant, fault: str, at: datetime) -> Alert:
    """Other systems do not take the events of what was booked ``since`` then; at most one alert a day."""
    text = f"an event of {since:%Y-%m-%d %H:%M} UTC cannot be delivered, and is tried again until it can: {fault}"
    remedy = RemedyAction.RUN_DOCTOR.of()
    return alert_of(AlertKind.REPORT, "", Period.at(at, "UTC"), f"events {at:%Y-%m-%d}", text, (remedy,), at)


def _about(month: Month, kind: AlertKind, content: str, text: str, remedy: Remedy, at: datetime) -> Alert:
    alert = alert_of(kind, month.customer_id, month.period, content, text, (remedy,), at)
    amount_minor = month.invoice.total_minor if month.invoice else None
    return alert.evolve(amount_minor=amount_minor, currency=month.customer.currency)


def _about_debt(
    collection: Collection, debt: Debt, kind: AlertKind, content: str, text: str, remedy: Remedy, at: datetime
) -> Alert:
    alert = alert_of(kind, collection.customer_id, debt.period, content, text, (remedy,), at)
    return alert.evolve(amount_minor=debt.outstanding_minor or None, currency=debt.currency)


def alert_of(
    kind: AlertKind,
    customer_id: str,
    period: Period,
    content: str,
    text: str,
    remedies: tuple[Remedy, ...],
    at: datetime,
) -> Alert:
    """``content`` tells the alert from others of its kind."""
    name = alert_id(kind, customer_id, period, content)
    return Alert(alert_id=name, kind=kind, customer_id=customer_id, period=period, text=text, remedies=remedies, at=at)


def _kind(record: Month | Collection, is_unresolved: bool) -> AlertKind:
    return AlertKind.UNRESOLVED if is_unresolved else AlertKind.HALTED if record.halt else AlertKind.PERSON


def _text_of(stop: Stop | None) -> str:
    return stop.text if stop else "nothing needs a person any more"


def _remedy(month: Month, action: RemedyAction) -> Remedy:
    return action.of(month.customer_id, month.period)


def _of_debt(collection: Collection, debt: Debt, action: RemedyAction) -> Remedy:
    return action.of(collection.customer_id, debt.period)


def _what_waits(month: Month, at: datetime) -> str:
    """The text of ``waits_for``, with the first few unreadable rows instead of one."""
    problems = month.invoice.problems if month.invoice and not (month.halt or month.failure) else ()
    texts = [_text_of(month.waits_for(at)), *(UnreadableRow(problem).text for problem in problems[1:_ROWS_AT_MOST])]
    more = len(problems) - _ROWS_AT_MOST
    return "; ".join(texts + ([f"and {more} more rows"] if more > 0 else []))


def _what_helps(month: Month, at: datetime) -> Remedy:
    invoice = month.invoice
    if month.halt or month.failure:
        return _remedy(month, RemedyAction.RESUME)
    if invoice and invoice.problems:
        return _remedy(month, RemedyAction.CHANGE_LINE).evolve(line_ids=(invoice.problems[0].line_id,))
    if month.stage(at) is Stage.AWAITING_APPROVAL:
        return _remedy(month, RemedyAction.ADD_LINES if month.awaits_amount else RemedyAction.APPROVE)
    return _remedy(month, RemedyAction.SHOW_MONTH)


def _what_helps_collecting(collection: Collection, debt: Debt, at: datetime) -> Remedy:
    if collection.brake and not collection.halt:
        return RemedyAction.RELEASE_BRAKE.of()
    show = _of_debt(collection, debt, RemedyAction.SHOW_COLLECTION)
    is_known = collection.failure is not None or not collection.unresolved
    return next(_accepted(collection, debt, at), show) if is_known else show


def _accepted(collection: Collection, debt: Debt, at: datetime) -> Iterator[Remedy]:
    """The remedies that the collection would accept now."""
    for name, action in {"resume": RemedyAction.RESUME_COLLECTION, "retry": RemedyAction.RETRY_COLLECTION}.items():
        given = {"by": "YOU", "reason": "WHY", "period": debt.period}
        if decide(collection, parse_command(name, [given], COLLECTION_COMMANDS), at, "mail").refusal is None:
            yield _of_debt(collection, debt, action)
    if not debt.settled and not debt.release:
        owed = {"amount_minor": debt.outstanding_minor, "currency": debt.currency}
        yield _of_debt(collection, debt, RemedyAction.RECORD_PAYMENT).evolve(**owed)
        yield _of_debt(collection, debt, RemedyAction.WRITE_OFF)
