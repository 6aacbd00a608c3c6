"""All workflow ids, payment keys, idempotency keys and Message-IDs: versioned, and made of business ids only.

Run ids and activity attempts never enter a key: both change when work is repeated, and a repeat needs the same key.
"""

import hashlib
from datetime import datetime

from billing.period import Period

_VERSION = "v1"


def workflow_id(customer_id: str) -> str:
    """The id of a customer's workflow, in every month."""
    return f"monthly-billing-{_VERSION}-{customer_id}"


def customer_of(chain: str) -> str:
    """The customer of the workflow with this id; "" if it bills no customer."""
    prefix = workflow_id("")
    return chain.removeprefix(prefix) if chain.startswith(prefix) else ""


def collection_id(customer_id: str) -> str:
    """The id of the workflow that collects what a customer has not paid when it was charged, in every month."""
    return f"payment-collection-{_VERSION}-{customer_id}"


def order_workflow_id(number: str) -> str:
    """The id of the workflow that looks after an order."""
    return f"order-fulfilment-{_VERSION}-{number}"


def digest_workflow_id() -> str:
    """The id of the one workflow that notifies the reviewers, for all customers."""
    return f"reviewer-digest-{_VERSION}"


def alert_id(kind: str, customer_id: str, period: Period, content: str) -> str:
    """Names one matter for the reviewers; a repeat has the same id, other content another."""
    return hashlib.sha256(f"{_VERSION}|alert|{kind}|{customer_id}|{period}|{content}".encode()).hexdigest()[:32]


def digest_message_id(digest_id: str, domain: str) -> str:
    """The Message-ID of a digest's mail."""
    return f"<{digest_id}@{domain}>"


def rung_id(customer_id: str, since: datetime, rung: str) -> str:
    """Names one rung of the ladder that an account began to walk with the debt of ``since``; it is done once."""
    return f"ladder-{_VERSION}:{customer_id}:{since:%Y%m%dT%H%M%SZ}:{rung}".replace(" ", ":")


def payment_key(customer_id: str, period: Period, series: int = 1) -> str:
    """Names the one payment of a customer and period; kept in the payment's metadata at the processor.

    A new ``series`` begins only once all payments of the one before are cancelled there: after the emergency brake has
    ended a charge, or when the customer gets another id at the processor.
    """
    return f"monthly-billing-{_VERSION}:{customer_id}:{period}{f':{series}' if series > 1 else ''}"


def create_key(payment_key: str, payer_id: str, serial: int = 1) -> str:
    """Idempotency key of the request that creates the payment. Confirming needs none: a payment succeeds once.

    It covers every part of the request that may change; the next ``serial`` is for a request that the processor only
    answers with an earlier failure.
    """
    return f"{payment_key}:create:{payer_id}{f':{serial}' if serial > 1 else ''}"


def refund_key(instruction_id: str, serial: int = 1) -> str:
    """Idempotency key of the request that gives money back, once for each instruction; ``serial`` as in ``create_key``.

    Without a serial it names the refund, in its metadata at the processor.
    """
    return f"refund-{_VERSION}:{instruction_id}{f':{serial}' if serial > 1 else ''}"


def order_refund_id(order: str, rail: str, digest: str) -> str:
    """The id of the instruction that gives a payment of a cancelled order back: one for each payment of each order."""
    return hashlib.sha256(f"{_VERSION}|order-refund|{order}|{rail}|{digest}".encode()).hexdigest()[:32]


def checkout_key(customer_id: str, subject: object, number: int) -> str:
    """Names the ``number``-th payment link of a customer for a subject, and its payment at the processor."""
    return f"payment-link-{_VERSION}:{customer_id}:{subject}:{number}".replace(" ", ":")


def registration_key(registration_id: str, content: str, serial: int = 1) -> str:
    """Idempotency key of the request that creates a registration's customer at the processor.

    ``content`` is every part that an operator may correct before a repeat; ``serial`` as in ``create_key``.
    """
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return f"registration-{_VERSION}:{registration_id}:{digest}{f':{serial}' if serial > 1 else ''}"


def message_id(kind: str, customer_id: str, period: Period, content: str, domain: str) -> str:
    """The Message-ID of a mail to a customer; a repeat has the same one, other content another."""
    seed = f"{_VERSION}|{kind}|{customer_id}|{period}|{content}"
    return f"<{hashlib.sha256(seed.encode()).hexdigest()[:32]}@{domain}>"


def step_message_id(number: str, position: int, domain: str) -> str:
    """The Message-ID of the mail about a step of a service order, to whatever address it goes."""
    return f"<{hashlib.sha256(f'{_VERSION}|step|{number}|{position}'.encode()).hexdigest()[:32]}@{domain}>"


def text_id(kind: str, customer_id: str, period: str, content: str) -> str:
    """Our id of a text to a customer, in letters and digits; a repeat has the same one, other content another."""
    return hashlib.sha256(f"{_VERSION}|text|{kind}|{customer_id}|{period}|{content}".encode()).hexdigest()[:32]


def announcement_text_id(number: int, phone: str) -> str:
    """Our id of the text by which a number is told of planned works, whoever's it is: no number is told twice."""
    return text_id("announcement", "", "", f"{number}|{phone}")
