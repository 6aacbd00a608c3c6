"""Values of rows, from values of the domain."""

from datetime import datetime
from typing import Any

from adapters.sql.schema.months import charges
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.customers.customer import Customer
from billing.invoices.approval_policy import flags
from billing.invoices.invoice import LineItem, Problem
from billing.invoices.month import Month
from billing.mails.mail import CustomerMail, MessageStatus, RenderedMail, StepMail
from billing.payments.payment import Payment, PaymentEvent, Reversal
from billing.reviewers.alerts import Alert


def customer_values(customer: Customer) -> dict[str, Any]:
    models = {name: getattr(customer, name).model_dump(mode="json") for name in ("payment_method", "terms")}
    return {**dict(customer), **_lookup_values(customer), **models}


DISTINCT = ("email_key", "payer_id", "card_id")
"""What no two customers may share."""


def distinct_values(customer: Customer) -> dict[str, str]:
    """What the customer has of it."""
    return {name: value for name, value in _lookup_values(customer).items() if value is not None}


def _lookup_values(customer: Customer) -> dict[str, str | None]:
    card_id = customer.card.card_id if customer.card else None
    return dict(zip(DISTINCT, (customer.email_key, customer.payer_id, card_id), strict=True))


def address_values(*known: Customer) -> list[dict[str, Any]]:
    """The present addresses of those who have one."""
    return [
        {"customer_id": customer.customer_id, "email_key": customer.email_key, "email": customer.email}
        for customer in known
        if customer.email
    ]


def invoice_values(month: Month, at: datetime) -> dict[str, Any]:
    """The month as it stands at ``at``."""
    invoice = month.invoice
    waits_for = None if month.closed else month.waits_for(at)
    return {
        **_key(month),
        "stage": month.stage(at),
        "currency": month.currency,
        "total_minor": invoice.total_minor if invoice else 0,
        "carried_minor": month.carried_minor,
        "version": invoice.version if invoice else 0,
        "digest": invoice.digest if invoice else "",
        "import_at": month.import_at,
        "notice_at": month.notice_at,
        "charge_at": month.charge_at,
        "outcome": month.outcome,
        "closed_at": month.closed.at if month.closed else None,
        "problems": len(invoice.problems) if invoice else 0,
        "revision": month.revision,
        "next_at": month.due(at).at,
        "state": month.model_dump(mode="json"),
        "updated_at": at,
        "flags": "".join(f"|{flag}" for flag in names) + "|" if (names := flags(month)) else "",
        "needs": waits_for.text if waits_for else None,
        "usual_minor": month.usual_minor,
    }


def version_values(month: Month, at: datetime) -> list[dict[str, Any]]:
    """The month's current version of its invoice, if it has one."""
    invoice = month.invoice
    if invoice is None:
        return []
    by = month.last_editor if invoice.version > 1 else None
    content = invoice.model_dump(mode="json")
    return [
        {**_key(month), "version": invoice.version, "digest": invoice.digest, "by": by, "at": at, "invoice": content}
    ]


def line_values(month: Month) -> list[dict[str, Any]]:
    """The invoice's lines, then the rows that cannot be read."""
    if month.invoice is None:
        return []
    items: tuple[LineItem | Problem, ...] = (*month.invoice.lines, *month.invoice.problems)
    return [
        {
            **_key(month),
            "position": position,
            "kind": "line" if isinstance(item, LineItem) else "problem",
            "line_id": item.line_id,
            "description": item.description,
            "amount_minor": item.amount_minor if isinstance(item, LineItem) else None,
            "sheet": item.source.sheet if item.source else None,
            "row": item.source.row if item.source else None,
            "digest": item.source.digest if item.source else None,
            "raw": item.raw if isinstance(item, Problem) else None,
            "reason": item.reason if isinstance(item, Problem) else None,
            **_tariff_values(item),
        }
        for position, item in enumerate(items, start=1)
    ]


def _tariff_values(item: LineItem | Problem) -> dict[str, Any]:
    source = item.tariff if isinstance(item, LineItem) else None
    return {
        "account": source.account if source else None,
        "tariff": source.tariff if source else None,
        "tariff_minor": source.amount_minor if source else None,
    }


def decision_values(month: Month) -> list[dict[str, Any]]:
    return [{**_key(month), **decision.model_dump()} for decision in month.decisions]


def charge_values(payment: Payment, at: datetime) -> dict[str, Any]:
    return {name: value for name, value in payment if name in charges.c} | {"first_at": at, "at": at}


def reversal_values(reversal: Reversal, payment: Payment, at: datetime) -> dict[str, Any]:
    return {**dict(reversal), "customer_id": payment.customer_id, "period": payment.period, "at": at}


def collection_values(collection: Collection, at: datetime) -> dict[str, Any]:
    """The collection as it stands at ``at``."""
    return {
        **_key(collection),
        "stage": collection.stage(at),
        "next_at": collection.due(at).at,
        "outcome": collection.outcome,
        "closed_at": collection.closed_at,
        "revision": collection.revision,
        "state": collection.model_dump(mode="json"),
        "updated_at": at,
    }


def debt_values(collection: Collection, debt: Debt, at: datetime) -> dict[str, Any]:
    """A debt of the collection as it stands at ``at``."""
    return {
        "customer_id": collection.customer_id,
        "period": debt.period,
        "collection": collection.period,
        "stage": collection.stage_of(debt, at),
        "currency": debt.currency,
        "amount_minor": debt.amount_minor,
        "outstanding_minor": debt.outstanding_minor,
        "opened_at": debt.opened_at,
        "next_at": None if debt.settled else collection.due(at).at,
        "outcome": debt.outcome,
        "closed_at": debt.settled.at if debt.settled else None,
        "is_tried": bool(debt.attempt and not collection.brake),
        "updated_at": at,
    }


def entry_values(collection: Collection) -> list[dict[str, Any]]:
    return [{**_key(collection), **entry.model_dump()} for entry in collection.entries]


def event_values(event: PaymentEvent, at: datetime) -> dict[str, Any]:
    return {**dict(event), "received_at": at, "result": None}


def message_values(
    mail: CustomerMail, number: int, status: MessageStatus, at: datetime, rendered: RenderedMail | None
) -> dict[str, Any]:
    return {
        **_key(mail.month),
        "message_id": mail.message_id,
        "kind": mail.kind,
        "number": number,
        "recipient": mail.to,
        "status": status,
        "at": at,
        "total_minor": mail.month.invoice.total_minor if mail.month.invoice else None,
        "subject": rendered.subject if rendered else "",
        "text": rendered.text if rendered else "",
        "asked_by": mail.asked_by,
        "asked_why": mail.asked_why,
    }


def step_message_values(mail: StepMail, status: MessageStatus, at: datetime) -> dict[str, Any]:
    values = mail.model_dump(include={"message_id", "kind", "customer_id", "subject", "text"})
    fixed = {"period": None, "total_minor": None, "number": 1}
    return {**values, **fixed, "recipient": mail.to, "status": status, "at": at}


def alert_values(alert: Alert) -> dict[str, Any]:
    values = dict(alert)
    del values["flags"]  # the invoice has them
    return {**values, "digest_id": None, "told_at": None}


def _key(record: Month | Collection) -> dict[str, str]:
    return {"customer_id": record.customer.customer_id, "period": record.period}
