"""Workflow ids, billing keys, idempotency keys and Message-IDs: all of them, versioned, from business ids only.

Run ids and activity attempts never enter a key: both change when work is repeated, and a repeat must find the same key.
"""

import hashlib

from billing.period import Period

_VERSION = "v1"


def workflow_id(customer_id: str) -> str:
    """One workflow per customer, the same id in every month."""
    return f"monthly-billing-{_VERSION}-{customer_id}"


def customer_of(chain: str) -> str:
    """The customer whose workflow has this id; "" if it is none of ours."""
    prefix = workflow_id("")
    return chain.removeprefix(prefix) if chain.startswith(prefix) else ""


def collection_id(customer_id: str, period: Period) -> str:
    """One workflow for each month that was not paid when it was charged."""
    return f"payment-collection-{_VERSION}-{customer_id}-{period}"


def digest_workflow_id() -> str:
    """One workflow tells the reviewers, for all customers."""
    return f"reviewer-digest-{_VERSION}"


def alert_id(kind: str, customer_id: str, period: Period, content: str) -> str:
    """Names one matter that reviewers are told of: the same for a repeat, another one for what says something else."""
    return hashlib.sha256(f"{_VERSION}|alert|{kind}|{customer_id}|{period}|{content}".encode()).hexdigest()[:32]


def digest_message_id(digest_id: str, domain: str) -> str:
    """The Message-ID of the mail that tells a digest."""
    return f"<{digest_id}@{domain}>"


def payment_key(customer_id: str, period: Period, series: int = 1) -> str:
    """Names the one payment of a customer and period; kept in the payment's metadata at the processor.

    Another ``series`` begins when the customer gets another id at the processor, once all payments of the last one are
    cancelled there.
    """
    return f"monthly-billing-{_VERSION}:{customer_id}:{period}{f':{series}' if series > 1 else ''}"


def create_key(payment_key: str, payer_id: str, serial: int = 1) -> str:
    """Idempotency key of the request that creates the payment. Confirming needs none: a payment succeeds once.

    It names all of the request that may change; the next ``serial`` is for when a failure of the last is remembered.
    """
    return f"{payment_key}:create:{payer_id}{f':{serial}' if serial > 1 else ''}"


def registration_key(registration_id: str, asked: str, serial: int = 1) -> str:
    """Idempotency key of the request that makes a registration's customer at the processor.

    ``asked`` is all of the request that an operator may correct before a repeat; ``serial`` as in ``create_key``.
    """
    digest = hashlib.sha256(asked.encode()).hexdigest()[:16]
    return f"registration-{_VERSION}:{registration_id}:{digest}{f':{serial}' if serial > 1 else ''}"


def message_id(kind: str, customer_id: str, period: Period, content: str, domain: str) -> str:
    """The Message-ID of a mail: the same for a repeat of one mail, another for a mail that says something else."""
    seed = f"{_VERSION}|{kind}|{customer_id}|{period}|{content}"
    return f"<{hashlib.sha256(seed.encode()).hexdigest()[:32]}@{domain}>"
